"""Posting, in servers that want it, of a monthly scorecard: how people reacted to each feed's posts."""

import logging

import discord

from bot.core import i18n
from bot.core.local_time import SECONDS_PER_DAY
from bot.posting.rendering import scorecards
from bot.posting.scheduled_task import RETRY_SECONDS, ScheduledTask
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.store.records.outbox_records import DueReport
from bot.stories import feed_scores
from bot.stories.feed_scores import Verdict

log = logging.getLogger(__name__)

REPORT_DAYS = 30
"""Number of days that the monthly scorecard of a server's feeds covers."""


class MonthlyReportTask(ScheduledTask):
    """Scheduled task that enqueues the monthly scorecards of feeds; one transaction also sets when the next is due."""

    async def get_next_due_at(self) -> int | None:
        """Return when the next scorecard of feeds is due (Unix time in seconds); None if no server wants one."""
        return await self._store.monthly_reports.get_next_due_at()

    async def run(self) -> float:
        """Enqueue the scorecards of feeds that are due; return the seconds until failed ones are tried again, or 0."""
        wait_seconds = 0.0
        for report in await self._store.monthly_reports.list_due(self._clock.now()):
            guild = self._context.client.get_guild(report.server_id)
            try:
                if guild is not None and not guild.unavailable:
                    payload = await self._build_payload(guild, report)
                    await self._store.monthly_reports.enqueue_due(report, payload)
                    continue
            except DISCORD_ERRORS as error:
                log.warning("monthly report postponed server_id=%d error=%r", report.server_id, error)
            except Exception:  # It is due first again next time, and must not hold up those of other servers.
                log.exception("monthly report failed server_id=%d", report.server_id)
            wait_seconds = RETRY_SECONDS
        return wait_seconds

    async def _build_payload(self, guild: discord.Guild, report: DueReport) -> str | None:
        """Return the text to store of a scorecard of the feeds that all readers of the channel for alerts can read.

        The reactions of the past days are counted first. Returns None if there is no such channel, or nothing to say
        about any feed.
        """
        if report.channel_id is None:
            return None
        await self._store.feed_reactions.add_batches_until_midnight(guild.id)
        until = report.due_at - report.due_at % SECONDS_PER_DAY
        since = until - REPORT_DAYS * SECONDS_PER_DAY
        channel_ids = await self._context.audience.find_channels_readable_by_all_in(guild, report.channel_id)
        scorecard = feed_scores.score_feeds(
            [
                (subscription, feed)
                for subscription, feed in await self._store.subscriptions.list_with_feeds(guild.id)
                if subscription.channel_id in channel_ids
            ],
            await self._store.feed_reactions.count_by_feed(guild.id, since=since, until=until),
            since=since,
            until=until,
        )
        if all(scored_feed.verdict is Verdict.UNKNOWN for scored_feed in scorecard.scored_feeds):
            return None
        with i18n.language_scope(await self._context.post_languages.for_channel(guild.id, report.channel_id)):
            return scorecards.build_report_payload(scorecard)
