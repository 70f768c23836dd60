"""Mapping of hosts to host slots, a fixed number of groups: each is leased by the process that polls its hosts."""

from zlib import crc32

HOST_SLOT_COUNT = 64
"""Number of groups (slots) that hosts are hashed to, the same in every process and version.

There are more slots than processes; each slot is leased by one process.
"""


def get_host_name(url: str) -> str:
    """Return the host name of a canonical URL; of an IPv6 address, only the part before its first colon."""
    # URLs of feeds and articles are canonical already; `urls.parse_host` is ten times slower.
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0]


def get_host_slot(url: str) -> int:
    """Return the slot, from 0 to `HOST_SLOT_COUNT` - 1, that the host of a canonical URL is hashed to."""
    return get_host_slot_for_name(get_host_name(url))


def get_host_slot_for_name(host_name: str) -> int:
    """Return the slot, from 0 to `HOST_SLOT_COUNT` - 1, that a host name is hashed to."""
    return crc32(host_name.encode("utf-8", "surrogatepass")) % HOST_SLOT_COUNT
