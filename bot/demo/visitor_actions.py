"""Handling of a visitor's actions on the demo's page: as a user, in a channel or direct messages, in their language.

A place is a user with a channel that this user can see; the page calls it a viewer. A context is one open page.

simcord's page has no hooks for this: functions of its pinned version are wrapped.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from simcord.actors import MemberActor
from simcord.backend.errors import BackendError, SetupError
from simcord.enums import AppCommandType
from simcord.env import Env
from simcord.preview import Preview
from simcord.results import ResponseMessage

from bot.demo.preview_places import DemoPlaces

ActionBody = Mapping[str, Any]
"""JSON object that simcord's page sends for an action: its `kind`, and the keys of this kind."""


class VisitorActions:
    """Wrapper of the simulated Discord's handler of a visitor's actions on the demo's page."""

    def __init__(self, env: Env, preview: Preview, places: DemoPlaces) -> None:
        self._env, self._preview, self._places = env, preview, places
        bot_user = env.backend.bot_user
        self._bot_mention = f"<@{bot_user.id}>"
        self._typed_mention_pattern = re.compile(rf"(?<![\w<@])@{re.escape(bot_user.name)}\b", re.IGNORECASE)
        self.page_lock = asyncio.Lock()
        """Lock to hold while the demo's page changes, because an action during a refresh would block the page."""
        self._handle_simcord_action, self._publish_simcord_page = preview._action, preview._publish  # noqa: SLF001  # no hook
        preview._action = self._handle_action  # type: ignore[method-assign]  # noqa: SLF001
        preview._publish = self._publish_page  # type: ignore[method-assign]  # noqa: SLF001

    async def _handle_action(self, context_id: str | None, body: ActionBody) -> dict[str, Any]:
        async with self.page_lock:
            page = self._preview._pages.get(context_id or "")  # noqa: SLF001
            if page is None or not isinstance(body, Mapping):
                return await self._handle_simcord_action(context_id, body)
            if body.get("kind") == "message_menu":
                return {"entries": await self._handle_message_menu(page, body.get("message"), body.get("name"))}
            if "published_revision" in body:  # New articles change the page all the time.
                body = {**body, "published_revision": page.revision}
            return await self._act_in_place(page, context_id, self._replace_typed_mentions(body))

    def _replace_typed_mentions(self, body: ActionBody) -> ActionBody:
        """Replace `@Telex` in a message by a mention of the bot, as Discord's autocomplete does."""
        content = body.get("content")
        if body.get("kind") != "send_message" or not isinstance(content, str):
            return body
        return {**body, "content": self._typed_mention_pattern.sub(self._bot_mention, content)}

    async def _act_in_place(self, page: Any, context_id: str | None, body: ActionBody) -> dict[str, Any]:  # noqa: ANN401
        """Handle an action in the channel that the page shows, or switch to a user and channel chosen in its menu."""
        preview = self._preview
        previous_view = preview.channel, preview.viewers
        if body.get("kind") == "viewer" and (place := self._places.resolve(body.get("viewer_id"))) is not None:
            viewer, preview.channel = place
            page.channel_id = preview.channel.id
            preview.viewers = (viewer,)  # The page identifies its user by this id.
            body = {**body, "viewer_id": str(viewer.id)}
        elif (channel := self._env.backend.channels.get(page.channel_id)) is not None:
            preview.channel = self._places.get_handle(channel)
        try:
            return await self._handle_simcord_action(context_id, body)
        finally:
            preview.channel, preview.viewers = previous_view

    def _publish_page(self, page: Any, **reason: Any) -> None:  # noqa: ANN401  # private to simcord
        self._publish_simcord_page(page, **reason)
        page.snapshot["viewers"] = [
            {"id": place_id, "name": place_label} for place_id, place_label in self._places.list_menu_entries()
        ]
        page.snapshot["viewerId"] = f"{page.viewer.id}.{page.channel_id}"
        page.snapshot["profile"]["locale"] = self._places.get_locale(page.viewer.id)

    async def _handle_message_menu(
        self,
        page: Any,  # noqa: ANN401 - simcord has no type for it
        message_id: object,
        entry_name: object,
    ) -> list[dict[str, str]]:
        """Run the entry `entry_name` of a message's menu and return []; without such an entry, return all entries."""
        viewer, backend = page.viewer, self._env.backend
        if not isinstance(viewer, MemberActor):
            return []  # simcord has no message menus in direct messages.
        commands = backend.visible_commands(user_id=viewer.id, channel_id=page.channel_id, type=AppCommandType.MESSAGE)
        locale = self._places.get_locale(viewer.id)
        entries = [{"name": command["name"], "label": _get_command_label(command, locale)} for command in commands]
        if entry_name not in [entry["name"] for entry in entries]:
            return entries
        try:
            message = ResponseMessage(self._env, backend.get_message(page.channel_id, int(str(message_id))))
            channel = self._places.get_handle(backend.channels[page.channel_id])
            await viewer.context_menu(channel, str(entry_name), message)
            await self._preview.refresh()
        except (BackendError, SetupError, ValueError):
            pass  # The message was deleted in the meantime.
        return []


def _get_command_label(command: Mapping[str, Any], locale: str) -> str:
    return str((command.get("name_localizations") or {}).get(locale) or command["name"])
