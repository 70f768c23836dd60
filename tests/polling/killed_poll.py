"""A process that polls one feed and is killed within the transaction: run with a database and a URL."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from unittest import mock

from bot.client.services import open_newsroom
from bot.core.settings import Settings
from bot.store.sources import polls


def killed(*_: Any) -> None:
    """Everything of the poll is written but its end."""
    os.kill(os.getpid(), signal.SIGKILL)


async def main(database: str, url: str) -> None:
    settings = Settings(database=Path(database), allow_private_addresses=(ip_network("127.0.0.0/8"),))
    async with open_newsroom(settings) as newsroom:
        await newsroom.poller.poll(await newsroom.store.feeds.add(url))


if __name__ == "__main__":
    with mock.patch.object(polls, "Recorded", killed):
        asyncio.run(main(*sys.argv[1:]))
