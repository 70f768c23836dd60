"""What queries of the index find, with the articles of those that are to be shown."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Concatenate, NamedTuple, ParamSpec

from bot.core.models import Article
from bot.store.rows import articles
from bot.store.sqlite.database import Database

P = ParamSpec("P")

LOOKED_AT = 100
"""Of the first hits, those whose articles are weighed; the order of the others stays."""


class Hit(NamedTuple):
    """An article that was found; `score` is its BM25, larger is better (0 where nothing was scored).

    `article` is there where it was read with the query.
    """

    article_id: int
    page: str
    published: int
    score: float
    article: Article | None = None


class Shown(NamedTuple):
    """Which of the hits are to be shown: `most` of them after so many, of each page one, in this order.

    Where they are weighed, the first of them are read and their scores multiplied by that, which orders them.
    """

    after: int
    most: int
    order: Callable[[Iterable[Hit]], list[Hit]] = list
    weigh: Callable[[Article], float] | None = None


async def read_hits(
    database: Database,
    shown: Shown | None,
    find: Callable[Concatenate[sqlite3.Connection, P], list[Hit]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> list[Hit]:
    """What `find(connection, …)` finds, in the order of `shown` and with the articles that are.

    They are read in the same step: waiting for a thread once more costs as much as reading five articles.
    Raises `StoreError`.
    """

    def read(connection: sqlite3.Connection) -> list[Hit]:
        found = find(connection, *args, **kwargs)
        return found if shown is None else _with_articles(connection, shown.order(found), shown)

    return await database.read(read)


def _with_articles(connection: sqlite3.Connection, found: Sequence[Hit], shown: Shown) -> list[Hit]:
    of_pages: dict[str, Hit] = {}
    for hit in found:
        of_pages.setdefault(hit.page, hit)
    by_id: dict[int, Article] = {}
    first = list(of_pages.values())
    if shown.weigh is not None and shown.most and len(first) > 1:
        looked, weigh = first[:LOOKED_AT], shown.weigh
        by_id = _read(connection, looked)
        weights = {id_: weigh(article) for id_, article in by_id.items()}
        weighed = [hit._replace(score=hit.score * weights.get(hit.article_id, 1.0)) for hit in looked]
        weighed.sort(key=lambda hit: -hit.score)
        first[:LOOKED_AT] = weighed
        known = {hit.article_id for hit in looked}
        found = [*weighed, *(hit for hit in found if hit.article_id not in known)]
    wanted = first[shown.after : shown.after + shown.most]
    if unread := [hit for hit in wanted if hit.article_id not in by_id]:
        by_id |= _read(connection, unread)
    return [hit._replace(article=by_id.get(hit.article_id)) for hit in found]


def _read(connection: sqlite3.Connection, hits_: Sequence[Hit]) -> dict[int, Article]:
    return {each.id: each for each in articles(connection, [hit.article_id for hit in hits_])}


def hits(
    connection: sqlite3.Connection, sql: str, parameters: Mapping[str, object] | Sequence[object]
) -> list[Hit]:
    """What a query for id, page, date and score gives, in one step, as `rows.ids_of` does."""
    (found,) = connection.execute(
        "WITH found (id, page, published, score) AS"
        f" ({sql}) SELECT json_group_array(json_array(id, page, published, score)) FROM found",
        parameters,
    ).fetchone()
    return [Hit(*each) for each in json.loads(found)]
