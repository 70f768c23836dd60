"""The main loop of a worker process, which executes the calls of `bot.core.concurrency.worker_pool`.

To stay small, a worker imports only what its calls need. Untrusted input may have taken the worker over, so
replies are MessagePack, and the parent decodes nothing but values of the declared return type, and exceptions
(https://jcristharif.com/msgspec/).
"""

import contextlib
import gc
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

MEMORY_LIMIT_BYTES = 2**30
"""Maximum address space of a worker process in bytes."""
HEADER_FORMAT = struct.Struct("!Q")
"""Format of the header of a message: the length of its payload in bytes."""
RESULT_MARK = ord("r")
"""First byte of a worker's reply that holds a return value."""
LAST_RESULT_MARK = ord("R")
"""First byte of a reply with a return value, from a worker that takes no further call."""
ERROR_MARK = ord("x")
"""First byte of a worker's reply that holds an error."""
LAST_ERROR_MARK = ord("X")
"""First byte of a reply with an error, from a worker that takes no further call."""

_SCALAR_TYPES = (str, int, float, bool, type(None))


class WorkerError(Exception):
    """Error raised when a call failed because of its worker, which was replaced."""


class WorkerTimeout(WorkerError):
    """Error raised when a call to a worker took too long."""


class WorkerDied(WorkerError):
    """Error raised when the worker of a call crashed, ran out of memory or stack, or sent nothing that can be read."""


def run_worker(descriptor: int, recycle_rss_bytes: int) -> None:
    """Execute the calls that arrive over a socket until the parent closes its end, or the worker may not be used again.

    That is so after an error of memory, stack or encoding, or once the peak memory has reached `recycle_rss_bytes`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _limit_memory()
    with socket.socket(fileno=descriptor) as connection, connection.makefile("rb") as stream:
        is_reusable, frozen_module_count = True, 0
        with contextlib.suppress(ConnectionError):  # The parent was killed.
            while is_reusable and len(header := stream.read(HEADER_FORMAT.size)) == HEADER_FORMAT.size:
                is_reusable, reply = _handle_call(stream, HEADER_FORMAT.unpack(header)[0], recycle_rss_bytes)
                signal.setitimer(signal.ITIMER_REAL, 0)
                connection.sendall(HEADER_FORMAT.pack(len(reply)) + reply)
                if len(sys.modules) > frozen_module_count:  # The collector need not visit what stays loaded.
                    gc.collect()
                    gc.freeze()
                    frozen_module_count = len(sys.modules)


def _handle_call(stream: io.BufferedReader, payload_size: int, recycle_rss_bytes: int) -> tuple[bool, bytes]:
    try:
        function_path, args, timeout_seconds = pickle.loads(stream.read(payload_size))  # noqa: S301 - written by our parent process
        function = _import_function(function_path)
        signal.setitimer(signal.ITIMER_REAL, timeout_seconds)  # SIGALRM ends the process even inside C code.
        encoded_result = msgspec.msgpack.encode(function(*args))
        is_reusable = _measure_peak_memory_bytes() < recycle_rss_bytes
        return is_reusable, bytes((RESULT_MARK if is_reusable else LAST_RESULT_MARK,)) + encoded_result
    except (MemoryError, RecursionError) as error:
        return False, bytes((LAST_ERROR_MARK,)) + _encode_exception(WorkerDied(f"{type(error).__name__} in the worker"))
    except UnicodeEncodeError as error:  # The result contains a lone surrogate.
        return False, bytes((LAST_ERROR_MARK,)) + _encode_exception(WorkerDied(str(error)))
    except Exception as error:  # noqa: BLE001 - re-raised in the parent
        return True, bytes((ERROR_MARK,)) + _encode_exception(error)


class SerializedException(NamedTuple):
    """An exception as it is sent to the parent: its class, arguments, plain attributes and traceback."""

    module: str
    name: str
    args: tuple[str | int | float | bool | None, ...]
    state: dict[str, str | int | float | bool | None]
    traceback_text: str


def _encode_exception(error: Exception) -> bytes:
    args = tuple(argument if isinstance(argument, _SCALAR_TYPES) else str(argument) for argument in error.args)
    attributes = {
        attribute_name: attribute
        for attribute_name, attribute in vars(error).items()
        if isinstance(attribute, _SCALAR_TYPES)
    }
    traceback_text = "".join(traceback.format_exception(error)).encode(errors="replace").decode()
    serialized_error = SerializedException(
        type(error).__module__, type(error).__name__, args, attributes, traceback_text
    )
    try:
        return msgspec.msgpack.encode(serialized_error)
    except (ValueError, OverflowError):  # Lone surrogates, or integers of more than 64 bits
        return msgspec.msgpack.encode(serialized_error._replace(args=(ascii(error),), state={}))


def decode_reply(reply: memoryview, result_type: object) -> tuple[bool, object]:
    """Decode a worker's reply.

    Return whether the worker is still usable, and the result of type `result_type` or the exception.
    """
    try:
        if reply[0] in {RESULT_MARK, LAST_RESULT_MARK}:
            return reply[0] == RESULT_MARK, msgspec.msgpack.decode(reply[1:], type=result_type)
        serialized_error = msgspec.msgpack.decode(reply[1:], type=SerializedException)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return False, WorkerDied(f"the answer of the worker cannot be read: {error}")
    rebuilt_error = _rebuild_exception(serialized_error)
    return reply[0] == ERROR_MARK and not isinstance(rebuilt_error, WorkerDied), rebuilt_error


def _rebuild_exception(serialized_error: SerializedException) -> Exception:
    """Return the exception without running code of its class, or `WorkerDied` if its class is not known."""
    exception_class = (
        vars(sys.modules[serialized_error.module]).get(serialized_error.name)
        if serialized_error.module in sys.modules
        else None
    )
    if not (isinstance(exception_class, type) and issubclass(exception_class, Exception)):
        return WorkerDied(f"{serialized_error.name}: {', '.join(map(str, serialized_error.args))}")
    error = exception_class.__new__(exception_class)
    error.args = serialized_error.args
    vars(error).update(serialized_error.state)
    error.add_note(serialized_error.traceback_text)
    return error


def _import_function(function_path: str) -> Callable[..., Any]:
    module_name, _, function_name = function_path.partition(":")
    __import__(module_name)
    return cast("Callable[..., Any]", getattr(sys.modules[module_name], function_name))


def _limit_memory() -> None:
    import resource  # noqa: PLC0415 - exists on POSIX only, and only workers need it

    with contextlib.suppress(ValueError, OSError):  # macOS does not support this limit.
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _measure_peak_memory_bytes() -> int:
    """Return this program's peak resident memory in bytes.

    On Linux, `ru_maxrss` is not used, because it would include the process from which this one was forked.
    """
    import resource  # noqa: PLC0415 - exists on POSIX only

    if (status_file := Path("/proc/self/status")).exists():
        line = next(line for line in status_file.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
