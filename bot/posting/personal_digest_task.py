"""Creation of the personal digests of users when they are due, from the feeds that the user may read."""

import asyncio
import logging
from collections.abc import Collection

from bot.core.preferences import PersonalDigestPlan
from bot.core.user_models import PersonalDigest
from bot.digests import digest_selection
from bot.digests.already_posted import AlreadyPostedPages
from bot.digests.digest_models import DigestContent
from bot.digests.digest_selection import DAY_SECONDS
from bot.posting.scheduled_task import RETRY_SECONDS, ScheduledTask
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.search.index.search_engine import EngineError, Scope
from bot.search.query.query_filters import FilterName
from bot.search.query.query_parser import parse_query
from bot.search.query.query_tree import FieldFilter
from bot.stories.preference_model import NO_PREFERENCES

log = logging.getLogger(__name__)

_SELECTION_TIMEOUT_SECONDS = 20.0
"""Maximum time in seconds in which a worker selects the stories of a personal digest."""
_MAX_MATCHES_PER_QUERY = 200
"""Maximum number of articles used per query of a personal digest: a topic, or a saved search (watch) of the user."""


class PersonalDigestTask(ScheduledTask):
    """Scheduled task that creates personal digests. The stories are selected outside a transaction."""

    async def get_next_due_at(self) -> int | None:
        """Return when the next digest of a user is due (Unix time in seconds); None without digests."""
        return await self._store.personal_digests.get_next_due_at()

    async def run(self) -> float:
        """Create the digests that are due; return the seconds until failed ones are tried again, or 0."""
        wait_seconds = 0.0
        for digest in await self._store.personal_digests.list_due(self._clock.now()):
            is_done = False
            try:
                is_done = await self._create_digest(digest)
            except (*DISCORD_ERRORS, EngineError) as error:
                log.warning("personal digest postponed error=%r", error)
            except Exception:
                log.exception("personal digest failed")
            if not is_done:
                wait_seconds = RETRY_SECONDS
        return wait_seconds

    async def _create_digest(self, digest: PersonalDigest) -> bool:
        """Enqueue or skip a due digest; return False if it has to be tried again."""
        now, plan, digest_store = self._clock.now(), digest.plan, self._store.personal_digests
        since = (
            digest.covered_until
            if digest.covered_until is not None
            else digest.due_at - digest_selection.get_period_seconds(plan)
        )
        if digest_selection.is_too_late(plan, digest.due_at, now):  # The next digest covers this period too.
            await digest_store.enqueue_due(digest, None, until=since)
            return True
        already_posted_pages = await self._context.restore_reconciler.find_already_posted_pages(digest, since)
        if already_posted_pages is None:
            return False
        if already_posted_pages.was_due_digest_sent:
            await digest_store.enqueue_due(digest, None, until=since)
            return True
        since = max(since, already_posted_pages.last_digest_sent_at)
        if (pending_since := await digest_store.find_pending_period_start(digest.channel_id)) is not None:
            since = min(since, pending_since)
        readable_feed_ids = (
            await self._context.audience.find_feeds_readable_by(digest.user_id, raise_if_unchecked=True)
        ).server_id_by_feed_id
        digest_content = await self.build_digest_content(
            plan,
            digest.user_id,
            digest.language,
            readable_feed_ids,
            since=since,
            until=now,
            already_posted_pages=already_posted_pages,
        )
        payload = digest_content.to_json() if digest_content.sections else None
        await digest_store.enqueue_due(digest, payload, until=now, listed_article_ids=digest_content.article_ids)
        return True

    async def build_digest_content(
        self,
        plan: PersonalDigestPlan,
        user_id: int,
        language: str | None,
        readable_feed_ids: Collection[int],
        *,
        since: int,
        until: int,
        already_posted_pages: AlreadyPostedPages | None = None,
    ) -> DigestContent:
        """Return the personal digest of a user for the articles of a period in feeds that the user may read.

        `plan` says which articles the user wants. `since` and `until` are Unix times in seconds. `language` is an
        ISO 639-1 code, or None for any language. `already_posted_pages` removes articles that the user has
        already received.

        Raises StoreError, EngineError if the search index is not available, and WorkerError if selecting the
        stories fails or takes too long.
        """
        topic_queries = [*plan.topic_queries]
        if plan.include_watches:
            topic_queries += [watch.query for watch in await self._store.watches.list_by_user(user_id)]
        digest_candidates = await self._store.personal_digests.gather_candidates(
            readable_feed_ids,
            None if plan.is_unrestricted else plan.feed_ids,
            await self._find_matching_article_ids(dict.fromkeys(topic_queries), readable_feed_ids, since),
            since=since,
            until=until,
            user_id=user_id,
        )
        if already_posted_pages is not None:
            digest_candidates = already_posted_pages.exclude_posted(digest_candidates)
        empty_content = DigestContent(
            since=since,
            until=until,
            is_daily=plan.weekday is None,
            time_zone=plan.time_zone,
            includes_other_channels=True,
        )
        select_stories = digest_selection.select_stories
        return await self._context.workers.run(
            select_stories,
            digest_candidates.candidates,
            digest_candidates.similar_pairs,
            empty_content,
            NO_PREFERENCES,
            language,
            timeout=_SELECTION_TIMEOUT_SECONDS,
        )

    async def _find_matching_article_ids(
        self, queries: Collection[str], feed_ids: Collection[int], since: int
    ) -> set[int]:
        """Return the ids of articles of the given feeds that match any of the queries, from a day before `since` on.

        At most the newest `_MAX_MATCHES_PER_QUERY` articles for each query are returned. Raises EngineError if the
        search index is not available.
        """
        article_ids: set[int] = set()
        if not queries:
            return article_ids
        await self._context.search_index.ensure_up_to_date()
        engine = self._context.search_index.engine
        if engine is None:
            raise EngineError
        scope, since_filter = (
            Scope(feed_ids=frozenset(feed_ids)),
            FieldFilter(FilterName.SINCE, since - DAY_SECONDS),
        )
        for query_text in queries:
            query_nodes = parse_query(query_text, self._clock.now()).nodes
            if query_nodes:
                try:
                    hits = await asyncio.to_thread(
                        engine.match_all,
                        (*query_nodes, since_filter),
                        scope,
                        _MAX_MATCHES_PER_QUERY,
                        newest_first=True,
                    )
                except EngineError as error:
                    self._context.search_index.report_search_failure(error)
                    raise
                article_ids.update(hit.article_id for hit in hits)
        return article_ids
