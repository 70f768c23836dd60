"""Mapping between rows and models: the columns to select, and the conversions of their values."""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import fields
from enum import Enum
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from bot.core.models import Article, Dispatch, DueFeed, Feed, FeedState, NewArticle, Subscription, Validators
from bot.core.preferences import PostLook
from bot.core.reasons import Reason
from bot.core.user_models import Bookmark
from bot.store.connection import Connection, Row
from bot.store.url_encryption import decrypt_url
from bot.text import urls

T = TypeVar("T")

FEED_COLUMN_BY_FIELD = {
    "icon_url": "icon",
    "failure_count": "failures",
    "skip_hour_bits": "skip_hours",
    "skip_day_bits": "skip_days",
    "list_signature": "page_list",
    "next_poll_at": "next_poll",
    "last_poll_at": "last_poll",
    "last_success_at": "last_success",
    "last_article_at": "last_article",
}
"""Columns of the table `feed` that have other names than the fields of the class `Feed`, by field."""
_FEED_FIELD_NAMES = [field.name for field in fields(Feed)]
_VALIDATORS_INDEX = _FEED_FIELD_NAMES.index("validators")
FEED_COLUMNS = [
    FEED_COLUMN_BY_FIELD.get(field_name, field_name)
    for field_name in (
        *_FEED_FIELD_NAMES[:_VALIDATORS_INDEX],
        *Validators._fields,
        *_FEED_FIELD_NAMES[_VALIDATORS_INDEX + 1 :],
    )
]
"""Columns of a feed in the order of `Feed`'s fields, with several columns for the field `validators`."""
FEED_SQL = ", ".join(f"feed.{name}" for name in FEED_COLUMNS)
"""SQL list of the columns of which `feed_from_row` builds a `Feed`."""
_URL_INDEX, _SERVER_ID_INDEX, _STATE_INDEX, _MOVED_TO_INDEX = map(
    FEED_COLUMNS.index, ("url", "server_id", "state", "moved_to")
)
DUE_FEED_SQL = """
    feed.id, feed.url, feed.etag, feed.last_modified, feed.body_hash, feed.interval, feed.added_at,
    feed.last_success, feed.last_article, feed.ttl, feed.skip_hours, feed.skip_days,
    feed.failures = 0 AND feed.moved_to IS NULL
"""
"""SQL list of the columns of a feed to poll; ids of servers that follow the feed, as a text, must be added."""
ARTICLE_SQL = """
    article.id, article.key, article.feed_id, article.page_key, article.url, article.title, article.summary,
    article.text, coalesce(article.page_text, article.body) AS body, article.author,
    article.outlet,
    article.language, article.tags, article.image_url, article.published, article.found_at, article.updated_at,
    article.corrected_at, article.retracted_at, article.audio_url, article.duration_seconds,
    article.comments_url, article.comment_count, NULL AS translated_from
"""
"""SQL list of the columns of which `article_from_row` builds an `Article`."""
IS_FEED_ARTICLE_SQL = "+article.feed_id > 0"
"""SQL condition that leaves out the pages that users saved, for queries of `article` without a list of feeds.

The sign keeps SQLite from choosing the index on feeds.
"""
SUBSCRIPTION_SQL = """
    subscription.id, channel.server_id, subscription.channel_id, subscription.feed_id,
    subscription.added_at, subscription.paused_at, subscription.look
"""
"""SQL list of the columns of a subscription, for a query that joins the table `channel`."""


def build_json_ids_sql(column_sql: str) -> str:
    """Return SQL that aggregates integers as a JSON array, which is empty without rows."""
    return f"'[' || coalesce(string_agg(CAST({column_sql} AS TEXT), ','), '') || ']'"


DISPATCH_SQL = f"""
    dispatch.id,
    coalesce(channel.server_id, (SELECT server_id FROM watch WHERE id = dispatch.watch_id),
        (SELECT server_id FROM proposal WHERE id = dispatch.proposal_id), 0) AS server_id,
    channel.user_id, dispatch.watch_id, dispatch.channel_id, dispatch.kind,
    dispatch.dedupe_key, dispatch.state, dispatch.created_at, dispatch.due_at,
        dispatch.attempts AS attempt_count,
    dispatch.claimed_at, dispatch.message_id, dispatch.thread_id, dispatch.sent_at,
    dispatch.is_finalized, dispatch.edit_due_at, dispatch.last_error,
        dispatch.payload,
    dispatch.look, dispatch.webhook_id, dispatch.proposal_id, dispatch.proposer_id, dispatch.notice_id,
    (SELECT {build_json_ids_sql("covered_article.id")}
     FROM (SELECT DISTINCT article.id, article.published
           FROM delivery_status JOIN article ON article.id = delivery_status.article_id
           WHERE delivery_status.dispatch_id = dispatch.id AND dispatch.kind <> 'digest'
           UNION
           SELECT article.id, article.published FROM watch_match JOIN article ON article.id = watch_match.article_id
           WHERE watch_match.dispatch_id = dispatch.id
           UNION
           SELECT article.id, article.published
           FROM digest_article JOIN article ON article.id = digest_article.article_id
           WHERE digest_article.dispatch_id = dispatch.id
           ORDER BY 2, 1) AS covered_article) AS article_ids,
    (SELECT {build_json_ids_sql("article_id")}
     FROM (SELECT DISTINCT article_id, decided_at FROM delivery_status WHERE joined_dispatch_id = dispatch.id
           ORDER BY decided_at, article_id) AS joined_article) AS joined_article_ids,
    (SELECT {build_json_ids_sql("role_id")}
     FROM (SELECT role_id FROM post_mention WHERE dispatch_id = dispatch.id AND outcome = 'mentioned'
           ORDER BY role_id) AS mentioned_role) AS mentioned_role_ids
"""
"""SQL list of the columns of a dispatch (message in the outbox), for a query that joins the table `channel`."""
_ENTRY_COLUMN_NAMES = [field.name for field in fields(NewArticle) if field.name not in {"key", "identity_hashes"}]
_TEXT_INDEX, _BODY_INDEX, _TAGS_INDEX = map(Article._fields.index, ("text", "body", "tags"))
_FEED_STATE_BY_VALUE = {state.value: state for state in FeedState}


@cache
def _build_converters(model_class: type) -> dict[str, Callable[[Any], Any] | None]:
    """Return the converter for each field of a class, or None for fields whose column is used as it is."""
    return {field_name: _build_converter(type_hint) for field_name, type_hint in get_type_hints(model_class).items()}


def _build_converter(type_hint: Any) -> Callable[[Any], Any] | None:  # noqa: ANN401 - any annotation
    if isinstance(type_hint, UnionType) and NoneType in get_args(type_hint):
        convert = _build_converter(get_args(type_hint)[0])
        return convert and (lambda column_value: None if column_value is None else convert(column_value))
    if get_origin(type_hint) is tuple:
        return lambda json_text: tuple(json.loads(json_text))
    if type_hint is PostLook:
        return PostLook.from_json
    if type_hint is Reason:
        return Reason.decode
    return type_hint if type_hint is bool or (isinstance(type_hint, type) and issubclass(type_hint, Enum)) else None


def from_row(model_class: Callable[..., T], row: Row, **overrides: object) -> T:
    """Build a dataclass from the columns named like its fields.

    Values in `overrides` replace those of the columns.
    """
    converter_by_field = _build_converters(cast("type", model_class))
    field_values = {
        field_name: convert(row[field_name]) if convert else row[field_name]
        for field_name, convert in converter_by_field.items()
        if field_name not in overrides
    }
    return model_class(**field_values, **overrides)


def feed_from_row(row: Row) -> Feed:
    """Build a feed from the columns of `FEED_SQL`, by position: access by name takes twice as long.

    Raises `DatabaseUnusable` if the feed's URL cannot be decrypted.
    """
    column_values = list(row)
    column_values[_URL_INDEX] = decrypt_url(column_values[_URL_INDEX])
    column_values[_SERVER_ID_INDEX] = column_values[_SERVER_ID_INDEX] or None
    column_values[_STATE_INDEX] = _FEED_STATE_BY_VALUE[column_values[_STATE_INDEX]]
    column_values[_MOVED_TO_INDEX] = column_values[_MOVED_TO_INDEX] and decrypt_url(column_values[_MOVED_TO_INDEX])
    validator_count = len(Validators._fields)
    column_values[_VALIDATORS_INDEX : _VALIDATORS_INDEX + validator_count] = [
        Validators(*column_values[_VALIDATORS_INDEX : _VALIDATORS_INDEX + validator_count])
    ]
    return Feed(*column_values)


def due_feed_from_row(row: Row) -> DueFeed:
    """Build a due feed from the columns of `DUE_FEED_SQL`.

    Raises `DatabaseUnusable` if the feed's URL cannot be decrypted.
    """
    feed_id, url, etag, last_modified, body_hash, *schedule_values = row
    return DueFeed(feed_id, decrypt_url(url), Validators(etag, last_modified, body_hash), *schedule_values)


def feed_to_columns(feed: Feed) -> dict[str, Any]:
    """Return the values to store for a feed, by column name, with URLs in plain text."""
    value_by_column = {
        FEED_COLUMN_BY_FIELD.get(field_name, field_name): getattr(feed, field_name)
        for field_name in _FEED_FIELD_NAMES
        if field_name != "validators"
    }
    converted_value_by_column = {"server_id": feed.server_id or 0, "state": feed.state.value}
    return value_by_column | feed.validators._asdict() | converted_value_by_column


def article_from_row(row: Sequence[Any] | Row) -> Article:
    """Build an article from the columns of `ARTICLE_SQL`, by position.

    If the column for the body is NULL, the body equals the text.
    """
    column_values = list(row)
    if column_values[_BODY_INDEX] is None:
        column_values[_BODY_INDEX] = column_values[_TEXT_INDEX]
    column_values[_TAGS_INDEX] = (
        () if column_values[_TAGS_INDEX] == "[]" else tuple(json.loads(column_values[_TAGS_INDEX]))
    )
    return Article._make(column_values)


def load_articles(db: Connection, article_ids: Collection[int]) -> list[Article]:
    """Return the articles with these ids, in no particular order."""
    articles_sql = f"SELECT {ARTICLE_SQL} FROM article WHERE id IN (:ids)"
    return [article_from_row(row) for row in db.fetch_sequences(Article._fields, articles_sql, {"ids": article_ids})]


def article_to_columns(article: NewArticle) -> dict[str, Any]:
    """Return the values to store for an article that follow from its feed entry, by column name."""
    value_by_column = {column_name: getattr(article, column_name) for column_name in _ENTRY_COLUMN_NAMES}
    return value_by_column | {
        "body": None if article.body == article.text else article.body,
        "tags": json.dumps(article.tags, ensure_ascii=False),
        "has_own_page_key": article.page_key != urls.compute_page_key(article.url),
    }


ARTICLE_IDS_AT_URLS_SQL = """
    SELECT id FROM article WHERE page_key IN (:pages) AND url IN (:urls)
    UNION SELECT id FROM article WHERE has_own_page_key = 1 AND url IN (:urls)
"""
"""Query for the ids of the articles at some URLs, with parameters from `build_url_parameters`."""


def build_url_parameters(canonical_urls: Collection[str]) -> dict[str, Any]:
    """Return the parameters of the query for the ids of the articles at canonical URLs."""
    return {
        "urls": canonical_urls,
        "pages": {urls.compute_page_key(url) for url in canonical_urls},
    }


subscription_from_row = partial(from_row, Subscription)
dispatch_from_row = partial(from_row, Dispatch)


def bookmark_from_row(row: Row) -> Bookmark:
    """Build a bookmark from its columns, with the prefix `saved_`, and the columns of its article."""
    value_by_column = dict(row)
    bookmark_value_by_field = {
        column_name.removeprefix("saved_"): value_by_column.pop(column_name)
        for column_name in list(value_by_column)
        if column_name.startswith("saved_")
    }
    bookmark_value_by_field["tags"] = tuple(json.loads(bookmark_value_by_field["tags"]))
    return Bookmark(article=article_from_row(list(value_by_column.values())), **bookmark_value_by_field)
