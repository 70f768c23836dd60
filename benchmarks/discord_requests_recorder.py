"""Pytest plugin that records the requests that the bot sends to the simulated Discord and to the stand-in.

`benchmarks.discord_requests` runs the tests with it. In French it sets the locale of all users and servers to
French, replaces assertions by their expressions and finds buttons by the translations of their English labels.
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
"""Environment variables with the folder for the recorded requests and with the language of the users."""


class _AssertRemover(ast.NodeTransformer):
    """AST transformer that replaces each assertion by its expression, which is evaluated but not checked."""

    def visit_Assert(self, node: ast.Assert) -> ast.Expr:
        return ast.copy_location(ast.Expr(node.test), node)


class _UncheckedLoader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        """Compile the module without assertions, and without the bytecode cache, which has them."""
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
    """Write every request from now on to a file of this process in the folder."""
    from simcord.http import router  # noqa: PLC0415 - imported after the finder is installed

    from bot.drill.discord_stand_in import rest  # noqa: PLC0415

    file = (folder / f"{os.getpid()}.jsonl").open("a", encoding="utf-8")

    def record_request(method: str, path: str, query: Any, body: Any) -> None:
        test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
        query_texts = {name: str(parameter) for name, parameter in (query or {}).items()}
        file.write(json.dumps([test, method, path, query_texts, body]) + "\n")
        file.flush()

    original_dispatch = router.dispatch

    @wraps(original_dispatch)
    def dispatch(backend: Any, method: str, path: str, **options: Any) -> Any:
        record_request(method, path, options.get("params"), options.get("json"))
        return original_dispatch(backend, method, path, **options)

    router.dispatch = dispatch
    rest.OBSERVERS.append(lambda call: record_request(call.method, call.path, call.query, call.body))


def _switch_to_french() -> None:
    """Set the locale of all users and servers to French, and let tests find buttons by their English labels."""
    from babel.messages.pofile import read_po  # noqa: PLC0415 - imported after the finder is installed
    from simcord.actors import MemberActor  # noqa: PLC0415

    from bot import DATA  # noqa: PLC0415
    from bot.drill.discord_stand_in.simulated_people import PeopleActions  # noqa: PLC0415
    from bot.drill.discord_stand_in.state_changes import StateChanges  # noqa: PLC0415
    from tests.support import discord_world, message_texts  # noqa: PLC0415

    with (DATA / "locales" / "fr" / "LC_MESSAGES" / "telex.po").open("rb") as file:
        french_texts = {
            message.id: message.string
            for message in read_po(file, locale="fr")
            if isinstance(message.id, str) and isinstance(message.string, str) and not message.context
        }
    english_texts = {french: english for english, french in french_texts.items()}
    world, invite, click, list_components = (
        discord_world.World,
        discord_world.invite_bot,
        MemberActor.click,
        message_texts.list_components,
    )
    localize_interaction = world.localize_interaction

    def localize_in_french(self: Any, event: str, payload: Any) -> None:
        if event == "INTERACTION_CREATE":
            user = payload.get("user") or payload["member"]["user"]
            self.locales.setdefault(int(user["id"]), "fr")
        localize_interaction(self, event, payload)

    async def click_french(self: Any, message: Any, *, label: str | None = None, **options: Any) -> Any:
        return await click(self, message, label=label and french_texts.get(label, label), **options)

    def list_components_in_english(message: Any) -> list[dict[str, Any]]:
        components = []
        for component in list_components(message):
            texts = {name: component[name] for name in ("label", "placeholder") if component.get(name)}
            components.append(component | {name: english_texts.get(text, text) for name, text in texts.items()})
        return components

    world.localize_interaction = localize_in_french  # type: ignore[method-assign]
    MemberActor.click = click_french  # type: ignore[method-assign]
    message_texts.list_components = list_components_in_english
    discord_world.invite_bot = lambda env, name, **_locale: invite(env, name, locale="fr")
    for method in (PeopleActions.join, StateChanges.add_server):
        assert method.__kwdefaults__["locale"] == "en-US"
        method.__kwdefaults__["locale"] = "fr"


if folder := os.environ.get(FOLDER):
    if os.environ[LANGUAGE] == "fr":
        sys.meta_path.insert(0, _UncheckedFinder)
        _switch_to_french()
    _record_requests(Path(folder))
