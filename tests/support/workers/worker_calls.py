"""What tests ask a worker to do. Imported by the worker: nothing heavy in here."""

from __future__ import annotations

import contextlib
import os
import pickle
import re
import signal
import stat
import sys
import time
from pathlib import Path

import msgspec

from bot.feeds.fetch_errors import FeedError


class OddError(Exception):
    """Cannot be made again from its arguments, as unpickling does."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"because {reason}")


def list_loaded_modules() -> set[str]:
    """The modules that the worker has imported."""
    return set(sys.modules)


def pid() -> int:
    return os.getpid()


def add(left: int, right: int) -> int:
    return left + right


def echo(body: bytes) -> bytes:
    return body


def hang() -> None:
    time.sleep(3600)


def hang_in_c(length: int) -> object:
    """Takes for ever without once letting go of the interpreter's lock."""
    return re.match(r"(a+)+$", "a" * length + "b")


def say_and_answer_late(path: str) -> str:
    Path(path).write_text(str(os.getpid()))
    time.sleep(0.3)
    return "x" * 200_000


def say_and_hang(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    hang_in_c(60)


def meet(own_path: str, other_path: str) -> int:
    """The process, once another call of this runs at the same time."""
    Path(own_path).touch()
    while not Path(other_path).exists():
        time.sleep(0.005)
    return os.getpid()


def note(path: str, word: str) -> None:
    with Path(path).open("a") as file:
        file.write(word + "\n")


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def end() -> None:
    os._exit(0)


def eat_memory() -> int:
    return len(bytearray(2**31))


def keep_memory(size: int) -> int:
    memory = b"x" * size
    return len(memory)


def recurse(depth: int = 0) -> int:
    return recurse(depth + 1)


def refuse() -> None:
    raise FeedError("rate-limited", "come back later", retry_after=60)


def refuse_oddly() -> None:
    raise OddError(reason="of the test")


def give_what_cannot_travel() -> object:
    return lambda: None


def lie() -> int:
    return "a number"  # type: ignore[return-value]  # the point of it


HOSTILE_ANSWERS = (
    pickle.dumps(Path("PATH").touch) + b".",
    b"r" + b"cos\nsystem\n(S'touch PATH'\ntR.",
    b"x" + msgspec.msgpack.encode(("os", "system", ("touch PATH",), {}, "")),
    b"x" + msgspec.msgpack.encode(("builtins", "eval", ("1",), {}, "")),
    b"x" + msgspec.msgpack.encode(("nowhere", "Error", (), {}, "")),
    b"r\xc1",
    b"?",
)


def answer_with(answer: bytes) -> int:
    """Answers by itself, as a process could whose memory a document took over."""
    for descriptor in range(3, 64):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                os.write(descriptor, len(answer).to_bytes(8) + answer)
    time.sleep(60)
    return 0


def describe_environment() -> str:
    """All that the process was given as it started."""
    return f"{Path('/proc/self/environ').read_text()} {dict(os.environ)} {sys.argv}"


def chatter() -> str:
    print("words on standard output")  # noqa: T201 - the point of it
    sys.stdout.flush()
    return "done"


def die_elsewhere(process: int) -> str:
    if os.getpid() != process:
        os._exit(1)
    return "alive"
