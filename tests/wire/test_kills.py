"""The bot dies at every step of a post, in every kind of channel, and posts each article once."""

from __future__ import annotations

import pytest

from tests.wire.kills import AFTER, INSIDE, STEPS, Step, Toll, survive
from tests.wire.scene import KINDS, Scene


@pytest.mark.parametrize("kind", KINDS)
async def test_a_bot_that_dies_at_any_step_of_a_post_posts_every_article_once(
    scene: Scene, kind: str
) -> None:
    costs: dict[str, Toll] = {}
    steps: list[Step] = [step for step in STEPS if kind in step.kinds]
    for number, step in enumerate(steps):
        window = (INSIDE, AFTER)[number % 2]
        costs[step.name] = await survive(scene, kind, step, window=window, burst=2)
    assert not any(costs.values()), {name: cost for name, cost in costs.items() if cost}
