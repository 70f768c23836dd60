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
    AFTER,
    BRIEFING,
    CHOOSING,
    DAILY,
    DIGESTING,
    EDITING,
    EDITS,
    HOLDING,
    INSIDE,
    LIMIT,
    LIMITED,
    NOTIFYING,
    PROPOSING,
    STEPS,
    WATCHERS,
    WATCHING,
    DeliveryFaults,
    Step,
    choose_best_stories,
    die_with_new_articles,
    find_delivery_faults,
    hold_stories,
    owe_notice,
    survive,
    survive_alert,
    survive_choice,
    survive_digest,
    survive_edit,
    survive_hold,
    survive_limit,
    survive_proposal,
    survive_thread,
    take_proposals,
)
from tests.support.wire.scene import DIRECT, KINDS, Scene


def sample_steps(steps: Sequence[Step], count: int, first: int) -> list[Step]:
    """Select `count` steps, spread over all of them."""
    return [steps[(first + number * len(steps) // count) % len(steps)] for number in range(count)]


def test_steps_name_methods_of_the_program():
    all_steps = (*STEPS, *WATCHING, *DIGESTING, *BRIEFING, *EDITING, *LIMITED, *HOLDING, *CHOOSING, *DAILY, *PROPOSING)
    all_steps += NOTIFYING
    for method in {step.method for step in all_steps if step.method}:
        assert callable(resolve_name(method)), method


@pytest.mark.parametrize("kinds", [("text", "forum"), ("announcement", "thread")])
async def test_crashes_at_steps_of_posts_lose_and_repeat_none(scene, kinds):
    """Each bot continues where the one before died, with new articles."""
    numbers: list[int] = []
    for kind in kinds:
        turn = KINDS.index(kind)
        steps = [step for number, step in enumerate(STEPS) if step.kinds[number % len(step.kinds)] == kind]
        sampled_steps = sample_steps(steps, 3, first=turn)
        for number, step in enumerate(sorted(sampled_steps, key=lambda step: step.polls)):
            window = (INSIDE, AFTER)[(number + turn) % 2]
            numbers += await die_with_new_articles(scene, kind, step, window=window, burst=2, nth=2 - number % 2)
        await scene.run(numbers)
        assert not find_delivery_faults(scene, numbers), sampled_steps


@pytest.mark.scene(kinds=("text",))
async def test_crash_in_watch_notification_repeats_none(scene):
    await scene.watch()
    faults_by_step: dict[str, DeliveryFaults] = {}
    for kind, step in zip(WATCHERS, (WATCHING[19], WATCHING[1]), strict=True):  # found by looking back, and matched
        scene.end_quiet()
        faults_by_step[step.name] = await survive(scene, kind, step, window=AFTER, burst=2, nth=1)
    assert not any(faults_by_step.values()), {name: faults for name, faults in faults_by_step.items() if faults}


@pytest.mark.scene(kinds=("text", "thread"))
async def test_crash_in_digest_sends_it_once(scene):
    await scene.run()
    await scene.digest()
    await scene.brief()
    faults_by_step: dict[str, DeliveryFaults] = {}
    faults_by_step["in the transaction"] = await survive_digest(scene, "thread", DIGESTING[6], window=INSIDE)
    faults_by_step["a person's, found by looking back"] = await survive_digest(
        scene, DIRECT, BRIEFING[21], window=AFTER
    )
    assert not any(faults_by_step.values()), {name: faults for name, faults in faults_by_step.items() if faults}


@pytest.mark.scene(kinds=("text", "forum"))
async def test_crash_in_release_or_selection_posts_story_once(scene):
    faults_by_step: dict[str, DeliveryFaults] = {}
    await hold_stories(scene)
    faults_by_step["in the transaction"] = await survive_hold(scene, "forum", HOLDING[3], window=AFTER)
    await scene.prefer(setting_registry.MIN_OUTLETS, None, "text", "forum")
    await choose_best_stories(scene)
    faults_by_step["released"] = await survive_choice(scene, "text", CHOOSING[5], window=INSIDE)
    assert not any(faults_by_step.values()), {name: faults for name, faults in faults_by_step.items() if faults}


@pytest.mark.scene(kinds=("text",))
async def test_crash_in_proposal_or_notice_sends_each_message_once(scene):
    await take_proposals(scene)
    faults_by_step: dict[str, DeliveryFaults] = {}
    for step, window in ((PROPOSING[1], INSIDE), (PROPOSING[19], AFTER), (PROPOSING[28], AFTER)):
        faults_by_step[f"{step.name} in {step.kinds[0]}"] = await survive_proposal(
            scene, step.kinds[0], step, window=window
        )
    faults_by_step["notice arrived"] = await survive_alert(scene, "text", NOTIFYING[5], window=AFTER, owe=owe_notice)
    assert not any(faults_by_step.values()), {name: faults for name, faults in faults_by_step.items() if faults}


async def test_crash_in_edit_applies_it_and_posts_nothing_again(scene):
    faults_by_step: dict[str, DeliveryFaults] = {}
    deaths = (("text", EDITING[1]), ("announcement", EDITING[2]), ("forum", EDITING[5]))
    for (kind, step), edit in zip(deaths, EDITS, strict=True):
        faults_by_step[f"{step.name} in {kind}"] = await survive_edit(scene, kind, step, window=INSIDE, edit=edit)
    assert not any(faults_by_step.values()), {name: faults for name, faults in faults_by_step.items() if faults}


@pytest.mark.scene(kinds=("text", "thread"))
async def test_crash_in_catch_up_of_limit_sends_it_once(scene):
    await scene.run()
    await scene.prefer(setting_registry.MAX_POSTS_PER_HOUR, LIMIT, *scene.channels)
    faults_by_step: dict[str, DeliveryFaults] = {}
    for kind, step, window in (("thread", LIMITED[3], INSIDE), ("text", LIMITED[14], AFTER)):
        faults_by_step[step.name] = await survive_limit(scene, kind, step, window=window)
    assert not any(faults_by_step.values()), {name: faults for name, faults in faults_by_step.items() if faults}


@pytest.mark.scene(kinds=("text", "forum"))
async def test_crash_in_daily_thread_creates_one_thread_and_post(
    scene,
):
    """The other channel is a forum, so that only the text channel gets the message at which the bot dies."""
    faults_by_step: dict[str, DeliveryFaults] = {}
    await scene.prefer(setting_registry.DAILY_THREAD, 1, "text")
    for step in (DAILY[5], DAILY[9]):  # The thread arrived, and the message in it.
        faults_by_step[step.name] = await survive_thread(scene, "text", step, window=AFTER)
    assert not any(faults_by_step.values()), {name: faults for name, faults in faults_by_step.items() if faults}


@pytest.mark.parametrize("kind", ["text", "forum"])
async def test_post_that_takes_effect_after_restart_is_not_repeated(scene, discord_server, kind):
    route = scene.sending(kind)
    discord_server.faults.run_callback(route, scene.kill, delay=1.5)
    await scene.start().wait_for_exit()
    (late,) = [call for call in discord_server.calls if f"{call.method} {call.path}" == route]
    scene.start()
    await discord_server.wait_until(lambda: late.took_effect)
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1])


async def test_repeated_crashes_in_burst_lose_and_repeat_none(scene):
    numbers = await scene.publish(12)
    for enough in (12, 24):
        bot = scene.start()
        await scene.discord.wait_until(partial(_has_sent_count, scene, enough))
        bot.kill()
        await bot.wait_for_exit()
    scene.start()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])


def _has_sent_count(scene: Scene, count: int) -> bool:
    return sum(len(scene.messages(kind)) for kind in KINDS) >= count
