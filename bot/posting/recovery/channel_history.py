"""What a channel was told in a span of time, by the bot's own messages there."""

from collections.abc import Sequence
from typing import NamedTuple

from bot.core.models import Article, Dispatch, DispatchKind
from bot.posting.recovery import message_contents, own_messages
from bot.posting.recovery.message_contents import LinkedPage
from bot.posting.recovery.own_messages import HistoryWindow
from bot.posting.rendering import buttons, discord_limits
from bot.posting.sending.message_targets import Target
from bot.store.records.outbox_records import RecoveredNotification


class ChannelHistory(NamedTuple):
    """What a channel was told between two times, each by its key with when it was told last.

    `digest_sent_at_by_key` are digests by the names of their dispatches. What was shown is there once more by
    its page.
    """

    posted_at_by_key: dict[str, int]
    digested_at_by_key: dict[str, int]
    digest_sent_at_by_key: dict[str, int]
    linked_pages: list[LinkedPage]
    digest_linked_pages: dict[tuple[str, str], int]


async def find_already_posted(
    place: Target,
    dispatch: Dispatch,
    articles: Sequence[Article],
    window: HistoryWindow,
) -> tuple[set[int], set[int]]:
    """Which of a dispatch's articles, by their ids, other messages of a span tell of: and digests.

    Those are catch-ups, posts that they joined, and other posts where the dispatch is a catch-up. A catch-up
    of the dispatch's own name that lists as many articles as it can tells of them all. Raises as
    `own_messages.own` does.
    """
    found: set[int] = set()
    digested: set[int] = set()
    gathers = dispatch.kind is DispatchKind.CATCH_UP
    async for message, _sent in own_messages.iter_own_messages(place, dispatch.channel_id, window):
        told = message_contents.article_keys_of(message)
        if not any(told):
            continue
        own = buttons.save_menu_id(dispatch.dedupe_key) in message_contents.custom_ids(message)
        if gathers and own and len(told.listed_keys) >= discord_limits.MAX_OPTIONS:
            return {article.id for article in articles}, set()
        others = not gathers and bool(
            told.post_keys
        )  # a post's own article is for `delivery_lookup.search` to find
        keys = told.listed_keys | told.digest_keys if others else frozenset().union(*told)
        shown = message_contents.linked_pages(message)[others:]
        ids = {
            one.id
            for one in articles
            if message_contents.matches_key(one, keys) or message_contents.links_article(one, shown)
        }
        (digested if told.digest_keys else found).update(ids)
    return found, digested


async def find_earlier_notices(
    place: Target,
    dispatch: Dispatch,
    articles: Sequence[Article],
    span: HistoryWindow,
) -> list[RecoveredNotification]:
    """The notices of a watch in a span that tell of some of these articles. Raises likewise."""
    found = []
    async for message, sent in own_messages.iter_own_messages(place, dispatch.channel_id, span):
        notice = message_contents.watch_notice_of(message)
        if notice is None or not notice[0].startswith(f"watch:{dispatch.watch_id}:"):
            continue
        shown = message_contents.linked_pages(message)
        ids = [
            one.id for one in articles if one.key in notice[1] or message_contents.links_article(one, shown)
        ]
        if ids:
            found.append(RecoveredNotification(notice[0], sent.message_id, ids))
    return found


async def read_channel_history(place: Target, channel_id: int, span: HistoryWindow) -> ChannelHistory:
    """What a channel was told in a span. Raises as `own_messages.own` does."""
    found = ChannelHistory({}, {}, {}, [], {})
    async for message, _sent in own_messages.iter_own_messages(place, channel_id, span):
        at = int(message.created_at.timestamp())
        told = message_contents.article_keys_of(message)
        for keys, known in (
            (told.post_keys | told.listed_keys, found.posted_at_by_key),
            (told.digest_keys, found.digested_at_by_key),
        ):
            known.update((key, max(at, known.get(key, at))) for key in keys)
        if (name := message_contents.digest_key_of(message)) is not None:
            found.digest_sent_at_by_key[name] = at
        if told.digest_keys:
            found.digest_linked_pages.update(
                (one, max(at, found.digest_linked_pages.get(one, at)))
                for one in message_contents.linked_pages(message)
            )
        elif any(told):
            found.linked_pages.extend(message_contents.linked_pages(message))
    return found
