"""Commands with failing output streams and stop signals."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import store_probe
from tests.support.telex_command import TelexCommand, make_article_line

FULL = Path("/dev/full")


@pytest.fixture
def telex(telex) -> TelexCommand:
    telex("import", "-", given="\n".join(make_article_line(number) for number in range(60)))
    return telex


def run(telex: TelexCommand, command: str) -> subprocess.CompletedProcess[str]:
    """Run `telex` with a shell's redirections."""
    return subprocess.run(
        ["bash", "-c", f"{sys.executable} -m bot {command}"],  # any bash will do
        cwd=telex.folder,
        env=telex.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_full_disk_is_reported_as_failure(telex):
    for command in ("latest --json --limit 1", "latest --limit 60"):
        done = telex(*command.split(), status=1, output=FULL)
        assert "No space left" in done.stderr
        assert "Traceback" not in done.stderr
    done = run(telex, f"export - > {FULL}")
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr  # as Python says of what it can't write when it ends


def test_closed_output_does_not_crash(telex):
    for command in ("latest --json", "latest"):
        assert "Traceback" not in telex(*command.split(), output=None).stderr
    assert "Traceback" not in run(telex, "export - >&-").stderr


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
def test_interrupted_import_reports_failure(telex, signal_):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a child of a shell's background ignores it
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "import", "-"],
        cwd=telex.folder,
        env=telex.environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as stopped:
        batch = ("\n".join(make_article_line(number) for number in range(1000, 1500)) + "\n").encode()
        stopped.stdin.write(batch)
        stopped.stdin.flush()
        while len(store_probe.load_rows(telex.folder / "news.db", "article")) < 500:
            time.sleep(0.02)
        stopped.send_signal(signal_)
        stopped.stdin.write(batch.replace(b"example/1", b"example/2"))
        stopped.stdin.close()
        assert stopped.wait(60) == 1
        assert b"Stopped before it finished" in stopped.stderr.read()
