"""The bot dies at steps of a post, in every kind of channel, and posts each article once.

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


def sample(steps: Sequence[Step], count: int, first: int) -> list[Step]:
    """So many steps spread over all of them."""
    return [steps[(first + number * len(steps) // count) % len(steps)] for number in range(count)]


def test_every_step_is_a_step_of_the_program():
    every = (*STEPS, *WATCHING, *DIGESTING, *BRIEFING, *EDITING, *LIMITED, *HOLDING, *CHOOSING, *DAILY, *PROPOSING)
    every += NOTIFYING
    for method in {step.method for step in every if step.method}:
        assert callable(resolve_name(method)), method


@pytest.mark.parametrize("kinds", [("text", "forum"), ("announcement", "thread")])
async def test_a_bot_that_dies_again_and_again_at_steps_of_articles_posts_each_once(scene, kinds):
    """Each bot finds what the one before left, and new articles."""
    numbers: list[int] = []
    for kind in kinds:
        turn = KINDS.index(kind)
        steps = [step for number, step in enumerate(STEPS) if step.kinds[number % len(step.kinds)] == kind]
        sampled_steps = sample(steps, 3, first=turn)
        for number, step in enumerate(sorted(sampled_steps, key=lambda step: step.polls)):
            window = (INSIDE, AFTER)[(number + turn) % 2]
            numbers += await die_with_new_articles(scene, kind, step, window=window, burst=2, nth=2 - number % 2)
        await scene.run(numbers)
        assert not find_delivery_faults(scene, numbers), sampled_steps


@pytest.mark.scene(kinds=("text",))
async def test_a_bot_that_dies_at_a_step_of_a_watchs_notice_tells_of_each_article_once(scene):
    await scene.watch()
    costs: dict[str, DeliveryFaults] = {}
    for kind, step in zip(WATCHERS, (WATCHING[19], WATCHING[1]), strict=True):  # found by looking back, and matched
        scene.end_quiet()
        costs[step.name] = await survive(scene, kind, step, window=AFTER, burst=2, nth=1)
    assert not any(costs.values()), {name: cost for name, cost in costs.items() if cost}


@pytest.mark.scene(kinds=("text", "thread"))
async def test_a_bot_that_dies_at_a_step_of_a_digest_sends_it_once_with_all_that_it_held(scene):
    await scene.run()
    await scene.digest()
    await scene.brief()
    costs: dict[str, DeliveryFaults] = {}
    costs["in the transaction"] = await survive_digest(scene, "thread", DIGESTING[6], window=INSIDE)
    costs["a person's, found by looking back"] = await survive_digest(scene, DIRECT, BRIEFING[21], window=AFTER)
    assert not any(costs.values()), {name: cost for name, cost in costs.items() if cost}


@pytest.mark.scene(kinds=("text", "forum"))
async def test_a_bot_that_dies_where_a_story_has_its_outlets_or_is_chosen_posts_it_once(scene):
    costs: dict[str, DeliveryFaults] = {}
    await hold_stories(scene)
    costs["in the transaction"] = await survive_hold(scene, "forum", HOLDING[3], window=AFTER)
    await scene.prefer(setting_registry.MIN_OUTLETS, None, "text", "forum")
    await choose_best_stories(scene)
    costs["released"] = await survive_choice(scene, "text", CHOOSING[5], window=INSIDE)
    assert not any(costs.values()), {name: cost for name, cost in costs.items() if cost}


@pytest.mark.scene(kinds=("text",))
async def test_a_bot_that_dies_at_a_step_of_a_proposal_or_a_notice_shows_it_once_and_tells_its_outcome_once(scene):
    await take_proposals(scene)
    costs: dict[str, DeliveryFaults] = {}
    for step, window in ((PROPOSING[1], INSIDE), (PROPOSING[19], AFTER), (PROPOSING[28], AFTER)):
        costs[f"{step.name} in {step.kinds[0]}"] = await survive_proposal(scene, step.kinds[0], step, window=window)
    costs["notice arrived"] = await survive_alert(scene, "text", NOTIFYING[5], window=AFTER, owe=owe_notice)
    assert not any(costs.values()), {name: cost for name, cost in costs.items() if cost}


async def test_a_bot_that_dies_at_a_step_of_an_edit_makes_it_and_posts_nothing_again(scene):
    costs: dict[str, DeliveryFaults] = {}
    deaths = (("text", EDITING[1]), ("announcement", EDITING[2]), ("forum", EDITING[5]))
    for (kind, step), edit in zip(deaths, EDITS, strict=True):
        costs[f"{step.name} in {kind}"] = await survive_edit(scene, kind, step, window=INSIDE, edit=edit)
    assert not any(costs.values()), {name: cost for name, cost in costs.items() if cost}


@pytest.mark.scene(kinds=("text", "thread"))
async def test_a_bot_that_dies_at_a_step_of_the_catch_up_of_a_limit_sends_it_once(scene):
    await scene.run()
    await scene.prefer(setting_registry.MAX_POSTS_PER_HOUR, LIMIT, *scene.channels)
    costs: dict[str, DeliveryFaults] = {}
    for kind, step, window in (("thread", LIMITED[3], INSIDE), ("text", LIMITED[14], AFTER)):
        costs[step.name] = await survive_limit(scene, kind, step, window=window)
    assert not any(costs.values()), {name: cost for name, cost in costs.items() if cost}


@pytest.mark.scene(kinds=("text", "forum"))
async def test_a_bot_that_dies_at_a_step_of_a_post_in_the_thread_of_a_day_makes_one_thread_and_one_post(
    scene,
):
    """Beside a forum, so that no other channel gets the message that the bot is to die at."""
    costs: dict[str, DeliveryFaults] = {}
    await scene.prefer(setting_registry.DAILY_THREAD, 1, "text")
    for step in (DAILY[5], DAILY[9]):  # The thread arrived, and the message in it.
        costs[step.name] = await survive_thread(scene, "text", step, window=AFTER)
    assert not any(costs.values()), {name: cost for name, cost in costs.items() if cost}


@pytest.mark.parametrize("kind", ["text", "forum"])
async def test_a_post_that_discord_finishes_after_the_bot_died_and_started_again(scene, discord_server, kind):
    route = scene.sending(kind)
    discord_server.faults.run_callback(route, scene.kill, delay=1.5)
    await scene.start().wait_for_exit()
    (late,) = [call for call in discord_server.calls if f"{call.method} {call.path}" == route]
    scene.start()
    await discord_server.wait_until(lambda: late.took_effect)
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1])


async def test_a_bot_killed_again_and_again_in_the_middle_of_a_burst(scene):
    numbers = await scene.publish(12)
    for enough in (12, 24):
        bot = scene.start()
        await scene.discord.wait_until(partial(_has_sent, scene, enough))
        bot.kill()
        await bot.wait_for_exit()
    scene.start()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])


def _has_sent(scene: Scene, count: int) -> bool:
    return sum(len(scene.messages(kind)) for kind in KINDS) >= count
