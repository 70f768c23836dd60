"""What a server follows: /feed and /why."""
