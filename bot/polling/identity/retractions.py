"""Which articles a feed's document no longer has although it goes further back: taken back, perhaps.

Entries vanish all the time because newer ones push them out at the end, because a feed shows the most read,
or because a publisher's system lost half of it for an hour. One that is missing from the middle of a list
is another thing. Whether it stays away is for later documents to tell (`bot.store.outbox.corrections`).
"""

from collections.abc import Collection, Sequence

from bot.store.records.source_records import RetractionCandidate

MAX_RETRACTION_AGE_SECONDS = 3 * 86_400
"""Seconds after its publication in which an article that vanishes counts as taken back."""
MIN_OLDER_ENTRIES = 3
"""Older articles that the document must have, so that the vanished one did not fall off its end."""
MAX_RETRACTIONS_PER_POLL = 2
"""Articles that a publisher takes back at a time; where more vanish, the document is at fault."""


def find_missing(
    watched: Sequence[RetractionCandidate], present: Collection[int], dates: Sequence[int]
) -> list[int]:
    """Those of the `watched` articles of a feed that its document, with `present` in it, left out.

    `dates` are when the known articles in the document were published.
    """
    missing = [
        article
        for article in watched
        if article.article_id not in present
        and sum(date < article.published for date in dates) >= MIN_OLDER_ENTRIES
    ]
    new = [article.article_id for article in missing if article.missing_since is None]
    return new if len(missing) <= MAX_RETRACTIONS_PER_POLL else []


def find_reappeared(watched: Sequence[RetractionCandidate], present: Collection[int]) -> list[int]:
    """Those of the `watched` articles that had vanished and are there again."""
    return [
        article.article_id
        for article in watched
        if article.missing_since is not None and article.article_id in present
    ]
