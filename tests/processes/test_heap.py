"""Memory returned to the system by a long-running process."""

import platform
import subprocess
import sys

import pytest

FRAGMENTED_HEAP = """
from pathlib import Path
from bot.processes.heap import release_free_memory, tune_heap

def resident_kilobytes():
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0])

tune_heap()
blocks = [bytes(1_000) for _ in range(40_000)]
survivors = blocks[::100]
del blocks
fragmented = resident_kilobytes()
release_free_memory()
print(fragmented - resident_kilobytes(), len(survivors))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has malloc_trim")
def test_free_pages_between_live_blocks_are_returned():
    output = subprocess.run(
        [sys.executable, "-c", FRAGMENTED_HEAP], capture_output=True, text=True, check=True
    ).stdout.split()
    assert int(output[0]) > 25_000  # Of 40 MB, all but the pages of every hundredth block.
