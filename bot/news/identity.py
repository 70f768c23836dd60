"""Which entry of a feed is which article, whatever its publisher does to its guid, link, title or date.

The rule: the guid decides, unless the feed repeats it; an unknown guid with a known link and a close title or
the same date is the known article; two guids with one link in one document are two articles; a title alone
decides nothing. An entry without a guid goes by its link, one without either by its content.
"""

from __future__ import annotations

import pickle
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple
from urllib.parse import urlsplit

from rapidfuzz import fuzz

from bot.store.polls import Known
from bot.text.urls import canonical
from bot.words import Entry

CLOSE = 80
"""How like each other, out of 100, the titles of one link are that belong to one article."""

_NUMBER = re.compile(r"\d+")


class Sketch(NamedTuple):
    """What is needed of an entry to tell whether it is known.

    `weak` names it by its guid (else its link, else its content), `strong` by link and title as well; no two
    sketches of a document have the same `strong`. `repeated`: several entries of the document have the same
    weak name, so that it decides nothing; `mark` is what a feed remembers that by. `shared`: several entries
    have the same link. `url` is canonical, "" for none.
    """

    weak: bytes
    strong: bytes
    mark: bytes
    repeated: bool
    shared: bool
    url: str
    title: str
    published: int | None
    fingerprint: bytes
    packed: bytes


def sketched(entries: Sequence[Entry]) -> tuple[Sketch, ...]:
    """The sketches of a document's entries, in its order; an entry that is there twice counts once."""
    named = [(*_names(entry), entry) for entry in entries]
    versions: dict[bytes, set[int | None]] = {}
    for _, strong, _, entry in named:
        versions.setdefault(strong, set()).add(entry.published)
    unique: dict[bytes, tuple[bytes, str, Entry]] = {}
    for weak, strong, url, entry in named:
        if len(versions[strong]) > 1:  # one guid, link and title, but several dates
            strong = _hash(strong, str(entry.published))  # noqa: PLW2901 - the same name, more exact
        unique.setdefault(strong, (weak, url, entry))
    by_weak = Counter(weak for weak, _, _ in unique.values())
    by_url = Counter(url for _, url, _ in unique.values())
    return tuple(
        Sketch(
            weak=weak,
            strong=strong,
            mark=_hash("repeated", weak),
            repeated=by_weak[weak] > 1,
            shared=by_url[url] > 1,
            url=url,
            title=_plain(entry.title),
            published=entry.published,
            fingerprint=entry.fingerprint,
            packed=pickle.dumps(entry, pickle.HIGHEST_PROTOCOL),
        )
        for strong, (weak, url, entry) in unique.items()
    )


def _names(entry: Entry) -> tuple[bytes, bytes, str]:
    """The weak and the strong name of an entry, and its canonical link."""
    url = canonical(entry.link) if entry.link else ""
    if entry.guid:
        # Publishers put tracking parameters and fragments into guids that are addresses too.
        weak = _hash("guid", canonical(entry.guid) or entry.guid)
    elif url:
        weak = _hash("link", url)
    else:
        weak = _hash("content", entry.title, entry.text or entry.summary, str(entry.published))
    return weak, _hash(weak, url, _plain(entry.title)), url


def _hash(*parts: str | bytes) -> bytes:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass"))
        digest.update(b"\x00")
    return digest.digest()


def _plain(title: str) -> str:
    return " ".join(title.casefold().split())


def is_repeated(sketch: Sketch, known: Mapping[bytes, Known]) -> bool:
    """Whether the weak name of an entry decides nothing, in this document or in an earlier one."""
    return sketch.repeated or sketch.mark in known


def by_name(sketches: Sequence[Sketch], known: Mapping[bytes, Known]) -> dict[bytes, Known]:
    """The articles that entries are by their names, by the strong one."""
    found = {}
    for sketch in sketches:
        match = known.get(sketch.strong)
        if match is None and not is_repeated(sketch, known):
            match = known.get(sketch.weak)
        if match is not None:
            found[sketch.strong] = match
    return found


def forms(url: str) -> tuple[str, ...]:
    """The addresses under which an article of that link may be known: a site may have moved to https."""
    scheme, separator, rest = url.partition("://")
    return (url, f"{'http' if scheme == 'https' else 'https'}://{rest}") if separator else ()


def at_link(sketch: Sketch, at_urls: Mapping[str, Sequence[Known]]) -> list[Known]:
    """The articles of the feed that have the entry's link."""
    return [known for form in forms(sketch.url) for known in at_urls.get(form, ())]


def by_link(
    sketches: Sequence[Sketch], at_urls: Mapping[str, Sequence[Known]], taken: Collection[int]
) -> dict[bytes, Known]:
    """The articles that entries of unknown names are by their links, by the strong name.

    `taken` are the articles that other entries of the document are. Where a link tells little, because
    several articles have it or it is that of the site, title and date must both agree.
    """
    found: dict[bytes, Known] = {}
    taken = set(taken)
    for sketch in sketches:
        candidates = at_link(sketch, at_urls)
        needed = 2 if sketch.shared or len(candidates) > 1 or _is_home(sketch.url) else 1
        rated = [
            (_is_close(sketch.title, _plain(known.title)) + (sketch.published == known.published), known)
            for known in candidates
            if known.article_id not in taken
        ]
        agreeing, match = max(rated, key=lambda pair: pair[0], default=(0, None))
        if match is not None and agreeing >= needed:
            found[sketch.strong] = match
            taken.add(match.article_id)
    return found


def _is_home(url: str) -> bool:
    parts = urlsplit(url)
    return parts.path in {"", "/"} and not parts.query and not parts.fragment


def _is_close(title: str, other: str) -> bool:
    """Whether two titles may be versions of one. Numbers tell issues of a series apart."""
    if not title or not other:
        return False
    return title == other or (
        _NUMBER.findall(title) == _NUMBER.findall(other) and fuzz.ratio(title, other) >= CLOSE
    )
