"""Changes of the machine's clock by an hour: no delays, no repeated posts."""

from __future__ import annotations

from functools import partial

import pytest

from tests.support.wire.bot_process import BotProcess
from tests.support.wire.kills import NONCE_FORGOTTEN, find_delivery_faults
from tests.support.wire.scene import QUICK_SPEED, Scene
from tests.support.wire.waiting import wait_until
from tests.wire.test_trouble import SEND_ROUTES

HOUR = 3600
SOON = 2_700
"""Seconds of the scene's clock in which an article must be posted; waiting for a wrong clock takes an hour."""


async def publish_and_wait(scene: Scene) -> list[int]:
    """Publish an article, and check that the bot polls and posts it in less than an hour."""
    started_at = scene.clock.now()
    numbers = scene.add_articles(1)
    await scene.wait_until_posted(numbers)
    assert scene.clock.now() - started_at < SOON
    return numbers


def _has_logged_clock_change(bot: BotProcess, times: int) -> bool:
    return bot.log.count("clock jumped") >= times


@pytest.mark.scene(speed=QUICK_SPEED, kinds=("text", "forum"))
async def test_clock_jumps_delay_no_post(scene):
    bot = scene.start()
    await scene.wait_until_settled()
    numbers = [1]
    for times, offset in enumerate((HOUR, 0, -HOUR, 0), 1):
        scene.shift_clock(offset)
        await wait_until(partial(_has_logged_clock_change, bot, times))
        numbers += await publish_and_wait(scene)
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, numbers)
    assert "Traceback" not in bot.log


@pytest.mark.scene(speed=QUICK_SPEED)
async def test_clock_set_back_while_stopped_delays_no_post(scene):
    scene.shift_clock(HOUR)
    bot = scene.start()
    await scene.wait_until_settled()
    numbers = [1, *await publish_and_wait(scene)]
    for route in SEND_ROUTES:
        scene.discord.faults.fail(route, 503, times=None)
    numbers += scene.add_articles(2)
    await scene.make_feeds_due()
    await wait_until(lambda: any(post.state == "waiting" and post.attempts > 1 for post in scene.load_outbox()))
    bot.kill()
    await bot.wait_for_exit()
    scene.discord.faults.clear()
    scene.shift_clock(0)
    started_at = scene.clock.now()
    scene.start()
    await scene.wait_until_posted(numbers)
    assert scene.clock.now() - started_at < SOON
    numbers += await publish_and_wait(scene)
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, numbers)


@pytest.mark.parametrize(("offset", "dies"), [(HOUR, True), (-HOUR, False)])
@pytest.mark.scene(speed=QUICK_SPEED, kinds=("text", "forum"))
async def test_post_with_lost_response_is_found_after_clock_change(scene, offset, dies):
    scene.shift_clock(offset)
    bot = scene.start()
    await scene.wait_until_settled()
    numbers = scene.add_articles(2)
    if dies:
        scene.discord.changes.nonce_window_seconds = NONCE_FORGOTTEN
        scene.discord.faults.run_callback("POST /channels/*/messages", scene.kill, after_effect=True, drop=True)
        await scene.make_feeds_due()
        await bot.wait_for_exit()
        scene.shift_clock(0)
        scene.start()
    else:
        for route in SEND_ROUTES:
            scene.discord.faults.drop(route, after_effect=True, times=4)
        await scene.make_feeds_due()
        await wait_until(lambda: any(post.state == "claimed" and post.last_error for post in scene.load_outbox()))
        scene.shift_clock(0)
    started_at = scene.clock.now()
    await scene.wait_until_posted([1, *numbers])
    assert scene.clock.now() - started_at < SOON
    assert not find_delivery_faults(scene, [1, *numbers])
