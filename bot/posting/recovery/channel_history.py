"""History of a channel in a window of time, read from the bot's own messages there."""

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
    """Posts and digests found in a channel for a window of time. Times are Unix times in seconds.

    `posted_at_by_article_key` and `digested_at_by_article_key` give the time of the latest message that posted
    an article, or of the latest digest that listed it. `digest_sent_at_by_dedupe_key` gives the time of a digest
    by the unique key in its menu.
    `linked_pages` are the pages that posts link to; `digested_at_by_linked_page` gives the time of the latest
    digest that links to a page, by the page's key and title.
    """

    posted_at_by_article_key: dict[str, int]
    digested_at_by_article_key: dict[str, int]
    digest_sent_at_by_dedupe_key: dict[str, int]
    linked_pages: list[LinkedPage]
    digested_at_by_linked_page: dict[tuple[str, str], int]


async def find_already_posted(
    target: Target,
    dispatch: Dispatch,
    articles: Sequence[Article],
    window: HistoryWindow,
) -> tuple[set[int], set[int]]:
    """Return the ids of the given articles of a queued message that earlier posts show, and that digests show.

    A catch-up (list of articles) counts as a post, as does a post of another article to which the article was added.
    The article's own post counts only if the queued message (`dispatch`) is a catch-up. If that catch-up is found
    with a full menu, which may not list all its articles, all are returned as posted. Raises HistoryNotReadable if
    Telex cannot read the history, and discord.DiscordException, aiohttp.ClientError and TimeoutError.
    """
    posted_ids: set[int] = set()
    digested_ids: set[int] = set()
    is_catch_up = dispatch.kind is DispatchKind.CATCH_UP
    async for message, _sent_outcome in own_messages.iter_own_messages(target, dispatch.channel_id, window):
        message_keys = message_contents.parse_article_keys(message)
        if not any(message_keys):
            continue
        is_same_dispatch = buttons.save_menu_id(dispatch.dedupe_key) in message_contents.list_custom_ids(message)
        if is_catch_up and is_same_dispatch and len(message_keys.listed_keys) >= discord_limits.MAX_OPTIONS:
            return {article.id for article in articles}, set()
        # The article that a post is about is left to `find_delivered_message`: its link is the first.
        skips_own_article = not is_catch_up and bool(message_keys.post_keys)
        matching_keys = (
            message_keys.listed_keys | message_keys.digest_keys
            if skips_own_article
            else frozenset().union(*message_keys)
        )
        linked_pages = message_contents.list_linked_pages(message)[1 if skips_own_article else 0 :]
        article_ids = {
            article.id
            for article in articles
            if message_contents.matches_key(article, matching_keys)
            or message_contents.links_article(article, linked_pages)
        }
        (digested_ids if message_keys.digest_keys else posted_ids).update(article_ids)
    return posted_ids, digested_ids


async def find_earlier_notifications(
    target: Target,
    dispatch: Dispatch,
    articles: Sequence[Article],
    window: HistoryWindow,
) -> list[RecoveredNotification]:
    """Return earlier notifications of the same watch (saved search) as `dispatch` that show any of the articles.

    Raises HistoryNotReadable if Telex cannot read the history, and discord.DiscordException, aiohttp.ClientError and
    TimeoutError.
    """
    notifications = []
    async for message, sent_outcome in own_messages.iter_own_messages(target, dispatch.channel_id, window):
        dedupe_key_and_article_keys = message_contents.parse_watch_notification(message)
        if dedupe_key_and_article_keys is None:
            continue
        dedupe_key, article_keys = dedupe_key_and_article_keys
        if not dedupe_key.startswith(f"watch:{dispatch.watch_id}:"):
            continue
        linked_pages = message_contents.list_linked_pages(message)
        article_ids = [
            article.id
            for article in articles
            if article.key in article_keys or message_contents.links_article(article, linked_pages)
        ]
        if article_ids:
            notifications.append(RecoveredNotification(dedupe_key, sent_outcome.message_id, article_ids))
    return notifications


async def read_channel_history(target: Target, channel_id: int, window: HistoryWindow) -> ChannelHistory:
    """Return the articles and digests that the bot posted in a channel in a window of time.

    Raises HistoryNotReadable if Telex cannot read the history, and discord.DiscordException, aiohttp.ClientError and
    TimeoutError.
    """
    history = ChannelHistory({}, {}, {}, [], {})
    async for message, _sent_outcome in own_messages.iter_own_messages(target, channel_id, window):
        sent_at = int(message.created_at.timestamp())
        message_keys = message_contents.parse_article_keys(message)
        for article_keys, sent_at_by_key in (
            (message_keys.post_keys | message_keys.listed_keys, history.posted_at_by_article_key),
            (message_keys.digest_keys, history.digested_at_by_article_key),
        ):
            sent_at_by_key.update((key, max(sent_at, sent_at_by_key.get(key, sent_at))) for key in article_keys)
        if (digest_key := message_contents.parse_digest_key(message)) is not None:
            history.digest_sent_at_by_dedupe_key[digest_key] = sent_at
        if message_keys.digest_keys:
            history.digested_at_by_linked_page.update(
                (linked_page, max(sent_at, history.digested_at_by_linked_page.get(linked_page, sent_at)))
                for linked_page in message_contents.list_linked_pages(message)
            )
        elif any(message_keys):
            history.linked_pages.extend(message_contents.list_linked_pages(message))
    return history
