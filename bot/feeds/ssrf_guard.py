"""Protection against requests to private addresses (SSRF), with exceptions from a setting."""

import errno
import re
import socket
from collections.abc import Callable, Sequence
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple

from yarl import URL

from bot import DATA
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

_ISATAP_IDENTIFIERS = {0x00005EFE, 0x02005EFE}
"""Values of the third 32 bits of an IPv6 address that ends in an IPv4 address (RFC 5214)."""


class SpecialNetwork(NamedTuple):
    """A network that is reachable ("yes") or not ("no"), or whose addresses are if the IPv4 address in them is.

    For the latter, `reachability` is the number of bits to the right of the IPv4 address.
    """

    network: Network
    reachability: str
    name: str


@cache
def list_special_networks() -> tuple[SpecialNetwork, ...]:
    """Return the networks of `special_networks.tsv`, smaller ones before those that contain them."""
    lines = (DATA / "special_networks.tsv").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    networks = [
        SpecialNetwork(ip_network(network), reachability, name) for network, reachability, name, _source in rows
    ]
    return tuple(sorted(networks, key=lambda special_network: -special_network.network.prefixlen))


def get_refusal_reason(address: str, allowed_networks: Sequence[Network] = ()) -> str | None:
    """Return why a connection to an IP address is refused, or None if it is allowed.

    An IPv6 address that embeds IPv4 addresses is allowed only if they are and it is itself, except in networks that
    do nothing but embed. `allowed_networks` are exceptions for each of these addresses.
    """
    try:
        parsed_address = ip_address(address.partition("%")[0])
    except ValueError:
        return "not an IP address"
    for judged_address in (parsed_address, *_list_embedded_addresses(parsed_address)):
        special_network = _find_special_network(judged_address)
        if special_network is None or special_network.reachability != "no":
            continue
        if not any(judged_address in network for network in allowed_networks):
            return f"{judged_address} is a private or special address: {special_network.name}"
    return None


def _find_special_network(address: IPv4Address | IPv6Address) -> SpecialNetwork | None:
    return next((special for special in list_special_networks() if address in special.network), None)


def _list_embedded_addresses(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    if isinstance(address, IPv4Address):
        return []
    bits, shifts = int(address), []
    special_network = _find_special_network(address)
    if special_network is not None and special_network.reachability.isdecimal():
        shifts.append(int(special_network.reachability))
    if bits >> 32 & 0xFFFFFFFF in _ISATAP_IDENTIFIERS:
        shifts.append(0)
    return [IPv4Address(bits >> shift & 0xFFFFFFFF) for shift in shifts]


def check_url(url: str) -> URL:
    """Return the parsed URL if it is an http(s) URL with a host; its address is checked when connecting.

    Raises FeedError (bad-url) for any other text.
    """
    if match := _NORMALIZED_URL_PATTERN.fullmatch(url):  # Parsing again what the pattern split would take most time.
        scheme, authority, path, query = match.groups("")
        return URL.build(scheme=scheme, authority=authority, path=path, query_string=query, encoded=True)
    try:
        parsed_url = URL(url)
    except (ValueError, IndexError) as error:  # yarl raises the latter for `http://[::1]@/`.
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
