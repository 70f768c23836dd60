"""Process that fuzzes a single target: `python -m tests.fuzz.fuzz_process TARGET FOLDER SECONDS`.

libFuzzer reports executions and coverage on standard error. An input that raises an exception is a find: it is written
to the folder `finds`, with its traceback, once for each place that raises, and fuzzing goes on. Inputs that reach new
code are kept in the folder `corpus`.
"""

from __future__ import annotations

import sys
import tempfile
import time
import traceback
from collections.abc import Iterable
from hashlib import blake2b
from itertools import islice
from pathlib import Path

import atheris

from tests.fuzz import cost
from tests.fuzz.fuzz_target import FuzzTarget, load_target

INSTRUMENTED_PACKAGES = ["bot", "cogs", "feedparser", "trafilatura", "courlan", "justext", "ruamel"]
HANG_SECONDS = 60
"""Seconds after which libFuzzer ends the process and keeps the input."""
MAX_RESIDENT_MEGABYTES = 3_000


class FindRecorder:
    """Writer of inputs that raise exceptions, once for each kind and place of an exception."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)

    def record(self, data: bytes, error: BaseException) -> None:
        """Write an input and its traceback, unless an exception of this kind was raised at this place before."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} in {frame.filename}:{frame.lineno}"
        if place in self._places:
            return
        self._places.add(place)
        path = self._folder / blake2b(place.encode(), digest_size=6).hexdigest()
        path.with_suffix(".input").write_bytes(data)
        path.with_suffix(".txt").write_text("".join(traceback.format_exception(error)), "utf-8", "backslashreplace")
        print(f"FIND {place}: {str(error)[:300]!r}, input {path}.input", file=sys.stderr, flush=True)  # noqa: T201


def write_seeds(target: FuzzTarget, folder: Path) -> None:
    """Write the first seeds that are short enough as files to begin with."""
    short_seeds = (seed for seed in target.load_seeds() if len(seed) <= target.max_bytes)
    for number, seed in enumerate(islice(short_seeds, target.max_seeds)):
        (folder / f"{number:05}").write_bytes(seed)


def write_dictionary(tokens: Iterable[bytes], path: Path) -> None:
    """Write tokens in the format of libFuzzer's dictionaries."""
    path.write_text("".join('"{}"\n'.format("".join(f"\\x{byte:02X}" for byte in token)) for token in tokens))


def fuzz(target: FuzzTarget, folder: Path, seconds: int) -> None:
    """Fuzz a target; libFuzzer ends the process."""
    recorder = FindRecorder(folder / "finds")

    def check_input(data: bytes) -> None:
        try:
            target.check(data)
            if target.max_cost_bytes and cost.is_measured(data):
                cost.check_cost(target.check, data, target.max_cost_bytes)
        except Exception as error:  # noqa: BLE001 - each is a find
            recorder.record(data, error)

    corpus_folder, scratch_folder = folder / "corpus", Path(tempfile.mkdtemp(prefix="fuzz-"))
    corpus_folder.mkdir(parents=True, exist_ok=True)
    (scratch_folder / "seeds").mkdir()
    write_seeds(target, scratch_folder / "seeds")
    write_dictionary(target.tokens, scratch_folder / "tokens")
    options = [
        f"-dict={scratch_folder / 'tokens'}",
        f"-artifact_prefix={folder / 'finds'}/",
        f"-max_total_time={seconds}",
        f"-max_len={target.max_bytes}",
        f"-timeout={HANG_SECONDS}",
        f"-report_slow_units={HANG_SECONDS}",
        f"-rss_limit_mb={MAX_RESIDENT_MEGABYTES}",
        f"-seed={time.time_ns() % 2**31}",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus_folder), str(scratch_folder / "seeds")], check_input)
    atheris.Fuzz()


if __name__ == "__main__":
    with atheris.instrument_imports(include=INSTRUMENTED_PACKAGES):
        fuzz_target = load_target(sys.argv[1])
    fuzz(fuzz_target, Path(sys.argv[2]), int(sys.argv[3]))
