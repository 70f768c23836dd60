"""The process of a command: its settings, its event loop and its exit status.

It imports no library for command lines, which would take 10 MB for as long as the bot runs.
"""

import asyncio
import gc
import logging
import sys
from collections.abc import Callable, Coroutine
from typing import NoReturn, TypeVar

from bot.cli.stop_signals import SHORT_STOP_SECONDS, STOP_SECONDS, StopSignals
from bot.client import logs
from bot.core.configuration.settings import Settings
from bot.core.configuration.settings_reading import (
    InvalidSettings,
    build_effect_warnings,
    build_unknown_setting_warnings,
    read_settings,
)
from bot.processes.heap import tune_heap
from bot.store import DatabaseMissing, DatabaseMoved, StoreError, set_encryption_keys

T = TypeVar("T")

log = logging.getLogger(__name__)

FAILURE_STATUS = 1
"""Exit status of a command that failed."""
USAGE_ERROR_STATUS = 2
"""Exit status of a command with wrong arguments or settings."""


def echo_stderr(message: str) -> None:
    """Print a message for people on standard error, unless that is closed."""
    if sys.stderr is not None:
        sys.stderr.write(message + "\n")


def exit_with_error(message: str, status: int = FAILURE_STATUS) -> NoReturn:
    """Print a message on standard error and exit with a status."""
    echo_stderr(message)
    raise SystemExit(status)


def load_settings_or_exit(*, starts_log: bool = False, **overrides: str) -> Settings:
    """Read the settings with overrides, and set the encryption keys; if settings are invalid, print why and exit (2).

    With `starts_log`, valid settings configure the log, to which warnings about settings then go; otherwise these
    go to standard error.
    """
    warnings: list[str] = []
    try:
        warnings = build_unknown_setting_warnings()
        settings = read_settings(**overrides)
        warnings += build_effect_warnings(settings)
    except InvalidSettings as error:
        exit_with_error("\n".join([*warnings, str(error)]), USAGE_ERROR_STATUS)
    if starts_log:
        logs.configure_logging(settings)
    for warning in warnings:
        (log.warning if starts_log else echo_stderr)(warning)
    set_encryption_keys(settings.secret_key)
    return settings


def run_async(coroutine_function: Callable[[], Coroutine[None, None, T]], *, runs_until_stopped: bool = False) -> T:
    """Run a coroutine to its end and return its result; SIGTERM cancels it as Ctrl-C does.

    If the coroutine is cancelled, the command exits: with `runs_until_stopped` as success (status 0), otherwise as
    failure. On StoreError, and on OSError with a file name, it exits with a message. Raises any other error.
    """
    stop_signals = StopSignals(STOP_SECONDS if runs_until_stopped else SHORT_STOP_SECONDS)

    async def run_stoppably() -> T:
        task = asyncio.current_task()
        assert task is not None
        stop_signals.cancel_on_signal(task)
        return await coroutine_function()

    if runs_until_stopped:  # Loaded objects stay alive; the collector, which halts the loop, need not visit them.
        gc.collect()
        gc.freeze()
        tune_heap()
    try:
        with stop_signals.install():
            return asyncio.run(run_stoppably())
    except StoreError as error:
        exit_with_error(
            str(error), USAGE_ERROR_STATUS if isinstance(error, DatabaseMissing | DatabaseMoved) else FAILURE_STATUS
        )
    except asyncio.CancelledError:
        if runs_until_stopped:
            raise SystemExit(0) from None
        exit_with_error("Stopped before it finished.")
    except OSError as error:
        if error.filename is None:
            raise
        exit_with_error(f"{error.filename}: {error.strerror}")
