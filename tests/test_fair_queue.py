"""Fair shares of a queue and of a semaphore between keys."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict

from bot.core.concurrency.fair_queue import FairQueue, FairSemaphore


def take_turns(queue: FairQueue[str], turns: int, cost: dict[str, float]) -> list[str]:
    """List the keys of the next turns, one at a time."""
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


def test_late_key_is_served_next():
    queue = fill_queue(FairQueue(1), loud=1000)
    take_turns(queue, 10, {"loud": 1})
    fill_queue(queue, quiet=1)
    assert "quiet" in take_turns(queue, 2, {"loud": 1, "quiet": 1})


def test_shares_are_measured_by_cost():
    queue = fill_queue(FairQueue(1), costly=1000, cheap=1000)
    order = Counter(take_turns(queue, 440, {"costly": 10, "cheap": 1}))
    assert 35 <= order["costly"] <= 45


def test_idle_key_accumulates_no_credit():
    queue = fill_queue(FairQueue(1), first=1000)
    take_turns(queue, 500, {"first": 1})
    fill_queue(queue, second=1000)
    order = Counter(take_turns(queue, 100, {"first": 1, "second": 1}))
    assert 45 <= order["second"] <= 55


def test_served_key_is_not_starved_by_new_keys():
    queue = fill_queue(FairQueue(1), served_before=2)
    take_turns(queue, 1, {"served_before": 1})
    order = []
    for number in range(50):
        fill_queue(queue, **{f"first_{number}": 1, f"second_{number}": 1})
        order += take_turns(queue, 1, defaultdict(lambda: 1))
    assert "served_before" in order[:10]


def test_key_with_item_in_progress_accumulates_no_credit():
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


def test_single_key_leaves_slots_free_for_others():
    queue = fill_queue(FairQueue(32), greedy=100)
    taken_slots = 0
    while queue.try_acquire() is not None:
        taken_slots += 1
    assert 20 <= taken_slots < 32
    fill_queue(queue, other=5)
    turn = queue.try_acquire()
    assert turn.item == "other"


def test_single_slot_serves_all_keys():
    queue = fill_queue(FairQueue(1), one=2, two=2)
    assert sorted(take_turns(queue, 4, {"one": 1, "two": 1})) == ["one", "one", "two", "two"]
    assert queue.try_acquire() is None
    assert len(queue) == 0


async def test_cancelled_task_frees_its_slot():
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
