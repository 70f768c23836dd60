"""Repository of the states of channels: problems that block one, and why its dispatches wait."""

from typing import NamedTuple

from bot.store.connection import Connection
from bot.store.coordination.served_shards import ShardedRepository
from bot.store.outbox import posting_schedule
from bot.store.repository import write_transaction


class ChannelProblem(NamedTuple):
    """A problem that blocks a channel, and when it began and is to be retried.

    Times are in seconds of UTC. `retry_at` is None if somebody must solve the problem first.
    """

    problem: str
    since: int
    retry_at: int | None


class ChannelStates(ShardedRepository):
    """Problems and waiting reasons of channels. Methods raise StoreError."""

    @write_transaction
    def block_channel(self, db: Connection, channel_id: int, problem: str, retry_at: int | None) -> None:
        """Block a channel until `retry_at` (seconds of UTC); None blocks it until it is unblocked."""
        db.execute(
            "UPDATE channel SET problem = ?, problem_since = coalesce(problem_since, ?), retry_at = ? "
            "WHERE id = ?",
            (problem, db.now, retry_at, channel_id),
        )

    @write_transaction
    def unblock_channel(self, db: Connection, channel_id: int) -> None:
        """Clear the problem of a channel."""
        db.execute(
            "UPDATE channel SET problem = NULL, problem_since = NULL, retry_at = NULL WHERE id = ?",
            (channel_id,),
        )

    async def list_blocked_channels(self, shard: int) -> list[int]:
        """List the blocked channels of a shard, in servers that the bot is in."""
        return await self._fetch_column(
            "SELECT channel.id FROM channel JOIN server ON server.id = channel.server_id "
            f"WHERE channel.problem IS NOT NULL AND server.left IS NULL AND {self._served_condition(shard)}"
        )

    async def get_problem(self, channel_id: int) -> ChannelProblem | None:
        """Return the problem of a channel, or None."""
        return await self._fetch_object(
            ChannelProblem._make,
            "SELECT problem, problem_since, retry_at FROM channel WHERE id = ? AND problem IS NOT NULL",
            (channel_id,),
        )

    async def get_first_pending_error(self, channel_id: int) -> str | None:
        """Return the last error of a channel's first pending or claimed dispatch, or None."""
        return await self._fetch_value(
            "SELECT error FROM dispatch WHERE channel_id = ? AND state IN ('waiting', 'claimed') "
            "ORDER BY position, id LIMIT 1",
            (channel_id,),
        )

    async def get_wait_reason(self, channel_id: int) -> str | None:
        """Return why a channel's pending posts wait and until when, or None if they do not.

        The text is that of `posting_schedule.format_wait_reason`.
        """
        now = self._clock.now()
        row = await self._fetch_row(
            f"SELECT {posting_schedule.WAIT_COLUMNS_SQL} "
            "FROM channel LEFT JOIN server ON server.id = channel.server_id "
            f"WHERE channel.id = :channel AND {posting_schedule.IS_PACED_SQL} AND EXISTS (SELECT "
            f"1 FROM dispatch "
            f"WHERE channel_id = channel.id AND state = 'waiting' AND kind IN "
            f"{posting_schedule.PACED_KINDS_SQL})",
            {"channel": channel_id, "now": now},
        )
        return None if row is None else posting_schedule.format_wait_reason("post", row, now)

    def _served_condition(self, shard: int | None = None) -> str:
        return self._shards.build_served_condition("channel.server_id", shard)
