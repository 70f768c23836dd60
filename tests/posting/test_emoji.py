"""Application emoji: icons and initials of outlets, icons of buttons."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import discord
import pytest
from PIL import Image

from bot.core.models import Feed
from bot.posting.emoji import application_emoji, tile_drawing
from bot.posting.emoji.application_emoji import ApplicationEmojiSync, get_icon_url
from bot.posting.rendering import posts
from bot.posting.rendering.layout import icons, outlet_branding
from bot.posting.rendering.layout.icons import Icon
from tests.posting.test_messages import ARTICLE, list_controls
from tests.support.cases import check_cases
from tests.support.discord_world import World, clear_emoji
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.message_texts import read_message_text


def draw_picture(colour: str, size: int = 64, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGBA", (size, size), colour).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def forget_emoji_after_test() -> Iterator[None]:
    yield
    clear_emoji()


def create_application_emoji(world: World) -> ApplicationEmojiSync:
    room = world.newsroom
    return ApplicationEmojiSync(room.store, world.bot, room.clock, room.fetcher, room.workers)


def read_byline(world: World, number: int = -1) -> str:
    return read_message_text(world.posts()[number]).splitlines()[0]


def count_requests(server: FeedServer, path: str) -> int:
    return sum(visit.path == path for visit in server.visits)


async def publish(world: World, server: FeedServer, number: int, icon: str | None) -> Feed:
    """Post an article of a new feed that names this icon."""
    image_element = f"<image><url>{server.origin}{icon}</url></image>" if icon else ""
    document = make_rss(make_rss_item(number, title=f"Story {number}"), title=f"Outlet {number}")
    server.serve(f"/{number}", document.replace("</channel>", f"{image_element}</channel>"))
    feed = await world.follow(f"{server.origin}/{number}")
    await world.poll_and_deliver(feed)
    return feed


async def test_icon_is_fetched_once_and_survives_restart(telex, feed_server):
    feed_server.serve("/icon.png", draw_picture("#2f7fe0"), content_type="image/png")
    feed = await publish(telex, feed_server, 1, "/icon.png")
    assert read_byline(telex).startswith(("-# 🟦", "-# 🟧", "-# 🟩", "-# 🟪", "-# 🟨", "-# 🟥", "-# 🟫"))
    emoji = create_application_emoji(telex)
    for _round in range(3):
        await emoji.run_once()
        outlet_branding.outlet_emoji_use_counts[feed.id] += 1
    assert count_requests(feed_server, "/icon.png") == 1
    icon_tile = outlet_branding.outlet_emoji(feed.id, "Outlet 1")
    assert icon_tile.startswith("<:outlet_")
    assert outlet_branding.outlet_colour(feed.id, "Outlet 1") >> 16 < 0x60  # blue
    assert str(icons.emoji_for(Icon.SAVE)).startswith("<:button_save:")
    outlet_branding.set_emoji({}, {})
    await create_application_emoji(telex).run_once()
    assert outlet_branding.outlet_emoji(feed.id, "Outlet 1") == icon_tile
    assert count_requests(feed_server, "/icon.png") == 1


async def test_invalid_icon_falls_back_to_initial_until_retry(telex, feed_server):
    truncated_picture, transparent_picture, tiny_picture = (
        draw_picture("red")[:90],
        draw_picture("#00000000"),
        draw_picture("red", 8),
    )
    feeds = []
    for number, body in enumerate(
        (b"", b"no picture", b"<svg/>", truncated_picture, transparent_picture, tiny_picture)
    ):
        feed_server.serve(f"/icon{number}", body, content_type="image/png")
        feeds.append(await publish(telex, feed_server, number, f"/icon{number}"))
    emoji = create_application_emoji(telex)

    async def sync_icons(expected_count: int) -> None:
        outlet_branding.outlet_emoji_use_counts.update(feed.id for feed in feeds)
        await emoji.run_once()
        assert [count_requests(feed_server, f"/icon{number}") for number in range(len(feeds))] == [
            expected_count
        ] * len(feeds)

    await sync_icons(1)
    await telex.advance(86_400)
    await sync_icons(1)
    for number, feed in enumerate(feeds):
        assert outlet_branding.outlet_emoji(feed.id, f"Outlet {number}").startswith("<:initial_O_")
    await telex.advance(application_emoji.FAILED_ICON_RETRY_SECONDS)
    await sync_icons(2)


async def test_barest_variant_has_no_button_icons(telex):
    icons.set_application_emoji({Icon.SAVE: "<:button_save:155555555555555555>"})
    *_fuller_attempts, barest_attempt = posts.render_post(ARTICLE, None, language="en").iter_variants()
    assert [component.get("emoji") for component in list_controls(barest_attempt)] == [None, None]
    assert [labelled_component["label"] for labelled_component in list_controls(barest_attempt)] == [
        "Save",
        "More",
    ]


async def test_failed_button_icon_is_created_in_next_round(telex, monkeypatch):
    create = telex.bot.create_application_emoji

    async def fail_at_search(*, name: str, image: bytes) -> discord.Emoji:
        if name == "button_search":
            raise ConnectionResetError
        return await create(name=name, image=image)

    emoji = create_application_emoji(telex)
    with monkeypatch.context() as outage:
        outage.setattr(telex.bot, "create_application_emoji", fail_at_search)
        with pytest.raises(ConnectionResetError):
            await emoji.run_once()
    await emoji.run_once()
    names = [created_emoji.name for created_emoji in await telex.bot.fetch_application_emojis()]
    assert sorted(name for name in names if name.startswith("button_")) == sorted(
        f"button_{icon.name.lower()}" for icon in Icon
    )


async def test_least_recently_used_icon_is_replaced_when_full(telex, feed_server, monkeypatch):
    emoji = create_application_emoji(telex)
    feeds = []
    await emoji.run_once()
    monkeypatch.setattr(application_emoji, "MAX_EMOJI", len(telex.env.backend.application_emojis) + 2)
    for number in range(3):
        await telex.advance(60)
        feed_server.serve(f"/{number}.png", draw_picture("#c94f2f"), content_type="image/png")
        feeds.append(await publish(telex, feed_server, number, f"/{number}.png"))
        outlet_branding.missing_initials.clear()
        if number == 2:
            outlet_branding.outlet_emoji_use_counts[feeds[0].id] += 1
        await emoji.run_once()
    has_icon = [
        outlet_branding.outlet_emoji(feed.id, f"Outlet {number}").startswith("<:outlet_")
        for number, feed in enumerate(feeds)
    ]
    assert has_icon == [True, False, True]


def test_icon_url_comes_from_feed_or_site_unless_private():
    feed = Feed(
        id=1,
        url="https://feeds.example/a?b",
        site_url="https://news.example/tech/",
        icon_url="https://x.example/i",
    )
    assert get_icon_url(feed) == "https://x.example/i"
    assert get_icon_url(replace(feed, icon_url=None)) == "https://news.example/favicon.ico"
    assert get_icon_url(replace(feed, icon_url=None, site_url=None)) == "https://feeds.example/favicon.ico"
    assert get_icon_url(replace(feed, server_id=7)) is None


@check_cases("kind", ["PNG", "ICO", "GIF", "WEBP", "JPEG"])
def test_icon_formats_become_tiles_of_same_size(kind):
    buffer = io.BytesIO()
    Image.new("RGB", (48, 32), "#b03a55").save(buffer, kind)
    tile = tile_drawing.draw_icon_tile(buffer.getvalue())
    with Image.open(io.BytesIO(tile.png)) as tile_image:
        assert tile_image.size == (tile_drawing.TILE_SIZE_PIXELS, tile_drawing.TILE_SIZE_PIXELS)
        assert tile_image.getchannel("A").getextrema() == (0, 255)  # round corners
    assert tile.colour is not None
    assert tile.colour >> 16 > 0x80
    assert len(tile.png) < 256 * 1024


def test_decompression_bomb_is_rejected():
    buffer = io.BytesIO()
    Image.new("1", (9000, 9000)).save(buffer, "PNG")
    with pytest.raises(ValueError, match="no"):
        tile_drawing.draw_icon_tile(buffer.getvalue())
