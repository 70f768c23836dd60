"""Discord's shards: which of them this process connects, when each may begin, and how they find to others.

In: leases of the database and what Discord allows. Out: connected shards whose servers this process serves.
"""
