"""Commands on the maintenance mode, in which nothing is polled or posted: `telex maintenance` shows and changes it."""

from typing import Annotated

import typer

from bot.cli import terminal
from bot.cli.command_context import run_with_store
from bot.cli.command_process import echo_stderr
from bot.core.models import DispatchState
from bot.store import Store
from bot.store.records.operating_records import MAX_MAINTENANCE_MINUTES, MaintenancePeriod

maintenance_group = typer.Typer(name="maintenance", invoke_without_command=True)
"""Group of the commands `telex maintenance …`, which show, start and end maintenance."""


@maintenance_group.callback()
def describe(context: typer.Context) -> None:
    """Say whether maintenance is on, and what is still being sent."""
    if context.invoked_subcommand is not None:
        return

    async def load(store: Store) -> tuple[MaintenancePeriod | None, int]:
        states = {state: count for state, count, _oldest_at in await store.dispatches.count_by_state()}
        return await store.maintenance.get(), states.get(DispatchState.CLAIMED, 0)

    period, claimed_count = run_with_store(load)
    if period is None:
        terminal.echo_stdout("Maintenance is off.")
        return
    expected_text = "" if period.expected_end is None else f", until about {terminal.format_time(period.expected_end)}"
    terminal.echo_stdout(
        f"Maintenance has been on since {terminal.format_time(period.since)}{expected_text}. "
        f"Messages being sent: {claimed_count}."
    )


@maintenance_group.command("on")
def turn_on(
    minutes: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_MAINTENANCE_MINUTES, help="How long it will take, for people to read."),
    ] = None,
) -> None:
    """Pause polling and posting until `telex maintenance off`.

    Commands say that it’s maintenance.
    """
    expected_seconds = None if minutes is None else 60 * minutes
    run_with_store(lambda store: store.maintenance.turn_on(expected_seconds=expected_seconds, user_id=None))
    echo_stderr("Maintenance is on. A running bot notices within 5 seconds, and finishes what it is sending.")


@maintenance_group.command("off")
def turn_off() -> None:
    """Go on polling and posting; what was due meanwhile follows."""
    was_on = run_with_store(lambda store: store.maintenance.turn_off(user_id=None))
    echo_stderr("Maintenance is off. Posts follow within 5 seconds." if was_on else "Maintenance was off already.")
