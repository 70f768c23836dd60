"""Repository of all data of a server: its export, and its erasure as soon as the bot has left the server."""

import json
from collections.abc import Callable

from bot.core.audit_actions import AuditAction
from bot.store.connection import Connection
from bot.store.meta import set_text
from bot.store.operating.audit_log import record_audit_entry
from bot.store.operating.server_erasure import SCRUBBED_TABLES, build_receipt, erase_server, has_claims
from bot.store.operating.server_export import count_server_rows, write_server_export
from bot.store.records.operating_records import ServerErasure
from bot.store.repository import Repository, bind_read, write_transaction
from bot.store.store_errors import StoreError

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
