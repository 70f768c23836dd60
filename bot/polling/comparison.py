"""The entries of a document beside the articles that they are: which are new, and which of these changed."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from bot.core.models import Feed, ParsedFeed
from bot.polling.drafts import Draft, article_key
from bot.polling.identity import entry_identity
from bot.polling.identity.entry_keys import Sketch
from bot.polling.shares import Followed, takes_change
from bot.store.records.source_records import Known
from bot.text import urls

AT_ONCE = 50
"""Entries that are compared in one turn of the event loop: half a millisecond."""


class Matches(NamedTuple):
    """Which articles entries are, by the strong name: of those known by some name, and of others.

    `known` are all names that are known, `at_pages` the articles of the feed at the pages of entries.
    """

    known: Mapping[bytes, Known]
    by_name: Mapping[bytes, Known]
    others: Mapping[bytes, Known]
    at_pages: Mapping[str, Sequence[Known]]


class Comparison:
    """What becomes of entries: `new` in their order, what `changed` by the article's id, further names.

    `refused` are changes that come too often to be taken.
    """

    def __init__(self, feed: Feed, head: ParsedFeed, matches: Matches, followed: Followed, now: int) -> None:
        self.new: list[Draft] = []
        self.changed: dict[int, Draft] = {}
        self.aliases: list[tuple[bytes, int]] = []
        self.refused = 0
        self._feed, self._head = feed, head
        self._matches, self._followed, self._now = matches, followed, now
        self._marked = set(matches.known)
        self._unchanged: set[int] = set()

    async def of(self, sketches: Sequence[Sketch]) -> None:
        """Compare entries, some at a time, so that the event loop goes on."""
        for number, sketch in enumerate(sketches):
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
            self._take(sketch)

    def _take(self, sketch: Sketch) -> None:
        matches = self._matches
        names = names_to_keep(sketch, is_repeated=entry_identity.is_repeated(sketch, matches.known))
        if sketch.repeated and sketch.mark not in self._marked:
            self._marked.add(sketch.mark)
            names += (sketch.mark,)
        match = matches.others.get(sketch.strong) or matches.by_name.get(sketch.strong)
        if match is not None:
            if sketch.strong in matches.others or sketch.repeated:
                self.aliases += [(name, match.article_id) for name in names if name not in matches.known]
            self._take_again(sketch, match)
        elif not names_passed_over(sketch, self._followed):
            shared = sketch.shared or bool(entry_identity.at_link(sketch, matches.at_pages))
            self.new.append(draft_of(self._feed, self._head, sketch, names, shared=shared, now=self._now))

    def _take_again(self, sketch: Sketch, match: Known) -> None:
        """The entry of an article that is there: the first of those that are it counts."""
        id_ = match.article_id
        if id_ in self._unchanged or id_ in self.changed:
            return
        if match.fingerprint == sketch.fingerprint:
            self._unchanged.add(id_)
        elif self._followed.servers and not takes_change(match, self._now):
            self._unchanged.add(id_)
            self.refused += 1
        else:
            self.changed[id_] = _redraft(self._feed, self._head, sketch, match)


def names_passed_over(sketch: Sketch, followed: Followed) -> Collection[bytes]:
    """Those of an entry's names by which it was passed over before."""
    return [name for name in (sketch.weak, sketch.strong) if name in followed.passed_over]


def names_to_keep(sketch: Sketch, *, is_repeated: bool) -> tuple[bytes, ...]:
    """The names by which an entry is to be known again."""
    if is_repeated:
        return (sketch.strong,)
    # Should the guid be repeated one day, the link tells which article had it first; without one, the title.
    return (sketch.weak,) if sketch.url else (sketch.weak, sketch.strong)


def draft_of(
    feed: Feed, head: ParsedFeed, sketch: Sketch, names: tuple[bytes, ...], *, shared: bool, now: int
) -> Draft:
    """An entry on its way to become an article that is known by these names."""
    url = sketch.url or _place(feed, head)
    name = names[0].hex() if shared or not sketch.url else None
    return Draft(
        packed=sketch.packed,
        key=article_key(feed.url, names[0], feed.server_id),
        page=urls.page(url, name),
        url=url,
        identities=names,
        latest=now,
    )


def _redraft(feed: Feed, head: ParsedFeed, sketch: Sketch, known: Known) -> Draft:
    url = sketch.url or _place(feed, head)
    if url == known.url:
        page = known.page
    else:
        page = urls.page(url, sketch.strong.hex() if sketch.shared or not sketch.url else None)
    return Draft(sketch.packed, known.key, page, url, (), latest=known.published)


def _place(feed: Feed, head: ParsedFeed) -> str:
    """Where an entry without a link leads: to the site; never to an address that may hold secrets."""
    return urls.canonical(head.site_url or feed.site_url or "") or f"https://{urls.host(feed.url)}/"
