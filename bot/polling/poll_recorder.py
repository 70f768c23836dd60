"""Outcomes of polls: what a response means for the feed, and recording of news."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from random import Random
from typing import NamedTuple

from bot.core.fair_queue import FairSemaphore
from bot.core.models import DueFeed, Feed, FeedState, NewArticle, ParsedFeed, Validators
from bot.core.settings import Settings
from bot.feeds import fetch_errors, poll_schedule
from bot.feeds.fetch import FetchResult
from bot.feeds.fetch_errors import FeedError
from bot.feeds.parsing.parse import entries_hash
from bot.feeds.parsing.xmlfeed import TRUNCATED
from bot.polling import feed_updates
from bot.polling.due_queue import SlowFeeds
from bot.polling.feed_alerts import FeedAlerts
from bot.polling.ingest_quota import FeedFollowers
from bot.polling.intake import Intake
from bot.store import Store
from bot.store.records.content_records import NO_MATCHES, StoryMatches
from bot.store.records.process_records import Fence
from bot.store.records.source_records import Alert, IntakeResult, PollWrite, PollWriteResult, UnchangedPoll
from bot.stories.story_lookup import StoryLookup
from bot.text import discord_text
from bot.watches import subscription_filters

HASH_OFF_LOOP_BYTES = 256 * 1024
"""Bytes of a document from which it is hashed in a thread."""
MAX_DOCUMENTS_IN_FLIGHT = 4
"""Documents that may be between parsing and recording at a time; the others wait unparsed."""
SLOW_DOCUMENT_SECONDS = 2.0
"""Seconds from parsing to recording after which a feed's documents are processed one at a time."""
NOT_MODIFIED = HTTPStatus.NOT_MODIFIED
"""A constant, because the lookup in the enumeration is slow."""


class PollOutcome(StrEnum):
    """How a poll ended."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    GONE = "gone"
    POSTPONED = "postponed"  # The host is backing off.


@dataclass(frozen=True, slots=True)
class PollReport:
    """The outcome of a poll: the feed after it, the numbers of new and changed articles, the error code.

    `write_result` is what was written; None if the feed is still to be written (`record_unchanged`), with
    `alert`.
    """

    feed: Feed
    outcome: PollOutcome
    new: int = 0
    changed: int = 0
    error: str | None = None
    recorded: PollWriteResult | None = None
    alert: Alert | None = None


class _PollResponse(NamedTuple):
    """A response, its time, and the feed's new validators; None for a push."""

    feed: Feed
    fetched: FetchResult
    now: int
    validators: Validators | None = None
    fence: Fence | None = None


class PollRecorder:
    """Evaluation of responses; news is recorded at once."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        intake: Intake,
        alerts: FeedAlerts,
        story_lookup: StoryLookup | None = None,
    ) -> None:
        self._story_lookup = story_lookup
        self._settings = settings
        self._clock, self._store = store.clock, store
        self._intake = intake
        self._alerts = alerts
        self._document_slots, self._slow_desk = FairSemaphore(MAX_DOCUMENTS_IN_FLIGHT), FairSemaphore(1)
        self._slow_documents = SlowFeeds(SLOW_DOCUMENT_SECONDS)
        self._random = Random()  # noqa: S311 - spreads polls over time
        self.on_document: Callable[[Feed, FetchResult, ParsedFeed], None] = lambda *_: None
        """Called with the metadata of a document that was parsed."""
        self.on_unchanged: Callable[[int, FetchResult], None] | None = None
        """Called with the response if a feed did not change."""
        self.on_polled_news: Callable[[int], None] = lambda *_: None
        """Called with the id of a feed if a poll, except the first, found new articles."""
        self.is_pushed: Callable[[int], bool] | None = None
        """Returns whether a feed is pushed (WebSub), so that its polls are only a safety net."""

    def try_unchanged(self, feed: DueFeed, fetched: FetchResult, now: int) -> UnchangedPoll | None:
        """Return the poll's result if only the schedule changes, else None.

        The fast path of most polls: not modified, no failure or redirect pending, validators as stored.
        """
        if not (fetched.not_modified and feed.is_healthy) or fetched.permanent_url:
            return None
        if self.on_unchanged is not None:
            self.on_unchanged(feed.id, fetched)
        known = feed.validators
        if fetched.status != NOT_MODIFIED and (
            fetched.header("etag") != known.etag or fetched.header("last-modified") != known.last_modified
        ):
            return None
        interval, next_poll = poll_schedule.after_success(
            feed,
            now=now,
            hints=poll_schedule.parse_cache_hints(fetched.headers, now=now),
            new_articles=(),
            changed=False,
            random=self._random,
        )
        return UnchangedPoll(feed.id, interval, self._due(feed.id, next_poll, now), now)

    async def handle_response(
        self, feed: Feed, fetched: FetchResult, *, server_id: int | None = None, fence: Fence | None = None
    ) -> PollReport:
        """Evaluate a response; record news and the feed in one transaction.

        `server_id` is the server whose quota is used if nobody follows the feed yet. Raises FeedError,
        StoreError, and LeaseLost if the `fence` does not hold.
        """
        answer = _PollResponse(feed, fetched, self._clock.now(), feed.validators, fence)
        if fetched.not_modified:
            if self.on_unchanged is not None:
                self.on_unchanged(feed.id, fetched)
            if fetched.status != NOT_MODIFIED:  # The body is unchanged, but its validators may differ.
                known = feed.validators.entries_hash
                answer = answer._replace(validators=feed_updates.validators_from(fetched, known))
            return self._report_unchanged(answer)
        if len(fetched.body) > HASH_OFF_LOOP_BYTES:
            digest = await asyncio.to_thread(entries_hash, fetched.body)
        else:
            digest = entries_hash(fetched.body)
        answer = answer._replace(validators=feed_updates.validators_from(fetched, digest))
        if digest == feed.validators.entries_hash:
            return self._report_unchanged(answer)
        return await self._process_fairly(answer, server_id)

    async def handle_push(self, feed: Feed, fetched: FetchResult) -> PollReport:
        """Evaluate a document that a hub pushed, which may have only the new entries.

        Raises FeedError, StoreError.
        """
        if feed.last_success is None:
            return PollReport(feed, PollOutcome.UNCHANGED)
        return await self._process_fairly(_PollResponse(feed, fetched, self._clock.now()))

    async def _process_fairly(self, answer: _PollResponse, server_id: int | None = None) -> PollReport:
        feed_id, now = answer.feed.id, answer.now
        followers = await self._store.feeds.quota_servers(feed_id)
        servers = list(followers)
        if not servers and server_id is not None:
            servers = [server_id]
        followed = FeedFollowers(
            servers,
            await self._store.quota_overflows.of(feed_id),
            await self._store.quota_overflows.skipped_identities(feed_id),
            {server: whole / 1_000 - now for server, whole in followers.items() if whole > now * 1_000},
        )
        desks = self._slow_desk if feed_id in self._slow_documents else self._document_slots
        async with desks.acquire(min(servers, key=desks.usage, default=0)):
            begun = self._clock.monotonic()
            try:
                return await self._ingest(answer, followed)
            finally:
                self._slow_documents.record(feed_id, self._clock.monotonic() - begun)

    async def _ingest(self, answer: _PollResponse, followed: FeedFollowers) -> PollReport:
        feed, fetched, now, validators, fence = answer
        first = feed.last_success is None
        document = await self._intake.parse(feed, fetched)
        alert = None
        if validators is None:
            decision = await self._intake.classify(feed, document, now=now, followed=followed, is_part=True)
            after = replace(feed, last_article=now) if decision.new else feed
        else:
            if document.metadata.parse_warning == TRUNCATED:
                # Without validators the next response has the whole document.
                answer = answer._replace(validators=Validators())
            self.on_document(feed, fetched, document.metadata)
            described = replace(
                feed_updates.with_metadata(feed, document.metadata), page_list=document.list_signature
            )
            decision = await self._intake.classify(described, document, now=now, followed=followed)
            if decision.new and not first:
                self.on_polled_news(feed.id)
            after = self._feed_after_success(answer, described, decision, document.metadata)
            alert = self._alerts.evaluate(feed, after)
        if alert is None and decision.overflow is not None and not first:
            since = followed.surplus.since if followed.surplus else now
            alert = self._alerts.over_quota_alert(after, decision.overflow.kind, since)
        if not decision.has_writes:
            return PollReport(after, PollOutcome.UNCHANGED, alert=alert)
        poll = PollWrite(
            after,
            decision,
            is_first_poll=first,
            catch_up_after=self._settings.catch_up_after,
            alert=alert,
            read_pages=self._settings.full_text != "never",
            filter_matcher=await subscription_filters.evaluate_feed_filters(
                self._store, feed.id, decision.new
            ),
            servers=followed.servers,
        )
        async with self._similar_articles(feed.id, () if first else decision.new) as kin:
            recorded = await self._store.polls.record(poll, kin=kin, fence=fence)
        outcome = (
            PollOutcome.NEW
            if decision.new
            else PollOutcome.CHANGED
            if decision.changed
            else PollOutcome.UNCHANGED
        )
        return PollReport(after, outcome, len(recorded.new_ids), len(decision.changed), recorded=recorded)

    @asynccontextmanager
    async def _similar_articles(self, feed_id: int, new: Sequence[NewArticle]) -> AsyncIterator[StoryMatches]:
        """Yield the stories of new articles; a backlog is merged into none."""
        if self._story_lookup is None:
            yield NO_MATCHES
            return
        async with self._story_lookup.compare(feed_id, new) as kin:
            yield kin

    def _due(self, feed_id: int, next_poll: int, now: int) -> int:
        is_net = self.is_pushed is not None and self.is_pushed(feed_id)
        return poll_schedule.safety_net_poll_at(next_poll, now=now) if is_net else next_poll

    def handle_failure(self, feed: Feed, error: FeedError) -> PollReport:
        """Return the report of a failed poll; the feed with its error is still to be written."""
        now = self._clock.now()
        interval, next_poll = poll_schedule.after_failure(feed, now=now, error=error, random=self._random)
        gone = error.code == fetch_errors.GONE
        after = replace(
            feed,
            state=FeedState.GONE if gone else feed.state,
            interval=interval,
            next_poll=next_poll,
            last_poll=now,
            failures=feed.failures + 1,
            failing_since=feed.failing_since or now,
            error=error.code,
            error_detail=discord_text.to_plain_line(error.detail, feed_updates.TITLE),
        )
        alert = self._alerts.evaluate(feed, after)
        return PollReport(
            after, PollOutcome.GONE if gone else PollOutcome.FAILED, error=error.code, alert=alert
        )

    def postpone(self, feed: Feed, until: int) -> PollReport:
        """Return the report of a feed postponed to up to a minute after its host's backoff ends."""
        return PollReport(replace(feed, next_poll=until + self._random.randrange(60)), PollOutcome.POSTPONED)

    def _report_unchanged(self, answer: _PollResponse) -> PollReport:
        after = self._feed_after_success(answer, answer.feed, IntakeResult())
        return PollReport(after, PollOutcome.UNCHANGED, alert=self._alerts.evaluate(answer.feed, after))

    def _feed_after_success(
        self, answer: _PollResponse, described: Feed, decision: IntakeResult, head: ParsedFeed | None = None
    ) -> Feed:
        before, fetched, now, validators, _fence = answer
        assert validators is not None  # only a push has none
        interval, next_poll = poll_schedule.after_success(
            before,
            now=now,
            hints=poll_schedule.parse_cache_hints(fetched.headers, now=now, parsed=head),
            new_articles=[article.published for article in decision.new],
            changed=bool(decision.new or decision.changed),
            random=self._random,
            no_known_entries=decision.no_known_entries and before.last_success is not None,
            over_quota=decision.overflow is not None and before.last_success is not None,
        )
        url, moved_to, moved_since = feed_updates.resolve_move(before, fetched.permanent_url, now)
        return replace(
            described,
            url=url,
            state=FeedState.ACTIVE,
            validators=validators,
            interval=interval,
            next_poll=self._due(before.id, next_poll, now),
            last_poll=now,
            last_success=now,
            last_article=now if decision.new else before.last_article,
            failures=0,
            failing_since=None,
            error=None,
            error_detail="",
            moved_to=moved_to,
            moved_since=moved_since,
        )
