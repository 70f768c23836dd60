"""Somebody sets the clock of the bot's machine an hour ahead and back: nothing waits or comes twice."""

from __future__ import annotations

from functools import partial

import pytest

from tests.support.wire.bot_process import BotProcess
from tests.support.wire.kills import AFTER, find_delivery_faults
from tests.support.wire.scene import QUICK, Scene
from tests.support.wire.waiting import until
from tests.wire.test_trouble import SENDING

HOUR = 3600
SOON = 2_700
"""Seconds of the world in which what is published must be posted: a wait for a wrong clock takes an hour."""


async def publish_and_wait(scene: Scene) -> list[int]:
    """Publish an article, which the bot has to find by itself and post before an hour is over."""
    started_at = scene.clock.now()
    numbers = scene.write(1)
    await scene.wait_until_posted(numbers)
    assert scene.clock.now() - started_at < SOON
    return numbers


def _has_logged_clock_change(bot: BotProcess, times: int) -> bool:
    return bot.log.count("clock jumped") >= times


@pytest.mark.scene(speed=QUICK, kinds=("text", "forum"))
async def test_a_clock_that_jumps_an_hour_forth_and_back_and_further_back_holds_nothing_up(scene):
    bot = scene.start()
    await scene.wait_until_settled()
    numbers = [1]
    for times, by in enumerate((HOUR, 0, -HOUR, 0), 1):
        scene.set_clock(by)
        await until(partial(_has_logged_clock_change, bot, times))
        numbers += await publish_and_wait(scene)
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, numbers)
    assert "Traceback" not in bot.log


@pytest.mark.scene(speed=QUICK)
async def test_a_clock_set_back_while_no_bot_runs_holds_nothing_up(scene):
    scene.set_clock(HOUR)
    bot = scene.start()
    await scene.wait_until_settled()
    numbers = [1, *await publish_and_wait(scene)]
    for route in SENDING:
        scene.discord.faults.fail(route, 503, times=None)
    numbers += scene.write(2)
    await scene.make_due()
    await until(lambda: any(post.state == "waiting" and post.attempts > 1 for post in scene.outbox()))
    bot.kill()
    await bot.wait_for_exit()
    scene.discord.faults.clear()
    scene.set_clock(0)
    started_at = scene.clock.now()
    scene.start()
    await scene.wait_until_posted(numbers)
    assert scene.clock.now() - started_at < SOON
    numbers += await publish_and_wait(scene)
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, numbers)


@pytest.mark.parametrize(("by", "dies"), [(HOUR, True), (-HOUR, False)])
@pytest.mark.scene(speed=QUICK, kinds=("text", "forum"))
async def test_a_post_whose_answer_was_lost_is_found_though_the_clock_was_wrong_when_it_was_sent(scene, by, dies):
    scene.set_clock(by)
    bot = scene.start()
    await scene.wait_until_settled()
    numbers = scene.write(2)
    if dies:
        scene.discord.changes.nonce_window_seconds = AFTER
        scene.discord.faults.run_callback("POST /channels/*/messages", scene.kill, after_effect=True, drop=True)
        await scene.make_due()
        await bot.wait_for_exit()
        scene.set_clock(0)
        scene.start()
    else:
        for route in SENDING:
            scene.discord.faults.drop(route, after_effect=True, times=4)
        await scene.make_due()
        await until(lambda: any(post.state == "claimed" and post.last_error for post in scene.outbox()))
        scene.set_clock(0)
    started_at = scene.clock.now()
    await scene.wait_until_posted([1, *numbers])
    assert scene.clock.now() - started_at < SOON
    assert not find_delivery_faults(scene, [1, *numbers])
