"""What a test starts instead of `telex`: the real command line, its Discord on loopback, perhaps its death.

`python -m tests.support.wire.launch run` is a `telex run` of which the environment says:

- WIRE_API, WIRE_GATEWAY: where Discord is;
- WIRE_READY: seconds that discord.py waits for further servers before it is ready (its default is 2);
- WIRE_CLOCK: "EPOCH:SPEED", the wall clock of `bot.core.clock` runs so much faster since then, and the
  pauses that discord.py makes before it tries something again are as much shorter;
- WIRE_WORKERS: there where what feeds hold is parsed in processes, as in a bot that is started cold;
- WIRE_LEASES: there where leases last three seconds, and shards identify .3 seconds apart; "hastened" where
  they last as long as they do, by a clock of the database that runs as fast as WIRE_CLOCK;
- WIRE_SET_BY: a file with the seconds by which that wall clock is wrong, if it is there;
- KILL_AT: "module:Class.method:before" or ":after", at the n-th call with ":n" behind it, where the process
  kills itself (SIGKILL); with KILL_CHANNEL only calls with an argument of that channel count.

`python -m tests.support.wire.launch` alone serves a test run: it imports everything and translates the commands once,
then forks a `telex` for each line on standard input, which saves the second that this takes.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import importlib
import inspect
import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import discord.client
import discord.gateway
import discord.http
import discord.shard
import discord.webhook.async_
import yarl
from discord.gateway import DiscordWebSocket
from discord.state import ConnectionState

from bot.__main__ import main
from bot.client import services
from bot.client.sharding import gateway_probe, leased_shards, shard_balance
from bot.core.clock import SystemClock
from bot.core.i18n import load_catalogue
from bot.posting.emoji.tile_drawing import draw_initial_tile
from bot.processes import leases
from bot.store import processes
from bot.text.language import detect_language
from tests.support.translated_commands import cache_translations, translate_all
from tests.support.wire.quick_clock import QuickClock
from tests.support.workers.inline_workers import InlineWorkers


def redirect_discord_py() -> None:
    """Let discord.py talk to the stand-in, if there is one."""
    if "WIRE_API" not in os.environ:
        return
    discord.http.Route.BASE = os.environ["WIRE_API"]
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["WIRE_GATEWAY"])
    patient = ConnectionState.__init__

    @functools.wraps(patient)
    def impatient(self: Any, *args: Any, **options: Any) -> None:
        options.setdefault("guild_ready_timeout", float(os.environ.get("WIRE_READY", "2")))
        patient(self, *args, **options)

    ConnectionState.__init__ = impatient  # type: ignore[method-assign]  # the only way in for an option


class _QuickAsyncio:
    """`asyncio` with shorter pauses, for one module."""

    def __init__(self, clock: QuickClock) -> None:
        self.sleep = clock.sleep

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)


def hasten_clock() -> None:
    """Let the clock of `bot.core.clock` run faster."""
    if "WIRE_CLOCK" not in os.environ:
        return
    clock = QuickClock.parse(os.environ["WIRE_CLOCK"])
    for name in ("monotonic", "monotonic_with_suspension", "sleep"):
        setattr(SystemClock, name, staticmethod(getattr(clock, name)))
    wrong = Path(os.environ.get("WIRE_SET_BY", os.devnull))

    def now() -> int:
        return clock.now() + (int(wrong.read_text() or 0) if wrong.exists() else 0)

    SystemClock.now = staticmethod(now)  # type: ignore[assignment]
    for module in (discord.http, discord.webhook.async_, discord.gateway, discord.client, discord.shard):
        module.asyncio = _QuickAsyncio(clock)  # type: ignore[attr-defined]  # its name for the module


def shorten_leases() -> None:
    """Keep leases by the database's clock, which mostly nobody hastens; perhaps shorter ones."""
    speed = QuickClock.parse(os.environ["WIRE_CLOCK"]).speed if "WIRE_CLOCK" in os.environ else 1
    if os.environ.get("WIRE_LEASES") == "hastened":
        return
    if "WIRE_LEASES" not in os.environ:
        for name in ("RENEW_SECONDS", "STOP_SECONDS", "ERROR_BACKOFF_SECONDS"):
            setattr(leases, name, getattr(leases, name) * speed)
        return
    leases.LEASE_SECONDS = 3
    leases.RENEW_SECONDS, leases.STOP_SECONDS, leases.ERROR_BACKOFF_SECONDS = (
        0.3 * speed,
        2.2 * speed,
        0.1 * speed,
    )
    leased_shards.JOIN_GRACE_SECONDS = 0.6 * speed
    gateway_probe.SUSPECT_SECONDS, gateway_probe.GIVE_UP_SECONDS = 0.5 * speed, 1.0 * speed
    gateway_probe.CHECK_INTERVAL_SECONDS, gateway_probe.RETRY_SECONDS = 0.1 * speed, 0.2 * speed
    shard_balance.FIRST_REQUEST_DELAY_SECONDS, shard_balance.REQUEST_INTERVAL_SECONDS = (
        0.3 * speed,
        0.2 * speed,
    )
    shard_balance.MAX_REQUEST_INTERVAL_SECONDS = 0.4 * speed
    processes.IDENTIFY_INTERVAL_SECONDS = 0.3


def install_kill_trap() -> None:
    """Put the end of the process where KILL_AT says."""
    if "KILL_AT" not in os.environ:
        return
    module, path, when, *count = os.environ["KILL_AT"].split(":")
    owner: Any = importlib.import_module(module)
    *attribute_path, name = path.split(".")
    for part in attribute_path:
        owner = getattr(owner, part)
    trap = _KillTrap(when, int(count[0]) if count else 1, int(os.environ.get("KILL_CHANNEL", "0")))
    setattr(owner, name, trap.around(getattr(owner, name)))


class _KillTrap:
    """Kills the process before or after the n-th call of a method."""

    def __init__(self, when: str, count: int, channel_id: int) -> None:
        self._when = when
        self._remaining_calls = count
        self._channel_id = channel_id

    def around(self, method: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(method):

            @functools.wraps(method)
            async def wrapped(*args: Any, **more: Any) -> Any:
                fatal = self._before(*args, *more.values())
                result = await method(*args, **more)
                self._after(fatal)
                return result

            return wrapped

        @functools.wraps(method)
        def plain(*args: Any, **keyword_arguments: Any) -> Any:
            fatal = self._before(*args, *keyword_arguments.values())
            return_value = method(*args, **keyword_arguments)
            self._after(fatal)
            return return_value

        return plain

    def _before(self, *args: Any) -> bool:
        places = {getattr(arg, "channel_id", arg if isinstance(arg, int) else None) for arg in args}
        if self._channel_id and self._channel_id not in places:
            return False
        self._remaining_calls -= 1
        if self._remaining_calls == 0 and self._when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        return self._remaining_calls == 0

    def _after(self, fatal: bool) -> None:
        if fatal:
            os.kill(os.getpid(), signal.SIGKILL)


def run_telex() -> None:
    """Be `telex` with the arguments of the process."""
    redirect_discord_py()
    hasten_clock()
    shorten_leases()
    install_kill_trap()
    main()


def serve_forks() -> None:
    """Fork a bot for each line on standard input, and say what became of it.

    A line is a JSON object: `{"argv", "environment", "folder", "log"}` starts one, answered with its `pid`;
    `output` is a file for its standard output alone, null if that is closed, `given` one for it to read;
    `{"poll": pid}` is answered with its `status`: null while it runs, negative when a signal ended it.
    """
    import typer.main  # noqa: PLC0415 - the bot itself runs without it

    from bot.cli.main import app  # noqa: PLC0415

    for module in (
        "bot.cli.bot_process",
        "bot.cli.operating.settings_transfer",
        "bot.client.discord_client",
        "bot.client.gateway_process",
        "bot.polling.drafts",
        "cogs",
        "cryptography.fernet",
        "feedparser",
        "rich.progress",
        "rich.table",
    ):
        importlib.import_module(module)
    load_catalogue("fr")
    draw_initial_tile("T", 0)  # what draws is imported for the first tile
    typer.main.get_command = functools.cache(typer.main.get_command)
    with suppress(typer.Exit), redirect_stdout(io.StringIO()):
        app(["--version"], standalone_mode=False)  # what reads arguments is imported for the first ones
    detect_language("Which language it is.")  # likewise what tells languages
    with cache_translations():
        asyncio.run(translate_all())
        gc.collect()
        gc.freeze()  # else each bot's collector would copy all of this memory
        _fork_bots()


def _fork_bots() -> None:
    alive: set[int] = set()
    _write_response(ready=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "poll" in request:
            pid, status = os.waitpid(request["poll"], os.WNOHANG)
            alive.discard(pid)
            _write_response(status=os.waitstatus_to_exitcode(status) if pid else None)
            continue
        pid = os.fork()
        if pid == 0:
            _run_request(request)
        alive.add(pid)
        _write_response(pid=pid)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def _write_response(**fields: Any) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def _run_request(request: dict[str, Any]) -> None:
    """In the forked process: be a bot until the end."""
    os.setsid()
    for descriptor, path, flags in (
        (0, request.get("given", os.devnull), os.O_RDONLY),
        (1, request.get("output", request["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        (2, request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        if path is None:
            os.close(descriptor)
            sys.stdout = None  # as Python finds it
            continue
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - without what the launcher has read ahead
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv = ["telex", *request["argv"]]
    if "WIRE_WORKERS" not in os.environ:
        setattr(services, "WorkerPool", InlineWorkers)  # noqa: B010 - what they parse tests serve themselves
    code: object = 1
    try:
        run_telex()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - it must not run on as a second launcher
        traceback.print_exc()
    finally:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run_telex()
    else:
        serve_forks()
