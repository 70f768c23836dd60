"""Articles that a channel has already received, though the database, restored from a backup, has no record of it."""

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from bot.store.records.content_records import MIN_SINGLE_ARTICLE_SIMILARITY
from bot.store.records.outbox_records import DigestCandidate, DigestCandidates
from bot.text import shared_links

LinkedPage = tuple[str, str]
"""Key of a web page (hash of its URL) and the title shown for it, "" if that was not the publisher's own."""


@dataclass(slots=True)
class AlreadyPostedPages:
    """Pages of articles that earlier digests listed or that were posted singly, found in a channel's history.

    - `digested_at_by_page_key`, `posted_page_keys`: keys of the pages of articles that the database knows, listed
      in digests (with the Unix time in seconds of the last such digest) and posted singly.
    - `digested_at_by_linked_page`, `linked_pages`: pages that digests (with the Unix time in seconds of the last
      such digest) and single posts linked to, for articles of feeds that the database does not know.
    - `all_posted_until`: Unix time in seconds; all articles published up to then count as posted. None if
      there is no such time.
    - `last_digest_sent_at`: Unix time in seconds when the last digest was sent, or 0.
    - `was_due_digest_sent`: whether the digest that is due now was sent before the restoration.
    - `excluded_reserved_ids`: ids of the articles reserved for the digest that the last call of `exclude_posted`
      removed.
    """

    digested_at_by_page_key: dict[str, int] = field(default_factory=dict)
    posted_page_keys: AbstractSet[str] = frozenset()
    linked_pages: Collection[LinkedPage] = ()
    digested_at_by_linked_page: Mapping[LinkedPage, int] = field(default_factory=dict)
    all_posted_until: int | None = None
    last_digest_sent_at: int = 0
    was_due_digest_sent: bool = False
    excluded_reserved_ids: list[int] = field(default_factory=list)

    def exclude_posted(self, digest_candidates: DigestCandidates) -> DigestCandidates:
        """Return the candidates (articles that a digest may list) without those that the channel has already received.

        A digest lists one article of a story by its title, so articles of that story that were published
        before the digest count as posted, too. Articles that were posted singly count only if they are reserved for the
        digest, since a digest also sums up a channel's posts. Sets `excluded_reserved_ids`.
        """
        reserved_ids = set(digest_candidates.reserved_article_ids)
        covered_until_by_article_id: dict[int, int] = {}
        for candidate in digest_candidates.candidates:
            if (digested_at := self._find_digest_time(candidate)) is not None:
                covered_until_by_article_id[candidate.article_id] = digested_at
            elif (self.all_posted_until is not None and candidate.published <= self.all_posted_until) or (
                candidate.article_id in reserved_ids
                and (
                    candidate.page_key in self.posted_page_keys
                    or any(_is_same_page(candidate, linked_page) for linked_page in self.linked_pages)
                )
            ):
                covered_until_by_article_id[candidate.article_id] = candidate.published
        published_at_by_article_id = {
            candidate.article_id: candidate.published for candidate in digest_candidates.candidates
        }
        covered_until_by_similar_article_id = {
            article_id: covered_until_by_article_id[similar_id]
            for earlier_id, later_id, similarity in digest_candidates.similar_pairs
            if similarity >= MIN_SINGLE_ARTICLE_SIMILARITY
            for article_id, similar_id in ((earlier_id, later_id), (later_id, earlier_id))
            if article_id not in covered_until_by_article_id
            and published_at_by_article_id.get(article_id, 0) <= covered_until_by_article_id.get(similar_id, -1)
        }
        excluded_ids = covered_until_by_article_id.keys() | covered_until_by_similar_article_id.keys()
        self.excluded_reserved_ids = [
            reserved_id for reserved_id in digest_candidates.reserved_article_ids if reserved_id in excluded_ids
        ]
        return DigestCandidates(
            [candidate for candidate in digest_candidates.candidates if candidate.article_id not in excluded_ids],
            [reserved_id for reserved_id in digest_candidates.reserved_article_ids if reserved_id not in excluded_ids],
            [
                (article_id, similar_id, similarity)
                for article_id, similar_id, similarity in digest_candidates.similar_pairs
                if not excluded_ids & {article_id, similar_id}
            ],
        )

    def _find_digest_time(self, candidate: DigestCandidate) -> int | None:
        digest_times = [
            digested_at
            for linked_page, digested_at in self.digested_at_by_linked_page.items()
            if _is_same_page(candidate, linked_page)
        ]
        return max([self.digested_at_by_page_key.get(candidate.page_key, 0), *digest_times]) or None


def _is_same_page(candidate: DigestCandidate, linked_page: LinkedPage) -> bool:
    page_key, title = linked_page
    return page_key == candidate.page_key and (not title or shared_links.titles_match(title, candidate.title))
