"""The only writer of dispatches (messages) and of web pages' delivery statuses; only declared changes of state happen.

Statements change rows in the states that their caller expects, and no others. Selections in SQL are about a row
of the table `delivery_status`: the status of a page in a channel. "Pages" are these rows.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from functools import cache
from typing import Any

from bot.core.models import DispatchKind, DispatchState
from bot.core.outbox.routing import PendingArticle
from bot.core.outbox.states import PAGE_MOVES, PageStatus, UndeclaredMove, require_dispatch_move, require_page_move
from bot.core.reasons import Reason
from bot.store.connection import Connection

ALL_STATES = frozenset(DispatchState)
"""All states of a dispatch (message in the outbox)."""
UNSENT_STATES = frozenset({DispatchState.HELD, DispatchState.PENDING})
"""States of a dispatch (message in the outbox) that nobody has tried to send yet, or that is to be sent again."""
MEMBER_STATUSES = frozenset({PageStatus.ENQUEUED, PageStatus.JOINED})
"""Delivery statuses of web pages that are in a message of their own, or in a similar article's post (joined)."""
PENDING_STATUSES = MEMBER_STATUSES | {PageStatus.RESERVED}
"""Delivery statuses of web pages that may still wait to be sent; the state of their message, if any, says whether."""


def insert_dispatches(db: Connection, state: DispatchState, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert messages into the outbox, all with the same columns, unless the channel has one with the dedupe key."""
    new_rows = [{"state": state.value, "created_at": db.now, **row} for row in rows]
    if new_rows:
        statement = _build_insert_dispatch_sql(state, tuple(new_rows[0]))
        db.executemany(statement, [tuple(row.values()) for row in new_rows])


def insert_dispatch(
    db: Connection, state: DispatchState, channel_id: int, kind: DispatchKind, dedupe_key: str, **columns: object
) -> int:
    """Insert a message into the outbox, unless the channel has one with the dedupe key; return the stored one's id."""
    db.execute(
        _build_insert_dispatch_sql(state, ("state", "created_at", "channel_id", "kind", "dedupe_key", *columns)),
        (state.value, db.now, channel_id, kind.value, dedupe_key, *columns.values()),
    )
    # RETURNING would cost SQLite thrice as much.
    return int(
        db.fetch_value("SELECT id FROM dispatch WHERE channel_id = ? AND dedupe_key = ?", (channel_id, dedupe_key))
    )


def move_dispatches(
    db: Connection,
    dispatch_ids: Collection[int],
    state: DispatchState,
    *,
    origins: Collection[DispatchState],
    **columns: object,
) -> int:
    """Move those messages of the outbox to `state` that are in one of the states `origins`; return their number.

    `columns` are set, too.
    """
    require_dispatch_move(origins, state)
    return _update_dispatches(db, dispatch_ids, origins, {"state": state, **columns})


def change_dispatches(
    db: Connection,
    dispatch_ids: Collection[int],
    *,
    states: Collection[DispatchState] = ALL_STATES,
    **columns: object,
) -> int:
    """Set columns of those messages of the outbox that are in one of `states`, which they keep; return their number."""
    _forbid_columns(columns, {"state"})
    return _update_dispatches(db, dispatch_ids, states, columns)


def schedule_edits(db: Connection, dispatch_ids: Collection[int], *, earliest_at: int) -> None:
    """Schedule edits, at the Unix time `earliest_at` or later, of messages that are being sent or were sent.

    The time is later than that of an edit in progress, so that the end of that edit does not clear the new one.
    """
    db.execute(
        "UPDATE dispatch SET edit_due_at = CASE WHEN edit_due_at >= :earliest THEN edit_due_at + 1 ELSE :earliest END "
        f"WHERE id IN (:ids) AND state IN {_build_list_sql({DispatchState.CLAIMED, DispatchState.SENT})}",
        {"earliest": earliest_at, "ids": dispatch_ids},
    )


def delete_dispatches(
    db: Connection, dispatch_ids: Collection[int], *, origins: Collection[DispatchState] = UNSENT_STATES
) -> None:
    """Delete those messages of the outbox that are in one of the states `origins`."""
    require_dispatch_move(origins, None)
    db.execute(
        f"DELETE FROM dispatch WHERE id IN (:ids) AND state IN {_build_list_sql(origins)}", {"ids": dispatch_ids}
    )


def add_pages(
    db: Connection,
    channel_id: int,
    articles: Iterable[PendingArticle],
    status: PageStatus,
    *,
    dispatch_id: int | None = None,
    joined_dispatch_id: int | None = None,
    reasons: Mapping[int, str] | None = None,
) -> None:
    """Give the web pages of articles a delivery status in a channel, with the reason of each article by its id.

    A page that has a status keeps it; only a filtered page gets the new status, if filtered pages may get it.
    """
    stored_status = _encode_status(status)
    db.executemany(
        _build_insert_page_sql(status),
        [
            (
                channel_id,
                article.page_key,
                article.article_id,
                dispatch_id,
                stored_status,
                joined_dispatch_id,
                reasons and reasons.get(article.article_id),
                db.now,
            )
            for article in articles
        ],
    )


def move_pages(
    db: Connection,
    selection_sql: str,
    parameters: Mapping[str, Any],
    status: PageStatus,
    *,
    origins: Collection[PageStatus],
    dispatch_id: int | None = None,
    joined_dispatch_id: int | None = None,
    **columns: object,
) -> int:
    """Give `status` to those selected web pages in channels that have one of the statuses `origins`; return how many.

    `selection_sql` selects rows of `delivery_status`. Their references to messages become `dispatch_id` (their own) and
    `joined_dispatch_id` (a similar article's); `columns` are set, too.
    """
    require_page_move(origins, status)
    references = {
        "status": _encode_status(status),
        "dispatch_id": dispatch_id,
        "joined_dispatch_id": joined_dispatch_id,
    }
    return _update_pages(db, selection_sql, parameters, origins, references | columns)


def withhold_pages(
    db: Connection,
    selection_sql: str,
    parameters: Mapping[str, Any],
    reason: Reason,
    *,
    origins: Collection[PageStatus],
) -> int:
    """Mark those selected web pages in channels as withheld that have one of the statuses `origins`; return how many.

    `selection_sql` selects rows of `delivery_status`.
    """
    return move_pages(
        db, selection_sql, parameters, PageStatus.WITHHELD, origins=origins, reason=reason.encode(), decided_at=db.now
    )


def change_pages(
    db: Connection,
    selection_sql: str,
    parameters: Mapping[str, Any],
    *,
    statuses: Collection[PageStatus] = frozenset(PageStatus),
    **columns: object,
) -> int:
    """Set columns of selected rows of `delivery_status` with one of `statuses`, which they keep; return how many."""
    _forbid_columns(columns, {"status", "dispatch_id", "joined_dispatch_id"})
    return _update_pages(db, selection_sql, parameters, statuses, columns)


def delete_pages(
    db: Connection, selection_sql: str, parameters: Mapping[str, Any], *, origins: Collection[PageStatus]
) -> None:
    """Delete the selected rows of `delivery_status` that have one of the statuses `origins`."""
    require_page_move(origins, None)
    db.execute(
        f"DELETE FROM delivery_status WHERE {_build_status_condition(origins)} AND ({selection_sql})", parameters
    )


def copy_pages(db: Connection, article_id: int, page_key: str) -> None:
    """Copy the delivery statuses of an article in channels to one more page key (hash of a web page's URL).

    A channel in which that page already has a status is left out.
    """
    db.execute(
        "INSERT INTO delivery_status (channel_id, page_key, article_id, dispatch_id, status, reason, decided_at, "
        "joined_dispatch_id, shown_at) SELECT channel_id, :page, article_id, dispatch_id, status, reason, decided_at, "
        "joined_dispatch_id, shown_at FROM delivery_status WHERE article_id = :article "
        "ON CONFLICT (channel_id, page_key) DO NOTHING",
        {"article": article_id, "page": page_key},
    )


def rename_page(db: Connection, article_id: int, page_key: str, new_page_key: str) -> None:
    """Move the delivery statuses of an article from one page key (hash of a web page's URL) to another.

    In a channel that has a status of both pages, the status of the page `new_page_key` is replaced.
    """
    parameters = {"article": article_id, "page": page_key, "new": new_page_key}
    old_page_condition = "article_id = :article AND page_key = :page"
    db.execute(
        "DELETE FROM delivery_status WHERE page_key = :new "
        f"AND channel_id IN (SELECT channel_id FROM delivery_status AS renamed WHERE {old_page_condition})",
        parameters,
    )
    _update_pages(db, old_page_condition, parameters, frozenset(PageStatus), {"page_key": new_page_key})


def _forbid_columns(columns: Mapping[str, object], names: Collection[str]) -> None:
    if any(name in columns for name in names):
        raise UndeclaredMove(f"columns of a state changed without a move: {sorted(columns)}")


@cache
def _build_insert_page_sql(status: PageStatus) -> str:
    require_page_move([None], status)
    conflict_sql = (
        "UPDATE SET article_id = excluded.article_id, dispatch_id = excluded.dispatch_id, status = excluded.status, "
        "joined_dispatch_id = excluded.joined_dispatch_id, reason = excluded.reason, decided_at = excluded.decided_at "
        f"WHERE delivery_status.status = '{PageStatus.FILTERED}'"
        if status in PAGE_MOVES[PageStatus.FILTERED]
        else "NOTHING"
    )
    return (
        "INSERT INTO delivery_status "
        "(channel_id, page_key, article_id, dispatch_id, status, joined_dispatch_id, reason, decided_at) "
        f"VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (channel_id, page_key) DO {conflict_sql}"
    )


@cache
def _build_insert_dispatch_sql(state: DispatchState, columns: tuple[str, ...]) -> str:
    require_dispatch_move([None], state)
    return (
        f"INSERT INTO dispatch ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}) "
        "ON CONFLICT (channel_id, dedupe_key) DO NOTHING"
    )


def _update_dispatches(
    db: Connection,
    dispatch_ids: Collection[int],
    states: Collection[DispatchState],
    value_by_column: Mapping[str, object],
) -> int:
    parameters = {f"new_{column}": value_by_column[column] for column in value_by_column}
    if len(dispatch_ids) == 1:  # Twice as fast as a list of one
        (parameters["id"],) = dispatch_ids
        selection_sql = "id = :id"
    else:
        parameters["ids"] = dispatch_ids
        selection_sql = "id IN (:ids)"
    return db.execute_rowcount(
        f"UPDATE dispatch SET {_build_assignments_sql(value_by_column)} "
        f"WHERE {selection_sql} AND state IN {_build_list_sql(states)}",
        parameters,
    )


def _update_pages(
    db: Connection,
    selection_sql: str,
    parameters: Mapping[str, Any],
    statuses: Collection[PageStatus],
    value_by_column: Mapping[str, object],
) -> int:
    return db.execute_rowcount(
        f"UPDATE delivery_status SET {_build_assignments_sql(value_by_column)} "
        f"WHERE {_build_status_condition(statuses)} AND ({selection_sql})",
        {f"new_{column}": value_by_column[column] for column in value_by_column} | dict(parameters),
    )


def _build_assignments_sql(columns: Collection[str]) -> str:
    return ", ".join(f"{column} = :new_{column}" for column in columns)


def _build_status_condition(statuses: Collection[PageStatus]) -> str:
    return f"coalesce(status, '{PageStatus.ENQUEUED}') IN {_build_list_sql(statuses)}"


def _build_list_sql(states_or_statuses: Collection[StrEnum]) -> str:
    return "({})".format(", ".join(f"'{state_or_status}'" for state_or_status in sorted(states_or_statuses)))


def _encode_status(status: PageStatus) -> str | None:
    """Return a status as its column stores it: NULL stands for ENQUEUED."""
    return None if status is PageStatus.ENQUEUED else status.value
