"""Where simcord, which plays Discord, is taught what it has no hook for: exact, for that version alone."""

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
"""What the page's own script ends with."""
_RENDERED_ONCE = 'message.poll ? state.profile.presentationTime : ""'
"""What simcord's page looks at before it shows a message again: only in one with a poll the time."""
_STYLE = (
    "#messages-toggle, #messages-sidebar, #refresh, #capture-open, #inspector-toggle { display: none }"
    ".component-section { grid-template-columns: minmax(0, 1fr) auto !important }"  # as on a telephone
    "@media (max-width: 760px) {"  # who looks and where, on a line of its own
    " .preview-shell { --toolbar-height: 84px }"
    " .viewer-control { flex: 1; min-width: 0; font-size: 0 }"
    " .viewer-control select { flex: 1; min-width: 0; max-width: none; font-size: 14px }"
    "}"
    ".custom-emoji { color: transparent; font-size: 0 }"  # no name while its picture loads
    ".message-menu { position: fixed; z-index: 50; margin: 0; padding: 6px; list-style: none;"
    " min-width: 180px; border: 1px solid var(--discord-border); border-radius: 8px;"
    " background: var(--discord-elevated) }"
    ".message-menu[hidden] { display: none }"
    ".message-menu button { width: 100%; padding: 8px; border: 0; border-radius: 4px; background: none;"
    " color: var(--discord-text); font: inherit; text-align: start; cursor: pointer }"
    ".message-menu button:hover, .message-menu button:focus { background: var(--discord-hover) }"
)


def brand_page() -> None:
    """Let the page be called Telex, without what only testers of bots need; simcord has no setting for it."""
    static = PreviewServer._static  # noqa: SLF001  # no hook, see above
    if hasattr(static, "__wrapped__"):
        return

    @wraps(static)
    async def renamed(self: PreviewServer, request: Any) -> Any:  # noqa: ANN401  # aiohttp's
        answer = await static(self, request)
        if request.path == "/":
            answer.text = (
                answer.text.replace("SimCord Preview", "Telex")
                .replace(
                    "<strong>SimCord</strong><small>Preview</small>",
                    "<strong>Telex</strong><small>Demo</small>",
                )
                .replace('aria-hidden="true">S</span>', 'aria-hidden="true">T</span>')
            )
        elif request.path == "/preview.css":
            answer.text += _STYLE
        elif request.path == "/timeline.js":
            # All times count from one moment: otherwise an older article seems newer than the next one.
            answer.text = answer.text.replace(_RENDERED_ONCE, 'state.profile.presentationTime ?? ""')
        elif request.path == "/app.js":
            answer.text += _MENU_SCRIPT.read_text("utf-8")
        return answer

    PreviewServer._static = renamed  # type: ignore[method-assign]  # noqa: SLF001


def read_embeds_like_messages() -> None:
    """Let the page show mentions and small lines in embeds as Discord does; simcord's shows their markup."""
    policies = _markdown._FIELD_POLICIES  # noqa: SLF001  # no setting of simcord's reaches it
    for field in ("embed_description", "embed_field_value"):
        policies[field].update(mentions=True, commands=True, subtext=True)


def key_menus_by_id() -> None:
    """Let a menu that is sent anew show what holds now, as Discord does.

    simcord's page knows a menu by its place in the message, and shows there what was chosen before.
    """
    control_key = _component_projection._control_key  # noqa: SLF001  # no hook, see above
    if hasattr(control_key, "__wrapped__"):
        return

    @wraps(control_key)
    def by_id(scope: str, component: Mapping[str, Any], path: str) -> str | None:
        key = control_key(scope, component, path)
        if key is None or not scope.startswith("message:") or component["type"] == ComponentType.BUTTON:
            return key
        return f"{key}:{component['custom_id']}"

    def of_message(component: Mapping[str, Any], path: str, message_id: int) -> str | None:
        return by_id(f"message:{message_id}", component, path)

    _component_projection._control_key = by_id  # noqa: SLF001
    _action_plans._component_key = of_message  # noqa: SLF001


def ignore_refusals(env: Env) -> None:
    """Let the page not take a refusal, which the bot has told in words, for a failure of the command.

    simcord offers no hook for this: after any error its page says that the outcome is uncertain, and keeps
    the command in the way of the next.
    """
    note = env._record_error  # noqa: SLF001  # no hook, see above

    def note_fault(error: BaseException) -> None:
        if isinstance(error, app_commands.CommandInvokeError):
            error = error.original
        if not isinstance(
            error, UserFacingError | RequestRejected | FeedError | app_commands.AppCommandError
        ):
            note(error)

    env._record_error = note_fault  # type: ignore[method-assign]  # noqa: SLF001  # likewise


def name_commands(person: MemberActor) -> None:
    """Let the page list commands to a person by their French names and descriptions, as Discord does.

    simcord's page has the English ones alone. Options keep their names, by which it sends them.
    """
    catalog, translate = _commands.build_catalog, i18n.gettext

    def build_catalog(preview: Preview, page: Any) -> dict[str, Any]:  # noqa: ANN401  # private to simcord
        built = catalog(preview, page)
        if page.viewer.id == person.id:
            with i18n.language_scope("fr"):
                for entry in built["entries"]:
                    entry["invocation"] = i18n.localized_command(f"/{entry['invocation']}").removeprefix("/")
                    entry["description"] = translate(entry["description"])
                    for option in entry["options"]:
                        option["description"] = translate(option["description"])
                        for choice in option["choices"]:
                            choice["name"] = translate(choice["name"])
        return built

    _commands.build_catalog = build_catalog


def dispatch_messages_detached(bot: discord.Client) -> None:
    """Let the page show a visitor's message at once, and what the bot answers as soon as it does.

    simcord's page is at work until everything is done that a message began, by a context variable: so what
    takes a while, and is announced, would show at the end alone.
    """
    dispatch = bot.dispatch

    def dispatch_apart(event: str, /, *arguments: Any, **named: Any) -> None:  # noqa: ANN401  # discord.py's
        context = contextvars.Context() if event == "message" else contextvars.copy_context()
        context.run(dispatch, event, *arguments, **named)

    bot.dispatch = dispatch_apart  # type: ignore[method-assign]  # simcord asks for nothing but its own client
