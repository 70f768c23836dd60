"""Making digests when they are due: a task while there are any.

What one says is chosen outside a transaction, and owed in one, which also sets the time of the next: a
process that dies before it chooses again, one that dies after finds it done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import discord

from bot.core.clock import Clock
from bot.core.models import Digest
from bot.core.workers import WorkerError, Workers
from bot.digests import digest_selection
from bot.digests.digest_selection import Edition
from bot.digests.restored_digests import AlreadyPosted
from bot.digests.rising import Period
from bot.posting.audience import Audience
from bot.posting.due_task import DueTask
from bot.posting.personal_digest_making import PersonalDigests
from bot.posting.recovery.restored_backup import Restored
from bot.posting.rendering.dispatch_rendering import language_of
from bot.posting.rendering.trend_charts import rising
from bot.store import Store
from bot.store.records.outbox_records import Gathered
from bot.stories.known_tastes import Tastes
from bot.writing.summaries import Summaries

log = logging.getLogger(__name__)

PATIENCE = 20.0
"""Seconds that a digest waits for summaries of its stories,"""
LATEST = 60
"""and seconds after its time until which it may wait: others may be due at the same time."""
_LOOK = 5.0  # seconds that looking up the summaries there are may take
_TIME = 20.0  # seconds that choosing the stories may take


class Digests(DueTask):
    """The digests of all channels, and those of people."""

    def __init__(
        self,
        store: Store,
        client: discord.Client,
        clock: Clock,
        audience: Audience,
        restored: Restored,
        workers: Workers,
        tastes: Tastes,
        personal: PersonalDigests,
        summaries: Summaries | None,
        *,
        default_language: str,
        on_end: Callable[[], None],
    ) -> None:
        super().__init__(clock, on_end=on_end)
        self._store, self._client = store, client
        self._audience, self._restored, self._workers = audience, restored, workers
        self._language = default_language
        self._tastes, self._summaries = tastes, summaries
        self.personal = personal

    async def _due(self) -> int | None:
        dues = (await self._store.digests.next_due(), await self.personal.next_due())
        return min((due for due in dues if due is not None), default=None)

    async def _work(self) -> None:
        now = self._clock.now()
        due = await self._store.digests.due(now)
        for digest in sorted(due, key=lambda one: one.plan.summaries):  # which hold up no others
            try:
                await self._make(digest)
            except Exception:
                log.exception("The digest of channel %d was not made", digest.channel_id)
                self._rest()
        if not await self.personal.make_due(now):
            self._rest()

    async def _make(self, digest: Digest) -> None:
        now, store = self._clock.now(), self._store.digests
        guild = self._client.get_guild(digest.server_id)
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
        told = await self._restored.told(digest, since)
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
        plan = digest.plan
        if plan.wide:
            feed_ids = await self._audience.feeds_of_channel(guild, digest.channel_id)
        else:
            feed_ids = await self._store.subscriptions.feed_ids([digest.channel_id])
        gathered = await self._store.digests.candidates(digest, feed_ids, since=since, until=until)
        if told is not None:
            gathered = told.without(gathered)
        taste = await self._tastes.of_server(digest.server_id)
        language = await language_of(self._store, self._client, guild.id, digest.channel_id, self._language)
        draft = Edition(
            since=since, until=until, daily=plan.weekday is None, zone=digest.time_zone, wide=plan.wide
        )
        edition = await self._workers.run(
            digest_selection.choose, gathered.candidates, gathered.kin, draft, taste, language, timeout=_TIME
        )
        if plan.summaries and self._summaries is not None:
            edition = await self._summed_up(self._summaries, edition, language, digest.server_id, patience)
        if plan.chart and edition.sections:
            try:
                found = await rising(self._store, self._workers, feed_ids, Period.WEEK, until)
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
