"""Run of fuzz targets, one after another.

    pip install -c constraints.txt -e '.[test,fuzz]'
    python -m tests.fuzz.run [--seconds 60] [--record] [TARGET ...]

Without targets, all run. Printed are executions, coverage (edges of the instrumented code that were reached) and finds
of each target; exits 1 if there are any. An input that is a find is in `.fuzz/TARGET/finds`, its exception beside it,
and belongs in a test of the module that it breaks. Inputs that reach new code are kept in `.fuzz/TARGET/corpus`, where
the next run goes on. With `--record` the figures are written to docs/PROMISES.md.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import promises
from tests.fuzz.fuzz_target import MODULE_BY_TARGET
from tests.support.shared_data import SHARED

FUZZ_FOLDER = Path(__file__).resolve().parents[2] / ".fuzz"
MIN_RUN_SECONDS = 5
"""Seconds below which a target that crashed is not started again."""

out, progress = Console(highlight=False), Console(highlight=False, stderr=True)
_PROGRESS_PATTERN = re.compile(r"#(\d+)\s.*cov: (\d+)")
_EXECUTIONS_PATTERN = re.compile(r"stat::number_of_executed_units: (\d+)")
_CRASH_PATTERN = re.compile(r"Test unit written to (\S+)")


@dataclass
class TargetReport:
    """Figures of a target."""

    name: str
    seconds: float = 0
    executions: int = 0
    coverage: int = 0
    finds: list[str] = field(default_factory=list)


def run_target(name: str, seconds: int) -> TargetReport:
    """Fuzz a target for some seconds; a process that crashes is started again for the rest of them."""
    report = TargetReport(name)
    folder = FUZZ_FOLDER / name
    deadline = time.monotonic() + seconds
    while (remaining_seconds := int(deadline - time.monotonic())) >= min(MIN_RUN_SECONDS, seconds):
        started_at = time.monotonic()
        _run_process(report, folder, max(remaining_seconds, 1))
        report.seconds += time.monotonic() - started_at
    return report


def _run_process(report: TargetReport, folder: Path, seconds: int) -> None:
    command = [sys.executable, "-m", "tests.fuzz.fuzz_process", report.name, str(folder), str(seconds)]
    executions = 0
    last_lines: list[str] = []
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, errors="replace"
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            last_lines = [*last_lines[-20:], line]
            if match := _PROGRESS_PATTERN.match(line):
                executions, report.coverage = int(match[1]), max(report.coverage, int(match[2]))
            elif match := _EXECUTIONS_PATTERN.match(line):
                executions = int(match[1])
            elif line.startswith("FIND ") or _CRASH_PATTERN.search(line):
                report.finds.append(line.removeprefix("FIND ").strip())
                progress.print(f"{report.name}: {report.finds[-1]}", markup=False)
    report.executions += executions
    if process.returncode and not report.finds:
        report.finds.append(f"the process ended with {process.returncode}")
        progress.print("".join(last_lines), markup=False)


def print_reports(reports: list[TargetReport]) -> None:
    """Print a line of figures for each target."""
    table = Table("target", *(("seconds", "executions", "a second", "edges", "finds")), box=None)
    for report in reports:
        rate = report.executions / report.seconds if report.seconds else 0
        table.add_row(
            report.name,
            f"{report.seconds:.0f}",
            f"{report.executions:,}",
            f"{rate:,.0f}",
            f"{report.coverage:,}",
            str(len(report.finds)),
        )
    out.print(table)


def main() -> int:
    """Run targets and print their figures; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", choices=[*MODULE_BY_TARGET, []], metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=60, help="seconds for each target")
    parser.add_argument("--record", action="store_true", help="write the figures to docs/PROMISES.md")
    arguments = parser.parse_args()
    commit = promises.describe_commit()
    if not SHARED.exists():
        progress.print("Without ../shared: beginning with the documents of tests alone.")
    reports = []
    for name in arguments.targets or MODULE_BY_TARGET:
        reports.append(run_target(name, arguments.seconds))
        progress.print(f"{name}: {reports[-1].executions:,} executions, {len(reports[-1].finds)} finds")
    print_reports(reports)
    find_count = sum(len(report.finds) for report in reports)
    if arguments.record and not find_count:
        execution_count = sum(report.executions for report in reports)
        minutes = sum(report.seconds for report in reports) / 60
        figure = f"{execution_count:,} inputs of {len(reports)} targets in {minutes:.0f} minutes, finds 0"
        promises.record("fuzz", figure, commit=commit)
    return 1 if find_count else 0


if __name__ == "__main__":
    sys.exit(main())
