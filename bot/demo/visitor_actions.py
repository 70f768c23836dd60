"""What a visitor does on the demo's page: everywhere they look, in their language, and while news arrives.

simcord's page has no hook for any of this: its own functions are wrapped, those of that version alone.
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

from bot.demo.preview_places import Places

Body = Mapping[str, Any]


class VisitorActions:
    """Takes what is done on a page in place of simcord, which does it then."""

    def __init__(self, env: Env, preview: Preview, places: Places) -> None:
        self._env, self._preview, self._places = env, preview, places
        me = env.backend.bot_user
        self._me = f"<@{me.id}>"
        self._written = re.compile(rf"(?<![\w<@])@{re.escape(me.name)}\b", re.IGNORECASE)
        self.page_lock = asyncio.Lock()
        """Held by whoever is at work on the page: what is done in the middle of `Preview.refresh` is answered
        with an error, and then the page lets nobody do anything any more."""
        self._act, self._publish = preview._action, preview._publish  # noqa: SLF001  # no hook, see above
        preview._action = self._action  # type: ignore[method-assign]  # noqa: SLF001
        preview._publish = self._publish_menu  # type: ignore[method-assign]  # noqa: SLF001

    async def _action(self, context_id: str | None, body: Body) -> dict[str, Any]:
        async with self.page_lock:
            page = self._preview._pages.get(context_id or "")  # noqa: SLF001
            if page is None or not isinstance(body, Mapping):
                return await self._act(context_id, body)
            if body.get("kind") == "message_menu":
                return {"entries": await self._menu(page, body.get("message"), body.get("name"))}
            if "published_revision" in body:  # an article changed the page meanwhile, as happens all the time
                body = {**body, "published_revision": page.revision}
            return await self._act_in_place(page, context_id, self._mentioning(body))

    def _mentioning(self, body: Body) -> Body:
        """A message in which a written @Telex mentions the bot, as Discord's own completion does."""
        content = body.get("content")
        if body.get("kind") != "send_message" or not isinstance(content, str):
            return body
        return {**body, "content": self._written.sub(self._me, content)}

    async def _act_in_place(self, page: Any, context_id: str | None, body: Body) -> dict[str, Any]:  # noqa: ANN401
        """Let commands and messages go where the page looks, and its menu choose among places."""
        preview = self._preview
        home = preview.channel, preview.viewers
        if (
            body.get("kind") == "viewer"
            and (chosen := self._places.resolve(body.get("viewer_id"))) is not None
        ):
            viewer, preview.channel = chosen
            page.channel_id = preview.channel.id
            preview.viewers = (viewer,)  # by whose id the page is told who it is
            body = {**body, "viewer_id": str(viewer.id)}
        elif (channel := self._env.backend.channels.get(page.channel_id)) is not None:
            preview.channel = self._places.handle(channel)
        try:
            return await self._act(context_id, body)
        finally:
            preview.channel, preview.viewers = home

    def _publish_menu(self, page: Any, **reason: Any) -> None:  # noqa: ANN401  # private to simcord
        self._publish(page, **reason)
        page.snapshot["viewers"] = [{"id": place, "name": name} for place, name in self._places.menu()]
        page.snapshot["viewerId"] = f"{page.viewer.id}.{page.channel_id}"
        page.snapshot["profile"]["locale"] = self._places.locale(page.viewer.id)

    async def _menu(self, page: Any, message_id: object, name: object) -> list[dict[str, str]]:  # noqa: ANN401
        """The entries of a message's menu; none where one of them, by its `name`, was chosen."""
        viewer, backend = page.viewer, self._env.backend
        if not isinstance(viewer, MemberActor):
            return []  # in direct messages simcord's people have no menu
        visible = backend.visible_commands(
            user_id=viewer.id, channel_id=page.channel_id, type=AppCommandType.MESSAGE
        )
        locale = self._places.locale(viewer.id)
        entries = [{"name": each["name"], "label": _label(each, locale)} for each in visible]
        if name not in [entry["name"] for entry in entries]:
            return entries
        try:
            message = ResponseMessage(self._env, backend.get_message(page.channel_id, int(str(message_id))))
            channel = self._places.handle(backend.channels[page.channel_id])
            await viewer.context_menu(channel, str(name), message)
            await self._preview.refresh()
        except (BackendError, SetupError, ValueError):
            pass  # the message went in the meantime
        return []


def _label(command: Mapping[str, Any], locale: str) -> str:
    return str((command.get("name_localizations") or {}).get(locale) or command["name"])
