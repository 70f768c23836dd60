"""Export of everything stored about a server as JSON, which docs/operating.md describes."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bot.store import url_encryption
from bot.store.connection import Connection
from bot.store.operating.server_rows import SERVER_ROWS, ServerParameters, ServerRows, load_parameters
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
