"""The command line: `telex`, or `python -m bot`.

Machine-readable output goes to standard output, everything else to standard error.
Exit status 0: done; 1: failed; 2: wrong use.
"""

import sys
from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

# `python -m bot` puts the working directory first on the path; our own `cogs` lie beside this package.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bot.cli import checks, terminal
from bot.cli.article_commands import commands
from bot.cli.assistant_commands import commands as assistant_commands
from bot.cli.database_commands import commands as database_commands
from bot.cli.followed_feeds import commands as feed_commands
from bot.cli.polling_commands import commands as polling_commands
from bot.cli.stored_news import open_store
from bot.cli.terminal import FAILED, WRONG_USE, settings_or_stop, stop, wait_for
from bot.client import logs
from bot.core.choices import Role
from bot.core.installation import extra_command
from bot.core.settings import Settings
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
def default(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Run the bot if there is a token; otherwise say so and start the demo."""
    if version:
        terminal.out(f"telex {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is not None:
        return
    settings = settings_or_stop()
    if settings.discord_token is not None:
        logs.start(settings)
        _run_bot(settings)
    terminal.say("No DISCORD_TOKEN is set, so here’s the demo: the same bot in a simulated Discord.")
    _run_demo(settings)


@app.command()
def run(
    roles: Annotated[
        str | None,
        typer.Option(help="What this process does: gateway, poller. Default: TELEX_ROLES, or both."),
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Go back to a database that was moved. Stop the bot on the new one first."
        ),
    ] = False,
) -> None:
    """Run the bot on Discord until it is stopped (Ctrl-C, SIGTERM)."""
    settings = settings_or_stop(starts_log=True, **({} if roles is None else {"roles": roles}))
    if again:
        _take_back(settings)
    _run_bot(settings)


def _take_back(settings: Settings) -> None:
    async def work() -> None:
        async with open_store(settings) as store:
            await store.take_back()

    try:
        with Store.lock_for_run(settings.database, alone=True):
            wait_for(work)
    except StoreError as error:
        stop(str(error), FAILED)


def _run_bot(settings: Settings) -> NoReturn:
    if Role.GATEWAY not in settings.roles:
        from bot.client import poller_process  # noqa: PLC0415 - what it imports takes a second

        _run_alone(settings, lambda: poller_process.serve(settings))
    if settings.discord_token is None:
        stop(
            "No DISCORD_TOKEN is set. Make a bot at https://discord.com/developers/applications and put its "
            "token in the environment or in .env, or try `telex demo`, which needs none.",
            WRONG_USE,
        )
    if not (token := checks.check_token(settings)).good:
        stop(f"DISCORD_TOKEN {token.found}.", WRONG_USE)
    from bot.client.gateway_process import LoginRefused, serve  # noqa: PLC0415 - discord.py takes a second to import
    from cogs import ALL  # noqa: PLC0415 - likewise

    try:
        _run_alone(settings, lambda: serve(settings, ALL))
    except LoginRefused as error:
        stop(str(error), WRONG_USE)


def _run_alone(settings: Settings, work: Callable[[], Coroutine[Any, Any, None]]) -> NoReturn:
    try:
        with Store.lock_for_run(settings.database):
            wait_for(work, endless=True)
    except StoreError as error:
        stop(str(error), FAILED)
    raise typer.Exit


@app.command()
def demo(
    live: Annotated[bool, typer.Option("--live", help="Poll the real starter feeds, on the web.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0 picks a free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Try the bot in a simulated Discord: no token, no network.

    A page in the browser, with sample feeds.
    """
    _run_demo(settings_or_stop(), live=live, port=port, browser=browser)


def _run_demo(settings: Settings, *, live: bool = False, port: int = 0, browser: bool = True) -> None:
    if find_spec("simcord") is None:
        stop(f"The demo needs an extra: {extra_command('demo')}", FAILED)
    # The page is what there is to see: without a level of one's own, only what went wrong is logged.
    if "database" in settings.model_fields_set:
        terminal.say("The demo uses its own database; TELEX_DATABASE stays untouched.")
    quiet = {} if "log_level" in settings.model_fields_set else {"log_level": "warning"}
    logs.start(settings.model_copy(update=quiet))
    from bot.demo import serve as serve_demo  # noqa: PLC0415 - needs the extra
    from cogs import ALL  # noqa: PLC0415 - discord.py takes a second to import

    wait_for(lambda: serve_demo(settings, ALL, live=live, port=port, browser=browser), endless=True)


@app.command()
def check() -> None:
    """Check settings, database, token, feeds and the model service.

    Of the token only the shape; each feed is asked once.
    """

    async def work() -> int:
        rows = []
        with terminal.progress() as bar:
            task = bar.add_task("checking", total=None)
            async for result in checks.run(settings):
                rows.append(result)
                bar.advance(task)
        terminal.table(
            f"Telex {__version__}",
            ("", "what", "found"),
            (("ok" if row.good else "FAILED", row.what, row.found) for row in rows),
        )
        for row in rows:
            if row.advice:
                terminal.say(row.advice)
        if any(row.is_wrong_use for row in rows):
            return WRONG_USE
        return 0 if all(row.good for row in rows) else FAILED

    settings = settings_or_stop()
    raise typer.Exit(wait_for(work))


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

        terminal.out(Fernet.generate_key().decode())
        raise typer.Exit
    settings = settings_or_stop()
    if settings.secret_key is None:
        stop("TELEX_SECRET_KEY is not set. `telex rekey --new` prints a key for it.", WRONG_USE)

    async def work() -> int:
        async with open_store(settings) as store:
            return await store.seal(anew=True)

    try:
        Store.must_exist(settings.database)
        with Store.lock_for_run(settings.database, alone=True):
            count = wait_for(work)
    except DatabaseMissing as error:
        stop(str(error), WRONG_USE)
    except StoreError as error:
        stop(str(error), FAILED)
    terminal.say(f"Feed addresses encrypted with the first key: {count}.")


app.add_typer(polling_commands)
app.add_typer(feed_commands)
app.add_typer(commands)
app.add_typer(database_commands)
app.add_typer(assistant_commands)


def main() -> None:
    """Run `telex` with the arguments of the process."""
    with terminal.whole_output():
        app()
