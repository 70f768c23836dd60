"""What a channel was told in a span of time, by the bot's own messages there."""

from collections.abc import Sequence
from typing import NamedTuple

from bot.core.models import Article, Dispatch, DispatchKind
from bot.posting.recovery import own_messages, shown_articles
from bot.posting.recovery.own_messages import Span
from bot.posting.recovery.shown_articles import Shown
from bot.posting.rendering import buttons, discord_limits
from bot.posting.sending.message_places import Target
from bot.store.records.outbox_records import EarlierNotice


class Earlier(NamedTuple):
    """What a channel was told between two times, each by its key with when it was told last.

    `editions` are digests by the names of their dispatches. What was shown is there once more by its page.
    """

    posted: dict[str, int]
    digested: dict[str, int]
    editions: dict[str, int]
    shown: list[Shown]
    shown_in_digests: dict[tuple[str, str], int]


async def told(
    place: Target,
    dispatch: Dispatch,
    articles: Sequence[Article],
    span: Span,
) -> tuple[set[int], set[int]]:
    """Which of a dispatch's articles, by their ids, other messages of a span tell of: and digests.

    Those are catch-ups, posts that they joined, and other posts where the dispatch is a catch-up. A catch-up
    of the dispatch's own name that lists as many articles as it can tells of them all. Raises as
    `own_messages.own` does.
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
        others = not gathers and bool(told.posted)  # a post's own article is for `read_back.search` to find
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
    """The notices of a watch in a span that tell of some of these articles. Raises likewise."""
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
    """What a channel was told in a span. Raises as `own_messages.own` does."""
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
