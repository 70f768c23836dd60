"""Recognition of entries as stored articles, despite changed guids, links, titles or dates.

- The guid decides, unless the feed repeats it.
- An entry with an unknown guid and a known link is the known article if title or date agree.
- Two guids with one link in one document are two articles.
- A title alone decides nothing.
- An entry without a guid is identified by its link, an entry without both by its content.

Known articles are looked up by hashes of these traits: the weak key of an entry is a hash of its guid, else of its
link, else of its content; the strong key, a hash also of link and title, is unique in a document. Articles with one
page key have one link.

Variants of a URL (`urls.list_url_variants`) are equal. Entries that a feed shows again under other URLs are
left to the module `relocated_entries`.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import urlsplit

from rapidfuzz import fuzz

from bot.polling.identity.entry_keys import EntryKeys
from bot.store.records.source_records import KnownArticle
from bot.text.words import normalize_title

TITLE_SIMILARITY_THRESHOLD = 80
"""Minimum similarity, out of 100, of two titles with the same numbers that may be versions of one title."""

_NUMBER_PATTERN = re.compile(r"\d+")


def has_repeated_weak_key(keys: EntryKeys, known_article_by_key: Mapping[bytes, KnownArticle]) -> bool:
    """Return whether several entries have or had an entry's weak key (hash of guid or link): it identifies none."""
    return keys.is_weak_key_repeated or keys.repeat_marker in known_article_by_key


def match_by_key(
    entry_keys: Sequence[EntryKeys], known_article_by_key: Mapping[bytes, KnownArticle]
) -> dict[bytes, KnownArticle]:
    """Return the stored articles of entries, by the entry's strong key (hash of guid, link and title).

    They are found by the strong key, else by the weak key (hash of guid or link), unless that is repeated.
    """
    article_by_strong_key = {}
    for keys in entry_keys:
        article = known_article_by_key.get(keys.strong_key)
        if article is None and not has_repeated_weak_key(keys, known_article_by_key):
            article = known_article_by_key.get(keys.weak_key)
        if article is not None:
            article_by_strong_key[keys.strong_key] = article
    return article_by_strong_key


def match_by_url_variant(
    entry_keys: Sequence[EntryKeys], known_article_by_key: Mapping[bytes, KnownArticle]
) -> dict[bytes, KnownArticle]:
    """Return the articles of entries known by a variant of their URL, such as http, by strong key (entry's hash)."""
    return {
        keys.strong_key: next(
            known_article_by_key[variant_key]
            for variant_key in keys.url_variant_keys
            if variant_key in known_article_by_key
        )
        for keys in entry_keys
        if not keys.is_weak_key_repeated
        and any(variant_key in known_article_by_key for variant_key in keys.url_variant_keys)
    }


def get_articles_at_link(
    keys: EntryKeys, articles_by_page_key: Mapping[str, Sequence[KnownArticle]]
) -> Sequence[KnownArticle]:
    """Return the feed's articles that have the entry's link."""
    return articles_by_page_key.get(keys.page_key, ())


def match_by_link(
    entry_keys: Sequence[EntryKeys],
    articles_by_page_key: Mapping[str, Sequence[KnownArticle]],
    matched_article_ids: Collection[int],
) -> dict[bytes, KnownArticle]:
    """Return the articles of unknown entries that have the entry's link, by the entry's strong key (a hash).

    `matched_article_ids` are the ids of the articles that other entries were matched with. Title or date must agree;
    both must if a link is ambiguous, because several entries or articles have it or it is the site's home page.
    """
    article_by_strong_key: dict[bytes, KnownArticle] = {}
    matched_article_ids = set(matched_article_ids)
    for keys in entry_keys:
        candidates = get_articles_at_link(keys, articles_by_page_key)
        required_agreement_count = 2 if keys.is_link_shared or len(candidates) > 1 or _is_home_page(keys.url) else 1
        scored_candidates = [
            (
                are_titles_close(keys.normalized_title, normalize_title(candidate.title))
                + (keys.published == candidate.published),
                candidate,
            )
            for candidate in candidates
            if candidate.article_id not in matched_article_ids
        ]
        agreement_count, article = max(
            scored_candidates, key=lambda scored_candidate: scored_candidate[0], default=(0, None)
        )
        if article is not None and agreement_count >= required_agreement_count:
            article_by_strong_key[keys.strong_key] = article
            matched_article_ids.add(article.article_id)
    return article_by_strong_key


def _is_home_page(url: str) -> bool:
    parts = urlsplit(url)
    return parts.path in {"", "/"} and not parts.query and not parts.fragment


def are_titles_close(title: str, other_title: str) -> bool:
    """Return whether two titles may be versions of one title.

    Different numbers tell issues of a series apart.
    """
    if not title or not other_title:
        return False
    return title == other_title or (
        _NUMBER_PATTERN.findall(title) == _NUMBER_PATTERN.findall(other_title)
        and fuzz.ratio(title, other_title) >= TITLE_SIMILARITY_THRESHOLD
    )
