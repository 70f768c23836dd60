"""Repository of notices: texts of the operator, each posted once in the channel for alerts of every server.

The servers of a notice are those that the bot is in when it is created; those without a channel for alerts do not get
it, even if they choose one later. Whether a server with one gets it is decided again shortly before its message is due,
with the channel that the server has chosen by then (`server.alerts` is its id).
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from bot.core.audit_actions import AuditAction
from bot.core.models import DispatchKind, DispatchState
from bot.core.user_errors import RequestRejected
from bot.store.connection import NO_LIMIT, Connection
from bot.store.operating.audit_log import record_audit_entry
from bot.store.outbox import transitions
from bot.store.processes import ShardedRepository
from bot.store.records.operating_records import Notice, NoticeProgress, NoticeReach, NoticeRejection
from bot.store.repository import read_transaction, write_transaction

MAX_SECONDS_TO_POST = 3 * 86_400
"""Seconds after which a notice is not posted any more where that was not possible so far."""
REPEAT_SECONDS = 600
"""Seconds for which a notice with the same texts is refused as a repetition."""

_OUTCOME_SQL = """
    CASE WHEN server.notices = 'off' THEN 'opted-out'
         WHEN channel.id IS NULL OR server.left_at IS NOT NULL THEN 'no-channel'
         ELSE 'enqueued' END
"""
"""SQL for the outcome of a notice in a server; a channel for alerts that the bot cannot post in counts as none."""
_CHANNEL_JOIN_SQL = "LEFT JOIN channel ON channel.id = server.alerts AND channel.problem IS NULL"
_MAX_AUDITED_CHARS = 100
_PENDING_STATES = (DispatchState.PENDING, DispatchState.CLAIMED)


class Notices(ShardedRepository):
    """Repository of notices and of the servers that get them. Methods raise StoreError.

    The audit log records who creates and cancels a notice.
    """

    @read_transaction
    def measure_reach(self, db: Connection) -> NoticeReach:
        """Count the servers that a notice would reach now, and those that it would not reach."""
        return _measure_reach(db)

    @write_transaction
    def create(self, db: Connection, texts: Mapping[str, str], *, user_id: int | None) -> int:
        """Store a notice with its texts by language code, for all servers that the bot is in; return its id.

        `user_id` is None in the terminal. Raises RequestRejected if it would reach no server, or repeats one of the
        last `REPEAT_SECONDS`.
        """
        texts_json = json.dumps(dict(sorted(texts.items())), ensure_ascii=False)
        reach = _measure_reach(db)
        if not reach.reachable:
            raise RequestRejected(NoticeRejection.NO_RECIPIENT)
        if db.fetch_row(
            "SELECT 1 FROM notice WHERE texts = ? AND created_at > ? AND cancelled_at IS NULL",
            (texts_json, db.now - REPEAT_SECONDS),
        ):
            raise RequestRejected(NoticeRejection.REPEATED)
        (notice_id,) = db.fetch_column(
            "INSERT INTO notice (texts, created_at) VALUES (?, ?) RETURNING id", (texts_json, db.now)
        )
        db.execute(
            "INSERT INTO notice_recipient (notice_id, server_id, outcome) "
            f"SELECT :id, server.id, nullif({_OUTCOME_SQL}, 'enqueued') FROM server {_CHANNEL_JOIN_SQL} "
            "WHERE server.left_at IS NULL",
            {"id": notice_id},
        )
        beginning = next(iter(texts.values()))[:_MAX_AUDITED_CHARS]
        record_audit_entry(
            db,
            AuditAction.NOTICE_SENT,
            user_id=user_id,
            details={"number": notice_id, "servers": reach.reachable, "text": beginning},
        )
        return int(notice_id)

    @write_transaction
    def cancel(self, db: Connection, notice_id: int, *, user_id: int | None) -> int:
        """Cancel a notice where it was not posted yet, and return the number of servers that do not get it.

        `user_id` is None in the terminal. A message that is being sent may still arrive. Raises RequestRejected if
        there is no such notice, or it is not in progress.
        """
        notice = next(iter(_list_notices(db, "id = :id", {"id": notice_id})), None)
        if notice is None or not notice.is_in_progress:
            raise RequestRejected(NoticeRejection.GONE)
        db.execute("UPDATE notice SET cancelled_at = ? WHERE id = ?", (db.now, notice_id))
        withdrawn_count = _withdraw(db, [notice_id])
        record_audit_entry(
            db,
            AuditAction.NOTICE_CANCELLED,
            user_id=user_id,
            details={"number": notice_id, "servers": withdrawn_count},
        )
        return withdrawn_count

    @read_transaction
    def get(self, db: Connection, notice_id: int) -> Notice | None:
        """Return the notice with an id, or None if there is none."""
        return next(iter(_list_notices(db, "id = :id", {"id": notice_id})), None)

    @read_transaction
    def list_all(self, db: Connection, *, limit: int | None = None) -> list[Notice]:
        """List the stored notices, or the newest `limit`, newest first."""
        return _list_notices(db, "1 = 1", {}, limit=limit)

    async def load_texts(self, notice_id: int, server_id: int) -> Mapping[str, str] | None:
        """Return the texts of a notice by language code.

        Return None if the notice is cancelled, gone or older than `MAX_SECONDS_TO_POST`, or the server wants none.
        """
        texts_json = await self._fetch_value(
            "SELECT texts FROM notice WHERE id = ? AND cancelled_at IS NULL AND created_at >= ? "
            "AND NOT EXISTS (SELECT 1 FROM server WHERE id = ? AND notices = 'off')",
            (notice_id, self._clock.now() - MAX_SECONDS_TO_POST, server_id),
        )
        return None if texts_json is None else json.loads(texts_json)

    async def get_next_due_at(self) -> int | None:
        """Return 0 (due at once) if servers that this process serves are still to get a notice, else None."""
        return await self._fetch_value(
            "SELECT 0 FROM notice_recipient WHERE outcome IS NULL "
            f"AND {self._shards.build_served_condition('server_id')} LIMIT 1"
        )

    @write_transaction
    def enqueue_next(self, db: Connection, limit: int) -> None:
        """Decide on at most `limit` servers of this process whether they get a notice, oldest notice first.

        The message is enqueued, or the reason recorded why the server does not get it.
        """
        rows = db.fetch_rows(
            f"""
            SELECT notice_recipient.notice_id, notice_recipient.server_id, notice.created_at,
                   channel.id AS channel_id, {_OUTCOME_SQL} AS outcome
            FROM notice_recipient
            JOIN notice ON notice.id = notice_recipient.notice_id
            JOIN server ON server.id = notice_recipient.server_id {_CHANNEL_JOIN_SQL}
            WHERE notice_recipient.outcome IS NULL
              AND {self._shards.build_served_condition("notice_recipient.server_id")}
            ORDER BY notice_recipient.notice_id, notice_recipient.server_id LIMIT :limit
            """,
            {"limit": limit},
        )
        for notice_id, server_id, created_at, channel_id, outcome in rows:
            # Another process, to which the shard has moved, may have decided on this server meanwhile.
            is_decided_here = db.execute_rowcount(
                "UPDATE notice_recipient SET outcome = ? WHERE notice_id = ? AND server_id = ? AND outcome IS NULL",
                (outcome, notice_id, server_id),
            )
            if is_decided_here and outcome == "enqueued":
                new_row = {
                    "channel_id": channel_id,
                    "kind": DispatchKind.FEED_ALERT,
                    "dedupe_key": f"notice:{notice_id}",
                    "created_at": created_at,  # After a restored backup it is looked up from then on.
                    "position": db.now,
                    "due_at": db.now,
                    "notice_id": notice_id,
                }
                transitions.insert_dispatches(db, DispatchState.PENDING, [new_row])

    @write_transaction
    def withdraw_old(self, db: Connection) -> None:
        """Withdraw notices where they could not be posted for `MAX_SECONDS_TO_POST`."""
        _withdraw(db, db.fetch_column("SELECT id FROM notice WHERE created_at < ?", (db.now - MAX_SECONDS_TO_POST,)))

    @write_transaction
    def purge(self, db: Connection, before: int) -> None:
        """Delete notices that were created before a Unix time in seconds."""
        db.execute("DELETE FROM notice WHERE created_at < ?", (before,))


def withdraw_from_server(db: Connection, server_id: int) -> None:
    """Withdraw the messages with notices that wait to be sent to a server."""
    dispatch_ids = db.fetch_column(
        "SELECT dispatch.id FROM dispatch JOIN channel ON channel.id = dispatch.channel_id "
        "WHERE dispatch.notice_id IS NOT NULL AND dispatch.state = 'waiting' AND channel.server_id = ?",
        (server_id,),
    )
    transitions.delete_dispatches(db, dispatch_ids)


def _withdraw(db: Connection, notice_ids: list[int]) -> int:
    """Withdraw notices from the servers that have not got them yet, and return the number of these servers."""
    parameters = {"ids": notice_ids}
    dispatch_ids = db.fetch_column(
        "SELECT id FROM dispatch WHERE notice_id IN (:ids) AND state = 'waiting'", parameters
    )
    transitions.delete_dispatches(db, dispatch_ids)
    undecided_count = db.execute_rowcount(
        "UPDATE notice_recipient SET outcome = 'withdrawn' WHERE notice_id IN (:ids) AND outcome IS NULL", parameters
    )
    return len(dispatch_ids) + undecided_count


def _measure_reach(db: Connection) -> NoticeReach:
    count_by_outcome = dict(
        db.fetch_rows(
            f"SELECT {_OUTCOME_SQL} AS outcome, count(*) FROM server {_CHANNEL_JOIN_SQL} "
            "WHERE server.left_at IS NULL GROUP BY 1"
        )
    )
    return NoticeReach(*(count_by_outcome.get(outcome, 0) for outcome in ("enqueued", "no-channel", "opted-out")))


def _list_notices(
    db: Connection, condition_sql: str, parameters: Mapping[str, Any], *, limit: int | None = None
) -> list[Notice]:
    rows = db.fetch_rows(
        f"SELECT id, texts, created_at, cancelled_at FROM notice WHERE {condition_sql} ORDER BY id DESC LIMIT :limit",
        {**parameters, "limit": NO_LIMIT if limit is None else limit},
    )
    return [
        Notice(notice_id, json.loads(texts_json), created_at, cancelled_at, _measure_progress(db, notice_id))
        for notice_id, texts_json, created_at, cancelled_at in rows
    ]


def _measure_progress(db: Connection, notice_id: int) -> NoticeProgress:
    count_by_outcome: Counter[str | None] = Counter(
        dict(
            db.fetch_rows(
                "SELECT outcome, count(*) FROM notice_recipient WHERE notice_id = ? GROUP BY outcome", (notice_id,)
            )
        )
    )
    count_by_state: Counter[str] = Counter(
        dict(db.fetch_rows("SELECT state, count(*) FROM dispatch WHERE notice_id = ? GROUP BY state", (notice_id,)))
    )
    pending_count = sum(count_by_state[state] for state in _PENDING_STATES)
    return NoticeProgress(
        posted=count_by_state[DispatchState.SENT],
        waiting=count_by_outcome[None] + pending_count,
        failed=count_by_state[DispatchState.FAILED] + count_by_state[DispatchState.UNCERTAIN],
        without_channel=count_by_outcome["no-channel"],
        opted_out=count_by_outcome["opted-out"],
        withdrawn=count_by_outcome["withdrawn"] + count_by_outcome["enqueued"] - count_by_state.total(),
    )
