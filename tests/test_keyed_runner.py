"""The keyed runner: one task per key, and back-off after faults."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bot.core.concurrency.keyed_runner import KeyedRunner
from tests.support.clocks import ManualClock


class RunnerHarness:
    """A runner, its reports, and work that ends when the test releases it."""

    def __init__(self, clock: ManualClock) -> None:
        self.faults: list[tuple[str, BaseException]] = []
        self.ended_keys: list[str] = []
        self.runner: KeyedRunner[str] = KeyedRunner(clock, self._on_fault, self.ended_keys.append)
        self.starts: list[str] = []
        self.release = asyncio.Event()

    def _on_fault(self, key: str, error: BaseException) -> float:
        self.faults.append((key, error))
        return 60.0

    async def work(self, key: str) -> None:
        self.starts.append(key)
        await self.release.wait()

    async def fail(self, key: str) -> None:
        self.starts.append(key)
        raise ZeroDivisionError

    async def settle(self) -> None:
        while self.runner.tasks:
            await asyncio.wait(list(self.runner.tasks))
            await asyncio.sleep(0)


@pytest.fixture
def harness(clock) -> RunnerHarness:
    return RunnerHarness(clock)


async def test_key_runs_once_at_a_time_beside_other_keys(harness):
    assert harness.runner.start("a", harness.work)
    assert not harness.runner.start("a", harness.work)
    assert harness.runner.start("b", harness.work)
    await asyncio.sleep(0)
    assert harness.starts == ["a", "b"]
    assert harness.runner.unavailable_keys == {"a", "b"}
    harness.release.set()
    await harness.settle()
    assert harness.runner.unavailable_keys == frozenset()
    assert sorted(harness.ended_keys) == ["a", "b"]
    assert harness.runner.start("a", harness.work)
    await harness.settle()


async def test_fault_is_reported_and_backs_off_its_key_alone(harness, clock):
    harness.runner.start("a", harness.fail)
    await harness.settle()
    assert [(key, type(error)) for key, error in harness.faults] == [("a", ZeroDivisionError)]
    assert harness.ended_keys == ["a"]
    assert harness.runner.unavailable_keys == {"a"}
    assert harness.runner.list_back_off_seconds() == [60.0]
    assert not harness.runner.start("a", harness.fail)
    assert harness.runner.start("b", harness.fail)
    await harness.settle()
    clock.advance(59)
    assert harness.runner.is_backing_off("a")
    clock.advance(1)
    assert not harness.runner.is_backing_off("a")
    assert harness.runner.unavailable_keys == frozenset()
    assert harness.runner.list_back_off_seconds() == []
    assert harness.runner.start("a", harness.fail)
    await harness.settle()


@pytest.mark.parametrize("jump_seconds", [-86_400, 86_400])
async def test_clock_change_does_not_affect_back_off(harness, clock, jump_seconds):
    harness.runner.back_off("a", 30)
    clock.set_by(jump_seconds)
    assert harness.runner.list_back_off_seconds() == [30]
    clock.advance(29)
    assert harness.runner.unavailable_keys == {"a"}
    clock.advance(1)
    assert harness.runner.unavailable_keys == frozenset()


async def test_running_key_has_no_back_off_to_wait_for(harness):
    harness.runner.start("a", harness.work)
    harness.runner.back_off("a", 5)
    assert harness.runner.list_back_off_seconds() == []
    harness.release.set()
    await harness.settle()
    assert harness.runner.list_back_off_seconds() == [5]


async def finish_in_time(harness: RunnerHarness) -> None:
    harness.release.set()


async def finish_never(_bench: RunnerHarness) -> None:
    pass


@pytest.mark.parametrize(("end", "was_cancelled"), [(finish_in_time, False), (finish_never, True)])
async def test_stopping_runner_waits_and_starts_nothing(
    harness, end: Callable[[RunnerHarness], Awaitable[None]], was_cancelled
):
    harness.runner.start("a", harness.work)
    (task,) = harness.runner.tasks
    stopping = asyncio.create_task(harness.runner.stop(0.05))
    await asyncio.sleep(0)
    assert harness.runner.is_stopping
    assert not harness.runner.start("b", harness.work)
    await end(harness)
    await stopping
    assert task.cancelled() is was_cancelled
    assert not harness.faults
    assert harness.ended_keys == ["a"]


async def test_wait_for_keys_is_limited_in_time(harness):
    harness.runner.start("a", harness.work)
    harness.runner.start("b", harness.fail)
    await harness.runner.wait_for(["b", "never started"], 5)
    assert "b" in harness.ended_keys
    await harness.runner.wait_for(["a"], 0.01)
    assert harness.runner.unavailable_keys == {"a", "b"}
    harness.release.set()
    await harness.settle()
