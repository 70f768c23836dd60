"""What a channel was told of which the database knows nothing: it is a backup that was restored."""

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from bot.store.records.content_records import ALONE
from bot.store.records.outbox_records import Candidate, Gathered
from bot.text import shared_links

Titled = tuple[str, str]
"""A page and its title where it was shown, "" for one that is not its publisher's."""


@dataclass(slots=True)
class AlreadyPosted:
    """Pages that digests named, with the times of these, and pages that were posted singly.

    `shown` and `shown_in_digests` are the same by what was to be seen, for a page may have been told by an
    article of another feed, of which nothing is known. `everything` is a time before which all is taken to be
    told. `until` is the time of the last digest that was sent; `is_sent`: the one that is due was. `held` are
    the articles that `without` left out though they were held.
    """

    digested: dict[str, int] = field(default_factory=dict)
    posted: AbstractSet[str] = frozenset()
    shown: Collection[Titled] = ()
    shown_in_digests: Mapping[Titled, int] = field(default_factory=dict)
    everything: int | None = None
    until: int = 0
    is_sent: bool = False
    held: list[int] = field(default_factory=list)

    def without(self, gathered: Gathered) -> Gathered:
        """What a digest may still tell.

        A digest names one article of a story by its title: of a story that it told, what had been published
        by then is told too. One beside single posts names what was posted singly as well.
        """
        held = set(gathered.held)
        told: dict[int, int] = {}
        for one in gathered.candidates:
            if (at := self._digested_at(one)) is not None:
                told[one.article_id] = at
            elif (self.everything is not None and one.published <= self.everything) or (
                one.article_id in held
                and (one.page in self.posted or any(_is(one, shown) for shown in self.shown))
            ):
                told[one.article_id] = one.published
        published = {one.article_id: one.published for one in gathered.candidates}
        kin = {
            one: told[other]
            for pair in gathered.kin
            if pair[2] >= ALONE
            for one, other in (pair[:2], pair[1::-1])
            if one not in told and published.get(one, 0) <= told.get(other, -1)
        }
        over = told.keys() | kin.keys()
        self.held = [one for one in gathered.held if one in over]
        return Gathered(
            [one for one in gathered.candidates if one.article_id not in over],
            [one for one in gathered.held if one not in over],
            [pair for pair in gathered.kin if not over.intersection(pair[:2])],
        )

    def _digested_at(self, one: Candidate) -> int | None:
        ats = [at for shown, at in self.shown_in_digests.items() if _is(one, shown)]
        return max([self.digested.get(one.page, 0), *ats]) or None


def _is(one: Candidate, shown: Titled) -> bool:
    page, title = shown
    return page == one.page and (not title or shared_links.alike(title, one.title))
