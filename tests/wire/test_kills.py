"""The bot dies at steps of a post, in every kind of channel, and posts each article once.

A sample of them: `benchmarks/kills.py` goes through all, `campaign.py` kills at random times.
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
    WATCHING,
    DeliveryFaults,
    Step,
    choose_best_stories,
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
from tests.support.wire.scene import KINDS, Scene


def sample(steps: Sequence[Step], count: int, first: int = 0) -> list[Step]:
    """So many steps spread over all of them; `benchmarks/kills.py` goes through all in each kind."""
    return [steps[(first + number * len(steps) // count) % len(steps)] for number in range(count)]


def test_every_step_is_a_step_of_the_program():
    every = (*STEPS, *WATCHING, *DIGESTING, *BRIEFING, *EDITING, *LIMITED, *HOLDING, *CHOOSING, *DAILY, *PROPOSING)
    every += NOTIFYING
    for method in {step.method for step in every if step.method}:
        assert callable(resolve_name(method)), method


@pytest.mark.parametrize("kind", KINDS)
async def test_a_bot_that_dies_at_a_step_of_an_article_posts_it_once(scene, kind):
    turn = KINDS.index(kind)
    costs: dict[str, DeliveryFaults] = {}
    steps = [step for number, step in enumerate(STEPS) if step.kinds[number % len(step.kinds)] == kind]
    for number, step in enumerate(sample(steps, 3, first=turn)):
        window = (INSIDE, AFTER)[(number + turn) % 2]
        costs[step.name] = await survive(scene, kind, step, window=window, burst=2, nth=2 - number % 2)
    assert not any(costs.values()), {name: cost for name, cost in costs.items() if cost}


async def test_a_bot_that_dies_at_a_step_of_a_watchs_notice_tells_of_each_article_once(scene):
    await scene.watch()
    costs: dict[str, DeliveryFaults] = {}
    for number, step in enumerate(sample(WATCHING, 3, first=1)):
        scene.end_quiet()
        window = (INSIDE, AFTER)[number // 2 % 2]
        costs[step.name] = await survive(scene, step.kinds[number % 2], step, window=window, burst=2, nth=1)
    assert not any(costs.values()), {name: cost for name, cost in costs.items() if cost}


async def test_a_bot_that_dies_at_a_step_of_a_digest_sends_it_once_with_all_that_it_held(scene):
    await scene.run()
    await scene.digest()
    await scene.brief()
    costs: dict[str, DeliveryFaults] = {}
    for number, step in enumerate((*sample(DIGESTING, 2, first=2), *sample(BRIEFING, 2, first=8))):
        window = (INSIDE, AFTER)[number // 2 % 2]
        kind = step.kinds[number % len(step.kinds)]
        costs[step.name] = await survive_digest(scene, kind, step, window=window)
    assert not any(costs.values()), {name: cost for name, cost in costs.items() if cost}


@pytest.mark.scene(kinds=("text", "forum"))
async def test_a_bot_that_dies_where_a_story_has_its_outlets_or_is_chosen_posts_it_once(scene):
    costs: dict[str, DeliveryFaults] = {}
    await hold_stories(scene)
    for step, kind in ((HOLDING[3], "forum"), (HOLDING[9], "text")):  # in the transaction, and sent
        costs[step.name] = await survive_hold(scene, kind, step, window=AFTER)
    await scene.prefer(setting_registry.MIN_OUTLETS, None, "text", "forum")
    await choose_best_stories(scene)
    costs["released"] = await survive_choice(scene, "text", CHOOSING[5], window=INSIDE)
    assert not any(costs.values()), {name: cost for name, cost in costs.items() if cost}


@pytest.mark.scene(kinds=("text",))
async def test_a_bot_that_dies_at_a_step_of_a_proposal_or_a_notice_shows_it_once_and_tells_its_outcome_once(scene):
    await take_proposals(scene)
    costs: dict[str, DeliveryFaults] = {}
    for number, step in enumerate(sample(PROPOSING, 5)):
        window = (INSIDE, AFTER)[number % 2]
        costs[f"{step.name} in {step.kinds[0]}"] = await survive_proposal(scene, step.kinds[0], step, window=window)
    for step, window in ((NOTIFYING[1], INSIDE), (NOTIFYING[5], AFTER)):  # enqueued, and arrived without an answer
        costs[f"notice, {step.name}"] = await survive_alert(scene, "text", step, window=window, owe=owe_notice)
    assert not any(costs.values()), {name: cost for name, cost in costs.items() if cost}


async def test_a_bot_that_dies_at_a_step_of_an_edit_makes_it_and_posts_nothing_again(scene):
    costs: dict[str, DeliveryFaults] = {}
    for number, step in enumerate(sample(EDITING, 5)):
        kind, edit = step.kinds[number % len(step.kinds)], EDITS[number % len(EDITS)]
        window = (INSIDE, AFTER)[number % 2]
        costs[f"{step.name} in {kind}"] = await survive_edit(scene, kind, step, window=window, edit=edit)
    assert not any(costs.values()), {name: cost for name, cost in costs.items() if cost}


async def test_a_bot_that_dies_at_a_step_of_the_catch_up_of_a_limit_sends_it_once(scene):
    await scene.run()
    await scene.prefer(setting_registry.MAX_POSTS_PER_HOUR, LIMIT, *KINDS)
    costs: dict[str, DeliveryFaults] = {}
    for number, step in enumerate(sample(LIMITED, 3)):
        window = (INSIDE, AFTER)[number // 2 % 2]
        kind = step.kinds[number % len(step.kinds)]
        costs[step.name] = await survive_limit(scene, kind, step, window=window)
    assert not any(costs.values()), {name: cost for name, cost in costs.items() if cost}


@pytest.mark.scene(kinds=("text", "forum"))
async def test_a_bot_that_dies_at_a_step_of_a_post_in_the_thread_of_a_day_makes_one_thread_and_one_post(
    scene,
):
    """Beside a forum, so that no other channel gets the message that the bot is to die at."""
    costs: dict[str, DeliveryFaults] = {}
    await scene.prefer(setting_registry.DAILY_THREAD, 1, "text")
    for number, step in enumerate(sample(DAILY, 2, first=1)):
        window = (INSIDE, AFTER)[number % 2]
        costs[step.name] = await survive_thread(scene, "text", step, window=window)
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
    for enough in (8, 16, 24, 32):
        bot = scene.start()
        await scene.discord.wait_until(partial(_has_sent, scene, enough))
        bot.kill()
        await bot.wait_for_exit()
    scene.start()
    await scene.wait_until_settled()
    assert not find_delivery_faults(scene, [1, *numbers])


def _has_sent(scene: Scene, count: int) -> bool:
    return sum(len(scene.messages(kind)) for kind in KINDS) >= count
