"""Finding out whether a dispatch whose end is unknown was sent: by reading the channel back."""

from collections.abc import Awaitable, Sequence
from typing import NamedTuple, TypeVar

import discord

from bot.core.models import Article, Dispatch, DispatchKind
from bot.posting.recovery import own_messages, shown_articles
from bot.posting.recovery.own_messages import HistoryHidden, Span
from bot.posting.recovery.shown_articles import Shown
from bot.posting.rendering import buttons, discord_limits
from bot.posting.rendering.messages import Message
from bot.posting.sending.message_places import Target
from bot.posting.sending.send_outcomes import Blocked, Later, Lost, Outcome, Problem, Sent, Unknown, judge
from bot.store.records.outbox_records import EarlierNotice

T = TypeVar("T")

EPOCH = 10 * 86_400
"""Seconds after a backup was restored in which old articles are looked for first: past a late week's digest.
"""

_AGAIN = 5.0  # seconds until a channel is looked for that went away while it was read


class Earlier(NamedTuple):
    """What a channel was told between two times, each by its key with when it was told last.

    `editions` are digests by the names of their dispatches. What was shown is there once more by its page.
    """

    posted: dict[str, int]
    digested: dict[str, int]
    editions: dict[str, int]
    shown: list[Shown]
    shown_in_digests: dict[tuple[str, str], int]


async def look(
    place: Target,
    dispatch: Dispatch,
    message: Message | None,
    span: Span,
    *,
    article: Article | None = None,
) -> Sent | None:
    """The message of a dispatch in a channel, if it was made in that span; None when it is not there.

    What tells articles carries its name in the id of a button, a notice is known by its words, those of
    `message`. It may be in any of the bot's threads of a channel, whatever was chosen since. With the
    `article` of a post, that of another feed's article with the same page will do. Raises `HistoryHidden`,
    and what discord.py raises.
    """
    async for found, sent in own_messages.own(place, dispatch.channel_id, span):
        if _is_of(found, dispatch, message) or (article is not None and _is_post_of(found, article)):
            return sent
    return None


async def told(
    place: Target,
    dispatch: Dispatch,
    articles: Sequence[Article],
    span: Span,
) -> tuple[set[int], set[int]]:
    """Which of a dispatch's articles, by their ids, other messages of a span tell of: and digests.

    Those are catch-ups, posts that they joined, and other posts where the dispatch is a catch-up. A catch-up
    of the dispatch's own name that lists as many articles as it can tells of them all. Raises as `look` does.
    """
    found: set[int] = set()
    digested: set[int] = set()
    gathers = dispatch.kind is DispatchKind.CATCH_UP
    async for message, _sent in own_messages.own(place, dispatch.channel_id, span):
        told = shown_articles.told_keys(message)
        if not any(told):
            continue
        own = buttons.pick_id(dispatch.what) in shown_articles.custom_ids(message)
        if gathers and own and len(told.listed) >= discord_limits.OPTIONS:
            return {article.id for article in articles}, set()
        others = not gathers and bool(told.posted)  # a post's own article is for `look` to find
        keys = told.listed | told.digested if others else frozenset().union(*told)
        shown = shown_articles.pages(message)[others:]
        ids = {
            one.id
            for one in articles
            if shown_articles.is_told(one, keys) or shown_articles.is_among(one, shown)
        }
        (digested if told.digested else found).update(ids)
    return found, digested


async def notices(
    place: Target,
    dispatch: Dispatch,
    articles: Sequence[Article],
    span: Span,
) -> list[EarlierNotice]:
    """The notices of a watch in a span that tell of some of these articles. Raises as `look` does."""
    found = []
    async for message, sent in own_messages.own(place, dispatch.channel_id, span):
        notice = shown_articles.notice_of(message)
        if notice is None or not notice[0].startswith(f"watch:{dispatch.watch_id}:"):
            continue
        shown = shown_articles.pages(message)
        ids = [one.id for one in articles if one.key in notice[1] or shown_articles.is_among(one, shown)]
        if ids:
            found.append(EarlierNotice(notice[0], sent.message_id, ids))
    return found


async def earlier(place: Target, channel_id: int, span: Span) -> Earlier:
    """What a channel was told in a span. Raises as `look` does."""
    found = Earlier({}, {}, {}, [], {})
    async for message, _sent in own_messages.own(place, channel_id, span):
        at = int(message.created_at.timestamp())
        told = shown_articles.told_keys(message)
        for keys, known in ((told.posted | told.listed, found.posted), (told.digested, found.digested)):
            known.update((key, max(at, known.get(key, at))) for key in keys)
        if (name := shown_articles.edition_of(message)) is not None:
            found.editions[name] = at
        if told.digested:
            found.shown_in_digests.update(
                (one, max(at, found.shown_in_digests.get(one, at))) for one in shown_articles.pages(message)
            )
        elif any(told):
            found.shown.extend(shown_articles.pages(message))
    return found


def since_backup(dispatch: Dispatch, articles: Sequence[Article], *, restored: int) -> int | None:
    """Since when a dispatch may have been sent that a restored backup does not know of; None: not at all."""
    oldest = min([dispatch.created, *(article.published for article in articles)])
    return max(oldest, restored - EPOCH) if oldest <= restored else None


async def search(
    place: Target,
    dispatch: Dispatch,
    message: Message | None,
    span: Span,
    *,
    article: Article | None = None,
) -> Outcome | None:
    """The message as `look` finds it, None if it is not there; else why that is not known."""
    return await answered(look(place, dispatch, message, span, article=article))


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
