"""The command `telex drill`, which lets the bot live through planned outages in a scratch folder."""

import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import terminal
from bot.cli.command_process import FAILURE_STATUS, echo_stderr, exit_with_error, run_async

if TYPE_CHECKING:
    from bot.drill.fault_plan import PlannedFault
    from bot.drill.outage_drill import DrillReport

commands = typer.Typer()


@commands.command()
def drill(
    minutes: Annotated[float, typer.Option(min=0.05, max=600, help="Minutes of faults, about fifteen in each.")] = 5,
    seed: Annotated[int, typer.Option(help="The same seed plans the same faults.")] = 7,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Hide one post, which must end in exit status 1.")
    ] = False,
) -> None:
    """Let the bot, Discord and feeds fail at random moments, and count lost and repeated posts.

    It is the real bot with a database of its own, a stand-in for Discord and generated feeds, all on this machine:
    your settings and your database stay untouched. Exit status 0: no post was lost or repeated.
    """
    from bot.drill import outage_drill  # noqa: PLC0415 - discord.py takes a second to import

    started_at = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="telex-drill-"))
    keeps_folder = False
    try:
        report = run_async(
            lambda: outage_drill.run_drill(folder, 60 * minutes, seed, on_fault=_echo_fault, hides_post=self_test)
        )
        keeps_folder = not (report.comparison.is_good or self_test)
        _print_report(report, minutes=minutes, seed=seed, total_seconds=time.monotonic() - started_at)
    except outage_drill.DrillFailed as error:
        keeps_folder = True
        exit_with_error(str(error), FAILURE_STATUS)
    finally:
        if keeps_folder:
            echo_stderr(f"The bot's log and database are in {folder}.")
        else:
            shutil.rmtree(folder)
    if self_test:
        echo_stderr("Self-test: one post was hidden, so it has to be lost.")
    raise typer.Exit(0 if report.comparison.is_good else FAILURE_STATUS)


def _echo_fault(planned_fault: "PlannedFault") -> None:
    echo_stderr(f"{planned_fault.at_seconds:6.1f} s  {planned_fault.kind}")


def _print_report(report: "DrillReport", *, minutes: float, seed: int, total_seconds: float) -> None:
    from bot.drill.fault_plan import FaultKind  # noqa: PLC0415 - only a drill needs it
    from bot.drill.post_comparison import MAX_DELAY_SECONDS  # noqa: PLC0415 - only a drill needs it

    comparison, fault_count = report.comparison, report.fault_counts.total()
    terminal.print_table(
        f"Drill of {minutes:g} min, seed {seed}",
        ("fault", "times"),
        ((kind, str(report.fault_counts[kind])) for kind in FaultKind),
    )
    for label, number in (
        ("faults", f"{fault_count} ({fault_count / minutes:.1f} a minute)"),
        ("posts compared", comparison.compared_count),
        ("lost", _format_numbers(comparison.lost_numbers)),
        ("repeated", _format_numbers(comparison.repeated_numbers)),
        (f"late (over {MAX_DELAY_SECONDS:.0f} s)", comparison.late_count),
        ("seconds", round(total_seconds)),
    ):
        terminal.echo_stdout(f"{label}: {number}")
    if not report.is_settled:
        echo_stderr("Some posts were still waiting at the end, so they count as lost.")
    if report.bot_failure_count:
        echo_stderr(f"The bot ended {report.bot_failure_count} times without a signal; its log says why.")


def _format_numbers(article_numbers: Sequence[int]) -> str:
    """Return how many articles there are, and their numbers."""
    return f"{len(article_numbers)} (articles {', '.join(map(str, article_numbers))})" if article_numbers else "0"
