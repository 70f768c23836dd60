"""Mapping of hosts to a fixed number of slots, which processes share."""

from zlib import crc32

HOST_SLOT_COUNT = 64
"""Host slots, more than there are processes; the mapping is the same in every process and version."""


def get_host_name(url: str) -> str:
    """Return the host name of a canonical URL."""
    # URLs of feeds and articles are canonical already; `urls.parse_host` is ten times slower.
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0]


def get_host_slot(url: str) -> int:
    """Return the slot of a URL's host."""
    return get_host_slot_for_name(get_host_name(url))


def get_host_slot_for_name(name: str) -> int:
    """Return the slot of a host."""
    return crc32(name.encode("utf-8", "surrogatepass")) % HOST_SLOT_COUNT
