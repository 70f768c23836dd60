"""Detection of retracted articles: articles missing from the middle of a feed's document.

Entries often vanish because newer entries push them out at the end, because a feed shows the most read, or
because a publisher loses half of them for an hour. An article missing from the middle may be retracted; later
documents confirm that (`bot.store.outbox.corrections`).
"""

from collections.abc import Collection, Sequence

from bot.store.records.source_records import RetractionCandidate

MAX_RETRACTION_AGE_SECONDS = 3 * 86_400
"""Maximum age in seconds of an article that counts as retracted when it is missing."""
MIN_OLDER_ENTRIES = 3
"""Minimum number of older articles in the document, so that a missing article did not fall off its end."""
MAX_MISSING_ARTICLES = 2
"""Maximum number of a feed's articles that may be missing at a time; if more are, the document is faulty."""


def find_newly_missing_ids(
    retraction_candidates: Sequence[RetractionCandidate],
    matched_article_ids: Collection[int],
    published_times: Sequence[int],
) -> list[int]:
    """Return the ids of the articles that are missing from the middle of a document, but were not before.

    `retraction_candidates` are a feed's recent articles, and those that were missing before. `matched_article_ids` are
    the ids of the articles in the document, `published_times` their publication times. If more than
    `MAX_MISSING_ARTICLES` are missing, [] is returned.
    """
    missing_articles = [
        article
        for article in retraction_candidates
        if article.article_id not in matched_article_ids
        and sum(published_at < article.published for published_at in published_times) >= MIN_OLDER_ENTRIES
    ]
    newly_missing_ids = [article.article_id for article in missing_articles if article.missing_since is None]
    return newly_missing_ids if len(missing_articles) <= MAX_MISSING_ARTICLES else []


def find_reappeared_ids(
    retraction_candidates: Sequence[RetractionCandidate], matched_article_ids: Collection[int]
) -> list[int]:
    """Return the ids of the `retraction_candidates` that were missing before and are in the document again."""
    return [
        article.article_id
        for article in retraction_candidates
        if article.missing_since is not None and article.article_id in matched_article_ids
    ]
