"""The demo's page: where a visitor can look, and what they do there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from simcord.env import Env
from simcord.preview import Preview

import cogs
from bot.client.discord_client import Telex
from bot.client.services import Newsroom
from bot.demo import stage
from bot.demo.preview_places import Places, let_visit
from tests.discord_world import LOOPS

WITHOUT_LOOPS = tuple(cog for cog in cogs.ALL if cog.__name__ not in LOOPS)


class Visitor:
    """Acts on a page of the preview as the browser does."""

    def __init__(self, env: Env, preview: Preview) -> None:
        self.env, self.preview = env, preview
        self.page = preview._open_page()

    async def act(self, kind: str, **details: Any) -> dict[str, Any]:
        return await self.preview._action(
            self.page.id,
            {
                "protocol_version": 3,
                "sequence": self.page.last_sequence + 1,
                "request_id": kind,
                "generation": self.page.generation,
                "bot_generation": self.env._generation,
                "published_revision": self.page.revision,
                "kind": kind,
                **details,
            },
        )

    def menu(self) -> dict[str, str]:
        """The places by their names."""
        return {place["name"]: place["id"] for place in self.page.snapshot["viewers"]}

    async def go(self, name: str) -> None:
        answer = await self.act("viewer", viewer_id=self.menu()[name])
        assert not answer["rejected"], answer
        assert self.page.snapshot["viewerId"] == self.menu()[name]

    async def run(self, command: str) -> dict[str, Any]:
        entry = next(one for one in self.page.command_catalog["entries"] if one["invocation"] == command)
        return await self.act(
            "run_command",
            command_id=entry["commandId"],
            path=entry["path"],
            schema_fingerprint=entry["schemaFingerprint"],
            options={},
        )

    def texts(self) -> list[str]:
        return [message["content"] for message in self.messages()]

    def messages(self) -> list[dict[str, Any]]:
        return list(self.page.snapshot["messages"].values())


@asynccontextmanager
async def visiting(newsroom: Newsroom) -> AsyncIterator[tuple[Visitor, stage.Stage]]:
    async with stage.simulated_discord(Telex(newsroom, WITHOUT_LOOPS, shard_count=1)) as env:
        scene = await stage.build(env)
        people = {scene.ada: "en-US", scene.camille: "fr"}
        async with env.preview(scene.news, viewers=tuple(people), layout="channel") as preview:
            let_visit(env, preview, Places(env, scene.guild, people))
            yield Visitor(env, preview), scene


async def test_the_hello_to_the_server_is_in_a_channel_of_its_own(newsroom: Newsroom) -> None:
    async with visiting(newsroom) as (visitor, scene):
        assert not scene.news.history()
        await visitor.go("Ada in #general")
        (hello,) = visitor.page.snapshot["messages"].values()
        assert "Hi, I’m Telex" in str(hello["components"])


async def test_words_and_commands_go_where_the_visitor_looks(newsroom: Newsroom) -> None:
    async with visiting(newsroom) as (visitor, scene):
        await visitor.go("Camille in direct messages")
        await visitor.act("send_message", content="Bonjour, que sait-on de Nordwave ?")
        assert "Rien à lire pour l’instant" in str(visitor.messages()[-1])
        assert not (await visitor.run("bookmarks"))["rejected"]
        assert "Vos favoris" in str(visitor.page.snapshot["messages"])
        await visitor.go("Ada in #tech-news")
        assert not visitor.texts()
        await visitor.act("send_message", content="Good morning")
        assert [message.content for message in scene.news.history()] == ["Good morning"]


async def test_a_post_of_a_forum_can_be_looked_at(newsroom: Newsroom) -> None:
    async with visiting(newsroom) as (visitor, scene):
        visitor.env.backend.create_thread(scene.news.id, "Reading group", scene.ada.id)
        await visitor.act("refresh")
        await visitor.go("Ada in #tech-news › Reading group")
        assert "Ada in #forum" not in visitor.menu()  # it has posts alone


async def test_a_direct_message_is_for_its_reader_alone(newsroom: Newsroom) -> None:
    async with visiting(newsroom) as (visitor, scene):
        ada, camille = scene.ada.id, scene.camille.id
        direct = visitor.menu()["Ada in direct messages"].partition(".")[2]
        answer = await visitor.act("viewer", viewer_id=f"{camille}.{direct}")
        assert answer["rejected"]
        assert visitor.page.snapshot["viewerId"] == f"{ada}.{scene.news.id}"


@pytest.mark.parametrize(("place", "locale"), [("Ada in #general", "en-US"), ("Camille in #general", "fr")])
async def test_times_are_written_as_the_person_writes_them(
    newsroom: Newsroom, place: str, locale: str
) -> None:
    async with visiting(newsroom) as (visitor, _scene):
        await visitor.go(place)
        assert visitor.page.snapshot["profile"]["locale"] == locale
