"""Functions on the client address of a request to the bot's HTTP server."""

from collections.abc import Collection
from ipaddress import IPv6Address, ip_address

from aiohttp import web

from bot.core.settings import Network


def resolve_client_address(request: web.Request, trusted_proxies: Collection[Network]) -> str:
    """Return the client address: the last address in `X-Forwarded-For` that is not a trusted proxy.

    The header is believed only as far as trusted proxies passed it on.
    """
    forwarded_for = ",".join(request.headers.getall("X-Forwarded-For", ()))
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    client_address = request.remote or ""
    while hops and _is_in_networks(client_address, trusted_proxies):
        client_address = hops.pop()
    return client_address


def _is_in_networks(address: str, networks: Collection[Network]) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return any(ip in network for network in networks)
