"""Steps of a test in a simulated Discord: follow a feed, publish articles, look at what was posted and why."""

from __future__ import annotations

from urllib.parse import urlsplit

import discord
from simcord.actors import MemberActor
from simcord.builders import ChannelHandle

from bot.core.models import Article, Feed
from tests.support import message_texts
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import read_reply_text

START = 1_780_000_000
"""When the clock of a test starts."""


async def follow_feed(
    world: World,
    server: FeedServer,
    *items: str,
    path: str = "/rss",
    title: str = "Example News",
    language: str = "en",
    channel: ChannelHandle | None = None,
) -> Feed:
    """Let a channel follow a feed that is read once, with its newest article posted."""
    url = server.serve(path, make_rss(*(items or make_three_rss_items()), title=title, language=language))
    feed = await world.follow(url, channel)
    await world.poll_and_deliver(feed)
    polled_feed = await world.store.feeds.get(feed.id)
    assert polled_feed is not None
    return polled_feed


async def publish_items(
    world: World,
    server: FeedServer,
    feed: Feed,
    *items: str,
    title: str = "Example News",
    language: str = "en",
    delivered: bool = True,
) -> None:
    """Let a feed have these items, newest first, and poll it; unless said, what is due is posted."""
    server.serve(urlsplit(feed.url).path, make_rss(*items, title=title, language=language))
    await world.poll(feed)
    if delivered:
        await world.deliver()


def list_posted_titles(world: World, channel: ChannelHandle | None = None) -> list[str | None]:
    """The titles of the bot's messages in a channel (of the first message of each thread in a forum)."""
    return [message_texts.find_title(message) for message in world.posts(channel)]


def list_posted_texts(world: World, channel: ChannelHandle | None = None) -> list[str]:
    """All that the bot's messages in a channel show."""
    return [message_texts.read_message_text(message) for message in world.posts(channel)]


async def run_why(
    world: World, link: str, *, person: MemberActor | None = None, channel: ChannelHandle | None = None
) -> str:
    """What /why answers in a channel, to the reader unless said."""
    return read_reply_text(await (person or world.reader).slash(channel or world.news, "why", link=link))


async def post_catch_up(world: World, server: FeedServer, count: int) -> discord.Message:
    """Let a feed bring so many articles at once that they are posted as a catch-up; return that."""
    feed = await follow_feed(world, server)
    late_items = [
        make_rss_item(100 + number, title=f"Late {number}", published=START + number) for number in range(count)
    ]
    await world.advance(3600)
    await publish_items(world, server, feed, *reversed(late_items), *make_three_rss_items())
    return next(post for post in world.posts() if "arrived in the meantime" in (message_texts.find_title(post) or ""))


def make_three_rss_items() -> tuple[str, str, str]:
    """Three articles, newest first."""
    stories_by_number = {
        3: ("Cities ban facial recognition", "A moratorium was voted in June.", 60),
        2: ("A new browser engine", "Written in a safe language.", 3600),
        1: ("Chips get smaller", "Two nanometres at last.", 7200),
    }
    third_item, second_item, first_item = (
        make_rss_item(number, title=title, body=body, published=START - age)
        for number, (title, body, age) in stories_by_number.items()
    )
    return third_item, second_item, first_item


async def get_newest_article(world: World, feed: Feed) -> Article:
    """The newest article of a feed."""
    return (await world.store.articles.list_newest([feed.id], limit=1))[0]


async def get_first_subscription_id(world: World) -> str:
    """The id of the server's first subscription, as the autocomplete gives it."""
    return str((await world.store.subscriptions.list_with_feeds(world.guild.id))[0][0].id)
