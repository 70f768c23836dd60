"""What channels show, and what the database says of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from bot.core.database_url import DatabaseUrl
from bot.drill.discord_stand_in.discord_server import DiscordServer
from bot.drill.discord_stand_in.state import Channel, Message
from tests.support.wire import direct_access
from tests.support.wire.quick import QuickClock

SAVE = "🔖"
_LINK = re.compile(r"https://(?:news|rival)\.example/articles/(\d+)")
_FATES = """
    SELECT article.url, fate.channel_id, coalesce(dispatch.state, fate.fate), dispatch.message_id
    FROM article LEFT JOIN fate ON fate.page = article.page
    LEFT JOIN dispatch ON dispatch.id = coalesce(dispatch_id, joined_id)
"""
_NOTICES = """
    SELECT article.url, dispatch.channel_id, dispatch.state, dispatch.message_id
    FROM watch_match JOIN article ON article.id = article_id JOIN dispatch ON dispatch.id = dispatch_id
"""
_BRIEFS = """
    SELECT article.url, dispatch.channel_id, dispatch.state, dispatch.message_id
    FROM personal_digest JOIN dispatch ON dispatch.channel_id = personal_digest.channel_id
    JOIN digest_article ON dispatch_id = dispatch.id JOIN article ON article.id = article_id
"""
_OPEN = """
    SELECT count(*) FROM dispatch WHERE state IN ('waiting', 'claimed') OR state = 'sent' AND finished = 0
"""


class ServerInspector:
    """Reads the channels of a server and the database of its bot."""

    discord: DiscordServer
    database: Path | DatabaseUrl
    clock: QuickClock
    channels: dict[str, Channel]
    watchers: dict[str, Channel]

    @property
    def file(self) -> Path:
        """The database where it is a file; a test that is about files is skipped where it is none."""
        if isinstance(self.database, DatabaseUrl):
            pytest.skip("about files of SQLite")
        return self.database

    @property
    def places(self) -> dict[str, Channel]:
        """Wherever the bot is to write, by kind."""
        return self.channels | self.watchers

    def edits_due(self) -> int:
        """How many messages are to be edited."""
        ((count,),) = self.rows("SELECT count(*) FROM dispatch WHERE edit_due IS NOT NULL")
        return int(count)

    def digests_due(self) -> int:
        """How many digests are due and not made."""
        kinds = ("digest", "personal_digest")
        now = self.clock.now()
        return sum(self.rows(f"SELECT count(*) FROM {kind} WHERE due <= {now}")[0][0] for kind in kinds)

    def open_dispatches(self) -> int:
        """How many dispatches are not over."""
        ((count,),) = self.rows(_OPEN)
        return int(count)

    def find_delivery_status_problems(self, numbers: Iterable[int]) -> list[str]:
        """What is wrong with the fates of articles: one is right in each channel, posted as its message."""
        statuses: dict[tuple[int, int], list[tuple[str, int]]] = {}
        rows = [row for query in (_FATES, _NOTICES, _BRIEFS) for row in self.rows(query)]
        for url, channel_id, state, message_id in rows:
            statuses.setdefault((int(url.rpartition("/")[2]), channel_id), []).append((state, message_id))
        wrong = []
        for kind, channel in self.places.items():
            message_articles = [(message.id, articles(message)) for message in self.messages(kind)]
            for number in numbers:
                ours = statuses.get((number, channel.id), [])
                message_ids = {
                    message_id for message_id, article_numbers in message_articles if number in article_numbers
                }
                if [state for state, _ in ours] != ["sent"] or ours[0][1] not in message_ids:
                    wrong.append(f"{kind}: {number} is {ours}, shown in {message_ids}")
        return wrong

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the database answers to a query, whoever has it open."""
        return direct_access.rows(self.database, sql)

    def messages(self, kind: str) -> list[Message]:
        """The bot's messages in a channel, in a forum those of all its threads; oldest first."""
        channel = self.places[kind]
        places = [channel]
        places += [thread for thread in self.discord.state.channels.values() if thread.parent_id == channel.id]
        all_messages = [message for place in places for message in place.history()]
        bot = self.discord.state.bot.id
        own = (
            bot_message
            for bot_message in all_messages
            if bot_message.author is not None or bot_message.author_id == bot
        )
        return sorted(own, key=lambda message: message.id)

    def posts(self, kind: str) -> Counter[int]:
        """How often a channel got each article, by its number."""
        return Counter(number for message in self.messages(kind) for number in articles(message))

    def order(self, kind: str) -> list[int]:
        """The articles of a channel in the order in which they came."""
        return [number for message in self.messages(kind) for number in sorted(articles(message))]

    def unfinished(self) -> list[str]:
        """What is missing under posts: the seeded reaction, or the publication of an announcement."""
        missing = []
        bot = self.discord.state.bot.id
        for kind in self.channels:
            for message in self.messages(kind):
                is_post = any(name.startswith("telex:save:") for name in message.custom_ids())
                if is_post and bot not in message.reactions.get(SAVE, []):
                    missing.append(f"{kind}: no reaction under {sorted(articles(message))}")
                if kind == "announcement" and not message.crossposted:
                    missing.append(f"{kind}: {sorted(articles(message))} was not published")
        return missing


def articles(message: Message) -> set[int]:
    """The numbers of the articles that a message tells of."""
    return {int(number) for number in _LINK.findall(message.visible_text())}
