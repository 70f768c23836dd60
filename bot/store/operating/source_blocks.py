"""Lookup of the websites, or parts of them, that an operator blocks, in the transactions that add or follow feeds."""

from bot.core.user_errors import RequestRejected
from bot.store.connection import Connection
from bot.store.records.source_records import SourceRejection
from bot.text.source_patterns import SourcePattern, SourcePatterns, list_domains


def require_not_blocked(db: Connection, url: str) -> None:
    """Raise RequestRejected if an operator blocks the website of a URL, or the part of it with the URL."""
    sources = db.fetch_column(
        "SELECT source FROM blocked_source WHERE domain IN (:domains)", {"domains": list_domains(url)}
    )
    pattern = SourcePatterns(map(SourcePattern.parse, sources)).find_covering(url)
    if pattern is not None:
        raise RequestRejected(SourceRejection.BLOCKED, source=str(pattern))
