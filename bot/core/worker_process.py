"""A worker process: what it does with the calls that `bot.core.workers` sends it.

It imports nothing but what the calls need, so that it stays small.
"""

from __future__ import annotations

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
from typing import Any, cast

MEMORY_LIMIT = 2**30
"""Bytes of address space that a worker may take."""
HEADER = struct.Struct("!Q")
"""The length in bytes of the pickle that follows."""


class WorkerError(Exception):
    """The call gave no result, and its worker was replaced."""


class WorkerTimeout(WorkerError):
    """The call took longer than it may."""


class WorkerDied(WorkerError):
    """The worker crashed, or ran out of memory or stack."""


def serve(descriptor: int, tired: int) -> None:
    """The life of a worker process: answer calls until the other end of the socket closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _limit_memory()
    with socket.socket(fileno=descriptor) as connection, connection.makefile("rwb") as stream:
        healthy = True
        while healthy and len(header := stream.read(HEADER.size)) == HEADER.size:
            healthy, reply = _answer(stream, HEADER.unpack(header)[0], tired)
            signal.setitimer(signal.ITIMER_REAL, 0)
            stream.write(HEADER.pack(len(reply)))
            stream.write(reply)
            stream.flush()


def _answer(stream: io.BufferedRWPair, size: int, tired: int) -> tuple[bool, bytes]:
    try:
        name, args, limit = pickle.loads(stream.read(size))  # noqa: S301 - our own parent wrote it
        function = _function(name)
        signal.setitimer(signal.ITIMER_REAL, limit)  # its signal ends the process, even inside C code
        result = function(*args)
        healthy = _peak_memory() < tired
        return healthy, pickle.dumps((healthy, result), pickle.HIGHEST_PROTOCOL)
    except (MemoryError, RecursionError) as error:
        return False, pickle.dumps((False, WorkerDied(f"{type(error).__name__} in the worker")))
    except Exception as error:  # noqa: BLE001 - raised again in the parent
        return True, _pickled_error(error)


def _pickled_error(error: Exception) -> bytes:
    error.add_note("".join(traceback.format_exception(error)))
    error.__cause__ = error.__context__ = None
    try:
        pickled = pickle.dumps((True, error), pickle.HIGHEST_PROTOCOL)
        pickle.loads(pickled)  # noqa: S301 - an exception with an odd __init__ fails here, not in the parent
    except Exception:  # noqa: BLE001 - whatever its own pickling raises
        pickled = pickle.dumps((True, WorkerDied(f"{type(error).__name__}: {error}")))
    return pickled


def _function(name: str) -> Callable[..., Any]:
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
