"""Hubs and signatures of WebSub, by which publishers push feeds (https://www.w3.org/TR/websub/)."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import NamedTuple

from bot.core.models import ParsedFeed
from bot.feeds.parsing.entries import resolve_url

SIGNATURE_ALGORITHMS = frozenset({"sha1", "sha256", "sha384", "sha512"})
"""Hash algorithms that WebSub signatures may use (section 7.1)."""
_MAX_LINKS = 20
_LINK_PATTERN = re.compile(r"<([^<>]{1,2048})>\s*((?:;\s*[\w*]+\s*=\s*(?:\"[^\"]{0,200}\"|[^\s\",;]{1,200})\s*)*)")
_REL_PATTERN = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s\",;]+))", re.IGNORECASE)


class HubLink(NamedTuple):
    """URL of the WebSub hub that a feed names, and the URL by which the hub knows the feed (its topic)."""

    hub_url: str
    topic_url: str


def find_hub(headers: Mapping[str, str], parsed_feed: ParsedFeed, url: str) -> HubLink | None:
    """Return the WebSub hub of a feed fetched from `url`, or None if the feed names none.

    HTTP headers take precedence over the document (section 4).
    """
    relations = _parse_link_relations(headers, url)
    hub_url = relations.get("hub") or parsed_feed.hub_url
    if hub_url is None:
        return None
    return HubLink(hub_url, relations.get("self") or parsed_feed.self_url or url)


def has_hub_header(headers: Mapping[str, str], url: str) -> bool:
    """Return whether the HTTP headers of a feed name a WebSub hub."""
    return "hub" in _parse_link_relations(headers, url)


class Signature(NamedTuple):
    """Signature of a pushed document: a parsed `X-Hub-Signature` header (WebSub, section 7.1)."""

    algorithm: str
    digest: bytes

    def is_valid_for(self, body: bytes, secret: str) -> bool:
        """Return whether this is the signature of a body, made with a secret."""
        return hmac.compare_digest(hmac.digest(secret.encode(), body, self.algorithm), self.digest)


def parse_signature(header: str | None) -> Signature | None:
    """Return the signature in an `X-Hub-Signature` header, or None if it is absent or malformed."""
    algorithm, _, digest = (header or "").strip().partition("=")
    try:
        signature = Signature(algorithm.lower(), bytes.fromhex(digest))
    except ValueError:
        return None
    if signature.algorithm not in SIGNATURE_ALGORITHMS:
        return None
    return signature if len(signature.digest) == hashlib.new(signature.algorithm).digest_size else None


def _parse_link_relations(headers: Mapping[str, str], base_url: str) -> dict[str, str]:
    """Return the first URL for each link relation in the `Link` headers (RFC 8288)."""
    url_by_relation: dict[str, str] = {}
    header = ", ".join(header_value for name, header_value in headers.items() if name.lower() == "link")
    for target, parameters in _LINK_PATTERN.findall(header[:8192])[:_MAX_LINKS]:
        for quoted_relations, unquoted_relations in _REL_PATTERN.findall(parameters):
            resolved_url = resolve_url(target, base_url)
            for relation in (quoted_relations or unquoted_relations).lower().split():
                if resolved_url is not None:
                    url_by_relation.setdefault(relation, resolved_url)
    return url_by_relation
