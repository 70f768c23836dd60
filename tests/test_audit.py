"""The audit of dependencies fails for a known weakness, and never for a network that is not there."""

import subprocess
from pathlib import Path

import pytest

AUDIT = Path(__file__).resolve().parents[1] / ".ci" / "audit"
FOUND = "Found 2 known vulnerabilities in 1 package\nName Version ID\njinja2 2.0 GHSA-xxxx"
CASES = {
    "nothing known": ("No known vulnerabilities found", 0, 0, "No known weakness"),
    "weaknesses": (FOUND, 1, 1, "jinja2"),
    "no network": ("Traceback\nrequests.exceptions.ConnectionError: api.osv.dev", 1, 0, "NOT AUDITED"),
    "killed for its time": ("", 124, 0, "NOT AUDITED"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_audit_tells_a_weakness_from_a_network_that_is_not_there(tmp_path, case):
    printed, status, expected, told = CASES[case]
    stub = tmp_path / "pip-audit"
    stub.write_text(f"#!/bin/sh\ncat <<'END' >&2\n{printed}\nEND\nexit {status}\n")
    stub.chmod(0o755)
    done = subprocess.run([AUDIT, stub, tmp_path], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == expected
    assert told in done.stdout
