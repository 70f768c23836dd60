"""The channels, threads, posts and direct messages that each user of the demo can see, for the page's menu.

The page of simcord, the simulated Discord, shows one channel to several users, and has a menu of them. Here the
menu lists pairs of user and place.
"""

from collections.abc import Iterator, Mapping

from simcord.actors import MemberActor
from simcord.backend.access import can_access_channel
from simcord.backend.models.channel import Channel
from simcord.builders import ChannelHandle, GuildHandle, UserHandle
from simcord.enums import ChannelType
from simcord.env import Env

_CHANNEL_TYPES_WITHOUT_MESSAGES = {ChannelType.CATEGORY, ChannelType.FORUM}
"""Types of channels that contain channels or threads, but no messages of their own."""
_MAX_THREADS_PER_CHANNEL = 8
"""Maximum number of threads of a channel, the newest, that the menu of the demo's page lists."""


class DemoPlaces:
    """Places (channels, threads, direct messages) that users can see, with the locale of each user.

    The id of a place is the id of the user, a full stop, and the id of the channel.
    """

    def __init__(self, env: Env, guild: GuildHandle, locale_by_member: Mapping[MemberActor, str]) -> None:
        self._env, self._guild, self._locale_by_member = env, guild, locale_by_member

    def get_locale(self, user_id: int) -> str:
        """Return the locale in which the demo's page formats times for a user."""
        return next(locale for member, locale in self._locale_by_member.items() if member.id == user_id)

    def list_menu_entries(self) -> list[tuple[str, str]]:
        """Return id and label of each channel, thread and direct messages in the page's menu, user by user."""
        return [
            (f"{member.id}.{channel.id}", f"{member.user.name} {place_label}")
            for member in self._locale_by_member
            for channel, place_label in self._iter_visible_channels(member)
        ]

    def resolve(self, place_id: object) -> tuple[MemberActor | UserHandle, ChannelHandle] | None:
        """Return the user and the channel of an entry of the page's menu by its id, or None if there is none."""
        for member in self._locale_by_member:
            for channel, _place_label in self._iter_visible_channels(member):
                if place_id == f"{member.id}.{channel.id}":
                    return member.user if channel.guild_id is None else member, self.get_handle(channel)
        return None

    def get_handle(self, channel: Channel) -> ChannelHandle:
        """Return the object through which simcord's functions use a channel."""
        return ChannelHandle(self._env, None if channel.guild_id is None else self._guild, channel)

    def _iter_visible_channels(self, member: MemberActor) -> Iterator[tuple[Channel, str]]:
        backend = self._env.backend
        for channel in list(backend.channels.values()):
            if channel.guild_id != self._guild.id or channel.is_thread:
                continue
            if not can_access_channel(self._env, channel.id, member, history=True):
                continue
            if channel.type not in _CHANNEL_TYPES_WITHOUT_MESSAGES:
                yield channel, f"in #{channel.name}"
            threads = sorted(
                (thread for thread in backend.channels.values() if thread.is_thread and thread.parent_id == channel.id),
                key=lambda thread: -thread.id,
            )
            for thread in threads[:_MAX_THREADS_PER_CHANNEL]:
                if can_access_channel(self._env, thread.id, member, history=True):
                    yield thread, f"in #{channel.name} › {thread.name}"
        yield backend.get_dm_channel(member.id), "in direct messages"
