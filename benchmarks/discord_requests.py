"""Check of all requests that the tests make the bot send to Discord, against Discord's description of its API.

    python -m benchmarks.discord_requests [--languages en fr] [pytest arguments]

Runs the tests once in each language and prints every violation with the test that caused it, then the number of
requests by operation. Exits 1 if there is a violation.

In English, the tests run unchanged. In French, every user's Discord is French: assertions are evaluated but not
checked, because they compare English sentences, and buttons are found by their translated labels. A test whose
button isn't found (because its label contains a number, for example) ends there; its requests until then count.
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
from tests.support.shared_data import load_discord_contract

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
"""Options that exclude the tests of the stand-in, which send invalid requests on purpose."""
TEST_TIMEOUT_SECONDS = {"en": 600, "fr": 60}
"""Timeout of a test by language; short in French, where a test may wait for an English sentence in vain."""


class Request(NamedTuple):
    """A request to Discord and the test during which it was sent."""

    test: str
    method: str
    path: str
    query: dict[str, str]
    body: Any


def record(folder: Path, language: str, arguments: list[str]) -> None:
    """Run the tests in a language. Each test process writes its requests to a file in the folder."""
    plugin_options = ["-p", recorder.__name__, f"--timeout={TEST_TIMEOUT_SECONDS[language]}"]
    assert_options = [] if language == "en" else ["--assert=plain"]
    environment = {**os.environ, recorder.FOLDER: str(folder), recorder.LANGUAGE: language}
    command = [sys.executable, "-m", "pytest", *plugin_options, *assert_options, *IGNORED_TESTS, *arguments]
    subprocess.run(command, cwd=ROOT, env=environment, check=False)


def read_requests(folder: Path) -> Iterator[Request]:
    """Yield the recorded requests of all test processes."""
    for file in sorted(folder.glob("*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                yield Request(*json.loads(line))


def find_violations(contract: schema.ContractChecker, request: Request) -> list[str]:
    """Return a description of each violation for which Discord would refuse the request."""
    violations = contract.check_request(request.method, request.path, request.query, request.body)
    message = request.body.get("data", request.body) if isinstance(request.body, dict) else {}
    try:
        rules.check_attachment_references(message or {})
    except ApiError as refusal:
        violations.append(f"{request.method} {request.path}: {refusal}")
    return violations


def report_violations(folder: Path, language: str) -> int:
    """Print the violations and the number of requests by operation; return the number of invalid requests."""
    contract = load_discord_contract()
    assert contract is not None
    request_counts: Counter[str] = Counter()
    violation_count = 0
    for request in read_requests(folder):
        operation = contract.find_operation(request.method, request.path)
        request_counts[f"{request.method} {operation.path if operation else request.path}"] += 1
        if violations := find_violations(contract, request):
            violation_count += 1
            sys.stdout.write(f"  {request.test}: {'; '.join(violations)}\n")
    for operation_name, request_count in request_counts.most_common():
        sys.stdout.write(f"{request_count:7,} {operation_name}\n")
    sys.stdout.write(f"{language}: {request_counts.total():,} requests, {violation_count} violations\n\n")
    return violation_count


def main() -> None:
    """Run the tests, check their requests and exit with 1 if one is invalid."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--languages", nargs="+", choices=TEST_TIMEOUT_SECONDS, default=list(TEST_TIMEOUT_SECONDS))
    options, arguments = parser.parse_known_args()
    if load_discord_contract() is None:
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
