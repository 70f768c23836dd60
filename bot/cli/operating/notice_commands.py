"""Commands on notices, which are texts of the operator for all servers: `telex notice` lists and sends them."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, TypeVar

import typer

from bot.cli import terminal
from bot.cli.command_context import JsonOption, run_with_store
from bot.cli.command_process import USAGE_ERROR_STATUS, echo_stderr, exit_with_error
from bot.core import i18n
from bot.core.local_time import format_iso
from bot.core.user_errors import RequestRejected
from bot.operating.notice_texts import clean_notice_texts
from bot.posting.wording.refusal_sentences import refusal_sentence
from bot.store import Store
from bot.store.records.operating_records import Notice

T = TypeVar("T")

notice_group = typer.Typer(name="notice", invoke_without_command=True)
"""Group of the commands `telex notice …` on notices, the operator's texts for all servers."""


@notice_group.callback()
def list_notices(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the notices of the last 30 days, and how far they are."""
    if context.invoked_subcommand is not None:
        return
    notices = run_with_store(lambda store: store.notices.list_all())
    if as_json:
        for notice in notices:
            terminal.echo_stdout(json.dumps(_notice_as_json(notice), ensure_ascii=False))
        return
    if not notices:
        echo_stderr('No notices yet. Send one with `telex notice send --en "…" --fr "…"`.')
        return
    terminal.print_table(
        "Notices",
        ("number", "sent", "servers", "text"),
        (
            (
                str(notice.id),
                terminal.format_time(notice.created_at),
                _describe_progress(notice),
                next(iter(notice.texts.values())),
            )
            for notice in notices
        ),
    )


def _describe_progress(notice: Notice) -> str:
    """Return in how many servers a notice was posted, and in how many it was not, for each reason."""
    counts = notice.progress._asdict()
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items() if count) or "none"


@notice_group.command()
def send(
    english: Annotated[str, typer.Option("--en", metavar="TEXT", help="The text in English.")] = "",
    french: Annotated[str, typer.Option("--fr", metavar="TEXT", help="The text in French.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Don’t ask before sending.")] = False,
) -> None:
    """Post a text once in every server’s channel for alerts.

    Servers that take notices get it in their language, or else in the other one. It shows as written: mentions and
    other markup do nothing, and web addresses can be clicked.
    """
    texts = _run_or_exit(lambda: clean_notice_texts({"en": english, "fr": french}))
    reach = run_with_store(lambda store: store.notices.measure_reach())
    for language, text in texts.items():
        echo_stderr(f"[{language}]\n{text}\n")
    echo_stderr(
        f"Servers that get it: {reach.reachable}. Without a channel for alerts: {reach.without_channel}. "
        f"Opted out: {reach.opted_out}."
    )
    if reach.reachable and not yes and not typer.confirm("Send it?", err=True):
        exit_with_error("Nothing was sent.")
    notice_id = _run_on_store_or_exit(lambda store: store.notices.create(texts, user_id=None))
    echo_stderr(f"The running bot posts notice {notice_id}, in 5 servers a second. `telex notice` shows how far it is.")


@notice_group.command()
def cancel(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="The number of the notice, from `telex notice`.")],
) -> None:
    """Stop a notice where it was not posted yet."""
    if run_with_store(lambda store: store.notices.get(number)) is None:
        exit_with_error(f"There’s no notice {number}. See `telex notice`.", USAGE_ERROR_STATUS)
    withdrawn_count = _run_on_store_or_exit(lambda store: store.notices.cancel(number, user_id=None))
    echo_stderr(f"Cancelled. Servers that don’t get it: {withdrawn_count}. Messages already posted stay.")


def _run_on_store_or_exit(use_store: Callable[[Store], Awaitable[T]]) -> T:
    return _run_or_exit(lambda: run_with_store(use_store))


def _run_or_exit(function: Callable[[], T]) -> T:
    """Return the result of a function; if the request is rejected, print why and exit with the status of wrong use."""
    try:
        return function()
    except RequestRejected as error:
        with i18n.language_scope("en"):
            exit_with_error(refusal_sentence(error.reason), USAGE_ERROR_STATUS)


def _notice_as_json(notice: Notice) -> Mapping[str, object]:
    return {
        "number": notice.id,
        "sent": format_iso(notice.created_at),
        "cancelled": None if notice.cancelled_at is None else format_iso(notice.cancelled_at),
        "texts": notice.texts,
        **notice.progress._asdict(),
    }
