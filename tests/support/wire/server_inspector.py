"""What channels show, and what the database says of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from bot.drill.discord_stand_in.discord_server import DiscordServer
from bot.drill.discord_stand_in.state import Channel, ChannelMessage
from tests.support import store_probe
from tests.support.store_probe import OutboxRow, Place, file_of
from tests.support.wire.quick_clock import QuickClock

SAVE = "🔖"
_LINK = re.compile(r"https://(?:news|rival)\.example/articles/(\d+)")


class ServerInspector:
    """Reads the channels of a server and the database of its bot."""

    discord: DiscordServer
    database: Place
    clock: QuickClock
    channels: dict[str, Channel]
    watchers: dict[str, Channel]

    @property
    def file(self) -> Path:
        """The database where it is a file; a test that is about files is skipped where it is none."""
        return file_of(self.database)

    @property
    def places(self) -> dict[str, Channel]:
        """Wherever the bot is to write, by kind."""
        return self.channels | self.watchers

    def outbox(self) -> list[OutboxRow]:
        """All dispatches, oldest first."""
        return store_probe.load_outbox(self.database)

    def edits_due(self) -> int:
        """How many messages are to be edited."""
        return sum(dispatch.edit_due_at is not None for dispatch in self.outbox())

    def digests_due(self) -> int:
        """How many digests are due and not made."""
        return store_probe.count_due_digests(self.database, self.clock.now())

    def open_dispatches(self) -> int:
        """How many dispatches are not over."""
        return store_probe.count_open_dispatches(self.database)

    def stored_numbers(self) -> set[int]:
        """The numbers of the articles that were fetched."""
        urls = (article["url"] for article in store_probe.load_rows(self.database, "article"))
        return {int(url.rpartition("/")[2]) for url in urls}

    def find_delivery_status_problems(self, numbers: Iterable[int]) -> list[str]:
        """What is wrong with the fates of articles: one is right in each channel, posted as its message."""
        statuses: dict[tuple[int, int | None], list[tuple[str | None, int | None]]] = {}
        for delivery in store_probe.load_deliveries(self.database):
            place = (int(delivery.url.rpartition("/")[2]), delivery.channel_id)
            statuses.setdefault(place, []).append((delivery.state, delivery.message_id))
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

    def delivery_states(self, number: int, kind: str) -> list[str | None]:
        """The states of an article in a channel, of which there is to be one."""
        return [
            delivery.state
            for delivery in store_probe.load_deliveries(self.database)
            if (int(delivery.url.rpartition("/")[2]), delivery.channel_id) == (number, self.places[kind].id)
        ]

    def messages(self, kind: str) -> list[ChannelMessage]:
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
                is_post = any(name.startswith("telex:save:") for name in message.list_custom_ids())
                if is_post and bot not in message.reactions.get(SAVE, []):
                    missing.append(f"{kind}: no reaction under {sorted(articles(message))}")
                if kind == "announcement" and not message.crossposted:
                    missing.append(f"{kind}: {sorted(articles(message))} was not published")
        return missing


def articles(message: ChannelMessage) -> set[int]:
    """The numbers of the articles that a message tells of."""
    return {int(number) for number in _LINK.findall(message.render_visible_text())}
