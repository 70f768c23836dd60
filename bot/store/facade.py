"""The front of the store: an open database, whose parts are its attributes."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Self, TypeVar

from bot.core.clock import Clock
from bot.core.database_url import DatabaseUrl
from bot.store import clock_repair, database_copy, engines, url_encryption
from bot.store.connection import Connection
from bot.store.content.article_changes import ArticleChanges
from bot.store.content.articles import Articles
from bot.store.content.generated_texts import GeneratedTexts
from bot.store.content.page_fetches import PageFetches
from bot.store.content.stories import Stories
from bot.store.content.titles import TitleSamples
from bot.store.content.vectors import Vectors
from bot.store.coordination.process_leases import Processes
from bot.store.coordination.request_budget import RequestShares
from bot.store.coordination.served_shards import ServedShards
from bot.store.meta import Meta
from bot.store.outbox.delivery_statuses import DeliveryStatuses
from bot.store.outbox.digests import Digests
from bot.store.outbox.dispatches import Dispatches
from bot.store.outbox.held_posts import HeldPosts
from bot.store.people import erasure
from bot.store.people.bookmarks import Bookmarks
from bot.store.people.erasure import ErasureReport
from bot.store.people.feedback import Opinions
from bot.store.people.personal_digests import PersonalDigests
from bot.store.people.questions import Questions
from bot.store.people.watches import Watches
from bot.store.ports import AnyDatabase
from bot.store.records.outbox_records import MaxRetryDelays
from bot.store.records.source_records import EncryptionCounts
from bot.store.settings.assistant_tokens import AssistantTokens
from bot.store.settings.channel_feeds import ChannelFeeds
from bot.store.settings.daily_threads import DailyThreads
from bot.store.settings.filters import Filters
from bot.store.settings.forum_tags import ForumTags
from bot.store.settings.preferences import Preferences
from bot.store.settings.servers import Servers
from bot.store.settings.subscriptions import Subscriptions
from bot.store.sources import feeds as feed_rows
from bot.store.sources.feeds import Feeds
from bot.store.sources.outlet_icons import OutletIcons
from bot.store.sources.polls import Polls
from bot.store.sources.push_subscriptions import PushSubscriptions
from bot.store.sources.quota_overflow import QuotaOverflows
from bot.store.store_errors import DatabaseFault
from bot.store.url_encryption import has_key
from bot.store.url_encryption import set_keys as use_keys

__all__ = ["WRITE_RETRY_SECONDS", "ErasureReport", "Store", "has_key", "use_keys"]

T = TypeVar("T")

WRITE_RETRY_SECONDS = 5.0
"""Seconds between attempts to write while the file or its disk is in trouble."""


class Store:
    """An open database; its parts are its attributes. Every method raises `StoreError` alone."""

    def __init__(self, database: AnyDatabase) -> None:
        self._database = database
        self.clock = database.clock
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
        self.daily_threads = DailyThreads(database)
        self.preferences = Preferences(database)
        self.dispatches = Dispatches(database, self.shards)
        self.delivery_statuses = DeliveryStatuses(database)
        self.held_posts = HeldPosts(database)
        self.digests = Digests(database, self.shards)
        self.bookmarks = Bookmarks(database)
        self.questions = Questions(database)
        self.feedback = Opinions(database)
        self.page_fetches = PageFetches(database)
        self.watches = Watches(database)
        self.vectors = Vectors(database)
        self.stories = Stories(database)
        self.title_samples = TitleSamples(database)
        self.assistant_tokens = AssistantTokens(database)
        self.written_texts = GeneratedTexts(database)
        self.channel_feeds = ChannelFeeds(database)
        self.personal_digests = PersonalDigests(database)
        self.request_budget = RequestShares(database)
        self.processes = Processes(database)
        self.meta = Meta(database)

    @classmethod
    async def open(cls, place: Path | DatabaseUrl, clock: Clock, *, create: bool = True) -> Self:
        """Open a database and bring it up to date; where there is none, `create` it.

        Raises `NewerDatabase`, `DatabaseBroken` or `DatabaseUnusable`, such as `DatabaseMissing`.
        """
        store = cls(await engines.open_database(place, clock, create=create))
        try:
            await database_copy.require_complete(store._database)
            await store.encrypt_feed_urls()
            if await store._database.query(Connection.row, feed_rows.FEEDS_WITHOUT_SLOT_SQL) is not None:
                await store._database.transact(feed_rows.assign_host_slots)
        except BaseException:
            await store.close()
            raise
        return store

    async def must_be_current(self) -> None:
        """Raise `DatabaseMoved` where another database goes on from this one."""
        await database_copy.must_be_current(self._database)

    async def take_back(self) -> None:
        """Let a database that was moved be used again; what was posted meanwhile is read back first."""
        await database_copy.take_back(self._database)

    copy_database = staticmethod(database_copy.copy_database)
    must_exist = staticmethod(engines.must_exist)

    @staticmethod
    def lock_for_run(place: Path | DatabaseUrl, *, alone: bool = False) -> AbstractContextManager[None]:
        """Be a running bot of a database within the block: the only one of a file.

        With `alone` nobody else runs on a server either. Raises `AlreadyRunning`, `DatabaseUnusable`.
        """
        return engines.lock_for_run(place, alone=alone)

    async def listen(self, heard: Callable[[str], None]) -> None:
        """Call a function with what other processes tell of, by name, until it is cancelled.

        With an empty name where something may have been missed. Ends at once where there are none.
        """
        await self._database.notices(heard)

    async def notify(self, notice: str) -> None:
        """Tell the other processes something: a name and perhaps a text, of fewer than 8,000 bytes."""
        await self._database.notify(notice)

    async def check_alive(self) -> None:
        """Find out whether the file, or the server, is still there; else that is its `fault`.

        Raises `AlreadyRunning` where another bot runs on what is there now, or another server answers than
        at the start: this one is to end.
        """
        await self._database.check_alive()

    @property
    def is_new(self) -> bool:
        """Whether the database was made when it was opened."""
        return self._database.is_new

    @property
    def fault(self) -> DatabaseFault | None:
        """What the last attempt to use the file failed for, None when it did not fail."""
        return self._database.condition.fault

    @property
    def recent_fault(self) -> DatabaseFault | None:
        """What is wrong with the file or its disk, until it has been well for a while."""
        return self._database.condition.trouble

    async def is_writable(self, *, probe: bool = False) -> bool:
        """Whether the database can be written to; tried where the last attempt failed, or `surely`."""
        if probe or self.fault is not None:
            try:
                await self.meta.set("written", str(self.clock.now()))
            except DatabaseFault:
                return False
        return True

    async def retry_until_written(self, write: Callable[[], Awaitable[T]]) -> T:
        """Do what must not be forgotten, again and again until the database takes it."""
        while True:
            try:
                return await write()
            except DatabaseFault:
                await self.clock.sleep(WRITE_RETRY_SECONDS)

    async def repair_after_clock_step(self, longest: MaxRetryDelays) -> None:
        """Let nothing wait for a time that was reckoned by a clock which has been set back since."""
        await self._database.transact(clock_repair.shorten_waits, longest)

    async def erase(self, person_id: int) -> ErasureReport:
        """Delete everything about a person, from the files of the database too; how much there was."""
        erased = await self._database.transact(erasure.erase, person_id)
        return replace(erased, log_emptied=await self._database.scrub(erasure.PERSONAL_DATA_TABLES))

    async def encrypt_feed_urls(self, *, anew: bool = False) -> int:
        """Encrypt the passwords of feeds that lie open, with `anew` all of them; how many that were.

        Raises `DatabaseUnusable` where some cannot be decrypted with the keys that there are.
        """
        if not (await self.encryption_counts()).with_password:
            return 0
        sealed = await self._database.transact(url_encryption.encrypt_all, reencrypt=anew)
        if sealed:
            await self._database.scrub(("feed",))
        return sealed

    async def encryption_counts(self) -> EncryptionCounts:
        """How the passwords of feeds lie in the database."""
        return await self._database.read(url_encryption.count)

    async def close(self) -> None:
        """Close the database; closing twice does no harm."""
        await self._database.close()

    async def size(self) -> int:
        """Bytes that the database takes, without its write-ahead log."""
        return await self._database.size()

    async def check(self) -> int:
        """The version of the schema, after all that can be checked was. Raises `DatabaseBroken`."""
        return await self._database.check()

    async def backup(self, path: Path) -> None:
        """Copy the database, in use as it is, into a new file.

        Cancelled it leaves nothing. Raises `DatabaseUnusable` when the file exists or cannot be written, or
        where a server has tools of its own for that.
        """
        await self._database.backup(path)
