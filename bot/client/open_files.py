"""Limit of the files and connections that this process may have open at a time."""

import resource

MAX_OPEN_FILES = 65_536
"""Highest limit that is asked for; on some systems the hard limit is infinite, but the soft one can't be."""


def raise_open_file_limit() -> None:
    """Raise the soft limit of open files to the hard limit, at most to `MAX_OPEN_FILES`; never lower it."""
    soft_limit, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted_limit = MAX_OPEN_FILES if hard_limit == resource.RLIM_INFINITY else min(hard_limit, MAX_OPEN_FILES)
    if soft_limit != resource.RLIM_INFINITY and soft_limit < wanted_limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted_limit, hard_limit))
