"""Making digests when they are due: a task while there are any.

What one says is chosen outside a transaction, and owed in one, which also sets the time of the next: a
process that dies before it chooses again, one that dies after finds it done.
"""

import asyncio
import logging

import discord

from bot.core.models import Digest
from bot.core.workers import WorkerError
from bot.digests import digest_selection
from bot.digests.digest_selection import Edition
from bot.digests.restored_digests import AlreadyPosted
from bot.digests.rising import Period
from bot.posting.due_task import DueTask
from bot.posting.rendering.trend_charts import rising
from bot.store.records.outbox_records import Gathered
from bot.writing.summaries import Summaries

log = logging.getLogger(__name__)

PATIENCE = 20.0
"""Seconds that a digest waits for summaries of its stories,"""
LATEST = 60
"""and seconds after its time until which it may wait: others may be due at the same time."""
_LOOK = 5.0  # seconds that looking up the summaries there are may take
_TIME = 20.0  # seconds that choosing the stories may take


class Digests(DueTask):
    """The digests of all channels."""

    async def _due(self) -> int | None:
        return await self._store.digests.next_due()

    async def _work(self) -> None:
        due = await self._store.digests.due(self._clock.now())
        for digest in sorted(due, key=lambda one: one.plan.summaries):  # which hold up no others
            try:
                await self._make(digest)
            except Exception:
                log.exception("The digest of channel %d was not made", digest.channel_id)
                self._rest()

    async def _make(self, digest: Digest) -> None:
        now, store = self._clock.now(), self._store.digests
        guild = self._context.client.get_guild(digest.server_id)
        if guild is None or guild.unavailable:
            self._rest()
            return
        since = (
            digest.covered
            if digest.covered is not None
            else digest.due - digest_selection.period(digest.plan)
        )
        if digest_selection.is_late(digest.plan, digest.due, now):
            log.info("The digest of channel %d is left out: it is too late", digest.channel_id)
            await store.skip(digest, since=since)
            return
        told = await self._context.restored.told(digest, since)
        if told is None:
            self._rest()
            return
        if told.is_sent:
            log.info("The digest of channel %d came before a backup was restored", digest.channel_id)
            await store.skip(digest, since=since)
            return
        since = max(since, told.until)
        recalled = await store.recall(digest.id)
        if recalled is not None:
            since = min(since, recalled)
        patience = min(PATIENCE, digest.due + LATEST - now)
        edition, gathered = await self.edition(
            guild, digest, since=since, until=now, told=told, patience=patience
        )
        await store.make(
            digest,
            edition.written() if edition.sections else None,
            until=now,
            held=gathered.held,
            named=edition.article_ids,
            told=told.held,
        )

    async def edition(
        self,
        guild: discord.Guild,
        digest: Digest,
        *,
        since: int,
        until: int,
        told: AlreadyPosted | None = None,
        patience: float = 0,
    ) -> tuple[Edition, Gathered]:
        """What the digest of a channel says of what came between two times, and was not `told` before.

        Its stories are summed up, where that is chosen, as far as a model does so in `patience` seconds.
        Raises what discord.py and aiohttp raise where only Discord can tell who reads what, and does not.
        """
        plan, context = digest.plan, self._context
        if plan.wide:
            feed_ids = await context.audience.feeds_of_channel(guild, digest.channel_id)
        else:
            feed_ids = await self._store.subscriptions.feed_ids([digest.channel_id])
        gathered = await self._store.digests.candidates(digest, feed_ids, since=since, until=until)
        if told is not None:
            gathered = told.without(gathered)
        taste = await context.tastes.of_server(digest.server_id)
        language = await context.languages.of(guild.id, digest.channel_id)
        draft = Edition(
            since=since, until=until, daily=plan.weekday is None, zone=digest.time_zone, wide=plan.wide
        )
        edition = await context.workers.run(
            digest_selection.choose, gathered.candidates, gathered.kin, draft, taste, language, timeout=_TIME
        )
        if plan.summaries and context.writing is not None and context.writing.summaries is not None:
            edition = await self._summed_up(
                context.writing.summaries, edition, language, digest.server_id, patience
            )
        if plan.chart and edition.sections:
            try:
                found = await rising(self._store, context.workers, feed_ids, Period.WEEK, until)
            except WorkerError as error:
                log.warning("a digest goes without its chart: %s", error)
            else:
                edition = edition.charted(found.rising, feed_ids)
        return edition, gathered

    async def _summed_up(
        self, summaries: Summaries, edition: Edition, language: str, server_id: int, patience: float
    ) -> Edition:
        """An edition with the summaries that there are, or are written in time."""
        firsts = [story.articles[0][0] for section in edition.sections for story in section.stories]
        written: dict[int, str] = {}

        async def write() -> None:
            for article in await self._store.articles.by_ids(firsts):
                found = await summaries.known(article, language)
                if found is None and patience > 0:
                    found = await summaries.of(article, language, server_id=server_id)
                if isinstance(found, tuple):
                    written[article.id] = " ".join(found)

        try:
            await asyncio.wait_for(write(), max(patience, _LOOK))
        except TimeoutError:
            log.info("A digest goes with %d of %d summaries", len(written), len(firsts))
        return edition.summed_up(written)
