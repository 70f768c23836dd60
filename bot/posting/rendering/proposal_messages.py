"""Messages about a proposed feed: to the managers who decide, and to the members who proposed it."""

import discord

from bot.core import i18n
from bot.core.i18n import N_, _, format_count
from bot.posting.rendering import buttons, messages
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Card, Image, Section, Separator, text_block
from bot.posting.rendering.messages import Message
from bot.posting.rendering.source_preview import SourcePreview
from bot.store.records.people_records import Proposal, ProposalDecision, Proposer
from bot.text import discord_text

MAX_REASON_LENGTH = 100
"""Maximum length in UTF-16 units of the line in which a member says why they propose a feed, or a manager declines."""
_MAX_NAME_LENGTH = 100
_APPROVED_COLOUR = 0x3BA55D
_NOT_APPROVED_COLOUR = 0x80848E

_DECISION_LINES: dict[ProposalDecision, tuple[str, str, str]] = {
    ProposalDecision.APPROVED: (
        N_("{feed} is followed in {channel}."),
        N_("Proposed by {users}, accepted by {manager} {when}"),
        N_("Accepted {when}"),
    ),
    ProposalDecision.DECLINED: (
        N_("{feed} isn’t followed."),
        N_("Proposed by {users}, declined by {manager} {when}"),
        N_("Declined {when}"),
    ),
    ProposalDecision.EXPIRED: (
        N_("{feed}: nobody decided in time."),
        N_("Proposed by {users}, closed {when}"),
        N_("Closed {when}"),
    ),
    ProposalDecision.WITHDRAWN: (N_("{feed}: the proposal was withdrawn."), "", N_("Closed {when}")),
}
"""Lines on a decided proposal: the outcome, a small line that names people, and one that names nobody.

The last one is shown where one of these people is not stored any more, and for a withdrawn proposal.
"""
_OUTCOME_SENTENCES: dict[ProposalDecision, str] = {
    ProposalDecision.APPROVED: N_("Your proposal for {server} was accepted. {feed} is now followed in {channel}."),
    ProposalDecision.DECLINED: N_("Your proposal of {feed} for {server} was declined."),
    ProposalDecision.EXPIRED: N_("Nobody in {server} decided on {feed} in 14 days. You can propose it again."),
}


def proposal_message(proposal: Proposal, *, language: str) -> Message:
    """Return the message that shows managers a proposed feed, with buttons; after the decision, two lines on it."""
    with i18n.language_scope(language):
        title = discord_text.to_plain_line(proposal.title, messages.MAX_THREAD_NAME_LENGTH)
        return Message(title, layout=(_open_card(proposal) if proposal.decision is None else _decided_card(proposal),))


def outcome_message(
    proposal: Proposal, *, server_name: str, mentioned_user_id: int | None, language: str
) -> Message | None:
    """Return the message that tells a proposer the decision on a proposal; None for an open or withdrawn proposal.

    `mentioned_user_id` is the proposer's id where others can see the message, and None in direct messages.
    """
    sentence = None if proposal.decision is None else _OUTCOME_SENTENCES.get(proposal.decision)
    if sentence is None:
        return None
    with i18n.language_scope(language):
        text = _(sentence).format(
            feed=_bold_title(proposal),
            channel=f"<#{proposal.target_channel_id}>",
            server=f"**{discord_text.to_markdown_line(server_name, _MAX_NAME_LENGTH)}**",
        )
        if proposal.decision_reason:
            text += "\n" + _decision_reason_line(proposal)
        return Message(
            discord_text.to_plain_line(proposal.title, messages.MAX_THREAD_NAME_LENGTH),
            embed=discord.Embed(colour=outlet_branding.DEFAULT_COLOUR, description=text),
            mentioned_user_id=mentioned_user_id,
        )


def _open_card(proposal: Proposal) -> Card:
    preview = SourcePreview.from_json(proposal.preview)
    heading = _("Follow {feed}?").format(feed=discord_text.to_markdown_line(proposal.title, _MAX_NAME_LENGTH))
    icon_url = messages.usable_image_url(preview.icon_url)
    head_texts = ("\n".join((f"### {heading}", *_wish_lines(proposal))), f"-# {preview.rate_text}")
    return Card(
        (
            Section(tuple(map(text_block, head_texts)), Image(icon_url, proposal.title) if icon_url else None),
            Separator(),
            *preview.iter_article_blocks(),
            Separator(),
            text_block("-# " + _("WHERE ITS POSTS GO")),
            ActionRow(buttons.proposal_channel_menu(proposal.id, proposal.target_channel_id)),
            ActionRow(
                buttons.APPROVE_PROPOSAL_BUTTON(proposal.id),
                buttons.DECLINE_PROPOSAL_BUTTON(proposal.id),
                buttons.DECLINE_WITH_REASON_BUTTON(proposal.id),
                buttons.BLOCK_PROPOSER_BUTTON(proposal.id),
            ),
            text_block("-# " + " · ".join(_origin_texts(proposal))),
        ),
        outlet_branding.DEFAULT_COLOUR,
    )


def _decided_card(proposal: Proposal) -> Card:
    assert proposal.decision is not None
    outcome_line, line_with_people, line_without_people = _DECISION_LINES[proposal.decision]
    users = ", ".join(f"<@{proposer.user_id}>" for proposer in proposal.proposers)
    are_people_stored = users and (proposal.decided_by is not None or proposal.decision is ProposalDecision.EXPIRED)
    small_line = _(line_with_people if are_people_stored else line_without_people).format(
        users=users, manager=f"<@{proposal.decided_by}>", when=f"<t:{proposal.decided_at}:R>"
    )
    outcome_text = _(outcome_line).format(feed=_bold_title(proposal), channel=f"<#{proposal.target_channel_id}>")
    if proposal.decision_reason:
        outcome_text += "\n" + _decision_reason_line(proposal)
    is_approved = proposal.decision is ProposalDecision.APPROVED
    return Card(
        (text_block(f"{outcome_text}\n-# {small_line}"),), _APPROVED_COLOUR if is_approved else _NOT_APPROVED_COLOUR
    )


def _decision_reason_line(proposal: Proposal) -> str:
    reason = discord_text.to_markdown_line(proposal.decision_reason, MAX_REASON_LENGTH)
    return _("Reason: “{reason}”").format(reason=reason)


def _wish_lines(proposal: Proposal) -> list[str]:
    """Return lines that say who proposes a feed, for which channel, and why."""
    channel = f"<#{proposal.target_channel_id}>"
    if len(proposal.proposers) == 1:
        (proposer,) = proposal.proposers
        template = (
            _("{user} proposes it for {channel}: “{reason}”")
            if proposer.reason
            else _("{user} proposes it for {channel}.")
        )
        return [template.format(user=f"<@{proposer.user_id}>", channel=channel, reason=_reason_markup(proposer))]
    count_text = format_count(
        "{count} person wants it in {channel}:",
        "{count} people want it in {channel}:",
        len(proposal.proposers),
        channel=channel,
    )
    return [count_text, *map(_proposer_line, proposal.proposers)]


def _proposer_line(proposer: Proposer) -> str:
    template = _("{user}: “{reason}”") if proposer.reason else "{user}"
    return "• " + template.format(user=f"<@{proposer.user_id}>", reason=_reason_markup(proposer))


def _reason_markup(proposer: Proposer) -> str:
    return discord_text.to_markdown_line(proposer.reason, MAX_REASON_LENGTH)


def _origin_texts(proposal: Proposal) -> list[str]:
    """Return texts on the message that a proposal comes from, if any, when it closes, and who hears of the decision."""
    linked_proposers = [proposer for proposer in proposal.proposers if proposer.message_id is not None]
    texts = []
    if linked_proposers:
        message_path = f"{proposal.server_id}/{linked_proposers[0].channel_id}/{linked_proposers[0].message_id}"
        link = f"https://discord.com/channels/{message_path}"
        texts.append(_("From [this message]({link})").format(link=link))
    texts.append(_("closes {when}").format(when=f"<t:{proposal.closes_at}:R>"))
    if len(proposal.proposers) == 1:
        texts.append(_("{user} hears what you decide").format(user=f"<@{proposal.proposers[0].user_id}>"))
    else:
        texts.append(_("they hear what you decide"))
    return texts


def _bold_title(proposal: Proposal) -> str:
    return f"**{discord_text.to_markdown_line(proposal.title, _MAX_NAME_LENGTH)}**"
