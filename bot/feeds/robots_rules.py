"""What a robots.txt says of an address (runs in a worker: patterns of strangers are matched)."""

from typing import NamedTuple

AGENT = "Telex"
"""The name that a robots.txt calls us by; the User-Agent begins with it."""
MAX_CRAWL_DELAY_SECONDS = 60.0
"""Seconds between two pages of a host that a Crawl-delay can ask for."""


class RobotsVerdict(NamedTuple):
    """Whether a page may be read, and the seconds that its host wants between two pages."""

    allowed: bool
    delay: float = 0.0


def evaluate(body: bytes, url: str) -> RobotsVerdict:
    """Whether a robots.txt allows an address, and how long its host wants to rest."""
    from protego import Protego  # noqa: PLC0415 - only a worker needs it

    rules = Protego.parse(body.decode("utf-8-sig", "replace"))
    delay = rules.crawl_delay(AGENT) or 0.0
    return RobotsVerdict(rules.can_fetch(url, AGENT), min(max(float(delay), 0.0), MAX_CRAWL_DELAY_SECONDS))
