"""Twenty things that a new manager and a new member do: `nice python -m tests.benchmarks.twenty_tasks`.

Counts what each takes: a command, a message, a reaction, a press of a button, a choice in a menu and a form
that is sent are one step each. The seconds are those until the bot had answered every step, in a simulated
Discord, feeds over loopback; what a person needs to read and type comes on top. Nothing is tuned on it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from unittest import mock

from discord import ComponentType
from simcord.actors import MemberActor

from bot.feeds.parsing import opml
from cogs.feeds import starter_packs
from cogs.running.welcome_message import send_welcome
from tests.cogs.helpers import choose, components, last, menu, said
from tests.discord_world import World
from tests.feed_server import FeedServer, item, rss
from tests.picture_stage import server_in

DAY = 86_400
TITLES = (
    "Repair ship reaches the severed Nordwave cable",
    "Passkeys: what to do when the telephone is lost",
    "A town lends out refurbished laptops",
    "Sponsored: ten chairs for your desk",
    "Linux gets a scheduler for small machines",
)
TEXT = "Nordwave said on Thursday that the repair of its cable takes twelve days, weather permitting."


class Acting:
    """What a person does, counted."""

    def __init__(self, person: MemberActor) -> None:
        self.person = person
        self.steps, self.seconds = 0, 0.0

    async def __call__(self, act: Awaitable[Any]) -> Any:
        """A step; what the bot answered."""
        self.steps += 1
        begun = time.perf_counter()
        try:
            return await act
        finally:
            self.seconds += time.perf_counter() - begun

    async def typed(self, world: World, name: str, **options: Any) -> Any:
        """A command."""
        return last(await self(self.person.slash(world.news, name, **options)))

    async def pressed(self, message: Any, label: str) -> Any:
        """A button."""
        return await self(self.person.click(message, label=label))

    async def chosen(self, message: Any, title: str, start: str = "") -> Any:
        """An entry of a menu."""
        return last(await self(choose(self.person, message, title, start)))


Task = Callable[[Acting, World, FeedServer], Awaitable[object]]


async def invite(acting: Acting, world: World, _server: FeedServer) -> None:
    guild = world.bot.get_guild(world.guild.id)
    assert guild is not None
    await send_welcome(world.bot, guild)
    await world.env.settle()
    greeting = next(post for post in world.news.history() if post.author.bot)
    shown = last(await acting.pressed(greeting, "Get started"))
    custom_id, options = menu(shown, "Starter packs")
    shown = last(await acting(acting.person.select(shown, [options[0]["value"]], custom_id=custom_id)))
    await acting.pressed(shown, "Follow")
    await world.deliver()
    assert any(TITLES[0] in str(components(post)) or post.components for post in world.posts())


async def add(acting: Acting, world: World, server: FeedServer) -> None:
    site = server.serve("/site", '<link rel=alternate type="application/rss+xml" href="/other.xml">')
    await acting.pressed(await acting.typed(world, "feed add", url=site), "Follow")


async def add_list(acting: Acting, world: World, server: FeedServer) -> None:
    rows = "".join(
        f"<article><h2><a href=/n/{n}>A headline of story number {n}</a></h2></article>" for n in range(6)
    )
    page = server.serve("/news", f"<title>News</title><main>{rows}</main>", content_type="text/html")
    await acting.pressed(await acting.typed(world, "feed add", url=page), "Follow this list")


async def keep_out(acting: Acting, world: World, _server: FeedServer) -> None:
    feed = await first(world)
    await acting.pressed(
        await acting.typed(world, "feed filter", feed=feed, never="sponsored"), "Save this filter"
    )


async def set_up_digest(acting: Acting, world: World, _server: FeedServer) -> None:
    await acting.pressed(await acting.typed(world, "digest setup"), "Start")


async def rest_at_night(acting: Acting, world: World, _server: FeedServer) -> None:
    await acting.chosen(await acting.typed(world, "settings schedule"), "Quiet from 22:00", "Quiet from")


async def ping(acting: Acting, world: World, _server: FeedServer) -> None:
    readers = world.guild.create_role("Readers", mentionable=True)
    shown = await acting(acting.person.slash(world.news, "feed look", feed=await first(world)))
    board = shown.response
    custom_id = next(
        one["custom_id"] for one in components(board) if one["type"] == ComponentType.role_select.value
    )
    await acting(acting.person.select(board, [readers], custom_id=custom_id))
    await acting.pressed(board, "Use this look")


async def change_look(acting: Acting, world: World, _server: FeedServer) -> None:
    shown = await acting(acting.person.slash(world.news, "feed look", feed=await first(world)))
    board = shown.response
    await acting(choose(acting.person, board, "Compact"))
    await acting.pressed(board, "Use this look")


async def find(acting: Acting, world: World, _server: FeedServer) -> None:
    found = await acting(acting.person.slash(world.news, "search", query="refurbished laptops"))
    assert TITLES[2] in said(found)


async def ask(acting: Acting, world: World, _server: FeedServer) -> None:
    told = await acting(
        acting.person.slash(world.news, "ask", question="How long does the Nordwave repair take?")
    )
    assert "twelve days" in said(told)
    world.told = told  # type: ignore[attr-defined]  # the next task follows it


async def follow_up(acting: Acting, world: World, _server: FeedServer) -> None:
    told = last(world.told)  # type: ignore[attr-defined]  # see above
    label = next(one["label"] for one in components(told) if str(one.get("label")).startswith("What’s new"))
    await acting.pressed(told, label)


async def bookmark(acting: Acting, world: World, _server: FeedServer) -> None:
    post = next(post for post in world.posts() if saves(post))
    world.saved = await acting.pressed(post, "Save")  # type: ignore[attr-defined]  # likewise


async def note(acting: Acting, world: World, _server: FeedServer) -> None:
    shown = last(world.saved)  # type: ignore[attr-defined]  # likewise
    if not any(one.get("label") == "Note and tags" for one in components(shown)):
        shown = await acting.typed(world, "bookmarks")
        shown = await acting.chosen(shown, "", "Open")
    form = await acting.pressed(shown, "Note and tags")
    await acting(acting.person.submit_modal(form, {"note": "For Ben", "tags": "law"}))


async def share(acting: Acting, world: World, _server: FeedServer) -> None:
    shown = await acting.typed(world, "search", query="laptops")
    shown = last(await acting.pressed(shown, "Share…"))
    await acting.chosen(shown, "", "Share an article")


async def watch(acting: Acting, world: World, _server: FeedServer) -> None:
    await acting.typed(world, "watch add", query="nordwave")


async def mute(acting: Acting, world: World, _server: FeedServer) -> None:
    await acting.typed(world, "feed pause", feed=await first(world))
    await world.editor.slash(world.news, "feed resume", feed=await first(world))


async def why(acting: Acting, world: World, _server: FeedServer) -> None:
    told = await acting(acting.person.slash(world.news, "why", link="https://news.example/articles/3"))
    assert "not posted" in said(told) or "filtered" in said(told) or "catch-up" in said(told)


async def speak_french(acting: Acting, world: World, _server: FeedServer) -> None:
    shown = await acting.typed(world, "settings channel")
    await acting.chosen(shown, "French", "Post language")


async def stop_all(acting: Acting, world: World, _server: FeedServer) -> None:
    shown = await acting.typed(world, "feed list")
    if any(one.get("label") == "Pause all" for one in components(shown)):
        await acting.pressed(shown, "Pause all")
    else:
        for subscription, _feed in await world.store.subscriptions.list_with_feeds(world.guild.id):
            if subscription.paused_at is None:
                await acting.typed(world, "feed pause", feed=str(subscription.id))
    assert all(
        one.paused_at for one, _feed in await world.store.subscriptions.list_with_feeds(world.guild.id)
    )


async def delete(acting: Acting, world: World, _server: FeedServer) -> None:
    shown = last(await acting.pressed(await acting.typed(world, "privacy"), "Delete everything"))
    await acting.pressed(shown, "Delete permanently")


TASKS: tuple[tuple[str, str, Task], ...] = (
    ("manager", "Invite Telex, see the first post", invite),
    ("manager", "Add theverge.com", add),
    ("manager", "Add a site without a feed", add_list),
    ("manager", "Keep sponsored articles out", keep_out),
    ("manager", "Set up a digest", set_up_digest),
    ("manager", "Quiet hours at night", rest_at_night),
    ("manager", "Mention a role", ping),
    ("member", "Find last week’s article", find),
    ("member", "Ask", ask),
    ("member", "Follow up", follow_up),
    ("member", "Bookmark a post", bookmark),
    ("member", "Add a note to it", note),
    ("member", "Share an article", share),
    ("member", "Watch a topic", watch),
    ("manager", "Mute an outlet", mute),
    ("member", "Why was this not posted?", why),
    ("manager", "Another look", change_look),
    ("manager", "A channel in French", speak_french),
    ("manager", "Stop everything", stop_all),
    ("member", "Delete my data", delete),
)


def saves(post: Any) -> bool:
    """Whether a message has a Save button."""
    return any(one.get("label") == "Save" for one in components(post))


async def first(world: World) -> str:
    """The id of the first subscription, as the autocomplete gives it."""
    return str((await world.store.subscriptions.list_with_feeds(world.guild.id))[0][0].id)


def outlines(server: FeedServer) -> Iterator[opml.Outline]:
    """A starter pack of five feeds."""
    for number, title in enumerate(("The Circuit Post", "Kernel & Co.", "Patch Tuesday", "Socket", "Cable")):
        yield opml.Outline(title, f"{server.origin}/{number}.xml", None, "en")


async def main() -> None:
    """Do them in order, in one server, and print a table."""
    print("| who | what | steps | seconds |\n|---|---|---|---|")  # noqa: T201
    async with server_in("en") as (world, server):
        for number, outline in enumerate(outlines(server)):
            told = [
                item(each + 10 * number, title=title, body=TEXT, published=world.clock.now() - each * DAY * 2)
                for each, title in enumerate(TITLES)
            ]
            server.serve(f"/{number}.xml", rss(*told, title=outline.title, language="en"))
        server.serve("/other.xml", rss(item(90, title="Another outlet’s story"), title="The Verge"))
        with mock.patch.object(starter_packs, "outlines", return_value=tuple(outlines(server))):
            for who, what, task in TASKS:
                acting = Acting(world.editor if who == "manager" else world.reader)
                try:
                    await task(acting, world, server)
                    failed = ""
                except Exception as error:  # noqa: BLE001  # the others are measured all the same
                    failed = f" ({type(error).__name__}: {error})"[:100]
                print(f"| {who} | {what} | {acting.steps} | {acting.seconds:.2f}{failed} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
