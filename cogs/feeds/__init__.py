"""Commands for the feeds that a server follows: /feed and /why."""
