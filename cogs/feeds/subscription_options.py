"""A server's subscriptions as its people see them: by name, as options of commands, in panels about one."""

import asyncio
from collections.abc import Collection

import discord
from discord.app_commands import Choice

from bot.core.locale import _, clickable
from bot.core.models import Feed, Subscription
from bot.core.refusals import Refusal
from bot.posting.rendering import discord_limits
from bot.text import safe, urls
from bot.text.words import fold
from cogs.shared.place_options import channel_name, sees
from cogs.shared.rights import ManagersLayout
from cogs.shared.views import Interaction

_LINE = 80

Pair = tuple[Subscription, Feed]


def name(feed: Feed) -> str:
    """What people call a feed: its title, else its address without secrets; one line of plain text."""
    return safe.plain(feed.title or feed.outlet or urls.masked(feed.url), _LINE)


def bold(feed: Feed) -> str:
    """The name of a feed in a message."""
    return f"**{safe.markdown(name(feed))}**"


def titled(interaction: Interaction, pair: Pair) -> str:
    """A subscription as a heading: the feed, and its channel by name."""
    assert interaction.guild is not None
    place = channel_name(interaction.guild, pair[0].channel_id)
    return _("{feed} in {channel}").format(feed=bold(pair[1]), channel=safe.line(place, _LINE))


async def visible(interaction: Interaction) -> list[Pair]:
    """The server's subscriptions in channels that the asker sees, and in channels that are gone."""
    pairs = await interaction.client.store.subscriptions.in_server(interaction.guild_id or 0)
    seen = await shown(interaction, {subscription.channel_id for subscription, _feed in pairs})
    return [pair for pair in pairs if pair[0].channel_id in seen]


async def shown(interaction: Interaction, channel_ids: Collection[int]) -> set[int]:
    """Those of the server's channels that the asker sees, and those that are gone."""

    async def shows(channel_id: int) -> bool:
        if await sees(interaction, channel_id):
            return True
        return interaction.guild is not None and await is_gone(interaction.guild, channel_id)

    channels = list(channel_ids)
    answers = await asyncio.gather(*map(shows, channels))
    return {channel_id for channel_id, shows in zip(channels, answers, strict=True) if shows}


async def is_gone(guild: discord.Guild, channel_id: int) -> bool:
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
    for subscription, feed in await visible(interaction):
        place = channel_name(guild, subscription.channel_id)
        label = safe.plain(f"{name(feed)} — {place}", discord_limits.CHOICE)
        if typed in fold(f"{label} {urls.masked(feed.url)}"):
            offered.append(Choice(name=label, value=str(subscription.id)))
    return offered[: discord_limits.CHOICES]


async def chosen(interaction: Interaction, value: str) -> Pair:
    """The subscription that a person chose from the list, or named by what only one of them has.

    Raises `Refusal` when it is none of this server's, or not theirs to see.
    """
    pairs = await visible(interaction)
    if not pairs:
        raise Refusal(clickable(_("No feeds here yet. Start with /feed add or /feed packs.")))
    typed = fold(value)
    matching = [pair for pair in pairs if str(pair[0].id) == value]
    if not value.isdecimal():
        matching = [pair for pair in pairs if typed in fold(f"{name(pair[1])} {urls.masked(pair[1].url)}")]
    if len(matching) != 1:
        raise Refusal(_("Pick a feed from the list that appears as you type."))
    return matching[0]


async def require_still(interaction: Interaction, pair: Pair) -> Pair:
    """A subscription as it is now. Raises `Refusal` when it is gone, or not the asker's to see any more."""
    for current in await visible(interaction):
        if current[0].id == pair[0].id:
            return current
    raise Refusal(no_longer())


def no_longer() -> str:
    """What to say of a subscription that somebody else ended meanwhile."""
    return _("That feed isn’t followed there anymore.")


class SubscriptionPanel(ManagersLayout):
    """A panel about one subscription, for who may still manage feeds and still sees where it is posted."""

    def __init__(self, interaction: Interaction, pair: Pair) -> None:
        super().__init__(interaction)
        self.pair = pair

    async def check(self, interaction: Interaction) -> None:
        await super().check(interaction)
        await require_still(interaction, self.pair)
