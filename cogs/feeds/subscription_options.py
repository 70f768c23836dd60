"""A server's subscriptions as its people see them: by name, as options of commands, in panels about one."""

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
    """What people call a feed: its title, else its address without secrets; one line of plain text."""
    return discord_text.to_plain_line(feed.title or feed.outlet or urls.redact(feed.url), _MAX_NAME_LENGTH)


def bold_feed_name(feed: Feed) -> str:
    """The name of a feed in a message."""
    return f"**{discord_text.escape_markdown(feed_name(feed))}**"


def subscription_title(interaction: Interaction, pair: FollowedFeed) -> str:
    """A subscription as a heading: the feed, and its channel by name."""
    assert interaction.guild is not None
    place = channel_name(interaction.guild, pair[0].channel_id)
    return _("{feed} in {channel}").format(
        feed=bold_feed_name(pair[1]), channel=discord_text.to_markdown_line(place, _MAX_NAME_LENGTH)
    )


async def visible_subscriptions(interaction: Interaction) -> list[FollowedFeed]:
    """The server's subscriptions in channels that the asker sees, and in channels that are gone."""
    pairs = await interaction.client.store.subscriptions.list_with_feeds(interaction.guild_id or 0)
    seen = await visible_or_deleted_channels(
        interaction, {subscription.channel_id for subscription, _feed in pairs}
    )
    return [pair for pair in pairs if pair[0].channel_id in seen]


async def visible_or_deleted_channels(interaction: Interaction, channel_ids: Collection[int]) -> set[int]:
    """Those of the server's channels that the asker sees, and those that are gone."""

    async def shows(channel_id: int) -> bool:
        if await can_see_channel(interaction, channel_id):
            return True
        return interaction.guild is not None and await is_channel_deleted(interaction.guild, channel_id)

    channels = list(channel_ids)
    answers = await asyncio.gather(*map(shows, channels))
    return {channel_id for channel_id, shows in zip(channels, answers, strict=True) if shows}


async def is_channel_deleted(guild: discord.Guild, channel_id: int) -> bool:
    """Whether a channel or thread was deleted."""
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
    """Subscriptions whose feed or channel has what was typed; the value is the subscription's id."""
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
    """The subscription that a person chose from the list, or named by what only one of them has.

    Raises `UserFacingError` when it is none of this server's, or not theirs to see.
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
    """A subscription as it is now. Raises `UserFacingError` when it is gone, or not the asker's to see any
    more.
    """
    for current in await visible_subscriptions(interaction):
        if current[0].id == pair[0].id:
            return current
    raise UserFacingError(unfollowed_text())


def unfollowed_text() -> str:
    """What to say of a subscription that somebody else ended meanwhile."""
    return _("That feed isn’t followed there anymore.")


class SubscriptionPanel(ManagersPanel):
    """A panel about one subscription, for who may still manage feeds and still sees where it is posted."""

    def __init__(self, interaction: Interaction, pair: FollowedFeed) -> None:
        super().__init__(interaction)
        self.followed_feed = pair

    async def authorize(self, interaction: Interaction) -> None:
        await super().authorize(interaction)
        await require_current(interaction, self.followed_feed)
