"""Many servers and channels with posts waiting, and a bot that brings them there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.core.clock import SystemClock
from bot.core.configuration.database_url import DatabaseUrl
from bot.drill.discord_stand_in.discord_server import DiscordServer
from bot.drill.discord_stand_in.state import Channel
from bot.store import Store
from bot.store.records.source_records import IntakeResult, PollWrite
from tests.support import store_probe
from tests.support.samples import make_new_article
from tests.support.store_probe import Column
from tests.support.wire.bot_process import BotProcess, Launcher

POST_ROUTE = "POST /channels/{channel}/messages"
EDIT_ROUTE = "PATCH /channels/{channel}/messages/{message}"
REACTION_ROUTE = "PUT /channels/{channel}/messages/{message}/reactions/{emoji}/@me"


@dataclass
class LoadScene:
    """`servers` with so many `channels` each, without a bot until `start`."""

    discord: DiscordServer
    launcher: Launcher
    folder: Path
    clock: SystemClock = field(default_factory=SystemClock)
    bots: list[BotProcess] = field(default_factory=list)
    server_database: DatabaseUrl | None = None

    @property
    def database(self) -> Path | DatabaseUrl:
        return self.server_database or self.folder / "telex.db"

    @property
    def bot(self) -> BotProcess | None:
        """The one that was started last."""
        return self.bots[-1] if self.bots else None

    def server(self, channels: int, shard: tuple[int, int] | None = None) -> list[Channel]:
        """A server with so many channels."""
        changes = self.discord.changes
        server = changes.add_server("Newsroom", shard=shard)
        return [changes.add_channel(server, f"news-{number}") for number in range(channels)]

    async def owe(self, name: str, channels: Sequence[Channel], posts: int) -> list[str]:
        """Let channels be owed so many articles of a feed each; their titles."""
        now = self.clock.now()
        store = await Store.open(self.database, self.clock)
        try:
            feed = await store.feeds.add(
                f"https://{name}.example/feed", title=name, outlet=name, next_poll_at=now + 10**6
            )
            self._follow(channels, feed.id, now)
            articles = [
                make_new_article(feed, f"{name}-{number}", published=now - posts + number, language="en")
                for number in range(posts)
            ]
            await store.polls.record(
                PollWrite(
                    replace(feed, last_poll_at=now, last_success_at=now),
                    IntakeResult(articles),
                    max_pending_posts=10**6,
                    is_first_poll=False,
                )
            )
        finally:
            await store.close()
        return [article.title for article in articles]

    def _follow(self, channels: Sequence[Channel], feed_id: int, now: int) -> None:
        """Let all of them follow a feed, in one go: there may be thousands."""
        places = {channel.id: channel.server_id for channel in channels if channel.server_id is not None}
        store_probe.follow_in_channels(self.database, feed_id, places, now)

    def hold_back(self, channels: Sequence[Channel]) -> None:
        """Let quiet hours keep posts from every other channel, and an hourly limit from the rest."""
        store_probe.hold_back_posts(self.database, [channel.id for channel in channels], self.clock.now())

    def change_all(self, channels: Sequence[Channel]) -> int:
        """What was posted in these channels is to be edited now; how many posts that are."""
        channel_ids = {channel.id for channel in channels}
        posts = [
            dispatch.id
            for dispatch in store_probe.load_outbox(self.database)
            if dispatch.state == "sent" and dispatch.channel_id in channel_ids
        ]
        store_probe.set_column(self.database, Column.EDIT_DUE_AT, self.clock.now(), row_ids=posts)
        return len(posts)

    def environment(self, number: int) -> dict[str, str]:
        """The settings of a bot; of several each has a number."""
        return {
            "DISCORD_TOKEN": self.discord.token,
            "TELEX_DATABASE": store_probe.format_database_address(self.database),
            "TELEX_INDEX": str(self.folder / f"index-{number}"),
            "TELEX_SEMANTIC": "false",
            "TELEX_FULL_TEXT": "never",
            "WIRE_API": self.discord.api_url,
            "WIRE_GATEWAY": f"{self.discord.gateway.url}{number}",
            "WIRE_READY": "0.2",
        }

    def start(self, **environment: str) -> BotProcess:
        """Start a bot; several share a database on a server."""
        number = len(self.bots) + 1
        log = f"bot-{number}.log"
        self.bots.append(BotProcess(self.launcher, self.folder, self.environment(number) | environment, log=log))
        return self.bots[-1]

    def posts(self, channels: Sequence[Channel]) -> int:
        """How many messages these channels have."""
        return sum(len(channel.messages) for channel in channels)


@asynccontextmanager
async def open_load_scene(
    discord: DiscordServer, launcher: Launcher, folder: Path, database: DatabaseUrl | None = None
) -> AsyncIterator[LoadScene]:
    """A crowd whose bots do not outlive it."""
    crowd = LoadScene(discord, launcher, folder, server_database=database)
    try:
        yield crowd
    finally:
        for bot in crowd.bots:
            bot.kill()
            await bot.wait_for_exit()
