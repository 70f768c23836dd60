"""/settings: what a server and its channels chose, who may choose it, and who did."""

from __future__ import annotations

import json
import re

from simcord.actors import MemberActor
from simcord.results import InteractionResult

from bot.core.preferences import Preference
from tests.cogs.helpers import (
    NEXT,
    button,
    choose,
    components,
    follow,
    forge,
    hide,
    labels,
    last,
    menu,
    press,
    said,
    selected,
    text,
)
from tests.cogs.test_bookmarks import content
from tests.discord_world import World
from tests.feed_server import item, rss
from tests.shown import parts
from tests.store import sql

CHANNELS, ROLES = 8, 6  # kinds of menus


async def panel(telex: World, name: str = "server", person: MemberActor | None = None) -> InteractionResult:
    return await (person or telex.editor).slash(telex.news, f"settings {name}")


def picker(shown: InteractionResult, kind: int) -> str:
    return next(str(one["custom_id"]) for one in components(last(shown)) if one["type"] == kind)


async def name_zone(telex: World, text: str) -> InteractionResult:
    shown = await panel(telex)
    asked = await telex.editor.click(last(shown), label="Change…")
    return await telex.editor.submit_modal(asked, {"line": text})


async def appoint(telex: World) -> MemberActor:
    """A member with a role that may manage feeds."""
    role = telex.guild.create_role("Librarians")
    await telex.prefer(Preference.MANAGER_ROLE, role.id)
    return telex.guild.add_member(telex.env.create_user("librarian"), roles=[role])


async def test_a_panel_says_saved_once_and_only_when_it_saved(telex):
    shown = await panel(telex)
    assert "Saved" not in said(shown)
    shown = await choose(telex.editor, last(shown), "French", "Post language")
    assert said(shown).endswith("\n-# ✅ Saved")
    form = await telex.editor.click(last(shown), label="Change…")
    await telex.editor.submit_modal(form, {"line": "nowhere at all"})  # which is refused
    assert "Saved" not in text(telex.env.backend.get_message(last(shown).channel_id, last(shown).id))
    telex.locales[telex.editor.id] = "fr"
    shown = await panel(telex, "channel")
    shown = await choose(telex.editor, last(shown), "Anglais", "Langue")
    assert said(shown).endswith("\n-# ✅ Enregistré")


async def test_a_panel_tells_what_holds_where_nobody_chose_anything(telex):
    shown = await panel(telex)
    assert last(shown).ephemeral
    told = said(shown)
    assert selected(last(shown), "Post language") == ["Automatic (English)"]
    assert "**Time zone**\n-# UTC (" in told
    assert "in each feed’s own channel" in told
    assert "**Post appearance**\n" in told
    assert "**Who manages feeds**\n-# members with Manage Server" in told


async def test_posts_speak_the_language_chosen_for_the_server_and_then_for_the_channel(telex, feed_server):
    feed = await follow(telex, feed_server, item(1))
    await choose(telex.editor, last(await panel(telex)), "French")
    feed_server.serve("/rss", _rss(item(2), item(1)))
    await telex.poll_and_deliver(feed)
    assert _labels(telex) == ["Save", "Ajouter aux favoris"]
    await choose(telex.editor, last(await panel(telex, "channel")), "English")
    feed_server.serve("/rss", _rss(item(3), item(2), item(1)))
    await telex.poll_and_deliver(feed)
    assert _labels(telex) == ["Save", "Ajouter aux favoris", "Save"]
    back = await choose(telex.editor, last(await panel(telex, "channel")), "Same as the server")
    assert selected(last(back), "Post language") == ["Same as the server"]
    assert (await telex.store.preferences.of_channel(telex.news.id)).language is None


def _rss(*items: str) -> str:
    return rss(*items, title="Example News", language="en")


def _labels(telex: World) -> list[str]:
    """Of the first button of each post."""
    return [next(one["label"] for one in parts(post) if one.get("label")) for post in telex.posts()]


async def test_a_time_zone_is_taken_as_a_city_and_shown_with_its_time(telex):
    told = said(await name_zone(telex, " paris"))
    assert "**Time zone**\n-# Europe/Paris (" in told
    assert (await telex.store.preferences.of_server(telex.guild.id)).time_zone == "Europe/Paris"


async def test_what_is_no_time_zone_is_refused_with_a_hint(telex):
    assert "daylight saving time" in said(await name_zone(telex, "UTC+2"))
    assert "`Europe/Paris`" in said(await name_zone(telex, "Pariss"))
    assert "big city" in said(await name_zone(telex, "Qwertzuiop"))
    assert (await telex.store.preferences.of_server(telex.guild.id)).time_zone == "UTC"


async def test_alerts_go_to_the_channel_that_is_picked_and_back(telex):
    alerts = telex.guild.create_text_channel("alerts")
    shown = await panel(telex)
    told = await telex.editor.select(last(shown), [alerts], custom_id=picker(shown, CHANNELS))
    assert "Alerts now go to" in said(told)
    assert (await telex.store.preferences.of_server(telex.guild.id)).alerts == alerts.id
    shown = await panel(telex)
    assert f"<#{alerts.id}>" in said(shown)
    await telex.editor.select(last(shown), [], custom_id=picker(shown, CHANNELS))
    assert (await telex.store.preferences.of_server(telex.guild.id)).alerts is None


async def test_alerts_do_not_go_where_the_bot_may_not_write(telex):
    closed = telex.guild.create_text_channel("closed")
    await telex.set_permissions(closed, send_messages=False)
    shown = await panel(telex)
    told = await telex.editor.select(last(shown), [closed], custom_id=picker(shown, CHANNELS))
    assert "I can’t post" in said(told)
    assert (await telex.store.preferences.of_server(telex.guild.id)).alerts is None


async def test_a_role_that_was_chosen_manages_feeds(telex, feed_server):
    await follow(telex, feed_server)
    role = telex.guild.create_role("Librarians")
    librarian = telex.guild.add_member(telex.env.create_user("librarian"), roles=[role])
    assert "You need the Manage Server permission" in said(await librarian.slash(telex.news, "feed list"))
    shown = await panel(telex)
    told = await telex.editor.select(last(shown), [role], custom_id=picker(shown, ROLES))
    assert f"<@&{role.id}> and members with Manage Server" in said(told)
    assert "Example News" in said(await librarian.slash(telex.news, "feed list"))
    topics = [one["label"] for one in menu(last(await librarian.slash(telex.news, "help")))[1]]
    assert "Manage feeds" in topics
    asked = await librarian.slash(telex.news, "feed remove", feed="1")
    await telex.prefer(Preference.MANAGER_ROLE, None)
    assert "You need the Manage Server permission" in said(
        await librarian.click(last(asked), label="Stop following")
    )
    assert await telex.store.subscriptions.count(telex.guild.id) == 1


async def test_everyone_is_no_role_that_manages_feeds(telex):
    shown = await panel(telex)
    told = await telex.editor.select(last(shown), [telex.guild.default_role], custom_id=picker(shown, ROLES))
    assert "@everyone can’t manage feeds" in said(told)
    assert (await telex.store.preferences.of_server(telex.guild.id)).manager_role is None


async def test_a_role_cannot_say_which_role_manages_feeds(telex):
    librarian = await appoint(telex)
    other = telex.guild.create_role("Others")
    shown = await panel(telex, person=librarian)
    assert not [one for one in components(last(shown)) if one["type"] == ROLES]
    theirs = await panel(telex)
    answer = await forge(
        librarian, telex.news, last(theirs), picker(theirs, ROLES), values=[str(other.id)], kind=ROLES
    )
    assert "for the person who asked" in said(answer)
    told = await telex.editor.select(last(theirs), [other], custom_id=picker(theirs, ROLES))
    assert f"<@&{other.id}>" in said(told)


async def test_who_loses_manage_server_chooses_no_role_in_an_open_panel(telex):
    """They still manage feeds by the role; they may not hand it to another one."""
    await appoint(telex)
    (role,) = [one for one in telex.guild.roles.values() if one.name == "Librarians"]
    other = telex.guild.create_role("Others")
    shown = await panel(telex)
    backend = telex.env.backend
    backend.edit_member(telex.guild.id, telex.editor.id, {"role_ids": [role.id]})
    await telex.env.settle()
    answer = await telex.editor.select(last(shown), [other], custom_id=picker(shown, ROLES))
    assert "You need the Manage Server permission" in said(answer)
    assert (await telex.store.preferences.of_server(telex.guild.id)).manager_role == role.id


async def test_one_post_a_story_is_switched_by_channel(telex):
    shown = await panel(telex, "channel")
    off = await telex.editor.click(last(shown), label="Turn off")
    assert "each article gets its own post" in said(off)
    assert not (await telex.store.preferences.of_channel(telex.news.id)).join_stories
    on = await telex.editor.click(last(off), custom_id=button(last(off), "Turn on"))
    assert labels(last(on))[0] == "Turn off"
    assert (await telex.store.preferences.of_channel(telex.news.id)).join_stories


async def test_the_history_tells_each_change_in_words_newest_first(telex, feed_server):
    feed = await follow(telex, feed_server)
    await name_zone(telex, "Paris")
    await choose(telex.editor, last(await panel(telex, "channel")), "French")
    await telex.editor.slash(telex.news, "feed pause", feed="1")
    await telex.editor.slash(telex.news, "feed resume", feed="1")
    other = telex.guild.create_text_channel("other")
    await telex.editor.slash(telex.news, "feed move", feed="1", channel=other)
    asked = await telex.editor.slash(telex.news, "feed remove", feed="1")
    await telex.editor.click(last(asked), label="Stop following")
    told = said(await panel(telex, "history"))
    wanted = [
        "**Feed**: followed → not followed",
        f"**Feed’s channel**: <#{telex.news.id}> → <#{other.id}>",
        "**Feed**: paused → followed",
        "**Feed**: followed → paused",
        "**Post language**: same as the server → French",
        "**Time zone**: UTC → Europe/Paris",
    ]
    assert [line for line in told.splitlines() if " → " in line] == wanted
    assert f"**{feed.title}** · <#{telex.news.id}> · <@{telex.editor.id}>" in told
    telex.locales[telex.editor.id] = "fr"
    assert "**Fuseau horaire**\u00a0: UTC → Europe/Paris" in said(await panel(telex, "history"))


async def test_a_change_of_a_feature_that_is_not_known_here_is_told_plainly(telex):
    await telex.store.servers.mark_joined(telex.guild.id)
    values = (telex.guild.id, telex.editor.id, "of_a_later_version", "@everyone **x**")
    sql.run(
        telex.database,
        "INSERT INTO setting_change (server_id, changed, person_id, setting, new) VALUES (?, 5, ?, ?, ?)",
        values,
    )
    told = said(await panel(telex, "history"))
    assert "**of a later version**: none → " in told
    assert "**x**" not in told


async def test_the_history_has_pages_and_says_when_it_is_empty(telex):
    assert "No changes yet." in said(await panel(telex, "history"))
    for number in range(9):
        zone = ("Europe/Paris", "UTC")[number % 2]
        await telex.prefer(Preference.TIME_ZONE, zone)
    shown = await panel(telex, "history")
    assert said(shown).count(" → ") == 8
    assert said(await press(telex.editor, last(shown), NEXT)).count(" → ") == 1


async def test_the_history_hides_what_was_changed_in_channels_that_the_asker_does_not_see(telex, feed_server):
    librarian = await appoint(telex)
    vault = telex.guild.create_text_channel("vault")
    feed = await telex.follow(feed_server.serve("/rss", _rss(item(1))), vault)
    hide(telex, vault, librarian)
    await telex.env.settle()
    await telex.editor.slash(telex.news, "feed pause", feed=str(feed.id))
    assert "followed → paused" in said(await panel(telex, "history"))
    assert "followed → paused" not in said(await panel(telex, "history", librarian))


async def test_what_a_person_changed_is_theirs_to_have_and_to_have_forgotten(telex):
    await name_zone(telex, "Paris")
    shown = await telex.editor.slash(telex.news, "privacy")
    assert "1 setting of a server that you changed" in said(shown)
    exported = await telex.editor.click(last(shown), label="Export")
    (change,) = json.loads(content(telex, exported))["settings"]
    assert (change["setting"], change["new"]) == ("time_zone", "Europe/Paris")
    sure = await telex.editor.click(last(shown), label="Delete everything")
    await telex.editor.click(last(sure), label="Delete permanently")
    told = said(await panel(telex, "history"))
    assert "someone who deleted their data" in told
    assert "Europe/Paris" in told
    assert str(telex.editor.id) not in told


async def test_what_belongs_to_a_server_left_long_ago_is_deleted_with_its_history(telex):
    await name_zone(telex, "Paris")
    await telex.store.servers.mark_left(telex.guild.id)
    telex.clock.advance(1)
    await telex.store.servers.purge(telex.clock.now())
    assert await telex.store.preferences.changes_of(telex.editor.id) == []
    assert await telex.store.preferences.changes(telex.guild.id, limit=10) == []


async def test_a_window_that_outlived_its_view_is_answered(telex):
    shown = await panel(telex)
    asked = await telex.editor.click(last(shown), label="Change…")
    await telex.restart()
    answer = await telex.editor.submit_modal(asked, {"line": "Paris"})
    assert "expired" in said(answer)


async def test_posts_may_appear_as_the_outlet_and_what_is_in_the_way_is_named(telex):
    await telex.set_permissions(telex.news, manage_webhooks=False)
    shown = await panel(telex, "channel")
    on = [str(one["custom_id"]) for one in components(last(shown)) if one.get("label") == "Turn on"]
    shown = await telex.editor.click(last(shown), custom_id=on[-1])
    assert "on: posts show their outlet’s name and icon" in said(shown)
    assert "Manage Webhooks" in said(shown)
    await telex.set_permissions(telex.news, manage_webhooks=True)
    shown = await panel(telex, "channel")
    assert "Manage Webhooks" not in said(shown)
    assert [one.name for one in telex.env.backend.webhooks.values()] == ["Telex"]
    assert "Post as the outlet" in said(await panel(telex, "history"))


async def test_a_channel_may_have_its_posts_in_a_thread_a_day_and_lacks_are_named(telex):
    await telex.set_permissions(telex.news, create_public_threads=False)
    shown = await telex.editor.slash(telex.news, "settings channel")
    assert "off: posts go straight into the channel" in said(shown)
    on = [str(one["custom_id"]) for one in components(last(shown)) if one.get("label") == "Turn on"]
    shown = await telex.editor.click(last(shown), custom_id=on[0])
    assert "on: each day has its own thread" in said(shown)
    assert "Create Public Threads" in said(shown)
    assert (await telex.store.preferences.of_channel(telex.news.id)).daily_thread
    off = [str(one["custom_id"]) for one in components(last(shown)) if one.get("label") == "Turn off"]
    shown = await telex.editor.click(last(shown), custom_id=off[-1])
    assert not (await telex.store.preferences.of_channel(telex.news.id)).daily_thread
    forum = telex.guild.create_forum_channel("forum")
    shown = await telex.editor.slash(telex.news, "settings channel", channel=forum)
    assert "thread" not in said(shown)


async def test_tokens_for_assistants_are_shown_once_and_revoked(telex):
    tokens = telex.store.assistant_tokens
    panel = last(await telex.editor.slash(telex.news, "settings assistants"))
    assert panel.ephemeral
    assert "No tokens yet." in text(panel)
    assert "ask whoever runs this bot" in text(panel)
    await tokens.set_public_address("https://telex.example/mcp")
    panel = last(await telex.editor.click(panel, label="New token"))
    assert "Address: `https://telex.example/mcp`" in text(panel)
    (token,) = re.findall(r"^[\w-]{43}$", text(panel), re.MULTILINE)
    assert "never used" in text(panel)
    assert await tokens.server_for_token(token) == telex.guild.id
    for _ in range(9):
        panel = last(await telex.editor.click(panel, label="New token"))
    assert token not in text(panel)
    assert "last used" in text(panel)
    custom_id, options = menu(panel, "Revoke")
    assert len(options) == 10
    assert next(one for one in components(panel) if one.get("label") == "New token")["disabled"]
    names = [one["value"] for one in options]
    panel = last(await telex.editor.select(panel, names[1:], custom_id=custom_id))
    left = [one.name for one in await tokens.of_server(telex.guild.id)]
    assert left == names[:1]
    history = said(await telex.editor.slash(telex.news, "settings history"))
    assert re.search(r"\*\*Token for AI assistants\*\*: [0-9a-f]{8} → none", history)
    assert token not in "".join(left)
