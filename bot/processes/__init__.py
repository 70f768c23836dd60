"""Several processes on one database: who lives, and who works at what.

In: a store and the roles of this process. Out: `Leases`, which tells what this process has and when that
changes, and `Notices`, which tells that another process wrote something.

How to share a kind of work (shards, say): `leases.share(Share("shard", Role.GATEWAY, numbers, even=False))`
once the numbers are known, `leases.listen("shard", heard)` to be called with what was gained and lost, and
`leases.held("shard")` wherever something is decided. What is written for a lease is fenced:
`leases.fence("shard", 3)` is handed to the store, which refuses the transaction (`LeaseLost`) where it is
another's by then. It is None where leases never end, as on SQLite. `leases.able(Role.GATEWAY, now=False)`
takes a process out of the dividing, `leases.hand_over("shard", 3, other)` gives one away in order. A process
that cannot renew its leases loses all of them before they end; it gets others when the database is back. On
PostgreSQL triggers send the notices (migration 0042): `leases` given back, `outbox` a dispatch is owed,
`feeds` one is due sooner or is followed. A notice is a reason to look, never the truth: each process looks by
itself every few seconds too.
"""
