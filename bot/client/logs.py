"""The log: its lines, without secrets or what could pass for another line, and what libraries say in it."""

import json
import logging
import re
import sys
from datetime import UTC, datetime

from bot.core.settings import Settings
from bot.text import urls

_ADDRESS = re.compile(r"\w+://[^\s'\"<>()]+")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNKNOWN_INTERACTION = 10062  # nobody waits for its answer any more


class RedactingFormatter(logging.Formatter):
    """One line an event, tracebacks below it. Addresses are masked wherever they stand, also in tracebacks.

    What a publisher or a person wrote can neither begin a line of its own nor steer a terminal (CWE-117).
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The event, in one line."""
        return super().formatMessage(record).replace("\r", " ").replace("\n", " ")

    def format(self, record: logging.LogRecord) -> str:
        """The event and its traceback."""
        return _ADDRESS.sub(
            lambda match: urls.redact(match[0]), _UNPRINTABLE.sub("\ufffd", super().format(record))
        )


class JsonFormatter(RedactingFormatter):
    """One JSON object an event, for programs.

    `time` (ISO 8601, UTC), `level`, `logger`, `message` and, of an error, `traceback`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The event in one line of ASCII; without secrets, as its parent."""
        message, _line_end, traceback = super().format(record).partition("\n")
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": message,
        }
        return json.dumps(event | ({"traceback": traceback} if traceback else {}))


def configure_logging(settings: Settings) -> None:
    """One line an event on standard error: time, level, where, what."""
    handler = logging.StreamHandler(sys.stderr)
    if settings.log_format == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    # At `debug` these log all that Discord sends and all that is written to the database, secrets too.
    _set_level(logging.INFO, "discord", "aiosqlite")
    # The libraries' own chatter is worth reading only when something is wrong.
    if settings.log_level != "debug":
        _set_level(logging.WARNING, "discord", "aiosqlite", "asyncio", "aiohttp", "filelock")
        # At every start these warn of voice libraries that nobody needs here.
        _set_level(logging.ERROR, "discord.client", "discord.state")
        _set_level(logging.INFO, "discord.gateway")  # it tells that a connection is back
        outages = ReconnectLogFilter()
        for name in ("discord.shard", "discord.gateway"):
            logging.getLogger(name).addFilter(outages)
        logging.getLogger("discord.app_commands.tree").addFilter(_is_not_expired_interaction)


def _set_level(level: int, *names: str) -> None:
    for name in names:
        logging.getLogger(name).setLevel(level)


def _is_not_expired_interaction(record: logging.LogRecord) -> bool:
    """Whether this is not of words that were offered when another key had been pressed."""
    error = record.exc_info[1] if record.exc_info else None
    return getattr(error, "code", None) != _UNKNOWN_INTERACTION


class ReconnectLogFilter(logging.Filter):
    """Lets the log say once that a shard's connection to Discord is lost, and once that it is back.

    discord.py tells of every attempt to connect again, each with its traceback.
    """

    _LOST = "Attempting a reconnect for shard ID"
    _BACK = ("Shard ID %s has connected to Gateway", "Shard ID %s has successfully RESUMED")

    def __init__(self) -> None:
        super().__init__()
        self._lost: set[object] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write a record, which may be changed to what is worth knowing."""
        shard = record.args[0] if isinstance(record.args, tuple) and record.args else None
        message = str(record.msg)
        if message.startswith(self._LOST):
            if shard in self._lost:
                return False
            self._lost.add(shard)
            cause = record.exc_info[1] if record.exc_info else None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.msg = "Shard %s has no connection to Discord (%s); trying again until it has"
            record.args, record.exc_info = (shard, cause or "closed"), None
        elif message.startswith(self._BACK) and shard in self._lost:
            self._lost.discard(shard)
            record.msg, record.args = "Shard %s is connected to Discord again", (shard,)
        else:
            return record.levelno >= logging.WARNING
        return True
