"""What the processes on one database share: leases, Discord's shards, the budget of requests to Discord."""
