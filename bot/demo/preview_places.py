"""Lets the demo's page show every channel, thread and post that a person sees, and their direct messages.

A page of simcord shows one channel to several people. Its menu of people is one of people and places here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from simcord.actors import MemberActor
from simcord.backend.access import can_access_channel
from simcord.backend.models.channel import Channel
from simcord.builders import ChannelHandle, GuildHandle, UserHandle
from simcord.enums import ChannelType
from simcord.env import Env
from simcord.preview import Preview

_WITHOUT_MESSAGES = {ChannelType.CATEGORY, ChannelType.FORUM}
_THREADS_SHOWN = 8
"""Threads of a channel that the menu names, the newest."""


class Places:
    """What people, each with a locale, can look at. The id of a place is `person.channel`."""

    def __init__(self, env: Env, guild: GuildHandle, people: Mapping[MemberActor, str]) -> None:
        self._env, self._guild, self._people = env, guild, people

    def locale(self, person_id: int) -> str:
        """In which the page writes times for a person."""
        return next(locale for person, locale in self._people.items() if person.id == person_id)

    def menu(self) -> list[tuple[str, str]]:
        """Each place and what it is called, person by person."""
        return [
            (f"{person.id}.{channel.id}", f"{person.user.name} {where}")
            for person in self._people
            for channel, where in self._seen_by(person)
        ]

    def of(self, place: object) -> tuple[MemberActor | UserHandle, ChannelHandle] | None:
        """Who looks and at what, or None for what is not in the menu."""
        for person in self._people:
            for channel, _where in self._seen_by(person):
                if place == f"{person.id}.{channel.id}":
                    return person.user if channel.guild_id is None else person, self.handle(channel)
        return None

    def handle(self, channel: Channel) -> ChannelHandle:
        """How simcord's actors name a channel."""
        return ChannelHandle(self._env, None if channel.guild_id is None else self._guild, channel)

    def _seen_by(self, person: MemberActor) -> Iterator[tuple[Channel, str]]:
        backend = self._env.backend
        for channel in list(backend.channels.values()):
            if channel.guild_id != self._guild.id or channel.is_thread:
                continue
            if not can_access_channel(self._env, channel.id, person, history=True):
                continue
            if channel.type not in _WITHOUT_MESSAGES:
                yield channel, f"in #{channel.name}"
            threads = sorted(
                (one for one in backend.channels.values() if one.is_thread and one.parent_id == channel.id),
                key=lambda one: -one.id,
            )
            for thread in threads[:_THREADS_SHOWN]:
                if can_access_channel(self._env, thread.id, person, history=True):
                    yield thread, f"in #{channel.name} › {thread.name}"
        yield backend.get_dm_channel(person.id), "in direct messages"


def let_visit(env: Env, preview: Preview, places: Places) -> None:
    """Let the page's menu choose among places, and its commands and messages go where it looks."""
    act, publish = preview._action, preview._publish  # noqa: SLF001  # simcord has no hooks for any of this

    async def act_there(context_id: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
        page = preview._pages.get(context_id or "")  # noqa: SLF001
        if page is None or not isinstance(body, Mapping):
            return await act(context_id, body)
        home = preview.channel, preview.viewers
        if body.get("kind") == "viewer" and (chosen := places.of(body.get("viewer_id"))) is not None:
            viewer, preview.channel = chosen
            page.channel_id = preview.channel.id
            preview.viewers = (viewer,)  # by whose id the page is told who it is
            body = {**body, "viewer_id": str(viewer.id)}
        elif (channel := env.backend.channels.get(page.channel_id)) is not None:
            preview.channel = places.handle(channel)
        try:
            return await act(context_id, body)
        finally:
            preview.channel, preview.viewers = home

    def publish_menu(page: Any, **reason: Any) -> None:  # noqa: ANN401  # private to simcord
        publish(page, **reason)
        page.snapshot["viewers"] = [{"id": place, "name": name} for place, name in places.menu()]
        page.snapshot["viewerId"] = f"{page.viewer.id}.{page.channel_id}"
        page.snapshot["profile"]["locale"] = places.locale(page.viewer.id)

    preview._action = act_there  # type: ignore[method-assign]  # noqa: SLF001
    preview._publish = publish_menu  # type: ignore[method-assign]  # noqa: SLF001
