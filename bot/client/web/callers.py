"""Who asks the bot's own HTTP server."""

from ipaddress import ip_address

from aiohttp import web


def address(request: web.Request) -> str:
    """The caller's address: where a web server beside the bot passes requests on, the one that it names."""
    remote = request.remote or ""
    try:
        is_beside = ip_address(remote).is_private
    except ValueError:
        is_beside = False
    forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return (forwarded if is_beside else "") or remote
