"""Records what the suites have the bot send to Discord, and judges it by Discord's description of its API.

`python -m benchmarks.discord_requests [--languages en fr] [arguments of pytest]` runs the suites once
in each language and prints every violation with the test that caused it, then the requests by operation.

In English the suites run as they are. In French everybody's Discord is French: what a test asserts of English
sentences is evaluated and not checked, and buttons are found by the French of their labels, so that its
actions go on. Those that can't (a label with a number in it, say) end their test there; what it sent counts.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import discord_requests_recorder as recorder
from bot.drill.discord_stand_in import rules, schema
from bot.drill.discord_stand_in.errors import ApiError
from tests.support.shared_data import discord_contract

ROOT = Path(__file__).resolve().parents[1]
SUITES = (
    "tests/cogs",
    "tests/posting",
    "tests/digests",
    "tests/watches",
    "tests/demo",
    "tests/test_app.py",
    "tests/wire",
)
IGNORED_TESTS = [f"--ignore=tests/wire/{name}.py" for name in ("test_stand_in", "test_stand_in_rules")]
"""Tests of the stand-in itself send what Discord refuses."""
TEST_TIMEOUT_SECONDS = {"en": 600, "fr": 60}
"""In French a test may wait for an English sentence in vain."""


class Request(NamedTuple):
    """What was sent, and by which test."""

    test: str
    method: str
    path: str
    query: dict[str, str]
    body: Any


def record(folder: Path, language: str, arguments: list[str]) -> None:
    """Run the suites in a language; every process of theirs writes its requests into a file of the folder."""
    plugin = ["-p", recorder.__name__, f"--timeout={TEST_TIMEOUT_SECONDS[language]}"]
    plain = [] if language == "en" else ["--assert=plain"]
    environment = {**os.environ, recorder.FOLDER: str(folder), recorder.LANGUAGE: language}
    command = [sys.executable, "-m", "pytest", *plugin, *plain, *IGNORED_TESTS, *arguments]
    subprocess.run(command, cwd=ROOT, env=environment, check=False)


def read_requests(folder: Path) -> Iterator[Request]:
    """Give what was recorded."""
    for file in sorted(folder.glob("*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                yield Request(*json.loads(line))


def find_violations(contract: schema.ContractChecker, request: Request) -> list[str]:
    """Say what Discord would refuse of a request."""
    violations = contract.check_request(request.method, request.path, request.query, request.body)
    message = request.body.get("data", request.body) if isinstance(request.body, dict) else {}
    try:
        rules.check_attachment_references(message or {})
    except ApiError as refusal:
        violations.append(f"{request.method} {request.path}: {refusal}")
    return violations


def report_violations(folder: Path, language: str) -> int:
    """Print the requests of a run by operation, and what is wrong with them; how many are wrong."""
    contract = discord_contract()
    assert contract is not None
    operations: Counter[str] = Counter()
    violation_count = 0
    for request in read_requests(folder):
        operation = contract.find_operation(request.method, request.path)
        operations[f"{request.method} {operation.path if operation else request.path}"] += 1
        if violations := find_violations(contract, request):
            violation_count += 1
            sys.stdout.write(f"  {request.test}: {'; '.join(violations)}\n")
    for operation_, number in operations.most_common():
        sys.stdout.write(f"{number:7,} {operation_}\n")
    sys.stdout.write(f"{language}: {operations.total():,} requests, {violation_count} violations\n\n")
    return violation_count


def main() -> None:
    """Record, judge, and exit 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--languages", nargs="+", choices=TEST_TIMEOUT_SECONDS, default=list(TEST_TIMEOUT_SECONDS))
    options, arguments = parser.parse_known_args()
    if discord_contract() is None:
        sys.exit("needs ../shared/discord/openapi.json, which is not beside this checkout")
    has_tests = any(re.match("tests", argument) for argument in arguments)
    violation_count = 0
    for language in options.languages:
        with tempfile.TemporaryDirectory() as folder:
            record(Path(folder), language, [*arguments, *(() if has_tests else SUITES)])
            violation_count += report_violations(Path(folder), language)
    sys.exit(bool(violation_count))


if __name__ == "__main__":
    main()
