"""Whether two feeds that give one link tell of one page: whose site it is, and how like their titles are."""

from functools import cache
from ipaddress import ip_address

from publicsuffixlist import PublicSuffixList
from rapidfuzz import fuzz

from bot.text import urls
from bot.text.words import fold

TITLE_MATCH_THRESHOLD = 70
"""How like each other, out of 100, two titles of one page are; an aggregator adds to it, or leaves out."""


def registrable_domain(url: str) -> str:
    """Under what name its publisher has registered the host of an http(s) address; an IP address is its own.

    By the Public Suffix List (https://publicsuffix.org), where hosts such as github.io have many publishers.
    """
    host = urls.host(url)
    try:
        ip_address(host)
    except ValueError:
        return _suffixes().privatesuffix(host) or host
    return host


def is_same_site(feed_url: str, link: str) -> bool:
    """Whether a link leads to the site that the feed itself is fetched from."""
    return bool(home := registrable_domain(feed_url)) and home == registrable_domain(link)


def titles_match(title: str, other: str) -> bool:
    """Whether two titles can be those of one page."""
    return fuzz.token_set_ratio(fold(title), fold(other)) >= TITLE_MATCH_THRESHOLD


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()  # reading it takes a quarter of a second
