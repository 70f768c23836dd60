"""Commands `telex servers`, which list, leave, block and allow servers; other modules add commands to the group."""

import json
from collections.abc import Callable, Coroutine
from typing import Annotated

import typer

from bot.cli import terminal
from bot.cli.command_context import JsonOption, open_store, run_with_store
from bot.cli.command_process import (
    USAGE_ERROR_STATUS,
    echo_stderr,
    exit_with_error,
    load_settings_or_exit,
    run_async,
)
from bot.cli.operating.server_argument import ServerArgument, find_server_id, name_server
from bot.core.configuration.settings import Settings
from bot.core.local_time import format_iso
from bot.core.user_errors import RequestRejected
from bot.operating import server_decisions
from bot.posting.wording.refusal_sentences import refusal_sentence
from bot.store import Store
from bot.store.records.operating_records import POST_COUNT_DAYS, ServerOrder, ServerOverview

servers_group = typer.Typer(name="servers", invoke_without_command=True)
"""Group of the commands `telex servers …` on the Discord servers of the bot."""


@servers_group.callback()
def list_servers(
    context: typer.Context,
    sort: Annotated[ServerOrder, typer.Option(help="Order of the list.")] = ServerOrder.MEMBERS,
    as_json: JsonOption = False,
) -> None:
    """List the servers that the bot is in, with their figures.

    Blocked and allowed servers that it is not in come last. Members are those of when the bot last connected, last use
    is a day in UTC.
    """
    if context.invoked_subcommand is not None:
        return
    overviews = run_with_store(lambda store: store.server_directory.list_overviews(order=sort))
    if as_json:
        for overview in overviews:
            terminal.echo_stdout(json.dumps(_overview_as_json(overview), ensure_ascii=False))
        return
    if not overviews:
        echo_stderr("The bot is in no server yet. `telex run` logs the link that invites it.")
        return
    server_count = sum(overview.joined_at is not None for overview in overviews)
    terminal.print_table(
        "1 server" if server_count == 1 else f"{server_count} servers",
        ("server", "members", "feeds", "posts a day", "last use", "status"),
        (
            (
                terminal.stack_name_on_id(overview.name, overview.id),
                "–" if overview.member_count is None else str(overview.member_count),
                str(overview.feed_count),
                f"{overview.post_count / POST_COUNT_DAYS:.1f}",
                "–" if overview.last_used_at is None else format_iso(overview.last_used_at)[: len("2026-11-30")],
                _describe_access(overview),
            )
            for overview in overviews
        ),
        has_row_lines=True,
        unbroken_columns=("server", "last use"),
    )


def _describe_access(overview: ServerOverview) -> str:
    if overview.is_leaving:
        return "leaving"
    access_text = {None: "", True: "allowed", False: "blocked"}[overview.is_allowed]
    return access_text if overview.joined_at is not None else f"{access_text}, not in it"


def _overview_as_json(overview: ServerOverview) -> dict[str, object]:
    return {
        "id": str(overview.id),
        "name": overview.name,
        "members": overview.member_count,
        "feeds": overview.feed_count,
        "posts_a_day": round(overview.post_count / POST_COUNT_DAYS, 1),
        "joined": None if overview.joined_at is None else format_iso(overview.joined_at),
        "last_use": None if overview.last_used_at is None else format_iso(overview.last_used_at),
        "allowed": overview.is_allowed,
        "leaving": overview.is_leaving,
    }


@servers_group.command()
def leave(server: ServerArgument) -> None:
    """Leave a server. Its managers may invite the bot again; `block` prevents that."""

    async def leave_server(store: Store, settings: Settings) -> None:
        server_id = await find_server_id(store, server)
        await server_decisions.request_leave(store, settings, server_id, user_id=None)
        echo_stderr(f"The bot leaves {await name_server(store, server_id)} within seconds, or at its next start.")

    _decide(leave_server)


@servers_group.command()
def block(server: ServerArgument) -> None:
    """Block a server: the bot leaves it, now and at each invitation."""

    _change_access(server, is_allowed=False)


@servers_group.command()
def allow(server: ServerArgument) -> None:
    """Unblock a server, and put it on the allow-list.

    The allow-list is for TELEX_SERVERS=allowed.
    """

    _change_access(server, is_allowed=True)


def _change_access(server: str, *, is_allowed: bool) -> None:
    """Allow or block a server, and print what was done."""
    access_word = "allowed" if is_allowed else "blocked"

    async def change_access(store: Store, settings: Settings) -> None:
        server_id = await find_server_id(store, server)
        is_new = await server_decisions.change_access(store, settings, server_id, is_allowed=is_allowed, user_id=None)
        server_name = await name_server(store, server_id)
        echo_stderr(f"{access_word.title()} {server_name}." if is_new else f"{server_name} is {access_word} already.")

    _decide(change_access)


def _decide(decide: Callable[[Store, Settings], Coroutine[None, None, None]]) -> None:
    """Run a decision about a server; if it is rejected, print why and exit (2)."""
    settings = load_settings_or_exit()

    async def decide_with_store() -> None:
        async with open_store(settings) as store:
            try:
                await decide(store, settings)
            except RequestRejected as error:
                exit_with_error(refusal_sentence(error.reason), USAGE_ERROR_STATUS)

    run_async(decide_with_store)
