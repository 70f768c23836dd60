"""Recognition of entries that a feed shows again under other URLs: the feed has moved, and they are not new.

A site gets another host, other paths, other numbers or other guids; what its readers see stays unchanged. An
unknown entry is an article that is otherwise absent from the document if they agree in

- title and date, or text and date;
- title and text, if the entry has no date, or their links differ only in a version parameter;
- title and the path of their links, if the entry has no date;
- title and text, title and path, or a similar title and the date, if most unknown entries of the document
  agree in one of these ways with an article: then the feed has moved and changed dates or guids.

A title alone decides nothing: a recurring title ("Links of the week") is as ambiguous as a text that several
entries have, or a date that most of them have.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from bot.polling.identity.entry_identity import are_titles_close
from bot.polling.identity.entry_keys import EntryKeys
from bot.store.records.source_records import KnownArticle
from bot.text.words import normalize_title, split_at_white_space

EXTRA_CANDIDATES = 50
"""Maximum number of stored articles, beyond a document's number of entries, that the entries are compared with."""
MIN_MATCHING_TITLES = 3
"""Minimum number of titles of unknown entries that must match articles for a feed to count as moved.

One less is enough if no entry of the document is known, and all match.
"""

_MAX_CANDIDATES_PER_KEY = 8
"""Maximum number of articles with one title, date or path that an entry is compared with."""
_VERSION_PARAMETERS = split_at_white_space("_ cache cb modified rev revision t timestamp ts updated v ver version")
"""Names of parameters that tell versions of a page apart, or only defeat caches."""


class CandidatePair(NamedTuple):
    """Unknown entry, and a stored article that the entry may be."""

    keys: EntryKeys
    article: KnownArticle


class RelocationMatcher:
    """Matcher of a document's unknown entries with stored articles of the feed that they may be under other URLs.

    `articles` are the feed's stored articles; `matched_article_ids` are the ids of those that were recognised in the
    document before.
    """

    def __init__(
        self,
        entry_keys: Sequence[EntryKeys],
        unknown_entry_keys: Sequence[EntryKeys],
        articles: Sequence[KnownArticle],
        matched_article_ids: Collection[int],
    ) -> None:
        self._unknown_entry_keys, self._are_all_unknown = unknown_entry_keys, not matched_article_ids
        self._title_by_article = {article.article_id: normalize_title(article.title) for article in articles}
        title_counters = (
            Counter(keys.normalized_title for keys in entry_keys),
            Counter(self._title_by_article.values()),
        )
        self._recurring_titles = {
            title for title_counts in title_counters for title, count in title_counts.items() if count > 1
        }
        published_counts = Counter(keys.published for keys in entry_keys if keys.published is not None)
        self._distinctive_dates = {
            published for published, count in published_counts.items() if count <= max(2, len(entry_keys) // 2)
        }
        self._entry_count_by_content_hash = Counter(keys.content_hash for keys in entry_keys if keys.content_hash)
        self._absent_articles = [article for article in articles if article.article_id not in matched_article_ids]
        self.pairs = list(self._iter_pairs())
        """Pairs of an entry and an article that it may be; their number per entry is bounded."""

    def _iter_pairs(self) -> Iterable[CandidatePair]:
        articles_by_group_key: dict[tuple[object, ...], list[KnownArticle]] = defaultdict(list)
        for article in self._absent_articles:
            title = self._title_by_article[article.article_id]
            for group_key in self._iter_group_keys(title, article.published, article.url):
                articles_by_group_key[group_key].append(article)
        for keys in self._unknown_entry_keys:
            group_keys = self._iter_group_keys(keys.normalized_title, keys.published, keys.url)
            for article in dict.fromkeys(
                candidate
                for shared_key in group_keys
                for candidate in articles_by_group_key.get(shared_key, ())[:_MAX_CANDIDATES_PER_KEY]
            ):
                yield CandidatePair(keys, article)

    def _iter_group_keys(self, title: str, published: int | None, url: str) -> Iterable[tuple[object, ...]]:
        if published in self._distinctive_dates:
            yield published, title
            yield (published,)
        if title:
            yield (title,)
        if url:
            yield "link", title, strip_version(url)[1]

    def match(self, content_hash_by_article_id: Mapping[int, bytes]) -> dict[bytes, KnownArticle]:
        """Return the articles that unknown entries are, by the entry's `strong_key` (a hash), each article once."""
        certain_matches: dict[bytes, KnownArticle] = {}
        likely_matches: dict[bytes, KnownArticle] = {}
        article_count_by_content = Counter(
            (absent_article.title, content_hash_by_article_id.get(absent_article.article_id))
            for absent_article in self._absent_articles
        )
        for keys, article in self.pairs:
            content_hash = content_hash_by_article_id.get(article.article_id, b"")
            is_certain, is_likely = self._compare(
                keys, article, content_hash, is_boilerplate=article_count_by_content[article.title, content_hash] > 1
            )
            if is_certain:
                certain_matches.setdefault(keys.strong_key, article)
            elif is_likely:
                likely_matches.setdefault(keys.strong_key, article)
        certain_matches = _keep_unique_articles(certain_matches, ())
        likely_matches = _keep_unique_articles(
            {
                strong_key: likely_article
                for strong_key, likely_article in likely_matches.items()
                if strong_key not in certain_matches
            },
            certain_matches.values(),
        )
        return (
            certain_matches | likely_matches
            if self._has_moved([*certain_matches.values(), *likely_matches.values()])
            else certain_matches
        )

    def _compare(
        self, keys: EntryKeys, article: KnownArticle, content_hash: bytes, *, is_boilerplate: bool
    ) -> tuple[bool, bool]:
        """Return whether an entry surely is a stored article, and whether it is one if the feed has moved.

        `is_boilerplate`: several articles have this title and content, so that the content decides nothing.
        """
        article_title = self._title_by_article[article.article_id]
        has_same_title = bool(keys.normalized_title) and keys.normalized_title == article_title
        has_same_content = keys.content_hash == content_hash
        has_distinctive_content = (
            has_same_content and self._entry_count_by_content_hash[keys.content_hash] == 1 and not is_boilerplate
        )
        is_unique = keys.normalized_title not in self._recurring_titles
        if keys.published == article.published and keys.published in self._distinctive_dates:
            return has_distinctive_content or (
                has_same_title and (is_unique or has_same_content)
            ), is_unique and are_titles_close(keys.normalized_title, article_title)
        (entry_host, entry_path), (article_host, article_path) = (
            strip_version(keys.url),
            strip_version(article.url),
        )
        has_same_path = len(entry_path) > 1 and entry_path == article_path
        if keys.published is None:
            return has_same_title and (has_distinctive_content or (has_same_path and is_unique)), False
        return (
            has_same_title and has_same_content and has_same_path and entry_host == article_host,
            has_same_title and (has_distinctive_content or (has_same_path and is_unique)),
        )

    def _has_moved(self, matched_articles: Sequence[KnownArticle]) -> bool:
        """Return whether so many unknown entries match stored articles that the feed must have moved."""
        titles = {self._title_by_article[article.article_id] for article in matched_articles}
        has_matched_all = self._are_all_unknown and len(matched_articles) == len(self._unknown_entry_keys)
        return 2 * len(matched_articles) > len(self._unknown_entry_keys) and len(titles) >= (
            MIN_MATCHING_TITLES - 1 if has_matched_all else MIN_MATCHING_TITLES
        )


def _keep_unique_articles(
    matches: Mapping[bytes, KnownArticle], assigned_articles: Iterable[KnownArticle]
) -> dict[bytes, KnownArticle]:
    """Return the matches of entries with articles, each article once, without those that other entries have."""
    assigned_article_ids = {assigned_article.article_id for assigned_article in assigned_articles}
    unique_matches = {}
    for strong_key, article in matches.items():
        if article.article_id not in assigned_article_ids:
            assigned_article_ids.add(article.article_id)
            unique_matches[strong_key] = article
    return unique_matches


def strip_version(url: str) -> tuple[str, str]:
    """Return host and path of a URL, without trailing slash and version parameters, but with its query."""
    parts = urlsplit(url)
    query_pairs = [
        pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in _VERSION_PARAMETERS
    ]
    return parts.netloc, parts.path.rstrip("/") + "".join(
        f"&{name}={parameter_value}" for name, parameter_value in query_pairs
    )
