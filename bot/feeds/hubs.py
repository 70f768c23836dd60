"""Hubs that push what a feed publishes: WebSub, a W3C Recommendation (https://www.w3.org/TR/websub/)."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import NamedTuple

from bot.core.models import ParsedFeed
from bot.feeds.parsing.entries import absolute

ALGORITHMS = frozenset({"sha1", "sha256", "sha384", "sha512"})
"""Of signatures (section 7.1)."""
_MOST_LINKS = 20
_LINK = re.compile(r"<([^<>]{1,2048})>\s*((?:;\s*[\w*]+\s*=\s*(?:\"[^\"]{0,200}\"|[^\s\",;]{1,200})\s*)*)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s\",;]+))", re.IGNORECASE)


class Offer(NamedTuple):
    """A hub that a feed names, and what the feed is called there."""

    hub: str
    topic: str


def offered(headers: Mapping[str, str], parsed: ParsedFeed, url: str) -> Offer | None:
    """The hub of a feed that was found at an address; None where it has none.

    HTTP headers come before what the document says (section 4).
    """
    linked = _linked(headers, url)
    hub = linked.get("hub") or parsed.hub
    if hub is None:
        return None
    return Offer(hub, linked.get("self") or parsed.self_url or url)


def is_named(headers: Mapping[str, str], url: str) -> bool:
    """Whether HTTP headers of a feed name a hub."""
    return "hub" in _linked(headers, url)


def is_signed(signature: str | None, secret: str, body: bytes) -> bool:
    """Whether an `X-Hub-Signature` is that of a body with a secret (section 7.1)."""
    method, _, digest = (signature or "").strip().partition("=")
    if method.lower() not in ALGORITHMS:
        return False
    expected = hmac.new(secret.encode(), body, getattr(hashlib, method.lower())).hexdigest()
    return hmac.compare_digest(expected.encode(), digest.strip().lower().encode())


def _linked(headers: Mapping[str, str], url: str) -> dict[str, str]:
    """The addresses in `Link` headers by their relation (RFC 8288), the first of each."""
    found: dict[str, str] = {}
    lines = ", ".join(value for name, value in headers.items() if name.lower() == "link")
    for target, parameters in _LINK.findall(lines[:8192])[:_MOST_LINKS]:
        for quoted, plain in _REL.findall(parameters):
            address = absolute(target, url)
            for relation in (quoted or plain).lower().split():
                if address is not None:
                    found.setdefault(relation, address)
    return found
