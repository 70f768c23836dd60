"""Subjects of commits that the hook accepts or rejects."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cases import check_cases
from tools.commit_message import AREAS, find_problem

ROOT = Path(__file__).resolve().parents[2]


@check_cases(
    "message",
    [
        "search: match quoted phrases across sentence breaks",
        "docs: name `telex check`\n\nA body may be " + "long " * 30,
        "ci: " + "x" * 68,
        "fixup! search: match quoted phrases",
        "Merge branch 'main'",
    ],
)
def test_valid_subject_has_no_problem(message):
    assert find_problem(message) is None


@check_cases(
    ("message", "problem"),
    [
        ("ci: " + "x" * 69, "73 characters"),
        ("Match quoted phrases", "Areas: answers,"),
        ("kitchen: match quoted phrases", "Areas: answers,"),
        ("search:match quoted phrases", "Areas: answers,"),
        ("search: match quoted phrases.", "full stop"),
        ("", "Areas: answers,"),
    ],
)
def test_problem_of_subject_is_explained(message, problem):
    assert problem in find_problem(message)


def test_every_room_is_an_area():
    rooms = {module.parent.name for module in ROOT.glob("bot/*/__init__.py")}
    assert rooms < AREAS


@pytest.mark.parametrize(("message", "status"), [("ci: check names\n", 0), ("Check names\n", 1)])
def test_hook_fails_for_invalid_subject(tmp_path, message, status):
    file = tmp_path / "COMMIT_EDITMSG"
    file.write_text(message)
    command = [sys.executable, "-m", "tools.commit_message", str(file)]
    hook = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert hook.returncode == status
    assert ("Areas" in hook.stderr) == bool(status)
