"""Hosts on a fixed number of slots, which processes share."""

from zlib import crc32

HOST_SLOT_COUNT = 64
"""More than processes ever share; a host is always on the same one, in every process and version."""


def host_name(url: str) -> str:
    """The host's name in a normal address."""
    # The addresses of feeds and articles are normal already; `urls.host` is ten times as slow.
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0]


def host_slot(url: str) -> int:
    """The slot of an address's host."""
    return host_slot_for_name(host_name(url))


def host_slot_for_name(name: str) -> int:
    """The slot of a host."""
    return crc32(name.encode("utf-8", "surrogatepass")) % HOST_SLOT_COUNT
