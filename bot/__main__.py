"""Entry point of the command line, run by `telex` and by `python -m bot`."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path


def main() -> None:
    """Run the command line `telex`; Ctrl-C ends it without a traceback, also during its imports."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored
        signal.signal(signal.SIGINT, _stop)
    # `python -m bot` puts the working directory first on the path, but `cogs` is beside this package.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    # The bot runs without the library of the command line, which takes 10 MB.
    if sys.argv[1:] == ["run"] or (not sys.argv[1:] and _is_token_set()):
        from bot.cli.bot_process import main as run  # noqa: PLC0415 - takes a second
    else:
        from bot.cli.main import main as run  # noqa: PLC0415 - takes a second

    run()


def _is_token_set() -> bool:
    from bot.core.configuration.settings_reading import InvalidSettings, read_setting_texts  # noqa: PLC0415

    with suppress(InvalidSettings):  # The command line says what is wrong with the file.
        return bool(read_setting_texts().get("discord_token", "").strip())
    return False


def _stop(*_signal: object) -> None:
    """End the process at once on Ctrl-C: an exception during an import could show a traceback or be caught there."""
    os.write(2, b"Stopped before it began.\n")
    os._exit(130)


if __name__ == "__main__":
    main()
