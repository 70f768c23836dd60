"""Failing, refusing and late responses of Discord: every article is posted once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.core import setting_registry
from bot.drill.discord_stand_in.faults import Faults
from bot.drill.discord_stand_in.state import Permission
from tests.support.wire.kills import find_delivery_faults
from tests.support.wire.scene import KINDS, QUICK_SPEED, Scene
from tests.support.wire.waiting import wait_until

LATE_SECONDS = 60  # seconds
Script = Callable[[Faults, str], object]
ANSWERS: dict[str, Script] = {
    "500 before the effect": lambda faults, route: faults.fail(route),
    "500 after the effect": lambda faults, route: faults.fail(route, after_effect=True),
    "502 after the effect": lambda faults, route: faults.fail(route, 502, after_effect=True),
    "503 before the effect": lambda faults, route: faults.fail(route, 503),
    "503 after the effect": lambda faults, route: faults.fail(route, 503, after_effect=True),
    "504 five times after the effect": lambda faults, route: faults.fail(route, 504, after_effect=True, times=5),
    "dropped before the effect": lambda faults, route: faults.drop(route),
    "dropped after the effect": lambda faults, route: faults.drop(route, after_effect=True),
    "dropped twice after the effect": lambda faults, route: faults.drop(route, after_effect=True, times=2),
    "429 for a moment": lambda faults, route: faults.rate_limit(route, 0.2),
    "429 for a minute": lambda faults, route: faults.rate_limit(route, 60),
    "429 everywhere": lambda faults, route: faults.rate_limit(route, 0.2, is_global=True),
    "429 of a proxy": lambda faults, route: faults.rate_limit(route, 1, has_via=False),
    "403 for once": lambda faults, route: faults.refuse(route, 403, 50013),
    "404 for once": lambda faults, route: faults.refuse(route, 404, 10003),
}


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.scene(speed=QUICK_SPEED)
async def test_failed_responses_lose_and_repeat_no_post(scene, turn):
    """Each kind of channel gets another response; `benchmarks/faults.py` tries all in each."""
    numbers = await scene.publish_and_poll(2)
    for kind, name in zip(KINDS, [*ANSWERS, *ANSWERS][turn * 4 :], strict=False):
        ANSWERS[name](scene.discord.faults, scene.get_send_route(kind))
    names = [name for name in ANSWERS if not name.startswith("40")][turn::4]
    routes = ("PUT /channels/*/messages/*/reactions/*", "POST /channels/*/messages/*/crosspost")
    for number, name in enumerate(names):
        ANSWERS[name](scene.discord.faults, routes[number % 2])
    scene.start()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])


@pytest.mark.scene(speed=QUICK_SPEED)
async def test_late_effect_of_failed_request_is_not_repeated(scene):
    """The effect comes up to a minute later, for messages with a nonce and without, and for a daily thread."""
    await scene.change_channel_setting(setting_registry.DAILY_THREAD, 1, "text")
    numbers = await scene.publish_and_poll(2)
    scene.discord.faults.fail_late("POST /channels/*/threads", LATE_SECONDS / scene.clock.speed, times=3)
    scene.discord.faults.fail_late("POST /channels/*/messages", LATE_SECONDS / scene.clock.speed, times=6)
    scene.start()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])
    threads = [channel for channel in scene.discord.state.channels.values() if channel.name.startswith("News of")]
    assert len(threads) == 1


@pytest.mark.parametrize("has_effect", [False, True])
@pytest.mark.scene(speed=QUICK_SPEED)
async def test_crash_in_busy_channel_loses_and_repeats_no_post(scene, has_effect):
    discord = scene.discord
    text_channel, ada = scene.channels["text"], discord.people.join(scene.server.id, "Ada")
    discord.faults.run_callback(
        f"POST /channels/{text_channel.id}/messages", scene.kill, after_effect=has_effect, drop=True
    )
    await scene.start().wait_for_exit()
    discord.changes.nonce_window_seconds = 0  # only the look-back tells
    for number in range(2100):
        discord.changes.post(text_channel, ada.id, {"content": f"message {number}"})
    scene.start()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1])


@pytest.mark.scene(speed=QUICK_SPEED)
async def test_crosspost_rate_limit_delays_no_post(scene):
    numbers = await scene.publish_and_poll(4)
    limited = scene.discord.faults.rate_limit("POST /channels/*/messages/*/crosspost", 300)
    scene.start()
    await wait_until(lambda: scene.list_posted_numbers("announcement") == [1, *numbers])
    assert limited.hit_count
    assert scene.find_unfinished_posts()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])


async def test_posts_resume_when_permissions_return(scene):
    discord, text = scene.discord, scene.channels["text"]
    discord.changes.deny(text, Permission.SEND_MESSAGES)
    discord.changes.deny(scene.channels["forum"], Permission.EMBED_LINKS)
    discord.changes.deny(scene.channels["thread"], Permission.VIEW_CHANNEL)
    numbers = await scene.publish_and_poll(2)
    bot = scene.start()
    await wait_until(
        lambda: scene.list_posted_numbers("announcement") == [1, *numbers] and scene.count_open_dispatches() == 9
    )
    assert not any(scene.list_messages(kind) for kind in ("text", "forum", "thread"))
    discord.changes.allow(text, Permission.SEND_MESSAGES)
    await wait_until(lambda: scene.list_posted_numbers("text") == [1, *numbers] and scene.count_open_dispatches() == 6)
    await bot.stop()
    discord.changes.allow(scene.channels["forum"], Permission.EMBED_LINKS)
    discord.changes.allow(scene.channels["thread"], Permission.VIEW_CHANNEL)
    scene.start()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])


async def test_deleted_channel_and_archived_thread_stop_no_other_channel(scene):
    numbers = await scene.publish_and_poll(2)
    scene.discord.changes.set_archived(scene.channels["thread"])
    scene.discord.changes.remove_channel(scene.channels.pop("text"))
    scene.start()
    await wait_until(lambda: all(scene.list_posted_numbers(kind) == [1, *numbers] for kind in scene.channels))
    await wait_until(lambda: scene.count_open_dispatches() == 3)
    assert not find_delivery_faults(scene, [1, *numbers])


async def test_unknown_delivery_is_not_repeated_without_history_permission(scene):
    discord = scene.discord
    for channel in scene.channels.values():
        discord.changes.deny(channel, Permission.READ_MESSAGE_HISTORY)
    for kind in KINDS:
        discord.faults.drop(scene.get_send_route(kind), after_effect=True, times=2)
    scene.start()
    await wait_until(lambda: scene.count_open_dispatches() == 0)
    assert all(scene.count_posts(kind) == {1: 1} for kind in KINDS)
    async with scene.open_newsroom() as newsroom:
        (article,) = await newsroom.store.articles.list_newest(None, limit=1)
        fates = await newsroom.store.delivery_statuses.list_by_page_key(article.page_key)
    assert [fate.status.value for fate in fates] == ["failed"] * 4
    assert all(fate.reason for fate in fates)


async def test_server_outage_delays_posts_without_loss(scene):
    numbers = await scene.publish_and_poll(2)
    scene.discord.changes.begin_outage(scene.server)
    bot = scene.start()
    await scene.discord.wait_until(lambda: scene.discord.gateway.connections)
    await wait_until(lambda: "commands" in bot.log.lower())
    assert not any(scene.list_messages(kind) for kind in KINDS)
    scene.discord.changes.end_outage(scene.server)
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])


async def is_member(scene: Scene) -> bool:
    """Whether the bot has recorded that it's in the server; only then its feeds are due."""
    async with scene.open_newsroom() as newsroom:
        return bool(await newsroom.store.feeds.list_due(2**40, 10, ()))


async def is_recorded_as_absent(scene: Scene) -> bool:
    return not await is_member(scene)


async def test_articles_published_while_kicked_are_not_posted(scene):
    discord = scene.discord
    bot = scene.start()
    await scene.wait_until_settled()
    discord.changes.kick(scene.server)
    await wait_until(lambda: is_recorded_as_absent(scene))
    await bot.stop()
    away = await scene.publish_and_poll(2)
    bot = scene.start()
    await discord.wait_until(lambda: discord.gateway.connections)
    discord.changes.invite(scene.server)
    await wait_until(lambda: is_member(scene))
    await bot.stop()
    await scene.clock.sleep(5)
    back = await scene.publish_and_poll(2)
    scene.start()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *back])
    assert not any(scene.count_posts(kind)[number] for kind in KINDS for number in away)


async def test_kick_during_session_loss_is_noticed(scene):
    scene.start()
    await scene.wait_until_settled()
    scene.discord.gateway.invalidate()
    scene.discord.changes.kick(scene.server)
    await wait_until(lambda: is_recorded_as_absent(scene))
    assert len(scene.discord.gateway.identify_payloads) == 2
    scene.discord.changes.invite(scene.server)
    await wait_until(lambda: is_member(scene))


async def test_pending_posts_are_dropped_after_kick_while_stopped(scene):
    await scene.publish_and_poll(2)
    scene.discord.changes.kick(scene.server)
    scene.start()
    await wait_until(lambda: is_recorded_as_absent(scene))
    scene.discord.changes.invite(scene.server)
    await wait_until(lambda: is_member(scene))
    await scene.wait_until_settled()
    messages = [message for kind in KINDS for message in scene.list_messages(kind)]
    assert not any(scene.count_posts(kind) for kind in KINDS)
    assert len(messages) == 1  # the welcome
    assert "telex:begin" in repr(messages[0].parts)
