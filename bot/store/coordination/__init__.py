"""Repositories of what the processes on one database share: leases, Discord's shards, the request budget.

A lease is the temporary right of one process to do a part of the work.
"""
