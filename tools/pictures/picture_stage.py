"""The demo's newsroom, publisher and simulated Discord without its loops: a stage for pictures."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from simcord.actors import MemberActor
from simcord.builders import ChannelHandle, UserHandle
from simcord.env import Env

import cogs
from bot.client.discord_client import TelexBot
from bot.client.services import Services, open_services
from bot.core.configuration.settings_reading import read_settings
from bot.demo.demo_server import DemoServer, build_demo_server, follow_feed, open_simulated_discord, sync_clock
from bot.demo.page_pictures import install_bot_avatar, register_emoji
from bot.demo.sample_feeds import SamplePublisher
from tests.support.clocks import ManualClock
from tests.support.discord_world import LOOP_COGS, World, open_world
from tests.support.feed_server import FeedServer
from tools.pictures.page_camera import (
    CHROMIUM,
    FLAGS,
    MESSAGE,
    as_discord,
    photograph,
    wait_for_images,
    wait_until_idle,
)
from tools.pictures.published_pictures import FOLDER, is_wanted

OUTLETS = (
    *("The Verge", "Numerama", "Wired", "Next", "The Register"),
    *("The Circuit Post", "Kernel & Co.", "The Daily Socket", "Patch Tuesday", "The Long Cable"),
    *("Circuit Post", "Socket Daily"),
    *("Le Fil numérique", "Le Paquet libre", "Mardi des correctifs", "Le Long Câble"),
)
"""Whose initials pictures show; others have a square of their colour."""
WIDTHS = {"": 780, "-narrow": 430}
HEIGHT = 1100
STORIES = 10
"""New ones beside those of the weeks before."""


@asynccontextmanager
async def open_stage(**setting_values: Any) -> AsyncIterator[tuple[Env, Services, SamplePublisher]]:
    """The stage, on a database that is thrown away, with chosen settings."""
    cog_types = tuple(cog for cog in cogs.ALL_COGS if cog not in LOOP_COGS)
    with tempfile.TemporaryDirectory() as home:
        settings = replace(
            read_settings(),
            database=Path(home) / "telex.db",
            discord_token=None,
            allow_private_addresses=(ip_network("127.0.0.1/32"),),
            **setting_values,
        )
        async with (
            open_services(settings) as newsroom,
            SamplePublisher() as publisher,
            open_simulated_discord(TelexBot(newsroom, cog_types, shard_count=1)) as env,
        ):
            yield env, newsroom, publisher


def run(main: Callable[[Path], Coroutine[Any, Any, None]]) -> None:
    """Take pictures into the folder that the command names, or among those of the documents."""
    folder = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(folder))


def run_staged(
    take_pictures: Callable[[Env, Services, SamplePublisher, Path], Coroutine[Any, Any, None]],
    **setting_values: Any,
) -> None:
    """Take those of the stage, with chosen settings."""

    async def main(folder: Path) -> None:
        async with open_stage(**setting_values) as (env, newsroom, publisher):
            await take_pictures(env, newsroom, publisher, folder)

    run(main)


@asynccontextmanager
async def server_in(language: str, **setting_values: Any) -> AsyncIterator[tuple[World, FeedServer]]:
    """A server whose people speak a language, its clock moved by hand, and a publisher on loopback."""
    with tempfile.TemporaryDirectory() as home:
        server = await FeedServer().start()
        settings = replace(
            read_settings(),
            database=Path(home) / "telex.db",
            discord_token=None,
            full_text="never",  # the articles have no pages
            allow_private_addresses=(ip_network("127.0.0.1/32"),),
            model_url=f"{server.origin}/v1",  # where nothing answers unless a picture needs it
            model_name="small",
            **setting_values,
        )
        clock, locale = ManualClock(), "fr" if language == "fr" else "en-US"
        try:
            async with (
                open_services(settings, clock) as newsroom,
                open_world(newsroom, clock, locale=locale) as world,
            ):
                world.env.backend.bot_user.name = "Telex"
                world.locales = dict.fromkeys((world.editor.id, world.reader.id), locale)
                world.pictures |= register_emoji(world.env, OUTLETS)
                yield world, server
        finally:
            await server.stop()


@contextmanager
def open_preview_page(address: str, *, width: int = WIDTHS[""], height: int = HEIGHT) -> Iterator[Page]:
    """The page of a preview in a browser, with its messages there."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=1.5)
        page.goto(address)
        page.locator("#messages-sidebar").evaluate("shown => { shown.style.display = 'none'; }")
        page.locator(MESSAGE).last.wait_for(timeout=60_000)
        page.wait_for_timeout(1500)
        yield page
        browser.close()


def resize(page: Page, width: int, height: int = HEIGHT) -> None:
    """Make the page of that size, and wait until it is laid out anew and its buttons can be pressed again."""
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_function("width => innerWidth === width", arg=width)
    page.wait_for_timeout(1000)
    wait_until_idle(page)


def resize_to_widths(page: Page, path: Path) -> Iterator[Path]:
    """Make the page wide and narrow; the picture's name in each width."""
    for ending, width in WIDTHS.items():
        width_path = path.with_name(f"{path.stem}{ending}.png")
        if is_wanted(width_path):
            resize(page, width)
            yield width_path
    page.set_viewport_size({"width": WIDTHS[""], "height": HEIGHT})


def shoot_channel(page: Page, path: Path) -> None:
    """Pictures of a channel from its name down to its last message."""
    for width_path in resize_to_widths(page, path):
        wait_for_images(page.locator("#channel-timeline"))
        with as_discord(page):
            page.wait_for_timeout(500)
            name = page.locator(".channel-header").bounding_box()
            last = page.locator(MESSAGE).last.bounding_box()
            height = last["y"] + last["height"] + 12 - name["y"]
            page.screenshot(path=width_path, clip={**name, "height": height})


def shoot_last(page: Page, path: Path, names: Mapping[str, str], number: int = -1) -> None:
    """Pictures of a message, wide and narrow, with these names in place of mentions and addresses."""
    for width_path in resize_to_widths(page, path):
        photograph(page.locator(MESSAGE).nth(number), width_path, names)


async def shoot(
    world: World,
    channel: ChannelHandle,
    take: Callable[[Page], None],
    *,
    width: int = WIDTHS[""],
    height: int = HEIGHT,
) -> None:
    """Let pictures be taken of the page of a channel as its editor sees it."""

    def visit(address: str) -> None:
        with open_preview_page(address, width=width, height=height) as page:
            take(page)

    locale = world.locales[world.editor.id]
    async with world.env.preview(
        channel,
        viewers=(world.editor,),
        layout="channel",
        locale=locale,
        assets={**world.pictures, **install_bot_avatar(world.env)},
    ) as preview:
        await asyncio.to_thread(visit, preview.url)


async def build_newsstand(
    env: Env, newsroom: Services, publisher: SamplePublisher
) -> tuple[DemoServer, dict[str, tuple[str, bytes]]]:
    """The demo's server with its first stories, and their pictures by address."""
    stage = await build_demo_server(env)
    if newsroom.semantic_index is not None:
        await newsroom.semantic_index.start_encoder()
    publisher.publish_backlog()
    feeds = [await follow_feed(newsroom, publisher.get_feed_url(outlet), stage) for outlet in publisher.outlets]
    for stories in ((), publisher.new_stories[:STORIES]):
        publisher.published_stories += stories
        for feed in feeds:
            current = await newsroom.store.feeds.get(feed.id)
            assert current is not None
            await newsroom.poller.poll(current, wait_for_host=False)
    assert isinstance(env.bot, TelexBot)
    await env.bot.outbox_relay.run_until_idle()
    pictures = {
        publisher.get_picture_url(story): (f"{story.slug}.png", publisher.draw_picture(story))
        for story in (*publisher.backlog, *publisher.new_stories)
    }
    emoji = register_emoji(env, [outlet.title for outlet in publisher.outlets])
    return stage, pictures | install_bot_avatar(env) | emoji


async def shoot_widths(
    env: Env,
    channel: ChannelHandle,
    viewer: MemberActor | UserHandle,
    path: Path,
    assets: Mapping[str, tuple[str, bytes]],
) -> None:
    """A picture of the last message of a channel in each width."""

    def take(address: str) -> None:
        with open_preview_page(address, height=2400) as page:
            for ending, width in WIDTHS.items():
                width_path = path.with_name(f"{path.stem}{ending}.png")
                if is_wanted(width_path):
                    resize(page, width, 2400)
                    photograph(page.locator(MESSAGE).last, width_path)

    assert isinstance(env.bot, TelexBot)
    sync_clock(env, env.bot.services.clock)
    locale = "fr" if path.stem.endswith("-fr") else "en-US"
    async with env.preview(channel, viewers=(viewer,), layout="channel", assets=dict(assets), locale=locale) as preview:
        await asyncio.to_thread(take, preview.url)
