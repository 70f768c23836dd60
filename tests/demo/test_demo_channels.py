"""Channels of the demo's page and a visitor's actions in them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

import cogs
from bot.client.discord_client import TelexBot
from bot.client.services import Services
from bot.demo import demo_server
from bot.demo.preview_places import DemoPlaces
from bot.demo.visitor_actions import VisitorActions
from tests.demo.visitor import Visitor
from tests.support.discord_world import LOOP_COGS

WITHOUT_LOOPS = tuple(cog for cog in cogs.ALL_COGS if cog not in LOOP_COGS)


@asynccontextmanager
async def open_demo(newsroom: Services) -> AsyncIterator[tuple[Visitor, demo_server.DemoServer]]:
    async with demo_server.open_simulated_discord(TelexBot(newsroom, WITHOUT_LOOPS, shard_count=1)) as env:
        scene = await demo_server.build_demo_server(env)
        people = {scene.ada: "en-US", scene.camille: "fr"}
        async with env.preview(scene.news_channel, viewers=tuple(people), layout="channel") as preview:
            VisitorActions(env, preview, DemoPlaces(env, scene.guild, people))
            yield Visitor(env, preview), scene


async def test_welcome_to_server_is_in_own_channel(newsroom):
    async with open_demo(newsroom) as (visitor, scene):
        assert not scene.news_channel.history()
        await visitor.go("Ada in #general")
        (hello,) = visitor.page.snapshot["messages"].values()
        assert "Hi, I’m Telex" in str(hello["components"])


async def test_messages_and_commands_go_to_visitors_channel(newsroom):
    async with open_demo(newsroom) as (visitor, scene):
        await visitor.go("Camille in direct messages")
        await visitor.act("send_message", content="Bonjour, que sait-on de Nordwave ?")
        assert "Rien à lire pour l’instant" in str(visitor.list_messages()[-1])
        assert not (await visitor.run("bookmarks"))["rejected"]
        assert "Vos favoris" in str(visitor.page.snapshot["messages"])
        await visitor.go("Ada in #tech-news")
        assert not visitor.list_texts()
        await visitor.act("send_message", content="Good morning")
        assert [message.content for message in scene.news_channel.history()] == ["Good morning"]


async def test_forum_post_can_be_opened(newsroom):
    async with open_demo(newsroom) as (visitor, scene):
        visitor.env.backend.create_thread(scene.news_channel.id, "Reading group", scene.ada.id)
        await visitor.act("refresh")
        await visitor.go("Ada in #tech-news › Reading group")
        assert "Ada in #forum" not in visitor.list_place_ids()  # it has posts alone


async def test_direct_messages_are_visible_to_their_reader_only(newsroom):
    async with open_demo(newsroom) as (visitor, scene):
        ada, camille = scene.ada.id, scene.camille.id
        direct = visitor.list_place_ids()["Ada in direct messages"].partition(".")[2]
        answer = await visitor.act("viewer", viewer_id=f"{camille}.{direct}")
        assert answer["rejected"]
        assert visitor.page.snapshot["viewerId"] == f"{ada}.{scene.news_channel.id}"


@pytest.mark.parametrize(("place", "locale"), [("Ada in #general", "en-US"), ("Camille in #general", "fr")])
async def test_locale_follows_viewer(newsroom, place, locale):
    async with open_demo(newsroom) as (visitor, _scene):
        await visitor.go(place)
        assert visitor.page.snapshot["profile"]["locale"] == locale
