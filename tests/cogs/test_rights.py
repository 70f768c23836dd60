"""Permissions to manage feeds: Manage Server, command permissions and the manager role."""

from __future__ import annotations

import discord
import pytest
from discord import app_commands
from simcord import SetupError

from bot.core import setting_registry
from bot.core.preferences import FilterMode, FilterPlace, Preference
from tests.cogs.requesters import DIRECT
from tests.cogs.test_command_permissions import ALLOWED_PEOPLE, read_permissions_by_command
from tests.support.discord_world import World
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.interactions import get_last_reply, hide_channel, press_button, read_reply_text
from tests.support.scenario import follow_feed


async def test_manager_commands_have_no_default_permissions(telex):
    """Default permissions would hide commands from the role that manages feeds."""
    manager_commands = {
        name for name, permission in read_permissions_by_command().items() if permission == "Manage Server"
    }
    manager_commands |= {name.partition(" ")[0] for name in manager_commands if name.startswith("/")}
    for command in telex.bot.tree.get_commands():
        assert command.default_permissions is None
        is_for_managers = "managers" in command.extras
        shared_commands = {"/watch", "/digest", "Follow this source"}  # others may do something with these, too
        name = command.name if isinstance(command, discord.app_commands.ContextMenu) else f"/{command.name}"
        assert is_for_managers is (name in manager_commands - shared_commands), command.name


async def test_member_cannot_use_manager_commands(telex):
    answer = await telex.run_as_reader("feed list")
    assert "You need the Manage Server permission" in read_reply_text(answer)
    assert get_last_reply(answer).ephemeral


async def test_command_permission_allows_role(telex, feed, feed_server):
    role = telex.guild.create_role("Librarians")
    command = telex.env.backend.find_command("feed", telex.guild.id, type=1)
    telex.guild.set_command_permissions(int(command["id"]), {role: True})
    librarian = telex.guild.add_member(telex.env.create_user("librarian"), roles=[role])
    list_reply = await librarian.slash(telex.news, "feed list")
    assert "Example News" in read_reply_text(list_reply)
    other_url = feed_server.serve("/other", make_rss(make_rss_item(9), title="Other News"))
    form = await press_button(librarian, list_reply, "Add")
    preview = await librarian.submit_modal(form, {"line": other_url})
    assert "Now following" in read_reply_text(await press_button(librarian, preview, "Follow"))
    assert "You need the Manage Server permission" in read_reply_text(await telex.run_as_reader("feed list"))


async def test_command_permission_of_everyone_is_ignored(telex):
    """Discord's settings show @everyone as allowed by default, and may store that on any other change."""
    command = telex.env.backend.find_command("feed", telex.guild.id, type=1)
    telex.guild.set_command_permissions(int(command["id"]), {telex.guild.default_role: True})
    assert "You need the Manage Server permission" in read_reply_text(await telex.run_as_reader("feed list"))


async def test_command_permission_overrides_manager_role(telex, feed):
    role = telex.guild.create_role("Librarians")
    await telex.set_preference(Preference.MANAGER_ROLE, role.id)
    librarian = telex.guild.add_member(telex.env.create_user("librarian"), roles=[role])
    confirmation = await librarian.slash(telex.news, "feed remove", feed="1")
    command = telex.env.backend.find_command("feed", telex.guild.id, type=1)
    telex.guild.set_command_permissions(int(command["id"]), {librarian: False})
    telex.clock.advance(61)
    with pytest.raises(SetupError, match="not visible"):
        await librarian.slash(telex.news, "feed list")
    refusal = await press_button(librarian, confirmation, "Stop following")
    assert "You need the Manage Server permission" in read_reply_text(refusal)
    assert await telex.store.subscriptions.count(telex.guild.id) == 1


async def test_manager_role_applies_when_permission_fetch_times_out(telex, feed_server, monkeypatch):
    async def time_out(*_args: object) -> None:
        raise TimeoutError

    await follow_feed(telex, feed_server)
    role = telex.guild.create_role("Librarians")
    await telex.set_preference(Preference.MANAGER_ROLE, role.id)
    librarian = telex.guild.add_member(telex.env.create_user("librarian"), roles=[role])
    monkeypatch.setattr(app_commands.AppCommand, "fetch_permissions", time_out)
    assert "Example News" in read_reply_text(await librarian.slash(telex.news, "feed list"))
    assert "You need the Manage Server permission" in read_reply_text(await telex.run_as_reader("feed list"))


async def test_error_in_permission_check_is_reported(telex, monkeypatch):
    async def fail(*_args: object) -> None:
        raise KeyError("permissions")

    monkeypatch.setattr(app_commands.AppCommand, "fetch_permissions", fail)
    for command in ("feed list", "digest list"):
        answer = await telex.run_as_reader(command)
        assert "Something went wrong on my side" in read_reply_text(answer), command
    telex.ignore_past_errors()


async def test_changed_command_permissions_apply_at_once(telex, feed_server):
    command = telex.env.backend.find_command("feed", telex.guild.id, type=1)
    assert "You need the Manage Server permission" in read_reply_text(await telex.run_as_reader("feed list"))
    telex.guild.set_command_permissions(int(command["id"]), {telex.reader: True})
    permissions_update = {
        "id": command["id"],
        "application_id": str(telex.bot.application_id),
        "guild_id": str(telex.guild.id),
        "permissions": [],
    }
    telex.env.backend.emit("APPLICATION_COMMAND_PERMISSIONS_UPDATE", permissions_update)
    await telex.env.settle()
    assert "No feeds yet" in read_reply_text(await telex.run_as_reader("feed list"))


async def test_server_commands_are_not_offered_in_direct_messages(telex):
    available = telex.reader.user.available_commands()
    assert {f"/{name}" for name in available} == {
        name
        for name, permission in read_permissions_by_command().items()
        if DIRECT in ALLOWED_PEOPLE[permission] and name.startswith("/")
    } | {"/watch add"}  # a group is there or not as a whole; it says to run it in a server


async def test_only_reading_commands_are_user_installable(telex):
    user_installable_names = {
        name.removeprefix("/") for name, permission in read_permissions_by_command().items() if "anywhere" in permission
    }
    for command in telex.bot.tree.get_commands():
        payload = command.to_dict(telex.bot.tree)
        is_user_installable = command.name in user_installable_names
        assert payload["integration_types"] == ([0, 1] if is_user_installable else [0]), command.name
        assert (2 in payload["contexts"]) is is_user_installable, command.name


async def test_commands_have_descriptions_and_unique_names(telex):
    names: list[str] = []
    for command in telex.bot.tree.walk_commands():
        names.append(command.qualified_name)
        assert 0 < len(command.description) <= 100
        if isinstance(command, app_commands.Command):
            for option in command.parameters:
                assert option.description != "…", f"{command.qualified_name} {option.name}"
    assert len(names) == len(set(names))


async def test_refusal_names_manager_role(telex):
    role = telex.guild.create_role("Libr*rians")
    await telex.set_preference(Preference.MANAGER_ROLE, role.id)
    for command in ("feed list", "setup", "digest list", "settings server"):
        reply_text = read_reply_text(await telex.run_as_reader(command))
        assert reply_text == ("You need the Manage Server permission or the role **Libr\\*rians** for this."), command


@pytest.mark.parametrize(
    ("command", "options", "label"),
    [
        ("feed look", {}, "Hide the picture"),
        ("feed filter", {"never": "browser"}, "Save this filter"),
        ("feed filter", {}, "Remove 1"),
        ("settings channel", None, "Turn off"),
        ("settings schedule", None, "Turn everything off"),
        ("digest setup", None, "Start"),
    ],
)
async def test_panel_of_hidden_channel_changes_nothing(telex, feed_server, command, options, label):
    feed = await follow_feed(telex, feed_server)
    store = telex.store
    subscription = (await store.subscriptions.list_with_feeds(telex.guild.id))[0][0]
    if label == "Remove 1":
        await store.filters.add(FilterPlace(subscription.id), [(FilterMode.EXCLUDE, "chips")], user_id=1, limit=9)
    await telex.set_channel_setting(setting_registry.MIN_POST_INTERVAL, 60, telex.news)
    elsewhere = telex.guild.create_text_channel("elsewhere")
    await telex.env.settle()
    command_options = {"channel": telex.news} if options is None else {"feed": str(subscription.id), **options}
    panel = get_last_reply(await telex.editor.slash(elsewhere, command, **command_options))
    state_before = await load_channel_state(telex, feed.id)
    role = telex.guild.create_role("Helpers")
    await store.preferences.change(Preference.MANAGER_ROLE, role.id, server_id=telex.guild.id, user_id=1)
    telex.env.backend.edit_member(telex.guild.id, telex.editor.id, {"role_ids": [role.id]})
    hide_channel(telex, telex.news, telex.editor)
    await telex.env.settle()
    reply_text = read_reply_text(await telex.editor.click(panel, label=label))
    assert "a channel you can’t see" in reply_text or "isn’t followed there anymore" in reply_text
    assert await load_channel_state(telex, feed.id) == state_before


async def load_channel_state(world: World, feed_id: int) -> object:
    """Load the settings, digest and filters of the channel and the feed's subscriptions."""
    store = world.store
    pairs = await store.subscriptions.list_with_feeds(world.guild.id)
    return (
        [
            (subscription, await store.filters.list_by_place(FilterPlace(subscription.id)))
            for subscription, feed in pairs
            if feed.id == feed_id
        ],
        await store.preferences.get_by_channel(world.news.id),
        await store.digests.get_by_channel(world.news.id),
    )
