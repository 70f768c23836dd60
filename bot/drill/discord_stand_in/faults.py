"""Faults that a test lets some of the bot's requests to the stand-in for Discord have, such as an error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from bot.drill.discord_stand_in.errors import MESSAGE_BY_CODE

Json = dict[str, Any]


@dataclass(kw_only=True)
class Fault:
    """What goes wrong with requests whose "METHOD /path" matches `route` (`*` stands for anything).

    `after_effect`: the request is carried out before the fault. `drop`: the connection is cut instead of an answer.
    The first `skip` matching requests have no fault, the next `times` have it (None: all). `callback` is called at
    the time of the fault, then `delay` seconds pass; without `status` and `drop` the request goes on.
    `late_effect_seconds`: seconds after the failing answer at which the request is carried out all the same.
    `hit_count` is the number of requests that had the fault so far. `skip` and `times` are counted down.
    """

    route: str
    after_effect: bool = False
    drop: bool = False
    status: int | None = None
    body: Json = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0
    late_effect_seconds: float | None = None
    callback: Callable[[], None] | None = None
    skip: int = 0
    times: int | None = 1
    hit_count: int = 0


class Faults:
    """Faults that requests to the stand-in for Discord are to have: listed ones, and those of a function."""

    def __init__(self) -> None:
        self._scripted_faults: list[Fault] = []
        self.find_unscripted_fault: Callable[[str], Fault | None] = _let_pass
        """Function that returns the fault, or None, of a request ("METHOD /path") that no listed fault matches."""

    def clear(self) -> None:
        self._scripted_faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that a request has now, or None; a listed fault then has one of its `times` fewer."""
        call = f"{method} {path}"
        for fault in self._scripted_faults:
            if not fnmatchcase(call, fault.route) or fault.times == 0:
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
            fault.hit_count += 1
            return fault
        return self.find_unscripted_fault(call)

    def add(self, fault: Fault) -> Fault:
        self._scripted_faults.append(fault)
        return fault

    def fail(
        self, route: str, status: int = 500, *, after_effect: bool = False, times: int | None = 1, skip: int = 0
    ) -> Fault:
        """Let requests of a route fail with a server error: 500, 502, 503 or 504."""
        body = {"code": 0, "message": f"{status}: Internal Server Error"}
        return self.add(Fault(route=route, status=status, body=body, after_effect=after_effect, times=times, skip=skip))

    def fail_late(self, route: str, seconds: float, status: int = 502, *, times: int | None = 1) -> Fault:
        """Let requests of a route be answered with an error, but be carried out `seconds` later."""
        body = {"code": 0, "message": f"{status}: Bad Gateway"}
        return self.add(Fault(route=route, status=status, body=body, late_effect_seconds=seconds, times=times))

    def drop(self, route: str, *, after_effect: bool = False, times: int | None = 1, skip: int = 0) -> Fault:
        """Cut the connection of requests of a route instead of answering them."""
        return self.add(Fault(route=route, drop=True, after_effect=after_effect, times=times, skip=skip))

    def refuse(self, route: str, status: int, code: int, *, times: int | None = 1, skip: int = 0) -> Fault:
        """Refuse requests with a status and one of Discord's codes (403 50013, 404 10003)."""
        body = {"code": code, "message": MESSAGE_BY_CODE[code]}
        return self.add(Fault(route=route, status=status, body=body, times=times, skip=skip))

    def rate_limit(
        self,
        route: str,
        retry_after: float,
        *,
        is_global: bool = False,
        times: int | None = 1,
        skip: int = 0,
        has_via: bool = True,
    ) -> Fault:
        """Answer requests of a route with 429; with `is_global`, the answer says that the limit is for all requests.

        Without `has_via`, the answer lacks the header Via, like that of Discord's proxy to an address that it bans.
        """
        headers = {
            "Retry-After": str(max(1, round(retry_after))),
            "X-RateLimit-Scope": "global" if is_global else "user",
        }
        if is_global:
            headers["X-RateLimit-Global"] = "true"
        if has_via:
            headers["Via"] = "1.1 google"
        body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": is_global}
        body["code"] = 0
        return self.add(Fault(route=route, status=429, body=body, headers=headers, times=times, skip=skip))

    def delay(self, route: str, delay_seconds: float, *, after_effect: bool = False, times: int | None = 1) -> Fault:
        """Delay the answer to the next `times` requests of a route (None: all), before or after their effect."""
        return self.add(Fault(route=route, delay=delay_seconds, after_effect=after_effect, times=times))

    def run_callback(
        self,
        route: str,
        callback: Callable[[], None],
        *,
        after_effect: bool = False,
        drop: bool = False,
        delay: float = 0,
        skip: int = 0,
    ) -> Fault:
        """Call `callback` once, at the moment of a request of a route, for example to kill the bot."""
        return self.add(
            Fault(route=route, callback=callback, after_effect=after_effect, drop=drop, delay=delay, skip=skip)
        )


def _let_pass(_call: str) -> Fault | None:
    """Return None, so that a request has no fault."""
    return None
