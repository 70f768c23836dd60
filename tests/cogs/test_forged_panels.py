"""Forged clicks on open panels: by other users, from other servers, without permission, with invalid values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from simcord.actors import MemberActor
from simcord.builders import RoleHandle
from simcord.results import ResponseMessage

from bot.core.preferences import DigestPlan, FilterMode, FilterPlace, MentionRule
from tests.cogs.requesters import Requesters, create_requesters
from tests.posting.test_forums import add_tag_rule, create_forum_with_tags
from tests.support import store_probe
from tests.support.discord_world import World
from tests.support.interactions import (
    find_accessory_id,
    forge_click,
    get_last_reply,
    hide_channel,
    list_controls,
    read_reply_text,
)

INVALID_VALUES = ("", "0", "-", "9" * 19, "٣", "x", "\x00", "'--", "🔖" * 30)
STRINGS, ROLES, CHANNELS = 3, 6, 8
MENUS = {STRINGS, ROLES, CHANNELS}
PANELS = (
    "setup",
    "settings server",
    "settings channel",
    "settings channel of a forum",
    "tags",
    "settings mentions",
    "settings profile",
    "a new mention rule",
    "settings look",
    "settings schedule",
    "settings stories",
    "settings copy",
    "digest setup",
    "digest list",
    "feed report",
    "feed look",
    "feed filter",
    "a new filter",
)
_TABLES = ("subscription", "filter", "digest", "server", "channel", "forum_tag", "mention_rule", "setting_change")


class Panels:
    """Opens the panels of managers by name."""

    def __init__(self, world: World, people: Requesters, forum: Any, role: RoleHandle) -> None:
        self.world, self.people, self._forum, self._role = world, people, forum, role

    async def open(self, name: str) -> ResponseMessage:
        """Open the panel with this name anew."""
        world, editor = self.world, self.world.editor
        feed = {"feed": "1"}
        self.world.clock.advance(60)
        match name:
            case "settings channel of a forum":
                reply = await editor.slash(world.news, "settings channel", channel=self._forum)
            case "tags":
                reply = await editor.slash(world.news, "settings channel", channel=self._forum)
                tag_button_id = find_accessory_id(get_last_reply(reply), "Post tags")
                reply = await editor.click(get_last_reply(reply), custom_id=tag_button_id)
            case "feed look" | "feed filter":
                reply = await editor.slash(world.news, name, **feed)
            case "a new filter":
                reply = await editor.slash(world.news, "feed filter", **feed, never="robots")
            case "a new mention rule":
                options = {"role": self._role, "topic": "robots"}
                reply = await editor.slash(world.news, "settings mentions", **options)
            case _:
                reply = await editor.slash(world.news, name)
        assert list_view_components(get_last_reply(reply)), read_reply_text(reply)
        return get_last_reply(reply)

    async def load_state(self) -> str:
        """Return all rows that panels can change, without times of use."""
        rows = [row for table in _TABLES for row in store_probe.load_rows(self.world.database, table)]
        return str([row | {"last_used_at": None} for row in rows])


def list_view_components(message: ResponseMessage) -> list[dict[str, Any]]:
    """List the buttons and menus of a message that belong to a view."""
    return [
        component for component in list_controls(message) if component.get("custom_id", "").startswith("telex:view:")
    ]


@pytest.fixture
async def panels(telex, feed_server) -> Panels:
    people = await create_requesters(telex, feed_server)
    forum = await create_forum_with_tags(telex)
    await add_tag_rule(telex, forum, "AI", "robots")
    await telex.store.filters.add(FilterPlace(1), [(FilterMode.EXCLUDE, "horoscope")], user_id=telex.editor.id, limit=9)
    await telex.store.digests.save(
        DigestPlan(weekday=None, minute=0),
        server_id=telex.guild.id,
        channel_id=telex.news.id,
        user_id=telex.editor.id,
        limit=9,
    )
    role = telex.guild.create_role("AI", mentionable=True)
    place = {"server_id": telex.guild.id, "channel_id": telex.news.id, "user_id": telex.editor.id}
    await telex.store.mention_rules.save(MentionRule(role.id, "telescopes", 5), **place, limit=1)
    return Panels(telex, people, forum, role)


async def click_component(
    panels: Panels,
    actor: MemberActor,
    message: ResponseMessage,
    component: dict[str, Any],
    selected_values: list[str],
) -> str:
    """Click a component and return the text of the reply."""
    panels.world.clock.advance(60)
    channel = panels.world.news if actor.guild.id == panels.world.guild.id else panels.people.abroad
    kind = component["type"]
    sent_values = selected_values if kind in MENUS else None
    answer = await forge_click(actor, channel, message, component["custom_id"], values=sent_values, component_type=kind)
    reply_text = read_reply_text(answer) if answer.followups or answer.response is not None else ""
    assert "Something went wrong" not in reply_text, (component, selected_values, reply_text)
    return reply_text


def get_first_option_values(component: dict[str, Any]) -> list[str]:
    return [component["options"][0]["value"]] if component["type"] == STRINGS else []


async def test_panel_refuses_other_users_and_other_servers(panels):
    """Neither another manager nor the panel's owner from another server can use it."""
    world = panels.world
    abroad = panels.people.abroad.guild.add_member(world.editor.user)
    other_manager = world.guild.add_member(world.env.create_user("other"), roles=[world.guild.roles["Editors"]])
    await world.env.settle()
    await panels.open("feed report")  # The first report of a day counts the reactions up to midnight.
    state_before = await panels.load_state()
    for name in PANELS:
        panel = await panels.open(name)
        for actor in (world.reader, other_manager, abroad):
            # What holds for one person and all components holds for the next one.
            for component in list_view_components(panel)[: None if actor is world.reader else 1]:
                reply_text = await click_component(panels, actor, panel, component, get_first_option_values(component))
                assert "for the person who asked" in reply_text, (name, component, reply_text)
    assert await panels.load_state() == state_before


async def test_panel_refuses_user_who_lost_permission(panels):
    world = panels.world
    open_panels = [await panels.open(name) for name in PANELS]
    state_before = await panels.load_state()
    world.env.backend.edit_role(world.guild.id, world.guild.roles["Editors"].id, {"permissions": 0})
    await world.env.settle()
    for panel in open_panels:
        for component in list_view_components(panel):
            reply_text = await click_component(
                panels, world.editor, panel, component, get_first_option_values(component)
            )
            assert "You need the Manage Server permission" in reply_text, (component, reply_text)
    assert await panels.load_state() == state_before


async def test_values_not_offered_are_refused(panels):
    for name in PANELS:
        panel = await panels.open(name)
        state_before = await panels.load_state()
        for component in list_view_components(panel):
            min_values = component.get("min_values", 1)
            invalid_selections: list[list[str]] = [[]] if min_values and component["type"] in MENUS else []
            if component["type"] == STRINGS:
                option_values = [option["value"] for option in component["options"]]
                invalid_selections += [
                    [invalid_value] for invalid_value in INVALID_VALUES if invalid_value not in option_values
                ] + [[*option_values, "x"]]
            for selected_values in invalid_selections:
                reply_text = await click_component(panels, panels.world.editor, panel, component, selected_values)
                assert "expired" in reply_text, (name, component, selected_values, reply_text)
        assert await panels.load_state() == state_before


async def test_channel_menu_refuses_invisible_channel(panels):
    """The channel is hidden, of another server, or unknown."""
    people = panels.people
    hide_channel(panels.world, people.vault, panels.world.editor)
    await panels.world.env.settle()
    for name in ("setup", "settings server", "settings copy"):
        panel = await panels.open(name)
        *_other_menus, menu = [component for component in list_view_components(panel) if component["type"] == CHANNELS]
        state_before = await panels.load_state()
        for channel_id in (people.vault.id, people.abroad.id, 10**18):
            panels.world.clock.advance(60)
            await forge_click(
                panels.world.editor,
                panels.world.news,
                panel,
                menu["custom_id"],
                values=[str(channel_id)],
                component_type=CHANNELS,
                resolved={"channels": {str(channel_id): _build_channel_payload(channel_id)}},
            )
            panel_now = panels.world.env.backend.get_message(panel.channel_id, panel.id)
            assert str(channel_id) not in json.dumps(
                [panel_now.content, panel_now.embeds, panel_now.components], default=str
            )
        assert await panels.load_state() == state_before


def _build_channel_payload(channel_id: int) -> dict[str, Any]:
    """Build the channel that Discord sends with a choice in a channel menu."""
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
