"""The client address of a request to the bot's HTTP server."""

from collections.abc import Collection
from ipaddress import IPv6Address, ip_address

from aiohttp import web

from bot.core.settings import Network


def address(request: web.Request, trusted_proxies: Collection[Network]) -> str:
    """Return the client address: the last one in `X-Forwarded-For` that is not a trusted proxy.

    The header is believed only as far as trusted proxies passed it on.
    """
    lines = ",".join(request.headers.getall("X-Forwarded-For", ()))
    hops = [hop.strip() for hop in lines.split(",") if hop.strip()]
    caller = request.remote or ""
    while hops and _is_in(caller, trusted_proxies):
        caller = hops.pop()
    return caller


def _is_in(address: str, networks: Collection[Network]) -> bool:
    try:
        known = ip_address(address)
    except ValueError:
        return False
    if isinstance(known, IPv6Address) and known.ipv4_mapped is not None:
        known = known.ipv4_mapped
    return any(known in network for network in networks)
