"""Shares: whoever had least goes first, nobody takes all, and what nobody wants is lent."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict

from bot.core.concurrency.fair_queue import FairQueue, FairSemaphore


def take_turns(queue: FairQueue[str], turns: int, cost: dict[str, float]) -> list[str]:
    """Who had the next turns, one at a time."""
    order = []
    for _ in range(turns):
        turn = queue.try_acquire()
        queue.release(turn, cost[turn.item])
        order.append(turn.item)
    return order


def fill_queue(queue: FairQueue[str], **waiting_counts: int) -> FairQueue[str]:
    for name, count in waiting_counts.items():
        for _ in range(count):
            queue.put(name, name)
    return queue


def test_whoever_comes_late_is_next_though_many_wait_before():
    queue = fill_queue(FairQueue(1), loud=1000)
    take_turns(queue, 10, {"loud": 1})
    fill_queue(queue, quiet=1)
    assert "quiet" in take_turns(queue, 2, {"loud": 1, "quiet": 1})


def test_shares_are_of_what_turns_cost_and_not_of_their_number():
    queue = fill_queue(FairQueue(1), dear=1000, cheap=1000)
    order = Counter(take_turns(queue, 440, {"dear": 10, "cheap": 1}))
    assert 35 <= order["dear"] <= 45


def test_who_asked_for_nothing_has_saved_nothing_up():
    queue = fill_queue(FairQueue(1), first=1000)
    take_turns(queue, 500, {"first": 1})
    fill_queue(queue, second=1000)
    order = Counter(take_turns(queue, 100, {"first": 1, "second": 1}))
    assert 45 <= order["second"] <= 55


def test_a_key_that_was_served_does_not_wait_for_ever_behind_new_ones():
    queue = fill_queue(FairQueue(1), served_before=2)
    take_turns(queue, 1, {"served_before": 1})
    order = []
    for number in range(50):
        fill_queue(queue, **{f"first_{number}": 1, f"second_{number}": 1})
        order += take_turns(queue, 1, defaultdict(lambda: 1))
    assert "served_before" in order[:10]


def test_a_key_with_always_one_item_in_progress_saves_nothing_up():
    queue = fill_queue(FairQueue(2), steady=1)
    ticket_in_progress = queue.try_acquire()
    fill_queue(queue, loud=1000)
    for _ in range(100):
        take_turns(queue, 5, {"loud": 1})
        fill_queue(queue, steady=1)
        next_ticket = queue.try_acquire()
        assert next_ticket.item == "steady"
        queue.release(ticket_in_progress, 1)
        ticket_in_progress = next_ticket
    fill_queue(queue, steady=1000)
    order = Counter(take_turns(queue, 100, {"loud": 1, "steady": 1}))
    assert 45 <= order["steady"] <= 55


def test_alone_it_gets_most_slots_and_another_finds_one_free():
    queue = fill_queue(FairQueue(32), greedy=100)
    taken_slots = 0
    while queue.try_acquire() is not None:
        taken_slots += 1
    assert 20 <= taken_slots < 32
    fill_queue(queue, other=5)
    turn = queue.try_acquire()
    assert turn.item == "other"


def test_a_slot_that_is_given_back_goes_on_and_a_single_slot_serves_everybody():
    queue = fill_queue(FairQueue(1), one=2, two=2)
    assert sorted(take_turns(queue, 4, {"one": 1, "two": 1})) == ["one", "one", "two", "two"]
    assert queue.try_acquire() is None
    assert len(queue) == 0


async def test_tasks_hold_slots_and_those_that_are_cancelled_leave_theirs_to_others():
    slots = FairSemaphore(2)
    inside = max_inside = 0
    release = asyncio.Event()

    async def work(name: str) -> None:
        nonlocal inside, max_inside
        async with slots.acquire(name):
            inside += 1
            max_inside = max(max_inside, inside)
            await release.wait()
            inside -= 1

    tasks = [asyncio.create_task(work(f"{number % 3}")) for number in range(9)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    release.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [outcome for outcome in outcomes if outcome is None] == [None] * 4
    assert max_inside == 2
    async with asyncio.timeout(60), slots.acquire("late"):
        pass
