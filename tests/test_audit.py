"""The audit of dependencies fails for a known vulnerability, and passes without a network."""

import subprocess
from pathlib import Path

import pytest

AUDIT = Path(__file__).resolve().parents[1] / ".ci" / "audit"
VULNERABILITIES_OUTPUT = "Found 2 known vulnerabilities in 1 package\nName Version ID\njinja2 2.0 GHSA-xxxx"
CASES = {
    "no vulnerability": ("No known vulnerabilities found", 0, 0, "No known vulnerabilities."),
    "vulnerabilities": (VULNERABILITIES_OUTPUT, 1, 1, "jinja2"),
    "no network": ("Traceback\nrequests.exceptions.ConnectionError: api.osv.dev", 1, 0, "NOT AUDITED"),
    "timeout": ("", 124, 0, "NOT AUDITED"),
}


@pytest.mark.parametrize("case", CASES)
def test_audit_fails_for_vulnerabilities_only(tmp_path, case):
    pip_audit_output, status, expected, message = CASES[case]
    stub = tmp_path / "pip-audit"
    stub.write_text(f"#!/bin/sh\ncat <<'END' >&2\n{pip_audit_output}\nEND\nexit {status}\n")
    stub.chmod(0o755)
    audit = subprocess.run([AUDIT, stub, tmp_path], capture_output=True, text=True, check=False, timeout=30)
    assert audit.returncode == expected
    assert message in audit.stdout
