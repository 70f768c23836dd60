"""`telex` on the command line, as a script runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.support.wire.bot_process import Launcher, inherit_environment

ROOT = Path(__file__).resolve().parents[2]


class TelexCommand:
    """Runs `telex` with a database of its own, in a folder where nothing of the checkout lies."""

    def __init__(self, folder: Path, launcher: Launcher) -> None:
        self.folder = folder
        self.launcher = launcher
        self.environment = {
            **inherit_environment(),
            "PYTHONPATH": str(ROOT),
            "TELEX_DATABASE": str(folder / "news.db"),
            "TELEX_SEMANTIC": "false",
            "TELEX_FULL_TEXT": "never",
            "TELEX_ALLOW_PRIVATE_ADDRESSES": "127.0.0.1",
        }

    def __call__(
        self, *arguments: str, status: int = 0, given: str = "", output: Path | None = Path("output")
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a process with everything imported; if `output` is None, its standard output is closed."""
        with TemporaryDirectory() as place:
            log, input_path = (Path(place) / name for name in ("log", "given"))
            output_path = output and Path(place) / output
            input_path.write_text(given, "utf-8")
            streams = {"given": str(input_path), "output": output and str(output_path), "log": str(log)}
            where = {"environment": self.environment, "folder": str(self.folder)}
            pid = self.launcher.ask(argv=arguments, **where, **streams)["pid"]
            end = time.monotonic() + 60
            while (exit_status := self.launcher.ask(poll=pid)["status"]) is None:
                if time.monotonic() > end:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.005)
            printed = output_path.read_text("utf-8") if output_path and output_path.is_file() else ""
            completed = subprocess.CompletedProcess(arguments, exit_status, printed, log.read_text("utf-8"))
        assert completed.returncode == status, completed.stderr
        return completed

    def cold(self, *arguments: str, status: int = 0) -> None:
        """Run a command as a shell does: from nothing."""
        command = [sys.executable, "-m", "bot", *arguments]
        completed = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert completed.returncode == status, completed.stderr

    def json(self, *arguments: str, input_text: str = "") -> list[Any]:
        return [json.loads(line) for line in self(*arguments, given=input_text).stdout.splitlines()]


def make_article_line(number: int, **changes: object) -> str:
    article: dict[str, object] = {
        "url": f"https://news.example/{number}",
        "title": f"Les éditeurs publient la version {number}",
        "text": f"La version {number} corrige des failles de sécurité. Elle est disponible depuis lundi.",
        "summary": "",
        "published": f"2026-03-0{number % 9 + 1}T08:00:00+00:00",
        "language": "fr",
        "source": "Le Fil",
        "author": "A. Rédactrice",
        "tags": ["logiciel"],
        "image": None,
    }
    return json.dumps(article | changes, ensure_ascii=False)
