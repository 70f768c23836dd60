"""Discord's shards: which of them this process connects, when each may begin, and how they find to others.

In: leases of the database (`bot/processes`) and what Discord allows. Out: connected shards whose servers this
process serves. A shard is *held* while its lease is this process's, *connected* while discord.py has a socket
for it, and *served* (`store.shards`) from when it is ready: then this process posts and decides for its
servers. It is *handed over* to a process by name where somebody has fewer (`shard_balance`), or this one is
to end, or can't connect it (`gateway_probe`): it is served no more, what is being sent ends, its connection
is closed, and its lease changes its owner. It is *lost* where its lease ended: then the whole client closes.
"""
