"""Fates: what became of the articles that channels were owed, read from the outbox and its record."""

from functools import partial

from bot.core import hours
from bot.core.models import Fate
from bot.store.connection import Row
from bot.store.outbox import held_posts, posting_schedule
from bot.store.records.outbox_records import FateRow, WaitsFor
from bot.store.repository import Repository
from bot.store.rows import made


class Fates(Repository):
    """What became of pages."""

    async def of_page(self, page: str) -> list[FateRow]:
        """What became of a page, a row for each channel that it has a fate in."""
        now = self._clock.now()
        return await self._objects(
            partial(_fate, now),
            f"""
            SELECT channel.server_id, fate.channel_id, fate.article_id, fate.fate, fate.reason, fate.decided,
                   dispatch.kind, dispatch.state, coalesce(dispatch.error, channel.problem) AS error,
                   dispatch.sent, dispatch.message_id, dispatch.thread_id,
                   iif(fate.joined_id IS NULL, NULL, (
                       SELECT title FROM article WHERE article.key = dispatch.what)) AS joined,
                   iif(dispatch.state = 'held', {held_posts.OUTLETS}, NULL) AS outlets,
                   channel.least_outlets, channel.best_due,
                   {posting_schedule.FIGURES}
            FROM fate
            JOIN channel ON channel.id = fate.channel_id
            LEFT JOIN server ON server.id = channel.server_id
            LEFT JOIN dispatch ON dispatch.id = coalesce(fate.dispatch_id, fate.joined_id)
            WHERE fate.page = :page
              AND fate.article_id IN (SELECT id FROM article WHERE page = :page)
            ORDER BY fate.decided, fate.channel_id
            """,
            {"page": page, "now": now},
        )


_OF_STATE = {
    "held": Fate.WAITING,
    "waiting": Fate.WAITING,
    "claimed": Fate.WAITING,
    "sent": Fate.POSTED,
    "uncertain": Fate.FAILED,
    "failed": Fate.FAILED,
}
_OF_KIND = {"digest": Fate.DIGESTED, "catch-up": Fate.CAUGHT_UP}


def _fate(now: int, row: Row) -> FateRow:
    state = row["state"] if row["fate"] is None else None
    fate = Fate(row["fate"]) if state is None else _OF_STATE[state]
    reason = row["reason"] if state is None else None if fate is Fate.POSTED else row["error"]
    if row["state"] == "held":
        reason = _held(row)
    elif fate is Fate.WAITING and reason is None:
        reason = posting_schedule.reason(row["kind"], row, now)
    if fate is Fate.POSTED:
        fate = _OF_KIND.get(row["kind"], fate)
    since = row["decided"] if row["sent"] is None else row["sent"]
    return made(FateRow, row, fate=fate, reason=reason, since=since)


def _held(row: Row) -> str:
    """What a held post waits for, as a text for people's words."""
    if row["outlets"] < (row["least_outlets"] or 1):
        return f"{WaitsFor.OUTLETS} {row['outlets']} {row['least_outlets']}"
    return f"{WaitsFor.BEST} {hours.told(row['best_due'], row['time_zone'] or 'UTC')}"
