"""What queries of the index find, with the articles of those that are to be shown."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Concatenate, NamedTuple, ParamSpec

from bot.store.database import Database
from bot.store.rows import articles
from bot.words import Article

P = ParamSpec("P")


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
    """Which of the hits are to be shown: `most` of them after so many, of each page one, in this order."""

    after: int
    most: int
    order: Callable[[Iterable[Hit]], list[Hit]] = list


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
    of_pages: dict[str, int] = {}
    for hit in found:
        of_pages.setdefault(hit.page, hit.article_id)
    wanted = list(of_pages.values())[shown.after : shown.after + shown.most]
    by_id = {article.id: article for article in articles(connection, wanted)}
    return [hit._replace(article=by_id.get(hit.article_id)) for hit in found]


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
