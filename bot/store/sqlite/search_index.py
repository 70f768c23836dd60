"""The full-text index: what to look for, as a tree, and the articles that hold it.

SQLite's FTS5 (https://www.sqlite.org/fts5.html) does the work. Its query language is written here alone, from
index terms that stand in quotes, so that nothing a person types is ever read as an operator.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from bot.store.rows import ids_of, listed
from bot.store.sqlite.database import Database
from bot.store.sqlite.hits import Hit, Shown, hits, read_hits
from bot.text.lexicon import Lexicon

TITLE_WEIGHT = 2.0
BODY_WEIGHT = 1.0
MOST_FEEDS = 60  # that are looked for by token; more are filtered by row
MOST_MONTHS = 24
LAST = 50  # matches or more, those taken in last, among which the newest are looked for first
STRAGGLERS = 100  # articles that were taken in before those and may be newer
_PAIRED = "IN (SELECT rowid FROM pair_terms WHERE pair_terms MATCH :pairs)"


class Column(StrEnum):
    """Where a term is looked for."""

    TEXT = "{title body}"
    TITLE = "title"
    META = "meta"


@dataclass(frozen=True, slots=True)
class Terms:
    """Index terms next to each other in one column; with `prefix` the last one may go on."""

    terms: tuple[str, ...]
    column: Column = Column.TEXT
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Near:
    """Index terms in any order with at most `between` others between them."""

    terms: tuple[str, ...]
    between: int
    column: Column = Column.TEXT


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; there is at least one."""

    parts: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """One part holds; there is at least one."""

    parts: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class Except:
    """`wanted` holds and `unwanted` does not."""

    wanted: Wanted
    unwanted: Wanted


Wanted = Terms | Near | All | Any | Except
EVERYTHING = Terms(("d",), Column.META, prefix=True)
"""What every article holds: the token of some month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which articles may be found at all. Times are seconds since 1970 in UTC; `before` itself is outside.

    All `pairs` of words beside each other stand in them, whose lists are to be short.
    """

    feed_ids: frozenset[int] | None = None
    since: int | None = None
    before: int | None = None
    bookmarked_by: int | None = None
    not_bookmarked_by: int | None = None
    pairs: tuple[str, ...] = ()


class SearchIndex:
    """Queries of the index. Every method raises `StoreError` and runs on a reader's thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ranked(
        self,
        scored: Wanted,
        *,
        required: Wanted | None = None,
        scope: Scope,
        limit: int,
        shown: Shown | None = None,
    ) -> list[Hit]:
        """The best `limit` articles by BM25 of `scored`, among those that hold `required`.

        BM25 reads the whole list of every term of `scored`: keep those short. `required` costs little.
        """
        return await read_hits(self._database, shown, _ranked, scored, required, scope, limit)

    async def newest(
        self, wanted: Wanted | None, *, scope: Scope, limit: int, shown: Shown | None = None
    ) -> list[Hit]:
        """The `limit` articles published last that hold `wanted`."""
        return await read_hits(self._database, shown, _newest, wanted, scope, limit)

    async def any(self, wanted: Wanted, *, scope: Scope) -> bool:
        """Whether any article holds `wanted`."""
        return await self._database.read(_any, wanted, scope)

    async def holding(self, wanted: Wanted, article_ids: Collection[int]) -> set[int]:
        """Those of the articles that hold `wanted`."""
        sql = (
            "SELECT rowid FROM article_terms WHERE article_terms MATCH ?"
            " AND +rowid IN (SELECT value FROM json_each(?))"
        )
        rows = await self._database.fetchall(sql, (match(wanted), listed(article_ids)))
        return {row[0] for row in rows}

    async def size(self) -> int:
        """About how many articles there are: the largest id."""
        row = await self._database.fetchone("SELECT max(id) FROM article")
        return int(row[0] or 0) if row else 0

    async def frequencies(self, *, at_least: int) -> Lexicon:
        """In how many articles each term of title or text stands, the larger figure of both.

        Terms in fewer than `at_least` are left out.
        It reads the whole index: seconds for a million articles.
        """
        return await self._database.read(_frequencies, at_least)


def terms_of(wanted: Wanted) -> Iterator[str]:
    """Every term of the text that is looked for."""
    if isinstance(wanted, Terms | Near):
        if wanted.column is not Column.META:
            yield from wanted.terms
    elif isinstance(wanted, Except):
        yield from terms_of(wanted.wanted)
    else:
        for part in wanted.parts:
            yield from terms_of(part)


def match(wanted: Wanted) -> str:
    """The FTS5 expression of a tree."""
    if isinstance(wanted, Terms | Near):
        quoted = ['"' + term.replace('"', '""') + '"' for term in wanted.terms]
        if isinstance(wanted, Near):
            return f"{wanted.column} : NEAR({' '.join(quoted)}, {wanted.between})"
        return f"{wanted.column} : {' + '.join(quoted)}{' *' if wanted.prefix else ''}"
    if isinstance(wanted, Except):
        return f"({match(wanted.wanted)} NOT {match(wanted.unwanted)})"
    operator = " AND " if isinstance(wanted, All) else " OR "
    return "(" + operator.join(match(part) for part in wanted.parts) + ")"


def having(pairs: Iterable[str]) -> str:
    """The FTS5 expression for `pair_terms` of all these pairs."""
    return " AND ".join(f'"{pair}"' for pair in pairs)


def within(scope: Scope) -> tuple[str, dict[str, object]]:
    """What a scope asks of a row of `article`, as SQL and its parameters."""
    clauses: list[str] = []
    parameters: dict[str, object] = {}
    if scope.feed_ids is not None:
        clauses.append("article.feed_id IN (SELECT value FROM json_each(:feeds))")
        parameters["feeds"] = listed(scope.feed_ids)
    if scope.since is not None:
        clauses.append("article.published >= :since")
        parameters["since"] = scope.since
    if scope.before is not None:
        clauses.append("article.published < :before")
        parameters["before"] = scope.before
    if scope.bookmarked_by is not None:
        clauses.append(
            "article.id IN (SELECT article_id FROM bookmark WHERE person_id = :person AND removed IS NULL)"
        )
        parameters["person"] = scope.bookmarked_by
    if scope.not_bookmarked_by is not None:
        clauses.append(
            "article.id NOT IN (SELECT article_id FROM bookmark WHERE person_id = :other AND removed IS NULL)"
        )
        parameters["other"] = scope.not_bookmarked_by
    if scope.pairs:
        clauses.append(f"article.id {_PAIRED}")
        parameters["pairs"] = having(scope.pairs)
    return "".join(f" AND {clause}" for clause in clauses), parameters


def _tokens(scope: Scope) -> tuple[Wanted, ...]:
    """The part of a scope that the index itself knows: a set of feeds, and the months that dates lie in."""
    feeds, months = _feed_tokens(scope), _month_tokens(scope)
    if is_narrow(scope):
        return (any_meta(feed + month for feed in feeds for month in months),)
    if len(months) > MOST_MONTHS:
        months = []
    return tuple(any_meta(tokens) for tokens in (feeds, months) if tokens)


def is_narrow(scope: Scope) -> bool:
    """Whether it is a few feeds' months, each of which the index has a token for."""
    return 0 < len(_feed_tokens(scope)) * len(_month_tokens(scope)) <= MOST_FEEDS


def _feed_tokens(scope: Scope) -> list[str]:
    if scope.feed_ids is None or len(scope.feed_ids) > MOST_FEEDS:
        return []
    return [f"f{feed_id}" for feed_id in sorted(scope.feed_ids)]


def _month_tokens(scope: Scope) -> list[str]:
    if scope.since is None or scope.before is None:
        return []
    return list(_months(scope.before - 1, scope.since))


def in_title(wanted: Wanted) -> Wanted:
    """The same, of the title alone."""
    if isinstance(wanted, Except):
        return Except(in_title(wanted.wanted), wanted.unwanted)
    if isinstance(wanted, All | Any):
        return replace(wanted, parts=tuple(map(in_title, wanted.parts)))
    return replace(wanted, column=Column.TITLE) if wanted.column is Column.TEXT else wanted


def in_a_row(wanted: Wanted) -> Wanted:
    """The same with nothing between words that are near each other, in their order."""
    if isinstance(wanted, Except):
        return Except(in_a_row(wanted.wanted), wanted.unwanted)
    if isinstance(wanted, All | Any):
        return replace(wanted, parts=tuple(map(in_a_row, wanted.parts)))
    return Terms(wanted.terms, wanted.column) if isinstance(wanted, Near) else wanted


def any_meta(tokens: Iterable[str]) -> Wanted:
    """One of these meta tokens."""
    return Any(tuple(Terms((token,), Column.META) for token in tokens))


def narrowed(wanted: Wanted | None, scope: Scope) -> Wanted | None:
    """`wanted` with what the index itself knows of a scope."""
    parts = (*(() if wanted is None else (wanted,)), *_tokens(scope))
    return All(parts) if parts else None


def _months(newest: int, oldest: int) -> Iterator[str]:
    """The meta tokens of the months from `newest` back to `oldest`."""
    last, first = (datetime.fromtimestamp(max(0, moment), UTC) for moment in (newest, oldest))
    for number in range(last.year * 12 + last.month - 1, first.year * 12 + first.month - 2, -1):
        yield f"d{number // 12:04}{number % 12 + 1:02}"


def _ranked(
    connection: sqlite3.Connection, scored: Wanted, required: Wanted | None, scope: Scope, limit: int
) -> list[Hit]:
    conditions, parameters = within(scope)
    parameters |= {"scored": match(scored), "limit": limit}
    score = f"bm25(article_terms, {TITLE_WEIGHT}, {BODY_WEIGHT}, 0)"
    among = ""
    required = narrowed(required, scope)
    if required is not None:
        # Apart from what is scored, for bm25() reads the whole list of every term beside it. `+rowid`: the
        # scored list is walked, not looked up row by row.
        among = " AND +rowid IN (SELECT rowid FROM article_terms WHERE article_terms MATCH :required)"
        parameters["required"] = match(All((scored, required)))
    if conditions:
        among += f""" AND EXISTS (SELECT 1 FROM article INDEXED BY article_facts
                                  WHERE article.id = article_terms.rowid{conditions})"""
    return hits(
        connection,
        f"""WITH best AS MATERIALIZED (
                SELECT rowid AS id, {score} AS score FROM article_terms
                WHERE article_terms MATCH :scored{among} ORDER BY {score} LIMIT :limit)
            SELECT article.id, article.page, article.published, -best.score
            FROM best CROSS JOIN article INDEXED BY article_facts ON article.id = best.id
            ORDER BY best.score LIMIT -1""",
        parameters,
    )


def _newest(connection: sqlite3.Connection, wanted: Wanted | None, scope: Scope, limit: int) -> list[Hit]:
    conditions, parameters = within(scope)
    parameters["limit"] = limit
    if wanted is None:
        sql = f"""SELECT id, page, published, 0.0 FROM article WHERE true{conditions}
                  ORDER BY published DESC, id DESC LIMIT :limit"""
        return hits(connection, sql, parameters)
    wanted = All((wanted, *_tokens(scope)))
    last = ids_of(
        connection,
        f"SELECT rowid FROM article_terms WHERE article_terms MATCH :wanted"
        f"{f' AND +rowid {_PAIRED}' if scope.pairs else ''} ORDER BY rowid DESC LIMIT :most",
        parameters | {"wanted": match(wanted), "most": max(LAST, 2 * limit)},
    )
    newest = hits(
        connection,
        f"""SELECT id, page, published, 0.0 FROM article INDEXED BY article_facts
            WHERE id IN (SELECT value FROM json_each(:ids)){conditions}
            ORDER BY published DESC, id DESC LIMIT :limit""",
        parameters | {"ids": listed(last)},
    )
    if len(last) < max(LAST, 2 * limit):  # there are no others
        return newest
    if len(newest) == limit:
        # Articles come in about by their dates: few that came in before these can be newer.
        earlier = ids_of(
            connection,
            f"SELECT id FROM article INDEXED BY article_newest WHERE published >= ? AND id < ?"
            f" LIMIT {STRAGGLERS + 1}",
            (newest[-1].published, last[-1]),
        )
        if len(earlier) <= STRAGGLERS:
            return _with_stragglers(connection, wanted, scope, newest, earlier)
    return _by_month(connection, wanted, scope, limit)


def _with_stragglers(
    connection: sqlite3.Connection, wanted: Wanted, scope: Scope, newest: list[Hit], earlier: Sequence[int]
) -> list[Hit]:
    """As many of the newest, among them those taken in earlier that hold `wanted`."""
    if not earlier:
        return newest
    conditions, parameters = within(scope)
    further = hits(
        connection,
        f"""SELECT article.id, article.page, article.published, 0.0
            FROM json_each(:ids) CROSS JOIN article_terms
            CROSS JOIN article INDEXED BY article_facts ON article.id = article_terms.rowid
            WHERE article_terms MATCH :wanted AND article_terms.rowid = value{conditions}""",
        parameters | {"wanted": match(wanted), "ids": listed(earlier)},
    )
    together = sorted([*newest, *further], key=lambda hit: (hit.published, hit.article_id), reverse=True)
    return together[: len(newest)]


def _by_month(connection: sqlite3.Connection, wanted: Wanted, scope: Scope, limit: int) -> list[Hit]:
    """Where ids say nothing of dates: month by month, from the newest, rather than sorting them all."""
    conditions, parameters = within(scope)
    sql = f"""SELECT article.id, article.page, article.published, 0.0
              FROM article_terms CROSS JOIN article INDEXED BY article_facts
              ON article.id = article_terms.rowid
              WHERE article_terms MATCH :wanted{conditions}
              ORDER BY article.published DESC, article.id DESC LIMIT :limit"""
    newest, oldest = connection.execute(
        "SELECT (SELECT published FROM article ORDER BY published DESC LIMIT 1),"
        " (SELECT published FROM article ORDER BY published LIMIT 1)"
    ).fetchone()
    if scope.before is not None:
        newest = min(newest, scope.before)
    if scope.since is not None:
        oldest = max(oldest, scope.since)
    found: list[Hit] = []
    for month in _months(newest, oldest):
        in_month = match(All((wanted, Terms((month,), Column.META))))
        found += hits(connection, sql, parameters | {"wanted": in_month, "limit": limit - len(found)})
        if len(found) >= limit:
            break
    return found


def _any(connection: sqlite3.Connection, wanted: Wanted, scope: Scope) -> bool:
    conditions, parameters = within(scope)
    row = connection.execute(
        # Those taken in last first: feeds that are followed have new articles, and perhaps no old ones.
        f"""SELECT 1 FROM article_terms CROSS JOIN article INDEXED BY article_facts
            ON article.id = article_terms.rowid WHERE article_terms MATCH :wanted{conditions}
            ORDER BY article_terms.rowid DESC LIMIT 1""",
        parameters | {"wanted": match(narrowed(wanted, scope) or wanted)},
    ).fetchone()
    return row is not None


def _frequencies(connection: sqlite3.Connection, at_least: int) -> Lexicon:
    rows = connection.execute(
        """SELECT term, max(doc) AS documents FROM article_vocabulary WHERE col <> 'meta'
           GROUP BY term HAVING documents >= ? ORDER BY term""",
        (at_least,),
    )
    return Lexicon(rows)
