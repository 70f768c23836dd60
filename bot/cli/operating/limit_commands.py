"""Command that shows and sets the limits of a server."""

import json
from typing import Annotated

import typer

from bot.cli import terminal
from bot.cli.command_context import JsonOption, run_with_store
from bot.cli.command_process import USAGE_ERROR_STATUS, exit_with_error, load_settings_or_exit
from bot.cli.operating.server_argument import ServerArgument, find_server_id, name_server
from bot.operating.applicable_limits import Limits, LimitUsage, parse_limits
from bot.store import Store

commands = typer.Typer()


@commands.command()
def limits(
    server: ServerArgument,
    assignments: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=LIMIT", help="Such as feeds=500, or feeds=default.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the limits of a server and what it uses of them, or set some.

    A limit below what the server has removes nothing.
    """
    try:
        max_count_by_limit = parse_limits(assignments or [])
    except ValueError as error:
        exit_with_error(str(error), USAGE_ERROR_STATUS)

    async def set_and_load(store: Store) -> tuple[str, list[LimitUsage]]:
        server_id = await find_server_id(store, server)
        if max_count_by_limit:
            await store.server_limits.set_limits(server_id, max_count_by_limit, user_id=None)
        return await name_server(store, server_id), await Limits(load_settings_or_exit(), store).load_usage(server_id)

    server_name, usages = run_with_store(set_and_load)
    if as_json:
        for usage in usages:
            usage_fields = {"limit": usage.max_count, "used": usage.used_count, "own": usage.has_own_limit}
            terminal.echo_stdout(json.dumps({"name": usage.name} | usage_fields))
        return
    terminal.print_table(
        f"Limits of {server_name}",
        ("what", "used", "limit", "set"),
        (
            (
                usage.name,
                str(usage.used_count),
                str(usage.max_count),
                "for this server" if usage.has_own_limit else "by the settings",
            )
            for usage in usages
        ),
    )
