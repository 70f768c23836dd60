"""Evaluation of robots.txt rules (runs in a worker, because their patterns are untrusted)."""

from typing import NamedTuple

from bot.core.received_values import parse_seconds

PRODUCT_TOKEN = "Telex"  # noqa: S105 - RFC 9309 calls it a token
"""Name of this program in robots.txt (its product token); the User-Agent header begins with it."""
MAX_CRAWL_DELAY_SECONDS = 60.0
"""Maximum `Crawl-delay` in seconds that is obeyed."""


class RobotsVerdict(NamedTuple):
    """Answer of a robots.txt: whether a page may be fetched, and the host's crawl delay in seconds."""

    is_allowed: bool
    crawl_delay_seconds: float = 0.0


def evaluate_robots(body: bytes, url: str) -> RobotsVerdict:
    """Return whether a robots.txt allows a URL, and the crawl delay, at most `MAX_CRAWL_DELAY_SECONDS`."""
    from protego import Protego  # noqa: PLC0415 - only a worker needs it

    rules = Protego.parse(body.decode("utf-8-sig", "replace"))
    return RobotsVerdict(
        rules.can_fetch(url, PRODUCT_TOKEN),
        parse_seconds(rules.crawl_delay(PRODUCT_TOKEN), maximum=MAX_CRAWL_DELAY_SECONDS) or 0.0,
    )
