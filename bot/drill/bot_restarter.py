"""The bot, in a rehearsal of outages, as a process that is started again after each end."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

RESTART_DELAY_SECONDS = 1.0
"""Number of seconds from the end of the bot's process to its next start, in a rehearsal of outages."""
_PROJECT_ROOT = Path(__file__).resolve().parents[2]
_EXPECTED_STATUSES = frozenset({0, -signal.SIGKILL, -signal.SIGTERM})


def build_bot_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with the given settings for the bot in place of the operator's."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("TELEX_", "DISCORD_"))}
    import_paths = [str(_PROJECT_ROOT), environment.get("PYTHONPATH", "")]
    return {**environment, "PYTHONPATH": os.pathsep.join(filter(None, import_paths)), **settings}


class BotRestarter:
    """Process of a bot that rehearses outages, in a folder with its log `bot.log`; use `run` as a task.

    `failure_count` is the number of times that the process failed, not counting ends by SIGTERM or SIGKILL.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.log_path = folder / "bot.log"
        self.failure_count = 0
        self._folder, self._environment = folder, environment
        self._process: asyncio.subprocess.Process | None = None
        self._running_event = asyncio.Event()

    async def run(self) -> None:
        """Start the bot and start it again after each end; kill it when cancelled."""
        while True:
            with self.log_path.open("ab") as log_file:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "bot.drill.drilled_bot", "run"),
                    cwd=self._folder,
                    env=self._environment,
                    stdin=asyncio.subprocess.PIPE,  # its end tells the bot that the drill ended
                    stdout=log_file,
                    stderr=log_file,
                )
            self._running_event.set()
            try:
                status = await self._process.wait()
            finally:
                self._running_event.clear()
                if self._process.returncode is None:
                    self._process.kill()
                    await self._process.wait()
            self.failure_count += status not in _EXPECTED_STATUSES
            await asyncio.sleep(RESTART_DELAY_SECONDS)

    async def send_signal(self, signal_number: signal.Signals) -> None:
        """Send a signal to the bot, as soon as it runs."""
        await self._running_event.wait()
        assert self._process is not None
        self._process.send_signal(signal_number)
