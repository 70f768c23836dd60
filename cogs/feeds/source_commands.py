"""Commands that list the feeds, and that follow a site’s feed or, for users who do not manage feeds, propose it."""

from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby

import discord
from discord import app_commands
from discord.app_commands import Choice, Range, locale_str

from bot.client import interaction_context
from bot.client.discord_client import TelexBot
from bot.core import i18n
from bot.core.concurrency.fair_queue import FairSemaphore
from bot.core.i18n import _, format_count, linkify_commands
from bot.core.preferences import PROPOSALS_FROM_EVERYONE
from bot.core.user_errors import RequestRejected, UserFacingError
from bot.feeds import outlet_directory
from bot.posting.rendering import discord_limits, messages
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Separator, text_block
from bot.posting.rendering.layout.icons import Icon, emoji_for
from bot.posting.rendering.proposal_messages import MAX_REASON_LENGTH
from bot.posting.rendering.source_preview import SourcePreview
from bot.posting.sending import message_targets
from bot.posting.wording.feed_names import bold_feed_name
from bot.store.records.people_records import Proposal, ProposalDraft
from bot.text import discord_text, urls
from cogs.feeds import source_follow
from cogs.feeds.follow_flow import add_site_button
from cogs.feeds.proposal_buttons import PROPOSAL_ITEMS
from cogs.feeds.source_follow import SourceFlow
from cogs.feeds.subscription_health import ManualFeedChecks
from cogs.feeds.subscription_options import FollowedFeed, is_channel_deleted, list_readable_subscriptions
from cogs.shared import channel_options
from cogs.shared.authorization import (
    NotAuthorized,
    can_use_manager_command,
    guild_context_only,
    require_manager_command,
)
from cogs.shared.channel_options import PostableChannel
from cogs.shared.message_links import list_web_links
from cogs.shared.modals import TextField, modal_button
from cogs.shared.paging import PagedMixin
from cogs.shared.persistent_items import PersistentItemCog
from cogs.shared.views import AckMode, ActionButton, ClickAction, Interaction, OwnedView, StringMenu, menu_option

_MAX_NAME_LENGTH = 100
"""Maximum length in UTF-16 units of the name of a role or of a proposed feed."""


class ProposalFlow(SourceFlow):
    """Steps from a link or an address to a member's proposal of a feed. Nothing is saved before “Propose”.

    `discovery_slots` limit how many sources are searched for at a time; servers share them fairly. `message` is the
    message with the link, or None.
    """

    def __init__(
        self,
        interaction: Interaction,
        target_channel: PostableChannel,
        manual_checks: ManualFeedChecks,
        discovery_slots: FairSemaphore,
        message: discord.Message | None = None,
    ) -> None:
        super().__init__(interaction, target_channel, manual_checks)
        self._discovery_slots, self._message, self._reason = discovery_slots, message, ""

    async def authorize(self, interaction: Interaction) -> None:
        """Raise `UserFacingError` or RequestRejected if the user may not propose feeds now."""
        await require_may_propose(interaction)

    async def _discover_site(self, interaction: Interaction) -> None:
        async with self._discovery_slots.acquire(self._target_channel.guild.id):
            await super()._discover_site(interaction)

    def _build_follow_button(self, action: ClickAction, label: str) -> ActionButton:  # noqa: ARG002
        """Return a button that asks for a reason; then its action stores the proposal (in `_confirm`)."""

        async def propose(interaction: Interaction, reason: str) -> None:
            self._reason = reason
            await action(interaction)

        reason_field = TextField("line", _("Why? (optional)"), required=False, max_length=MAX_REASON_LENGTH)
        return modal_button(
            self, propose, _("Propose"), reason_field, title=_("Propose a feed"), style=discord.ButtonStyle.success
        )

    async def _show_preview(self, interaction: Interaction) -> None:
        """Show the source, or raise RequestRejected if the user has proposed it already."""
        await self.store.proposals.require_may_join(
            self._discovery.feeds[0].url, self._target_channel.guild.id, self.user_id
        )
        await super()._show_preview(interaction)

    def _find_permission_advice(self) -> str:
        return ""  # Members cannot give Telex permissions.

    async def _show_followed(self, interaction: Interaction, followed_feed: FollowedFeed) -> None:
        subscription, feed = followed_feed
        sentence = _("{feed} is in {channel} already.")
        await self.finish(
            interaction, sentence.format(feed=bold_feed_name(feed), channel=f"<#{subscription.channel_id}>")
        )

    async def _confirm(self, interaction: Interaction) -> None:
        """Store the proposal or, if the feed is proposed already, add the user to it, and say what it waits for.

        Raises `UserFacingError` if the channel no longer exists, and RequestRejected if the user may not propose it.
        """
        target_channel = await channel_options.require_existing_channel(interaction, self._target_channel.id)
        guild, feed, parsed_feed = target_channel.guild, self._discovery.feeds[0], self._discovery.parsed_feed
        assert parsed_feed is not None
        assert interaction.channel_id is not None
        preview = SourcePreview.from_feed(parsed_feed, feed.title, feed.url, self.client.services.clock.now())
        dm_channel = await message_targets.open_dm(self.client, self.user_id)
        proposal, is_new = await self.store.proposals.add(
            ProposalDraft(
                server_id=guild.id,
                target_channel_id=target_channel.id,
                url=feed.url,
                title=preview.title,
                preview=preview.to_json(),
                user_id=self.user_id,
                reason=discord_text.to_plain_line(self._reason, MAX_REASON_LENGTH),
                language=i18n.current_language(),
                channel_id=interaction.channel_id,
                message_id=None if self._message is None else self._message.id,
                dm_channel_id=dm_channel.id if isinstance(dm_channel, discord.DMChannel) else None,
            )
        )
        wait_text = await _explain_wait(interaction, guild)
        self.client.outbox_relay.wake()
        await self.finish(
            interaction, "\n".join(filter(None, (_confirmation_text(proposal, is_new=is_new), wait_text)))
        )


async def require_may_propose(interaction: Interaction) -> None:
    """Raise `UserFacingError` or RequestRejected if the user may not propose feeds in this server now."""
    guild, member = interaction_context.get_home_server(interaction), interaction_context.get_home_member(interaction)
    if guild is None or member is None:
        raise UserFacingError(_("This only works in a server."))
    allowed_group = (await interaction.client.store.preferences.get_by_server(guild.id)).proposer_policy
    if allowed_group is None:
        raise UserFacingError(explain_proposals_off())
    if allowed_group != PROPOSALS_FROM_EVERYONE and int(allowed_group) not in {role.id for role in member.roles}:
        role = guild.get_role(int(allowed_group))
        role_name = "?" if role is None else discord_text.to_markdown_line(role.name, _MAX_NAME_LENGTH)
        raise UserFacingError(
            _("Only members with the role {role} can propose feeds here.").format(role=f"**{role_name}**")
        )
    await interaction.client.store.proposals.require_may_propose(guild.id, member.id)


def explain_proposals_off() -> str:
    """Return the sentence that says that members cannot propose feeds in this server, and who can change that."""
    return linkify_commands(_("Members can’t propose feeds here. Managers can allow it in /settings proposals."))


async def can_propose(interaction: Interaction) -> bool:
    """Return whether the user may propose feeds in this server now."""
    try:
        await require_may_propose(interaction)
    except (UserFacingError, RequestRejected):
        return False
    return True


def _confirmation_text(proposal: Proposal, *, is_new: bool) -> str:
    title = f"**{discord_text.to_markdown_line(proposal.title, _MAX_NAME_LENGTH)}**"
    if is_new:
        return _("Proposed {feed}. You’ll hear what the managers decide.").format(feed=title)
    return format_count(
        "{count} person wants {feed} now. You’ll hear what the managers decide.",
        "{count} people want {feed} now. You’ll hear what the managers decide.",
        len(proposal.proposers),
        feed=title,
    )


async def _explain_wait(interaction: Interaction, guild: discord.Guild) -> str:
    """Return what a manager must do before proposals are shown to managers, or "" if they are shown already.

    Managers see them in the channel for alerts; if that was deleted, the server has none from now on.
    """
    store = interaction.client.store
    alert_channel_id = await store.servers.get_alert_channel_id(guild.id)
    if alert_channel_id is not None and not await is_channel_deleted(guild, alert_channel_id):
        return ""
    if alert_channel_id is not None:
        await store.proposals.forget_alert_channel(alert_channel_id)
    return linkify_commands(_("⚠️ It waits until a manager chooses a channel for alerts: /feed alerts. Please ask one."))


_PAGE_SIZE = 12
"""Number of feeds on a page."""
_MAX_ADDRESS_LENGTH = 80
"""Maximum length in UTF-16 units of the address that is shown of a feed."""


class FeedDirectory(PagedMixin, OwnedView):
    """Pages of the feeds in channels that the user can see, by channel, with a button to follow or propose another one.

    `open_source_flow` opens the steps that follow the feed at an address or, for other users than managers, propose it.
    """

    def __init__(
        self, interaction: Interaction, open_source_flow: Callable[[Interaction, str], Awaitable[None]]
    ) -> None:
        super().__init__(interaction)
        self._open_source_flow = open_source_flow
        server_id = interaction_context.get_home_server_id(interaction)
        assert server_id is not None
        self._server_id = server_id

    async def render(self, interaction: Interaction) -> None:
        """Show the current page, with what the user may see and do now."""
        followed_feeds = sorted(
            await list_readable_subscriptions(interaction),
            key=lambda followed_feed: followed_feed.subscription.channel_id,
        )
        page_count = max(1, -(-len(followed_feeds) // _PAGE_SIZE))
        self.page_index = min(self.page_index, page_count - 1)
        page_feeds = followed_feeds[self.page_index * _PAGE_SIZE : (self.page_index + 1) * _PAGE_SIZE]
        feed_count = len({followed_feed.feed.id for followed_feed in followed_feeds})
        heading = format_count("{count} feed you can read", "{count} feeds you can read", feed_count)
        if not followed_feeds:
            heading = _("No feed posts in a channel that you can see.")
        channel_texts = [
            "\n".join((f"<#{channel_id}>", *map(_format_feed_line, channel_feeds)))
            for channel_id, channel_feeds in groupby(
                page_feeds, lambda followed_feed: followed_feed.subscription.channel_id
            )
        ]
        button_label = _("Follow a feed")
        has_add_button = await can_use_manager_command(interaction, "feed")
        if not has_add_button:
            button_label, has_add_button = _("Propose a feed"), await can_propose(interaction)
        add_button = add_site_button(
            self,
            self._open_source_flow,
            button_label,
            ack_mode=AckMode.EPHEMERAL_MESSAGE,
            emoji=emoji_for(Icon.ADD),
        )
        page_buttons = self.page_buttons(has_more=self.page_index + 1 < page_count, page_count_label=page_count)
        card_blocks: tuple[Block, ...] = (
            text_block(f"### {heading}"),
            *([Separator()] if channel_texts else []),
            *map(text_block, channel_texts),
            ActionRow(*page_buttons),
            ActionRow(add_button if has_add_button else None),
            *self._build_proposal_blocks(await self._list_own_proposals()),
        )
        await self.display(interaction, (Card(card_blocks, outlet_branding.DEFAULT_COLOUR),))

    async def _list_own_proposals(self) -> list[Proposal]:
        return [
            proposal
            for proposal in await self.store.proposals.list_open(self._server_id)
            if any(proposer.user_id == self.user_id for proposer in proposal.proposers)
        ]

    def _build_proposal_blocks(self, proposals: Sequence[Proposal]) -> tuple[Block, ...]:
        """Return the blocks that list the user's open proposals, with a menu that withdraws one of them."""
        if not proposals:
            return ()
        lines = [
            _("{feed}: closes {when}").format(
                feed=f"**{discord_text.to_markdown_line(proposal.title, _MAX_NAME_LENGTH)}**",
                when=f"<t:{proposal.closes_at}:R>",
            )
            for proposal in proposals
        ]
        options = [
            menu_option(discord_text.to_plain_line(proposal.title, _MAX_NAME_LENGTH), proposal.id)
            for proposal in proposals
        ]
        menu = StringMenu(self._withdraw_proposal, placeholder=_("Withdraw a proposal…"), options=options)
        heading = _("Your open proposals")
        proposals_text = "\n".join((f"**{heading}**", *(f"• {line}" for line in lines)))
        return (Separator(), text_block(proposals_text), ActionRow(menu))

    async def _withdraw_proposal(self, interaction: Interaction, selected_values: list[str]) -> None:
        await self.store.proposals.withdraw(int(selected_values[0]), server_id=self._server_id, user_id=self.user_id)
        self.client.outbox_relay.wake()
        self.has_saved = True
        await self.render(interaction)


def _format_feed_line(followed_feed: FollowedFeed) -> str:
    """Return a line with the name of a feed and its address without secrets, which links to the feed's site."""
    feed = followed_feed.feed
    redacted_url = urls.redact(feed.url)
    address_markup = discord_text.to_markdown_line(redacted_url.removeprefix("https://"), _MAX_ADDRESS_LENGTH)
    if feed.site_url and not urls.has_secret(feed.site_url):
        address_markup = messages.link_markup(address_markup, feed.site_url)
    return f"• {bold_feed_name(feed)} ·\xa0{address_markup}"  # The dot goes to the next line with a long address.


_MAX_CONCURRENT_DISCOVERIES = 8
"""Maximum number of sites whose feeds are looked for at once for members' proposals; servers share them fairly."""


class SourceCog(PersistentItemCog):
    """Cog of the message menu entry “Follow this source”, of /propose and of /feeds."""

    persistent_items = PROPOSAL_ITEMS

    def __init__(self, bot: TelexBot) -> None:
        super().__init__(bot)
        self._manual_checks = ManualFeedChecks(bot)
        self._discovery_slots = FairSemaphore(_MAX_CONCURRENT_DISCOVERIES)
        self.add_message_menu(
            locale_str("Follow this source"),
            self.follow_source,
            locale_str("follow the site that a message links to, or propose it"),
            in_servers_only=True,
        )

    async def follow_source(self, interaction: Interaction, message: discord.Message) -> None:
        """Open the steps that follow or propose the site of a link in the message.

        Raises `UserFacingError` if there is no link, or an error that says why the user may do neither.
        """
        guild = interaction_context.get_home_server(interaction)
        assert guild is not None
        if (await self.bot.store.preferences.get_by_server(guild.id)).proposer_policy is None:
            try:
                await require_manager_command(interaction, "feed")
            except NotAuthorized as error:
                raise NotAuthorized(f"{error} {explain_proposals_off()}") from error
        source_flow = await self._create_flow(interaction, message)
        links = list_web_links(message)
        if not links:
            raise UserFacingError(_("This message has no link to a site."))
        await source_flow.open(interaction, links)

    @app_commands.command(name="propose", description=locale_str("Propose a feed to the managers of this server"))
    @app_commands.describe(url=locale_str("Address or name: theverge.com, “lemonde tech”, a YouTube channel…"))
    @guild_context_only
    async def propose(self, interaction: Interaction, url: Range[str, 3, 2000]) -> None:
        await self.open_source_flow(interaction, url)

    @propose.autocomplete("url")
    async def suggest_outlets(self, _interaction: Interaction, current: str) -> list[Choice[str]]:
        outlets = outlet_directory.search_outlets(current)
        return [Choice(name=outlet.name, value=outlet.name) for outlet in outlets[: discord_limits.MAX_CHOICES]]

    @app_commands.command(name="feeds", description=locale_str("See which feeds post in the channels you can see"))
    @guild_context_only
    async def feeds(self, interaction: Interaction) -> None:
        await FeedDirectory(interaction, self.open_source_flow).render(interaction)

    async def open_source_flow(self, interaction: Interaction, address: str) -> None:
        """Open the steps that follow the site or feed at an address or, unless the user manages feeds, propose it.

        Raises `UserFacingError` or RequestRejected if the user may do neither, and FeedError if it is no address.
        """
        await (await self._create_flow(interaction, None)).open_address(interaction, address)

    async def _create_flow(self, interaction: Interaction, message: discord.Message | None) -> SourceFlow:
        """Return the steps that follow or, unless the user manages feeds, propose a site linked in `message`, if given.

        Raises `UserFacingError` or RequestRejected if the user may do neither.
        """
        guild = interaction_context.get_home_server(interaction)
        if guild is None:
            raise UserFacingError(_("This only works in a server."))
        is_manager = await can_use_manager_command(interaction, "feed")
        if not is_manager:
            await require_may_propose(interaction)
        channel = await source_follow.find_usual_channel(interaction, guild)
        if is_manager:
            return SourceFlow(interaction, channel, self._manual_checks)
        return ProposalFlow(interaction, channel, self._manual_checks, self._discovery_slots, message)
