"""Benchmark of twenty tasks of a new manager and a new member: steps and seconds until the bot has responded.

    python -m benchmarks.twenty_tasks

The tasks are done in order in one server of a simulated Discord, with feeds on loopback. A command, a message, a
reaction, a press of a button, a choice in a menu and a submitted form are one step each. The seconds don't include
the time that a person needs to read and type. A task that fails is printed with its error, and
the exit status is then 1.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from unittest import mock

from discord import ComponentType
from simcord.actors import MemberActor

from bot.feeds.parsing import opml
from cogs.feeds import starter_packs
from cogs.running.server_events import send_welcome
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import find_menu, get_last_reply, list_controls, read_reply_text, select_option
from tests.support.scenario import get_first_subscription_id
from tools.pictures.picture_stage import server_in

DAY = 86_400
TITLES = (
    "Repair ship reaches the severed Nordwave cable",
    "Passkeys: what to do when the telephone is lost",
    "A town lends out refurbished laptops",
    "Sponsored: ten chairs for your desk",
    "Linux gets a scheduler for small machines",
)
TEXT = (
    "Nordwave said on Thursday that the repair of its cable takes twelve days, weather permitting. "
    "The ship is led by Ada Byron, an engineer from Leeds."
)


class UserActions:
    """Actions of a member that count the steps and the seconds that the bot takes to respond."""

    def __init__(self, person: MemberActor) -> None:
        self.person = person
        self.steps, self.seconds = 0, 0.0

    async def __call__(self, action: Awaitable[Any]) -> Any:
        """Count and time a step; return what it returns."""
        self.steps += 1
        started_at = time.perf_counter()
        try:
            return await action
        finally:
            self.seconds += time.perf_counter() - started_at

    async def run_command(self, world: World, name: str, **options: Any) -> Any:
        """Use a command; return the reply."""
        return get_last_reply(await self(self.person.slash(world.news, name, **options)))

    async def press(self, message: Any, label: str) -> Any:
        """Press the button with a label."""
        return await self(self.person.click(message, label=label))

    async def choose_option(self, message: Any, title: str, start: str = "") -> Any:
        """Choose an option of a menu; return the reply."""
        return get_last_reply(await self(select_option(self.person, message, title, start)))


Task = Callable[[UserActions, World, FeedServer], Awaitable[object]]


async def invite_bot(actions: UserActions, world: World, _server: FeedServer) -> None:
    guild = world.bot.get_guild(world.guild.id)
    assert guild is not None
    await send_welcome(world.bot, guild)
    await world.env.settle()
    greeting = next(post for post in world.news.history() if post.author.bot)
    pack_message = get_last_reply(await actions.press(greeting, "Get started"))
    custom_id, options = find_menu(pack_message, "Starter packs")
    pack_message = get_last_reply(
        await actions(actions.person.select(pack_message, [options[0]["value"]], custom_id=custom_id))
    )
    await actions.press(pack_message, "Follow")
    await world.deliver()
    assert any(TITLES[0] in str(list_controls(post)) or post.components for post in world.posts())


async def add_feed(actions: UserActions, world: World, server: FeedServer) -> None:
    site = server.serve("/site", '<link rel=alternate type="application/rss+xml" href="/other.xml">')
    await actions.press(await actions.run_command(world, "feed add", url=site), "Follow")


async def add_page_list(actions: UserActions, world: World, server: FeedServer) -> None:
    rows = "".join(
        f"<article><h2><a href=/n/{number}>A headline of story number {number}</a></h2></article>"
        for number in range(6)
    )
    page = server.serve("/news", f"<title>News</title><main>{rows}</main>", content_type="text/html")
    await actions.press(await actions.run_command(world, "feed add", url=page), "Follow this list")


async def filter_sponsored(actions: UserActions, world: World, _server: FeedServer) -> None:
    feed = await get_first_subscription_id(world)
    await actions.press(
        await actions.run_command(world, "feed filter", feed=feed, never="sponsored"), "Save this filter"
    )


async def set_up_digest(actions: UserActions, world: World, _server: FeedServer) -> None:
    await actions.press(await actions.run_command(world, "digest setup"), "Start")


async def set_quiet_hours(actions: UserActions, world: World, _server: FeedServer) -> None:
    await actions.choose_option(await actions.run_command(world, "settings schedule"), "Quiet from 22:00", "Quiet from")


async def mention_role(actions: UserActions, world: World, _server: FeedServer) -> None:
    readers = world.guild.create_role("Readers", mentionable=True)
    interaction = await actions(
        actions.person.slash(world.news, "feed look", feed=await get_first_subscription_id(world))
    )
    panel = interaction.response
    custom_id = next(
        component["custom_id"]
        for component in list_controls(panel)
        if component["type"] == ComponentType.role_select.value
    )
    await actions(actions.person.select(panel, [readers], custom_id=custom_id))
    await actions.press(panel, "Use this look")


async def change_look(actions: UserActions, world: World, _server: FeedServer) -> None:
    interaction = await actions(
        actions.person.slash(world.news, "feed look", feed=await get_first_subscription_id(world))
    )
    panel = interaction.response
    await actions(select_option(actions.person, panel, "Compact"))
    await actions.press(panel, "Use this look")


async def find_article(actions: UserActions, world: World, _server: FeedServer) -> None:
    answer = await actions(actions.person.slash(world.news, "search", query="refurbished laptops"))
    assert TITLES[2] in read_reply_text(answer)


async def ask_question(actions: UserActions, world: World, _server: FeedServer) -> None:
    answer = await actions(actions.person.slash(world.news, "ask", question="How long does the Nordwave repair take?"))
    assert "twelve days" in read_reply_text(answer)
    world.answer = answer  # type: ignore[attr-defined]  # for the next task


async def follow_up(actions: UserActions, world: World, _server: FeedServer) -> None:
    answer_message = get_last_reply(world.answer)  # type: ignore[attr-defined]  # of the previous task
    label = next(
        component["label"] for component in list_controls(answer_message) if str(component.get("label")).endswith("?")
    )
    await actions.press(answer_message, label)


async def bookmark_post(actions: UserActions, world: World, _server: FeedServer) -> None:
    post = next(post for post in world.posts() if has_save_button(post))
    world.bookmark_reply = await actions.press(post, "Save")  # type: ignore[attr-defined]  # for the next task


async def add_note(actions: UserActions, world: World, _server: FeedServer) -> None:
    bookmark_message = get_last_reply(world.bookmark_reply)  # type: ignore[attr-defined]  # of the previous task
    if not any(component.get("label") == "Note and tags" for component in list_controls(bookmark_message)):
        bookmark_message = await actions.run_command(world, "bookmarks")
        bookmark_message = await actions.choose_option(bookmark_message, "", "Open")
    form = await actions.press(bookmark_message, "Note and tags")
    await actions(actions.person.submit_modal(form, {"note": "For Ben", "tags": "law"}))


async def share_article(actions: UserActions, world: World, _server: FeedServer) -> None:
    search_message = await actions.run_command(world, "search", query="laptops")
    search_message = get_last_reply(await actions.press(search_message, "Share…"))
    await actions.choose_option(search_message, "", "Share an article")


async def watch_topic(actions: UserActions, world: World, _server: FeedServer) -> None:
    await actions.run_command(world, "watch add", query="nordwave")


async def mute_outlet(actions: UserActions, world: World, _server: FeedServer) -> None:
    await actions.run_command(world, "feed pause", feed=await get_first_subscription_id(world))
    await world.editor.slash(world.news, "feed resume", feed=await get_first_subscription_id(world))


async def explain_missing_post(actions: UserActions, world: World, _server: FeedServer) -> None:
    answer = await actions(actions.person.slash(world.news, "why", link="https://news.example/articles/3"))
    assert (
        "not posted" in read_reply_text(answer)
        or "filtered" in read_reply_text(answer)
        or "catch-up" in read_reply_text(answer)
    )


async def set_channel_language(actions: UserActions, world: World, _server: FeedServer) -> None:
    panel = await actions.run_command(world, "settings channel")
    await actions.choose_option(panel, "French", "Post language")


async def pause_all_feeds(actions: UserActions, world: World, _server: FeedServer) -> None:
    feed_list = await actions.run_command(world, "feed list")
    if any(component.get("label") == "Pause all" for component in list_controls(feed_list)):
        await actions.press(feed_list, "Pause all")
    else:
        for subscription, _feed in await world.store.subscriptions.list_with_feeds(world.guild.id):
            if subscription.paused_at is None:
                await actions.run_command(world, "feed pause", feed=str(subscription.id))
    assert all(
        listed_subscription.paused_at
        for listed_subscription, _feed in await world.store.subscriptions.list_with_feeds(world.guild.id)
    )


async def delete_own_data(actions: UserActions, world: World, _server: FeedServer) -> None:
    privacy_panel = get_last_reply(
        await actions.press(await actions.run_command(world, "privacy"), "Delete everything")
    )
    await actions.press(privacy_panel, "Delete permanently")


TASKS: tuple[tuple[str, str, Task], ...] = (
    ("manager", "Invite Telex, see the first post", invite_bot),
    ("manager", "Add theverge.com", add_feed),
    ("manager", "Add a site without a feed", add_page_list),
    ("manager", "Keep sponsored articles out", filter_sponsored),
    ("manager", "Set up a digest", set_up_digest),
    ("manager", "Quiet hours at night", set_quiet_hours),
    ("manager", "Mention a role", mention_role),
    ("member", "Find last week’s article", find_article),
    ("member", "Ask", ask_question),
    ("member", "Follow up", follow_up),
    ("member", "Bookmark a post", bookmark_post),
    ("member", "Add a note to it", add_note),
    ("member", "Share an article", share_article),
    ("member", "Watch a topic", watch_topic),
    ("manager", "Mute an outlet", mute_outlet),
    ("member", "Why was this not posted?", explain_missing_post),
    ("manager", "Another look", change_look),
    ("manager", "A channel in French", set_channel_language),
    ("manager", "Stop everything", pause_all_feeds),
    ("member", "Delete my data", delete_own_data),
)


def has_save_button(post: Any) -> bool:
    """Return whether a message has a Save button."""
    return any(component.get("label") == "Save" for component in list_controls(post))


def make_outlines(server: FeedServer) -> Iterator[opml.Outline]:
    """Yield the feeds of a starter pack."""
    for number, title in enumerate(("The Circuit Post", "Kernel & Co.", "Patch Tuesday", "Socket", "Cable")):
        yield opml.Outline(title, f"{server.origin}/{number}.xml", None, "en")


async def main() -> bool:
    """Do the tasks in order, print a row of the table for each, and return whether all succeeded."""
    is_good = True
    print("| user | task | steps | seconds |\n|---|---|---|---|")  # noqa: T201 - prints the figures
    async with server_in("en") as (world, server):
        for number, outline in enumerate(make_outlines(server)):
            rss_items = [
                make_rss_item(
                    position + 10 * number,
                    title=title,
                    body=TEXT,
                    published=world.clock.now() - position * DAY * 2,
                )
                for position, title in enumerate(TITLES)
            ]
            server.serve(f"/{number}.xml", make_rss(*rss_items, title=outline.title, language="en"))
        server.serve("/other.xml", make_rss(make_rss_item(90, title="Another outlet’s story"), title="The Verge"))
        with mock.patch.object(starter_packs, "list_outlines", return_value=tuple(make_outlines(server))):
            for role, task_name, task in TASKS:
                actions = UserActions(world.editor if role == "manager" else world.reader)
                try:
                    await task(actions, world, server)
                    failure = ""
                except Exception as error:  # noqa: BLE001 - the remaining tasks are done nevertheless
                    is_good = False
                    failure = f" ({type(error).__name__}: {error})"[:100]
                line = f"| {role} | {task_name} | {actions.steps} | {actions.seconds:.2f}{failure} |"
                print(line, flush=True)  # noqa: T201 - prints the figures
    return is_good


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    sys.exit(not asyncio.run(main()))
