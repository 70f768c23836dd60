"""Address of the client of a request to the bot's HTTP server, perhaps behind trusted proxies."""

from collections.abc import Collection
from ipaddress import IPv6Address, ip_address

from aiohttp import web

from bot.core.configuration.settings import Network


def resolve_client_address(request: web.Request, trusted_proxies: Collection[Network]) -> str:
    """Return the peer's address or, if the peer is a trusted proxy, that of its client by `X-Forwarded-For`.

    That is the last address in the header that is not a trusted proxy, or the first if all are.
    """
    forwarded_for = ",".join(request.headers.getall("X-Forwarded-For", ()))
    forwarded_addresses = [address.strip() for address in forwarded_for.split(",") if address.strip()]
    client_address = request.remote or ""
    while forwarded_addresses and _is_in_networks(client_address, trusted_proxies):
        client_address = forwarded_addresses.pop()
    return client_address


def _is_in_networks(address: str, networks: Collection[Network]) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return any(ip in network for network in networks)
