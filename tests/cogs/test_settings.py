"""/settings: settings of servers and channels, permissions to change them, and the history."""

from __future__ import annotations

import json
import re

from simcord.actors import MemberActor
from simcord.results import InteractionResult

from bot.core import setting_registry
from bot.core.preferences import Preference
from tests.cogs.test_bookmarks import read_attachment
from tests.support import store_probe
from tests.support.discord_world import World
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.interactions import (
    NEXT,
    find_accessory_id,
    find_menu,
    forge_click,
    get_button_custom_id,
    get_last_reply,
    hide_channel,
    list_button_labels,
    list_controls,
    list_selected_labels,
    press_button,
    press_icon_button,
    read_message_text,
    read_reply_text,
    select_option,
)
from tests.support.message_texts import list_components
from tests.support.scenario import follow_feed

CHANNEL_MENU_TYPE, ROLE_MENU_TYPE = 8, 6


async def open_settings(telex: World, name: str = "server", person: MemberActor | None = None) -> InteractionResult:
    return await (person or telex.editor).slash(telex.news, f"settings {name}")


def find_menu_id(panel: InteractionResult, component_type: int) -> str:
    return next(
        str(component["custom_id"])
        for component in list_controls(get_last_reply(panel))
        if component["type"] == component_type
    )


async def submit_time_zone(telex: World, text: str) -> InteractionResult:
    panel = await open_settings(telex)
    form = await press_button(telex.editor, panel, "Change…")
    return await telex.editor.submit_modal(form, {"line": text})


async def create_feed_manager(telex: World) -> MemberActor:
    """Create a member with a role that may manage feeds."""
    role = telex.guild.create_role("Librarians")
    await telex.set_preference(Preference.MANAGER_ROLE, role.id)
    return telex.guild.add_member(telex.env.create_user("librarian"), roles=[role])


async def test_panel_confirms_only_saved_changes(telex):
    panel = await open_settings(telex)
    assert "Saved" not in read_reply_text(panel)
    panel = await select_option(telex.editor, get_last_reply(panel), "French", "Post language")
    assert read_reply_text(panel).endswith("\n-# ✅ Saved")
    form = await press_button(telex.editor, panel, "Change…")
    await telex.editor.submit_modal(form, {"line": "nowhere at all"})  # which is refused
    assert "Saved" not in read_message_text(
        telex.env.backend.get_message(get_last_reply(panel).channel_id, get_last_reply(panel).id)
    )
    telex.locales[telex.editor.id] = "fr"
    panel = await open_settings(telex, "channel")
    panel = await select_option(telex.editor, get_last_reply(panel), "Anglais", "Langue")
    assert read_reply_text(panel).endswith("\n-# ✅ Enregistré")


async def test_panel_shows_defaults(telex):
    panel = await open_settings(telex)
    assert get_last_reply(panel).ephemeral
    panel_text = read_reply_text(panel)
    assert list_selected_labels(get_last_reply(panel), "Post language") == ["Automatic (English)"]
    assert "**Time zone**\n-# UTC (" in panel_text
    assert "in each feed’s own channel" in panel_text
    assert "**Post appearance**\n" in panel_text
    assert "**Who manages feeds**\n-# members with Manage Server" in panel_text


async def test_post_language_of_channel_overrides_server(telex, feed_server):
    feed = await follow_feed(telex, feed_server, make_rss_item(1))
    await select_option(telex.editor, get_last_reply(await open_settings(telex)), "French")
    feed_server.serve("/rss", _make_rss(make_rss_item(2), make_rss_item(1)))
    await telex.poll_and_deliver(feed)
    assert _list_first_button_labels(telex) == ["Save", "Ajouter aux favoris"]
    await select_option(telex.editor, get_last_reply(await open_settings(telex, "channel")), "English")
    feed_server.serve("/rss", _make_rss(make_rss_item(3), make_rss_item(2), make_rss_item(1)))
    await telex.poll_and_deliver(feed)
    assert _list_first_button_labels(telex) == ["Save", "Ajouter aux favoris", "Save"]
    channel_panel = await select_option(
        telex.editor, get_last_reply(await open_settings(telex, "channel")), "Same as the server"
    )
    assert list_selected_labels(get_last_reply(channel_panel), "Post language") == ["Same as the server"]
    assert (await telex.store.preferences.get_by_channel(telex.news.id))[setting_registry.LANGUAGE] is None


def _make_rss(*items: str) -> str:
    return make_rss(*items, title="Example News", language="en")


def _list_first_button_labels(telex: World) -> list[str]:
    """List the label of the first button of each post."""
    return [next(part["label"] for part in list_components(post) if part.get("label")) for post in telex.posts()]


async def test_city_is_accepted_as_time_zone(telex):
    panel_text = read_reply_text(await submit_time_zone(telex, " paris"))
    assert "**Time zone**\n-# Europe/Paris (" in panel_text
    assert (await telex.store.preferences.get_by_server(telex.guild.id)).time_zone == "Europe/Paris"


async def test_invalid_time_zone_is_refused_with_hint(telex):
    assert "daylight saving time" in read_reply_text(await submit_time_zone(telex, "UTC+2"))
    assert "`Europe/Paris`" in read_reply_text(await submit_time_zone(telex, "Pariss"))
    assert "big city" in read_reply_text(await submit_time_zone(telex, "Qwertzuiop"))
    assert (await telex.store.preferences.get_by_server(telex.guild.id)).time_zone == "UTC"


async def test_alert_channel_is_chosen_and_reset(telex):
    alerts = telex.guild.create_text_channel("alerts")
    panel = await open_settings(telex)
    reply = await telex.editor.select(get_last_reply(panel), [alerts], custom_id=find_menu_id(panel, CHANNEL_MENU_TYPE))
    assert "Alerts now go to" in read_reply_text(reply)
    assert (await telex.store.preferences.get_by_server(telex.guild.id)).alert_channel_id == alerts.id
    panel = await open_settings(telex)
    assert f"<#{alerts.id}>" in read_reply_text(panel)
    await telex.editor.select(get_last_reply(panel), [], custom_id=find_menu_id(panel, CHANNEL_MENU_TYPE))
    assert (await telex.store.preferences.get_by_server(telex.guild.id)).alert_channel_id is None


async def test_unpostable_alert_channel_is_refused(telex):
    closed_channel = telex.guild.create_text_channel("closed")
    await telex.set_permissions(closed_channel, send_messages=False)
    panel = await open_settings(telex)
    reply = await telex.editor.select(
        get_last_reply(panel), [closed_channel], custom_id=find_menu_id(panel, CHANNEL_MENU_TYPE)
    )
    assert "I can’t post" in read_reply_text(reply)
    assert (await telex.store.preferences.get_by_server(telex.guild.id)).alert_channel_id is None


async def test_chosen_role_manages_feeds(telex, feed):
    role = telex.guild.create_role("Librarians")
    librarian = telex.guild.add_member(telex.env.create_user("librarian"), roles=[role])
    assert "You need the Manage Server permission" in read_reply_text(await librarian.slash(telex.news, "feed list"))
    panel = await open_settings(telex)
    reply = await telex.editor.select(get_last_reply(panel), [role], custom_id=find_menu_id(panel, ROLE_MENU_TYPE))
    assert f"<@&{role.id}> and members with Manage Server" in read_reply_text(reply)
    assert "Example News" in read_reply_text(await librarian.slash(telex.news, "feed list"))
    topics = [option["label"] for option in find_menu(get_last_reply(await librarian.slash(telex.news, "help")))[1]]
    assert "Manage feeds" in topics
    confirmation = await librarian.slash(telex.news, "feed remove", feed="1")
    await telex.set_preference(Preference.MANAGER_ROLE, None)
    assert "You need the Manage Server permission" in read_reply_text(
        await press_button(librarian, confirmation, "Stop following")
    )
    assert await telex.store.subscriptions.count(telex.guild.id) == 1


async def test_everyone_is_refused_as_manager_role(telex):
    panel = await open_settings(telex)
    reply = await telex.editor.select(
        get_last_reply(panel), [telex.guild.default_role], custom_id=find_menu_id(panel, ROLE_MENU_TYPE)
    )
    assert "@everyone can’t manage feeds" in read_reply_text(reply)
    assert (await telex.store.preferences.get_by_server(telex.guild.id)).manager_role_id is None


async def test_manager_role_cannot_choose_manager_role(telex):
    librarian = await create_feed_manager(telex)
    other_role = telex.guild.create_role("Others")
    librarian_panel = await open_settings(telex, person=librarian)
    assert not [
        component for component in list_controls(get_last_reply(librarian_panel)) if component["type"] == ROLE_MENU_TYPE
    ]
    editor_panel = await open_settings(telex)
    answer = await forge_click(
        librarian,
        telex.news,
        get_last_reply(editor_panel),
        find_menu_id(editor_panel, ROLE_MENU_TYPE),
        values=[str(other_role.id)],
        component_type=ROLE_MENU_TYPE,
    )
    assert "for the person who asked" in read_reply_text(answer)
    reply = await telex.editor.select(
        get_last_reply(editor_panel), [other_role], custom_id=find_menu_id(editor_panel, ROLE_MENU_TYPE)
    )
    assert f"<@&{other_role.id}>" in read_reply_text(reply)


async def test_choosing_manager_role_requires_manage_server(telex):
    """They may still manage feeds by the role, but not choose another role."""
    await create_feed_manager(telex)
    (role,) = [server_role for server_role in telex.guild.roles.values() if server_role.name == "Librarians"]
    other_role = telex.guild.create_role("Others")
    panel = await open_settings(telex)
    backend = telex.env.backend
    backend.edit_member(telex.guild.id, telex.editor.id, {"role_ids": [role.id]})
    await telex.env.settle()
    answer = await telex.editor.select(
        get_last_reply(panel), [other_role], custom_id=find_menu_id(panel, ROLE_MENU_TYPE)
    )
    assert "You need the Manage Server permission" in read_reply_text(answer)
    assert (await telex.store.preferences.get_by_server(telex.guild.id)).manager_role_id == role.id


async def test_joining_of_stories_is_toggled_per_channel(telex):
    panel = await open_settings(telex, "channel")
    off_reply = await press_button(telex.editor, panel, "Turn off")
    assert "each article gets its own post" in read_reply_text(off_reply)
    assert not (await telex.store.preferences.get_by_channel(telex.news.id))[setting_registry.JOIN_STORIES]
    on_reply = await telex.editor.click(
        get_last_reply(off_reply), custom_id=get_button_custom_id(get_last_reply(off_reply), "Turn on")
    )
    assert list_button_labels(get_last_reply(on_reply))[0] == "Turn off"
    assert (await telex.store.preferences.get_by_channel(telex.news.id))[setting_registry.JOIN_STORIES]


async def test_history_lists_changes_newest_first(telex, feed):
    await submit_time_zone(telex, "Paris")
    await select_option(telex.editor, get_last_reply(await open_settings(telex, "channel")), "French")
    await telex.run_as_editor("feed pause", feed="1")
    await telex.run_as_editor("feed resume", feed="1")
    other_channel = telex.guild.create_text_channel("other")
    await telex.run_as_editor("feed move", feed="1", channel=other_channel)
    confirmation = await telex.run_as_editor("feed remove", feed="1")
    await press_button(telex.editor, confirmation, "Stop following")
    history_text = read_reply_text(await open_settings(telex, "history"))
    expected_lines = [
        "**Feed**: followed → not followed",
        f"**Feed’s channel**: <#{telex.news.id}> → <#{other_channel.id}>",
        "**Feed**: paused → followed",
        "**Feed**: followed → paused",
        "**Post language**: same as the server → French",
        "**Time zone**: UTC → Europe/Paris",
    ]
    assert [line for line in history_text.splitlines() if " → " in line] == expected_lines
    assert f"**{feed.title}** · <#{telex.news.id}> · <@{telex.editor.id}>" in history_text
    telex.locales[telex.editor.id] = "fr"
    assert "**Fuseau horaire**\u00a0: UTC → Europe/Paris" in read_reply_text(await open_settings(telex, "history"))


async def test_history_shows_unknown_setting_escaped(telex):
    await telex.store.servers.mark_joined(telex.guild.id)
    store_probe.insert_setting_change(
        telex.database, telex.guild.id, telex.editor.id, "of_a_later_version", "@everyone **x**"
    )
    history_text = read_reply_text(await open_settings(telex, "history"))
    assert "**of a later version**: none → " in history_text
    assert "**x**" not in history_text


async def test_history_has_pages_and_empty_state(telex):
    assert "No changes yet." in read_reply_text(await open_settings(telex, "history"))
    for number in range(9):
        zone = ("Europe/Paris", "UTC")[number % 2]
        await telex.set_preference(Preference.TIME_ZONE, zone)
    history_page = await open_settings(telex, "history")
    assert read_reply_text(history_page).count(" → ") == 8
    assert read_reply_text(await press_icon_button(telex.editor, get_last_reply(history_page), NEXT)).count(" → ") == 1


async def test_history_omits_hidden_channels(telex, feed_server):
    librarian = await create_feed_manager(telex)
    vault = telex.guild.create_text_channel("vault")
    feed = await telex.follow(feed_server.serve("/rss", _make_rss(make_rss_item(1))), vault)
    hide_channel(telex, vault, librarian)
    await telex.env.settle()
    await telex.run_as_editor("feed pause", feed=str(feed.id))
    assert "followed → paused" in read_reply_text(await open_settings(telex, "history"))
    assert "followed → paused" not in read_reply_text(await open_settings(telex, "history", librarian))


async def test_changes_of_user_are_exported_and_anonymized(telex):
    await submit_time_zone(telex, "Paris")
    privacy_reply = await telex.run_as_editor("privacy")
    assert "1 setting of a server that you changed" in read_reply_text(privacy_reply)
    export_reply = await press_button(telex.editor, privacy_reply, "Export")
    (change,) = json.loads(read_attachment(telex, export_reply))["settings"]
    assert (change["setting"], change["new"]) == ("time_zone", "Europe/Paris")
    confirmation = await press_button(telex.editor, privacy_reply, "Delete everything")
    await press_button(telex.editor, confirmation, "Delete permanently")
    history_text = read_reply_text(await open_settings(telex, "history"))
    assert "someone who deleted their data" in history_text
    assert "Europe/Paris" in history_text
    assert str(telex.editor.id) not in history_text


async def test_history_of_left_server_is_purged(telex):
    await submit_time_zone(telex, "Paris")
    await telex.store.servers.mark_left(telex.guild.id)
    telex.clock.advance(1)
    await telex.store.servers.purge(telex.clock.now())
    assert await telex.store.preferences.list_changes_by_user(telex.editor.id) == []
    assert await telex.store.preferences.list_changes(telex.guild.id, limit=10) == []


async def test_form_of_expired_panel_is_answered(telex):
    panel = await open_settings(telex)
    form = await press_button(telex.editor, panel, "Change…")
    await telex.restart()
    answer = await telex.editor.submit_modal(form, {"line": "Paris"})
    assert "expired" in read_reply_text(answer)


async def test_post_as_outlet_names_missing_permission(telex):
    await telex.set_permissions(telex.news, manage_webhooks=False)
    panel = await open_settings(telex, "channel")
    outlet_switch_id = find_accessory_id(get_last_reply(panel), "Post as the outlet")
    panel = await telex.editor.click(get_last_reply(panel), custom_id=outlet_switch_id)
    assert "on: posts show their outlet’s name and icon" in read_reply_text(panel)
    assert "Manage Webhooks" in read_reply_text(panel)
    await telex.set_permissions(telex.news, manage_webhooks=True)
    panel = await open_settings(telex, "channel")
    assert "Manage Webhooks" not in read_reply_text(panel)
    assert [webhook.name for webhook in telex.env.backend.webhooks.values()] == ["Telex"]
    assert "Post as the outlet" in read_reply_text(await open_settings(telex, "history"))


async def test_daily_thread_names_missing_permission(telex):
    await telex.set_permissions(telex.news, create_public_threads=False)
    panel = await telex.run_as_editor("settings channel")
    assert "off: posts go straight into the channel" in read_reply_text(panel)
    turn_on_ids = [
        str(component["custom_id"])
        for component in list_controls(get_last_reply(panel))
        if component.get("label") == "Turn on"
    ]
    panel = await telex.editor.click(get_last_reply(panel), custom_id=turn_on_ids[0])
    assert "on: each day has its own thread" in read_reply_text(panel)
    assert "Create Public Threads" in read_reply_text(panel)
    assert (await telex.store.preferences.get_by_channel(telex.news.id))[setting_registry.DAILY_THREAD]
    turn_off_ids = [
        str(toggle["custom_id"]) for toggle in list_controls(get_last_reply(panel)) if toggle.get("label") == "Turn off"
    ]
    panel = await telex.editor.click(get_last_reply(panel), custom_id=turn_off_ids[-1])
    assert not (await telex.store.preferences.get_by_channel(telex.news.id))[setting_registry.DAILY_THREAD]
    forum = telex.guild.create_forum_channel("forum")
    panel = await telex.run_as_editor("settings channel", channel=forum)
    assert "thread" not in read_reply_text(panel)


async def test_assistant_tokens_are_shown_once_and_revoked(telex):
    tokens = telex.store.assistant_tokens
    panel = get_last_reply(await telex.run_as_editor("settings assistants"))
    assert panel.ephemeral
    assert "No tokens yet." in read_message_text(panel)
    assert "ask whoever runs this bot" in read_message_text(panel)
    await tokens.set_public_url("https://telex.example/mcp")
    panel = get_last_reply(await telex.editor.click(panel, label="New token"))
    assert "Address: `https://telex.example/mcp`" in read_message_text(panel)
    (token,) = re.findall(r"^[\w-]{43}$", read_message_text(panel), re.MULTILINE)
    assert "never used" in read_message_text(panel)
    assert await tokens.find_server_id_by_token(token) == telex.guild.id
    for _ in range(9):
        panel = get_last_reply(await telex.editor.click(panel, label="New token"))
    assert token not in read_message_text(panel)
    assert "last used" in read_message_text(panel)
    custom_id, options = find_menu(panel, "Revoke")
    assert len(options) == 10
    assert next(component for component in list_controls(panel) if component.get("label") == "New token")["disabled"]
    names = [option["value"] for option in options]
    panel = get_last_reply(await telex.editor.select(panel, names[1:], custom_id=custom_id))
    remaining_hashes = [stored_token.hash_hex for stored_token in await tokens.list_by_server(telex.guild.id)]
    assert remaining_hashes == names[:1]
    history = read_reply_text(await telex.run_as_editor("settings history"))
    assert re.search(r"\*\*Token for AI assistants\*\*: [0-9a-f]{8} → none", history)
    assert token not in "".join(remaining_hashes)
