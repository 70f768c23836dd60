"""Targets of /feed filter: one feed in a channel, everything in a channel, or everything in the server."""

from typing import NamedTuple

import discord
from discord.app_commands import Choice

from bot.core.i18n import _
from bot.core.preferences import FilterPlace, FilterScope
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import discord_limits
from bot.posting.wording.feed_names import bold_feed_name
from bot.text import discord_text
from bot.text.words import fold
from cogs.feeds import subscription_options
from cogs.feeds.subscription_options import FollowedFeed
from cogs.shared import channel_options
from cogs.shared.authorization import ManagersPanel
from cogs.shared.views import Interaction

_SERVER_VALUE = "server"
"""Value of the autocomplete choice of the server."""
_CHANNEL_VALUE_PREFIX = "channel:"
"""Beginning of the value of a channel's autocomplete choice; the id of the channel follows."""


class FilterTarget(NamedTuple):
    """Place of filters (feed in a channel, channel or server), its name as Markdown, and ids of its visible feeds."""

    place: FilterPlace
    name: str
    feed_ids: tuple[int, ...]

    @property
    def is_feed(self) -> bool:
        """Whether the target is one feed in one channel."""
        return self.place.scope is FilterScope.FEED


class FilterTargetPanel(ManagersPanel):
    """Panel on filters of a feed in a channel, a channel or the server, for users who manage feeds and can see it."""

    def __init__(self, interaction: Interaction, target: FilterTarget) -> None:
        super().__init__(interaction)
        self.target = target

    async def authorize(self, interaction: Interaction) -> None:
        await super().authorize(interaction)
        await require_current_target(interaction, self.target)


def target_of_feed(followed_feed: FollowedFeed) -> FilterTarget:
    """Return a feed in a channel as the target of filters."""
    subscription, feed = followed_feed
    name = _("{feed} in {channel}").format(feed=bold_feed_name(feed), channel=f"<#{subscription.channel_id}>")
    return FilterTarget(FilterPlace(subscription.id), name, (feed.id,))


async def find_target_choices(interaction: Interaction, typed_text: str) -> list[Choice[str]]:
    """Return autocomplete choices for the server, for its channels with feeds, and for feeds in channels."""
    feed_choices = await subscription_options.find_subscription_choices(interaction, typed_text)
    followed_feeds = await subscription_options.list_readable_subscriptions(interaction)
    if not followed_feeds or interaction.guild is None:
        return feed_choices
    multi_feed_choices = [Choice(name=_("Everything in this server"), value=_SERVER_VALUE)]
    channel_ids = dict.fromkeys(
        filtered_id
        for followed_feed in followed_feeds
        for filtered_id in _list_filtered_channel_ids(interaction.guild, followed_feed.subscription.channel_id)
    )
    for channel_id in sorted(channel_ids, key=lambda channel_id: channel_id != interaction.channel_id):
        channel = channel_options.channel_name(interaction.guild, channel_id)
        label = discord_text.to_plain_line(
            _("Everything in {channel}").format(channel=channel), discord_limits.MAX_CHOICE_NAME_LENGTH
        )
        multi_feed_choices.append(Choice(name=label, value=f"{_CHANNEL_VALUE_PREFIX}{channel_id}"))
    multi_feed_choices = [choice for choice in multi_feed_choices if fold(typed_text) in fold(choice.name)]
    # The server and the current channel come first, the other channels after the feeds.
    return (multi_feed_choices[:2] + feed_choices + multi_feed_choices[2:])[: discord_limits.MAX_CHOICES]


async def resolve_target(interaction: Interaction, selection: str) -> FilterTarget:
    """Return what a command option selects for filters, by the value of an autocomplete choice, or a feed by its name.

    Raises `UserFacingError` if nothing or several feeds match, the user cannot see the channel, or there are neither
    feeds that the user can see nor filters.
    """
    assert interaction.guild is not None
    if selection == _SERVER_VALUE:
        return await _build_multi_feed_target(interaction, FilterPlace(interaction.guild.id, FilterScope.SERVER))
    channel_id_text = selection.removeprefix(_CHANNEL_VALUE_PREFIX)
    if channel_id_text != selection and channel_id_text.isdecimal():
        channel = await channel_options.require_existing_channel(interaction, int(channel_id_text))
        return await _build_multi_feed_target(interaction, FilterPlace(channel.id, FilterScope.CHANNEL))
    return target_of_feed(await subscription_options.resolve_subscription(interaction, selection))


async def require_current_target(interaction: Interaction, target: FilterTarget) -> FilterTarget:
    """Return what filters apply to, as it is now: a feed in a channel is read again, a channel or server is unchanged.

    Raises `UserFacingError` if it no longer exists or the user can no longer see it.
    """
    if not target.is_feed:
        if target.place.scope is FilterScope.CHANNEL:
            await channel_options.require_existing_channel(interaction, target.place.id)
        return target
    for followed_feed in await subscription_options.list_visible_subscriptions(interaction):
        if followed_feed.subscription.id == target.place.id:
            return target_of_feed(followed_feed)
    raise UserFacingError(subscription_options.unfollowed_text())


async def _build_multi_feed_target(interaction: Interaction, place: FilterPlace) -> FilterTarget:
    store = interaction.client.store
    followed_feeds = await subscription_options.list_readable_subscriptions(interaction)
    name = _("Everything in this server")
    if place.scope is FilterScope.CHANNEL:
        channel_ids = {place.id, *await store.servers.list_thread_ids(place.id)}
        followed_feeds = [feed for feed in followed_feeds if feed.subscription.channel_id in channel_ids]
        has_threads = any(followed_feed.subscription.channel_id != place.id for followed_feed in followed_feeds)
        template = _("Everything in {channel} and its threads") if has_threads else _("Everything in {channel}")
        name = template.format(channel=f"<#{place.id}>")
    feed_ids = dict.fromkeys(followed_feed.feed.id for followed_feed in followed_feeds)
    if not feed_ids and not await store.filters.list_by_place(place):
        raise UserFacingError(_("No feeds there yet, so there’s nothing to filter."))
    return FilterTarget(place, name, tuple(feed_ids))


def _list_filtered_channel_ids(guild: discord.Guild, channel_id: int) -> tuple[int, ...]:
    """Return the channels whose filters apply in a channel or thread: its own, and those of a thread's parent."""
    thread = guild.get_thread(channel_id)
    return (channel_id,) if thread is None else (channel_id, thread.parent_id)
