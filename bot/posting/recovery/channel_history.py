"""What the bot's own messages in a channel show was posted there in a window of time."""

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
    """Posts and digests of a channel in a window of time.

    The first three map keys to the timestamp of the latest message: articles posted, articles listed in
    digests, and digests by their dedupe keys. The pages are those that posts and digests link to.
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
    """Return the ids of a dispatch's articles that other messages show: those posted, and those in digests.

    Posts are catch-ups, posts that the article joined, and for a catch-up other posts as well. A full
    catch-up of the same dedupe key counts as showing all articles. Raises HistoryNotReadable and
    discord.DiscordException.
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
        # The article that a post is about is left to `find_delivered_message`.
        others = not gathers and bool(told.post_keys)
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
    """Return the notifications of a dispatch's watch in a window that show any of these articles.

    Raises HistoryNotReadable and discord.DiscordException.
    """
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
    """Return what was posted in a channel in a window.

    Raises HistoryNotReadable and discord.DiscordException.
    """
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
