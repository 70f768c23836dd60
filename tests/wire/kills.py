"""Where a bot can die while it posts, and what is to be true after it is started again."""

from __future__ import annotations

from dataclasses import dataclass

from tests.wire.scene import Scene
from tests.wire.state import Channel

COURIER = "bot.posting.courier:Courier"
STORE = "bot.store.dispatches:Dispatches"


@dataclass(frozen=True)
class Step:
    """A moment in the life of a dispatch: before or after a method, or a request on its way to Discord.

    `method` is "module:Class.method"; `route` a request as in `Faults`, where `{channel}` is the channel, or in a
    forum the channel or thread. `kinds` are the channels in which the moment exists.
    """

    name: str
    method: str = ""
    route: str = ""
    after: bool = False
    kinds: tuple[str, ...] = ("text", "announcement", "thread", "forum")
