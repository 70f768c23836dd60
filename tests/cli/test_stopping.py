"""A process that is told to stop has ended in time, however often and whenever it is told."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.wire.bot_process import ROOT, inherit_environment

CLOSES_SLOWLY = """
import asyncio, typer
from bot.cli.command_process import run_async
async def work():
    try:
        print("begun", flush=True)
        await asyncio.Event().wait()
    finally:
        print("closing", flush=True)
        await asyncio.sleep(1)
        print("closed", flush=True)
typer.run(lambda: run_async(work, runs_until_stopped=True))
"""
NEVER_CLOSES = """
import asyncio, threading
from bot.cli import command_process
from bot.cli.command_process import run_async
command_process.STOP_SECONDS = 1
async def work():
    threading.Thread(target=threading.Event().wait).start()
    print("begun", flush=True)
    await asyncio.Event().wait()
run_async(work, runs_until_stopped=True)
"""
HANGS = """
import time
from bot.cli import command_process
from bot.cli.command_process import run_async
command_process.STOP_SECONDS = 1
async def work():
    print("begun", flush=True)
    while True:
        time.sleep(0.1)
run_async(work, runs_until_stopped=True)
"""


@contextmanager
def running(script: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has begun its work."""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env={**inherit_environment(), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("again", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_does_not_cut_the_closing_short(again):
    with running(CLOSES_SLOWLY) as process:
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "closing\n"
        for _ in range(3):
            process.send_signal(again)
            time.sleep(0.02)
        output, complaints = process.communicate(timeout=60)
        assert (output, complaints, process.returncode) == ("closed\n", "", 0)


@pytest.mark.parametrize("script", [NEVER_CLOSES, HANGS], ids=["never closes", "hangs"])
def test_what_does_not_close_is_ended_all_the_same(script):
    with running(script) as process:
        process.send_signal(signal.SIGTERM)
        _output, complaints = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "ended all the same" in complaints
