"""Several processes on one database: who lives, who works at what, and what they tell each other.

- A *lease* (`Leases`) lets a process act for a number of a kind: a shard, a slot of hosts, upkeep. It lasts
  for 15 s of the database's clock and is renewed every 5. Who couldn't renew for 10 s of its own clock stops
  by itself. What is free is shared out: `leases.share(Share("shard", Role.GATEWAY, numbers, even=False))`;
  `leases.listen("shard", heard)` tells what was gained and lost, `leases.held("shard")` what may be done.
- A *fence* (`leases.fence("shard", 3)`) goes along with what is written for a lease: the transaction ends
  with `LeaseLost` where that is another's by then. Writes come one after the other, so nobody has to count
  owners (an "epoch"). It is None where leases never end, as on SQLite.
- A lease is *handed over* to a process by name, once nothing is done for it any more; *given back* to whoever
  comes; *lost* where it ended or may have. `leases.able(Role.GATEWAY, now=False)`: give us none for now.
- A *notice* (`ClusterEvents`; NOTIFY, sent by triggers of migration 0042) is a reason to look: `leases` given
back,
  `outbox` a dispatch is owed, `feeds` one is due sooner. It may be missed: each looks by itself every few
  seconds too. An *inquiry* (`PeerQueries`) asks whoever has a server's shard what only that process knows.
"""
