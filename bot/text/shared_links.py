"""Comparison of two feeds' entries with the same link: whose site it leads to, and whether titles match."""

from functools import cache
from ipaddress import ip_address

from publicsuffixlist import PublicSuffixList
from rapidfuzz import fuzz

from bot.text import urls
from bot.text.words import fold

TITLE_MATCH_THRESHOLD = 70
"""Minimum similarity, out of 100, of two titles of one page; an aggregator may lengthen or shorten them."""

_DISCORD_SITES = {"discord.com", "discord.gg", "discordapp.com", "discordapp.net", "discord.media", "discord.new"}
"""Sites whose links lead into Discord."""


def is_discord_link(url: str) -> bool:
    """Return whether a link leads into Discord."""
    return get_registrable_domain(url) in _DISCORD_SITES


def get_registrable_domain(url: str) -> str:
    """Return the registrable domain of an http(s) URL (`site.example` of `www.site.example`), or its IP.

    Return "" for any other text. The Public Suffix List (https://publicsuffix.org) tells hosts apart that have many
    publishers, such as github.io.
    """
    host = urls.parse_host(url)
    try:
        ip_address(host)
    except ValueError:
        return _load_public_suffixes().privatesuffix(host) or host
    return host


def is_same_site(feed_url: str, link: str) -> bool:
    """Return whether a link leads to the site from which the feed is fetched."""
    return bool(feed_domain := get_registrable_domain(feed_url)) and feed_domain == get_registrable_domain(link)


def titles_match(title: str, other_title: str) -> bool:
    """Return whether two titles are so similar that they may be those of one page."""
    return fuzz.token_set_ratio(fold(title), fold(other_title)) >= TITLE_MATCH_THRESHOLD


@cache
def _load_public_suffixes() -> PublicSuffixList:
    return PublicSuffixList()  # Loading takes a quarter of a second.
