"""Deletion of everything stored about a server."""

import json
from collections import Counter
from hashlib import sha256
from typing import NamedTuple

from bot.core.local_time import format_iso
from bot.store.connection import Connection
from bot.store.meta import reserve_ids, set_text
from bot.store.operating.server_rows import SERVER_ROWS, ServerParameters, ServerRows, load_parameters
from bot.store.people import personal_digests

RECEIPT_FORMAT = "telex-erasure"
"""Name of the format of the receipt of an erasure (a JSON object), in the receipt's first field."""
RECEIPT_VERSION = 1
"""Version of the format of the receipt of an erasure; a change that could break a reader of receipts raises it."""
_LARGE_TABLES = frozenset(
    {
        "arrival",
        "article",
        "blocked_article",
        "delivery_status",
        "digest_article",
        "dispatch",
        "encoded_article",
        "identity",
        "page_fetch",
        "question_source",
        "similar_article",
        "watch_match",
    }
)
"""Tables of articles and messages, which may be large, and refer to a server by its channels or feeds alone."""
SCRUBBED_TABLES = tuple(sorted({rows.table for rows in SERVER_ROWS} - _LARGE_TABLES))
"""Tables whose files are rewritten after an erasure: those that name the server, its settings or its secrets."""


class ErasedRowCounts(NamedTuple):
    """Numbers of rows by table that an erasure deleted, and that it kept without the erased server's id."""

    deleted_counts: Counter[str]
    cleared_counts: Counter[str]


def erase_server(db: Connection, server_id: int, *, batch_size: int) -> ErasedRowCounts | None:
    """Delete what belongs to a server, and return how many rows; return None if more is left for another transaction.

    At most `batch_size` rows of a large table are deleted at once. People keep their bookmarks, muted stories
    and digests, without the place where they made them, except those of articles that only this server may read.
    """
    parameters = load_parameters(db, server_id)
    if parameters["private_feeds"]:
        reserve_ids(db, "article")
        reserve_ids(db, "feed")
        _rebuild_pending_digests(db, parameters)
    progress_key = f"erasure {server_id}"
    done_count, erased_counts = _load_progress(db, progress_key, server_id)
    for rows in SERVER_ROWS[done_count:]:
        if not rows.batch_key:
            _erase_rows(db, rows, parameters, erased_counts)
        elif _erase_batch(db, rows, parameters, erased_counts, batch_size) == batch_size:
            _save_progress(db, progress_key, server_id, SERVER_ROWS.index(rows), erased_counts)
            return None
    db.execute("DELETE FROM meta WHERE name = ?", (progress_key,))
    return ErasedRowCounts(+erased_counts.deleted_counts, +erased_counts.cleared_counts)


def _load_progress(db: Connection, progress_key: str, server_id: int) -> tuple[int, ErasedRowCounts]:
    """Return the number of done steps of a server's erasure, 0 if the bot was there since, and of erased rows.

    A step erases one member of `SERVER_ROWS`.
    """
    progress = json.loads(db.fetch_value("SELECT value FROM meta WHERE name = ?", (progress_key,)) or "{}")
    deleted_counts = Counter[str](progress.get("deleted", {}))
    is_unchanged = progress.get("left_at") == db.fetch_value("SELECT left_at FROM server WHERE id = ?", (server_id,))
    return progress["done_count"] if is_unchanged else 0, ErasedRowCounts(deleted_counts, Counter())


def _save_progress(
    db: Connection, progress_key: str, server_id: int, done_count: int, erased_counts: ErasedRowCounts
) -> None:
    left_at = db.fetch_value("SELECT left_at FROM server WHERE id = ?", (server_id,))
    progress = {"left_at": left_at, "done_count": done_count, "deleted": erased_counts.deleted_counts}
    set_text(db, progress_key, json.dumps(progress))


def _erase_batch(
    db: Connection, rows: ServerRows, parameters: ServerParameters, erased_counts: ErasedRowCounts, batch_size: int
) -> int:
    batch_sql = f"SELECT {rows.batch_key} FROM {rows.table} WHERE {rows.condition_sql} LIMIT :batch_size"
    sql = f"DELETE FROM {rows.table} WHERE ({rows.batch_key}) IN ({batch_sql})"
    deleted_count = db.execute_rowcount(sql, {**parameters, "batch_size": batch_size})
    erased_counts.deleted_counts[rows.table] += deleted_count
    return deleted_count


def _erase_rows(db: Connection, rows: ServerRows, parameters: ServerParameters, erased_counts: ErasedRowCounts) -> None:
    if rows.cleared_columns:
        assignments_sql = ", ".join(f"{column} = NULL" for column in rows.cleared_columns)
        sql = f"UPDATE {rows.table} SET {assignments_sql} WHERE {rows.condition_sql}"
        erased_counts.cleared_counts[rows.table] += db.execute_rowcount(sql, parameters)
    else:
        sql = f"DELETE FROM {rows.table} WHERE {rows.condition_sql}"
        erased_counts.deleted_counts[rows.table] += db.execute_rowcount(sql, parameters)


def has_claims(db: Connection, server_id: int, *, claimed_after: int) -> bool:
    """Return whether a message that an erasure of the server would delete is being sent.

    It is if it was taken for sending (claimed) after the Unix time `claimed_after`, in seconds, and has no outcome.
    """
    conditions = [rows.condition_sql for rows in SERVER_ROWS if rows.table == "dispatch"]
    claims_sql = (
        "SELECT 1 FROM dispatch WHERE state = 'claimed' AND claimed_at > :claimed_after "
        f"AND ({' OR '.join(f'({condition})' for condition in conditions)})"
    )
    parameters = {**load_parameters(db, server_id), "claimed_after": claimed_after}
    return db.fetch_row(claims_sql, parameters) is not None


def build_receipt(
    server_id: int,
    requested_at: int,
    erased_at: int,
    erased_counts: ErasedRowCounts,
) -> str:
    """Return the receipt of an erasure as a JSON object, which docs/operating.md describes; it has no personal data.

    Its last field is a hash of the others, by which a copy can be compared with the audit log. Times are Unix times in
    seconds.
    """
    receipt = {
        "format": RECEIPT_FORMAT,
        "version": RECEIPT_VERSION,
        "server_id": str(server_id),
        "requested_at": format_iso(requested_at),
        "erased_at": format_iso(erased_at),
        "deleted": dict(sorted(erased_counts.deleted_counts.items())),
        "cleared": dict(sorted(erased_counts.cleared_counts.items())),
    }
    return json.dumps(receipt | {"sha256": sha256(json.dumps(receipt).encode()).hexdigest()})


def _rebuild_pending_digests(db: Connection, parameters: ServerParameters) -> None:
    """Have people's pending digests built again if they contain articles that only the erased server may read."""
    article_ids = db.fetch_column("SELECT id FROM article WHERE feed_id IN (:private_feeds)", parameters)
    channel_ids = db.fetch_column("SELECT DISTINCT channel_id FROM dispatch WHERE id IN (:private_digests)", parameters)
    for channel_id in channel_ids:
        personal_digests.rebuild_pending_digest(db, channel_id, article_ids)
