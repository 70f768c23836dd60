"""Articles that a channel has already got but that a restored backup does not record."""

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from bot.store.records.content_records import SINGLE_ARTICLE_SIMILARITY
from bot.store.records.outbox_records import DigestCandidate, DigestCandidates
from bot.text import shared_links

PageTitle = tuple[str, str]
"""A page key and the title under which it was shown, "" if that was not its publisher's."""


@dataclass(slots=True)
class AlreadyPosted:
    """Pages that digests listed, with the times of these digests, and pages that were posted singly.

    - `digested_at_by_page`, `posted_pages`: pages of known articles.
    - `digest_linked_pages`, `linked_pages`: pages as messages showed them, since the article may be of
      another feed and unknown.
    - `everything_before`: all articles up to this time count as posted; None for no such time.
    - `last_digest_due`: due time of the last digest that was sent. `was_due_digest_sent`: the digest that is
      due was sent.
    - `excluded_held_ids`: reserved articles that the last call of `exclude_posted` removed.
    """

    digested_at_by_page: dict[str, int] = field(default_factory=dict)
    posted_pages: AbstractSet[str] = frozenset()
    linked_pages: Collection[PageTitle] = ()
    digest_linked_pages: Mapping[PageTitle, int] = field(default_factory=dict)
    everything_before: int | None = None
    last_digest_due: int = 0
    due_digest_was_sent: bool = False
    excluded_held_ids: list[int] = field(default_factory=list)

    def without(self, gathered: DigestCandidates) -> DigestCandidates:
        """Return the candidates that the channel has not got yet.

        A digest lists one article of a story by its title, so articles of the story that were published by
        then also count as posted. In a channel with single posts, so do articles that were posted singly.
        """
        held = set(gathered.reserved_article_ids)
        told: dict[int, int] = {}
        for one in gathered.candidates:
            if (at := self._digested_at(one)) is not None:
                told[one.article_id] = at
            elif (self.everything_before is not None and one.published <= self.everything_before) or (
                one.article_id in held
                and (
                    one.page in self.posted_pages
                    or any(_is_same_page(one, shown) for shown in self.linked_pages)
                )
            ):
                told[one.article_id] = one.published
        published = {one.article_id: one.published for one in gathered.candidates}
        kin = {
            one: told[other]
            for pair in gathered.similar_pairs
            if pair[2] >= SINGLE_ARTICLE_SIMILARITY
            for one, other in (pair[:2], pair[1::-1])
            if one not in told and published.get(one, 0) <= told.get(other, -1)
        }
        over = told.keys() | kin.keys()
        self.excluded_held_ids = [one for one in gathered.reserved_article_ids if one in over]
        return DigestCandidates(
            [one for one in gathered.candidates if one.article_id not in over],
            [one for one in gathered.reserved_article_ids if one not in over],
            [pair for pair in gathered.similar_pairs if not over.intersection(pair[:2])],
        )

    def _digested_at(self, one: DigestCandidate) -> int | None:
        ats = [at for shown, at in self.digest_linked_pages.items() if _is_same_page(one, shown)]
        return max([self.digested_at_by_page.get(one.page, 0), *ats]) or None


def _is_same_page(one: DigestCandidate, shown: PageTitle) -> bool:
    page, title = shown
    return page == one.page and (not title or shared_links.titles_match(title, one.title))
