"""Where a bot can die while it posts, and what is to be true after it is started again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from signal import SIGKILL

from tests.wire.scene import KINDS, Scene

COURIER = "bot.posting.courier:Courier"
STORE = "bot.store.dispatches:Dispatches"
INSIDE, AFTER = 300.0, 0.0
"""Seconds that the stand-in honours a nonce: longer than the bot is away, and not at all."""


@dataclass(frozen=True)
class Step:
    """A moment in the life of a dispatch where the process ends.

    Either before or `after` the `method` ("module:Class.method"), or when a request reaches Discord: before
    its effect or `after` it, and without an answer. `route` is as in `Faults`, `{place}` the channel.
    `any_channel`: the method does not know its channel, and dies at its first call.
    """

    name: str
    method: str = ""
    route: str = ""
    after: bool = False
    any_channel: bool = False
    kinds: tuple[str, ...] = KINDS


def _around(name: str, method: str, *, any_channel: bool = False) -> tuple[Step, Step]:
    return (
        Step(f"before {name}", method, any_channel=any_channel),
        Step(f"after {name}", method, after=True, any_channel=any_channel),
    )


def _request(name: str, route: str, *kinds: str) -> tuple[Step, Step]:
    return (
        Step(f"{name} under way", route=route, kinds=kinds or KINDS),
        Step(f"{name} arrived", route=route, after=True, kinds=kinds or KINDS),
    )


STEPS: tuple[Step, ...] = (
    *_around("claim", f"{COURIER}._claim"),
    *_around("send", f"{COURIER}._send"),
    *_request("message", "POST /channels/{place}/messages", "text", "announcement", "thread"),
    *_request("forum post", "POST /channels/{place}/threads", "forum"),
    *_around("record", f"{COURIER}._record"),
    *_around("sent", f"{STORE}.sent", any_channel=True),
    *_around("finish", f"{COURIER}._finish"),
    *_request("reaction", "PUT /channels/{place}/messages/*/reactions/*", "text", "announcement", "thread"),
    *_request("reaction", "PUT /channels/*/messages/*/reactions/*", "forum"),
    *_request("publication", "POST /channels/{place}/messages/*/crosspost", "announcement"),
    *_around("finished", f"{STORE}.finished", any_channel=True),
)


@dataclass(frozen=True)
class Toll:
    """What a death cost: numbers of articles lost, repeated or out of order, and posts left unfinished."""

    lost: tuple[str, ...]
    repeated: tuple[str, ...]
    disordered: tuple[str, ...]
    unfinished: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.lost or self.repeated or self.disordered or self.unfinished)


async def die(scene: Scene, kind: str, step: Step, *, nth: int = 1) -> None:
    """Start a bot that ends at the n-th such moment in the channel of that kind. Raises when it does not."""
    place = str(scene.channels[kind].id)
    environment = {}
    if step.method:
        when = "after" if step.after else "before"
        environment["KILL_AT"] = f"{step.method}:{when}:{nth}"
        if not step.any_channel:
            environment["KILL_CHANNEL"] = place
    else:
        route = step.route.format(place=place)
        scene.discord.faults.then(route, scene.kill, after=step.after, drop=True, skip=nth - 1)
    bot = scene.start(**environment)
    status = await bot.ended()
    assert status == -SIGKILL, f"{step.name}: ended with {status}\n{bot.log[-3000:]}"
    scene.discord.faults.clear()


def toll(scene: Scene, numbers: Sequence[int]) -> Toll:
    """What is wrong with the articles of these numbers in the channels."""
    lost, repeated, disordered = [], [], []
    for kind in scene.channels:
        posts = scene.posts(kind)
        lost += [f"{kind} {number}" for number in numbers if posts[number] == 0]
        repeated += [f"{kind} {number}" for number in numbers if posts[number] > 1]
        order = [number for number in scene.order(kind) if number in numbers]
        if order != sorted(order):
            disordered.append(f"{kind} {order}")
    return Toll(tuple(lost), tuple(repeated), tuple(disordered), tuple(scene.unfinished()))


async def survive(scene: Scene, kind: str, step: Step, *, window: float, burst: int, nth: int) -> Toll:
    """Publish, let the bot die at a moment, start it again, and count when it owes nothing any more.

    `window` is how long Discord honours a nonce after the restart, `nth` which of the `burst` articles it is.
    """
    scene.discord.acts.nonce_window = INSIDE
    numbers = await scene.publish(burst)
    await die(scene, kind, step, nth=nth)
    scene.discord.acts.nonce_window = window
    bot = scene.start()
    await scene.settled()
    await bot.stop()
    return toll(scene, numbers)
