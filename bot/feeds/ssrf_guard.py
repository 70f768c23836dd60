"""Protection against requests to private addresses (SSRF), with exceptions from a setting."""

import errno
import re
import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from yarl import URL

from bot.feeds.fetch_errors import BAD_URL, FeedError

Network = IPv4Network | IPv6Network
AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
"""Tuple (family, type, protocol, canonical name, socket address), as `getaddrinfo` returns it."""
SocketFactory = Callable[[AddressInfo], socket.socket]
"""Function that makes the socket for a connection to an address, or raises an error to refuse it."""

_NORMALIZED_URL_PATTERN = re.compile(
    r"(https?)://([a-z0-9.-]+(?::[1-5]?[0-9]{1,4})?)"
    r"((?:/[A-Za-z0-9_~!$&'()*+,;=:@-][A-Za-z0-9_~!$&'()*+,;=:@.-]*)*/?)"
    r"(?:\?([A-Za-z0-9_~!$&'()*,;=:@./-]*))?"
)
"""Pattern of URLs that need no normalisation: no percent signs, dot segments or empty segments.

Its groups are the scheme, the host with the port, the path, and the query.
"""

REFUSAL_TEXT = "private address"
"""Text of the error that a refused connection raises."""

_IPV4_EMBEDDING_NETWORKS = (
    (IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped (RFC 4291)
    (IPv6Network("::/96"), 0),  # IPv4-compatible (RFC 4291, deprecated)
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64 (RFC 6052)
    (IPv6Network("2002::/16"), 80),  # 6to4 (RFC 3056)
)
"""IPv6 networks that embed an IPv4 address, with its offset from the right in bits."""
_ISATAP_IDENTIFIERS = {0x00005EFE, 0x02005EFE}
"""Values of the third 32 bits of an IPv6 address that ends in an IPv4 address (RFC 5214)."""
_BLOCKED_NETWORKS = (
    IPv6Network("64:ff9b:1::/48"),  # NAT64 of a local network (RFC 8215)
    IPv6Network("fec0::/10"),  # site-local (RFC 3879)
    IPv6Network("2001::/23"),  # Teredo and other protocols (RFC 2928)
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
    IPv4Network("192.88.99.0/24"),  # 6to4 relays (RFC 7526)
)


def get_refusal_reason(address: str, allowed_networks: Sequence[Network] = ()) -> str | None:
    """Return why a connection to an IP address is refused, or None if it is allowed.

    `ipaddress.is_global` alone lets multicast, NAT64, 6to4 and site-local addresses through; an IPv4 address
    inside an IPv6 address is unwrapped first. `allowed_networks` are exceptions.
    """
    try:
        parsed_address = ip_address(address.partition("%")[0])
    except ValueError:
        return "not an IP address"
    unwrapped_address = _unwrap_ipv4(parsed_address)
    if any(candidate in network for network in allowed_networks for candidate in (parsed_address, unwrapped_address)):
        return None
    if (
        not unwrapped_address.is_global
        or unwrapped_address.is_multicast
        or unwrapped_address.is_reserved
        or unwrapped_address.is_unspecified
    ):
        return f"{unwrapped_address} is a private or special address"
    if any(candidate in network for network in _BLOCKED_NETWORKS for candidate in (parsed_address, unwrapped_address)):
        return f"{parsed_address} is a private or special address"
    return None


def _unwrap_ipv4(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv4Address):
        return address
    address_number = int(address)
    for network, shift in _IPV4_EMBEDDING_NETWORKS:
        if address in network:
            return IPv4Address(address_number >> shift & 0xFFFFFFFF)
    if address_number >> 32 & 0xFFFFFFFF in _ISATAP_IDENTIFIERS:
        return IPv4Address(address_number & 0xFFFFFFFF)
    return address


def check_url(url: str) -> URL:
    """Return the parsed URL if it is an http(s) URL with a host; its address is checked when connecting.

    Raises FeedError (bad-url) for any other text.
    """
    if match := _NORMALIZED_URL_PATTERN.fullmatch(url):  # Parsing again what the pattern split would take most time.
        scheme, authority, path, query = match.groups("")
        return URL.build(scheme=scheme, authority=authority, path=path, query_string=query, encoded=True)
    try:
        parsed_url = URL(url)
    except ValueError as error:
        raise FeedError(BAD_URL, "not a URL") from error
    if parsed_url.scheme not in {"http", "https"}:
        raise FeedError(BAD_URL, f"scheme {parsed_url.scheme[:20]!r}")
    if not parsed_url.raw_host:  # `host` is slow, as it decodes IDNA
        raise FeedError(BAD_URL, "no host")
    return parsed_url


def make_socket_factory(allowed_networks: Sequence[Network]) -> SocketFactory:
    """Return a socket factory for `aiohttp.TCPConnector` that refuses private addresses.

    The factory gets the address of each connection, also after redirects and DNS responses. It raises
    PermissionError with `REFUSAL_TEXT` for a private or special address.
    """

    def make_socket(address_info: AddressInfo) -> socket.socket:
        family, socket_type, protocol, _canonical_name, socket_address = address_info
        if get_refusal_reason(str(socket_address[0]), allowed_networks) is not None:
            raise PermissionError(errno.EACCES, REFUSAL_TEXT)
        return socket.socket(family, socket_type, protocol)

    return make_socket
