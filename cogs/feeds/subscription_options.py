"""Subscriptions of a server as command options, by name, and panels about one of them."""

import asyncio
from collections.abc import Collection

import discord
from discord.app_commands import Choice

from bot.core.i18n import _, linkify_commands
from bot.core.models import Feed, Subscription
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import discord_limits
from bot.text import discord_text, urls
from bot.text.words import fold
from cogs.shared.authorization import ManagersPanel
from cogs.shared.channel_options import can_see_channel, channel_name
from cogs.shared.views import Interaction

_MAX_NAME_LENGTH = 80

FollowedFeed = tuple[Subscription, Feed]


def feed_name(feed: Feed) -> str:
    """Return the display name of a feed as plain text: title, outlet or redacted URL."""
    return discord_text.to_plain_line(feed.title or feed.outlet or urls.redact(feed.url), _MAX_NAME_LENGTH)


def bold_feed_name(feed: Feed) -> str:
    """Return the escaped name of a feed in bold."""
    return f"**{discord_text.escape_markdown(feed_name(feed))}**"


def subscription_title(interaction: Interaction, pair: FollowedFeed) -> str:
    """Return the feed and channel of a subscription as a heading."""
    assert interaction.guild is not None
    place = channel_name(interaction.guild, pair[0].channel_id)
    return _("{feed} in {channel}").format(
        feed=bold_feed_name(pair[1]), channel=discord_text.to_markdown_line(place, _MAX_NAME_LENGTH)
    )


async def visible_subscriptions(interaction: Interaction) -> list[FollowedFeed]:
    """Return the server's subscriptions in channels that the user can see or that were deleted."""
    pairs = await interaction.client.store.subscriptions.list_with_feeds(interaction.guild_id or 0)
    seen = await visible_or_deleted_channels(
        interaction, {subscription.channel_id for subscription, _feed in pairs}
    )
    return [pair for pair in pairs if pair[0].channel_id in seen]


async def visible_or_deleted_channels(interaction: Interaction, channel_ids: Collection[int]) -> set[int]:
    """Return the ids of channels that the user can see or that were deleted."""

    async def shows(channel_id: int) -> bool:
        if await can_see_channel(interaction, channel_id):
            return True
        return interaction.guild is not None and await is_channel_deleted(interaction.guild, channel_id)

    channels = list(channel_ids)
    answers = await asyncio.gather(*map(shows, channels))
    return {channel_id for channel_id, shows in zip(channels, answers, strict=True) if shows}


async def is_channel_deleted(guild: discord.Guild, channel_id: int) -> bool:
    """Return whether a channel or thread was deleted; False if Discord fails."""
    if guild.get_channel_or_thread(channel_id) is not None:
        return False
    try:
        await guild.fetch_channel(channel_id)
    except discord.NotFound:
        return True
    except (discord.HTTPException, discord.InvalidData):
        return False
    return False


async def choices(interaction: Interaction, current: str) -> list[Choice[str]]:
    """Return autocomplete choices for subscriptions whose feed or channel matches; the value is the id."""
    guild = interaction.guild
    if guild is None:
        return []
    typed = fold(current)
    offered = []
    for subscription, feed in await visible_subscriptions(interaction):
        place = channel_name(guild, subscription.channel_id)
        label = discord_text.to_plain_line(f"{feed_name(feed)} — {place}", discord_limits.CHOICE_NAME_LENGTH)
        if typed in fold(f"{label} {urls.redact(feed.url)}"):
            offered.append(Choice(name=label, value=str(subscription.id)))
    return offered[: discord_limits.MAX_CHOICES]


async def resolve_subscription(interaction: Interaction, value: str) -> FollowedFeed:
    """Return the subscription with an id, or the only one whose name matches.

    Raises `UserFacingError` if there is none or several, or the user cannot see it.
    """
    pairs = await visible_subscriptions(interaction)
    if not pairs:
        raise UserFacingError(linkify_commands(_("No feeds here yet. Start with /feed add or /feed packs.")))
    typed = fold(value)
    matching = [pair for pair in pairs if str(pair[0].id) == value]
    if not value.isdecimal():
        matching = [
            pair for pair in pairs if typed in fold(f"{feed_name(pair[1])} {urls.redact(pair[1].url)}")
        ]
    if len(matching) != 1:
        raise UserFacingError(_("Pick a feed from the list that appears as you type."))
    return matching[0]


async def require_current(interaction: Interaction, pair: FollowedFeed) -> FollowedFeed:
    """Return the current state of a subscription. Raise `UserFacingError` if it is gone or hidden."""
    for current in await visible_subscriptions(interaction):
        if current[0].id == pair[0].id:
            return current
    raise UserFacingError(unfollowed_text())


def unfollowed_text() -> str:
    """Return the sentence for a subscription that no longer exists."""
    return _("That feed isn’t followed there anymore.")


class SubscriptionPanel(ManagersPanel):
    """A panel about one subscription, for users who manage feeds and can see its channel."""

    def __init__(self, interaction: Interaction, pair: FollowedFeed) -> None:
        super().__init__(interaction)
        self.followed_feed = pair

    async def authorize(self, interaction: Interaction) -> None:
        await super().authorize(interaction)
        await require_current(interaction, self.followed_feed)
