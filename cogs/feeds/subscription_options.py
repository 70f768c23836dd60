"""Subscriptions (feeds in channels): choosing one by name, pausing it, and the base of panels about it."""

import asyncio
from collections.abc import Collection
from typing import NamedTuple

import discord
from discord.app_commands import Choice

from bot.core.i18n import _, linkify_commands
from bot.core.models import Feed, Subscription
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import discord_limits
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.posting.wording.feed_names import bold_feed_name, feed_name
from bot.text import discord_text, urls
from bot.text.words import fold
from cogs.shared.authorization import ManagersPanel
from cogs.shared.channel_options import can_see_channel, channel_name
from cogs.shared.views import Interaction

_MAX_CHANNEL_NAME_LENGTH = 80
"""Maximum length in UTF-16 units of the name of a channel in a heading."""


class FollowedFeed(NamedTuple):
    """Subscription of a channel of the server, with the feed that the channel follows."""

    subscription: Subscription
    feed: Feed


def subscription_title(interaction: Interaction, followed_feed: FollowedFeed) -> str:
    """Return the feed and channel of a subscription as a heading."""
    assert interaction.guild is not None
    channel_label = channel_name(interaction.guild, followed_feed.subscription.channel_id)
    return _("{feed} in {channel}").format(
        feed=bold_feed_name(followed_feed.feed),
        channel=discord_text.to_markdown_line(channel_label, _MAX_CHANNEL_NAME_LENGTH),
    )


async def list_readable_subscriptions(interaction: Interaction) -> list[FollowedFeed]:
    """Return the server's subscriptions in channels that the user can see."""
    subscription_pairs = await interaction.client.store.subscriptions.list_with_feeds(interaction.guild_id or 0)
    channel_ids = {subscription.channel_id for subscription, _feed in subscription_pairs}
    readable_channel_ids = {channel_id for channel_id in channel_ids if await can_see_channel(interaction, channel_id)}
    return [
        FollowedFeed(subscription, feed)
        for subscription, feed in subscription_pairs
        if subscription.channel_id in readable_channel_ids
    ]


async def list_visible_subscriptions(interaction: Interaction) -> list[FollowedFeed]:
    """Return the server's subscriptions in channels that the user can see or that were deleted."""
    followed_feeds = [
        FollowedFeed(subscription, feed)
        for subscription, feed in await interaction.client.store.subscriptions.list_with_feeds(
            interaction.guild_id or 0
        )
    ]
    visible_channel_ids = await select_visible_or_deleted_channel_ids(
        interaction, {subscription.channel_id for subscription, _feed in followed_feeds}
    )
    return [
        followed_feed
        for followed_feed in followed_feeds
        if followed_feed.subscription.channel_id in visible_channel_ids
    ]


async def select_visible_or_deleted_channel_ids(interaction: Interaction, channel_ids: Collection[int]) -> set[int]:
    """Return the ids of the given channels that the user can see or that were deleted."""

    async def is_visible_or_deleted(channel_id: int) -> bool:
        if await can_see_channel(interaction, channel_id):
            return True
        return interaction.guild is not None and await is_channel_deleted(interaction.guild, channel_id)

    channel_id_list = list(channel_ids)
    selection_flags = await asyncio.gather(*map(is_visible_or_deleted, channel_id_list))
    return {channel_id for channel_id, is_selected in zip(channel_id_list, selection_flags, strict=True) if is_selected}


async def is_channel_deleted(guild: discord.Guild, channel_id: int) -> bool:
    """Return whether a channel or thread was deleted; False if Discord does not answer."""
    if guild.get_channel_or_thread(channel_id) is not None:
        return False
    try:
        await guild.fetch_channel(channel_id)
    except discord.NotFound:
        return True
    except DISCORD_ERRORS:
        return False
    return False


async def find_subscription_choices(interaction: Interaction, current: str) -> list[Choice[str]]:
    """Return autocomplete choices for subscriptions whose feed, address or channel contains the typed text.

    There are at most as many as Discord shows. The value of a choice is the id of the subscription.
    """
    guild = interaction.guild
    if guild is None:
        return []
    folded_text = fold(current)
    subscription_choices = []
    for subscription, feed in await list_visible_subscriptions(interaction):
        channel_label = channel_name(guild, subscription.channel_id)
        label = discord_text.to_plain_line(
            f"{feed_name(feed)} — {channel_label}", discord_limits.MAX_CHOICE_NAME_LENGTH
        )
        if folded_text in fold(f"{label} {urls.redact(feed.url)}"):
            subscription_choices.append(Choice(name=label, value=str(subscription.id)))
    return subscription_choices[: discord_limits.MAX_CHOICES]


async def resolve_subscription(interaction: Interaction, selection: str) -> FollowedFeed:
    """Return the subscription (feed in a channel) that a command option selects, by id or as the only name to match.

    Raises `UserFacingError` if no subscription or several match, or the user cannot see the channel.
    """
    followed_feeds = await list_visible_subscriptions(interaction)
    if not followed_feeds:
        raise UserFacingError(linkify_commands(_("No feeds here yet. Start with /feed add or /feed packs.")))
    folded_selection = fold(selection)
    matching_followed_feeds = [
        followed_feed for followed_feed in followed_feeds if str(followed_feed.subscription.id) == selection
    ]
    if not selection.isdecimal():
        matching_followed_feeds = [
            followed_feed
            for followed_feed in followed_feeds
            if folded_selection in fold(f"{feed_name(followed_feed.feed)} {urls.redact(followed_feed.feed.url)}")
        ]
    if len(matching_followed_feeds) != 1:
        raise UserFacingError(_("Pick a feed from the list that appears as you type."))
    return matching_followed_feeds[0]


async def require_current_subscription(interaction: Interaction, followed_feed: FollowedFeed) -> FollowedFeed:
    """Return the current state of a subscription.

    Raises `UserFacingError` if it was unfollowed or the user cannot see its channel.
    """
    for current_followed_feed in await list_visible_subscriptions(interaction):
        if current_followed_feed.subscription.id == followed_feed.subscription.id:
            return current_followed_feed
    raise UserFacingError(unfollowed_text())


def unfollowed_text() -> str:
    """Return the sentence that says that a feed is no longer followed."""
    return _("That feed isn’t followed there anymore.")


class SubscriptionPanel(ManagersPanel):
    """Panel about one subscription (feed in a channel), for users who manage feeds and can see the channel."""

    def __init__(self, interaction: Interaction, followed_feed: FollowedFeed) -> None:
        super().__init__(interaction)
        self.followed_feed = followed_feed

    async def authorize(self, interaction: Interaction) -> None:
        await super().authorize(interaction)
        await require_current_subscription(interaction, self.followed_feed)


async def pause_feed(interaction: Interaction, followed_feed: FollowedFeed) -> str:
    """Pause a feed in a channel and return the sentence that confirms it.

    Raises `UserFacingError` if the feed is paused already or the channel no longer follows it.
    """
    subscription, feed = followed_feed
    if not await interaction.client.store.subscriptions.pause(subscription.id, user_id=interaction.user.id):
        await require_current_subscription(interaction, followed_feed)
        refusal = linkify_commands(_("{feed} is already paused. Resume it with /feed resume."))
        raise UserFacingError(refusal.format(feed=bold_feed_name(feed)))
    confirmation = linkify_commands(
        _(
            "Paused {feed} in <#{channel}>. New articles show up in search but aren’t posted. Resume "
            "it with /feed resume."
        )
    )
    return confirmation.format(feed=bold_feed_name(feed), channel=subscription.channel_id)


async def resume_feed(interaction: Interaction, followed_feed: FollowedFeed) -> str:
    """Resume a paused feed in a channel, have it polled, and return the sentence that confirms it.

    Raises `UserFacingError` if the feed isn’t paused or the channel no longer follows it.
    """
    subscription, feed = followed_feed
    if not await interaction.client.store.subscriptions.resume(subscription.id, user_id=interaction.user.id):
        await require_current_subscription(interaction, followed_feed)
        raise UserFacingError(_("{feed} isn’t paused.").format(feed=bold_feed_name(feed)))
    interaction.client.services.poller.wake()
    return _("Resumed {feed} in <#{channel}>. You’ll see its next article there.").format(
        feed=bold_feed_name(feed), channel=subscription.channel_id
    )
