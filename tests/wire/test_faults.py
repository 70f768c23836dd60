"""Discord fails, refuses, holds back: every article is posted once all the same, or waits until it can be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.core import setting_registry
from bot.drill.discord_stand_in.faults import Faults
from bot.drill.discord_stand_in.state import Permission
from tests.support.wire.kills import find_delivery_faults
from tests.support.wire.scene import KINDS, QUICK, Scene
from tests.support.wire.waiting import until

LATE = 60  # seconds
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
@pytest.mark.scene(speed=QUICK)
async def test_a_failed_answer_to_a_post_or_what_follows_neither_loses_nor_repeats_it(scene, turn):
    """Another answer in each kind of channel; `benchmarks/faults.py` goes through all in each."""
    numbers = await scene.publish(2)
    for kind, name in zip(KINDS, [*ANSWERS, *ANSWERS][turn * 4 :], strict=False):
        ANSWERS[name](scene.discord.faults, scene.sending(kind))
    names = [name for name in ANSWERS if not name.startswith("40")][turn::4]
    routes = ("PUT /channels/*/messages/*/reactions/*", "POST /channels/*/messages/*/crosspost")
    for number, name in enumerate(names):
        ANSWERS[name](scene.discord.faults, routes[number % 2])
    scene.start()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])


@pytest.mark.scene(speed=QUICK)
async def test_what_discord_carries_out_after_it_answered_with_an_error_is_not_repeated(scene):
    """Up to a minute after: where a nonce tells it, and where none does, a thread of the day among them."""
    await scene.prefer(setting_registry.DAILY_THREAD, 1, "text")
    numbers = await scene.publish(2)
    scene.discord.faults.fail_late("POST /channels/*/threads", LATE / scene.clock.speed, times=3)
    scene.discord.faults.fail_late("POST /channels/*/messages", LATE / scene.clock.speed, times=6)
    scene.start()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])
    threads = [channel for channel in scene.discord.state.channels.values() if channel.name.startswith("News of")]
    assert len(threads) == 1


@pytest.mark.parametrize("arrived", [False, True])
@pytest.mark.scene(speed=QUICK)
async def test_a_crash_in_a_busy_channel_leaves_no_post_undone_and_repeats_none(scene, arrived):
    discord = scene.discord
    place, ada = scene.channels["text"], discord.people.join(scene.server.id, "Ada")
    discord.faults.run_callback(f"POST /channels/{place.id}/messages", scene.kill, after_effect=arrived, drop=True)
    await scene.start().wait_for_exit()
    discord.changes.nonce_window_seconds = 0  # only the look-back tells
    for number in range(2100):
        discord.changes.post(place, ada.id, {"content": f"message {number}"})
    scene.start()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1])


@pytest.mark.scene(speed=QUICK)
async def test_a_publication_that_is_limited_for_long_holds_no_post_back(scene):
    numbers = await scene.publish(4)
    limited = scene.discord.faults.rate_limit("POST /channels/*/messages/*/crosspost", 300)
    scene.start()
    await until(lambda: scene.order("announcement") == [1, *numbers])
    assert limited.hit_count
    assert scene.unfinished()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])


async def test_permissions_taken_and_given_back_while_the_bot_runs_or_is_away(scene):
    discord, text = scene.discord, scene.channels["text"]
    discord.changes.deny(text, Permission.SEND_MESSAGES)
    discord.changes.deny(scene.channels["forum"], Permission.EMBED_LINKS)
    discord.changes.deny(scene.channels["thread"], Permission.VIEW_CHANNEL)
    numbers = await scene.publish(2)
    bot = scene.start()
    await until(lambda: scene.order("announcement") == [1, *numbers] and scene.open_dispatches() == 9)
    assert not any(scene.messages(kind) for kind in ("text", "forum", "thread"))
    discord.changes.allow(text, Permission.SEND_MESSAGES)
    await until(lambda: scene.order("text") == [1, *numbers] and scene.open_dispatches() == 6)
    await bot.stop()
    discord.changes.allow(scene.channels["forum"], Permission.EMBED_LINKS)
    discord.changes.allow(scene.channels["thread"], Permission.VIEW_CHANNEL)
    scene.start()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])


async def test_a_deleted_channel_stops_no_other_and_an_archived_thread_is_opened(scene):
    numbers = await scene.publish(2)
    scene.discord.changes.set_archived(scene.channels["thread"])
    scene.discord.changes.remove_channel(scene.channels.pop("text"))
    scene.start()
    await until(lambda: all(scene.order(kind) == [1, *numbers] for kind in scene.channels))
    await until(lambda: scene.open_dispatches() == 3)
    assert not find_delivery_faults(scene, [1, *numbers])


async def test_without_reading_the_history_a_post_whose_end_is_unknown_is_not_repeated(scene):
    discord = scene.discord
    for channel in scene.channels.values():
        discord.changes.deny(channel, Permission.READ_MESSAGE_HISTORY)
    for kind in KINDS:
        discord.faults.drop(scene.sending(kind), after_effect=True, times=2)
    scene.start()
    await until(lambda: scene.open_dispatches() == 0)
    assert all(scene.posts(kind) == {1: 1} for kind in KINDS)
    async with scene.newsroom() as newsroom:
        (article,) = await newsroom.store.articles.list_newest(None, limit=1)
        fates = await newsroom.store.delivery_statuses.list_by_page_key(article.page_key)
    assert [fate.status.value for fate in fates] == ["failed"] * 4
    assert all(fate.reason for fate in fates)


async def test_an_outage_of_the_server_delays_its_posts_and_loses_none(scene):
    numbers = await scene.publish(2)
    scene.discord.changes.begin_outage(scene.server)
    bot = scene.start()
    await scene.discord.wait_until(lambda: scene.discord.gateway.connections)
    await until(lambda: "commands" in bot.log.lower())
    assert not any(scene.messages(kind) for kind in KINDS)
    scene.discord.changes.end_outage(scene.server)
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])


async def is_member(scene: Scene) -> bool:
    """Whether the bot knows itself to be in the server: only then its feeds are polled."""
    async with scene.newsroom() as newsroom:
        return bool(await newsroom.store.feeds.list_due(2**40, 10, ()))


async def is_away(scene: Scene) -> bool:
    return not await is_member(scene)


async def test_a_bot_kicked_and_invited_back_posts_nothing_of_the_time_away(scene):
    discord = scene.discord
    bot = scene.start()
    await scene.wait_until_settled()
    discord.changes.kick(scene.server)
    await until(lambda: is_away(scene))
    await bot.stop()
    away = await scene.publish(2)
    bot = scene.start()
    await discord.wait_until(lambda: discord.gateway.connections)
    discord.changes.invite(scene.server)
    await until(lambda: is_member(scene))
    await bot.stop()
    await scene.clock.sleep(5)
    back = await scene.publish(2)
    scene.start()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *back])
    assert not any(scene.posts(kind)[number] for kind in KINDS for number in away)


async def test_a_kick_between_two_sessions_is_noticed_by_the_second(scene):
    scene.start()
    await scene.wait_until_settled()
    scene.discord.gateway.invalidate()
    scene.discord.changes.kick(scene.server)
    await until(lambda: is_away(scene))
    assert len(scene.discord.gateway.identify_payloads) == 2
    scene.discord.changes.invite(scene.server)
    await until(lambda: is_member(scene))


async def test_what_was_owed_when_the_bot_was_kicked_while_not_running_is_not_posted_later(scene):
    await scene.publish(2)
    scene.discord.changes.kick(scene.server)
    scene.start()
    await until(lambda: is_away(scene))
    scene.discord.changes.invite(scene.server)
    await until(lambda: is_member(scene))
    await scene.wait_until_settled()
    messages = [message for kind in KINDS for message in scene.messages(kind)]
    assert not any(scene.posts(kind) for kind in KINDS)
    assert len(messages) == 1  # the welcome
    assert "telex:begin" in repr(messages[0].parts)
