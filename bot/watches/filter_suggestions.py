"""Suggestions of filters for feeds few of whose posts are saved or liked: a word that no such post has in its title."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from bot.core.preferences import Filter, FilterMode
from bot.search.index import text_analysis
from bot.store import Store
from bot.store.records.people_records import PostedTitle
from bot.text.stopwords import STOPWORDS
from bot.text.words import fold
from bot.watches.subscription_filters import find_blocked_article_ids

MAX_CHECKED_POSTS = 200
"""Maximum number of a feed's posts, the newest, on which a filter is tried before it is suggested."""
_MIN_BLOCKED_SHARE = 0.15
"""Minimum share of the posts that a suggested filter would have blocked."""
_MAX_BLOCKED_SHARE = 0.9
"""Maximum share of the posts that a suggested filter would have blocked; beyond it, pausing is simpler."""
_MAX_CANDIDATE_WORDS = 2
"""Maximum number of words that are tried as filters on a feed, the most frequent first."""
_MIN_WORD_LENGTH = 4
"""Minimum length in letters of a word that is suggested as a filter."""


class FilterSuggestion(NamedTuple):
    """A filter that keeps out articles with a word, and how many of a feed's posts it would have blocked."""

    word: str
    post_count: int
    blocked_count: int


async def suggest_filter(
    store: Store, posts: Sequence[PostedTitle], protected_article_ids: Collection[int]
) -> FilterSuggestion | None:
    """Return a filter that would have blocked many posts of a feed and none of `protected_article_ids`, or None.

    Of the words that no title of a protected post has, the `_MAX_CANDIDATE_WORDS` in the most titles are tried; the
    filter must block a share of the posts between `_MIN_BLOCKED_SHARE` and `_MAX_BLOCKED_SHARE`. The protected articles
    are, for instance, those that people saved or liked.

    Raises `StoreError` if the database failed.
    """
    for word in await asyncio.to_thread(_select_candidate_words, posts, protected_article_ids):
        blocked_ids = await find_blocked_article_ids(
            store, [post.article_id for post in posts], [Filter(0, FilterMode.EXCLUDE, word)]
        )
        blocked_share = len(blocked_ids) / len(posts)
        if not blocked_ids & set(protected_article_ids) and _MIN_BLOCKED_SHARE <= blocked_share <= _MAX_BLOCKED_SHARE:
            return FilterSuggestion(word, len(posts), len(blocked_ids))
    return None


def _select_candidate_words(posts: Sequence[PostedTitle], protected_article_ids: Collection[int]) -> list[str]:
    """Return the words of the most titles, in their most frequent form, that no title of a protected post has."""
    post_counts_by_stem: Counter[str] = Counter()
    word_form_counts_by_stem: defaultdict[str, Counter[str]] = defaultdict(Counter)
    protected_stems: set[str] = set()
    for post in posts:
        title_stems: set[str] = set()
        for stem, start, end in text_analysis.find_stems_with_spans(post.title, post.language):
            word_form = post.title[start:end].lower()
            if len(word_form) >= _MIN_WORD_LENGTH and word_form.isalpha() and fold(word_form) not in STOPWORDS:
                title_stems.add(stem)
                word_form_counts_by_stem[stem][word_form] += 1
        if post.article_id in protected_article_ids:
            protected_stems |= title_stems
        else:
            post_counts_by_stem.update(sorted(title_stems))
    return [
        word_form_counts_by_stem[stem].most_common(1)[0][0]
        for stem, post_count in post_counts_by_stem.most_common()
        if stem not in protected_stems and post_count >= _MIN_BLOCKED_SHARE * len(posts)
    ][:_MAX_CANDIDATE_WORDS]
