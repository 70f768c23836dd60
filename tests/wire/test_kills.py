"""Crashes at steps of posts and other messages, in every kind of channel.

A sample: `python -m benchmarks.kills` goes through every step in each kind of channel, with nonces that Discord still
honours or has forgotten, and `campaign.py` kills at random times. Here each scenario has a death of its own, and each
kind of step one: before and after a method, in a transaction, in the middle of a document, at a request before and
after its effect, and a second death while the bot finds out about the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pkgutil import resolve_name

import pytest

from bot.core import setting_registry
from tests.support.wire.kills import (
    DAILY_THREAD_STEPS,
    DIGEST_STEPS,
    EDIT_STEPS,
    EDITS,
    HELD_STORY_STEPS,
    HOURLY_LIMIT_STEPS,
    MAX_POSTS_PER_HOUR,
    NONCE_FORGOTTEN,
    NONCE_HONOURED,
    NOTICE_STEPS,
    PERSONAL_DIGEST_STEPS,
    POST_STEPS,
    PROPOSAL_STEPS,
    TOP_STORY_STEPS,
    WATCH_KINDS,
    WATCH_STEPS,
    DeliveryFaults,
    Step,
    crash_at_hourly_limit,
    crash_in_alert,
    crash_in_daily_thread,
    crash_in_digest,
    crash_in_edit,
    crash_in_post,
    crash_in_proposal,
    crash_in_release,
    crash_in_selection,
    crash_once,
    enable_proposals,
    enqueue_notice,
    find_delivery_faults,
    hold_stories,
    select_top_stories,
)
from tests.support.wire.scene import DIRECT, KINDS, Scene


def sample_steps(steps: Sequence[Step], count: int, first: int) -> list[Step]:
    """Select `count` steps, spread over all of them."""
    return [steps[(first + number * len(steps) // count) % len(steps)] for number in range(count)]


def test_steps_name_methods_of_the_program():
    all_steps = (
        *POST_STEPS,
        *WATCH_STEPS,
        *DIGEST_STEPS,
        *PERSONAL_DIGEST_STEPS,
        *EDIT_STEPS,
        *HOURLY_LIMIT_STEPS,
        *HELD_STORY_STEPS,
        *TOP_STORY_STEPS,
        *DAILY_THREAD_STEPS,
        *PROPOSAL_STEPS,
    )
    all_steps += NOTICE_STEPS
    for method in {step.method for step in all_steps if step.method}:
        assert callable(resolve_name(method)), method


@pytest.mark.parametrize("kinds", [("text", "forum"), ("announcement", "thread")])
async def test_crashes_at_steps_of_posts_lose_and_repeat_none(scene, kinds):
    """Each bot continues where the one before died, with new articles."""
    numbers: list[int] = []
    for kind in kinds:
        turn = KINDS.index(kind)
        steps = [step for number, step in enumerate(POST_STEPS) if step.kinds[number % len(step.kinds)] == kind]
        sampled_steps = sample_steps(steps, 3, first=turn)
        for number, step in enumerate(sorted(sampled_steps, key=lambda step: step.polls)):
            window = (NONCE_HONOURED, NONCE_FORGOTTEN)[(number + turn) % 2]
            numbers += await crash_once(scene, kind, step, window=window, burst=2, nth=2 - number % 2)
        await scene.run_bot(numbers)
        assert not find_delivery_faults(scene, numbers), sampled_steps


@pytest.mark.scene(kinds=("text",))
async def test_crash_in_watch_notification_repeats_none(scene):
    await scene.add_watches()
    faults_by_step: dict[str, DeliveryFaults] = {}
    for kind, step in zip(
        WATCH_KINDS, (WATCH_STEPS[19], WATCH_STEPS[1]), strict=True
    ):  # found by looking back, and matched
        scene.end_watch_cooldowns()
        faults_by_step[step.name] = await crash_in_post(scene, kind, step, window=NONCE_FORGOTTEN, burst=2, nth=1)
    assert not any(faults_by_step.values()), {name: faults for name, faults in faults_by_step.items() if faults}


@pytest.mark.scene(kinds=("text", "thread"))
async def test_crash_in_digest_sends_it_once(scene):
    await scene.run_bot()
    await scene.add_channel_digests()
    await scene.add_personal_digest()
    faults_by_step: dict[str, DeliveryFaults] = {}
    faults_by_step["in the transaction"] = await crash_in_digest(
        scene, "thread", DIGEST_STEPS[6], window=NONCE_HONOURED
    )
    faults_by_step["a person's, found by looking back"] = await crash_in_digest(
        scene, DIRECT, PERSONAL_DIGEST_STEPS[21], window=NONCE_FORGOTTEN
    )
    assert not any(faults_by_step.values()), {name: faults for name, faults in faults_by_step.items() if faults}


@pytest.mark.scene(kinds=("text", "forum"))
async def test_crash_in_release_or_selection_posts_story_once(scene):
    faults_by_step: dict[str, DeliveryFaults] = {}
    await hold_stories(scene)
    faults_by_step["in the transaction"] = await crash_in_release(
        scene, "forum", HELD_STORY_STEPS[3], window=NONCE_FORGOTTEN
    )
    await scene.change_channel_setting(setting_registry.MIN_OUTLETS, None, "text", "forum")
    await select_top_stories(scene)
    faults_by_step["released"] = await crash_in_selection(scene, "text", TOP_STORY_STEPS[5], window=NONCE_HONOURED)
    assert not any(faults_by_step.values()), {name: faults for name, faults in faults_by_step.items() if faults}


@pytest.mark.scene(kinds=("text",))
async def test_crash_in_proposal_or_notice_sends_each_message_once(scene):
    await enable_proposals(scene)
    faults_by_step: dict[str, DeliveryFaults] = {}
    for step, window in (
        (PROPOSAL_STEPS[1], NONCE_HONOURED),
        (PROPOSAL_STEPS[19], NONCE_FORGOTTEN),
        (PROPOSAL_STEPS[28], NONCE_FORGOTTEN),
    ):
        faults_by_step[f"{step.name} in {step.kinds[0]}"] = await crash_in_proposal(
            scene, step.kinds[0], step, window=window
        )
    faults_by_step["notice arrived"] = await crash_in_alert(
        scene, "text", NOTICE_STEPS[5], window=NONCE_FORGOTTEN, enqueue=enqueue_notice
    )
    assert not any(faults_by_step.values()), {name: faults for name, faults in faults_by_step.items() if faults}


async def test_crash_in_edit_applies_it_and_posts_nothing_again(scene):
    faults_by_step: dict[str, DeliveryFaults] = {}
    deaths = (("text", EDIT_STEPS[1]), ("announcement", EDIT_STEPS[2]), ("forum", EDIT_STEPS[5]))
    for (kind, step), edit in zip(deaths, EDITS.values(), strict=True):
        faults_by_step[f"{step.name} in {kind}"] = await crash_in_edit(
            scene, kind, step, window=NONCE_HONOURED, edit=edit
        )
    assert not any(faults_by_step.values()), {name: faults for name, faults in faults_by_step.items() if faults}


@pytest.mark.scene(kinds=("text", "thread"))
async def test_crash_in_catch_up_of_limit_sends_it_once(scene):
    await scene.run_bot()
    await scene.change_channel_setting(setting_registry.MAX_POSTS_PER_HOUR, MAX_POSTS_PER_HOUR, *scene.channels)
    faults_by_step: dict[str, DeliveryFaults] = {}
    for kind, step, window in (
        ("thread", HOURLY_LIMIT_STEPS[3], NONCE_HONOURED),
        ("text", HOURLY_LIMIT_STEPS[14], NONCE_FORGOTTEN),
    ):
        faults_by_step[step.name] = await crash_at_hourly_limit(scene, kind, step, window=window)
    assert not any(faults_by_step.values()), {name: faults for name, faults in faults_by_step.items() if faults}


@pytest.mark.scene(kinds=("text", "forum"))
async def test_crash_in_daily_thread_creates_one_thread_and_post(
    scene,
):
    """The other channel is a forum, so that only the text channel gets the message at which the bot dies."""
    faults_by_step: dict[str, DeliveryFaults] = {}
    await scene.change_channel_setting(setting_registry.DAILY_THREAD, 1, "text")
    for step in (DAILY_THREAD_STEPS[5], DAILY_THREAD_STEPS[9]):  # The thread arrived, and the message in it.
        faults_by_step[step.name] = await crash_in_daily_thread(scene, "text", step, window=NONCE_FORGOTTEN)
    assert not any(faults_by_step.values()), {name: faults for name, faults in faults_by_step.items() if faults}


@pytest.mark.parametrize("kind", ["text", "forum"])
async def test_post_that_takes_effect_after_restart_is_not_repeated(scene, discord_server, kind):
    route = scene.get_send_route(kind)
    discord_server.faults.run_callback(route, scene.kill, delay=1.5)
    await scene.start().wait_for_exit()
    (late,) = [call for call in discord_server.calls if f"{call.method} {call.path}" == route]
    scene.start()
    await discord_server.wait_until(lambda: late.took_effect)
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1])


async def test_repeated_crashes_in_burst_lose_and_repeat_none(scene):
    numbers = await scene.publish_and_poll(12)
    for enough in (12, 24):
        bot = scene.start()
        await scene.discord.wait_until(partial(_has_sent_count, scene, enough))
        bot.kill()
        await bot.wait_for_exit()
    scene.start()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])


def _has_sent_count(scene: Scene, count: int) -> bool:
    return sum(len(scene.list_messages(kind)) for kind in KINDS) >= count
