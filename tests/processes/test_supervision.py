"""Supervision of long-lived tasks."""

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
    """An exception that `except Exception` misses, as an extension in Rust may raise."""


class FailingTask:
    """A task that raises `end`, or returns; `starts` counts its starts."""

    def __init__(self, end: type[BaseException] | None) -> None:
        self.end, self.starts = end, 0

    async def run(self) -> None:
        self.starts += 1
        if self.end is not None:
            raise self.end("on trial")


async def run_event_loop() -> None:
    """Let pending callbacks run."""
    for _iteration in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize("end", [ZeroDivisionError, Panic, asyncio.CancelledError])
async def test_failed_task_is_logged_and_restarted_after_pause(clock, caplog, end):
    trial = FailingTask(end)
    task = Supervisor(clock).start("trial", trial.run)
    await run_event_loop()
    assert trial.starts == 1
    assert "task failed task=trial" in caplog.text
    assert end.__name__ in caplog.text
    assert "Traceback" in caplog.text
    clock.advance(RESTART_PAUSE_SECONDS)
    await run_event_loop()
    assert trial.starts == 2
    await cancel_and_wait([task])
    clock.advance(RESTART_PAUSE_SECONDS)
    await run_event_loop()
    assert trial.starts == 2


async def test_finished_task_is_not_restarted(clock):
    trial = FailingTask(None)
    await Supervisor(clock).start("trial", trial.run)
    assert trial.starts == 1


async def test_task_that_fails_while_cancelled_ends(clock):
    async def run() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ZeroDivisionError

    task = Supervisor(clock).start("trial", run)
    await run_event_loop()
    await cancel_and_wait([task])
    assert task.done()


async def test_task_starts_in_default_language(clock):
    languages = []

    async def run() -> None:
        languages.append(i18n.current_language())

    with i18n.language_scope("fr"):
        await Supervisor(clock).start("trial", run)
    assert languages == ["en"]


async def test_health_reports_task_that_keeps_failing(newsroom, clock, caplog):
    trial, health = FailingTask(Panic), Health(newsroom)
    health.gateway_down_since = None
    task = newsroom.supervisor.start("trial", trial.run)
    for failures in (1, 2):
        await run_event_loop()
        assert trial.starts == failures
        assert await health.load_problems() == []
        clock.advance(RESTART_PAUSE_SECONDS)
    await run_event_loop()
    assert await health.load_problems() == ["trial keeps failing, see the log"]
    await cancel_and_wait([task])
    clock.advance(FAILURE_WINDOW_SECONDS)
    assert await health.load_problems() == []
    assert caplog.text.count("task failed task=trial") == 3


async def test_repeated_reported_failures_are_listed(clock, caplog):
    supervisor = Supervisor(clock)
    supervisor.report_failure("trial", DatabaseUnusable())
    for _failure in range(3):
        assert not supervisor.list_failing_task_names()
        supervisor.report_failure("trial", ZeroDivisionError())
    assert supervisor.list_failing_task_names() == ["trial"]
    assert caplog.text.count("task failed task=trial") == 3
    assert "ZeroDivisionError" in caplog.text


async def test_database_failure_is_not_counted_as_task_failure(clock, caplog):
    trial, supervisor = FailingTask(DatabaseUnusable), Supervisor(clock)
    task = supervisor.start("trial", trial.run)
    for _start in range(3):
        await run_event_loop()
        clock.advance(RESTART_PAUSE_SECONDS)
    await run_event_loop()
    assert trial.starts == 4
    assert not supervisor.list_failing_task_names()
    assert not caplog.text
    await cancel_and_wait([task])
