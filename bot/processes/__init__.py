"""Coordination of several processes on one database: leases, cluster events, peer queries.

- A *lease* (`Leases`) lets a process act for a number of a kind: a shard, a host slot (a group of hosts to
  poll), the upkeep. It lasts 15 s by the database's clock and is renewed every 5 s. A process that could not
  renew for 10 s by its own clock stops acting. Free leases are shared out evenly or by demand within a
  `LeasePool`; `add_listener` reports what was gained and lost, `get_owned_numbers` what may be acted for.
- A *fence* (`Leases.build_fence`) accompanies writes under a lease: the transaction fails with `LeaseLost` if
  another process owns it by then. Writes are serialised, so no epoch is needed. It is None where leases never
  end, as on SQLite.
- A lease is *transferred* to a process by name once nothing acts for it any more, *released* to anyone, or
  *lost* when it expired or may have. `set_available(role, is_available=False)` stops taking leases of a role.
- A *cluster event* (`ClusterEvents`; NOTIFY, sent by triggers of the schema or by a process) is a reason to look:
  `leases` may have become free, a dispatch waits in the `outbox`, one of the `feeds` is due sooner. Events may
  be missed, so every process also looks every few seconds. A *peer query* (`PeerQueries`) asks the process
  that has a server's shard for what only it knows.
"""
