"""What a robots.txt says of an address (runs in a worker: patterns of strangers are matched)."""

from typing import NamedTuple

AGENT = "Telex"
"""The name that a robots.txt calls us by; the User-Agent begins with it."""
LONGEST_DELAY = 60.0
"""Seconds between two pages of a host that a Crawl-delay can ask for."""


class Verdict(NamedTuple):
    """Whether a page may be read, and the seconds that its host wants between two pages."""

    allowed: bool
    delay: float = 0.0


def verdict(body: bytes, url: str) -> Verdict:
    """Whether a robots.txt allows an address, and how long its host wants to rest."""
    from protego import Protego  # noqa: PLC0415 - only a worker needs it

    rules = Protego.parse(body.decode("utf-8-sig", "replace"))
    delay = rules.crawl_delay(AGENT) or 0.0
    return Verdict(rules.can_fetch(url, AGENT), min(max(float(delay), 0.0), LONGEST_DELAY))
