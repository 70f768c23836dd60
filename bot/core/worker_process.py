"""A worker process: what it does with the calls that `bot.core.worker_pool` sends it.

It imports nothing but what the calls need, so that it stays small. What it read may have taken it over, so
its answers are MessagePack, and the parent makes nothing of them but values of the type that the function
declares (https://jcristharif.com/msgspec/).
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
"""Bytes of address space that a worker may take."""
HEADER = struct.Struct("!Q")
"""The length in bytes of what follows."""
RESULT, LAST_RESULT, ERROR, LAST_ERROR = b"rRxX"
"""The first byte of an answer: what follows, and whether the process can take another call."""

_SCALAR_TYPES = (str, int, float, bool, type(None))


class WorkerError(Exception):
    """The call gave no result, and its worker was replaced."""


class WorkerTimeout(WorkerError):
    """The call took longer than it may."""


class WorkerDied(WorkerError):
    """The worker crashed, or ran out of memory or stack."""


def run_worker(descriptor: int, tired: int) -> None:
    """The life of a worker process: answer calls until the other end of the socket closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _limit_memory()
    with socket.socket(fileno=descriptor) as connection, connection.makefile("rb") as stream:
        healthy = True
        with contextlib.suppress(ConnectionError):  # the parent was killed, and nobody waits for an answer
            while healthy and len(header := stream.read(HEADER.size)) == HEADER.size:
                healthy, reply = _handle_call(stream, HEADER.unpack(header)[0], tired)
                signal.setitimer(signal.ITIMER_REAL, 0)
                connection.sendall(HEADER.pack(len(reply)) + reply)


def _handle_call(stream: io.BufferedReader, size: int, tired: int) -> tuple[bool, bytes]:
    try:
        name, args, limit = pickle.loads(stream.read(size))  # noqa: S301 - our own parent wrote it
        function = _import_function(name)
        signal.setitimer(signal.ITIMER_REAL, limit)  # its signal ends the process, even inside C code
        result = msgspec.msgpack.encode(function(*args))
        healthy = _peak_memory() < tired
        return healthy, bytes((RESULT if healthy else LAST_RESULT,)) + result
    except (MemoryError, RecursionError) as error:
        return False, bytes((LAST_ERROR,)) + _encode_exception(
            WorkerDied(f"{type(error).__name__} in the worker")
        )
    except UnicodeEncodeError as error:  # of the result: a lone surrogate, which no clean text has
        return False, bytes((LAST_ERROR,)) + _encode_exception(WorkerDied(str(error)))
    except Exception as error:  # noqa: BLE001 - raised again in the parent
        return True, bytes((ERROR,)) + _encode_exception(error)


class SerializedException(NamedTuple):
    """An exception on its way: its class, what it carries, and where it was raised."""

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
    except (ValueError, OverflowError):  # lone surrogates, numbers of more than 64 bits
        return msgspec.msgpack.encode(raised._replace(args=(ascii(error),), state={}))


def decode_reply(answer: memoryview, kind: object) -> tuple[bool, object]:
    """Whether the process can take another call, and its result, of the type `kind`, or exception."""
    try:
        if answer[0] in {RESULT, LAST_RESULT}:
            return answer[0] == RESULT, msgspec.msgpack.decode(answer[1:], type=kind)
        raised = msgspec.msgpack.decode(answer[1:], type=SerializedException)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return False, WorkerDied(f"the answer of the worker cannot be read: {error}")
    made = _rebuild_exception(raised)
    return answer[0] == ERROR and not isinstance(made, WorkerDied), made


def _rebuild_exception(raised: SerializedException) -> Exception:
    """The exception, if its class is one that this process knows; its code is not run."""
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
    import resource  # noqa: PLC0415 - POSIX alone has it, and only the child needs it

    with contextlib.suppress(ValueError, OSError):  # macOS does not let it be set
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _peak_memory() -> int:
    """The most bytes that this program held. `ru_maxrss` also counts the process that it was forked from."""
    import resource  # noqa: PLC0415 - see above

    if (status := Path("/proc/self/status")).exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
