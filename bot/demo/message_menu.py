"""The menu of a message in the demo's page, which simcord's page has not: a right click, as in Discord."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simcord.actors import MemberActor
from simcord.backend.errors import BackendError, SetupError
from simcord.enums import AppCommandType
from simcord.env import Env
from simcord.preview import Preview
from simcord.results import ResponseMessage

from bot import DATA

SCRIPT = DATA / "demo" / "message_menu.js"
"""What the page's own script ends with."""

STYLE = (
    ".message-menu { position: fixed; z-index: 50; margin: 0; padding: 6px; list-style: none;"
    " min-width: 180px; border: 1px solid var(--discord-border); border-radius: 8px;"
    " background: var(--discord-elevated) }"
    ".message-menu[hidden] { display: none }"
    ".message-menu button { width: 100%; padding: 8px; border: 0; border-radius: 4px; background: none;"
    " color: var(--discord-text); font: inherit; text-align: start; cursor: pointer }"
    ".message-menu button:hover, .message-menu button:focus { background: var(--discord-hover) }"
)


def offer_message_menu(env: Env, preview: Preview, french: MemberActor) -> None:
    """Let the page ask for the entries of a message's menu, in French for `french`, and choose one."""
    act = preview._action  # noqa: SLF001  # simcord has no hook for it

    async def act_or_choose(context_id: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
        if not isinstance(body, Mapping) or body.get("kind") != "message_menu":
            return await act(context_id, body)
        page = preview._get_page(context_id)  # noqa: SLF001  # likewise
        return {"entries": await chosen(page, body.get("message"), body.get("name"))}

    async def chosen(page: Any, message_id: object, name: object) -> list[dict[str, str]]:  # noqa: ANN401
        viewer = page.viewer
        if not isinstance(viewer, MemberActor):
            return []  # in direct messages simcord's people have no menu
        entries = [
            {"name": command["name"], "label": _label(command, "fr" if viewer.id == french.id else "en-US")}
            for command in env.backend.visible_commands(
                user_id=viewer.id, channel_id=page.channel_id, type=AppCommandType.MESSAGE
            )
        ]
        if name not in [entry["name"] for entry in entries]:
            return entries
        try:
            message = env.backend.get_message(page.channel_id, int(str(message_id)))
            await viewer.context_menu(preview.channel, str(name), ResponseMessage(env, message))
            await preview.refresh()
        except (BackendError, SetupError, ValueError):
            pass  # the message went in the meantime
        return []

    preview._action = act_or_choose  # type: ignore[method-assign]  # noqa: SLF001  # likewise


def _label(command: Mapping[str, Any], locale: str) -> str:
    return str((command.get("name_localizations") or {}).get(locale) or command["name"])
