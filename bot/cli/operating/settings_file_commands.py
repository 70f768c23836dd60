"""Commands that write the settings of a server to a file and read them from one: `telex settings …`.

What they do is imported only when they run, because a running bot needs no YAML.
"""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli import terminal
from bot.cli.command_context import OverwriteOption
from bot.cli.operating.server_argument import ServerArgument

settings_group = typer.Typer(name="settings", help="Write a server’s settings to a file, and read them from one.")
"""Group of the commands `telex settings …`, which export and import the settings of a server."""

_ChannelOption = Annotated[int | None, typer.Option("--channel", metavar="ID", min=1, help="This channel only.")]


@settings_group.command()
def export(
    server: ServerArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help='File for the YAML; "-" is standard output.')] = Path(
        "-"
    ),
    channel_id: _ChannelOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Write the settings of a server as YAML.

    There are feeds, filters, looks, schedules, digests and watches of channels, but no secrets.
    """
    from bot.cli.operating.settings_transfer import build_file  # noqa: PLC0415 - needs YAML

    settings_text = build_file(server, channel_id)
    with terminal.open_output(file, overwrite=overwrite) as stream:
        stream.write(settings_text)


@settings_group.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File from `telex settings export`.")],
    channel_id: _ChannelOption = None,
    target_server: Annotated[
        str | None,
        typer.Option("--into", metavar="SERVER", help="Another server; names tell channels and roles there."),
    ] = None,
    prints_all: Annotated[bool, typer.Option("--all", help="Show all changes, not just the first 50.")] = False,
    is_confirmed: Annotated[bool, typer.Option("--yes", help="Don’t ask before changing anything.")] = False,
) -> None:
    """Show what a settings file changes, and change it if you agree."""
    from bot.cli.operating.settings_transfer import apply_plan, plan_import, print_plan  # noqa: PLC0415 - needs YAML

    plan = plan_import(file, target_server, channel_id)
    print_plan(plan, prints_all=prints_all)
    if plan.changes and (is_confirmed or typer.confirm("Change these settings?", abort=True, err=True)):
        apply_plan(plan)
