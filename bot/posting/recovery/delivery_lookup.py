"""Finding out whether a dispatch whose end is unknown was sent: by reading the channel back."""

from collections.abc import Awaitable
from typing import TypeVar

import discord

from bot.core.models import Article, Dispatch, DispatchKind
from bot.posting.recovery import message_contents, own_messages
from bot.posting.recovery.own_messages import HistoryNotReadable, HistoryWindow
from bot.posting.rendering import buttons
from bot.posting.rendering.messages import Message
from bot.posting.sending.message_targets import Target
from bot.posting.sending.send_outcomes import (
    ChannelBlocked,
    DeliveryUnknown,
    RetryAfter,
    SendOutcome,
    SendProblem,
    Sent,
    Unverifiable,
    classify_error,
)

T = TypeVar("T")

_RETRY_DELAY_SECONDS = 5.0  # seconds until a channel is looked for that went away while it was read


async def find_delivered_message(
    place: Target,
    dispatch: Dispatch,
    message: Message | None,
    span: HistoryWindow,
    *,
    article: Article | None = None,
) -> SendOutcome | None:
    """The message of a dispatch in a channel, if it was made in that span; None when it is not there.

    Else why nobody can tell. What tells articles carries its name in the id of a button, a notice is known by
    its words, those of `message`. It may be in any of the bot's threads of a channel, whatever was chosen
    since. With the `article` of a post, that of another feed's article with the same page will do.
    """

    async def found() -> Sent | None:
        async for each, sent in own_messages.iter_own_messages(place, dispatch.channel_id, span):
            if _is_message_of(each, dispatch, message) or (
                article is not None and _is_post_of_article(each, article)
            ):
                return sent
        return None

    return await try_lookup(found())


async def try_lookup(looking: Awaitable[T]) -> T | SendOutcome:
    """What a look into a channel found, or why nobody can tell."""
    try:
        return await looking
    except HistoryNotReadable:
        return Unverifiable(SendProblem.UNREADABLE)
    except Exception as error:
        outcome = classify_error(error)  # raises it where it is no answer of Discord's
        if isinstance(outcome, RetryAfter | DeliveryUnknown):
            return outcome
        if isinstance(outcome, ChannelBlocked):
            return (
                Unverifiable(SendProblem.UNREADABLE)
                if outcome.problem == SendProblem.FORBIDDEN
                else RetryAfter(_RETRY_DELAY_SECONDS, outcome.problem)
            )
        raise


def _is_message_of(found: discord.Message, dispatch: Dispatch, message: Message | None) -> bool:
    match dispatch.kind:
        case DispatchKind.POST:
            return dispatch.dedupe_key in message_contents.article_keys_of(found).post_keys
        case DispatchKind.CATCH_UP | DispatchKind.DIGEST:
            return buttons.save_menu_id(dispatch.dedupe_key) in message_contents.custom_ids(found)
        case DispatchKind.WATCH_NOTIFICATION:
            return buttons.stop.custom_id(dispatch.dedupe_key) in message_contents.custom_ids(found)
        case DispatchKind.FEED_ALERT:
            embed = message.embed if message is not None else None
            words = embed.description if embed is not None else None
            return [embed.description for embed in found.embeds] == [words]


def _is_post_of_article(found: discord.Message, article: Article) -> bool:
    """Whether a message is the post of an article, or of another feed's with the same page."""
    return bool(message_contents.article_keys_of(found).post_keys) and message_contents.links_article(
        article, message_contents.linked_pages(found)[:1]
    )
