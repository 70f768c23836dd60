"""Evaluation of polls: what a response means for the feed, and recording of new and changed articles."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from random import Random
from typing import NamedTuple

from bot.core.concurrency.fair_queue import FairSemaphore
from bot.core.configuration.settings import Settings
from bot.core.models import DueFeed, Feed, FeedState, NewArticle, ParsedFeed, Validators
from bot.feeds import fetch_errors, poll_schedule
from bot.feeds.fetch import FetchResult
from bot.feeds.fetch_errors import FeedError
from bot.feeds.parsing.parse import hash_entries
from bot.feeds.parsing.xmlfeed import TRUNCATED_WARNING
from bot.polling import feed_updates
from bot.polling.due_queue import SlowFeeds
from bot.polling.feed_alerts import FeedAlerts
from bot.polling.ingest_quota import FeedQuotaState
from bot.polling.intake import Intake
from bot.polling.websub.hub_discovery import HubDiscovery
from bot.store import Store
from bot.store.records.content_records import NO_MATCHES, StoryMatches
from bot.store.records.process_records import Fence
from bot.store.records.source_records import Alert, IntakeResult, PollWrite, PollWriteResult, UnchangedPoll
from bot.stories.story_lookup import StoryLookup
from bot.text import discord_text
from bot.watches import subscription_filters

HASH_OFF_LOOP_BYTES = 256 * 1024
"""Number of bytes of a document above which it is hashed in a thread."""
MAX_DOCUMENTS_IN_FLIGHT = 4
"""Maximum number of documents parsed or recorded at a time, besides one of a slow feed; others wait unparsed."""
SLOW_DOCUMENT_SECONDS = 2.0
"""Seconds from parsing to recording from which on a feed is slow: such feeds are processed one at a time."""
_MATCHED_BACKLOG_COUNT = 5
"""Number of the newest articles of a feed's first poll that are matched with stories, as filters may drop some."""
_MAX_ERROR_DETAIL_UNITS = 300
"""Maximum length of the stored detail of a feed's error in UTF-16 units."""
NOT_MODIFIED_STATUS = HTTPStatus.NOT_MODIFIED
"""HTTP status 304; a constant, because the lookup in the enumeration is slow."""


class PollOutcome(StrEnum):
    """Outcome of a poll of a feed."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    GONE = "gone"
    POSTPONED = "postponed"  # The host is backing off.


@dataclass(frozen=True, slots=True)
class PollReport:
    """Outcome of a poll: the feed after it, the numbers of new and changed articles, and the error code or None.

    `write_result` is what was written to the store, or None if feed and `alert` (to the feed's channels) are still to
    be written.
    """

    feed: Feed
    outcome: PollOutcome
    new_count: int = 0
    changed_count: int = 0
    error_code: str | None = None
    write_result: PollWriteResult | None = None
    alert: Alert | None = None


class _PollResponse(NamedTuple):
    """Response to a poll, its Unix time in seconds, and ETag and the like to store (None for a pushed document).

    `fence` is the lease that the process must have when the poll is recorded, or None for a poll on request.
    """

    feed: Feed
    response: FetchResult
    now: int
    validators: Validators | None = None
    fence: Fence | None = None


class PollRecorder:
    """Evaluator of responses to polls of feeds, which records new and changed articles at once."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        intake: Intake,
        alerts: FeedAlerts,
        hubs: HubDiscovery,
        story_lookup: StoryLookup | None = None,
    ) -> None:
        self._story_lookup = story_lookup
        self._settings = settings
        self._clock, self._store = store.clock, store
        self._intake = intake
        self._alerts, self._hubs = alerts, hubs
        self._document_semaphore, self._slow_document_semaphore = (
            FairSemaphore(MAX_DOCUMENTS_IN_FLIGHT),
            FairSemaphore(1),
        )
        self._slow_document_feed_ids = SlowFeeds(SLOW_DOCUMENT_SECONDS)
        self._random = Random()  # noqa: S311 - spreads polls over time

    def build_unchanged_poll(self, feed: DueFeed, response: FetchResult, now: int) -> UnchangedPoll | None:
        """Return the feed's new schedule if nothing else of the feed changes, else None.

        This is the fast path of most polls: not modified, no failure or redirect pending, validators as
        stored. A hub that the headers name is noted.
        """
        if not (response.is_not_modified and feed.is_healthy) or response.permanent_url:
            return None
        self._hubs.on_unchanged(feed.id, response)
        validators = feed.validators
        if response.status != NOT_MODIFIED_STATUS and (
            response.get_header("etag") != validators.etag
            or response.get_header("last-modified") != validators.last_modified
        ):
            return None
        interval_seconds, next_poll_at = poll_schedule.schedule_after_success(
            feed,
            now=now,
            hints=poll_schedule.parse_cache_hints(response.headers, now=now),
            published_times=(),
            has_changes=False,
            random=self._random,
        )
        return UnchangedPoll(feed.id, interval_seconds, self._postpone_if_pushed(feed.id, next_poll_at, now), now)

    async def handle_response(
        self, feed: Feed, response: FetchResult, *, server_id: int | None = None, fence: Fence | None = None
    ) -> PollReport:
        """Evaluate a response to a poll; record new and changed articles, if any, and the feed in one transaction.

        Without such articles, the caller must write the feed of the report. `server_id` is the server whose quota is
        used if nobody follows the feed yet. Raises FeedError, StoreError, and LeaseLost if another process has the
        lease that the `fence` names.
        """
        poll_response = _PollResponse(feed, response, self._clock.now(), feed.validators, fence)
        if response.is_not_modified:
            self._hubs.on_unchanged(feed.id, response)
            if response.status != NOT_MODIFIED_STATUS:  # The body is unchanged, but its validators may differ.
                stored_entries_hash = feed.validators.entries_hash
                poll_response = poll_response._replace(
                    validators=feed_updates.build_validators(response, stored_entries_hash)
                )
            return self._report_unchanged(poll_response)
        if len(response.body) > HASH_OFF_LOOP_BYTES:
            entries_hash = await asyncio.to_thread(hash_entries, response.body)
        else:
            entries_hash = hash_entries(response.body)
        poll_response = poll_response._replace(validators=feed_updates.build_validators(response, entries_hash))
        if entries_hash == feed.validators.entries_hash:
            return self._report_unchanged(poll_response)
        return await self._ingest_fairly(poll_response, server_id)

    async def handle_push(self, feed: Feed, response: FetchResult) -> PollReport:
        """Evaluate a document that a WebSub hub pushed, which may have only the new entries.

        Before the first successful poll of the feed, it is ignored. Raises FeedError, StoreError.
        """
        if feed.last_success_at is None:
            return PollReport(feed, PollOutcome.UNCHANGED)
        return await self._ingest_fairly(_PollResponse(feed, response, self._clock.now()))

    async def _ingest_fairly(self, poll_response: _PollResponse, server_id: int | None = None) -> PollReport:
        feed_id, now = poll_response.feed.id, poll_response.now
        refilled_at_ms_by_server_id = await self._store.feeds.load_quota_full_at_by_server_id(feed_id)
        server_ids = list(refilled_at_ms_by_server_id)
        if not server_ids and server_id is not None:
            server_ids = [server_id]
        feed_quota_state = FeedQuotaState(
            server_ids,
            await self._store.quota_overflows.get_by_feed(feed_id),
            await self._store.quota_overflows.load_skipped_identity_hashes(feed_id),
            {
                follower_server_id: refilled_at_ms / 1_000 - now
                for follower_server_id, refilled_at_ms in refilled_at_ms_by_server_id.items()
                if refilled_at_ms > now * 1_000
            },
        )
        document_semaphore = (
            self._slow_document_semaphore if feed_id in self._slow_document_feed_ids else self._document_semaphore
        )
        async with document_semaphore.acquire(min(server_ids, key=document_semaphore.get_usage, default=0)):
            started_at = self._clock.monotonic()
            try:
                return await self._ingest(poll_response, feed_quota_state)
            finally:
                self._slow_document_feed_ids.record(feed_id, self._clock.monotonic() - started_at)

    async def _ingest(self, poll_response: _PollResponse, feed_quota_state: FeedQuotaState) -> PollReport:
        feed, response, now, validators, fence = poll_response
        is_first_poll = feed.last_success_at is None
        document = await self._intake.parse(feed, response)
        alert = None
        if validators is None:
            intake_result = await self._intake.classify(
                feed, document, now=now, feed_quota_state=feed_quota_state, is_push=True
            )
            feed_after = replace(feed, last_article_at=now) if intake_result.new_articles else feed
        else:
            if document.metadata.parse_warning == TRUNCATED_WARNING:
                # Without validators the next response has the whole document.
                poll_response = poll_response._replace(validators=Validators())
            self._hubs.on_document(feed, response, document.metadata)
            described_feed = replace(
                feed_updates.apply_metadata(feed, document.metadata), list_signature=document.list_signature
            )
            intake_result = await self._intake.classify(
                described_feed, document, now=now, feed_quota_state=feed_quota_state
            )
            if intake_result.new_articles and not is_first_poll:
                self._hubs.on_polled_news(feed.id)
            feed_after = self._build_feed_after_success(poll_response, described_feed, intake_result, document.metadata)
            alert = self._alerts.find_alert(feed, feed_after)
        if alert is None and intake_result.overflow is not None and not is_first_poll:
            over_quota_since = feed_quota_state.overflow.first_at if feed_quota_state.overflow else now
            alert = self._alerts.build_over_quota_alert(feed_after, intake_result.overflow.kind, over_quota_since)
        if not intake_result.has_writes:
            return PollReport(feed_after, PollOutcome.UNCHANGED, alert=alert)
        poll_write = PollWrite(
            feed_after,
            intake_result,
            is_first_poll=is_first_poll,
            max_pending_posts=self._settings.catch_up_after,
            alert=alert,
            fetch_pages=self._settings.full_text != "never",
            filter_matcher=await subscription_filters.evaluate_feed_filters(
                self._store, feed.id, intake_result.new_articles
            ),
            server_ids=feed_quota_state.server_ids,
        )
        # Of a backlog, channels get the newest article at most, which joins no story but may be of a muted one.
        matched_articles: Sequence[NewArticle] = intake_result.new_articles
        if is_first_poll:
            matched_articles = sorted(matched_articles, key=lambda article: article.published)[-_MATCHED_BACKLOG_COUNT:]
        async with self._match_stories(feed.id, matched_articles) as story_matches:
            write_result = await self._store.polls.record(poll_write, matches=story_matches, fence=fence)
        outcome = (
            PollOutcome.NEW
            if intake_result.new_articles
            else PollOutcome.CHANGED
            if intake_result.changed_articles
            else PollOutcome.UNCHANGED
        )
        return PollReport(
            feed_after,
            outcome,
            len(write_result.new_article_ids),
            len(intake_result.changed_articles),
            write_result=write_result,
        )

    @asynccontextmanager
    async def _match_stories(self, feed_id: int, new_articles: Sequence[NewArticle]) -> AsyncIterator[StoryMatches]:
        """Yield the stories that new articles belong to; the articles must be stored within the block."""
        if self._story_lookup is None:
            yield NO_MATCHES
            return
        async with self._story_lookup.match_new_articles(feed_id, new_articles) as story_matches:
            yield story_matches

    def _postpone_if_pushed(self, feed_id: int, next_poll_at: int, now: int) -> int:
        """Return when to poll a feed next (Unix time in seconds): after `next_poll_at` if a hub pushes the feed."""
        is_feed_pushed = self._hubs.is_pushed(feed_id)
        return poll_schedule.schedule_safety_net_poll(next_poll_at, now=now) if is_feed_pushed else next_poll_at

    def handle_failure(self, feed: Feed, error: FeedError) -> PollReport:
        """Return the report of a failed poll; the caller must still write the feed with its error."""
        now = self._clock.now()
        interval_seconds, next_poll_at = poll_schedule.schedule_after_failure(
            feed, now=now, error=error, random=self._random
        )
        is_gone = error.code == fetch_errors.FEED_GONE
        feed_after = replace(
            feed,
            state=FeedState.GONE if is_gone else feed.state,
            interval=interval_seconds,
            next_poll_at=next_poll_at,
            last_poll_at=now,
            failure_count=feed.failure_count + 1,
            failing_since=feed.failing_since or now,
            error=error.code,
            error_detail=discord_text.to_plain_line(error.detail, _MAX_ERROR_DETAIL_UNITS),
        )
        alert = self._alerts.find_alert(feed, feed_after)
        return PollReport(
            feed_after, PollOutcome.GONE if is_gone else PollOutcome.FAILED, error_code=error.code, alert=alert
        )

    def postpone(self, feed: Feed, until: int) -> PollReport:
        """Return the report of a poll postponed because its host asked to wait until `until` (Unix time).

        The feed is due within a minute after that.
        """
        return PollReport(replace(feed, next_poll_at=until + self._random.randrange(60)), PollOutcome.POSTPONED)

    def _report_unchanged(self, poll_response: _PollResponse) -> PollReport:
        feed_after = self._build_feed_after_success(poll_response, poll_response.feed, IntakeResult())
        return PollReport(
            feed_after, PollOutcome.UNCHANGED, alert=self._alerts.find_alert(poll_response.feed, feed_after)
        )

    def _build_feed_after_success(
        self,
        poll_response: _PollResponse,
        described_feed: Feed,
        intake_result: IntakeResult,
        metadata: ParsedFeed | None = None,
    ) -> Feed:
        feed_before, response, now, validators, _fence = poll_response
        assert validators is not None  # only a push has none
        interval_seconds, next_poll_at = poll_schedule.schedule_after_success(
            feed_before,
            now=now,
            hints=poll_schedule.parse_cache_hints(response.headers, now=now, parsed_feed=metadata),
            published_times=[article.published for article in intake_result.new_articles],
            has_changes=bool(intake_result.new_articles or intake_result.changed_articles),
            random=self._random,
            has_no_known_entries=intake_result.has_no_known_entries and feed_before.last_success_at is not None,
            is_over_quota=intake_result.overflow is not None and feed_before.last_success_at is not None,
        )
        url, moved_to, moved_since = feed_updates.resolve_move(feed_before, response.permanent_url, now)
        return replace(
            described_feed,
            url=url,
            state=FeedState.ACTIVE,
            validators=validators,
            interval=interval_seconds,
            next_poll_at=self._postpone_if_pushed(feed_before.id, next_poll_at, now),
            last_poll_at=now,
            last_success_at=now,
            last_article_at=now if intake_result.new_articles else feed_before.last_article_at,
            failure_count=0,
            failing_since=None,
            error=None,
            error_detail="",
            moved_to=moved_to,
            moved_since=moved_since,
        )
