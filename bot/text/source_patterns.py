"""Patterns of sources: a domain with its subdomains, or the part of a site below a path."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv6Address
from posixpath import normpath
from typing import NamedTuple, Self
from urllib.parse import quote, unquote, urlsplit

from bot.text import urls

MAX_PATTERN_CHARS = 500
"""Maximum number of characters of a pattern of sources (a domain, or a part of a site)."""
_SAFE_CHARS = "!$&'()*+,;=:@~"
"""Characters that a segment of a path may have unescaped, beside letters, digits, `-`, `.` and `_` (RFC 3986)."""

_FEED_SUFFIX_PATTERN = re.compile(r"\.(?:rss|atom|xml|json)$")
_REDDIT_DOMAIN_PATTERN = re.compile(r"(?:.+\.)?reddit\.com")
_PATH_ALIASES = {
    "reddit.com": (re.compile(r"(?:user/|r/u_)"), "u/"),  # A user's profile has three addresses.
    "t.me": (re.compile(r"s/"), ""),  # The page of a channel that needs no application.
}
"""Beginnings of paths, by domain, that a site serves under another path, too, with that path."""
_UPLOADS_PARAMETER_PATTERN = re.compile(r"playlist_id=uu(?:lf|lp|lv|mf|ms|mv|mo|ps|pv|sh)?(?=[\w-]{22}$)")
"""Pattern of the parameter by which YouTube has the videos of a channel as a playlist, before the channel's id."""


class SitePart(NamedTuple):
    """Path and parameters of a URL, to be compared with those of several patterns of sources."""

    path_segments: tuple[str, ...]
    parameters: frozenset[str]

    @classmethod
    def parse(cls, url: str) -> Self:
        """Return the path and the parameters of a canonical URL."""
        return cls(_split_path(url), frozenset(map(_fold_parameter, urlsplit(url).query.split("&"))))


class SourcePattern(NamedTuple):
    """Domain with its subdomains; with a path, only what is below it; with parameters, only URLs that have them all.

    Schemes and ports make no difference, nor do the case of letters and the suffix of a feed, such as `.rss`, after the
    path. A segment of a path may combine several names by `+` or `,`, such as `/r/name+other`: one of them suffices.
    `domain` may also be an IP address, an IPv6 address without brackets.
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
            url = urls.normalize_typed_url(_complete_ipv6_url(text.strip().removeprefix("*.")))
        except ValueError:
            url = ""
        parameters = frozenset(filter(None, urlsplit(url).query.split("&")))
        domain = next(iter(list_domains(url)), "").removeprefix("www.")
        if _REDDIT_DOMAIN_PATTERN.fullmatch(domain):
            domain = "reddit.com"
        pattern = cls(domain, _split_path(url), parameters)
        if not {".", ":"} & set(domain) or len(str(pattern)) > MAX_PATTERN_CHARS:
            raise ValueError("A domain such as news.example is needed, or an address below it.")
        # What is stored is read again, with other characters escaped than here.
        if urls.has_secret(url) or urls.has_secret(f"https://{pattern}"):
            raise ValueError("This address contains a password or a key. Give its domain, or the public part of it.")
        return pattern

    def __str__(self) -> str:
        """Return the pattern as an operator types it, such as `news.example/blogs/jo`."""
        path = "".join(f"/{quote(segment, safe=_SAFE_CHARS)}" for segment in self.path_segments)
        host = f"[{self.domain}]" if ":" in self.domain else self.domain
        return host + path + ("?" if self.parameters else "") + "&".join(sorted(self.parameters))

    def is_same(self, pattern: "SourcePattern") -> bool:
        """Return whether another pattern differs in the case of letters at most."""
        return str(self).lower() == str(pattern).lower()

    def covers(self, url: str) -> bool:
        """Return whether a canonical URL is on the domain, below the path, and has the parameters."""
        return self.domain in list_domains(url) and self.covers_part(SitePart.parse(url))

    def covers_part(self, part: "SitePart") -> bool:
        """Return whether a part of a site on the domain is below the path and has the parameters."""
        path_segments = self._fold_segments(self.path_segments)
        segments = self._fold_segments(part.path_segments)[: len(path_segments)]
        if segments and segments != path_segments:
            segments[-1] = _FEED_SUFFIX_PATTERN.sub("", segments[-1])
        return (
            len(segments) == len(path_segments)
            and all(
                path_segment == segment or path_segment in re.split("[+,]", segment)
                for path_segment, segment in zip(path_segments, segments, strict=True)
            )
            and part.parameters.issuperset(map(_fold_parameter, self.parameters))
        )

    def _fold_segments(self, segments: Sequence[str]) -> list[str]:
        """Return the segments of a path on the domain, written so that all paths to the same page are equal."""
        path = "/".join(segments).lower()
        if self.domain in _PATH_ALIASES:
            prefix_pattern, prefix = _PATH_ALIASES[self.domain]
            if match := prefix_pattern.match(path):
                path = prefix + path[match.end() :]
        return path.split("/") if path else []


def list_domains(url: str) -> list[str]:
    """Return the host of a URL and all domains above it; nothing for a text that is no http(s) URL.

    An IPv6 address is in its short form, or the IPv4 address that it stands for.
    """
    host = urls.parse_host(url)
    if ":" not in host:
        return list(_iter_domains(host))
    try:
        address = IPv6Address(host)
    except ValueError:
        return [host]
    return [str(address.ipv4_mapped or address)]


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
        candidates = [pattern for domain in list_domains(url) for pattern in self._patterns_by_domain.get(domain, ())]
        if not candidates:
            return None
        part = SitePart.parse(url)
        return next((pattern for pattern in candidates if pattern.covers_part(part)), None)


NO_PATTERNS = SourcePatterns()
"""Empty set of patterns of sources."""


def _iter_domains(host: str) -> Iterator[str]:
    while host:
        yield host
        host = host.partition(".")[2]


def _complete_ipv6_url(text: str) -> str:
    """Return a text that begins with an IPv6 address, with or without brackets, as a URL; any other text unchanged."""
    with suppress(ValueError):
        text = f"[{IPv6Address(text)}]"
    return f"https://{text}" if text.startswith("[") else text


def _fold_parameter(parameter: str) -> str:
    return _UPLOADS_PARAMETER_PATTERN.sub("channel_id=uc", unquote(parameter).lower())


def _split_path(url: str) -> tuple[str, ...]:
    return tuple(filter(None, normpath(unquote(urlsplit(url).path) or "/").split("/")))
