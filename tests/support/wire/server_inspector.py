"""Messages in the channels of a server, compared with the state in the database."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from bot.drill.discord_stand_in.discord_server import DiscordServer
from bot.drill.discord_stand_in.state import Channel, ChannelMessage
from tests.support import store_probe
from tests.support.store_probe import DatabaseLocation, OutboxRow, require_database_file
from tests.support.wire.quick_clock import QuickClock

SAVE = "🔖"
_LINK = re.compile(r"https://(?:news|rival)\.example/articles/(\d+)")


class ServerInspector:
    """Reader of a server's channels and of its bot's database."""

    discord: DiscordServer
    database: DatabaseLocation
    clock: QuickClock
    channels: dict[str, Channel]
    watchers: dict[str, Channel]

    @property
    def database_path(self) -> Path:
        """The path of the database; skips the test if the database is on a server."""
        return require_database_file(self.database)

    @property
    def channels_by_kind(self) -> dict[str, Channel]:
        """All channels in which the bot posts, by kind."""
        return self.channels | self.watchers

    def load_outbox(self) -> list[OutboxRow]:
        """Return all dispatches, oldest first."""
        return store_probe.load_outbox(self.database)

    def count_pending_edits(self) -> int:
        """Return the number of messages with a pending edit."""
        return sum(dispatch.edit_due_at is not None for dispatch in self.load_outbox())

    def count_due_digests(self) -> int:
        """Return the number of digests that are due and not enqueued."""
        return store_probe.count_due_digests(self.database, self.clock.now())

    def count_open_dispatches(self) -> int:
        """Return the number of dispatches that are neither sent nor dropped."""
        return store_probe.count_open_dispatches(self.database)

    def load_stored_numbers(self) -> set[int]:
        """Return the numbers of the stored articles."""
        urls = (article["url"] for article in store_probe.load_rows(self.database, "article"))
        return {int(url.rpartition("/")[2]) for url in urls}

    def find_delivery_status_problems(self, numbers: Iterable[int]) -> list[str]:
        """Describe articles that are not recorded as sent, once in each channel, with the message that shows them."""
        statuses: dict[tuple[int, int | None], list[tuple[str | None, int | None]]] = {}
        for delivery in store_probe.load_deliveries(self.database):
            place = (int(delivery.url.rpartition("/")[2]), delivery.channel_id)
            statuses.setdefault(place, []).append((delivery.state, delivery.message_id))
        wrong = []
        for kind, channel in self.channels_by_kind.items():
            message_articles = [(message.id, find_article_numbers(message)) for message in self.list_messages(kind)]
            for number in numbers:
                ours = statuses.get((number, channel.id), [])
                message_ids = {
                    message_id for message_id, article_numbers in message_articles if number in article_numbers
                }
                if [state for state, _ in ours] != ["sent"] or ours[0][1] not in message_ids:
                    wrong.append(f"{kind}: {number} is {ours}, shown in {message_ids}")
        return wrong

    def load_delivery_states(self, number: int, kind: str) -> list[str | None]:
        """Return all recorded states of an article in a channel; more than one is a fault."""
        return [
            delivery.state
            for delivery in store_probe.load_deliveries(self.database)
            if (int(delivery.url.rpartition("/")[2]), delivery.channel_id) == (number, self.channels_by_kind[kind].id)
        ]

    def list_messages(self, kind: str) -> list[ChannelMessage]:
        """Return the bot's messages in a channel and its threads, oldest first."""
        channel = self.channels_by_kind[kind]
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

    def count_posts(self, kind: str) -> Counter[int]:
        """Return how often each article was posted in a channel, by its number."""
        return Counter(number for message in self.list_messages(kind) for number in find_article_numbers(message))

    def list_posted_numbers(self, kind: str) -> list[int]:
        """Return the numbers of the articles in a channel in the order of their messages."""
        return [number for message in self.list_messages(kind) for number in sorted(find_article_numbers(message))]

    def find_unfinished_posts(self) -> list[str]:
        """Describe posts without the bot's reaction, and announcements that were not published."""
        missing = []
        bot = self.discord.state.bot.id
        for kind in self.channels:
            for message in self.list_messages(kind):
                is_post = any(name.startswith("telex:save:") for name in message.list_custom_ids())
                if is_post and bot not in message.reactions.get(SAVE, []):
                    missing.append(f"{kind}: no reaction under {sorted(find_article_numbers(message))}")
                if kind == "announcement" and not message.crossposted:
                    missing.append(f"{kind}: {sorted(find_article_numbers(message))} was not published")
        return missing


def find_article_numbers(message: ChannelMessage) -> set[int]:
    """Return the numbers of the articles that a message links to."""
    return {int(number) for number in _LINK.findall(message.render_visible_text())}
