"""Sources of news (domains, or parts of sites) as an operator types them to block or unblock them."""

import asyncio

from publicsuffixlist import PublicSuffixList

from bot.feeds import known_sites
from bot.text.source_patterns import SourcePattern


def parse_typed_source(text: str) -> SourcePattern:
    """Return the pattern of a source that an operator typed or pasted, such as `news.example/blogs/jo`.

    The address of a page that stands for one feed elsewhere, such as a channel of YouTube, becomes that of the feed.
    Raises ValueError with an English sentence for the operator if the text is no source.
    """
    pattern = SourcePattern.parse(text)
    feeds = known_sites.list_feeds_for_url(f"https://{pattern}")
    if len(feeds) == 1 and not pattern.covers(feeds[0].url):
        return SourcePattern.parse(feeds[0].url)
    return pattern


async def is_public_suffix(domain: str) -> bool:
    """Return whether a registry sells names below a domain, as below co.uk, so that its sites have nothing in common.

    Hosts whose customers have sites of their own below a domain, such as github.io, are none.
    """
    return ":" not in domain and await asyncio.to_thread(_is_public_suffix, domain)


def _is_public_suffix(domain: str) -> bool:
    # Loading takes a tenth of a second, and the list is seldom needed.
    return PublicSuffixList(only_icann=True).is_public(domain)
