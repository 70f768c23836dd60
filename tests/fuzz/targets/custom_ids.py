"""Clicks on buttons and menus with any custom ID, on the whole bot in a simulated Discord."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

from bot.client.services import open_services
from bot.core.configuration.settings_reading import read_settings
from tests.cogs.requesters import (
    ALL_WORDS,
    COLLECTOR,
    FOREIGNER,
    MEMBER,
    VISIBLE_WORDS,
    Requesters,
    create_requesters,
)
from tests.cogs.test_forged import ID_TEMPLATES, INVALID_IDS
from tests.fuzz.fuzz_target import FuzzTarget
from tests.fuzz.open_boundary import OpenBoundary
from tests.support.clocks import ManualClock
from tests.support.discord_world import open_world
from tests.support.feed_server import FeedServer

MAX_CUSTOM_ID_CHARS = 100
"""Number of characters of a custom ID on Discord."""
PEOPLE = (MEMBER, COLLECTOR, FOREIGNER)


@asynccontextmanager
async def _open_requesters(folder: Path) -> AsyncIterator[Requesters]:
    settings = replace(
        read_settings(), database=folder / "telex.db", allow_private_addresses=(ip_network("127.0.0.0/8"),)
    )
    clock = ManualClock()
    server = await FeedServer().start()
    try:
        async with open_services(settings, clock) as services, open_world(services, clock) as world:
            yield await create_requesters(world, server)
    finally:
        await server.stop()


async def _check_click(people: Requesters, data: bytes) -> None:
    """Click with a custom ID, or choose values of a menu after a line break; nothing that is hidden is shown."""
    people.world.clock.advance(60)  # nobody is too quick
    custom_id, *values = data.decode("utf-8", "ignore").split("\n")
    custom_id = custom_id[:MAX_CUSTOM_ID_CHARS]
    if not custom_id:
        return
    person = PEOPLE[len(data) % len(PEOPLE)]
    message = people.world.posts()[0]
    selected_values = [value[:MAX_CUSTOM_ID_CHARS] or "x" for value in values[:25]] or None
    reply_text = await people.click(person, message, custom_id, selected_values)
    assert "Something went wrong" not in reply_text, f"{custom_id!r} {selected_values!r}"
    hidden_words = [word for word in ALL_WORDS - VISIBLE_WORDS[person] if word in reply_text and word not in custom_id]
    assert not hidden_words, f"{custom_id!r} {selected_values!r} shows {hidden_words}"


def load_seeds() -> Iterator[bytes]:
    """Yield custom IDs of all buttons and menus, with IDs that may and may not exist."""
    for template in ID_TEMPLATES.values():
        for item_id in ("1", "0" * 20, *INVALID_IDS):
            yield template.format(item_id).encode()
        yield f"{template.format('1')}\n1\nx".encode()
    yield b"telex:view:0000000000000000:0"


_REQUESTERS = OpenBoundary(_open_requesters, _check_click, max_inputs=400)
TARGETS = (
    FuzzTarget(
        name="custom-id",
        check=_REQUESTERS.check,
        close=_REQUESTERS.close,
        load_seeds=load_seeds,
        tokens=tuple(
            token.encode()
            for token in (
                *(template.split("{")[0] for template in ID_TEMPLATES.values()),
                "9223372036854775808",
                "-1",
                "\n",
            )
        ),
        max_bytes=400,
        max_cost_bytes=0,
    ),
)
