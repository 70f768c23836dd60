"""A plugin of pytest that writes down what the bot sends to the simulated Discord and to the stand-in.

`discord_requests` runs the suites with it. In French it lets everybody's Discord be French (see there).
"""

from __future__ import annotations

import ast
import json
import os
import sys
from functools import wraps
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

FOLDER, LANGUAGE = "REQUESTS_FOLDER", "REQUESTS_LANGUAGE"
"""Environment variables: where to write, and whose language is spoken."""


class _AssertRemover(ast.NodeTransformer):
    """What is asserted is evaluated, and not checked."""

    def visit_Assert(self, node: ast.Assert) -> ast.Expr:
        return ast.copy_location(ast.Expr(node.test), node)


class _UncheckedLoader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        """Compile anew, and leave the cache alone: others check."""
        path = self.get_filename(fullname)
        return compile(_AssertRemover().visit(ast.parse(self.get_data(path))), path, "exec")


class _UncheckedFinder:
    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name.startswith(("tests.", "bot.drill.")) else None
        if spec is not None and spec.origin and spec.loader is not None and spec.origin.endswith(".py"):
            spec.loader = _UncheckedLoader(name, spec.origin)
        return spec


def _record_requests(folder: Path) -> None:
    """Write down every request from now on."""
    from simcord.http import router  # noqa: PLC0415 - after the finder

    from bot.drill.discord_stand_in import rest  # noqa: PLC0415

    file = (folder / f"{os.getpid()}.jsonl").open("a", encoding="utf-8")

    def write(method: str, path: str, query: Any, body: Any) -> None:
        test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
        texts = {name: str(parameter) for name, parameter in (query or {}).items()}
        file.write(json.dumps([test, method, path, texts, body]) + "\n")
        file.flush()

    simulated = router.dispatch

    @wraps(simulated)
    def dispatch(backend: Any, method: str, path: str, **options: Any) -> Any:
        write(method, path, options.get("params"), options.get("json"))
        return simulated(backend, method, path, **options)

    router.dispatch = dispatch
    rest.OBSERVERS.append(lambda call: write(call.method, call.path, call.query, call.body))


def _speak_french() -> None:
    """Let everybody's Discord be French, and find buttons by their English labels all the same."""
    from babel.messages.pofile import read_po  # noqa: PLC0415 - after the finder
    from simcord.actors import MemberActor  # noqa: PLC0415

    from bot import DATA  # noqa: PLC0415
    from bot.drill.discord_stand_in.simulated_people import PeopleActions  # noqa: PLC0415
    from bot.drill.discord_stand_in.state_changes import StateChanges  # noqa: PLC0415
    from tests.support import discord_world, message_texts  # noqa: PLC0415

    with (DATA / "locales" / "fr" / "LC_MESSAGES" / "telex.po").open("rb") as file:
        french = {
            message.id: message.string
            for message in read_po(file, locale="fr")
            if isinstance(message.id, str) and isinstance(message.string, str) and not message.context
        }
    english = {text: id_ for id_, text in french.items()}
    world, invite, click, parts = (
        discord_world.World,
        discord_world.invite,
        MemberActor.click,
        message_texts.list_components,
    )
    hear = world.localize_interaction

    def hear_french(self: Any, event: str, payload: Any) -> None:
        if event == "INTERACTION_CREATE":
            person = payload.get("user") or payload["member"]["user"]
            self.locales.setdefault(int(person["id"]), "fr")
        hear(self, event, payload)

    async def click_french(self: Any, message: Any, *, label: str | None = None, **options: Any) -> Any:
        return await click(self, message, label=label and french.get(label, label), **options)

    def parts_in_english(message: Any) -> list[dict[str, Any]]:
        return [
            {
                **part,
                **{name: english.get(part[name], part[name]) for name in ("label", "placeholder") if part.get(name)},
            }
            for part in parts(message)
        ]

    world.localize_interaction = hear_french  # type: ignore[method-assign]
    MemberActor.click = click_french  # type: ignore[method-assign]
    message_texts.list_components = parts_in_english
    discord_world.invite = lambda env, name, **_locale: invite(env, name, locale="fr")
    for method in (PeopleActions.join, StateChanges.add_server):
        assert method.__kwdefaults__["locale"] == "en-US"
        method.__kwdefaults__["locale"] = "fr"


if folder := os.environ.get(FOLDER):
    if os.environ[LANGUAGE] == "fr":
        sys.meta_path.insert(0, _UncheckedFinder)
        _speak_french()
    _record_requests(Path(folder))
