"""Lookup of the sources that an operator blocks, in the transactions that add or follow feeds."""

from bot.core.user_errors import RequestRejected
from bot.store.connection import Connection
from bot.store.records.source_records import SourceRejection
from bot.text.source_patterns import SourcePattern, SourcePatterns, list_domains


def find_blocking_pattern(db: Connection, url: str) -> SourcePattern | None:
    """Return a blocked pattern that covers a URL, or None if there is none."""
    sources = db.fetch_column(
        "SELECT source FROM blocked_source WHERE domain IN (:domains)", {"domains": list_domains(url)}
    )
    return SourcePatterns(map(SourcePattern.parse, sources)).find_covering(url)


def require_not_blocked(db: Connection, url: str) -> None:
    """Raise RequestRejected if an operator blocks the source of a URL."""
    if (pattern := find_blocking_pattern(db, url)) is not None:
        raise RequestRejected(SourceRejection.BLOCKED, source=str(pattern))
