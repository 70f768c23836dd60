"""Stop signals: processes end in time."""

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
def run_script(script: str) -> Iterator[subprocess.Popen[str]]:
    """Start a process and wait until it has begun its work."""
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


@pytest.mark.parametrize("second_signal", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_does_not_shorten_closing(second_signal):
    with run_script(CLOSES_SLOWLY) as process:
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "closing\n"
        for _ in range(3):
            process.send_signal(second_signal)
            time.sleep(0.02)
        output, errors = process.communicate(timeout=60)
        assert (output, errors, process.returncode) == ("closed\n", "", 0)


@pytest.mark.parametrize("script", [NEVER_CLOSES, HANGS], ids=["never closes", "hangs"])
def test_process_that_does_not_close_is_ended(script):
    with run_script(script) as process:
        process.send_signal(signal.SIGTERM)
        _output, errors = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "ended all the same" in errors
