"""Patterns of sources: a domain with its subdomains, or the part of a site below a path."""

import re
from collections.abc import Iterable, Iterator
from posixpath import normpath
from typing import NamedTuple, Self
from urllib.parse import quote, unquote, urlsplit

from bot.text import urls

MAX_PATTERN_CHARS = 500
"""Maximum number of characters of a pattern of sources (a domain, or a part of a site)."""
_SAFE_CHARS = "!$&'()*+,;=:@~"
"""Characters that a segment of a path may have unescaped, beside letters, digits, `-`, `.` and `_` (RFC 3986)."""

_FEED_SUFFIX_PATTERN = re.compile(r"\.(?:rss|atom|xml|json)$")


class SourcePattern(NamedTuple):
    """Domain with its subdomains; with a path, only what is below it; with parameters, only URLs that have them all.

    Schemes and ports make no difference, nor do the case of letters and the suffix of a feed, such as `.rss`, after the
    path.
    """

    domain: str
    path_segments: tuple[str, ...] = ()
    parameters: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the pattern that an operator typed or pasted, such as `news.example` or `news.example/blogs/jo`.

        Raises ValueError with an English sentence for the operator if the text is none.
        """
        try:
            url = urls.normalize_typed_url(text.strip().removeprefix("*."))
        except ValueError:
            url = ""
        parameters = frozenset(filter(None, urlsplit(url).query.split("&")))
        pattern = cls(urls.parse_host(url).removeprefix("www."), _split_path(url), parameters)
        if "." not in pattern.domain or len(str(pattern)) > MAX_PATTERN_CHARS:
            raise ValueError("A domain such as news.example is needed, or an address below it.")
        # What is stored is read again, with other characters escaped than here.
        if urls.has_secret(url) or urls.has_secret(f"https://{pattern}"):
            raise ValueError("This address contains a password or a key. Give its domain, or the public part of it.")
        return pattern

    def __str__(self) -> str:
        """Return the pattern as an operator types it, such as `news.example/blogs/jo`."""
        path = "".join(f"/{quote(segment, safe=_SAFE_CHARS)}" for segment in self.path_segments)
        return self.domain + path + ("?" if self.parameters else "") + "&".join(sorted(self.parameters))

    def is_same(self, pattern: "SourcePattern") -> bool:
        """Return whether another pattern differs in the case of letters at most."""
        return str(self).lower() == str(pattern).lower()

    def covers(self, url: str) -> bool:
        """Return whether a canonical URL is on the domain, below the path, and has the parameters."""
        if self.domain not in list_domains(url):
            return False
        segments = [segment.lower() for segment in _split_path(url)][: len(self.path_segments)]
        path_segments = [segment.lower() for segment in self.path_segments]
        if segments and segments != path_segments:
            segments[-1] = _FEED_SUFFIX_PATTERN.sub("", segments[-1])
        parameters = {unquote(parameter).lower() for parameter in urlsplit(url).query.split("&")}
        return segments == path_segments and all(
            unquote(parameter).lower() in parameters for parameter in self.parameters
        )


def list_domains(url: str) -> list[str]:
    """Return the host of a URL and all domains above it; nothing for a text that is no http(s) URL."""
    return list(_iter_domains(urls.parse_host(url)))


class SourcePatterns:
    """Set of patterns of sources, indexed by domain, so that one that covers a URL is quick to find."""

    def __init__(self, patterns: Iterable[SourcePattern] = ()) -> None:
        self._patterns_by_domain: dict[str, list[SourcePattern]] = {}
        for pattern in patterns:
            self._patterns_by_domain.setdefault(pattern.domain, []).append(pattern)

    def find_covering(self, url: str) -> SourcePattern | None:
        """Return a pattern that covers a URL, or None if there is none."""
        if not self._patterns_by_domain:
            return None
        candidates = (pattern for domain in list_domains(url) for pattern in self._patterns_by_domain.get(domain, ()))
        return next((pattern for pattern in candidates if pattern.covers(url)), None)


NO_PATTERNS = SourcePatterns()
"""Empty set of patterns of sources."""


def _iter_domains(host: str) -> Iterator[str]:
    while host:
        yield host
        host = host.partition(".")[2]


def _split_path(url: str) -> tuple[str, ...]:
    return tuple(filter(None, normpath(unquote(urlsplit(url).path) or "/").split("/")))
