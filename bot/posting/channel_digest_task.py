"""Creation of the digests of channels when they are due.

A digest's stories are selected outside a transaction. One transaction then enqueues the digest and sets the time of
the channel's next digest. After a crash before this transaction the selection is repeated; after a later crash
nothing is left to do.
"""

import asyncio
import logging

import discord

from bot.core.concurrency.worker_pool import WorkerError
from bot.core.models import Digest
from bot.core.preferences import FilterPlace, FilterScope
from bot.digests import digest_selection
from bot.digests.already_posted import AlreadyPostedPages
from bot.digests.digest_models import DigestContent
from bot.digests.trend_detection import TrendPeriod
from bot.posting.rendering.trend_charts import load_trends
from bot.posting.scheduled_task import RETRY_SECONDS, ScheduledTask
from bot.store.records.outbox_records import DigestCandidates
from bot.watches import subscription_filters
from bot.writing.summarizer import Summarizer

log = logging.getLogger(__name__)

SUMMARY_WAIT_SECONDS = 20.0
"""Maximum time in seconds to wait for the summaries of a digest's stories."""
MAX_DELAY_SECONDS = 60
"""Time in seconds after a digest's due time from which on only stored summaries are used for it."""
_SUMMARY_LOOKUP_SECONDS = 5.0
"""Minimum timeout in seconds for looking up and generating summaries, even if no time is left to wait."""
_SELECTION_TIMEOUT_SECONDS = 20.0
"""Maximum time in seconds in which a worker selects the stories of a digest."""


class ChannelDigestTask(ScheduledTask):
    """Scheduled task that creates the digests of all channels of this process."""

    async def get_next_due_at(self) -> int | None:
        """Return when the next digest of a channel is due (Unix time in seconds); None without digests."""
        return await self._store.digests.get_next_due_at()

    async def run(self) -> float:
        """Create the digests that are due; return the seconds until failed ones are tried again, or 0."""
        wait_seconds = 0.0
        due_digests = await self._store.digests.list_due(self._clock.now())
        # Waiting for summaries must not delay the digests that have none.
        for digest in sorted(due_digests, key=lambda due_digest: due_digest.plan.has_summaries):
            try:
                is_done = await self._create_digest(digest)
            except Exception:
                log.exception("digest failed channel_id=%d", digest.channel_id)
                is_done = False
            if not is_done:
                wait_seconds = RETRY_SECONDS
        return wait_seconds

    async def _create_digest(self, digest: Digest) -> bool:
        """Enqueue or skip a due digest; return False if it has to be tried again."""
        now, digest_store = self._clock.now(), self._store.digests
        guild = self._context.client.get_guild(digest.server_id)
        if guild is None or guild.unavailable:
            return False
        since = (
            digest.covered_until
            if digest.covered_until is not None
            else digest.due_at - digest_selection.get_period_seconds(digest.plan)
        )
        if digest_selection.is_too_late(digest.plan, digest.due_at, now):
            log.info("digest skipped channel_id=%d reason=too-late", digest.channel_id)
            await digest_store.skip(digest, since=since)
            return True
        already_posted_pages = await self._context.restore_reconciler.find_already_posted_pages(digest, since)
        if already_posted_pages is None:
            return False
        if already_posted_pages.was_due_digest_sent:
            log.info("digest skipped channel_id=%d reason=sent-before-restore", digest.channel_id)
            await digest_store.skip(digest, since=since)
            return True
        since = max(since, already_posted_pages.last_digest_sent_at)
        withdrawn_period_start = await digest_store.withdraw_pending_dispatches(digest.id)
        if withdrawn_period_start is not None:
            since = min(since, withdrawn_period_start)
        summary_wait_seconds = min(SUMMARY_WAIT_SECONDS, digest.due_at + MAX_DELAY_SECONDS - now)
        digest_content, digest_candidates = await self.build_digest_content(
            guild,
            digest,
            since=since,
            until=now,
            already_posted_pages=already_posted_pages,
            summary_wait_seconds=summary_wait_seconds,
        )
        await digest_store.enqueue_due(
            digest,
            digest_content.to_json() if digest_content.sections else None,
            until=now,
            reserved_article_ids=digest_candidates.reserved_article_ids,
            listed_article_ids=digest_content.article_ids,
            already_sent_article_ids=already_posted_pages.excluded_reserved_ids,
        )
        return True

    async def build_digest_content(
        self,
        guild: discord.Guild,
        digest: Digest,
        *,
        since: int,
        until: int,
        already_posted_pages: AlreadyPostedPages | None = None,
        summary_wait_seconds: float = 0,
    ) -> tuple[DigestContent, DigestCandidates]:
        """Return the digest of a channel for the articles of a period, and the articles that it was selected from.

        `since` and `until` are Unix times in seconds. `already_posted_pages` removes candidates that the channel
        has received. Summaries, if the digest's plan includes them, are generated for at most
        `summary_wait_seconds`, or `_SUMMARY_LOOKUP_SECONDS` if that is longer; if it is not positive, only stored
        summaries are used. If detecting the trends fails, the chart is left out.

        Raises StoreError, WorkerError if selecting the stories fails or takes too long, and discord.DiscordException,
        aiohttp.ClientError or TimeoutError if Discord must be asked who can read the feeds and the request fails.
        """
        plan, context = digest.plan, self._context
        if plan.includes_other_channels:
            feed_ids = await context.audience.find_feed_ids_readable_by_all_in(guild, digest.channel_id)
        else:
            feed_ids = await self._store.subscriptions.load_feed_ids([digest.channel_id])
        digest_candidates = await self._store.digests.gather_candidates(digest, feed_ids, since=since, until=until)
        if plan.includes_other_channels:
            digest_candidates = await self._exclude_filtered_candidates(digest.channel_id, digest_candidates)
        if already_posted_pages is not None:
            digest_candidates = already_posted_pages.exclude_posted(digest_candidates)
        preference_model = await context.preference_models.get(digest.server_id)
        language = await context.post_languages.for_channel(guild.id, digest.channel_id)
        empty_digest_content = DigestContent(
            since=since,
            until=until,
            is_daily=plan.weekday is None,
            time_zone=digest.time_zone,
            includes_other_channels=plan.includes_other_channels,
        )
        digest_content = await context.workers.run(
            digest_selection.select_stories,
            digest_candidates.candidates,
            digest_candidates.similar_pairs,
            empty_digest_content,
            preference_model,
            language,
            timeout=_SELECTION_TIMEOUT_SECONDS,
        )
        if plan.has_summaries and context.model_services is not None and context.model_services.summarizer is not None:
            digest_content = await self._add_summaries(
                context.model_services.summarizer, digest_content, language, digest.server_id, summary_wait_seconds
            )
        if plan.has_chart and digest_content.sections:
            try:
                trends = await load_trends(self._store, context.workers, feed_ids, TrendPeriod.WEEK, until)
            except WorkerError as error:
                log.warning("digest chart failed channel_id=%d error=%s", digest.channel_id, error)
            else:
                digest_content = digest_content.with_chart(trends.rising_rows, feed_ids)
        return digest_content, digest_candidates

    async def _exclude_filtered_candidates(
        self, channel_id: int, digest_candidates: DigestCandidates
    ) -> DigestCandidates:
        """Return a digest's candidates without articles of other channels' feeds that its channel's filters block."""
        filters = await self._store.filters.list_applying(FilterPlace(channel_id, FilterScope.CHANNEL))
        if not filters:
            return digest_candidates
        article_ids = [candidate.article_id for candidate in digest_candidates.candidates]
        blocked_article_ids = await subscription_filters.find_blocked_article_ids(
            self._store, await self._store.digests.select_without_status(channel_id, article_ids), filters
        )
        return digest_candidates._replace(
            candidates=[
                candidate
                for candidate in digest_candidates.candidates
                if candidate.article_id not in blocked_article_ids
            ]
        )

    async def _add_summaries(
        self,
        summarizer: Summarizer,
        digest_content: DigestContent,
        language: str,
        server_id: int,
        summary_wait_seconds: float,
    ) -> DigestContent:
        """Return the digest with its stored summaries and with the summaries that can be generated in time."""
        stories = [story for section in digest_content.sections for story in section.stories]
        summary_by_article_id: dict[int, str] = {}

        async def collect_summaries() -> None:
            for story in stories:
                articles = await self._store.articles.list_by_ids(
                    [article_id for article_id, _feed_id in story.article_and_feed_ids]
                )
                if not articles or articles[0].id != story.article_and_feed_ids[0][0]:
                    continue
                sentences = await summarizer.load_cached(articles, language)
                if sentences is None and summary_wait_seconds > 0:
                    sentences = await summarizer.summarize(articles, language, server_id=server_id)
                if isinstance(sentences, tuple):
                    summary_by_article_id[articles[0].id] = " ".join(sentences)

        try:
            await asyncio.wait_for(collect_summaries(), max(summary_wait_seconds, _SUMMARY_LOOKUP_SECONDS))
        except TimeoutError:
            log.info(
                "digest summaries incomplete written=%d stories=%d",
                len(summary_by_article_id),
                len(stories),
            )
        return digest_content.with_summaries(summary_by_article_id)
