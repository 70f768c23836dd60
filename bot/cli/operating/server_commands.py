"""Commands on the servers that use the bot: `telex servers` lists them; other modules add commands to the group."""

import json
from typing import Annotated

import typer

from bot.cli import terminal
from bot.cli.command_context import JsonOption, run_with_store
from bot.cli.command_process import echo_stderr
from bot.core.clock import SystemClock
from bot.core.local_time import format_iso
from bot.posting.wording.audit_sentences import describe_audit_entry
from bot.store.records.operating_records import POST_COUNT_DAYS, AuditEntry, ServerOrder, ServerOverview

servers_group = typer.Typer(name="servers", invoke_without_command=True)
"""Group of the commands `telex servers …`."""


@servers_group.callback()
def list_servers(
    context: typer.Context,
    sort: Annotated[ServerOrder, typer.Option(help="Order of the list.")] = ServerOrder.MEMBERS,
    as_json: JsonOption = False,
) -> None:
    """List the servers that the bot is in, with members, feeds, posts a day and last use."""
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
    now = SystemClock().now()
    terminal.print_table(
        "1 server" if len(overviews) == 1 else f"{len(overviews)} servers",
        ("id", "name", "members", "feeds", "posts a day", "last use", "status"),
        (
            (
                str(overview.id),
                overview.name or "–",
                "–" if overview.member_count is None else str(overview.member_count),
                str(overview.feed_count),
                f"{overview.post_count / POST_COUNT_DAYS:.1f}",
                terminal.format_relative_time(overview.last_used_at, now),
                _describe_access(overview),
            )
            for overview in overviews
        ),
    )


def _describe_access(overview: ServerOverview) -> str:
    if overview.is_leaving:
        return "leaving"
    return {None: "", True: "allowed", False: "blocked"}[overview.is_allowed]


def _overview_as_json(overview: ServerOverview) -> dict[str, object]:
    return {
        "id": str(overview.id),
        "name": overview.name,
        "members": overview.member_count,
        "feeds": overview.feed_count,
        "posts_a_day": round(overview.post_count / POST_COUNT_DAYS, 1),
        "joined": format_iso(overview.joined_at),
        "last_use": None if overview.last_used_at is None else format_iso(overview.last_used_at),
        "allowed": overview.is_allowed,
        "leaving": overview.is_leaving,
    }


@servers_group.command()
def audit(as_json: JsonOption = False) -> None:
    """Print the audit log: what was decided for the whole bot, newest first."""
    entries = run_with_store(lambda store: store.audit_log.list_entries())
    if as_json:
        for entry in entries:
            terminal.echo_stdout(json.dumps(_entry_as_json(entry), ensure_ascii=False))
        return
    if not entries:
        echo_stderr("Nothing was decided yet.")
        return
    terminal.print_table(
        "Audit log",
        ("time", "by", "server", "what"),
        (
            (
                terminal.format_time(entry.recorded_at),
                "terminal" if entry.user_id is None else str(entry.user_id),
                "–" if entry.server_id is None else str(entry.server_id),
                describe_audit_entry(entry),
            )
            for entry in entries
        ),
    )


def _entry_as_json(entry: AuditEntry) -> dict[str, object]:
    return {
        "at": format_iso(entry.recorded_at),
        "action": entry.action.value,
        "user": None if entry.user_id is None else str(entry.user_id),
        "server": None if entry.server_id is None else str(entry.server_id),
        "details": entry.details,
    }
