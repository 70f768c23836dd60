"""Discord shards: which of them this process connects, when each may identify, and how they are transferred.

Input: leases of the database (`bot/processes`) and Discord's limits. Output: connected shards whose servers
this process serves. To identify is to start the session of a shard. A shard is *owned* while this process has
its lease, *connected* while discord.py has a socket for it, and *served* (`store.shards`) from when it is
ready: then this process posts to its servers. It is *handed over* to a named process that has fewer
(`shard_balance`), or when this process ends or cannot connect it (`gateway_probe`): it is no longer served,
running sends end, its connection is closed, and its lease is transferred. It is *lost* when its lease
expired: then the whole client closes.
"""
