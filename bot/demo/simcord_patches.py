"""Where simcord, which plays Discord, is taught what it has no hook for: exact, for that version alone."""

import asyncio
import contextvars
import re
from collections.abc import Iterable, Mapping
from functools import wraps
from typing import Any

import discord
from discord import app_commands
from simcord.actors import MemberActor
from simcord.backend.cdn import CDN_BASE
from simcord.backend.errors import BackendError, SetupError
from simcord.enums import AppCommandType, ComponentType
from simcord.env import Env
from simcord.preview import Preview, _action_plans, _commands, _component_projection, _markdown
from simcord.preview._server import PreviewServer
from simcord.results import ResponseMessage

from bot import DATA
from bot.core import locale
from bot.core.refusals import Declined, Refusal
from bot.feeds.fetch_errors import FeedError
from bot.posting.emoji import tile_drawing
from bot.posting.rendering.layout import icons, outlets

_STYLE = (
    "#messages-toggle, #messages-sidebar, #refresh, #capture-open, #inspector-toggle { display: none }"
    ".component-section { grid-template-columns: minmax(0, 1fr) auto !important }"  # as on a telephone
    ".custom-emoji { color: transparent; font-size: 0 }"  # no name while its picture loads
)


def name_the_page() -> None:
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
            answer.text += _STYLE + _MENU_STYLE
        elif request.path == "/app.js":
            answer.text += _MENU_SCRIPT.read_text("utf-8")
        return answer

    PreviewServer._static = renamed  # type: ignore[method-assign]  # noqa: SLF001


def read_embeds_like_messages() -> None:
    """Let the page show mentions and small lines in embeds as Discord does; simcord's shows their markup."""
    policies = _markdown._FIELD_POLICIES  # noqa: SLF001  # no setting of simcord's reaches it
    for field in ("embed_description", "embed_field_value"):
        policies[field].update(mentions=True, commands=True, subtext=True)


def show_menus_as_sent() -> None:
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


def note_only_faults(env: Env) -> None:
    """Let the page not take a refusal, which the bot has told in words, for a failure of the command.

    simcord offers no hook for this: after any error its page says that the outcome is uncertain, and keeps
    the command in the way of the next.
    """
    note = env._record_error  # noqa: SLF001  # no hook, see above

    def note_fault(error: BaseException) -> None:
        if isinstance(error, app_commands.CommandInvokeError):
            error = error.original
        if not isinstance(error, Refusal | Declined | FeedError | app_commands.AppCommandError):
            note(error)

    env._record_error = note_fault  # type: ignore[method-assign]  # noqa: SLF001  # likewise


def name_commands(person: MemberActor) -> None:
    """Let the page list commands to a person by their French names and descriptions, as Discord does.

    simcord's page has the English ones alone. Options keep their names, by which it sends them.
    """
    catalog, translate = _commands.build_catalog, locale.gettext

    def build_catalog(preview: Preview, page: Any) -> dict[str, Any]:  # noqa: ANN401  # private to simcord
        built = catalog(preview, page)
        if page.viewer.id == person.id:
            with locale.use("fr"):
                for entry in built["entries"]:
                    entry["invocation"] = locale.command(f"/{entry['invocation']}").removeprefix("/")
                    entry["description"] = translate(entry["description"])
                    for option in entry["options"]:
                        option["description"] = translate(option["description"])
                        for choice in option["choices"]:
                            choice["name"] = translate(choice["name"])
        return built

    _commands.build_catalog = build_catalog


def take_turns(preview: Preview) -> asyncio.Lock:
    """Let a visitor's actions wait for whoever holds the lock that is returned.

    An action in the middle of `Preview.refresh` is otherwise answered with an error, and then the page lets
    nobody do anything any more; simcord offers no way to wait. Nor does it take what was done on a page that
    an article has changed in the meantime, as happens all the time here.
    """
    turn = asyncio.Lock()
    act = preview._action  # noqa: SLF001  # no hook, see above

    async def act_in_turn(context_id: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
        async with turn:
            page = preview._pages.get(context_id or "")  # noqa: SLF001  # its revision is told nowhere else
            if page is not None and isinstance(body, Mapping) and "published_revision" in body:
                body = {**body, "published_revision": page.revision}
            return await act(context_id, body)

    preview._action = act_in_turn  # type: ignore[method-assign]  # noqa: SLF001  # likewise
    return turn


def mention_by_name(env: Env, preview: Preview) -> None:
    """Let a written @Telex mention the bot, as Discord's own completion does; simcord's page has none.

    Nor has simcord a hook for what is written there.
    """
    act = preview._action  # noqa: SLF001  # no hook, see above
    me = env.backend.bot_user
    written = re.compile(rf"(?<![\w<@])@{re.escape(me.name)}\b", re.IGNORECASE)

    async def act_with_mentions(context_id: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
        if isinstance(body, Mapping) and body.get("kind") == "send_message":
            content = body.get("content")
            if isinstance(content, str):
                body = {**body, "content": written.sub(f"<@{me.id}>", content)}
        return await act(context_id, body)

    preview._action = act_with_mentions  # type: ignore[method-assign]  # noqa: SLF001  # likewise


def answer_meanwhile(bot: discord.Client) -> None:
    """Let the page show a visitor's message at once, and what the bot answers as soon as it does.

    simcord's page is at work until everything is done that a message began, by a context variable: so what
    takes a while, and is announced, would show at the end alone.
    """
    dispatch = bot.dispatch

    def dispatch_apart(event: str, /, *arguments: Any, **named: Any) -> None:  # noqa: ANN401  # discord.py's
        context = contextvars.Context() if event == "message" else contextvars.copy_context()
        context.run(dispatch, event, *arguments, **named)

    bot.dispatch = dispatch_apart  # type: ignore[method-assign]  # simcord asks for nothing but its own client


_MENU_SCRIPT = DATA / "demo" / "message_menu.js"
"""What the page's own script ends with."""

_MENU_STYLE = (
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


def drawn(env: Env, names: Iterable[str]) -> dict[str, tuple[str, bytes]]:
    """Let messages show icons of buttons and the initials of outlets of these names.

    Returns the pictures for the page by their addresses, with file names.
    """
    pictures: dict[str, tuple[str, bytes]] = {}

    def kept(name: str, picture: bytes) -> str:
        emoji = env.backend.create_application_emoji(name)
        pictures[f"{CDN_BASE}/emojis/{emoji.id}.png"] = (f"{name}.png", picture)
        return f"<:{name}:{emoji.id}>"

    initials = {(outlets.initial(name), outlets.colour(0, name)) for name in names}
    outlets.know(
        {},
        {
            (letter, colour): kept(
                f"initial_{letter}_{colour:x}", tile_drawing.of_initial(letter, colour).png
            )
            for letter, colour in sorted(initials)
            if letter
        },
    )
    icons.know(
        {icon: kept(f"button_{icon.name.lower()}", picture) for icon, picture in icons.pictures().items()}
    )
    return pictures
