"""Buttons and the menu of the message about a proposal, for users who manage feeds. They survive restarts."""

import discord

from bot.client import interaction_context
from bot.core.i18n import _, linkify_commands
from bot.core.user_errors import UserFacingError
from bot.feeds.fetch_errors import FeedError
from bot.posting.rendering import buttons, proposal_messages
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.posting.wording import refusal_sentences
from bot.store.records.people_records import Proposal
from bot.text import discord_text
from cogs.feeds import follow_flow
from cogs.shared import channel_options
from cogs.shared.authorization import require_manager_command
from cogs.shared.modals import FormModal, SingleChoiceMenu, TextField
from cogs.shared.persistent_items import PersistentItem, persistent_item
from cogs.shared.views import AckMode, Interaction, menu_option, reply

_MAX_TITLE_LENGTH = 100
"""Maximum length in UTF-16 units of the title of a proposed feed."""
_MAX_FORM_NAME_LENGTH = 30
"""Maximum length in UTF-16 units of the title of a proposed feed in the title of a form, which has 45."""


async def _load_open_proposal(interaction: Interaction, proposal_id: str) -> Proposal:
    """Return an open proposal of this server, for a user who manages feeds now.

    Raises `NotAuthorized`, and RequestRejected if the proposal is gone or was decided.
    """
    await require_manager_command(interaction, "feed")
    server_id = interaction_context.get_home_server_id(interaction)
    assert server_id is not None
    return await interaction.client.store.proposals.get_open(int(proposal_id), server_id)


@persistent_item(buttons.APPROVE_PROPOSAL_BUTTON.id_pattern)
async def approve_proposal_button(interaction: Interaction, _item: object, proposal_id: str) -> None:
    """Follow the proposed feed in the channel that the message shows."""
    open_proposal = await _load_open_proposal(interaction, proposal_id)
    target_channel = await channel_options.require_existing_channel(interaction, open_proposal.target_channel_id)
    channel_options.require_can_post(target_channel)
    try:
        discovery = await interaction.client.services.follow_service.resolve(open_proposal.url, target_channel.guild.id)
    except FeedError as error:
        sentence = refusal_sentences.find_error_sentence(error) or ""
        raise UserFacingError(f"{sentence} {_unreadable_feed_text(open_proposal)}".strip()) from error
    if discovery.parsed_feed is None or discovery.feeds[0].url != open_proposal.url:
        raise UserFacingError(_unreadable_feed_text(open_proposal))
    follow_result = await follow_flow.follow_in_channel(
        interaction, discovery, target_channel, proposal_id=open_proposal.id
    )
    await reply(interaction, await follow_flow.follow_confirmation(interaction, follow_result, target_channel))


def _unreadable_feed_text(proposal: Proposal) -> str:
    return _("I can’t read {feed} anymore. The proposal stays open: try again later, or decline it.").format(
        feed=_bold_title(proposal)
    )


@persistent_item(buttons.DECLINE_PROPOSAL_BUTTON.id_pattern)
async def decline_proposal_button(interaction: Interaction, _item: object, proposal_id: str) -> None:
    """Decline the proposal that the message is about."""
    await _decline(interaction, proposal_id)


@persistent_item(buttons.DECLINE_WITH_REASON_BUTTON.id_pattern, AckMode.MANUAL)
async def decline_with_reason_button(interaction: Interaction, _item: object, proposal_id: str) -> None:
    """Ask for a reason and decline the proposal that the message is about."""
    open_proposal = await _load_open_proposal(interaction, proposal_id)

    async def decline(submission: Interaction, reason: str) -> None:
        await _decline(submission, proposal_id, reason)

    reason_field = TextField(
        "reason", _("Why? Whoever proposed it reads this"), max_length=proposal_messages.MAX_REASON_LENGTH
    )
    title = _("Decline {feed}").format(feed=discord_text.to_plain_line(open_proposal.title, _MAX_FORM_NAME_LENGTH))
    modal = FormModal(title, decline, reason_field, ack_mode=AckMode.EPHEMERAL_MESSAGE)
    await interaction.response.send_modal(modal)


async def _decline(interaction: Interaction, proposal_id: str, reason: str = "") -> None:
    open_proposal = await _load_open_proposal(interaction, proposal_id)
    await interaction.client.store.proposals.decline(
        open_proposal.id,
        server_id=open_proposal.server_id,
        user_id=interaction.user.id,
        reason=discord_text.to_plain_line(reason, proposal_messages.MAX_REASON_LENGTH),
    )
    interaction.client.outbox_relay.wake()
    await reply(interaction, _("Declined {feed}.").format(feed=_bold_title(open_proposal)))


@persistent_item(buttons.BLOCK_PROPOSER_BUTTON.id_pattern)
async def block_proposer_button(interaction: Interaction, _item: object, proposal_id: str) -> None:
    """Block the proposals of the person who made a proposal; if several people made it, let the user choose one."""
    open_proposal = await _load_open_proposal(interaction, proposal_id)
    user_ids = [proposer.user_id for proposer in open_proposal.proposers]
    if len(user_ids) == 1:
        await _block_user(interaction, user_ids[0])
        return

    async def block_chosen_user(click: Interaction, user_id_text: str) -> None:
        await require_manager_command(click, "feed")
        await _block_user(click, int(user_id_text))

    guild = interaction_context.get_home_server(interaction)
    assert guild is not None
    options = [menu_option(await find_member_name(guild, user_id), user_id) for user_id in user_ids]
    await SingleChoiceMenu(interaction, block_chosen_user, _("Whose proposals?"), options).render(interaction)


async def _block_user(interaction: Interaction, user_id: int) -> None:
    server_id = interaction_context.get_home_server_id(interaction)
    assert server_id is not None
    await interaction.client.store.proposals.block_user(user_id, server_id=server_id, user_id=interaction.user.id)
    interaction.client.outbox_relay.wake()
    sentence = linkify_commands(_("{user} can’t propose feeds here anymore. Undo it in /settings proposals."))
    await reply(interaction, sentence.format(user=f"<@{user_id}>"))


@persistent_item(buttons.PROPOSAL_CHANNEL_ID_PATTERN, AckMode.UPDATE_MESSAGE)
async def proposal_channel_menu(
    interaction: Interaction, item: discord.ui.ChannelSelect[discord.ui.View], proposal_id: str
) -> None:
    """Choose the channel in which the proposed feed would be followed."""
    open_proposal, store = await _load_open_proposal(interaction, proposal_id), interaction.client.store
    try:
        target_channel = await channel_options.resolve_channel_id(interaction, item.values[0].id)
    except UserFacingError:
        await store.proposals.schedule_message_edit(open_proposal.id)  # The menu shows the rejected choice.
        interaction.client.outbox_relay.wake()
        raise
    await store.proposals.set_channel(open_proposal.id, target_channel.id, server_id=open_proposal.server_id)
    interaction.client.outbox_relay.wake()
    changed_proposal, channel_id = await store.proposals.get(open_proposal.id), interaction.channel_id
    if changed_proposal is not None and channel_id is not None:  # Show it at once, the stored edit follows.
        language = await interaction.client.languages.for_channel(open_proposal.server_id, channel_id)
        message = proposal_messages.proposal_message(changed_proposal, language=language)
        await interaction.edit_original_response(**message.send_kwargs())


async def find_member_name(guild: discord.Guild, user_id: int) -> str:
    """Return the name of a member in a server, or the id of a user whom Discord does not name as a member."""
    try:
        return (guild.get_member(user_id) or await guild.fetch_member(user_id)).display_name
    except DISCORD_ERRORS:
        return str(user_id)


def _bold_title(proposal: Proposal) -> str:
    return f"**{discord_text.to_markdown_line(proposal.title, _MAX_TITLE_LENGTH)}**"


PROPOSAL_ITEMS: tuple[PersistentItem, ...] = (
    approve_proposal_button,
    decline_proposal_button,
    decline_with_reason_button,
    block_proposer_button,
    proposal_channel_menu,
)
"""Buttons and menu of the message about a proposal of a feed."""
