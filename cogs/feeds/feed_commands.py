"""/feed: what the channels of a server follow."""

import discord
from discord import app_commands
from discord.app_commands import Choice, Range, locale_str
from discord.ext import commands

from bot.client.discord_client import Telex
from bot.core.locale import _, clickable
from bot.core.refusals import Refusal
from bot.feeds import outlet_directory
from bot.posting.rendering import discord_limits
from bot.search.query.query_syntax import MAX_LENGTH
from cogs.feeds import feed_lists, filter_commands, starter_packs, subscription_options
from cogs.feeds.channel_feed_panel import ChannelFeedPanel
from cogs.feeds.feed_card import RemoveFlow
from cogs.feeds.feed_health import FeedChecks
from cogs.feeds.feed_pages import FeedPages
from cogs.feeds.follow_flow import AddFlow
from cogs.feeds.look_panel import LookPanel, require_mention
from cogs.feeds.post_previews import show_preview
from cogs.feeds.subscription_options import bold, chosen, no_longer
from cogs.reading.query_completion import query_choices
from cogs.settings.server_settings import AlertsFlow, choose_alerts
from cogs.shared import place_options
from cogs.shared.panels import headed
from cogs.shared.place_options import Option, place, require_posting
from cogs.shared.rights import FOR_MANAGERS, ManagersOnly, in_servers, may_manage
from cogs.shared.views import Interaction, answer_card

_FEED = locale_str("Which feed")


@in_servers
class Feeds(
    ManagersOnly,
    commands.GroupCog,
    group_name="feed",
    group_description=locale_str("Follow feeds and manage them"),
    group_extras=FOR_MANAGERS,
):
    """Following feeds. For those who manage the server's feeds."""

    def __init__(self, bot: Telex) -> None:
        self.bot = bot
        self._checks = FeedChecks(bot)
        self._importing: set[int] = set()

    @app_commands.command(name="add", description=locale_str("Follow a feed in a channel"))
    @app_commands.describe(
        url=locale_str("Address or name: theverge.com, “lemonde tech”, a YouTube channel…"),
        channel=locale_str("Where to post; this channel by default"),
    )
    async def add(
        self, interaction: Interaction, url: Range[str, 3, 2000], channel: Option | None = None
    ) -> None:
        await AddFlow(interaction, await place(interaction, channel)).start(interaction, url)

    @add.autocomplete("url")
    async def known_outlets(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        if not await may_manage(interaction, interaction.command_id):
            return []
        found = outlet_directory.search(current)
        return [Choice(name=each.name, value=each.name) for each in found[: discord_limits.CHOICES]]

    @app_commands.command(name="remove", description=locale_str("Stop following a feed"))
    @app_commands.describe(feed=_FEED)
    async def remove(self, interaction: Interaction, feed: Range[str, 1, 200]) -> None:
        await RemoveFlow(interaction, await chosen(interaction, feed)).start(interaction)

    @app_commands.command(name="move", description=locale_str("Move a feed to another channel"))
    @app_commands.describe(feed=_FEED, channel=locale_str("The new channel"))
    async def move(self, interaction: Interaction, feed: Range[str, 1, 200], channel: Option) -> None:
        subscription, its_feed = await chosen(interaction, feed)
        target = await place(interaction, channel)
        advice = require_posting(target)
        if target.id == subscription.channel_id:
            raise Refusal(
                _("{feed} is already followed in {channel}.").format(
                    feed=bold(its_feed), channel=target.mention
                )
            )
        require_mention(interaction, subscription.look, target)
        moved = await self.bot.store.subscriptions.move(
            subscription.id, target.id, person_id=interaction.user.id
        )
        if moved is None:
            raise Refusal(no_longer())
        self.bot.courier.wake()
        answer = _("Moved {feed} to {channel}.").format(feed=bold(its_feed), channel=target.mention)
        await interaction.edit_original_response(content="\n".join(filter(None, (answer, advice))))

    @app_commands.command(name="list", description=locale_str("List feeds and their status"))
    async def list_(self, interaction: Interaction) -> None:
        await FeedPages(interaction, self._checks.check).show(interaction)

    @app_commands.command(name="pause", description=locale_str("Pause a feed"))
    @app_commands.describe(feed=_FEED)
    async def pause(self, interaction: Interaction, feed: Range[str, 1, 200]) -> None:
        subscription, its_feed = await chosen(interaction, feed)
        store = self.bot.store.subscriptions
        if not await store.pause(subscription.id, person_id=interaction.user.id):
            raise Refusal(
                clickable(_("{feed} is already paused. Resume it with /feed resume.")).format(
                    feed=bold(its_feed)
                )
            )
        await interaction.edit_original_response(
            content=clickable(
                _(
                    "Paused {feed} in <#{channel}>. New articles show up in search but aren’t posted. Resume "
                    "it with /feed resume."
                )
            ).format(feed=bold(its_feed), channel=subscription.channel_id)
        )

    @app_commands.command(name="resume", description=locale_str("Resume a paused feed"))
    @app_commands.describe(feed=_FEED)
    async def resume(self, interaction: Interaction, feed: Range[str, 1, 200]) -> None:
        subscription, its_feed = await chosen(interaction, feed)
        store = self.bot.store.subscriptions
        if not await store.resume(subscription.id, person_id=interaction.user.id):
            raise Refusal(_("{feed} isn’t paused.").format(feed=bold(its_feed)))
        self.bot.newsroom.poller.wake()
        await interaction.edit_original_response(
            content=_("Resumed {feed} in <#{channel}>. You’ll see its next article there.").format(
                feed=bold(its_feed), channel=subscription.channel_id
            )
        )

    @app_commands.command(name="preview", description=locale_str("Preview a feed’s latest article as a post"))
    @app_commands.describe(feed=_FEED)
    async def preview(self, interaction: Interaction, feed: Range[str, 1, 200]) -> None:
        await show_preview(interaction, await chosen(interaction, feed))

    @app_commands.command(
        name="filter",
        description=locale_str("Filter what a feed posts, or see its filters"),
    )
    @app_commands.describe(
        feed=_FEED,
        only=locale_str('Post only what matches: words, "an exact phrase", -without'),
        never=locale_str("Never post what matches"),
    )
    async def filter_(
        self,
        interaction: Interaction,
        feed: Range[str, 1, 200],
        only: Range[str, 1, MAX_LENGTH] | None = None,
        never: Range[str, 1, MAX_LENGTH] | None = None,
    ) -> None:
        await filter_commands.start(interaction, await chosen(interaction, feed), only, never)

    @filter_.autocomplete("only")
    @filter_.autocomplete("never")
    async def queries(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        if not await may_manage(interaction, interaction.command_id):
            return []
        return await query_choices(interaction, current)

    @app_commands.command(name="look", description=locale_str("Choose how a feed’s posts look"))
    @app_commands.describe(feed=_FEED)
    async def look(self, interaction: Interaction, feed: Range[str, 1, 200]) -> None:
        await LookPanel(interaction, await chosen(interaction, feed)).start(interaction)

    @app_commands.command(name="refresh", description=locale_str("Check a feed now"))
    @app_commands.describe(feed=_FEED)
    async def refresh(self, interaction: Interaction, feed: Range[str, 1, 200]) -> None:
        """Poll now, at most once a minute for each feed, whoever asks."""
        _subscription, its_feed = await chosen(interaction, feed)
        await interaction.edit_original_response(content=await self._checks.check(its_feed))

    @app_commands.command(name="alerts", description=locale_str("Choose the channel for feed alerts"))
    @app_commands.describe(channel=locale_str("Channel for alerts; leave empty to see the current one"))
    async def alerts(self, interaction: Interaction, channel: Option | None = None) -> None:
        if channel is None:
            await AlertsFlow(interaction).start(interaction)
            return
        answer = await choose_alerts(interaction, await place(interaction, channel))
        await interaction.edit_original_response(content=answer)

    @app_commands.command(name="packs", description=locale_str("Follow a starter pack of well-known feeds"))
    @app_commands.describe(
        pack=locale_str("Which pack"),
        channel=locale_str("Where to post; this channel by default"),
    )
    @app_commands.choices(
        pack=[Choice(name=title, value=name) for name, title in starter_packs.PACKS.items()]
    )
    async def packs(self, interaction: Interaction, pack: str, channel: Option | None = None) -> None:
        target = await place(interaction, channel)
        advice = require_posting(target)
        lines = await starter_packs.follow(
            self.bot,
            starter_packs.outlines(pack),
            server_id=target.guild.id,
            channel_id=target.id,
            person_id=interaction.user.id,
        )
        await self.bot.courier.look_again(target.id)
        self.bot.courier.wake()
        added = any(line.startswith(starter_packs.ADDED) for line in lines)
        title = _("Now following in {channel}:") if added else _("Nothing new to follow in {channel}.")
        title = title.format(channel=target.mention)
        waits = await place_options.posting_delay(interaction, target) if added else ""
        await answer_card(interaction, headed(title, waits, advice, *lines))

    @app_commands.command(name="import", description=locale_str("Follow the feeds of an OPML file"))
    @app_commands.describe(
        file=locale_str("OPML file exported by a feed reader"),
        link=locale_str("Or its address"),
        channel=locale_str("Where to post; this channel by default"),
    )
    async def import_(
        self,
        interaction: Interaction,
        file: discord.Attachment | None = None,
        link: Range[str, 3, 2000] | None = None,
        channel: Option | None = None,
    ) -> None:
        target = await place(interaction, channel)
        if target.guild.id in self._importing:
            raise Refusal(_("An import is already running here. Wait until it’s done."))
        self._importing.add(target.guild.id)
        try:
            await feed_lists.bring(interaction, target, file, link)
        finally:
            self._importing.discard(target.guild.id)

    @app_commands.command(name="export", description=locale_str("Export this server’s feeds as an OPML file"))
    async def export(self, interaction: Interaction) -> None:
        await feed_lists.send(interaction)

    @app_commands.command(name="share", description=locale_str("Share a channel’s posts as a feed"))
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def share(self, interaction: Interaction, channel: Option | None = None) -> None:
        await ChannelFeedPanel(interaction, await place(interaction, channel)).show(interaction)

    @remove.autocomplete("feed")
    @move.autocomplete("feed")
    @pause.autocomplete("feed")
    @resume.autocomplete("feed")
    @preview.autocomplete("feed")
    @filter_.autocomplete("feed")
    @look.autocomplete("feed")
    @refresh.autocomplete("feed")
    async def offered(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        if not await may_manage(interaction, interaction.command_id):
            return []
        return await subscription_options.choices(interaction, current)
