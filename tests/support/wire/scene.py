"""A server on the stand-in whose channels follow a feed, with a bot process that a test starts and kills."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import TypeVar

from aiohttp import web

from bot.client.services import Services, open_services
from bot.core import setting_registry
from bot.core.configuration.database_url import DatabaseUrl
from bot.core.configuration.settings_reading import read_settings
from bot.core.local_time import SECONDS_PER_DAY
from bot.core.models import Feed
from bot.core.preferences import (
    DigestPlan,
    FilterMode,
    FilterPlace,
    FilterScope,
    MentionRule,
    PersonalDigestPlan,
    Preference,
)
from bot.core.setting_registry import ChannelSetting
from bot.drill.discord_stand_in.discord_server import DiscordServer
from bot.drill.discord_stand_in.state import Channel, ChannelKind, Interaction, Permission, Person, Server
from bot.posting.monthly_report_task import REPORT_DAYS
from bot.store import Store
from bot.store.records.content_records import SimilarArticle, StoryMatches
from bot.store.records.source_records import IntakeResult, PollWrite
from bot.stories.story_membership import compute_post_membership_score
from tests.support import store_probe
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.inline_poller import build_poller
from tests.support.posted_feeds import PostHistory
from tests.support.samples import make_new_article, make_proposal
from tests.support.store_probe import Column
from tests.support.wire.bot_process import BotProcess, Launcher
from tests.support.wire.quick_clock import QuickClock
from tests.support.wire.server_inspector import ServerInspector
from tests.support.wire.waiting import PATIENCE, wait_until

T = TypeVar("T")

KINDS = ("text", "announcement", "thread", "forum")
DIRECT = "direct message"
OUTLET_NAME_KINDS = ("signed text", "signed thread", "signed forum")
"""Kinds of channels whose posts are sent by a webhook under the name of their outlet."""

QUICK_SPEED = 200
"""Speed of the clock of a quick scene, relative to real time."""
MAX_EARLIER_REPORTS = 22
"""Number of scorecards, each of an earlier day, that a scene can have."""
QUIET_CHECK_COUNT = 3
"""Number of checks in a row that must find no open dispatch."""


class Scene(ServerInspector):
    """One server with a channel of each kind, all following one feed of a publisher on loopback."""

    def __init__(
        self,
        discord: DiscordServer,
        feeds: FeedServer,
        launcher: Launcher,
        folder: Path,
        *,
        speed: float = 1,
        database: Path | DatabaseUrl | None = None,
        shard: tuple[int, int] | None = None,
    ) -> None:
        self.discord = discord
        self.feeds = feeds
        self.database = database or folder / "telex.db"
        self.server: Server = discord.changes.add_server("Newsroom", shard=shard)
        self.channels: dict[str, Channel] = {}
        self.watchers: dict[str, Channel] = {}
        self.url = ""
        self._articles: list[str] = []
        self._withdrawn: set[int] = set()
        self._rival: Feed | None = None
        self._rival_items: list[str] = []
        self._launcher = launcher
        self._folder = folder
        self.clock = QuickClock(time.time(), speed)
        discord.state.now = self.clock.time
        self.catch_up_after = 100
        self.bot: BotProcess | None = None
        self._set_by = folder / "clock"
        self._commands = 0
        self._proposer: Person | None = None
        self._report_count = 0
        self._notice_count = 0
        self.role_ids: tuple[int, ...] = ()
        self._logins: dict[int, int] = {}  # number of logins before a process started, by its id

    def create_channels(self, kinds: Iterable[str] = KINDS) -> None:
        """Create a channel of each of these kinds."""
        changes = self.discord.changes
        for kind in kinds:
            sort = kind.removeprefix("signed ")
            if sort == "thread":
                parent = changes.add_channel(self.server, "talk")
                place = changes.open_thread(parent, self.discord.state.bot_owner.id, "News thread")
            else:
                sorts = {"text": ChannelKind.TEXT, "announcement": ChannelKind.ANNOUNCEMENT, "forum": ChannelKind.FORUM}
                place = changes.add_channel(self.server, f"news-{kind}", sorts[sort])
            self.channels[kind] = place
            if kind != sort:
                changes.allow(place, Permission.MANAGE_WEBHOOKS)

    async def follow_feed(self) -> None:
        """Let every channel follow the feed, whose only article is enqueued for each of them."""
        self.add_articles(1)
        async with self.open_newsroom() as newsroom:
            await self._poll_own_feed(newsroom)
            feed = await newsroom.store.feeds.add(self.url)
            await newsroom.store.servers.mark_joined(self.server.id, "en-US")
            (newest,) = await newsroom.store.articles.list_newest([feed.id], limit=1)
            for channel in self.channels.values():
                await newsroom.store.subscriptions.follow(
                    server_id=self.server.id,
                    channel_id=channel.id,
                    feed_id=feed.id,
                    first_article_id=newest.id,
                )
        await self.change_channel_setting(
            setting_registry.POST_AS_OUTLET, True, *(kind for kind in self.channels if kind in OUTLET_NAME_KINDS)
        )

    async def add_watches(self) -> None:
        """Add a watch of a person and one of a channel, which every article matches."""
        ada = self.discord.people.join(self.server.id, "Ada")
        self.watchers[DIRECT] = self.discord.changes.open_direct_channel(ada)
        self.watchers["watching channel"] = self.discord.changes.add_channel(self.server, "watching")
        async with self.open_newsroom() as newsroom:
            for kind, channel in self.watchers.items():
                assert await newsroom.store.watches.add(
                    server_id=self.server.id,
                    channel_id=channel.id,
                    user_id=ada.id if kind == DIRECT else None,
                    query="article",
                    language=None,
                    limit=9,
                )

    async def enable_proposals(self) -> None:
        """Send alerts to the text channel, and add a person who proposes feeds."""
        ada = self._proposer = self.discord.people.join(self.server.id, "Ada")
        self.watchers[DIRECT] = self.discord.changes.open_direct_channel(ada)
        await self.choose_alert_channel()

    async def choose_alert_channel(self) -> None:
        """Send the server's alerts to the text channel."""
        owner_id = self.discord.state.bot_owner.id
        async with self.open_newsroom() as newsroom:
            await newsroom.store.preferences.change(
                Preference.ALERT_CHANNEL, self.channels["text"].id, server_id=self.server.id, user_id=owner_id
            )

    async def send_notice(self) -> str:
        """Store a new notice of the operator to all servers and return its text."""
        self._notice_count += 1
        text = f"Telex moves tonight, part {self._notice_count} of a thousand"
        async with self.open_newsroom() as newsroom:
            await newsroom.store.notices.create({"en": text}, user_id=None)
        return text

    async def enable_monthly_reports(self) -> None:
        """Send monthly scorecards to the text channel, where people bookmark the posts of a feed."""
        await self.choose_alert_channel()
        owner_id = self.discord.state.bot_owner.id
        async with self.open_newsroom() as newsroom:
            store = newsroom.store
            await store.monthly_reports.set_enabled(self.server.id, is_enabled=True, user_id=owner_id)
            history = PostHistory(store, self.server.id)
            feed = await history.add_feed("Kernel", self.channels["text"].id, ["Post"] * 40, span_days=3)
            history.react(feed, "saved", [(1, 2, 3)] * 9)
        for column in (Column.SENT_AT, Column.BOOKMARK_CREATED_AT):  # so that scorecards of earlier days have them
            store_probe.shift_column(self.database, column, -MAX_EARLIER_REPORTS * SECONDS_PER_DAY)

    def make_report_due(self) -> str:
        """Make a scorecard due, each time that of an earlier day, and return its first words."""
        self._report_count += 1
        due_at = self.clock.now() - (self._report_count - 1) % MAX_EARLIER_REPORTS * SECONDS_PER_DAY
        store_probe.set_column(self.database, Column.REPORT_DUE_AT, due_at)
        until = due_at - due_at % SECONDS_PER_DAY
        return f"-# <t:{until - REPORT_DAYS * SECONDS_PER_DAY}:D>"

    async def propose_feed(self, title: str, url: str | None = None) -> int:
        """Propose a feed, which does not exist without a URL, and return the id of the proposal."""
        assert self._proposer is not None
        draft = make_proposal(
            title,
            server_id=self.server.id,
            channel_id=self.channels["text"].id,
            user_id=self._proposer.id,
            dm_channel_id=self.watchers[DIRECT].id,
            url=url,
        )
        async with self.open_newsroom() as newsroom:
            proposal, _is_new = await newsroom.store.proposals.add(draft)
        return proposal.id

    async def decline_proposal(self, proposal_id: int) -> None:
        """Decline a proposal while no bot runs."""
        owner_id = self.discord.state.bot_owner.id
        async with self.open_newsroom() as newsroom:
            await newsroom.store.proposals.decline(proposal_id, server_id=self.server.id, user_id=owner_id)

    def end_watch_cooldowns(self) -> None:
        """End the cooldown of all watches, so that their next matches are notified at once."""
        store_probe.set_column(self.database, Column.WATCH_COOLDOWN_UNTIL, 0)

    async def add_personal_digest(self) -> None:
        """Add a person's daily digest of all articles that they may read."""
        ada = self.discord.people.join(self.server.id, "Ada")
        self.watchers[DIRECT] = self.discord.changes.open_direct_channel(ada)
        async with self.open_newsroom() as newsroom:
            await newsroom.store.personal_digests.save(
                PersonalDigestPlan(weekday=None, minute=0),
                user_id=ada.id,
                channel_id=self.watchers[DIRECT].id,
                server_id=self.server.id,
                language="en",
            )

    async def add_channel_digests(self) -> None:
        """Give every channel that follows the feed a daily digest instead of single posts."""
        async with self.open_newsroom() as newsroom:
            for channel in self.channels.values():
                assert await newsroom.store.digests.save(
                    DigestPlan(weekday=None, minute=0, is_digest_only=True),
                    server_id=self.server.id,
                    channel_id=channel.id,
                    user_id=self.discord.state.bot_owner.id,
                    limit=9,
                )

    async def delete_channel_digests(self) -> None:
        """Delete the digest of every channel, which gets single posts again."""
        async with self.open_newsroom() as newsroom:
            for channel in self.channels.values():
                assert await newsroom.store.digests.delete(
                    server_id=self.server.id, channel_id=channel.id, user_id=self.discord.state.bot_owner.id
                )

    def make_digests_due(self, due: int | None = None) -> int:
        """Make all digests due, by default now, and return the time at which they are due."""
        due = self.clock.now() if due is None else due
        store_probe.set_column(self.database, Column.DIGEST_DUE_AT, due)
        store_probe.set_column(self.database, Column.PERSONAL_DIGEST_DUE_AT, due)
        return due

    def add_articles(self, count: int, *, about: str = "Article") -> list[int]:
        """Add `count` articles to the feed and return their numbers."""
        first = len(self._articles) + 1
        numbers = list(range(first, first + count))
        now = self.clock.now()
        self._articles += [make_rss_item(number, title=f"{about} {number}", published=now - 1) for number in numbers]
        self.serve_feed()
        return numbers

    def skip_numbers(self, number: int) -> None:
        """Number the articles from above this number; other scenes use the lower ones."""
        self._articles = [""] * number
        self._withdrawn = set(range(1, number + 1))

    def serve_feed(self) -> None:
        """Serve the whole feed."""
        self.url = self.feeds.serve("/feed.xml", self._document())

    def kill_while_reading(self, part: float) -> None:
        """Kill the bot when it has read `part` of the feed's document, at least one byte."""
        body = self._document().encode()

        async def handler(request: web.Request) -> web.StreamResponse:
            headers = {"Content-Type": "application/rss+xml", "Content-Length": str(len(body))}
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            await response.write(body[: max(1, int(len(body) * part))])
            await asyncio.sleep(0.02)
            self.kill()
            return response

        self.feeds.handle("/feed.xml", handler)

    def _document(self) -> str:
        visible_items = [item_xml for number, item_xml in enumerate(self._articles, 1) if number not in self._withdrawn]
        return make_rss(*reversed(visible_items[-100:]))

    def shift_clock(self, by: int) -> None:
        """Set the clock of the bots' machine so many seconds ahead, whether a bot runs or not."""
        self._set_by.write_text(str(by))

    async def change_title(self, number: int, title: str) -> None:
        """Change the title of an article in the feed, and poll it while no bot runs."""
        self._articles[number - 1] = make_rss_item(number, title=title, published=self.clock.now() - 1)
        self.serve_feed()
        async with self.open_newsroom() as newsroom:
            await self._poll_own_feed(newsroom)

    async def withdraw_article(self, number: int) -> None:
        """Remove an article from the feed as of a day ago, and poll the feed while no bot runs."""
        self._withdrawn.add(number)
        self.serve_feed()
        missing_since = self.clock.now() - 86_400
        store_probe.set_column(
            self.database, Column.ARTICLE_MISSING_SINCE, missing_since, row_ids=[self._article_id(number)]
        )
        async with self.open_newsroom() as newsroom:
            await self._poll_own_feed(newsroom)

    def _article_id(self, number: int) -> int:
        articles = store_probe.load_rows(self.database, "article")
        return next(article["id"] for article in articles if article["url"].endswith(f"/articles/{number}"))

    async def join_story(self, number: int) -> int:
        """Publish the story of an article in another followed feed and return the number of that second article."""
        joined = len(self._articles) + 1
        self._articles.append("")
        self._withdrawn.add(joined)  # of this feed it never was
        async with self.open_newsroom() as newsroom:
            store = newsroom.store
            if self._rival is None:
                self._rival = await store.feeds.add(self.feeds.serve("/rival.xml", make_rss()), outlet="Rival")
                for channel in self.channels.values():
                    await store.subscriptions.follow(
                        server_id=self.server.id,
                        channel_id=channel.id,
                        feed_id=self._rival.id,
                        first_article_id=None,
                    )
            article_id = self._article_id(number)
            article = make_new_article(
                self._rival,
                f"rival-{joined}",
                url=f"https://news.example/articles/{joined}",
                published=self.clock.now() - 1,
            )
            await store.polls.record(
                PollWrite(
                    self._rival,
                    IntakeResult([article]),
                    max_pending_posts=self.catch_up_after,
                    is_first_poll=False,
                ),
                matches=StoryMatches({article.key: [SimilarArticle(article_id, 0.9)]}, compute_post_membership_score),
            )
        return joined

    async def follow_other_outlet(self) -> None:
        """Let every channel follow the feed of another outlet, which is still empty."""
        await self.follow_additional_feed(self.feeds.serve("/other.xml", make_rss(title="The Rival")))

    async def follow_additional_feed(self, url: str) -> None:
        """Let every channel follow another feed without posting an article of it."""
        async with self.open_newsroom() as newsroom:
            await self.poll_feed(newsroom, url)
            for channel in self.channels.values():
                await newsroom.store.subscriptions.follow(
                    server_id=self.server.id,
                    channel_id=channel.id,
                    feed_id=(await newsroom.store.feeds.add(url)).id,
                    first_article_id=None,
                )

    async def publish_in_other_outlet(self, number: int, *, about: str) -> int:
        """Publish an article's story in the other outlet, without polling it, and return its number."""
        (rival_number,) = self.add_articles(1)
        self._withdrawn.add(rival_number)  # of this feed it never was
        self.serve_feed()
        entry = make_rss_item(rival_number, title=f"{about} {number}", published=self.clock.now() - 1)
        self._rival_items.append(entry.replace("news.example", "rival.example"))
        self.feeds.serve("/other.xml", make_rss(*reversed(self._rival_items), title="The Rival"))
        await self.make_feeds_due()
        return rival_number

    async def mute_newest_story(self) -> None:
        """Mute the story of the feed's newest article in every channel."""
        async with self.open_newsroom() as newsroom:
            feed = await newsroom.store.feeds.add(self.url)
            (newest,) = await newsroom.store.articles.list_newest([feed.id], limit=1)
            for channel in self.channels.values():
                assert await newsroom.store.muted_stories.mute(
                    newest.id,
                    channel_id=channel.id,
                    server_id=self.server.id,
                    user_id=1,
                    is_personal=False,
                    feed_ids=[newest.feed_id],
                    muted_until=None,
                    lead_length=100,
                    limit=1,
                )

    async def add_mention_rules(self, topic: str) -> None:
        """Add a rule to every channel that mentions a new role in posts on a topic."""
        role = self.discord.changes.add_role(self.server, "AI", mentionable=True)
        self.role_ids = (role.id,)
        async with self.open_newsroom() as newsroom:
            for channel in self.channels.values():
                assert await newsroom.store.mention_rules.save(
                    MentionRule(role.id, topic, 10_000),
                    server_id=self.server.id,
                    channel_id=channel.id,
                    user_id=self.discord.state.bot_owner.id,
                    limit=1,
                )

    async def add_channel_filters(self, word: str) -> None:
        """Exclude articles with a word from every channel by a filter of the whole channel."""
        async with self.open_newsroom() as newsroom:
            for channel in self.channels.values():
                if channel.parent_id is not None:
                    await newsroom.store.servers.record_threads(self.server.id, {channel.id: channel.parent_id})
                assert await newsroom.store.filters.add(
                    FilterPlace(channel.parent_id or channel.id, FilterScope.CHANNEL),
                    [(FilterMode.EXCLUDE, word)],
                    user_id=self.discord.state.bot_owner.id,
                    limit=1,
                )

    def find_unrecorded_mentions(self) -> list[str]:
        """Find messages that notified a role without a record of it, and records without such a message."""
        recorded_ids = {row["dispatch_id"] for row in store_probe.load_rows(self.database, "post_mention")}
        channel_ids = {channel.id for channel in self.channels.values()}
        recorded_message_ids = {
            dispatch.message_id
            for dispatch in self.load_outbox()
            if dispatch.id in recorded_ids and dispatch.message_id and dispatch.channel_id in channel_ids
        }
        message_ids = {
            message.id for kind in self.channels for message in self.list_messages(kind) if message.notified_role_ids
        }
        return [f"mention of {message_id}" for message_id in message_ids ^ recorded_message_ids]

    def make_top_stories_due(self) -> None:
        """Make the selection of the day's top stories due."""
        store_probe.set_column(self.database, Column.BEST_OF_DAY_DUE_AT, self.clock.now())

    def make_edits_due(self) -> None:
        """Make all pending edits of messages due."""
        store_probe.set_column(self.database, Column.EDIT_DUE_AT, self.clock.now())

    async def change_channel_setting(self, setting: ChannelSetting[T], value: T, *kinds: str) -> None:
        """Change a setting of the channels of these kinds."""
        async with self.open_newsroom() as newsroom:
            for kind in kinds:
                await newsroom.store.preferences.change_channel(
                    setting,
                    value,
                    server_id=self.server.id,
                    user_id=self.discord.state.bot_owner.id,
                    channel_id=self.channels[kind].id,
                )

    def backdate_sent_messages(self) -> None:
        """Move the time of all sent messages back by an hour."""
        store_probe.shift_column(self.database, Column.SENT_AT, -3600)

    def clear_channel_problems(self) -> None:
        """Clear the problems of all channels, so that posts are tried again at once."""
        for column in (Column.CHANNEL_PROBLEM, Column.CHANNEL_PROBLEM_SINCE, Column.CHANNEL_RETRY_AT):
            store_probe.set_column(self.database, column, None)

    def delete_threads(self, kind: str) -> None:
        """Delete the threads of a channel, including the daily thread."""
        state = self.discord.state
        for channel in [
            candidate for candidate in state.channels.values() if candidate.parent_id == self.channels[kind].id
        ]:
            self.discord.changes.remove_channel(channel)

    async def publish_and_poll(self, count: int, *, about: str = "Article") -> list[int]:
        """Add `count` articles, enqueue them for the channels while no bot runs, and return their numbers."""
        numbers = self.add_articles(count, about=about)
        async with self.open_newsroom() as newsroom:
            assert await self._poll_own_feed(newsroom) == count
        return numbers

    async def make_feeds_due(self) -> None:
        """Make all feeds due, so that the next bot polls them when it starts."""
        async with self.open_newsroom() as newsroom:
            for feed in await newsroom.store.feeds.list_all():
                await newsroom.store.feeds.make_due(feed.id)

    @asynccontextmanager
    async def open_newsroom(self) -> AsyncIterator[Services]:
        """Open the bot's database and poller without the bot."""
        settings = replace(
            read_settings(),
            database=self.database,
            index=self._folder / "index",
            allow_private_addresses=(ip_network("127.0.0.0/8"),),
            catch_up_after=self.catch_up_after,
        )
        async with open_services(settings, self.clock) as newsroom:
            yield newsroom

    async def _poll_own_feed(self, newsroom: Services) -> int:
        """Poll the scene's own feed once and return the number of new articles."""
        return await self.poll_feed(newsroom, self.url)

    async def poll_feed(self, newsroom: Services, url: str) -> int:
        """Poll the feed at a URL once and return the number of new articles."""
        report = await build_poller(newsroom).poll(await newsroom.store.feeds.add(url), wait_for_host=False)
        assert report.error_code is None, report
        return report.new_count

    def start(self, *argv: str, **environment: str) -> BotProcess:
        """Start a bot."""
        logins = len(self.discord.gateway.identify_payloads)
        self.bot = BotProcess(self._launcher, self._folder, {**self.environment, **environment}, *argv)
        self._logins[self.bot.pid] = logins
        return self.bot

    async def run_bot(self, numbers: Iterable[int] | None = None) -> None:
        """Start a bot, wait until it has posted everything pending, including these articles, and stop it."""
        bot = self.start()
        await (self.wait_until_settled() if numbers is None else self.wait_until_posted(numbers))
        await bot.stop()

    def get_send_route(self, kind: str) -> str:
        """Return the method and path of the request that sends a message to the channel of that kind."""
        return f"POST /channels/{self.channels[kind].id}/{'threads' if kind == 'forum' else 'messages'}"

    async def wait_for_response(self, interaction: Interaction) -> str:
        """Wait for the response to an interaction and return its content, embeds and components as text."""
        await self.discord.wait_until(lambda: interaction.answered)
        return (
            f"{interaction.message.content} {interaction.message.embeds} {interaction.message.parts.get('components')}"
        )

    async def run_command(self, *argv: str, status: int = 0) -> str:
        """Run a `telex` command and return its output. Raises AssertionError for another exit status."""
        self._commands += 1
        log = f"command-{self._commands}.log"
        command = BotProcess(self._launcher, self._folder, self.environment, *argv, log=log)
        assert await command.wait_for_exit() == status, command.log
        return command.log

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of the scene's bots."""
        short_leases = {"WIRE_LEASES": ""} if isinstance(self.database, DatabaseUrl) else {}  # of a killed bot
        return short_leases | {
            "DISCORD_TOKEN": self.discord.token,
            "TELEX_DATABASE": store_probe.format_database_address(self.database),
            "TELEX_INDEX": str(self._folder / "index"),
            "TELEX_SEMANTIC": "false",  # the start of the encoder is not under test
            "TELEX_FULL_TEXT": "never",
            "TELEX_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8",
            "TELEX_CATCH_UP_AFTER": str(self.catch_up_after),
            "WIRE_API": self.discord.api_url,
            "WIRE_GATEWAY": self.discord.gateway.url,
            "WIRE_READY": "0.05",
            "WIRE_CLOCK": str(self.clock),
            "WIRE_SET_BY": str(self._set_by),
        }

    async def back_up(self, path: Path) -> None:
        """Write a verified backup, as `telex backup` does."""
        store = await Store.open(self.database, self.clock)
        try:
            await store.backup(path)
        finally:
            await store.close()

    def kill(self) -> None:
        """SIGKILL the bot."""
        self.bot.kill()

    async def wait_until_settled(self, *, within: float = PATIENCE) -> None:
        """Wait until the bot is logged in and has no open dispatch. Raises TimeoutError or AssertionError."""
        assert self.bot is not None
        quiet_checks = 0
        async with asyncio.timeout(within):
            while quiet_checks < QUIET_CHECK_COUNT:
                is_logged_in = len(self.discord.gateway.identify_payloads) > self._logins[self.bot.pid]
                quiet_checks = quiet_checks + 1 if is_logged_in and not self.count_open_dispatches() else 0
                if self.bot.status is not None:
                    raise AssertionError(f"the bot ended with {self.bot.status}:\n{self.bot.log[-3000:]}")
                await asyncio.sleep(0.03)

    async def wait_until_posted(self, numbers: Iterable[int], *, within: float = PATIENCE) -> None:
        """Wait, at most `within` seconds, until these articles are in every channel and no dispatch is open."""
        numbers = set(numbers)
        with suppress(TimeoutError):
            await wait_until(
                lambda: all(self.count_posts(kind).keys() >= numbers for kind in self.channels_by_kind),
                within=within,
            )
            await self.wait_until_settled(within=within)


@asynccontextmanager
async def open_scene(
    discord: DiscordServer,
    feeds: FeedServer,
    launcher: Launcher,
    folder: Path,
    *,
    speed: float = 20,
    kinds: Iterable[str] = KINDS,
    database: Path | DatabaseUrl | None = None,
    catch_up_after: int = 100,
) -> AsyncIterator[Scene]:
    """Open a scene whose channels follow the feed and have its newest article pending; its bot ends with it.

    Without `database`, a SQLite database in `folder` is used.
    """
    scene = Scene(discord, feeds, launcher, folder, speed=speed, database=database)
    scene.catch_up_after = catch_up_after
    scene.create_channels(kinds)
    await scene.follow_feed()
    try:
        yield scene
    finally:
        if scene.bot is not None:
            scene.bot.kill()
            await scene.bot.wait_for_exit()
