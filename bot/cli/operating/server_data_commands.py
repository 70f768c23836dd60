"""Commands `telex servers export` and `telex servers erase`, on all data of one server."""

import asyncio
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from bot.cli import terminal
from bot.cli.command_context import OverwriteOption, open_store
from bot.cli.command_process import (
    FAILURE_STATUS,
    USAGE_ERROR_STATUS,
    echo_stderr,
    exit_with_error,
    load_settings_or_exit,
    run_async,
)
from bot.cli.operating.server_argument import ServerArgument, find_server_id, name_server
from bot.core.configuration.settings import Settings
from bot.core.user_errors import RequestRejected
from bot.operating import server_erasures
from bot.operating.server_decisions import require_other_server
from bot.posting.wording.refusal_sentences import refusal_sentence
from bot.store import ProcessMustEnd, Store

commands = typer.Typer()

RECEIPT_WAIT_SECONDS = 60
"""Number of seconds for which `telex servers erase` waits until the running bot has left and erased a server."""
_RECEIPT_CHECK_SECONDS = 0.5
"""Number of seconds between two checks for the receipt of a server's erasure."""


@commands.command()
def export(
    server: ServerArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help='File for the JSON; "-" is standard output.')],
    overwrite: OverwriteOption = False,
) -> None:
    """Write all that is stored about a server as JSON.

    Secrets and personal data are left out.
    """
    settings = load_settings_or_exit()

    async def export_server() -> None:
        async with open_store(settings) as store:
            server_id, _row_count = await _find_stored_server(store, server)
            with terminal.open_output(file, overwrite=overwrite) as stream:
                await store.server_data.export(server_id, stream.write)
            echo_stderr(f"Exported {await name_server(store, server_id)}.")

    run_async(export_server)


@commands.command()
def erase(
    server: ServerArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Erase without asking.")] = False,
) -> None:
    """Erase all that is stored about a server, and print a receipt.

    The bot leaves the server first, at its next start if it isn’t running. The receipt is JSON.
    """
    settings = load_settings_or_exit()

    async def find_server() -> tuple[int, int, str]:
        async with open_store(settings) as store:
            server_id, row_count = await _find_stored_server(store, server)
            return server_id, row_count, await name_server(store, server_id)

    server_id, row_count, server_name = run_async(find_server)
    try:
        require_other_server(settings, server_id)
    except RequestRejected as error:
        _exit_with_refusal(error)
    rows_text = "1 row is" if row_count == 1 else f"{row_count:,} rows are"
    echo_stderr(f"{rows_text} stored about {server_name}. The bot leaves it, and all of it is erased for good.")
    if not yes and not typer.confirm("Erase it?", err=True):
        raise typer.Exit(FAILURE_STATUS)
    terminal.echo_stdout(run_async(lambda: _erase_server(settings, server_id)))


async def _find_stored_server(store: Store, server: str) -> tuple[int, int]:
    """Return the id of a server, given by id or name, and how many rows are stored about it; exit (2) if none is."""
    server_id = await find_server_id(store, server)
    row_count = sum((await store.server_data.count_rows(server_id)).values())
    if not row_count:
        _exit_with_refusal(RequestRejected(server_erasures.ErasureRejection.NOTHING_STORED))
    return server_id, row_count


async def _erase_server(settings: Settings, server_id: int) -> str:
    """Have a server erased and return the receipt.

    Exit (1) without one if the bot has to leave the server first and is not running, or is not done within
    `RECEIPT_WAIT_SECONDS`, and (2) if the erasure is refused.
    """
    async with open_store(settings) as store:
        requested_at = store.clock.now()
        try:
            await server_erasures.request_erasure(store, settings, server_id, user_id=None)
        except RequestRejected as error:
            _exit_with_refusal(error)
        try:
            with Store.lock_for_run(settings.database, exclusive=True):
                await server_erasures.erase_requested_servers(store, is_bot_running=False)
            check_count = 1
        except ProcessMustEnd:  # The bot runs, and erases the data itself.
            check_count = round(RECEIPT_WAIT_SECONDS / _RECEIPT_CHECK_SECONDS)
        for _check in range(check_count):
            if (receipt := await store.server_data.load_receipt(server_id, erased_since=requested_at)) is not None:
                return receipt
            await asyncio.sleep(_RECEIPT_CHECK_SECONDS)
    return exit_with_error(
        "The bot is in this server and isn’t running. At its next start, it leaves the server and erases the data."
        if check_count == 1
        else "The bot hasn’t erased the data yet, but will. `telex servers audit --json` then has the receipt."
    )


def _exit_with_refusal(error: RequestRejected) -> NoReturn:
    exit_with_error(refusal_sentence(error.reason), USAGE_ERROR_STATUS)
