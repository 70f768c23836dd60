"""Cog of the /feed commands."""

import discord
from discord import app_commands
from discord.app_commands import Choice, Range, locale_str
from discord.ext import commands

from bot.client.discord_client import TelexBot
from bot.core.i18n import _
from bot.core.setting_registry import JOIN_STORIES
from bot.core.user_errors import UserFacingError
from bot.feeds import outlet_directory
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout.blocks import ActionRow, Block, Separator, text_block
from bot.posting.wording.feed_names import bold_feed_name
from bot.search.query.query_parser import MAX_QUERY_LENGTH
from bot.watches.subscription_filters import FilterEvaluator
from cogs.feeds import filter_panels, opml_transfer, starter_packs, subscription_options
from cogs.feeds.follow_flow import FollowFlow
from cogs.feeds.look_panel import LookPanel, require_mention_permission
from cogs.feeds.post_previews import show_preview
from cogs.feeds.scorecard_panel import ScorecardPanel
from cogs.feeds.subscription_card import UnfollowFlow
from cogs.feeds.subscription_health import ManualFeedChecks
from cogs.feeds.subscription_options import pause_feed, resolve_subscription, resume_feed, unfollowed_text
from cogs.feeds.subscription_pages import SubscriptionPages
from cogs.reading.query_autocomplete import query_choices
from cogs.settings.server_settings import AlertChannelFlow, set_alert_channel
from cogs.shared import channel_options
from cogs.shared.authorization import MANAGER_EXTRAS, ManagersOnlyMixin, can_manage_feeds, guild_context_only
from cogs.shared.channel_options import ChannelArgument, require_can_post, resolve_channel
from cogs.shared.panels import ChannelPanel, heading_block
from cogs.shared.published_feeds import feed_address_blocks, require_public_url
from cogs.shared.views import ActionButton, Interaction, reply_with_card


class ChannelFeedPanel(ChannelPanel):
    """Panel that shows whether a channel is shared as a web feed, with buttons to change that."""

    async def render(self, interaction: Interaction, token: str | None = None) -> None:
        """Show whether the channel is shared as a web feed and, if `token` is given, the new addresses, only once.

        `token` is the secret part of addresses that were just created.
        Raises `UserFacingError` if the bot has no web address.
        """
        client, public_url = self.client, require_public_url(interaction)
        shared_channel_feed = await client.store.channel_feeds.get_by_channel(self.channel.id)
        is_channel_public = await client.visibility.is_public(self.channel.guild, self.channel.id)
        blocks: list[Block] = [
            heading_block(
                _("Share {channel} as a feed").format(channel=self.channel.mention),
                _("Anyone with the address can read what I post here in a feed reader, without Discord."),
            ),
            Separator(),
            text_block(
                _sharing_state_text(
                    is_shared=shared_channel_feed is not None,
                    is_channel_public=is_channel_public,
                    created_at=shared_channel_feed.created_at if shared_channel_feed else 0,
                )
            ),
        ]
        if token is not None:
            preferences = await client.store.preferences.get_by_channel(self.channel.id)
            label_by_entry_kind = {
                "posts": _("**Posts**: every article"),
                "stories": _("**Stories**: one entry per story, with its outlets"),
                "digest": _("**Digests**"),
            }
            if not preferences[JOIN_STORIES]:  # Each story is a post.
                del label_by_entry_kind["stories"]
            blocks += feed_address_blocks(public_url, token, label_by_entry_kind)
        button_style = discord.ButtonStyle
        if shared_channel_feed is None:
            button_row = ActionRow(
                ActionButton(
                    self._share_channel_feed,
                    label=_("Create address"),
                    style=button_style.success,
                    disabled=not is_channel_public,
                )
            )
        else:
            button_row = ActionRow(
                ActionButton(self._share_channel_feed, label=_("Replace address"), disabled=not is_channel_public),
                ActionButton(self._stop_sharing, label=_("Stop sharing"), style=button_style.danger),
            )
        await self.display_card(interaction, *blocks, button_row)

    async def _share_channel_feed(self, interaction: Interaction) -> None:
        guild, channel_id = self.channel.guild, self.channel.id
        if await self.client.visibility.is_public(guild, channel_id):
            token = await self.store.channel_feeds.create_token(
                server_id=guild.id, channel_id=channel_id, user_id=self.user_id
            )
            await self.render(interaction, token)

    async def _stop_sharing(self, _interaction: Interaction) -> None:
        await self.store.channel_feeds.revoke_token(
            server_id=self.channel.guild.id, channel_id=self.channel.id, user_id=self.user_id
        )


def _sharing_state_text(*, is_shared: bool, is_channel_public: bool, created_at: int) -> str:
    if is_shared and is_channel_public:
        return _("🟢 Shared · address created {when}").format(when=f"<t:{created_at}:R>")
    if is_shared:
        return _(
            "🟠 On hold: not everyone in the server can read this channel anymore, so its feeds are "
            "closed. They’ll reopen once @everyone can."
        )
    if is_channel_public:
        return _("Not shared.")
    return _(
        "Not shared. @everyone must be able to view this channel and its history: check Permissions in its settings."
    )


_FEED_DESCRIPTION = locale_str("Which feed")


@guild_context_only
class FeedCog(
    ManagersOnlyMixin,
    commands.GroupCog,
    group_name="feed",
    group_description=locale_str("Follow feeds and manage them"),
    group_extras=MANAGER_EXTRAS,
):
    """Cog of the /feed commands, for users who manage feeds."""

    def __init__(self, bot: TelexBot) -> None:
        self.bot = bot
        self._manual_checks = ManualFeedChecks(bot)

    @app_commands.command(name="add", description=locale_str("Follow a feed in a channel"))
    @app_commands.describe(
        url=locale_str("Address or name: theverge.com, “lemonde tech”, a YouTube channel…"),
        channel=locale_str("Where to post; this channel by default"),
    )
    async def add(
        self, interaction: Interaction, url: Range[str, 3, 2000], channel: ChannelArgument | None = None
    ) -> None:
        await FollowFlow(interaction, await resolve_channel(interaction, channel)).start(interaction, url)

    @add.autocomplete("url")
    async def outlet_choices(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        if not await can_manage_feeds(interaction, interaction.command_id):
            return []
        outlets = outlet_directory.search_outlets(current)
        return [Choice(name=outlet.name, value=outlet.name) for outlet in outlets[: discord_limits.MAX_CHOICES]]

    @app_commands.command(name="remove", description=locale_str("Stop following a feed"))
    @app_commands.describe(feed=_FEED_DESCRIPTION)
    async def remove(self, interaction: Interaction, feed: Range[str, 1, 200]) -> None:
        await UnfollowFlow(interaction, await resolve_subscription(interaction, feed)).start(interaction)

    @app_commands.command(name="move", description=locale_str("Move a feed to another channel"))
    @app_commands.describe(feed=_FEED_DESCRIPTION, channel=locale_str("The new channel"))
    async def move(self, interaction: Interaction, feed: Range[str, 1, 200], channel: ChannelArgument) -> None:
        subscription, subscribed_feed = await resolve_subscription(interaction, feed)
        target_channel = await resolve_channel(interaction, channel)
        permission_advice = require_can_post(target_channel)
        if target_channel.id == subscription.channel_id:
            raise UserFacingError(
                _("{feed} is already followed in {channel}.").format(
                    feed=bold_feed_name(subscribed_feed), channel=target_channel.mention
                )
            )
        require_mention_permission(interaction, subscription.look, target_channel)
        moved_subscription = await self.bot.store.subscriptions.move(
            subscription.id, target_channel.id, user_id=interaction.user.id, make_matcher=FilterEvaluator
        )
        if moved_subscription is None:
            raise UserFacingError(unfollowed_text())
        self.bot.outbox_relay.wake()
        confirmation = _("Moved {feed} to {channel}.").format(
            feed=bold_feed_name(subscribed_feed), channel=target_channel.mention
        )
        await interaction.edit_original_response(content="\n".join(filter(None, (confirmation, permission_advice))))

    @app_commands.command(name="list", description=locale_str("List feeds and their status"))
    async def list_(self, interaction: Interaction) -> None:
        await SubscriptionPages(interaction, self._manual_checks.check).render(interaction)

    @app_commands.command(name="report", description=locale_str("See which feeds earn their place"))
    async def report(self, interaction: Interaction) -> None:
        await ScorecardPanel(interaction).render(interaction)

    @app_commands.command(name="pause", description=locale_str("Pause a feed"))
    @app_commands.describe(feed=_FEED_DESCRIPTION)
    async def pause(self, interaction: Interaction, feed: Range[str, 1, 200]) -> None:
        confirmation = await pause_feed(interaction, await resolve_subscription(interaction, feed))
        await interaction.edit_original_response(content=confirmation)

    @app_commands.command(name="resume", description=locale_str("Resume a paused feed"))
    @app_commands.describe(feed=_FEED_DESCRIPTION)
    async def resume(self, interaction: Interaction, feed: Range[str, 1, 200]) -> None:
        confirmation = await resume_feed(interaction, await resolve_subscription(interaction, feed))
        await interaction.edit_original_response(content=confirmation)

    @app_commands.command(name="preview", description=locale_str("Preview a feed’s latest article as a post"))
    @app_commands.describe(feed=_FEED_DESCRIPTION)
    async def preview(self, interaction: Interaction, feed: Range[str, 1, 200]) -> None:
        await show_preview(interaction, await resolve_subscription(interaction, feed))

    @app_commands.command(
        name="filter",
        description=locale_str("Filter what a feed, a channel or the server posts, or see the filters"),
    )
    @app_commands.describe(
        feed=locale_str("Which feed, or everything in a channel or the server"),
        only=locale_str('Post only what matches: words, "an exact phrase", -without'),
        never=locale_str("Never post what matches"),
        until=locale_str("When the filter ends: 20 July, 3 days… Without, it stays until you remove it"),
    )
    async def filter_(
        self,
        interaction: Interaction,
        feed: Range[str, 1, 200],
        only: Range[str, 1, MAX_QUERY_LENGTH] | None = None,
        never: Range[str, 1, MAX_QUERY_LENGTH] | None = None,
        until: Range[str, 1, filter_panels.MAX_END_LENGTH] | None = None,
    ) -> None:
        target = await filter_panels.resolve_target(interaction, feed)
        await filter_panels.open_filters(interaction, target, only, never, until)

    @filter_.autocomplete("feed")
    async def filter_target_choices(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        if not await can_manage_feeds(interaction, interaction.command_id):
            return []
        return await filter_panels.find_target_choices(interaction, current)

    @filter_.autocomplete("only")
    @filter_.autocomplete("never")
    async def query_choices_for_filter(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        if not await can_manage_feeds(interaction, interaction.command_id):
            return []
        return await query_choices(interaction, current)

    @app_commands.command(name="look", description=locale_str("Choose how a feed’s posts look"))
    @app_commands.describe(feed=_FEED_DESCRIPTION)
    async def look(self, interaction: Interaction, feed: Range[str, 1, 200]) -> None:
        await LookPanel(interaction, await resolve_subscription(interaction, feed)).start(interaction)

    @app_commands.command(name="refresh", description=locale_str("Check a feed now"))
    @app_commands.describe(feed=_FEED_DESCRIPTION)
    async def refresh(self, interaction: Interaction, feed: Range[str, 1, 200]) -> None:
        """Poll a feed now. A feed can be polled at most once a minute, by all users together."""
        _subscription, subscribed_feed = await resolve_subscription(interaction, feed)
        await interaction.edit_original_response(content=await self._manual_checks.check(subscribed_feed))

    @app_commands.command(name="alerts", description=locale_str("Choose the channel for feed alerts"))
    @app_commands.describe(channel=locale_str("Channel for alerts; leave empty to see the current one"))
    async def alerts(self, interaction: Interaction, channel: ChannelArgument | None = None) -> None:
        if channel is None:
            await AlertChannelFlow(interaction).start(interaction)
            return
        confirmation = await set_alert_channel(interaction, await resolve_channel(interaction, channel))
        await interaction.edit_original_response(content=confirmation)

    @app_commands.command(name="packs", description=locale_str("Follow a starter pack of well-known feeds"))
    @app_commands.describe(
        pack=locale_str("Which pack"),
        channel=locale_str("Where to post; this channel by default"),
    )
    @app_commands.choices(pack=[Choice(name=title, value=name) for name, title in starter_packs.PACK_TITLES.items()])
    async def packs(self, interaction: Interaction, pack: str, channel: ChannelArgument | None = None) -> None:
        target_channel = await resolve_channel(interaction, channel)
        permission_advice = require_can_post(target_channel)
        outcome_lines = await starter_packs.follow_outlines(
            self.bot,
            starter_packs.list_outlines(pack),
            server_id=target_channel.guild.id,
            channel_id=target_channel.id,
            user_id=interaction.user.id,
        )
        await self.bot.outbox_relay.recheck_channel(target_channel.id)
        self.bot.outbox_relay.wake()
        has_added_feeds = any(outcome_line.startswith(starter_packs.ADDED_MARK) for outcome_line in outcome_lines)
        title = _("Now following in {channel}:") if has_added_feeds else _("Nothing new to follow in {channel}.")
        title = title.format(channel=target_channel.mention)
        delay_text = await channel_options.posting_delay_text(interaction, target_channel) if has_added_feeds else ""
        await reply_with_card(interaction, heading_block(title, delay_text, permission_advice, *outcome_lines))

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
        channel: ChannelArgument | None = None,
    ) -> None:
        target_channel = await resolve_channel(interaction, channel)
        feed_list = await opml_transfer.read_feed_list(interaction, file, link)
        await opml_transfer.import_feed_list(interaction, target_channel, feed_list)

    @app_commands.command(name="export", description=locale_str("Export this server’s feeds as an OPML file"))
    async def export(self, interaction: Interaction) -> None:
        await opml_transfer.export_opml(interaction)

    @app_commands.command(name="share", description=locale_str("Share a channel’s posts as a feed"))
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def share(self, interaction: Interaction, channel: ChannelArgument | None = None) -> None:
        await ChannelFeedPanel(interaction, await resolve_channel(interaction, channel)).render(interaction)

    @remove.autocomplete("feed")
    @move.autocomplete("feed")
    @pause.autocomplete("feed")
    @resume.autocomplete("feed")
    @preview.autocomplete("feed")
    @look.autocomplete("feed")
    @refresh.autocomplete("feed")
    async def subscription_choices(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        if not await can_manage_feeds(interaction, interaction.command_id):
            return []
        return await subscription_options.find_subscription_choices(interaction, current)
