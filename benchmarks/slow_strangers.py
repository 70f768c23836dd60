"""Slow strangers at the bot's pages: half a header each, while `/healthz` is asked once a second.

python -m benchmarks.slow_strangers URL --strangers 5000 --seconds 300

URL is the address of a running `telex run` (TELEX_HEALTH_ADDRESS). A stranger whose connection is closed comes back
at once. Prints how long `/healthz` took, how often it failed, and how many connections were closed.
"""

import argparse
import asyncio
import sys
import time
from contextlib import suppress

import aiohttp
from yarl import URL

from bot.client.open_files import raise_open_file_limit

HALF_HEADER = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Half: "
REQUEST_TIMEOUT_SECONDS = 10.0
RETURN_SECONDS = 0.1
"""Seconds after which a stranger who was turned away comes back."""


async def _connect_again_and_again(url: URL, close_times: list[float]) -> None:
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(url.host, url.port)
            writer.write(HALF_HEADER)
            with suppress(OSError):
                await reader.read()
            writer.close()
            close_times.append(time.monotonic())
        await asyncio.sleep(RETURN_SECONDS)


async def measure(url: URL, stranger_count: int, seconds: float) -> None:
    """Print the figures of `/healthz` beside so many strangers."""
    close_times: list[float] = []
    strangers = [asyncio.create_task(_connect_again_and_again(url, close_times)) for _ in range(stranger_count)]
    response_seconds: list[float] = []
    failure_count = 0
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        started_at = time.monotonic()
        try:
            timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS)
            async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url / "healthz") as response:
                await response.read()
            response_seconds.append(time.monotonic() - started_at)
        except (aiohttp.ClientError, TimeoutError):
            failure_count += 1
        await asyncio.sleep(1)
    for stranger in strangers:
        stranger.cancel()
    await asyncio.gather(*strangers, return_exceptions=True)
    ordered_seconds = sorted(response_seconds) or [float("nan")]
    sys.stdout.write(f"strangers {stranger_count}, seconds {seconds:g}, connections closed {len(close_times)}\n")
    sys.stdout.write(
        f"/healthz: {len(response_seconds)} answers, {failure_count} failures, "
        f"median {ordered_seconds[len(ordered_seconds) // 2]:.3f} s, worst {ordered_seconds[-1]:.3f} s\n"
    )


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", type=URL)
    parser.add_argument("--strangers", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=300)
    options = parser.parse_args()
    raise_open_file_limit()
    asyncio.run(measure(options.url, options.strangers, options.seconds))


if __name__ == "__main__":
    main()
