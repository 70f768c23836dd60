"""The heap of a process that runs for weeks: settings of the C library that keep freed memory from piling up."""

import ctypes
from contextlib import suppress

_M_TRIM_THRESHOLD = -1
"""Parameter of mallopt(3): the free memory above which the heap shrinks (malloc.h)."""
_M_MMAP_THRESHOLD = -3
"""Parameter of mallopt(3): the size from which memory is mapped (malloc.h)."""
_M_ARENA_MAX = -8
"""Parameter of mallopt(3): the maximum number of arenas (malloc.h)."""
_TRIM_THRESHOLD_BYTES = 2**17
"""Minimum number of freed bytes that are returned to the system."""


def tune_heap() -> None:
    """Make glibc use one heap for all threads and return large freed blocks to the system (mallopt(3)).

    Memory that one thread freed would not be reused by the others, and the interpreter's lock keeps them from
    competing for one heap. By default, glibc's thresholds grow with the largest documents. Other C libraries
    lack these settings, and nothing is changed.
    """
    with suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_ARENA_MAX, 1)
        libc.mallopt(_M_MMAP_THRESHOLD, _TRIM_THRESHOLD_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _TRIM_THRESHOLD_BYTES)


def release_free_memory() -> None:
    """Return the free pages between live blocks of glibc's heap to the system (malloc_trim(3)).

    glibc itself only returns the end of the heap. Allocations of all threads wait meanwhile: about a
    millisecond for a heap of 40 MB. With another C library, nothing happens.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
