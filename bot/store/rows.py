"""How rows become words: the columns to ask for, and the dataclasses made of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from bot.core.choices import Look
from bot.core.models import (
    Article,
    Dispatch,
    DispatchKind,
    DispatchState,
    DueFeed,
    Feed,
    FeedState,
    NewArticle,
    Subscription,
    Validators,
)
from bot.core.people_models import Bookmark
from bot.store.connection import Connection, Row
from bot.store.sealing import opened
from bot.text import urls

FEED = """
    feed.id, feed.url, feed.server_id, feed.title, feed.outlet, feed.site_url, feed.icon, feed.language,
    feed.state, feed.etag, feed.last_modified, feed.body_hash, feed.entries_hash, feed.added, feed.next_poll,
    feed.interval, feed.last_poll, feed.last_success, feed.last_article, feed.failures, feed.failing_since,
    feed.error, feed.error_detail, feed.moved_to, feed.moved_since, feed.ttl, feed.skip_hours, feed.skip_days,
    feed.page_list
"""
DUE_FEED = """
    feed.id, feed.url, feed.etag, feed.last_modified, feed.body_hash, feed.interval, feed.added,
    feed.last_success, feed.last_article, feed.ttl, feed.skip_hours, feed.skip_days,
    feed.failures = 0 AND feed.moved_to IS NULL
"""
ARTICLE = """
    article.id, article.key, article.feed_id, article.page, article.url, article.title, article.summary,
    article.text, coalesce(article.page_text, article.body) AS body, article.author,
    article.outlet,
    article.language, article.tags, article.image, article.published, article.found, article.updated,
    article.corrected, article.retracted, article.audio, article.duration, NULL AS translated_from
"""
SUBSCRIPTION = """
    subscription.id, channel.server_id, subscription.channel_id, subscription.feed_id, subscription.added,
    subscription.paused, subscription.look
"""
DISPATCH = """
    dispatch.id,
    coalesce(channel.server_id, (SELECT server_id FROM watch WHERE id = dispatch.watch_id), 0) AS server_id,
    channel.person_id, dispatch.watch_id, dispatch.channel_id, dispatch.kind, dispatch.what, dispatch.state,
    dispatch.created, dispatch.due, dispatch.attempts, dispatch.claimed, dispatch.message_id,
    dispatch.thread_id, dispatch.sent, dispatch.finished, dispatch.edit_due, dispatch.error, dispatch.payload,
    dispatch.look, dispatch.webhook_id,
    (SELECT json_group_array(covered.id)
     FROM (SELECT DISTINCT a.id, a.published FROM fate JOIN article AS a ON a.id = fate.article_id
           WHERE fate.dispatch_id = dispatch.id AND dispatch.kind <> 'digest'
           UNION
           SELECT a.id, a.published FROM watch_match JOIN article AS a ON a.id = watch_match.article_id
           WHERE watch_match.dispatch_id = dispatch.id
           UNION
           SELECT a.id, a.published FROM digest_article JOIN article AS a ON a.id = digest_article.article_id
           WHERE digest_article.dispatch_id = dispatch.id
           ORDER BY 2, 1) AS covered) AS article_ids,
    (SELECT json_group_array(article_id)
     FROM (SELECT DISTINCT article_id, decided FROM fate WHERE joined_id = dispatch.id
           ORDER BY decided, article_id) AS joined) AS joined_ids
"""
_TEXT, _BODY, _TAGS = map(Article._fields.index, ("text", "body", "tags"))
_STATES = {state.value: state for state in FeedState}


def listed(values: Collection[Any]) -> str:
    """Numbers or texts as one parameter, read in SQL by `SELECT value FROM json_each(?)`, texts by `atom`."""
    return json.dumps(list(values))


def ids_of(
    connection: Connection, sql: str, parameters: Mapping[str, object] | Sequence[object]
) -> list[int]:
    """The numbers that a query gives, in its order, in one step.

    A row at a time gives up the interpreter's lock for each row and has to get it back, which costs more than
    the row where several search at once. A query with an order needs a limit, or SQLite may leave it out.
    """
    found = connection.value(f"WITH found (id) AS ({sql}) SELECT json_group_array(id) FROM found", parameters)
    return cast("list[int]", json.loads(found))


def feed(row: Row) -> Feed:
    """A feed of the columns `FEED`, by position: polls read many, and by name takes twice as long."""
    (
        id_,
        url,
        server_id,
        title,
        outlet,
        site_url,
        icon,
        language,
        state,
        etag,
        last_modified,
        body_hash,
        entries_hash,
        added,
        next_poll,
        interval,
        last_poll,
        last_success,
        last_article,
        failures,
        failing_since,
        error,
        error_detail,
        moved_to,
        moved_since,
        ttl,
        skip_hours,
        skip_days,
        page_list,
    ) = row
    return Feed(
        id=id_,
        server_id=server_id or None,
        state=_STATES[state],
        validators=Validators(
            etag=etag, last_modified=last_modified, body_hash=body_hash, entries_hash=entries_hash
        ),
        url=opened(url),
        title=title,
        outlet=outlet,
        site_url=site_url,
        icon=icon,
        language=language,
        added=added,
        next_poll=next_poll,
        interval=interval,
        last_poll=last_poll,
        last_success=last_success,
        last_article=last_article,
        failures=failures,
        failing_since=failing_since,
        error=error,
        error_detail=error_detail,
        moved_to=moved_to and opened(moved_to),
        moved_since=moved_since,
        ttl=ttl,
        skip_hours=skip_hours,
        skip_days=skip_days,
        page_list=page_list,
    )


def due_feed(row: Row) -> DueFeed:
    """A feed that is due, of the columns `DUE_FEED`."""
    id_, url, etag, last_modified, body_hash, *rest = row
    return DueFeed(id_, opened(url), Validators(etag, last_modified, body_hash), *rest)


def feed_values(feed: Feed) -> dict[str, Any]:
    """The columns of a feed by name."""
    return {
        "id": feed.id,
        "url": feed.url,
        "server_id": feed.server_id or 0,
        "title": feed.title,
        "outlet": feed.outlet,
        "site_url": feed.site_url,
        "icon": feed.icon,
        "language": feed.language,
        "state": feed.state.value,
        "etag": feed.validators.etag,
        "last_modified": feed.validators.last_modified,
        "body_hash": feed.validators.body_hash,
        "entries_hash": feed.validators.entries_hash,
        "added": feed.added,
        "next_poll": feed.next_poll,
        "interval": feed.interval,
        "last_poll": feed.last_poll,
        "last_success": feed.last_success,
        "last_article": feed.last_article,
        "failures": feed.failures,
        "failing_since": feed.failing_since,
        "error": feed.error,
        "error_detail": feed.error_detail,
        "moved_to": feed.moved_to,
        "moved_since": feed.moved_since,
        "ttl": feed.ttl,
        "skip_hours": feed.skip_hours,
        "skip_days": feed.skip_days,
        "page_list": feed.page_list,
    }


def article(row: Sequence[Any] | Row) -> Article:
    """An article of the columns `ARTICLE`, by position: searches read many. Most bodies are the text."""
    values = list(row)
    if values[_BODY] is None:
        values[_BODY] = values[_TEXT]
    values[_TAGS] = () if values[_TAGS] == "[]" else tuple(json.loads(values[_TAGS]))
    return Article._make(values)


def articles(connection: Connection, ids: Collection[int]) -> list[Article]:
    """The articles with these ids, in one step, as `ids_of` does."""
    columns = ", ".join(f'"{name}"' for name in Article._fields)
    found = connection.value(
        f"WITH found ({columns}) AS"
        f" (SELECT {ARTICLE} FROM article WHERE id IN (SELECT value FROM json_each(?)))"
        f" SELECT json_group_array(json_array({columns})) FROM found",
        (listed(ids),),
    )
    return [article(row) for row in json.loads(found)]


def article_values(new: NewArticle) -> dict[str, Any]:
    """The columns that an article's entry decides, by name."""
    return {
        "page": new.page,
        "url": new.url,
        "fingerprint": new.fingerprint,
        "title": new.title,
        "summary": new.summary,
        "text": new.text,
        "body": None if new.body == new.text else new.body,
        "author": new.author,
        "outlet": new.outlet,
        "language": new.language,
        "tags": json.dumps(new.tags, ensure_ascii=False),
        "image": new.image,
        "published": new.published,
        "own_page": new.page != urls.page(new.url),
        "audio": new.audio,
        "duration": new.duration,
    }


AT_URLS = """
    SELECT id FROM article WHERE page IN (SELECT atom FROM json_each(:pages))
        AND url IN (SELECT atom FROM json_each(:urls))
    UNION SELECT id FROM article WHERE own_page = 1 AND url IN (SELECT atom FROM json_each(:urls))
"""
"""The ids of the articles at some addresses; with the parameters of `at_urls`."""


def at_urls(found_at: Collection[str]) -> dict[str, Any]:
    """The parameters of `AT_URLS` for canonical addresses."""
    return {"urls": listed(found_at), "pages": listed({urls.page(url) for url in found_at})}


def subscription(row: Row) -> Subscription:
    """A subscription of the columns `SUBSCRIPTION`."""
    fields = dict(row)
    fields["look"] = None if fields["look"] is None else Look.of(fields["look"])
    return Subscription(**fields)


def dispatch(row: Row) -> Dispatch:
    """A dispatch of the columns `DISPATCH`."""
    fields = dict(row)
    fields["kind"] = DispatchKind(fields["kind"])
    fields["state"] = DispatchState(fields["state"])
    fields["finished"] = bool(fields["finished"])
    fields["look"] = Look.of(fields["look"])
    fields["article_ids"] = tuple(json.loads(fields["article_ids"]))
    fields["joined_ids"] = tuple(json.loads(fields["joined_ids"]))
    return Dispatch(**fields)


def bookmark(row: Row) -> Bookmark:
    """A bookmark of its own columns, named `saved_…`, and those of `ARTICLE`."""
    fields = dict(row)
    own = {
        name.removeprefix("saved_"): fields.pop(name) for name in list(fields) if name.startswith("saved_")
    }
    own["tags"] = tuple(json.loads(own["tags"]))
    return Bookmark(article=article(list(fields.values())), **own)
