"""Silent posts: which messages suppress Discord's notification."""

from __future__ import annotations

import pytest

from bot.core import setting_registry
from bot.core.models import DispatchKind
from bot.core.preferences import DigestPlan, PostLook, Style
from tests.support.discord_world import World
from tests.support.feed_server import make_rss_item
from tests.support.interactions import find_accessory_id, get_last_reply, read_message_text, read_reply_text


def list_silent_flags(world: World) -> list[bool]:
    return [message.flags.suppress_notifications for message in world.posts()]


@pytest.mark.parametrize("style", [Style.FULL, Style.CLASSIC])
async def test_silent_setting_suppresses_notification_unless_role_is_mentioned(telex, publisher, style):
    await publisher.begin()
    role = telex.guild.create_role("News", mentionable=True)
    ((subscription, _feed),) = await telex.store.subscriptions.list_with_feeds(telex.guild.id)
    for place, (is_on, role_id) in enumerate(((False, None), (True, None), (True, role.id), (False, role.id))):
        await telex.set_channel_setting(setting_registry.SILENT_POSTS, is_on, telex.news)
        look = PostLook(style=style, role_id=role_id)
        await telex.store.subscriptions.set_look(subscription.id, look, user_id=telex.editor.id)
        await publisher.post(make_rss_item(place + 1))
    assert list_silent_flags(telex)[1:] == [False, True, False, False]


async def test_catch_up_is_silent_and_edit_keeps_flag(telex, publisher):
    await publisher.begin()
    await telex.set_channel_setting(setting_registry.SILENT_POSTS, True, telex.news)
    await publisher.post(*map(make_rss_item, range(1, 30)))
    assert any("articles arrived in the meantime" in read_message_text(message) for message in telex.posts())
    await telex.advance(3600)
    await publisher.post(make_rss_item(31))
    await publisher.correct(31, title="What was meant")
    await telex.advance(3600)
    await telex.deliver()
    assert "What was meant" in read_message_text(telex.posts()[-1])
    assert list_silent_flags(telex) == [False] + [True] * (len(telex.posts()) - 1)


async def test_watch_notification_and_digest_are_not_silent(telex, publisher):
    await publisher.begin()
    await telex.set_channel_setting(setting_registry.SILENT_POSTS, True, telex.news)
    scope = {"server_id": telex.guild.id, "channel_id": telex.news.id}
    await telex.store.watches.add(**scope, user_id=None, query="article", language=None, limit=9)
    await telex.store.digests.save(DigestPlan(weekday=None, minute=0), **scope, user_id=telex.editor.id, limit=9)
    await publisher.post(make_rss_item(1))
    due = await telex.store.digests.get_next_due_at()
    assert due is not None
    await telex.advance(due - telex.clock.now())
    await telex.deliver()
    flags_by_kind = {}
    for message in telex.posts():
        dispatch = await telex.store.dispatches.get_by_message_id(message.id)
        assert dispatch is not None
        flags_by_kind[dispatch.kind] = message.flags.suppress_notifications
    assert flags_by_kind == {
        DispatchKind.POST: True,
        DispatchKind.WATCH_NOTIFICATION: False,
        DispatchKind.DIGEST: False,
    }


async def test_silent_posts_are_set_in_panel_and_logged(telex):
    panel = get_last_reply(await telex.run_as_editor("settings channel"))
    assert "**Silent posts**\n-# off: posts notify people as they’ve chosen in Discord" in read_message_text(panel)
    panel = get_last_reply(await telex.editor.click(panel, custom_id=find_accessory_id(panel, "Silent posts")))
    assert "**Silent posts**\n-# on: only posts that mention a role notify people" in read_message_text(panel)
    assert "**Silent posts**: off → on" in read_reply_text(await telex.run_as_editor("settings history"))
    telex.locales[telex.editor.id] = "fr"
    panel = get_last_reply(await telex.run_as_editor("settings channel"))
    assert "seules les publications qui mentionnent un rôle envoient une notification" in read_message_text(panel)
    await telex.editor.click(panel, custom_id=find_accessory_id(panel, "Publications silencieuses"))
    history = read_reply_text(await telex.run_as_editor("settings history"))
    assert "**Publications silencieuses**\u00a0: activé → désactivé" in history
