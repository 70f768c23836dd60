"""Finding out whether a dispatch whose end is unknown was sent: by reading the channel back."""

from collections.abc import Awaitable
from typing import TypeVar

import discord

from bot.core.models import Article, Dispatch, DispatchKind
from bot.posting.recovery import own_messages, shown_articles
from bot.posting.recovery.own_messages import HistoryHidden, Span
from bot.posting.rendering import buttons
from bot.posting.rendering.messages import Message
from bot.posting.sending.message_places import Target
from bot.posting.sending.send_outcomes import Blocked, Later, Lost, Outcome, Problem, Sent, Unknown, judge

T = TypeVar("T")

_AGAIN = 5.0  # seconds until a channel is looked for that went away while it was read


async def search(
    place: Target,
    dispatch: Dispatch,
    message: Message | None,
    span: Span,
    *,
    article: Article | None = None,
) -> Outcome | None:
    """The message of a dispatch in a channel, if it was made in that span; None when it is not there.

    Else why nobody can tell. What tells articles carries its name in the id of a button, a notice is known by
    its words, those of `message`. It may be in any of the bot's threads of a channel, whatever was chosen
    since. With the `article` of a post, that of another feed's article with the same page will do.
    """

    async def found() -> Sent | None:
        async for each, sent in own_messages.own(place, dispatch.channel_id, span):
            if _is_of(each, dispatch, message) or (article is not None and _is_post_of(each, article)):
                return sent
        return None

    return await answered(found())


async def answered(looking: Awaitable[T]) -> T | Outcome:
    """What a look into a channel found, or why nobody can tell."""
    try:
        return await looking
    except HistoryHidden:
        return Unknown(Problem.UNREADABLE)
    except Exception as error:
        outcome = judge(error)  # raises it where it is no answer of Discord's
        if isinstance(outcome, Later | Lost):
            return outcome
        if isinstance(outcome, Blocked):
            return (
                Unknown(Problem.UNREADABLE)
                if outcome.problem == Problem.FORBIDDEN
                else Later(_AGAIN, outcome.problem)
            )
        raise


def _is_of(found: discord.Message, dispatch: Dispatch, message: Message | None) -> bool:
    match dispatch.kind:
        case DispatchKind.POST:
            return dispatch.what in shown_articles.told_keys(found).posted
        case DispatchKind.CATCH_UP | DispatchKind.DIGEST:
            return buttons.pick_id(dispatch.what) in shown_articles.custom_ids(found)
        case DispatchKind.WATCH:
            return buttons.stop.id(dispatch.what) in shown_articles.custom_ids(found)
        case DispatchKind.NOTICE:
            embed = message.embed if message is not None else None
            words = embed.description if embed is not None else None
            return [embed.description for embed in found.embeds] == [words]


def _is_post_of(found: discord.Message, article: Article) -> bool:
    """Whether a message is the post of an article, or of another feed's with the same page."""
    return bool(shown_articles.told_keys(found).posted) and shown_articles.is_among(
        article, shown_articles.pages(found)[:1]
    )
