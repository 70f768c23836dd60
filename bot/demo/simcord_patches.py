"""Patches of simcord, which simulates Discord, in places where it has no hooks; they fit its pinned version only."""

import contextvars
from collections.abc import Mapping
from functools import wraps
from typing import Any

import discord
from discord import app_commands
from simcord.actors import MemberActor
from simcord.enums import ComponentType
from simcord.env import Env
from simcord.preview import Preview, _action_plans, _commands, _component_projection, _markdown
from simcord.preview._server import PreviewServer

from bot import DATA
from bot.core import i18n
from bot.core.user_errors import RequestRejected, UserFacingError
from bot.feeds.fetch_errors import FeedError

_MENU_SCRIPT = DATA / "demo" / "message_menu.js"
"""Path of the script that is appended to the script of simcord's page."""
_RENDER_TIME_EXPRESSION = 'message.poll ? state.profile.presentationTime : ""'
"""Expression in simcord's page by which only a message with a poll is rendered again as time passes."""
_EXTRA_CSS = (
    "#messages-toggle, #messages-sidebar, #refresh, #capture-open, #inspector-toggle { display: none }"
    ".component-section { grid-template-columns: minmax(0, 1fr) auto !important }"  # As on a phone
    "@media (max-width: 760px) {"  # User and place on a line of their own
    " .preview-shell { --toolbar-height: 84px }"
    " .viewer-control { flex: 1; min-width: 0; font-size: 0 }"
    " .viewer-control select { flex: 1; min-width: 0; max-width: none; font-size: 14px }"
    "}"
    ".custom-emoji { color: transparent; font-size: 0 }"  # No name while the image loads
    ".message-menu { position: fixed; z-index: 50; margin: 0; padding: 6px; list-style: none;"
    " min-width: 180px; border: 1px solid var(--discord-border); border-radius: 8px;"
    " background: var(--discord-elevated) }"
    ".message-menu[hidden] { display: none }"
    ".message-menu button { width: 100%; padding: 8px; border: 0; border-radius: 4px; background: none;"
    " color: var(--discord-text); font: inherit; text-align: start; cursor: pointer }"
    ".message-menu button:hover, .message-menu button:focus { background: var(--discord-hover) }"
)


def brand_page() -> None:
    """Name the demo's page Telex and hide its controls for testers of bots; simcord has no setting for either."""
    serve_static = PreviewServer._static  # noqa: SLF001  # no hook
    if hasattr(serve_static, "__wrapped__"):
        return

    @wraps(serve_static)
    async def serve_branded_page(self: PreviewServer, request: Any) -> Any:  # noqa: ANN401  # aiohttp types
        response = await serve_static(self, request)
        if request.path == "/":
            response.text = (
                response.text.replace("SimCord Preview", "Telex")
                .replace(
                    "<strong>SimCord</strong><small>Preview</small>",
                    "<strong>Telex</strong><small>Demo</small>",
                )
                .replace('aria-hidden="true">S</span>', 'aria-hidden="true">T</span>')
            )
        elif request.path == "/preview.css":
            response.text += _EXTRA_CSS
        elif request.path == "/timeline.js":
            # Relative times of all messages must be updated together, or older articles seem newer.
            response.text = response.text.replace(_RENDER_TIME_EXPRESSION, 'state.profile.presentationTime ?? ""')
        elif request.path == "/app.js":
            response.text += _MENU_SCRIPT.read_text("utf-8")
        return response

    PreviewServer._static = serve_branded_page  # type: ignore[method-assign]  # noqa: SLF001


def render_embeds_like_messages() -> None:
    """Let the demo's page render mentions and small print in embeds as Discord does; simcord shows their markup."""
    field_policies = _markdown._FIELD_POLICIES  # noqa: SLF001  # no setting
    for field_name in ("embed_description", "embed_field_value"):
        field_policies[field_name].update(mentions=True, commands=True, subtext=True)


def key_menus_by_id() -> None:
    """Let the demo's page show the current selection of a menu that is sent again, as Discord does.

    simcord's page identifies a menu by its position in the message, and restores the previous selection.
    """
    build_control_key = _component_projection._control_key  # noqa: SLF001  # no hook
    if hasattr(build_control_key, "__wrapped__"):
        return

    @wraps(build_control_key)
    def build_key_by_id(scope: str, component: Mapping[str, Any], path: str) -> str | None:
        key = build_control_key(scope, component, path)
        if key is None or not scope.startswith("message:") or component["type"] == ComponentType.BUTTON:
            return key
        return f"{key}:{component['custom_id']}"

    def build_message_component_key(component: Mapping[str, Any], path: str, message_id: int) -> str | None:
        return build_key_by_id(f"message:{message_id}", component, path)

    _component_projection._control_key = build_key_by_id  # noqa: SLF001
    _action_plans._component_key = build_message_component_key  # noqa: SLF001


def ignore_rejections(env: Env) -> None:
    """Keep the demo's page from treating a rejection that the bot has explained as a failure of the command.

    simcord has no hook for this: after any error, its page says that the outcome is uncertain, and keeps the
    command open.
    """
    record_error = env._record_error  # noqa: SLF001  # no hook

    def record_unexpected_error(error: BaseException) -> None:
        if isinstance(error, app_commands.CommandInvokeError):
            error = error.original
        if not isinstance(error, UserFacingError | RequestRejected | FeedError | app_commands.AppCommandError):
            record_error(error)

    env._record_error = record_unexpected_error  # type: ignore[method-assign]  # noqa: SLF001  # no hook


def localize_commands(member: MemberActor) -> None:
    """Let the demo's page list commands to a user by their French names and descriptions, as Discord does.

    simcord's page has only the English names. Options keep their English names, by which the page sends them.
    """
    build_english_catalog, translate = _commands.build_catalog, i18n.gettext

    def build_localized_catalog(preview: Preview, page: Any) -> dict[str, Any]:  # noqa: ANN401  # private to simcord
        catalog_payload = build_english_catalog(preview, page)
        if page.viewer.id == member.id:
            with i18n.language_scope("fr"):
                for entry in catalog_payload["entries"]:
                    entry["invocation"] = i18n.localized_command(f"/{entry['invocation']}").removeprefix("/")
                    entry["description"] = translate(entry["description"])
                    for option in entry["options"]:
                        option["description"] = translate(option["description"])
                        for choice in option["choices"]:
                            choice["name"] = translate(choice["name"])
        return catalog_payload

    _commands.build_catalog = build_localized_catalog


def dispatch_messages_without_context(bot: discord.Client) -> None:
    """Let the demo's page show a visitor's message at once, and the bot's replies as they arrive.

    By a context variable, simcord's page waits for everything that a message triggers, so that slow replies
    and the progress messages before them would appear together at the end.
    """
    dispatch = bot.dispatch

    def dispatch_in_own_context(event_name: str, /, *arguments: Any, **keyword_arguments: Any) -> None:  # noqa: ANN401  # discord.py's signature
        context = contextvars.Context() if event_name == "message" else contextvars.copy_context()
        context.run(dispatch, event_name, *arguments, **keyword_arguments)

    bot.dispatch = dispatch_in_own_context  # type: ignore[method-assign]  # simcord accepts any client
