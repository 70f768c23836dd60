"""The keyed runner: one task per key, and back-off after faults."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bot.core.concurrency.keyed_runner import KeyedRunner
from tests.support.clocks import ManualClock


class Bench:
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
def bench(clock) -> Bench:
    return Bench(clock)


async def test_key_runs_once_at_a_time_beside_other_keys(bench):
    assert bench.runner.start("a", bench.work)
    assert not bench.runner.start("a", bench.work)
    assert bench.runner.start("b", bench.work)
    await asyncio.sleep(0)
    assert bench.starts == ["a", "b"]
    assert bench.runner.unavailable_keys == {"a", "b"}
    bench.release.set()
    await bench.settle()
    assert bench.runner.unavailable_keys == frozenset()
    assert sorted(bench.ended_keys) == ["a", "b"]
    assert bench.runner.start("a", bench.work)
    await bench.settle()


async def test_fault_is_reported_and_backs_off_its_key_alone(bench, clock):
    bench.runner.start("a", bench.fail)
    await bench.settle()
    assert [(key, type(error)) for key, error in bench.faults] == [("a", ZeroDivisionError)]
    assert bench.ended_keys == ["a"]
    assert bench.runner.unavailable_keys == {"a"}
    assert bench.runner.list_back_off_seconds() == [60.0]
    assert not bench.runner.start("a", bench.fail)
    assert bench.runner.start("b", bench.fail)
    await bench.settle()
    clock.advance(59)
    assert bench.runner.is_backing_off("a")
    clock.advance(1)
    assert not bench.runner.is_backing_off("a")
    assert bench.runner.unavailable_keys == frozenset()
    assert bench.runner.list_back_off_seconds() == []
    assert bench.runner.start("a", bench.fail)
    await bench.settle()


@pytest.mark.parametrize("jump_seconds", [-86_400, 86_400])
async def test_clock_change_does_not_affect_back_off(bench, clock, jump_seconds):
    bench.runner.back_off("a", 30)
    clock.set_by(jump_seconds)
    assert bench.runner.list_back_off_seconds() == [30]
    clock.advance(29)
    assert bench.runner.unavailable_keys == {"a"}
    clock.advance(1)
    assert bench.runner.unavailable_keys == frozenset()


async def test_running_key_has_no_back_off_to_wait_for(bench):
    bench.runner.start("a", bench.work)
    bench.runner.back_off("a", 5)
    assert bench.runner.list_back_off_seconds() == []
    bench.release.set()
    await bench.settle()
    assert bench.runner.list_back_off_seconds() == [5]


async def finish_in_time(bench: Bench) -> None:
    bench.release.set()


async def finish_never(_bench: Bench) -> None:
    pass


@pytest.mark.parametrize(("end", "was_cancelled"), [(finish_in_time, False), (finish_never, True)])
async def test_stopping_runner_waits_and_starts_nothing(bench, end: Callable[[Bench], Awaitable[None]], was_cancelled):
    bench.runner.start("a", bench.work)
    (task,) = bench.runner.tasks
    stopping = asyncio.create_task(bench.runner.stop(0.05))
    await asyncio.sleep(0)
    assert bench.runner.is_stopping
    assert not bench.runner.start("b", bench.work)
    await end(bench)
    await stopping
    assert task.cancelled() is was_cancelled
    assert not bench.faults
    assert bench.ended_keys == ["a"]


async def test_wait_for_keys_is_limited_in_time(bench):
    bench.runner.start("a", bench.work)
    bench.runner.start("b", bench.fail)
    await bench.runner.wait_for(["b", "never started"], 5)
    assert "b" in bench.ended_keys
    await bench.runner.wait_for(["a"], 0.01)
    assert bench.runner.unavailable_keys == {"a", "b"}
    bench.release.set()
    await bench.settle()
