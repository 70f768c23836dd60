"""Steps in which a member proposes a feed, and the checks of who may."""

import discord

from bot.client import interaction_context
from bot.core import i18n
from bot.core.concurrency.fair_queue import FairSemaphore
from bot.core.i18n import _, format_count, linkify_commands
from bot.core.preferences import PROPOSALS_FROM_EVERYONE
from bot.core.user_errors import RequestRejected, UserFacingError
from bot.posting.rendering.proposal_messages import MAX_REASON_LENGTH
from bot.posting.rendering.source_preview import SourcePreview
from bot.posting.sending import message_targets
from bot.posting.wording.feed_names import bold_feed_name
from bot.store.records.proposal_records import Proposal, ProposalDraft
from bot.text import discord_text
from cogs.feeds.source_follow import SourceFlow
from cogs.feeds.subscription_health import ManualFeedChecks
from cogs.feeds.subscription_options import FollowedFeed, is_channel_deleted
from cogs.shared import channel_options
from cogs.shared.channel_options import PostableChannel
from cogs.shared.modals import TextField, modal_button
from cogs.shared.views import ActionButton, ClickAction, Interaction

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
