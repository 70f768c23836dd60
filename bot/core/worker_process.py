"""The main loop of a worker process, which executes the calls of `bot.core.worker_pool`.

It imports only what the calls need, to stay small. Untrusted input may have taken the worker over, so replies
are MessagePack, and the parent decodes nothing but values of the declared return type
(https://jcristharif.com/msgspec/).
"""

import contextlib
import io
import pickle
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

MEMORY_LIMIT = 2**30
"""Maximum address space of a worker, in bytes."""
HEADER = struct.Struct("!Q")
"""Header of a message: the length of its payload in bytes."""
RESULT, LAST_RESULT, ERROR, LAST_ERROR = b"rRxX"
"""First byte of a reply: result or error, and (the last two) that the process takes no further call."""

_SCALAR_TYPES = (str, int, float, bool, type(None))


class WorkerError(Exception):
    """Failure of a call whose worker was replaced."""


class WorkerTimeout(WorkerError):
    """Timeout of a call."""


class WorkerDied(WorkerError):
    """Death of a worker: it crashed, or ran out of memory or stack."""


def run_worker(descriptor: int, tired: int) -> None:
    """Execute calls until the parent closes its end of the socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _limit_memory()
    with socket.socket(fileno=descriptor) as connection, connection.makefile("rb") as stream:
        healthy = True
        with contextlib.suppress(ConnectionError):  # The parent was killed.
            while healthy and len(header := stream.read(HEADER.size)) == HEADER.size:
                healthy, reply = _handle_call(stream, HEADER.unpack(header)[0], tired)
                signal.setitimer(signal.ITIMER_REAL, 0)
                connection.sendall(HEADER.pack(len(reply)) + reply)


def _handle_call(stream: io.BufferedReader, size: int, tired: int) -> tuple[bool, bytes]:
    try:
        name, args, limit = pickle.loads(stream.read(size))  # noqa: S301 - written by our parent process
        function = _import_function(name)
        signal.setitimer(signal.ITIMER_REAL, limit)  # SIGALRM ends the process even inside C code.
        result = msgspec.msgpack.encode(function(*args))
        healthy = _peak_memory() < tired
        return healthy, bytes((RESULT if healthy else LAST_RESULT,)) + result
    except (MemoryError, RecursionError) as error:
        return False, bytes((LAST_ERROR,)) + _encode_exception(
            WorkerDied(f"{type(error).__name__} in the worker")
        )
    except UnicodeEncodeError as error:  # The result contains a lone surrogate.
        return False, bytes((LAST_ERROR,)) + _encode_exception(WorkerDied(str(error)))
    except Exception as error:  # noqa: BLE001 - re-raised in the parent
        return True, bytes((ERROR,)) + _encode_exception(error)


class SerializedException(NamedTuple):
    """An exception in transit: its class, arguments, plain attributes and traceback."""

    module: str
    name: str
    args: tuple[str | int | float | bool | None, ...]
    state: dict[str, str | int | float | bool | None]
    traceback_text: str


def _encode_exception(error: Exception) -> bytes:
    args = tuple(each if isinstance(each, _SCALAR_TYPES) else str(each) for each in error.args)
    state = {name: value for name, value in vars(error).items() if isinstance(value, _SCALAR_TYPES)}
    note = "".join(traceback.format_exception(error)).encode(errors="replace").decode()
    raised = SerializedException(type(error).__module__, type(error).__name__, args, state, note)
    try:
        return msgspec.msgpack.encode(raised)
    except (ValueError, OverflowError):  # Lone surrogates, or integers of more than 64 bits
        return msgspec.msgpack.encode(raised._replace(args=(ascii(error),), state={}))


def decode_reply(answer: memoryview, kind: object) -> tuple[bool, object]:
    """Return whether the worker is still usable, and the result of type `result_type` or the exception."""
    try:
        if answer[0] in {RESULT, LAST_RESULT}:
            return answer[0] == RESULT, msgspec.msgpack.decode(answer[1:], type=kind)
        raised = msgspec.msgpack.decode(answer[1:], type=SerializedException)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return False, WorkerDied(f"the answer of the worker cannot be read: {error}")
    made = _rebuild_exception(raised)
    return answer[0] == ERROR and not isinstance(made, WorkerDied), made


def _rebuild_exception(raised: SerializedException) -> Exception:
    """Return the exception without running its class's code, or `WorkerDied` if the class is not imported."""
    known = vars(sys.modules[raised.module]).get(raised.name) if raised.module in sys.modules else None
    if not (isinstance(known, type) and issubclass(known, Exception)):
        return WorkerDied(f"{raised.name}: {', '.join(map(str, raised.args))}")
    error = known.__new__(known)
    error.args = raised.args
    vars(error).update(raised.state)
    error.add_note(raised.traceback_text)
    return error


def _import_function(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    __import__(module)
    return cast("Callable[..., Any]", getattr(sys.modules[module], attribute))


def _limit_memory() -> None:
    import resource  # noqa: PLC0415 - exists on POSIX only, and only workers need it

    with contextlib.suppress(ValueError, OSError):  # macOS does not support this limit.
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _peak_memory() -> int:
    """Return this program's peak resident bytes; `ru_maxrss` would include the process it was forked from."""
    import resource  # noqa: PLC0415 - exists on POSIX only

    if (status := Path("/proc/self/status")).exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
