"""Repository of the states of channels: problems that block a channel, and reasons why its posts wait."""

from functools import partial
from typing import NamedTuple

from bot.core.models import DispatchKind
from bot.core.reasons import Reason
from bot.store.connection import Connection
from bot.store.coordination.served_shards import ShardedRepository
from bot.store.outbox import channel_queues
from bot.store.repository import read_transaction, write_transaction
from bot.store.row_mapping import from_row


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
