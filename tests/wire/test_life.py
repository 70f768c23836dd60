"""Catch-ups, edits, shards, lost sessions, stops, WebSub and menus of posts on the wire."""

from __future__ import annotations

from functools import partial
from signal import SIGKILL

import pytest

from bot.core.preferences import PostLook, Preference
from bot.drill.discord_stand_in.gateway import GUILD_MESSAGES
from bot.drill.discord_stand_in.state import ChannelMessage, Permission
from tests.support.wire.kills import Step, find_delivery_faults, run_until_killed
from tests.support.wire.scene import KINDS, QUICK_SPEED, Scene
from tests.support.wire.waiting import wait_until
from tests.support.wire.websub_hub import WebSubHub


@pytest.mark.parametrize("kind", ["text", "forum"])
async def test_catch_up_is_sent_once_despite_crash(scene, kind):
    scene.catch_up_after = 3
    numbers = await scene.publish_and_poll(8)
    route = scene.get_send_route(kind)
    await run_until_killed(scene, kind, Step("catch-up arrived", route=route, after=True))
    scene.start()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])
    assert all(len(scene.list_messages(kind)) == 4 for kind in KINDS)


@pytest.mark.scene(speed=QUICK_SPEED)
async def test_changed_article_edits_its_posts_despite_crash(scene):
    await scene.run_bot()
    await scene.change_title(1, "A better title")
    discord = scene.discord
    discord.faults.run_callback("PATCH /channels/*/messages/*", scene.kill, after_effect=True, drop=True, skip=1)
    assert await scene.start().wait_for_exit() == -SIGKILL
    discord.faults.drop("PATCH /channels/*/messages/*", after_effect=True)
    discord.faults.fail("PATCH /channels/*/messages/*", 503)
    scene.start()
    await wait_until(
        lambda: all(post.title == "A better title" for kind in KINDS for post in scene.list_messages(kind))
    )
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1])


async def test_graceful_stop_during_burst_leaves_no_claims(scene):
    numbers = await scene.publish_and_poll(5)
    scene.discord.faults.delay("POST /channels/*/*", 0.05, times=None)
    bot = scene.start()
    await wait_until(lambda: len(scene.list_messages("text")) >= 2)
    await bot.stop()
    scene.discord.faults.clear()
    async with scene.open_newsroom() as newsroom:
        assert not await newsroom.store.dispatches.list_claimed()
    scene.start()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])


async def test_lost_sessions_during_burst_lose_no_post(scene):
    gateway = scene.discord.gateway
    numbers = await scene.publish_and_poll(6)
    scene.start()
    await wait_until(lambda: len(scene.list_messages("text")) >= 2)
    for number, disturb in enumerate((gateway.invalidate, gateway.cut, gateway.request_reconnect), 2):
        disturb()
        await wait_until(partial(_has_connected, scene, number))
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])


async def test_two_shards_start_during_errors_and_respect_limits(scene):
    discord = scene.discord
    discord.shard_count = 2
    discord.faults.fail("GET /users/@me", 503, times=2)
    discord.faults.fail("GET /gateway/bot", 503)
    for route in ("/channels/{channel}/messages", "/channels/{channel}/threads"):
        discord.limits[f"POST {route}"] = (2, 5)
    numbers = await scene.publish_and_poll(5)
    scene.start()
    await scene.wait_until_settled()
    assert [data["shard"] for data in discord.gateway.identify_payloads] == [[0, 2], [1, 2]]
    assert all(identify_data["intents"] & GUILD_MESSAGES for identify_data in discord.gateway.identify_payloads)
    assert not find_delivery_faults(scene, [1, *numbers])
    assert not [call for call in discord.calls if call.status == 429]


async def test_post_deleted_before_its_reaction_blocks_nothing(scene):
    discord = scene.discord
    numbers = await scene.publish_and_poll(2)

    def delete_posts() -> None:
        for post in scene.list_messages("text"):
            discord.changes.delete(post)

    discord.faults.run_callback("PUT /channels/*/messages/*/reactions/*", delete_posts)
    scene.start()
    await scene.wait_until_settled()
    assert scene.list_posted_numbers("announcement") == [1, *numbers]
    assert scene.list_messages("text")


def _has_connected(scene: Scene, times: int) -> bool:
    """Whether the bot has identified or resumed `times` times; cut off before it's ready, it identifies again."""
    gateway = scene.discord.gateway
    return len(gateway.identify_payloads) + gateway.resume_count >= times


async def test_pushed_article_is_posted(scene, feed_server):
    hub = WebSubHub(feed_server)
    await hub.confirm_subscription(scene)
    await scene.wait_until_settled()
    await hub.push(2)
    await scene.wait_until_posted([2])
    assert all(scene.list_posted_numbers(kind) == [1, 2] for kind in KINDS)


@pytest.mark.scene(kinds=("text",))
async def test_members_share_discussion_thread_and_toggle_role(scene, discord_server):
    people = discord_server.people

    async def open_menu_and_press(post: ChannelMessage, *labels: str) -> ChannelMessage:
        """Open the menu of a post, press these buttons and return the menu."""
        click = people.click_labelled(ada, post, "More")
        await discord_server.wait_until(lambda: click.message)
        menu = click.message
        assert menu is not None
        for label in labels:
            before = menu.edit_count
            people.click_labelled(ada, menu, label)
            await wait_until(partial(_was_edited, menu, before))
        return menu

    ada, server = people.join(scene.server.id, "Ada"), scene.server
    role = discord_server.changes.add_role(server, "Space news")
    (own,) = server.role_ids_by_member_id[discord_server.state.bot.id]
    discord_server.changes.change_role(server, server.roles[own], int(Permission.MANAGE_ROLES))
    async with scene.open_newsroom() as newsroom:
        change_context = {"server_id": server.id, "user_id": discord_server.state.bot_owner.id}
        await newsroom.store.preferences.change(Preference.SELF_ASSIGNABLE_ROLES, str(role.id), **change_context)
        await newsroom.store.preferences.set_look(server.id, PostLook(role_id=role.id), user_id=ada.id)
    discord_server.faults.run_callback("POST /channels/*/messages/*/threads", scene.kill, after_effect=True, drop=True)
    bot = scene.start()
    await scene.wait_until_settled()
    (post,) = scene.list_messages("text")
    menu = await open_menu_and_press(post)
    people.click_labelled(ada, menu, "Discuss")
    assert await bot.wait_for_exit() == -SIGKILL
    bot = scene.start()
    await scene.wait_until_settled()
    assert f"<#{post.id}>" in (await open_menu_and_press(post, "Discuss")).render_visible_text()
    threads = [channel for channel in discord_server.state.channels.values() if channel.parent_id == post.channel_id]
    assert [thread.id for thread in threads] == [post.id]
    await open_menu_and_press(post, "Notify me")
    assert server.role_ids_by_member_id[ada.id] == [role.id]
    await open_menu_and_press(post, "Stop notifying me")
    assert server.role_ids_by_member_id[ada.id] == []
    assert not find_delivery_faults(scene, [1])


def _was_edited(message: ChannelMessage, before: int) -> bool:
    return message.edit_count > before
