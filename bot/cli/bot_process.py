"""The process of the bot on Discord, as `telex run` starts it."""

from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from bot.cli import checks
from bot.cli.command_process import (
    FAILURE_STATUS,
    USAGE_ERROR_STATUS,
    exit_with_error,
    load_settings_or_exit,
    run_async,
)
from bot.cli.listening_address import find_bind_problem
from bot.client.open_files import raise_open_file_limit
from bot.core.configuration.settings import Settings
from bot.core.preferences import ProcessRole
from bot.store import Store, StoreError

SETUP_ADVICE = (
    "No DISCORD_TOKEN is set. Make a bot at https://discord.com/developers/applications and put its token in the "
    "environment or in .env (DISCORD_TOKEN=…)."
)
"""Sentence for people who start the bot without a token."""


def main() -> None:
    """Run the bot as `telex run` without options does, and exit."""
    run_bot(load_settings_or_exit(starts_log=True))


def run_bot(settings: Settings) -> NoReturn:
    """Run the bot with the configured roles (gateway, poller) and exit; exit with a message if it cannot start."""
    if ProcessRole.GATEWAY not in settings.roles:
        from bot.client import poller_process  # noqa: PLC0415 - its imports take a second

        _run_locked(settings, lambda: poller_process.run_poller(settings))
    if settings.discord_token is None:
        exit_with_error(f"{SETUP_ADVICE} Or try `telex demo`, which needs none.", USAGE_ERROR_STATUS)
    if not (token_check := checks.check_token(settings)).is_ok:
        exit_with_error(f"DISCORD_TOKEN {token_check.detail}.", USAGE_ERROR_STATUS)
    from bot.client.gateway_process import LoginRejected, run_gateway  # noqa: PLC0415 - discord.py takes a second to import
    from cogs import ALL_COGS  # noqa: PLC0415 - imports discord.py

    try:
        _run_locked(settings, lambda: run_gateway(settings, ALL_COGS))
    except LoginRejected as error:
        exit_with_error(str(error), USAGE_ERROR_STATUS)


def _run_locked(settings: Settings, run_process: Callable[[], Coroutine[Any, Any, None]]) -> NoReturn:
    """Run a process of the bot with the lock that keeps other programs from its database, and exit."""
    try:
        with Store.lock_for_run(settings.database):
            _require_free_health_address(settings)
            raise_open_file_limit()
            run_async(run_process, runs_until_stopped=True)
    except StoreError as error:
        exit_with_error(str(error), FAILURE_STATUS)
    raise SystemExit(0)


def _require_free_health_address(settings: Settings) -> None:
    """Exit with a sentence if `TELEX_HEALTH_ADDRESS` can't be used, before Discord is asked for anything."""
    if settings.health_address is not None and (problem := find_bind_problem(*settings.health_address)) is not None:
        host, port = settings.health_address
        exit_with_error(f"TELEX_HEALTH_ADDRESS={host}:{port}: {problem}", FAILURE_STATUS)
