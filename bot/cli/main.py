"""The command line: `telex`, or `python -m bot`.

Machine-readable output goes to standard output, everything else to standard error. Exit status 0: done; 1:
failed; 2: wrong use.
"""

from dataclasses import replace
from importlib.util import find_spec
from typing import Annotated

import typer

from bot.cli import checks, terminal
from bot.cli.article_commands import commands as article_commands
from bot.cli.assistant_commands import commands as assistant_commands
from bot.cli.bot_process import SETUP_ADVICE, run_bot
from bot.cli.command_context import open_store
from bot.cli.command_process import (
    FAILURE_STATUS,
    USAGE_ERROR_STATUS,
    echo_stderr,
    exit_with_error,
    load_settings_or_exit,
    run_async,
)
from bot.cli.database_commands import commands as database_commands
from bot.cli.drill_command import commands as drill_command
from bot.cli.listening_address import find_bind_problem
from bot.cli.operating.audit_commands import commands as audit_commands
from bot.cli.operating.blocked_source_commands import sources_group
from bot.cli.operating.limit_commands import commands as limit_commands
from bot.cli.operating.maintenance_commands import maintenance_group
from bot.cli.operating.notice_commands import notice_group
from bot.cli.operating.server_commands import servers_group
from bot.cli.operating.server_data_commands import commands as server_data_commands
from bot.cli.operating.settings_file_commands import settings_group
from bot.cli.polling_commands import commands as polling_commands
from bot.cli.service_command import commands as service_command
from bot.cli.stored_feed_commands import commands as feed_commands
from bot.client import logs
from bot.core.configuration.settings import Settings
from bot.core.configuration.settings_reading import read_setting_texts
from bot.core.installation import build_extra_command
from bot.core.version import __version__
from bot.store import DatabaseMissing, Store, StoreError

app = typer.Typer(
    name="telex",
    help="A Discord bot that brings the news to your server and answers questions about it.",
    epilog="Settings come from the environment (TELEX_…) and from .env; DISCORD_TOKEN is the bot's token.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def run_default_command(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Run the bot if there is a token; otherwise say so and start the demo.

    With a token, `bot.__main__` has run the bot before this module was imported.
    """
    if version:
        terminal.echo_stdout(f"telex {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is not None:
        return
    settings = load_settings_or_exit()
    if not _is_demo_installed():
        exit_with_error(
            f"{SETUP_ADVICE} Then run telex again.\n"
            f"Or try it in a simulated Discord first: {build_extra_command('demo')}",
            USAGE_ERROR_STATUS,
        )
    echo_stderr("No DISCORD_TOKEN is set, so here’s the demo: the same bot in a simulated Discord.")
    _run_demo(settings)


@app.command()
def run(
    roles: Annotated[
        str | None,
        typer.Option(help="What this process does: gateway, poller. Default: TELEX_ROLES, or both."),
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Go back to a database that was moved. Stop the bot on the new one first."),
    ] = False,
) -> None:
    """Run the bot on Discord until it is stopped (Ctrl-C, SIGTERM)."""
    settings = load_settings_or_exit(starts_log=True, **({} if roles is None else {"roles": roles}))
    if again:
        _reclaim_moved_database(settings)
    run_bot(settings)


def _reclaim_moved_database(settings: Settings) -> None:
    """Remove from a database the mark that it was moved elsewhere, so that the bot runs on it again."""

    async def reactivate_database() -> None:
        async with open_store(settings) as store:
            await store.reactivate()

    try:
        with Store.lock_for_run(settings.database, exclusive=True):
            run_async(reactivate_database)
    except StoreError as error:
        exit_with_error(str(error), FAILURE_STATUS)


@app.command()
def demo(
    live: Annotated[bool, typer.Option("--live", help="Poll the real starter feeds, on the web.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0 picks a free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Try the bot in a simulated Discord: no token, and no network without --live.

    It is a page in the browser, with sample feeds.
    """
    _run_demo(load_settings_or_exit(), is_live=live, port=port, opens_browser=browser)


def _is_demo_installed() -> bool:
    """Return whether the optional libraries of the demo (extra `demo`) are installed."""
    return find_spec("simcord") is not None


def _run_demo(settings: Settings, *, is_live: bool = False, port: int = 0, opens_browser: bool = True) -> None:
    if not _is_demo_installed():
        exit_with_error(f"The demo needs an extra: {build_extra_command('demo')}", FAILURE_STATUS)
    _require_free_port(port)
    # Users look at the page, so unless a log level is configured, only warnings are logged.
    text_by_setting = read_setting_texts()
    if "database" in text_by_setting:
        echo_stderr("The demo uses its own database; TELEX_DATABASE stays untouched.")
    logs.configure_logging(settings if "log_level" in text_by_setting else replace(settings, log_level="warning"))
    from bot.demo import serve as serve_demo  # noqa: PLC0415 - needs the extra
    from cogs import ALL_COGS  # noqa: PLC0415 - discord.py takes a second to import

    run_async(
        lambda: serve_demo(settings, ALL_COGS, is_live=is_live, port=port, opens_browser=opens_browser),
        runs_until_stopped=True,
    )


def _require_free_port(port: int) -> None:
    """Exit with a sentence if a page can't be served at a port, before the demo is built, which takes seconds."""
    if (problem := find_bind_problem("127.0.0.1", port)) is not None:
        exit_with_error(
            f"The demo can't use port {port}: {problem}. Give it another with --port, or leave --port out.",
            FAILURE_STATUS,
        )


@app.command()
def check() -> None:
    """Check settings, database, token, feeds and the model service.

    Only the shape of the token is checked; each feed is asked once.
    """

    async def run_all_checks() -> int:
        check_results = []
        with terminal.create_progress_bar() as progress_bar:
            progress_task_id = progress_bar.add_task("checking", total=None)
            async for check_result in checks.run_checks(settings):
                check_results.append(check_result)
                progress_bar.advance(progress_task_id)
        terminal.print_table(
            f"Telex {__version__}",
            ("", "what", "found"),
            (
                (_name_outcome(check_result), check_result.subject, check_result.detail)
                for check_result in check_results
            ),
        )
        for check_result in check_results:
            if check_result.advice:
                echo_stderr(check_result.advice)
        if any(check_result.is_usage_error for check_result in check_results):
            return USAGE_ERROR_STATUS
        return 0 if all(check_result.is_ok for check_result in check_results) else FAILURE_STATUS

    settings = load_settings_or_exit()
    raise typer.Exit(run_async(run_all_checks))


def _name_outcome(check_result: checks.CheckResult) -> str:
    if not check_result.is_ok:
        return "FAILED"
    return "warning" if check_result.is_warning else "ok"


@app.command()
def rekey(
    new: Annotated[bool, typer.Option("--new", help="Print a new key and change nothing.")] = False,
) -> None:
    """Encrypt feed addresses that contain a password or key, with the first key of TELEX_SECRET_KEY.

    To change the key, put a new one in front of the old one, separated by a comma, run this, and remove the
    old one.
    """
    if new:
        from cryptography.fernet import Fernet  # noqa: PLC0415 - 8 MB that no other command needs

        terminal.echo_stdout(Fernet.generate_key().decode())
        raise typer.Exit
    settings = load_settings_or_exit()
    if settings.secret_key is None:
        exit_with_error("TELEX_SECRET_KEY is not set. `telex rekey --new` prints a key for it.", USAGE_ERROR_STATUS)

    async def reencrypt_urls() -> int:
        async with open_store(settings) as store:
            return await store.encrypt_feed_urls(reencrypt=True)

    try:
        Store.require_exists(settings.database)
        with Store.lock_for_run(settings.database, exclusive=True):
            encrypted_url_count = run_async(reencrypt_urls)
    except DatabaseMissing as error:
        exit_with_error(str(error), USAGE_ERROR_STATUS)
    except StoreError as error:
        exit_with_error(str(error), FAILURE_STATUS)
    echo_stderr(f"Feed addresses encrypted with the first key: {encrypted_url_count}.")


app.add_typer(drill_command)
app.add_typer(service_command)
app.add_typer(polling_commands)
app.add_typer(feed_commands)
app.add_typer(article_commands)
app.add_typer(database_commands)
app.add_typer(assistant_commands)
servers_group.add_typer(limit_commands)
servers_group.add_typer(audit_commands)
servers_group.add_typer(server_data_commands)
app.add_typer(servers_group)
app.add_typer(notice_group)
app.add_typer(maintenance_group)
app.add_typer(sources_group)
app.add_typer(settings_group)


def main() -> None:
    """Run `telex` with the arguments of the process."""
    with terminal.guard_stdout():
        app()
