"""The public interface of the store: an open database with its repositories."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Self, TypeVar

from bot.core.clock import Clock
from bot.core.configuration.database_url import DatabaseUrl
from bot.core.installation import build_extra_command
from bot.store import clock_repair, database_copy, url_encryption
from bot.store.connection import Connection
from bot.store.content.articles import Articles, TitleSamples
from bot.store.content.generated_texts import GeneratedTexts
from bot.store.content.indexed_articles import ArticleChanges, EncodedArticles
from bot.store.content.page_fetches import PageFetches
from bot.store.content.stories import Stories
from bot.store.database import Database
from bot.store.engine import Engine
from bot.store.meta import Maintenance, Meta
from bot.store.operating.audit_log import AuditLog
from bot.store.operating.blocked_sources import BlockedSources
from bot.store.operating.notices import Notices
from bot.store.operating.server_access import ServerAccess, ServerDirectory, ServerLimits
from bot.store.operating.server_data import ServerData
from bot.store.outbox.delivery_statuses import DeliveryStatuses, PostMentions
from bot.store.outbox.digests import Digests
from bot.store.outbox.dispatches import Dispatches
from bot.store.outbox.held_posts import HeldPosts
from bot.store.people import erasure
from bot.store.people.bookmarks import BookmarkFeeds, Bookmarks, SavedPages
from bot.store.people.erasure import ErasureReport
from bot.store.people.feed_reactions import FeedReactions, MonthlyReports
from bot.store.people.muted_stories import MutedStories
from bot.store.people.opinions import Opinions
from bot.store.people.personal_digests import PersonalDigests
from bot.store.people.proposals import Proposals
from bot.store.people.questions import Questions
from bot.store.people.watches import Watches
from bot.store.processes import Processes, RequestBudget, ServedShards
from bot.store.records.outbox_records import MaxRetryDelays
from bot.store.records.source_records import EncryptionCounts
from bot.store.settings.access_tokens import AssistantTokens, ChannelFeeds
from bot.store.settings.filters import Filters
from bot.store.settings.mention_rules import MentionRules
from bot.store.settings.servers import Servers
from bot.store.settings.setups import Setups
from bot.store.settings.stored_preferences import Preferences
from bot.store.settings.subscriptions import Subscriptions
from bot.store.settings.threads_and_tags import DailyThreads, ForumTags
from bot.store.sources import feeds as feed_rows
from bot.store.sources.feeds import Feeds, OutletIcons, PushSubscriptions
from bot.store.sources.polls import Polls
from bot.store.sources.quota_overflow import QuotaOverflows
from bot.store.sqlite.sqlite_engine import SqliteEngine
from bot.store.store_errors import DatabaseFault, DatabaseUnusable
from bot.store.url_encryption import has_encryption_key, set_encryption_keys

__all__ = ["WRITE_RETRY_SECONDS", "ErasureReport", "Store", "has_encryption_key", "set_encryption_keys"]

T = TypeVar("T")

WRITE_RETRY_SECONDS = 5.0
"""Seconds between two attempts at a write while the database fails."""


def create_engine(location: Path | DatabaseUrl) -> Engine:
    """Return the engine for a location: a file path is SQLite, a URL PostgreSQL.

    Raises `DatabaseUnusable` if the extra for PostgreSQL is not installed.
    """
    if isinstance(location, Path):
        return SqliteEngine(location)
    if find_spec("psycopg") is None:
        raise DatabaseUnusable(f"A database on a PostgreSQL server needs an extra: {build_extra_command('postgres')}")
    from bot.store.postgres.postgres_engine import PostgresEngine  # noqa: PLC0415 - needs the extra

    return PostgresEngine(location)


class Store:
    """An open database, with one attribute per repository.

    Every method raises `StoreError` if the database fails, and no exception of the database engine.
    """

    def __init__(self, database: Database) -> None:
        self._database, self.clock = database, database.clock
        self.shards = ServedShards(database)
        self.feeds = Feeds(database)
        self.polls = Polls(database)
        self.quota_overflows = QuotaOverflows(database)
        self.push_subscriptions = PushSubscriptions(database)
        self.outlet_icons = OutletIcons(database)
        self.articles = Articles(database)
        self.article_changes = ArticleChanges(database)
        self.subscriptions = Subscriptions(database)
        self.filters = Filters(database)
        self.servers = Servers(database, self.shards)
        self.forum_tags = ForumTags(database)
        self.mention_rules = MentionRules(database)
        self.daily_threads = DailyThreads(database)
        self.preferences = Preferences(database)
        self.setups = Setups(database)
        self.dispatches = Dispatches(database, self.shards)
        self.delivery_statuses = DeliveryStatuses(database)
        self.held_posts = HeldPosts(database)
        self.post_mentions = PostMentions(database, self.shards)
        self.digests = Digests(database, self.shards)
        self.bookmarks = Bookmarks(database)
        self.bookmark_feeds = BookmarkFeeds(database)
        self.saved_pages = SavedPages(database)
        self.questions = Questions(database)
        self.opinions = Opinions(database)
        self.monthly_reports = MonthlyReports(database, self.shards)
        self.feed_reactions = FeedReactions(database)
        self.page_fetches = PageFetches(database)
        self.watches = Watches(database)
        self.muted_stories = MutedStories(database)
        self.proposals = Proposals(database, self.shards)
        self.encoded_articles = EncodedArticles(database)
        self.stories = Stories(database)
        self.title_samples = TitleSamples(database)
        self.assistant_tokens = AssistantTokens(database)
        self.generated_texts = GeneratedTexts(database)
        self.channel_feeds = ChannelFeeds(database)
        self.personal_digests = PersonalDigests(database)
        self.audit_log = AuditLog(database)
        self.server_access = ServerAccess(database, self.shards)
        self.server_directory = ServerDirectory(database)
        self.blocked_sources, self.server_limits = BlockedSources(database), ServerLimits(database)
        self.server_data = ServerData(database)
        self.notices = Notices(database, self.shards)
        self.maintenance = Maintenance(database)
        self.request_budget = RequestBudget(database)
        self.processes = Processes(database)
        self.meta = Meta(database)

    @classmethod
    async def open(cls, location: Path | DatabaseUrl, clock: Clock, *, create: bool = True) -> Self:
        """Open a database and migrate it to this version of Telex; if there is none, `create` it.

        If there is an encryption key, private URLs of feeds that are stored in plain text are encrypted. Raises
        `NewerDatabase`, `DatabaseBroken` or `DatabaseUnusable`, also if a move to the database was not completed or an
        encrypted URL cannot be decrypted; raises `DatabaseMissing` if there is no database and `create` is False.
        """
        store = cls(await Database.open(create_engine(location), clock, create=create))
        try:
            await database_copy.require_complete(store._database)
            await store.encrypt_feed_urls()
            if await store._database.query(Connection.fetch_row, feed_rows.FEEDS_WITHOUT_SLOT_SQL) is not None:
                await store._database.transact(feed_rows.assign_host_slots)
        except BaseException:
            await store.close()
            raise
        return store

    async def require_not_moved(self) -> None:
        """Raise `DatabaseMoved` if the database was moved to another location."""
        await database_copy.require_not_moved(self._database)

    async def reactivate(self) -> None:
        """Put a database that was moved away into use again.

        Do nothing if it was not moved. Posts sent since the move are looked up in Discord first.
        """
        await database_copy.reactivate_database(self._database)

    @staticmethod
    async def copy_database(
        source_location: Path | DatabaseUrl,
        target_location: Path | DatabaseUrl,
        clock: Clock,
        on_progress: Callable[[int, int], None],
    ) -> int:
        """Copy all rows to a database of the other engine, and return their number.

        `on_progress(done, total)` counts the rows copied and compared. At the end, the source is marked as moved, so
        that no bot uses it any more. Raises `StoreError`, also if both databases are of one engine.
        """
        source, target = create_engine(source_location), create_engine(target_location)
        return await database_copy.copy_database(source, target, clock, on_progress)

    @staticmethod
    def require_exists(location: Path | DatabaseUrl) -> None:
        """Raise `DatabaseMissing` if the file of a database is missing or empty.

        A database on a server is checked only when it is opened. Raises `DatabaseUnusable` if the path cannot
        be read.
        """
        create_engine(location).require_exists()

    @staticmethod
    def lock_for_run(location: Path | DatabaseUrl, *, exclusive: bool = False) -> AbstractContextManager[None]:
        """Return a context manager that holds a database's run lock, which shows that it is in use.

        One bot may run on a file, several may run on a server; with `exclusive`, no other process may run on a
        server. Entering the context manager raises `ProcessMustEnd` or `DatabaseUnusable`.
        """
        return create_engine(location).lock_for_run(exclusive=exclusive)

    async def listen(self, on_event: Callable[[str], None]) -> None:
        """Call `on_event` with each cluster event, a short message from another process, until cancelled.

        An empty event means that some events may have been missed. Returns at once on SQLite, where no other
        process can run.
        """
        await self._database.engine.listen(on_event)

    async def notify(self, event: str) -> None:
        """Send a short message (cluster event) to the other processes: a name and perhaps a text, under 8,000 bytes."""
        await self._database.notify(event)

    async def check_alive(self) -> None:
        """Check that the database file or server is still the one that was opened.

        A failure is recorded as `fault`. Raises `ProcessMustEnd` if this process must end, because another
        bot runs on the file that is there now, or because another server answers.
        """
        await self._database.engine.check_alive(self._database.health)

    @property
    def is_new(self) -> bool:
        """Whether opening the database created it."""
        return self._database.is_new

    @property
    def fault(self) -> DatabaseFault | None:
        """The last fault, until a write succeeds, or for good if the database is damaged; None if there is none."""
        return self._database.health.fault

    @property
    def recent_fault(self) -> DatabaseFault | None:
        """The last fault, kept until the database has worked for a minute, or None if it is healthy."""
        return self._database.health.recent_fault

    async def is_writable(self, *, probe: bool = False) -> bool:
        """Return whether the database accepts writes.

        A write tests this if no write has succeeded since the last fault, or if `probe` is True.
        """
        if probe or self.fault is not None:
            try:
                await self.meta.set("written", str(self.clock.now()))
            except DatabaseFault:
                return False
        return True

    async def retry_until_written(self, write: Callable[[], Awaitable[T]]) -> T:
        """Call `write` every `WRITE_RETRY_SECONDS` while it raises `DatabaseFault`, and return its result.

        If the database is damaged, this lasts until cancelled.
        """
        while True:
            try:
                return await write()
            except DatabaseFault:
                await self.clock.sleep(WRITE_RETRY_SECONDS)

    async def repair_after_clock_step(self, max_delays: MaxRetryDelays) -> None:
        """Move stored times that are too far in the future closer to the present, after a clock correction.

        `max_delays` are the maximum retry delays in seconds.
        """
        await self._database.transact(clock_repair.shorten_waits, max_delays)

    async def erase_user(self, user_id: int) -> ErasureReport:
        """Delete everything about a user, also from the database's files; return how many rows of which kind."""
        report = await self._database.transact(erasure.erase_user, user_id)
        return replace(report, is_log_emptied=await self._database.scrub(erasure.PERSONAL_DATA_TABLES))

    async def encrypt_feed_urls(self, *, reencrypt: bool = False) -> int:
        """Encrypt the private URLs of feeds and proposed feeds that are in plain text, and return their number.

        Nothing is changed without an encryption key. With `reencrypt`, all private feed URLs are encrypted anew. Raises
        `DatabaseUnusable` if a URL cannot be decrypted with the configured keys.
        """
        if not (await self.count_private_urls()).private_url_count:
            return 0
        encrypted_count = await self._database.transact(url_encryption.encrypt_stored_urls, reencrypt=reencrypt)
        if encrypted_count:
            await self._database.scrub(("feed", "proposal"))
        return encrypted_count

    async def count_private_urls(self) -> EncryptionCounts:
        """Return the number of private URLs of feeds and proposed feeds, and how many of these are encrypted."""
        return await self._database.read(url_encryption.count_private_urls)

    async def close(self) -> None:
        """Close the database; do nothing if it is closed already."""
        await self._database.close()

    async def measure_size_bytes(self) -> int:
        """Return the size of the database in bytes, without its write-ahead log."""
        return await self._database.measure_size_bytes()

    async def check(self) -> int:
        """Check the integrity of the database and return the version of its schema.

        Raises `DatabaseBroken` if it is damaged, `DatabaseUnusable` if permissions are missing.
        """
        return await self._database.check()

    async def backup(self, path: Path) -> None:
        """Copy the database into a new file while it is in use; if cancelled, leave no file.

        Raises `DatabaseUnusable` if the file exists or cannot be written, and always on PostgreSQL, which has
        its own tools; raises `DatabaseBroken` if the copy is damaged.
        """
        await self._database.engine.backup(path)
