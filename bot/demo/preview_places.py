"""The channels, threads, posts and direct messages of the demo that each user can see.

A page of simcord shows one channel to several users. Here its menu of users lists pairs of user and place.
"""

from collections.abc import Iterator, Mapping

from simcord.actors import MemberActor
from simcord.backend.access import can_access_channel
from simcord.backend.models.channel import Channel
from simcord.builders import ChannelHandle, GuildHandle, UserHandle
from simcord.enums import ChannelType
from simcord.env import Env

_WITHOUT_MESSAGES = {ChannelType.CATEGORY, ChannelType.FORUM}
_THREADS_SHOWN = 8
"""Newest threads of a channel that the menu lists."""


class Places:
    """Places that users can see, with the locale of each user; the id of a place is `user.channel`."""

    def __init__(self, env: Env, guild: GuildHandle, people: Mapping[MemberActor, str]) -> None:
        self._env, self._guild, self._people = env, guild, people

    def locale(self, person_id: int) -> str:
        """Return the locale in which the page formats times for a user."""
        return next(locale for person, locale in self._people.items() if person.id == person_id)

    def menu(self) -> list[tuple[str, str]]:
        """Return the id and the label of each place, user by user."""
        return [
            (f"{person.id}.{channel.id}", f"{person.user.name} {where}")
            for person in self._people
            for channel, where in self._visible_to(person)
        ]

    def resolve(self, place: object) -> tuple[MemberActor | UserHandle, ChannelHandle] | None:
        """Return the user and the channel of a place, or None if the menu does not have it."""
        for person in self._people:
            for channel, _where in self._visible_to(person):
                if place == f"{person.id}.{channel.id}":
                    return person.user if channel.guild_id is None else person, self.handle(channel)
        return None

    def handle(self, channel: Channel) -> ChannelHandle:
        """Return simcord's handle of a channel."""
        return ChannelHandle(self._env, None if channel.guild_id is None else self._guild, channel)

    def _visible_to(self, person: MemberActor) -> Iterator[tuple[Channel, str]]:
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
