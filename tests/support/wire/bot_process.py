"""Starts real `telex run` processes against the stand-in, and ends them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from tests.support.wire.waiting import PATIENCE, wait_until

ROOT = Path(__file__).resolve().parents[3]
INHERITED = {"PATH", "HOME", "TMPDIR", "PYTHONPYCACHEPREFIX"}


def inherit_environment() -> dict[str, str]:
    """What a bot's environment has of this process's: what is compiled is not compiled again."""
    return {name: setting for name, setting in os.environ.items() if name in INHERITED}


class Launcher:
    """A process with everything imported that forks a bot when asked to (see `launch.serve`)."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = Lock()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and return its answer; starts the process at the first one."""
        with self._lock:
            return self._request(request)

    def _request(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.wire.launch"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            self._read_answer()
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._read_answer()

    def close(self) -> None:
        """End it, and every bot that still runs."""
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait(10)
            self._process.stdout.close()

    def _read_answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the launcher of bots ended; its standard error tells why")
        answer: dict[str, Any] = json.loads(line)
        return answer


class BotProcess:
    """A `telex` that runs. `log` is what it wrote to standard output and standard error."""

    def __init__(
        self,
        launcher: Launcher,
        folder: Path,
        environment: Mapping[str, str],
        *argv: str,
        log: str = "bot.log",
    ) -> None:
        self._launcher = launcher
        self._log = folder / log
        self._status: int | None = None
        answer = launcher.ask(
            argv=argv or ["run"],
            environment={**inherit_environment(), **environment},
            folder=str(folder),
            log=str(self._log),
        )
        self.pid: int = answer["pid"]

    @property
    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    @property
    def status(self) -> int | None:
        """None while it runs, else its exit status; negative: the signal that ended it."""
        if self._status is None:
            self._status = self._launcher.ask(poll=self.pid)["status"]
        return self._status

    def kill(self) -> None:
        """SIGKILL: nothing in the process can do anything about it."""
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)

    async def stop(self, *, within: float = PATIENCE) -> None:
        """Ask it to end as a service manager does. Raises AssertionError when it does not end well."""
        if self.status is None:
            os.kill(self.pid, signal.SIGTERM)
        status = await self.wait_for_exit(within=within)
        assert status == 0, f"the bot ended with {status}:\n{self.log[-3000:]}"

    async def wait_for_exit(self, *, within: float = PATIENCE) -> int:
        """Wait for its end. Raises TimeoutError."""
        await wait_until(lambda: self.status is not None, within=within)
        assert self._status is not None
        return self._status
