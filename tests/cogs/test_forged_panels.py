"""Clicks on open panels that no client would send: by others, from elsewhere, without rights, any value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from simcord.actors import MemberActor
from simcord.results import ResponseMessage

from bot.core.preferences import DigestPlan, FilterMode
from tests.cogs.helpers import components, forge, hide, last, said
from tests.cogs.people import Crowd, crowd
from tests.discord_world import World
from tests.posting.test_forums import forum_with_tags, rule
from tests.store import sql

ABSURD = ("", "0", "-", "9" * 19, "٣", "x", "\x00", "'--", "🔖" * 30)
STRINGS, ROLES, CHANNELS = 3, 6, 8
MENUS = {STRINGS, ROLES, CHANNELS}
PANELS = (
    "setup",
    "settings server",
    "settings channel",
    "settings channel of a forum",
    "tags",
    "settings look",
    "settings schedule",
    "settings stories",
    "digest setup",
    "digest list",
    "feed look",
    "feed filter",
    "a new filter",
)
_STATE = (
    "SELECT channel_id, feed_id, paused, look FROM subscription",
    "SELECT * FROM filter",
    "SELECT channel_id, weekday, minute, alone, wide, chart FROM digest",
    "SELECT id, locale, alerts, language, time_zone, manager_role, look FROM server",
    "SELECT id, language, join_stories, daily_thread, quiet_hours, most_an_hour, gap FROM channel",
    "SELECT id, least_outlets, best_a_day FROM channel",
    "SELECT * FROM forum_tag",
    "SELECT count(*) FROM setting_change",
)


class Panels:
    """Every panel of the manager's, each opened when it is asked for."""

    def __init__(self, world: World, people: Crowd, forum: Any) -> None:
        self.world, self.people, self._forum = world, people, forum

    async def open(self, name: str) -> ResponseMessage:
        """A panel of this name, fresh."""
        world, ask = self.world, self.world.editor
        feed = {"feed": "1"}
        self.world.clock.advance(60)
        match name:
            case "settings channel of a forum":
                shown = await ask.slash(world.news, "settings channel", channel=self._forum)
            case "tags":
                shown = await ask.slash(world.news, "settings channel", channel=self._forum)
                shown = await ask.click(last(shown), label="Choose…")
            case "feed look" | "feed filter":
                shown = await ask.slash(world.news, name, **feed)
            case "a new filter":
                shown = await ask.slash(world.news, "feed filter", **feed, never="robots")
            case _:
                shown = await ask.slash(world.news, name)
        assert items(last(shown)), said(shown)
        return last(shown)

    async def state(self) -> str:
        """All that panels change."""
        rows = [sql.run(self.world.database, statement) for statement in _STATE]
        return json.dumps([[tuple(row) for row in found] for found in rows])


def items(message: ResponseMessage) -> list[dict[str, Any]]:
    """Its buttons and menus that do something in the bot."""
    return [one for one in components(message) if one.get("custom_id", "").startswith("telex:view:")]


@pytest.fixture
async def panels(telex, feed_server) -> Panels:
    people = await crowd(telex, feed_server)
    forum = await forum_with_tags(telex)
    await rule(telex, forum, "AI", "robots")
    await telex.store.filters.add(1, [(FilterMode.EXCLUDE, "horoscope")], person_id=telex.editor.id, limit=9)
    await telex.store.digests.save(
        DigestPlan(weekday=None, minute=0),
        server_id=telex.guild.id,
        channel_id=telex.news.id,
        person_id=telex.editor.id,
        limit=9,
    )
    return Panels(telex, people, forum)


async def press(
    panels: Panels, actor: MemberActor, message: ResponseMessage, one: dict[str, Any], values: list[str]
) -> str:
    """What a click on an item is answered with."""
    panels.world.clock.advance(60)
    channel = panels.world.news if actor.guild.id == panels.world.guild.id else panels.people.abroad
    kind = one["type"]
    given = values if kind in MENUS else None
    answer = await forge(actor, channel, message, one["custom_id"], values=given, kind=kind)
    told = said(answer) if answer.followups or answer.response is not None else ""
    assert "Something went wrong" not in told, (one, values, told)
    return told


def first_value(one: dict[str, Any]) -> list[str]:
    return [one["options"][0]["value"]] if one["type"] == STRINGS else []


async def test_nobody_else_and_nobody_from_another_server_works_a_panel(panels):
    """Not another manager either, and not who opened it once they are elsewhere."""
    world = panels.world
    abroad = panels.people.abroad.guild.add_member(world.editor.user)
    other = world.guild.add_member(world.env.create_user("other"), roles=[world.guild.roles["Editors"]])
    await world.env.settle()
    before = await panels.state()
    for name in PANELS:
        shown = await panels.open(name)
        for actor in (world.reader, other, abroad):
            for one in items(shown):
                told = await press(panels, actor, shown, one, first_value(one))
                assert "for the person who asked" in told, (name, one, told)
    assert await panels.state() == before


async def test_a_panel_does_nothing_for_who_lost_the_right_since(panels):
    world = panels.world
    opened = [await panels.open(name) for name in PANELS]
    before = await panels.state()
    world.env.backend.edit_role(world.guild.id, world.guild.roles["Editors"].id, {"permissions": 0})
    await world.env.settle()
    for shown in opened:
        for one in items(shown):
            told = await press(panels, world.editor, shown, one, first_value(one))
            assert "You need the Manage Server permission" in told, (one, told)
    assert await panels.state() == before


async def test_values_that_no_menu_offers_change_nothing(panels):
    for name in PANELS:
        shown = await panels.open(name)
        before = await panels.state()
        for one in items(shown):
            least = one.get("min_values", 1)
            wrong: list[list[str]] = [[]] if least and one["type"] in MENUS else []
            if one["type"] == STRINGS:
                offered = [option["value"] for option in one["options"]]
                wrong += [[value] for value in ABSURD if value not in offered] + [[*offered, "x"]]
            for values in wrong:
                told = await press(panels, panels.world.editor, shown, one, values)
                assert "expired" in told, (name, one, values, told)
        assert await panels.state() == before


async def test_a_channel_that_the_chooser_may_not_see_is_not_chosen(panels):
    """Whatever their client says that it offered: a hidden channel, another server's, none at all."""
    people = panels.people
    hide(panels.world, people.vault, panels.world.editor)
    await panels.world.env.settle()
    for name in ("setup", "settings server"):
        shown = await panels.open(name)
        (menu,) = [one for one in items(shown) if one["type"] == CHANNELS]
        before = await panels.state()
        for channel_id in (people.vault.id, people.abroad.id, 10**18):
            panels.world.clock.advance(60)
            await forge(
                panels.world.editor,
                panels.world.news,
                shown,
                menu["custom_id"],
                values=[str(channel_id)],
                kind=CHANNELS,
                resolved={"channels": {str(channel_id): _offered(channel_id)}},
            )
            now = panels.world.env.backend.get_message(shown.channel_id, shown.id)
            assert str(channel_id) not in json.dumps([now.content, now.embeds, now.components], default=str)
        assert await panels.state() == before


def _offered(channel_id: int) -> dict[str, Any]:
    """A channel as Discord describes it where one is chosen."""
    return {
        "id": str(channel_id),
        "name": "any",
        "type": 0,
        "permissions": "0",
        "position": 0,
        "parent_id": None,
        "topic": None,
        "last_message_id": None,
        "nsfw": False,
        "flags": 0,
    }
