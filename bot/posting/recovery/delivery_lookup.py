"""Lookup in a channel's history of whether a message with an unknown outcome of sending was delivered."""

from collections.abc import Awaitable
from typing import TypeVar

import discord

from bot.core.models import Article, Dispatch, DispatchKind
from bot.core.reasons import Reason, SendProblem
from bot.posting.recovery import message_contents, own_messages
from bot.posting.recovery.own_messages import HistoryNotReadable, HistoryWindow
from bot.posting.rendering import buttons, scorecards
from bot.posting.rendering.messages import Message
from bot.posting.sending.message_targets import Target
from bot.posting.sending.send_outcomes import (
    ChannelBlocked,
    DeliveryUnknown,
    RetryAfter,
    SendOutcome,
    Sent,
    Unverifiable,
    classify_error,
)
from bot.store.records.outbox_records import REPORT_KEY_PREFIX

T = TypeVar("T")

_RETRY_DELAY_SECONDS = 5.0


async def find_delivered_message(
    target: Target,
    dispatch: Dispatch,
    message: Message | None,
    window: HistoryWindow,
    *,
    article: Article | None = None,
) -> SendOutcome | None:
    """Return `Sent` if a queued message (dispatch) is found in a part of its channel's history, else None.

    Returns another outcome if the lookup failed. Messages with articles are recognised by the dispatch's dedupe key
    in a custom id, proposals and notices by a button, scorecards by their period, other alerts by the text of
    `message`. All threads of the channel that the bot created are searched, whatever the channel's settings are now.
    With `article`, a post of another feed's article with the same page counts, too. Raises any error that neither
    Discord nor the network caused.
    """

    async def find_message() -> Sent | None:
        async for own_message, sent_outcome in own_messages.iter_own_messages(target, dispatch.channel_id, window):
            if _is_message_of(own_message, dispatch, message) or (
                article is not None and _is_post_of_article(own_message, article)
            ):
                return sent_outcome
        return None

    return await try_lookup(find_message())


async def try_lookup(lookup: Awaitable[T]) -> T | SendOutcome:
    """Await a lookup in a channel and return its result, or the outcome that explains its failure.

    Returns `Unverifiable` if Telex may not read the channel. Raises any error that neither Discord
    nor the network caused.
    """
    try:
        return await lookup
    except HistoryNotReadable:
        return Unverifiable(Reason(SendProblem.UNREADABLE))
    except Exception as error:
        outcome = classify_error(error)  # Raises errors that are bugs.
        if isinstance(outcome, RetryAfter | DeliveryUnknown):
            return outcome
        if isinstance(outcome, ChannelBlocked):
            return (
                Unverifiable(Reason(SendProblem.UNREADABLE))
                if outcome.reason.code is SendProblem.FORBIDDEN
                else RetryAfter(_RETRY_DELAY_SECONDS, outcome.reason)
            )
        raise


def _is_message_of(sent_message: discord.Message, dispatch: Dispatch, message: Message | None) -> bool:
    match dispatch.kind:
        case DispatchKind.POST:
            return dispatch.dedupe_key in message_contents.parse_article_keys(sent_message).post_keys
        case DispatchKind.CATCH_UP | DispatchKind.DIGEST:
            return buttons.save_menu_id(dispatch.dedupe_key) in message_contents.list_custom_ids(sent_message)
        case DispatchKind.WATCH_NOTIFICATION:
            return buttons.STOP_WATCH_BUTTON.custom_id(dispatch.dedupe_key) in message_contents.list_custom_ids(
                sent_message
            )
        case DispatchKind.FEED_ALERT:
            return _is_message_of_alert(sent_message, dispatch, message)


def _is_message_of_alert(sent_message: discord.Message, dispatch: Dispatch, message: Message | None) -> bool:
    """Return whether a Discord message is what was sent for a queued alert, proposal, report or notice (`dispatch`).

    `message` is the dispatch as it would be sent now, or None; an alert is recognised by its text.
    """
    if dispatch.notice_id is not None:
        button_id = buttons.NOTICES_OFF_BUTTON.custom_id(dispatch.notice_id)
        return button_id in message_contents.list_custom_ids(sent_message)
    if dispatch.proposal_id is not None and dispatch.proposer_id is None:
        button_id = buttons.APPROVE_PROPOSAL_BUTTON.custom_id(dispatch.proposal_id)
        return button_id in message_contents.list_custom_ids(sent_message)
    if dispatch.dedupe_key.startswith(REPORT_KEY_PREFIX):
        return scorecards.is_same_report(message_contents.list_texts(sent_message), dispatch.payload)
    embed = message.embed if message is not None else None
    alert_text = embed.description if embed is not None else None
    return [embed.description for embed in sent_message.embeds] == [alert_text]


def _is_post_of_article(sent_message: discord.Message, article: Article) -> bool:
    """Return whether a message in Discord is the post of an article, or of another feed's article on the same page."""
    return bool(message_contents.parse_article_keys(sent_message).post_keys) and message_contents.links_article(
        article, message_contents.list_linked_pages(sent_message)[:1]
    )
