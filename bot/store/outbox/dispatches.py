"""Repository of dispatches (messages to channels and users): queued, being sent, and sent."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, NamedTuple

from bot.core.models import Dispatch, DispatchKind, DispatchState
from bot.core.outbox.gathering import PendingDispatch
from bot.core.outbox.states import PageStatus
from bot.core.reasons import Reason, WithheldReason
from bot.core.rhythm import PACED_KINDS
from bot.store.connection import Connection
from bot.store.outbox import channel_queues, dispatch_cancellation, transitions
from bot.store.processes import ShardedRepository
from bot.store.repository import read_transaction, write_transaction
from bot.store.row_mapping import DISPATCH_SQL, dispatch_from_row, from_row


class ChannelProblem(NamedTuple):
    """A problem that blocks a channel, with the times when it began and when sending is to be retried.

    Times are Unix times in seconds. `retry_at` is None if somebody must solve the problem first.
    """

    problem: Reason
    since: int
    retry_at: int | None


class ChannelStates(ShardedRepository):
    """Repository of problems of channels and of reasons why their posts wait. Methods raise StoreError."""

    @write_transaction
    def block_channel(self, db: Connection, channel_id: int, problem: Reason, retry_at: int | None) -> None:
        """Block a channel until `retry_at` (Unix time in seconds), or without end if that is None."""
        db.execute(
            "UPDATE channel SET problem = ?, problem_since = coalesce(problem_since, ?), retry_at = ? WHERE id = ?",
            (problem.encode(), db.now, retry_at, channel_id),
        )

    @write_transaction
    def unblock_channel(self, db: Connection, channel_id: int) -> None:
        """Clear the problem that blocks a channel, so that messages to the channel are sent again."""
        db.execute(
            "UPDATE channel SET problem = NULL, problem_since = NULL, retry_at = NULL WHERE id = ?",
            (channel_id,),
        )

    async def list_blocked_channel_ids(self, shard_number: int) -> list[int]:
        """List the blocked channels of a shard, only in servers that the bot is in."""
        return await self._fetch_column(
            "SELECT channel.id FROM channel JOIN server ON server.id = channel.server_id "
            f"WHERE channel.problem IS NOT NULL AND server.left_at IS NULL AND "
            f"{self._build_served_condition_sql(shard_number)}"
        )

    async def get_problem(self, channel_id: int) -> ChannelProblem | None:
        """Return the problem that blocks a channel, or None if there is none."""
        return await self._fetch_object(
            partial(from_row, ChannelProblem),
            "SELECT problem, problem_since AS since, retry_at FROM channel WHERE id = ? AND problem IS NOT NULL",
            (channel_id,),
        )

    async def get_first_pending_error(self, channel_id: int) -> Reason | None:
        """Return the last error of the first message that waits or is being sent in a channel, or None without one."""
        error = await self._fetch_value(
            "SELECT last_error FROM dispatch WHERE channel_id = ? AND state IN ('waiting', 'claimed') "
            "ORDER BY position, id LIMIT 1",
            (channel_id,),
        )
        return None if error is None else Reason.decode(error)

    @read_transaction
    def get_wait_reason(self, db: Connection, channel_id: int) -> Reason | None:
        """Return why quiet hours or pace let a channel's pending posts wait, and until when, or None if they do not."""
        now = self._clock.now()
        rhythm = channel_queues.load_rhythms(db, now, "channel.id = :channel", {"channel": channel_id}).get(channel_id)
        if rhythm is None or not channel_queues.has_pending_post(db, channel_id):
            return None
        return rhythm.find_wait_reason(DispatchKind.POST, now)

    def _build_served_condition_sql(self, shard_number: int | None = None) -> str:
        return self._shards.build_served_condition("channel.server_id", shard_number)


FROM_SQL = "FROM dispatch JOIN channel ON channel.id = dispatch.channel_id"
"""FROM clause that joins dispatches (messages in the outbox) with their channels."""

_CURRENT_LOOK_SQL = """
    SELECT coalesce(subscription.look, server.look)
    FROM dispatch
    JOIN channel ON channel.id = dispatch.channel_id
    JOIN server ON server.id = channel.server_id
    LEFT JOIN article ON article.key = dispatch.dedupe_key
    LEFT JOIN subscription ON subscription.channel_id = channel.id AND subscription.feed_id = article.feed_id
    WHERE dispatch.id = :post
"""
"""Query for the look (style, text length, colour…) of a post: as set for its subscription, or else for its server."""
EDITABLE_SQL = (
    "JOIN server ON server.id = channel.server_id AND server.left_at IS NULL "
    "WHERE dispatch.edit_due_at IS NOT NULL AND dispatch.state = 'sent'"
)
"""JOIN and WHERE clauses for sent messages with a scheduled edit, in servers that the bot is in."""


class Dispatches(ChannelStates):
    """Repository of the outbox. A dispatch (message) is claimed (taken for sending), sent, marked so, then finalized.

    Work is listed only for servers that this process serves. Methods that change a claim or a sent message
    raise LeaseLost if another process serves the message's server now; all methods raise StoreError.
    """

    async def list_claimed(self, shard: int | None = None) -> list[Dispatch]:
        """List the messages being sent (claimed) in a shard, or in all shards of this process.

        If the shard was taken over from another process, it is unknown whether these messages were sent.
        """
        return await self._select_dispatches(
            f"WHERE dispatch.state = 'claimed' AND {self._build_served_condition_sql(shard)} "
            "ORDER BY dispatch.position, dispatch.id"
        )

    @read_transaction
    def load_queue_outlook(
        self, db: Connection, now: int, excluded_channel_ids: Collection[int] = ()
    ) -> channel_queues.QueueOutlook:
        """Return which channels can be sent to at a Unix time in seconds, and when the next one can be."""
        return channel_queues.load_queue_outlook(
            db,
            now,
            f"channel.id NOT IN (:excluded) AND {self._build_served_condition_sql()}",
            {"excluded": list(excluded_channel_ids)},
        )

    @read_transaction
    def measure_delays(self, db: Connection) -> channel_queues.PostDelays:
        """Return the delays of posts in channels without pace or held posts, of all processes."""
        return channel_queues.measure_delays(db)

    async def count_by_state(self) -> list[tuple[str, int, int]]:
        """List (state, number of messages, Unix time in seconds when the oldest was created) of the outbox's states."""
        return await self._fetch_objects(tuple, "SELECT state, count(*), min(created_at) FROM dispatch GROUP BY state")

    @write_transaction
    def claim(self, db: Connection, channel_id: int) -> Dispatch | None:
        """Claim (take for sending) a channel's first pending message and count an attempt; None if none is ready.

        Before that, posts beyond the channel's hourly limit are merged into a catch-up, one message for all.
        The look (style, length, colour…) of a post is fixed when it is claimed.
        """
        dispatch = self._select_next_dispatch(db, channel_id)
        if dispatch is None:
            return None
        self._shards.require_served(db, dispatch.id)
        is_post = dispatch.kind == DispatchKind.POST
        # The articles are loaded after this, so edits scheduled before are already covered.
        transitions.move_dispatches(
            db,
            [dispatch.id],
            DispatchState.CLAIMED,
            origins={DispatchState.PENDING},
            claimed_at=db.now,
            attempts=dispatch.attempt_count + 1,
            look=db.fetch_value(_CURRENT_LOOK_SQL, {"post": dispatch.id}) if is_post else None,
            edit_due_at=None,
            webhook_id=None,
        )
        return db.fetch_object(
            dispatch_from_row,
            f"SELECT {DISPATCH_SQL} {FROM_SQL} WHERE dispatch.id = :id",
            {"id": dispatch.id},
        )

    @write_transaction
    def mark_sent(
        self,
        db: Connection,
        dispatch_id: int,
        *,
        message_id: int,
        thread_id: int | None,
        sent_at: int,
        webhook_id: int | None = None,
        shown_article_ids: Collection[int] = (),
    ) -> None:
        """Record that a claimed message was sent to Discord at `sent_at` (Unix time in seconds).

        `shown_article_ids` are the articles added to the post (joined) that the message names; if more have joined
        since, an edit is scheduled.
        """
        self._shards.require_served(db, dispatch_id)
        transitions.move_dispatches(
            db,
            [dispatch_id],
            DispatchState.SENT,
            origins={DispatchState.CLAIMED},
            message_id=message_id,
            thread_id=thread_id,
            webhook_id=webhook_id,
            sent_at=sent_at,
            last_error=None,
        )
        _mark_articles_shown(db, dispatch_id, shown_article_ids)
        # Articles that joined after the message was rendered are shown by an edit.
        if db.fetch_row(
            "SELECT 1 FROM dispatch WHERE id = :id AND edit_due_at IS NULL "
            "AND EXISTS (SELECT 1 FROM delivery_status WHERE joined_dispatch_id = dispatch.id AND shown_at IS NULL)",
            {"id": dispatch_id},
        ):
            transitions.change_dispatches(db, [dispatch_id], states={DispatchState.SENT}, edit_due_at=db.now)

    async def mark_finalized(self, dispatch_id: int) -> None:
        """Record that the steps after sending a message (reaction, crosspost) are done or were given up."""
        await self._change_dispatch(dispatch_id, {"is_finalized": 1})

    @write_transaction
    def schedule_retry(self, db: Connection, dispatch_id: int, *, due_at: int, reason: Reason | None) -> None:
        """Return a message to the queue that was taken for sending (claimed), but certainly not sent.

        It is due at `due_at` (Unix time in seconds).
        """
        self._shards.require_served(db, dispatch_id)
        transitions.move_dispatches(
            db,
            [dispatch_id],
            DispatchState.PENDING,
            origins={DispatchState.CLAIMED},
            due_at=due_at,
            last_error=reason and reason.encode(),
        )

    async def set_webhook(self, dispatch_id: int, webhook_id: int | None) -> None:
        """Record the webhook through which a message is about to be sent (None for the bot itself)."""
        await self._change_dispatch(dispatch_id, {"webhook_id": webhook_id})

    async def load_webhook_ids(self, channel_id: int) -> set[int]:
        """Return the ids of the webhooks through which messages of a channel were, or were about to be, sent."""
        return await self._fetch_set(
            "SELECT DISTINCT webhook_id FROM dispatch WHERE channel_id = ? AND webhook_id IS NOT NULL",
            (channel_id,),
        )

    async def record_in_doubt(self, dispatch_id: int, reason: Reason) -> None:
        """Record why it is unknown whether a message was sent; it stays claimed until that is found out."""
        await self._change_dispatch(dispatch_id, {"last_error": reason.encode()})

    @write_transaction
    def drop_already_sent(self, db: Connection, dispatch_id: int, article_ids: Collection[int]) -> None:
        """Remove articles from a claimed message that were sent already, before a backup was restored.

        The articles get the status withheld; a message without remaining articles is deleted.
        """
        self._shards.require_served(db, dispatch_id)
        transitions.withhold_pages(
            db,
            "dispatch_id = :dispatch AND article_id IN (:articles)",
            {"dispatch": dispatch_id, "articles": article_ids},
            Reason(WithheldReason.ALREADY_SENT),
            origins={PageStatus.ENQUEUED},
        )
        if db.fetch_row("SELECT 1 FROM delivery_status WHERE dispatch_id = ?", (dispatch_id,)) is None:
            dispatch_cancellation.requeue_joined(db, dispatch_id)
            transitions.delete_dispatches(db, [dispatch_id], origins={DispatchState.CLAIMED})

    async def mark_failed(self, dispatch_id: int, reason: Reason) -> None:
        """Mark a claimed message as failed for good, and enqueue again the articles added to (joined) its post.

        Does nothing if the message is not claimed.
        """
        await self._close_dispatch(dispatch_id, DispatchState.FAILED, reason)

    async def mark_uncertain(self, dispatch_id: int, reason: Reason) -> None:
        """Mark a claimed message as perhaps sent, which cannot be verified, and enqueue again articles that joined it.

        Does nothing if the message is not claimed.
        """
        await self._close_dispatch(dispatch_id, DispatchState.UNCERTAIN, reason)

    async def list_unfinalized(self, shard: int | None = None) -> list[Dispatch]:
        """List sent messages whose later steps (reaction, crosspost) are not done, of a shard or all of this process.

        Only messages in servers that the bot is in, and direct messages, are listed.
        """
        return await self._select_dispatches(
            "LEFT JOIN server ON server.id = channel.server_id "
            f"WHERE dispatch.state = 'sent' AND dispatch.is_finalized = 0 AND server.left_at IS NULL "
            f"AND {self._build_served_condition_sql(shard)} ORDER BY dispatch.id"
        )

    async def list_dispatches_to_edit(self, now: int, limit: int, channel_id: int | None = None) -> list[Dispatch]:
        """List at most `limit` sent messages whose edit is due at `now`, the longest due first.

        They are in servers that the bot is in, of all processes, or only in one channel if it is given.
        """
        return await self._select_dispatches(
            f"{EDITABLE_SQL} AND dispatch.edit_due_at <= :now AND (:channel IS NULL OR channel.id = :channel) "
            "ORDER BY dispatch.edit_due_at, dispatch.id LIMIT :limit",
            now=now,
            limit=limit,
            channel=channel_id,
        )

    async def list_channel_ids_to_edit(self, now: int, excluded_channel_ids: Collection[int] = ()) -> list[int]:
        """List the ids of the channels with edits of messages that are due at `now`; the longest due come first."""
        return await self._fetch_column(
            f"SELECT channel.id {FROM_SQL} {EDITABLE_SQL} AND dispatch.edit_due_at <= :now "
            f"AND {self._build_served_condition_sql()} "
            "AND channel.id NOT IN (:excluded) GROUP BY channel.id ORDER BY min(dispatch.edit_due_at)",
            {"now": now, "excluded": excluded_channel_ids},
        )

    async def get_next_edit_due_at(self, excluded_channel_ids: Collection[int] = ()) -> int | None:
        """Return the Unix time in seconds at which the next edit of a message is due, or None if none is scheduled.

        The time may be in the past.
        """
        return await self._fetch_value(
            f"SELECT min(dispatch.edit_due_at) {FROM_SQL} {EDITABLE_SQL} AND "
            f"{self._build_served_condition_sql()} "
            "AND channel.id NOT IN (:excluded)",
            {"excluded": excluded_channel_ids},
        )

    @write_transaction
    def mark_edited(
        self,
        db: Connection,
        dispatch_id: int,
        *,
        due_at: int | None = None,
        shown_article_ids: Collection[int] = (),
    ) -> None:
        """Record that a message was edited, as was due at `due_at` (Unix time in seconds).

        An edit that was scheduled for a later time stays due; if `due_at` is None, any scheduled edit is
        cleared. `shown_article_ids` are the articles added to the post (joined) that the message names.
        """
        self._shards.require_served(db, dispatch_id)
        edit_due_at = db.fetch_value("SELECT edit_due_at FROM dispatch WHERE id = :id", {"id": dispatch_id})
        is_later_edit_due = edit_due_at is not None and due_at is not None and edit_due_at > due_at
        transitions.change_dispatches(
            db, [dispatch_id], edited_at=db.now, edit_due_at=edit_due_at if is_later_edit_due else None
        )
        _mark_articles_shown(db, dispatch_id, shown_article_ids)

    @write_transaction
    def abandon_edits(self, db: Connection, dispatch_id: int) -> bool:
        """Clear the scheduled edit of a message that can no longer be edited, and enqueue again the articles it lacks.

        These are the articles that were added to the post (joined) and that the message does not name. Return whether
        any of them was enqueued; the others are withheld, or reserved for a digest.
        """
        self._shards.require_served(db, dispatch_id)
        transitions.change_dispatches(db, [dispatch_id], edit_due_at=None)
        return dispatch_cancellation.requeue_joined(db, dispatch_id)

    async def postpone_edit(self, dispatch_id: int, due_at: int) -> None:
        """Postpone the scheduled edit of a message until `due_at` (Unix time in seconds)."""
        await self._change_dispatch(dispatch_id, {"edit_due_at": due_at})

    async def get(self, dispatch_id: int) -> Dispatch | None:
        """Return the message of the outbox (dispatch) with an id, or None if there is none."""
        return next(iter(await self._select_dispatches("WHERE dispatch.id = :id", id=dispatch_id)), None)

    async def get_by_message_id(self, message_id: int) -> Dispatch | None:
        """Return the dispatch (row of the outbox) that was sent as a Discord message, by its id, or None."""
        return next(iter(await self._select_dispatches("WHERE dispatch.message_id = :id", id=message_id)), None)

    async def list_sent_for_article(self, article_id: int) -> list[Dispatch]:
        """List sent messages with an article on the same web page as this article, newest first.

        Articles that were added to (joined) a post count too.
        """
        return await self._select_dispatches(
            """
            WHERE dispatch.state = 'sent' AND dispatch.id IN (
                SELECT coalesce(delivery_status.dispatch_id, delivery_status.joined_dispatch_id) FROM article
                JOIN article AS duplicate ON duplicate.page_key = article.page_key
                JOIN delivery_status ON delivery_status.article_id = duplicate.id
                WHERE article.id = :article)
            ORDER BY dispatch.sent_at DESC, dispatch.id DESC
            """,
            article=article_id,
        )

    async def list_recent(self, since: int, limit: int, shard: int | None = None) -> list[Dispatch]:
        """List at most `limit` messages sent since a Unix time in seconds, newest first.

        Only messages in servers that the bot is in are listed, and only of one shard if it is given.
        """
        return await self._select_dispatches(
            "JOIN server ON server.id = channel.server_id AND server.left_at IS NULL "
            f"WHERE dispatch.sent_at >= :since AND dispatch.state = 'sent' AND "
            f"{self._build_served_condition_sql(shard)} "
            "ORDER BY dispatch.sent_at DESC, dispatch.id DESC LIMIT :limit",
            since=since,
            limit=limit,
        )

    def _select_next_dispatch(self, db: Connection, channel_id: int) -> PendingDispatch | None:
        """Return the message to send to a channel now, after merging posts beyond its hourly limit; None if none is."""
        while (queue := channel_queues.load_queue(db, channel_id, self._build_served_condition_sql())) is not None:
            dispatch, _attempt_at, claimable_at = queue.select_next_dispatch(db.now)
            if claimable_at > db.now:
                return None
            if dispatch.kind not in PACED_KINDS or not channel_queues.merge_excess_posts(db, channel_id, queue):
                return dispatch
        return None

    @write_transaction
    def _close_dispatch(self, db: Connection, dispatch_id: int, state: DispatchState, reason: Reason) -> None:
        self._shards.require_served(db, dispatch_id)
        if transitions.move_dispatches(
            db, [dispatch_id], state, origins={DispatchState.CLAIMED}, last_error=reason.encode()
        ):
            dispatch_cancellation.requeue_joined(db, dispatch_id)

    async def _select_dispatches(self, clauses_sql: str, **parameters: Any) -> list[Dispatch]:  # noqa: ANN401 - parameters of SQL
        return await self._fetch_objects(
            dispatch_from_row, f"SELECT {DISPATCH_SQL} {FROM_SQL} {clauses_sql}", parameters
        )

    @write_transaction
    def _change_dispatch(self, db: Connection, dispatch_id: int, columns: Mapping[str, Any]) -> None:
        self._shards.require_served(db, dispatch_id)
        transitions.change_dispatches(db, [dispatch_id], **columns)


def _mark_articles_shown(db: Connection, dispatch_id: int, article_ids: Collection[int]) -> None:
    if not article_ids:
        return
    transitions.change_pages(
        db,
        "joined_dispatch_id = :dispatch AND shown_at IS NULL AND article_id IN (:articles)",
        {"dispatch": dispatch_id, "articles": article_ids},
        statuses={PageStatus.JOINED},
        shown_at=db.now,
    )
