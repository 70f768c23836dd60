"""Logging: formats without secrets and control characters, and filters for the records of libraries."""

import json
import logging
import re
import sys
from datetime import UTC, datetime

from bot.core.configuration.settings import Settings
from bot.text import urls

_URL_PATTERN = re.compile(r"\w+://[^\s'\"<>()]+")
_UNPRINTABLE_PATTERN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_ACCEPT_FAILURE_START = "socket.accept() out of system resource"
_ACCEPT_FAILURE_SECONDS = 60
"""Seconds between two records of connections that cannot be accepted."""
_UNKNOWN_INTERACTION_CODE = 10062
"""Discord's error code for an interaction that it no longer knows, as it was not acknowledged in time."""


class RedactingFormatter(logging.Formatter):
    """Formatter with one line per event and tracebacks below it; secrets in URLs are redacted everywhere.

    Text of publishers and users cannot control a terminal, nor, outside a traceback, start a line of its own (CWE-117).
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line of a log event, without its traceback."""
        return super().formatMessage(record).replace("\r", " ").replace("\n", " ")

    def format(self, record: logging.LogRecord) -> str:
        """Return a log event and its traceback, with secrets in URLs redacted and control characters replaced."""
        return _URL_PATTERN.sub(
            lambda match: urls.redact(match[0]), _UNPRINTABLE_PATTERN.sub("\ufffd", super().format(record))
        )


class JsonFormatter(RedactingFormatter):
    """Formatter of log events as JSON objects, one per event.

    The keys are `time` (ISO 8601, UTC), `level`, `logger`, `message` and, if there is one, `traceback`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return a log event as one line of ASCII, with secrets in URLs redacted and control characters replaced."""
        message, _line_end, traceback = super().format(record).partition("\n")
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": message,
        }
        return json.dumps(event | ({"traceback": traceback} if traceback else {}))


def configure_logging(settings: Settings) -> None:
    """Log to standard error, one line per event, with the configured level and format."""
    handler = logging.StreamHandler(sys.stderr)
    if settings.log_format == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    logging.getLogger("asyncio").addFilter(AcceptFailureFilter())
    # At `debug` these log all gateway messages and all SQL parameters, including secrets.
    _set_level(logging.INFO, "discord", "aiosqlite")
    # Informational records of libraries help only in debugging.
    if settings.log_level != "debug":
        _set_level(logging.WARNING, "discord", "aiosqlite", "asyncio", "aiohttp", "filelock")
        # These warn at every start of missing voice libraries, which are not needed.
        _set_level(logging.ERROR, "discord.client", "discord.state")
        _set_level(logging.INFO, "discord.gateway")  # It reports that a connection is back.
        reconnect_filter = ReconnectLogFilter()
        for logger_name in ("discord.shard", "discord.gateway"):
            logging.getLogger(logger_name).addFilter(reconnect_filter)
        logging.getLogger("discord.app_commands.tree").addFilter(_is_not_expired_interaction)


class AcceptFailureFilter(logging.Filter):
    """Filter that passes connections that cannot be accepted once a minute, without traceback.

    asyncio logs each attempt, many times a second, while the process has no descriptor left.
    """

    def __init__(self) -> None:
        super().__init__()
        self._logged_at: float | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log a record."""
        if not str(record.msg).startswith(_ACCEPT_FAILURE_START):
            return True
        if self._logged_at is not None and record.created - self._logged_at < _ACCEPT_FAILURE_SECONDS:
            return False
        self._logged_at = record.created
        error = record.exc_info[1] if record.exc_info else None
        record.msg, record.args = "connections not accepted error=%s", (error or "unknown",)
        record.exc_info = record.exc_text = None
        return True


def _set_level(level: int, *logger_names: str) -> None:
    for logger_name in logger_names:
        logging.getLogger(logger_name).setLevel(level)


def _is_not_expired_interaction(record: logging.LogRecord) -> bool:
    """Return whether to log a record: errors of expired interactions, mostly autocompletions, are not logged."""
    error = record.exc_info[1] if record.exc_info else None
    return getattr(error, "code", None) != _UNKNOWN_INTERACTION_CODE


class ReconnectLogFilter(logging.Filter):
    """Filter that lets a lost connection to Discord be logged once per shard, and its return once.

    discord.py logs every attempt to reconnect, each with its traceback. Its other messages below
    the level of warnings are dropped.
    """

    _DISCONNECTED_PREFIX = "Attempting a reconnect for shard ID"
    _CONNECTED_PREFIXES = ("Shard ID %s has connected to Gateway", "Shard ID %s has successfully RESUMED")

    def __init__(self) -> None:
        super().__init__()
        self._disconnected_shard_ids: set[object] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log a record; messages about a lost connection or its return are rewritten."""
        shard_id = record.args[0] if isinstance(record.args, tuple) and record.args else None
        message_template = str(record.msg)
        if message_template.startswith(self._DISCONNECTED_PREFIX):
            if shard_id in self._disconnected_shard_ids:
                return False
            self._disconnected_shard_ids.add(shard_id)
            cause = record.exc_info[1] if record.exc_info else None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.msg = "shard disconnected; reconnecting shard=%s error=%s"
            record.args, record.exc_info = (shard_id, cause or "closed"), None
        elif message_template.startswith(self._CONNECTED_PREFIXES) and shard_id in self._disconnected_shard_ids:
            self._disconnected_shard_ids.discard(shard_id)
            record.msg, record.args = "shard reconnected shard=%s", (shard_id,)
        else:
            return record.levelno >= logging.WARNING
        return True
