"""Making digests when they are due: a task while there are any.

What one says is chosen outside a transaction, and owed in one, which also sets the time of the next: a
process that dies before it chooses again, one that dies after finds it done.
"""

import asyncio
import logging

import discord

from bot.core.models import Digest
from bot.core.worker_pool import WorkerError
from bot.digests import digest_selection
from bot.digests.already_posted import AlreadyPosted
from bot.digests.digest_selection import DigestContent
from bot.digests.trend_detection import TrendPeriod
from bot.posting.rendering.trend_charts import load_trends
from bot.posting.scheduled_task import ScheduledTask
from bot.store.records.outbox_records import DigestCandidates
from bot.writing.summarizer import Summarizer

log = logging.getLogger(__name__)

SUMMARY_WAIT_SECONDS = 20.0
"""Seconds that a digest waits for summaries of its stories,"""
MAX_DELAY_SECONDS = 60
"""and seconds after its time until which it may wait: others may be due at the same time."""
_SUMMARY_LOOKUP_SECONDS = 5.0  # seconds that looking up the summaries there are may take
_SELECTION_TIMEOUT_SECONDS = 20.0  # seconds that choosing the stories may take


class ChannelDigestTask(ScheduledTask):
    """The digests of all channels."""

    async def _next_due(self) -> int | None:
        return await self._store.digests.next_due()

    async def _run(self) -> None:
        due = await self._store.digests.due(self._clock.now())
        for digest in sorted(due, key=lambda one: one.plan.summaries):  # which hold up no others
            try:
                await self._create_digest(digest)
            except Exception:
                log.exception("The digest of channel %d was not made", digest.channel_id)
                self._back_off()

    async def _create_digest(self, digest: Digest) -> None:
        now, store = self._clock.now(), self._store.digests
        guild = self._context.client.get_guild(digest.server_id)
        if guild is None or guild.unavailable:
            self._back_off()
            return
        since = (
            digest.covered
            if digest.covered is not None
            else digest.due - digest_selection.period_seconds(digest.plan)
        )
        if digest_selection.is_too_late(digest.plan, digest.due, now):
            log.info("The digest of channel %d is left out: it is too late", digest.channel_id)
            await store.skip(digest, since=since)
            return
        told = await self._context.restore_reconciler.find_already_posted(digest, since)
        if told is None:
            self._back_off()
            return
        if told.due_digest_was_sent:
            log.info("The digest of channel %d came before a backup was restored", digest.channel_id)
            await store.skip(digest, since=since)
            return
        since = max(since, told.last_digest_due)
        recalled = await store.withdraw_pending(digest.id)
        if recalled is not None:
            since = min(since, recalled)
        patience = min(SUMMARY_WAIT_SECONDS, digest.due + MAX_DELAY_SECONDS - now)
        edition, gathered = await self.build_edition(
            guild, digest, since=since, until=now, already_posted=told, summary_wait_seconds=patience
        )
        await store.enqueue_due(
            digest,
            edition.to_json() if edition.sections else None,
            until=now,
            held=gathered.reserved_article_ids,
            named=edition.article_ids,
            told=told.excluded_held_ids,
        )

    async def build_edition(
        self,
        guild: discord.Guild,
        digest: Digest,
        *,
        since: int,
        until: int,
        already_posted: AlreadyPosted | None = None,
        summary_wait_seconds: float = 0,
    ) -> tuple[DigestContent, DigestCandidates]:
        """What the digest of a channel says of what came between two times, and was not `told` before.

        Its stories are summed up, where that is chosen, as far as a model does so in `patience` seconds.
        Raises what discord.py and aiohttp raise where only Discord can tell who reads what, and does not.
        """
        plan, context = digest.plan, self._context
        if plan.wide:
            feed_ids = await context.audience.feeds_readable_by_all_in(guild, digest.channel_id)
        else:
            feed_ids = await self._store.subscriptions.feed_ids([digest.channel_id])
        gathered = await self._store.digests.candidates(digest, feed_ids, since=since, until=until)
        if already_posted is not None:
            gathered = already_posted.without(gathered)
        taste = await context.preference_models.get(digest.server_id)
        language = await context.languages.for_channel(guild.id, digest.channel_id)
        draft = DigestContent(
            since=since, until=until, daily=plan.weekday is None, zone=digest.time_zone, wide=plan.wide
        )
        edition = await context.workers.run(
            digest_selection.select_stories,
            gathered.candidates,
            gathered.similar_pairs,
            draft,
            taste,
            language,
            timeout=_SELECTION_TIMEOUT_SECONDS,
        )
        if (
            plan.summaries
            and context.model_services is not None
            and context.model_services.summarizer is not None
        ):
            edition = await self._with_summaries(
                context.model_services.summarizer, edition, language, digest.server_id, summary_wait_seconds
            )
        if plan.chart and edition.sections:
            try:
                found = await load_trends(self._store, context.workers, feed_ids, TrendPeriod.WEEK, until)
            except WorkerError as error:
                log.warning("a digest goes without its chart: %s", error)
            else:
                edition = edition.with_chart(found.rising_rows, feed_ids)
        return edition, gathered

    async def _with_summaries(
        self, summaries: Summarizer, edition: DigestContent, language: str, server_id: int, patience: float
    ) -> DigestContent:
        """An edition with the summaries that there are, or are written in time."""
        firsts = [story.articles[0][0] for section in edition.sections for story in section.stories]
        written: dict[int, str] = {}

        async def write() -> None:
            for article in await self._store.articles.by_ids(firsts):
                found = await summaries.cached(article, language)
                if found is None and patience > 0:
                    found = await summaries.summarize(article, language, server_id=server_id)
                if isinstance(found, tuple):
                    written[article.id] = " ".join(found)

        try:
            await asyncio.wait_for(write(), max(patience, _SUMMARY_LOOKUP_SECONDS))
        except TimeoutError:
            log.info("A digest goes with %d of %d summaries", len(written), len(firsts))
        return edition.with_summaries(written)
