"""Repository of all data of a server: its export, and its erasure as soon as the bot has left the server."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from bot.core.audit_actions import AuditAction
from bot.core.local_time import format_iso
from bot.store import url_encryption
from bot.store.connection import Connection
from bot.store.meta import reserve_ids, set_text
from bot.store.operating.audit_log import record_audit_entry
from bot.store.operating.server_rows import SERVER_ROWS, ServerParameters, ServerRows, load_parameters
from bot.store.people import personal_digests
from bot.store.records.operating_records import ServerErasure
from bot.store.repository import Repository, bind_read, write_transaction
from bot.store.store_errors import StoreError
from bot.text import urls

EXPORT_FORMAT = "telex-server"
"""Name of the format of a server's export (a JSON object), in the export's first field."""
EXPORT_VERSION = 1
"""Version of the format of a server's export; a change that could break a reader of exports raises it."""
_FOLLOWED_FEEDS = ServerRows(
    "feed",
    "id IN (SELECT feed_id FROM subscription WHERE channel_id IN (SELECT id FROM channel WHERE server_id = :server))",
)
_POSTED_ARTICLES = ServerRows(
    "article",
    "id IN (SELECT article_id FROM delivery_status WHERE channel_id IN "
    "(SELECT id FROM channel WHERE server_id = :server))",
)
_URL_COLUMNS = frozenset({("feed", "url"), ("feed", "moved_to"), ("feed", "site_url"), ("proposal", "url")})
"""Columns, as (table, column), with URLs that may contain secrets, or be encrypted."""
_SNOWFLAKE_COLUMNS = frozenset({"id", "alerts", "manager_role"})
"""Columns with ids, which are exported as text, besides columns whose names end in `_id`."""


def write_server_export(db: Connection, server_id: int, write: Callable[[str], object]) -> None:
    """Write what is stored about a server as one JSON document, without holding it in memory.

    `write` is called with pieces of text. Secrets are left out or redacted, and rows about people are only counted.
    Raises whatever `write` raises.
    """
    parameters = load_parameters(db, server_id)
    rows_by_table: defaultdict[str, list[ServerRows]] = defaultdict(list)
    for rows in reversed(SERVER_ROWS):
        rows_by_table[rows.table].append(rows)
    header = {
        "format": EXPORT_FORMAT,
        "version": EXPORT_VERSION,
        "server_id": str(server_id),
        "exported_at": db.now,
        "counted_only": _count_personal_rows(db, rows_by_table, parameters),
    }
    write(json.dumps(header, ensure_ascii=False, indent=1)[:-2])
    for name, rows, columns in (
        ("followed_feeds", _FOLLOWED_FEEDS, ("id", "url", "title", "outlet", "site_url")),
        ("posted_articles", _POSTED_ARTICLES, ("id", "feed_id", "url", "title", "outlet", "published")),
    ):
        _write_list(write, name, _iter_objects(db, [rows], parameters, columns))
    write(',\n "tables": {')
    separator = ""
    for table, rows_of_table in rows_by_table.items():
        exported_rows = [rows for rows in rows_of_table if rows.is_exported]
        if exported_rows:
            _write_list(write, table, _iter_objects(db, exported_rows, parameters), separator)
            separator = ","
    write("\n }\n}\n")


def count_server_rows(db: Connection, server_id: int) -> dict[str, int]:
    """Return by table how many rows belong to a server, without tables that have none."""
    parameters = load_parameters(db, server_id)
    conditions_by_table: defaultdict[str, list[str]] = defaultdict(list)
    for rows in SERVER_ROWS:
        conditions_by_table[rows.table].append(rows.condition_sql)
    count_by_table = {
        table: db.fetch_value(f"SELECT count(*) FROM {table} WHERE {_join_conditions(conditions)}", parameters)
        for table, conditions in conditions_by_table.items()
    }
    return {table: count for table, count in count_by_table.items() if count}


def _count_personal_rows(
    db: Connection, rows_by_table: Mapping[str, Sequence[ServerRows]], parameters: ServerParameters
) -> dict[str, int]:
    """Return by table how many rows of a server are not exported, being about people or derived from other rows."""
    count_by_table = {}
    for table, rows_of_table in rows_by_table.items():
        counted_conditions = [rows.condition_sql for rows in rows_of_table if not rows.is_exported]
        if not counted_conditions:
            continue
        exported_conditions = [rows.condition_sql for rows in rows_of_table if rows.is_exported]
        excluded_sql = f"AND NOT ({_join_conditions(exported_conditions)})" if exported_conditions else ""
        count_by_table[table] = db.fetch_value(
            f"SELECT count(*) FROM {table} WHERE ({_join_conditions(counted_conditions)}) {excluded_sql}", parameters
        )
    return {table: count for table, count in count_by_table.items() if count}


def _join_conditions(conditions: Sequence[str]) -> str:
    return " OR ".join(f"({condition})" for condition in conditions)


def _write_list(
    write: Callable[[str], object], name: str, objects: Iterator[Mapping[str, object]], separator: str = ","
) -> None:
    write(f"{separator}\n {json.dumps(name)}: [")
    separator = ""
    for row_object in objects:
        write(f"{separator}\n  {json.dumps(row_object, ensure_ascii=False)}")
        separator = ","
    write("\n ]")


def _iter_objects(
    db: Connection,
    rows_of_table: Sequence[ServerRows],
    parameters: ServerParameters,
    columns: Sequence[str] = (),
) -> Iterator[Mapping[str, object]]:
    """Yield a server's rows of one table as JSON objects of `columns`, or of all exported columns if that is empty."""
    table = rows_of_table[0].table
    omitted_columns = frozenset[str]().union(*(rows.omitted_columns for rows in rows_of_table))
    condition_sql = _join_conditions([rows.condition_sql for rows in rows_of_table])
    exported_columns: list[str] = []
    for row in db.iterate_rows(f"SELECT {', '.join(columns) or '*'} FROM {table} WHERE {condition_sql}", parameters):
        exported_columns = exported_columns or [column for column in row.keys() if column not in omitted_columns]  # noqa: SIM118
        yield {column: _to_json_value(table, column, row[column]) for column in exported_columns}


def _to_json_value(table: str, column: str, cell: Any) -> object:  # noqa: ANN401 - of any column
    if isinstance(cell, bytes):
        return cell.hex()
    if isinstance(cell, int) and (column in _SNOWFLAKE_COLUMNS or column.endswith("_id")):
        return str(cell)  # JavaScript rounds numbers of this size.
    if cell is not None and (table, column) in _URL_COLUMNS:
        return urls.redact(url_encryption.decrypt_url(cell))
    return cell


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
        elif _erase_row_batch(db, rows, parameters, erased_counts, batch_size) == batch_size:
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


def _erase_row_batch(
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


BATCH_SIZE = 5_000
"""Number of messages that a transaction of an erasure deletes at most, so that other writes never wait for long."""
MAX_SEND_SECONDS = 900
"""Number of seconds after which a message that was taken for sending (claimed) counts as no longer being sent."""
MIN_ABSENCE_SECONDS = 15
"""Number of seconds after the bot left a server until commands that were in progress there have ended."""
_SCRUB_KEY = "scrub"
"""Name of the row of the table `meta` that exists until the files of an erased server's tables are rewritten."""
_ERASABLE_SERVERS_SQL = """
    SELECT id, erasure_requested_at, left_at FROM server
    WHERE erasure_requested_at IS NOT NULL AND left_at IS NOT NULL ORDER BY erasure_requested_at, id
"""


class ServerData(Repository):
    """Repository of all data of a server. Methods raise StoreError.

    An erasure is requested first, and happens once the bot is out of the server; before, the running bot would store
    new data. Messages are deleted in batches, then all else in one transaction, then the tables' files are rewritten.
    If the process is killed, the erasure goes on where it was.
    """

    count_rows = bind_read(count_server_rows)

    async def export(self, server_id: int, write: Callable[[str], object]) -> None:
        """Write all data of a server as one JSON document; `write` gets pieces of its text, on another thread.

        Raises also whatever `write` raises.
        """
        is_started = False

        def write_export(db: Connection) -> None:
            nonlocal is_started
            if is_started:  # The connection was lost, and the transaction is repeated.
                raise StoreError("The export was interrupted. Start it again.")
            is_started = True
            write_server_export(db, server_id, write)

        await self._database.read(write_export)

    @write_transaction
    def request_erasure(self, db: Connection, server_id: int, *, user_id: int | None) -> bool:
        """Have the bot leave a server and erase its data; return whether the bot is in the server.

        The request is recorded in the audit log. `user_id` is the operator who decides, or None in the terminal.
        """
        is_in_server = db.fetch_row("SELECT 1 FROM server WHERE id = ? AND left_at IS NULL", (server_id,)) is not None
        db.execute(
            "INSERT INTO server (id, joined_at, left_at, erasure_requested_at) VALUES (:server, :now, :now, :now) "
            "ON CONFLICT (id) DO UPDATE SET erasure_requested_at = coalesce(server.erasure_requested_at, :now), "
            "leave_requested_at = CASE WHEN server.left_at IS NULL THEN :now END",
            {"server": server_id, "now": db.now},
        )
        record_audit_entry(db, AuditAction.SERVER_ERASURE_REQUESTED, user_id=user_id, server_id=server_id)
        return is_in_server

    async def erase_next(self, *, is_bot_running: bool) -> ServerErasure | None:
        """Erase the data of one server for which that was requested, and record a receipt; None if none can be erased.

        A server waits while the bot is in it. If the bot runs, it also waits until the bot has been out of it for
        `MIN_ABSENCE_SECONDS`, and while a message that was taken for sending (claimed) in the last `MAX_SEND_SECONDS`
        may be being sent.
        """
        if not await self._fetch_rows(_ERASABLE_SERVERS_SQL):
            return None
        while True:
            has_more, erasure = await self._database.transact(_erase_batch, is_bot_running)
            if not has_more:
                return erasure

    async def scrub_erased(self) -> bool:
        """Rewrite the files of tables from which a server's data was erased, unless that was done.

        Return False if traces of the data certainly or perhaps remain in the database's log.
        """
        mark = await self._fetch_value("SELECT value FROM meta WHERE name = ?", (_SCRUB_KEY,))
        if mark is None:
            return True
        is_log_emptied = await self._database.scrub(SCRUBBED_TABLES)
        await self._database.transact(
            Connection.execute_rowcount, "DELETE FROM meta WHERE name = ? AND value = ?", (_SCRUB_KEY, mark)
        )
        return is_log_emptied

    async def is_erasure_requested(self, server_id: int) -> bool:
        """Return whether the data of a server is still to be erased."""
        return bool(
            await self._fetch_value(
                "SELECT 1 FROM server WHERE id = ? AND erasure_requested_at IS NOT NULL", (server_id,)
            )
        )

    async def load_receipt(self, server_id: int, *, erased_since: int = 0) -> str | None:
        """Return the receipt of the last erasure of a server's data since a Unix time in seconds, or None."""
        details = await self._fetch_value(
            "SELECT details FROM audit_entry WHERE server_id = ? AND action = ? AND recorded_at >= ? "
            "ORDER BY id DESC LIMIT 1",
            (server_id, AuditAction.SERVER_ERASED.value, erased_since),
        )
        return None if details is None else str(json.loads(details)["receipt"])


def _erase_batch(db: Connection, is_bot_running: bool) -> tuple[bool, ServerErasure | None]:  # noqa: FBT001 - private
    """Erase the data of one server, or a batch of it; return whether more is left, and the erasure if it is complete.

    Return (False, None) if no server's data is to be erased now.
    """
    rows = db.fetch_rows(_ERASABLE_SERVERS_SQL)
    row = next((row for row in rows if not (is_bot_running and _is_in_use(db, row["id"], row["left_at"]))), None)
    if row is None:
        return False, None
    server_id = row["id"]
    if (erased_counts := erase_server(db, server_id, batch_size=BATCH_SIZE)) is None:
        return True, None
    receipt = build_receipt(server_id, row["erasure_requested_at"], db.now, erased_counts)
    user_id = db.fetch_value(
        "SELECT user_id FROM audit_entry WHERE server_id = ? AND action = ? ORDER BY id DESC LIMIT 1",
        (server_id, AuditAction.SERVER_ERASURE_REQUESTED.value),
    )
    record_audit_entry(
        db, AuditAction.SERVER_ERASED, user_id=user_id, server_id=server_id, details={"receipt": receipt}
    )
    set_text(db, _SCRUB_KEY, str(db.now))
    return False, ServerErasure(server_id, receipt)


def _is_in_use(db: Connection, server_id: int, left_at: int) -> bool:
    """Return whether work for a server, which the bot left at a Unix time in seconds, may still be in progress."""
    return left_at > db.now - MIN_ABSENCE_SECONDS or has_claims(db, server_id, claimed_after=db.now - MAX_SEND_SECONDS)
