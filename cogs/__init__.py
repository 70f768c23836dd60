"""What people can do in Discord: options in, one call into `bot`, an answer out."""
