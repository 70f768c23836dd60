"""Long-lived tasks go on whatever happens in them, and end when they are told to."""

from __future__ import annotations

import asyncio

import pytest

from bot.client.health import Health
from bot.core import i18n
from bot.processes.supervision import (
    FAILURE_WINDOW_SECONDS,
    RESTART_PAUSE_SECONDS,
    Supervisor,
    cancel_and_wait,
)
from bot.store import DatabaseUnusable


class Panic(BaseException):
    """An end that no `except Exception` sees, as an extension in Rust may cause."""


class Trial:
    """A task that ends as it is told to; `starts` counts how often it began."""

    def __init__(self, end: type[BaseException] | None) -> None:
        self.end, self.starts = end, 0

    async def run(self) -> None:
        self.starts += 1
        if self.end is not None:
            raise self.end("on trial")


async def turns() -> None:
    """Let everything run that can."""
    for _turn in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize("end", [ZeroDivisionError, Panic, asyncio.CancelledError])
async def test_a_task_that_fails_is_logged_and_starts_again_after_a_pause(clock, caplog, end):
    trial = Trial(end)
    task = Supervisor(clock).start("trial", trial.run)
    await turns()
    assert trial.starts == 1
    assert "task failed task=trial" in caplog.text
    assert end.__name__ in caplog.text
    assert "Traceback" in caplog.text
    clock.advance(RESTART_PAUSE_SECONDS)
    await turns()
    assert trial.starts == 2
    await cancel_and_wait([task])
    clock.advance(RESTART_PAUSE_SECONDS)
    await turns()
    assert trial.starts == 2


async def test_a_task_that_ends_is_not_started_again(clock):
    trial = Trial(None)
    await Supervisor(clock).start("trial", trial.run)
    assert trial.starts == 1


async def test_a_task_that_fails_while_it_is_told_to_end_ends(clock):
    async def run() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ZeroDivisionError

    task = Supervisor(clock).start("trial", run)
    await turns()
    await cancel_and_wait([task])
    assert task.done()


async def test_a_task_speaks_nobodys_language(clock):
    spoken = []

    async def run() -> None:
        spoken.append(i18n.current_language())

    with i18n.language_scope("fr"):
        await Supervisor(clock).start("trial", run)
    assert spoken == ["en"]


async def test_the_bot_is_unwell_while_a_task_keeps_failing(newsroom, clock, caplog):
    trial, health = Trial(Panic), Health(newsroom)
    health.gateway_down_since = None
    task = newsroom.supervisor.start("trial", trial.run)
    for failures in (1, 2):
        await turns()
        assert trial.starts == failures
        assert await health.load_problems() == []
        clock.advance(RESTART_PAUSE_SECONDS)
    await turns()
    assert await health.load_problems() == ["trial keeps failing, see the log"]
    await cancel_and_wait([task])
    clock.advance(FAILURE_WINDOW_SECONDS)
    assert await health.load_problems() == []
    assert caplog.text.count("task failed task=trial") == 3


async def test_short_work_that_keeps_failing_is_a_problem_too(clock, caplog):
    supervisor = Supervisor(clock)
    supervisor.report_failure("trial", DatabaseUnusable())
    for _failure in range(3):
        assert not supervisor.list_failing_task_names()
        supervisor.report_failure("trial", ZeroDivisionError())
    assert supervisor.list_failing_task_names() == ["trial"]
    assert caplog.text.count("task failed task=trial") == 3
    assert "ZeroDivisionError" in caplog.text


async def test_a_database_in_trouble_is_not_the_tasks_failure(clock, caplog):
    trial, supervisor = Trial(DatabaseUnusable), Supervisor(clock)
    task = supervisor.start("trial", trial.run)
    for _start in range(3):
        await turns()
        clock.advance(RESTART_PAUSE_SECONDS)
    await turns()
    assert trial.starts == 4
    assert not supervisor.list_failing_task_names()
    assert not caplog.text
    await cancel_and_wait([task])
