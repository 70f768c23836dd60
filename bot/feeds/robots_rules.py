"""Evaluation of robots.txt rules (runs in a worker, because their patterns are untrusted)."""

from typing import NamedTuple

AGENT = "Telex"
"""Product token in robots.txt; the User-Agent begins with it."""
MAX_CRAWL_DELAY_SECONDS = 60.0
"""Longest `Crawl-delay` that is obeyed."""


class RobotsVerdict(NamedTuple):
    """Whether a page may be fetched, and its host's crawl delay in seconds."""

    allowed: bool
    delay: float = 0.0


def evaluate(body: bytes, url: str) -> RobotsVerdict:
    """Return whether a robots.txt allows a URL, and the crawl delay in seconds."""
    from protego import Protego  # noqa: PLC0415 - only a worker needs it

    rules = Protego.parse(body.decode("utf-8-sig", "replace"))
    delay = rules.crawl_delay(AGENT) or 0.0
    return RobotsVerdict(rules.can_fetch(url, AGENT), min(max(float(delay), 0.0), MAX_CRAWL_DELAY_SECONDS))
