"""Cost of a check: its processor time and memory must grow at most linearly with its input."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path

MEASURED_SHARE = 48
"""An input in so many is lengthened to measure the cost; which ones depends on the input alone."""
MAX_GROWTH = 8.0
"""Largest ratio of processor times for four times the input: 4 is linear, 16 quadratic."""
MIN_SLOW_SECONDS = 0.15
"""Processor time below which the ratio is not judged."""
MAX_SECONDS, MAX_SECONDS_PER_BYTE = 0.5, 25e-6
"""Largest processor time of any input, with instrumentation: a constant, and a time for each byte."""
MAX_MEMORY_BYTES, MAX_MEMORY_PER_BYTE = 48 * 2**20, 500
"""Largest growth of resident memory while an input is checked: a constant, and bytes for each byte."""
_CONFIRMATION_COUNT = 3
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class TooCostly(AssertionError):
    """An input takes more time or memory than its length allows."""


def measure_seconds(check: Callable[[bytes], None], data: bytes) -> float:
    """Return the processor time of a check."""
    started_at = time.process_time()
    check(data)
    return time.process_time() - started_at


def measure_memory(check: Callable[[bytes], None], data: bytes) -> int:
    """Return by how many bytes the resident memory grew at most during a check; 0 where Linux cannot tell."""
    if not _RESET.exists():
        return 0
    gc.collect()
    _RESET.write_text("5")
    before = _read_status_bytes("VmRSS")
    check(data)
    return _read_status_bytes("VmHWM") - before


def _read_status_bytes(name: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def is_measured(data: bytes) -> bool:
    """Return whether the cost of an input is measured."""
    return blake2b(data, digest_size=2).digest()[0] % MEASURED_SHARE == 0


def iter_lengthened_inputs(data: bytes, max_bytes: int) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield triples of an input's single, double and fourfold length: repeated as a whole, and in a part.

    The part is chosen by the input itself, so that an input always has the same cost.
    """
    if not data or len(data) > max_bytes:
        return
    digest = blake2b(data, digest_size=8).digest()
    start = int.from_bytes(digest[:4]) % len(data)
    length = 1 + int.from_bytes(digest[4:]) % min(len(data) - start, 64)
    for prefix, part, suffix in (
        (b"", data, b""),
        (data[:start], data[start : start + length], data[start + length :]),
    ):
        count = max(1, (max_bytes - len(prefix) - len(suffix)) // (4 * len(part)))
        yield (
            prefix + part * count + suffix,
            prefix + part * (2 * count) + suffix,
            prefix + part * (4 * count) + suffix,
        )


def check_cost(check: Callable[[bytes], None], data: bytes, max_bytes: int) -> None:
    """Check an input that is lengthened to `max_bytes`. Raises TooCostly."""
    for single, double, fourfold in iter_lengthened_inputs(data, max_bytes):
        seconds = measure_seconds(check, fourfold)
        if seconds > MIN_SLOW_SECONDS:
            _check_growth(check, single, double, fourfold)
        memory = measure_memory(check, fourfold)
        if memory > MAX_MEMORY_BYTES + MAX_MEMORY_PER_BYTE * len(fourfold):
            raise TooCostly(f"{memory:,} bytes of memory for {len(fourfold):,}, beginning {fourfold[:200]!r}")


def _check_growth(check: Callable[[bytes], None], single: bytes, double: bytes, fourfold: bytes) -> None:
    single_seconds, double_seconds, fourfold_seconds = (
        min(measure_seconds(check, data) for _attempt in range(_CONFIRMATION_COUNT))
        for data in (single, double, fourfold)
    )
    times = f"{single_seconds:.3f}, {double_seconds:.3f}, {fourfold_seconds:.3f} s for {len(single):,} bytes, 2x and 4x"
    if fourfold_seconds > MIN_SLOW_SECONDS and fourfold_seconds > MAX_GROWTH * single_seconds:
        raise TooCostly(f"more than linear: {times}, beginning {fourfold[:200]!r}")
    if fourfold_seconds > MAX_SECONDS + MAX_SECONDS_PER_BYTE * len(fourfold):
        raise TooCostly(f"slow: {times}, beginning {fourfold[:200]!r}")
