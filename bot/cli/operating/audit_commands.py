"""Command `telex servers audit`, which prints the audit log."""

import json

import typer

from bot.cli import terminal
from bot.cli.command_context import JsonOption, run_with_store
from bot.cli.command_process import echo_stderr
from bot.core.local_time import format_iso
from bot.core.preferences import OPERATOR_USER_ID
from bot.posting.wording.audit_sentences import describe_audit_entry
from bot.store import Store
from bot.store.records.operating_records import AuditEntry

commands = typer.Typer()


@commands.command()
def audit(as_json: JsonOption = False) -> None:
    """Print the audit log of all decisions, newest first."""

    async def load(store: Store) -> tuple[list[AuditEntry], dict[int, str | None]]:
        overviews = await store.server_directory.list_overviews()
        return await store.audit_log.list_entries(), {overview.id: overview.name for overview in overviews}

    entries, name_by_id = run_with_store(load)
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
                _get_operator_text(entry) or "deleted",
                "–"
                if entry.server_id is None
                else terminal.stack_name_on_id(name_by_id.get(entry.server_id), entry.server_id),
                describe_audit_entry(entry),
            )
            for entry in entries
        ),
        unbroken_columns=("by", "server"),
    )


def _get_operator_text(entry: AuditEntry) -> str | None:
    """Return `terminal` or the id of the user who acted, or None if the user had their data deleted."""
    if entry.user_id is None:
        return None
    return "terminal" if entry.user_id == OPERATOR_USER_ID else str(entry.user_id)


def _entry_as_json(entry: AuditEntry) -> dict[str, object]:
    return {
        "at": format_iso(entry.recorded_at),
        "action": entry.action,
        "user": _get_operator_text(entry),
        "server": None if entry.server_id is None else str(entry.server_id),
        "details": entry.details,
    }
