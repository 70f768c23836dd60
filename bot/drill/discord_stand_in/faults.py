"""What goes wrong on the wire: scripted by a test, per route and count, before or after the effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from bot.drill.discord_stand_in.errors import MESSAGES

Json = dict[str, Any]


@dataclass(kw_only=True)
class Fault:
    """Something that goes wrong with calls whose "METHOD /path" matches `route` (`*` stands for anything).

    `after`: the effect takes place first. `drop`: the connection is cut instead of an answer.
    `skip` matching calls pass unharmed, then `times` are hit (None: all). `act` is called at the time
    of the fault, then `delay` seconds pass; without `status` and `drop` the call goes on. `late`: so many
    seconds after the failing answer the effect takes place all the same.
    """

    route: str
    after: bool = False
    drop: bool = False
    status: int | None = None
    body: Json = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0
    late: float | None = None
    act: Callable[[], None] | None = None
    skip: int = 0
    times: int | None = 1
    hits: int = 0


class Faults:
    """The faults to come."""

    def __init__(self) -> None:
        self._scripted: list[Fault] = []
        self.weather: Callable[[str], Fault | None] = _fair
        """What hits a call, "METHOD /path", that nothing was scripted for."""

    def clear(self) -> None:
        self._scripted.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that hits a call, and count it; None if there is none."""
        call = f"{method} {path}"
        for fault in self._scripted:
            if not fnmatchcase(call, fault.route) or fault.times == 0:
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
            fault.hits += 1
            return fault
        return self.weather(call)

    def add(self, fault: Fault) -> Fault:
        self._scripted.append(fault)
        return fault

    def broken(
        self, route: str, status: int = 500, *, after: bool = False, times: int | None = 1, skip: int = 0
    ) -> Fault:
        """Discord fails: 500, 502, 503, 504."""
        body = {"code": 0, "message": f"{status}: Internal Server Error"}
        return self.add(Fault(route=route, status=status, body=body, after=after, times=times, skip=skip))

    def late(self, route: str, seconds: float, status: int = 502, *, times: int | None = 1) -> Fault:
        """Discord answers with an error, and carries it out so many seconds later."""
        body = {"code": 0, "message": f"{status}: Bad Gateway"}
        return self.add(Fault(route=route, status=status, body=body, late=seconds, times=times))

    def dropped(self, route: str, *, after: bool = False, times: int | None = 1, skip: int = 0) -> Fault:
        """Cut the connection instead of answering."""
        return self.add(Fault(route=route, drop=True, after=after, times=times, skip=skip))

    def refused(self, route: str, status: int, code: int, *, times: int | None = 1, skip: int = 0) -> Fault:
        """Discord refuses with an error of its own (403 50013, 404 10003)."""
        body = {"code": code, "message": MESSAGES[code]}
        return self.add(Fault(route=route, status=status, body=body, times=times, skip=skip))

    def limited(
        self,
        route: str,
        retry_after: float,
        *,
        everywhere: bool = False,
        times: int | None = 1,
        skip: int = 0,
        via: bool = True,
    ) -> Fault:
        """Too many requests, of this route or `everywhere`; without `via` as a proxy's ban shows itself."""
        headers = {
            "Retry-After": str(max(1, round(retry_after))),
            "X-RateLimit-Scope": "global" if everywhere else "user",
        }
        if everywhere:
            headers["X-RateLimit-Global"] = "true"
        if via:
            headers["Via"] = "1.1 google"
        body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": everywhere}
        body["code"] = 0
        return self.add(Fault(route=route, status=429, body=body, headers=headers, times=times, skip=skip))

    def slow(self, route: str, delay: float, *, after: bool = False, times: int | None = 1) -> Fault:
        """Delay the answer, before or after the effect."""
        return self.add(Fault(route=route, delay=delay, after=after, times=times))

    def then(
        self,
        route: str,
        act: Callable[[], None],
        *,
        after: bool = False,
        drop: bool = False,
        delay: float = 0,
        skip: int = 0,
    ) -> Fault:
        """Something else happens at that very moment, once: the bot is killed, its role changes."""
        return self.add(Fault(route=route, act=act, after=after, drop=drop, delay=delay, skip=skip))


def _fair(_call: str) -> Fault | None:
    """Nothing goes wrong."""
    return None
