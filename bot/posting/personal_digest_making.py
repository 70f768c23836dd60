"""Making the digests of people when they are due: of what each may read then, and chose."""

import asyncio
import logging
from collections.abc import Collection

import aiohttp
import discord

from bot.core.choices import PersonalPlan
from bot.core.people_models import PersonalDigest
from bot.digests import digest_selection
from bot.digests.digest_selection import DAY, Edition
from bot.digests.restored_digests import AlreadyPosted
from bot.posting.due_task import DueTask
from bot.search.index.engine import EngineError, Scope
from bot.search.query.filter_names import Filter
from bot.search.query.query_syntax import parse
from bot.search.query.query_tree import Condition
from bot.stories.server_taste import NONE
from bot.watches.watch_matching import CLOSED

log = logging.getLogger(__name__)

_TIME = 20.0  # seconds that choosing the stories may take
_MOST_MATCHES = 200  # articles of a topic, the newest


class PersonalDigests(DueTask):
    """The digests of people. What one says is chosen outside a transaction, and owed in one."""

    async def _due(self) -> int | None:
        return await self._store.personal_digests.next_due(CLOSED)

    async def _work(self) -> None:
        for digest in await self._store.personal_digests.due(self._clock.now(), CLOSED):
            try:
                await self._make(digest)
            except (discord.DiscordException, aiohttp.ClientError, TimeoutError, EngineError) as error:
                log.warning("A person's digest was not made yet: %r", error)
                self._rest()
            except Exception:
                log.exception("A person's digest was not made")
                self._rest()

    async def _make(self, digest: PersonalDigest) -> None:
        now, plan, store = self._clock.now(), digest.plan, self._store.personal_digests
        since = digest.covered if digest.covered is not None else digest.due - digest_selection.period(plan)
        if digest_selection.is_late(plan, digest.due, now):  # the next one tells all
            await store.make(digest, None, until=since)
            return
        told = await self._context.restored.told(digest, since)
        if told is None:
            self._rest()
            return
        if told.is_sent:
            await store.make(digest, None, until=since)
            return
        since = max(since, told.until)
        if (unsent := await store.waiting_since(digest.channel_id)) is not None:
            since = min(since, unsent)
        readable = (await self._context.audience.read_by(digest.person_id, surely=True)).feeds
        edition = await self.edition(
            plan, digest.person_id, digest.language, readable, since=since, until=now, told=told
        )
        payload = edition.written() if edition.sections else None
        await store.make(digest, payload, until=now, named=edition.article_ids)

    async def edition(
        self,
        plan: PersonalPlan,
        person_id: int,
        language: str | None,
        readable: Collection[int],
        *,
        since: int,
        until: int,
        told: AlreadyPosted | None = None,
    ) -> Edition:
        """What a person is told of what came between two times in feeds that they may read, unless `told`.

        Raises EngineError where nothing can be looked for, and WorkerError where choosing takes too long.
        """
        queries = [*plan.topics]
        if plan.watches:
            queries += [one.query for one in await self._store.watches.of_person(person_id)]
        found = await self._store.personal_digests.candidates(
            readable,
            None if plan.takes_all else plan.feeds,
            await self._matching(dict.fromkeys(queries), readable, since),
            since=since,
            until=until,
        )
        if told is not None:
            found = told.without(found)
        draft = Edition(since=since, until=until, daily=plan.weekday is None, zone=plan.time_zone, wide=True)
        choose = digest_selection.choose
        return await self._context.workers.run(
            choose, found.candidates, found.kin, draft, NONE, language, timeout=_TIME
        )

    async def _matching(self, queries: Collection[str], feed_ids: Collection[int], since: int) -> set[int]:
        """The newest articles of these feeds that match one of the queries."""
        found: set[int] = set()
        if not queries:
            return found
        await self._context.index.ready()
        engine = self._context.index.engine
        if engine is None:
            raise EngineError
        scope, recent = Scope(feed_ids=frozenset(feed_ids)), Condition(Filter.SINCE, since - DAY)
        for query in queries:
            nodes = parse(query, self._clock.now()).nodes
            if nodes:
                try:
                    hits = await asyncio.to_thread(
                        engine.matching, (*nodes, recent), scope, _MOST_MATCHES, newest=True
                    )
                except EngineError as error:
                    self._context.index.distrust(error)
                    raise
                found.update(hit.article_id for hit in hits)
        return found
