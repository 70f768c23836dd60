"""Explanations of why an article was or was not posted."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.core.i18n import _
from bot.core.models import Article, DeliveryStatus, Dispatch, Feed, Subscription
from bot.core.reasons import Reason
from bot.core.received_values import parse_integer
from bot.polling.identity.entry_keys import build_link_keys
from bot.posting.wording.reason_sentences import describe_reason
from bot.store import Store
from bot.store.records.content_records import PageFetch
from bot.store.records.outbox_records import ChannelDeliveryStatus
from bot.text import discord_text, urls

_MESSAGE_LINK_PATTERN = re.compile(
    r"<?https?://(?:\w+\.)?discord(?:app)?\.com/channels/(\d{1,20})/(\d{1,20})/(\d{1,20})/?>?", re.ASCII
)
_MAX_ARTICLES_PER_LINK = 50
"""Maximum number of articles, or of dropped entries, that are explained per link; a feed may give all one link."""


class DroppedEntry(NamedTuple):
    """Entry that was dropped because its feed was over its quota: the feed, and the Unix time in seconds."""

    feed: Feed
    dropped_at: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """Answer about a link: its articles with their feeds and page fetches, and whether each channel posted them.

    `undecided_subscriptions` are subscriptions to one of these feeds whose channel has no delivery status.
    `dropped_entries` are entries with this link that were dropped because their feed was over its quota.
    """

    articles_and_feeds: tuple[tuple[Article, Feed | None], ...] = ()
    delivery_statuses: tuple[ChannelDeliveryStatus, ...] = ()
    undecided_subscriptions: tuple[Subscription, ...] = ()
    page_fetch_by_article_id: Mapping[int, PageFetch] = field(default_factory=dict)
    dropped_entries: tuple[DroppedEntry, ...] = ()


async def explain_link(store: Store, link: str) -> Explanation:
    """Return what happened to the articles at a URL, or in the message of the bot that a link leads to.

    The URL may carry tracking parameters, or be an earlier URL of the article. All servers are covered: the
    caller must check what the user may see. Raises StoreError.
    """
    dispatch = await find_dispatch_of_message_link(store, link)
    if dispatch is None:
        articles = await find_articles_at(store, link)
    else:
        articles = await store.articles.list_by_ids(
            (*dispatch.article_ids, *dispatch.joined_article_ids)[:_MAX_ARTICLES_PER_LINK]
        )
    articles_and_feeds = [(article, await store.feeds.get(article.feed_id)) for article in articles]
    delivery_statuses: list[ChannelDeliveryStatus] = []
    undecided_subscriptions: list[Subscription] = []
    for page_key in dict.fromkeys(article.page_key for article, _feed in articles_and_feeds):
        page_statuses = await store.delivery_statuses.list_by_page_key(page_key)
        delivery_statuses += page_statuses
        decided_channel_ids = {status.channel_id for status in page_statuses}
        for feed_id in {article.feed_id for article, _feed in articles_and_feeds if article.page_key == page_key}:
            subscriptions = await store.subscriptions.list_by_feed(feed_id)
            undecided_subscriptions += [
                subscription for subscription in subscriptions if subscription.channel_id not in decided_channel_ids
            ]
    page_fetch_by_article_id = await store.page_fetches.load_by_article_ids(
        [article.id for article, _feed in articles_and_feeds]
    )
    dropped_entries = () if articles_and_feeds else await _find_dropped_entries(store, link)
    return Explanation(
        tuple(articles_and_feeds),
        tuple(delivery_statuses),
        tuple(undecided_subscriptions),
        page_fetch_by_article_id,
        dropped_entries,
    )


async def _find_dropped_entries(store: Store, link: str) -> tuple[DroppedEntry, ...]:
    try:
        url = urls.canonicalize(urls.normalize_typed_url(link))
    except ValueError:
        return ()
    feed_ids_and_times = await store.quota_overflows.list_feeds_that_skipped_link(
        [build_link_keys(url_variant)[1] for url_variant in urls.list_url_variants(url)]
    )
    feeds_and_times = [
        (await store.feeds.get(feed_id), dropped_at)
        for feed_id, dropped_at in feed_ids_and_times[:_MAX_ARTICLES_PER_LINK]
    ]
    return tuple(DroppedEntry(feed, dropped_at) for feed, dropped_at in feeds_and_times if feed is not None)


def dropped_entry_sentence(feed_name: str, *, time_text: str) -> str:
    """Return a sentence on an entry that was dropped because its feed was over its quota, in the current language."""
    return _("Left out {when}: {feed} published more at once than I can keep.").format(when=time_text, feed=feed_name)


async def find_dispatch_of_message_link(store: Store, link: str) -> Dispatch | None:
    """Return the outbox's record (dispatch) of the bot's message that a Discord link leads to; None if there is none.

    Raises StoreError.
    """
    link_match = _MESSAGE_LINK_PATTERN.fullmatch(link.strip())
    message_id = None if link_match is None else parse_integer(link_match[3])
    if link_match is None or message_id is None:
        return None
    dispatch = await store.dispatches.get_by_message_id(message_id)
    if dispatch is None or parse_integer(link_match[2]) not in {dispatch.channel_id, dispatch.thread_id}:
        return None
    return dispatch


async def find_articles_at(store: Store, link: str) -> list[Article]:
    """Return the articles at a URL as a user typed it; an empty list if it is no URL.

    Raises StoreError.
    """
    try:
        url = urls.canonicalize(urls.normalize_typed_url(link))
    except ValueError:
        return []
    url_variants = urls.list_url_variants(url)
    identity_keys = [identity_key for url_variant in url_variants for identity_key in build_link_keys(url_variant)]
    return await store.articles.find_by_urls(
        url_variants, urls.compute_page_key(url), identity_keys, _MAX_ARTICLES_PER_LINK
    )


def delivery_status_sentence(
    status: ChannelDeliveryStatus, *, time_text: str, to_problem_sentence: Callable[[Reason], str]
) -> str:
    """Return a sentence on whether an article was posted in a channel, in the current language.

    `time_text` is the formatted time of the status; `to_problem_sentence` explains why sending failed. The title
    of a post to which the article was added (joined) is shown unchanged.
    """
    match status.status:
        case DeliveryStatus.WITHHELD | DeliveryStatus.FILTERED if status.reason is not None:
            return describe_reason(status.reason, when=time_text)
        case DeliveryStatus.PENDING | DeliveryStatus.JOINED | DeliveryStatus.FAILED:
            problem_sentence = "" if status.reason is None else to_problem_sentence(status.reason)
            return _format_problem_sentence(status, time_text, problem_sentence)
    template_by_status: dict[DeliveryStatus, str] = {
        DeliveryStatus.POSTED: _("posted {when}"),
        DeliveryStatus.IN_CATCH_UP: _("in a catch-up {when}"),
        DeliveryStatus.IN_DIGEST: (
            _("kept for the channel’s next digest ({when})") if status.message_id is None else _("in a digest {when}")
        ),
    }
    return template_by_status.get(status.status, _("left out ({when})")).format(when=time_text)


def _format_problem_sentence(status: ChannelDeliveryStatus, time_text: str, problem_sentence: str) -> str:
    if status.status is DeliveryStatus.FAILED:
        return _("not posted: sending failed. {reason}").format(reason=problem_sentence)
    if status.status is DeliveryStatus.JOINED:
        return " ".join(filter(None, (_format_joined_sentence(status, time_text), problem_sentence)))
    if problem_sentence:
        return _("waiting to be posted since {when}. {reason}").format(when=time_text, reason=problem_sentence)
    return _("waiting to be posted since {when}").format(when=time_text)


def _format_joined_sentence(status: ChannelDeliveryStatus, time_text: str) -> str:
    """Return a sentence on an article that was added to a post; … stands for the title of a post that is gone."""
    title = _("“{text}”").format(text=status.joined_title or discord_text.ELLIPSIS)
    if status.message_id is None:
        template = _("grouped with {title}, which is waiting to be posted ({when})")
    else:
        template = _("grouped with {title} ({when})")
    return template.format(title=title, when=time_text)


def undecided_sentence() -> str:
    """Return the sentence, in the current language, on why an article has no delivery status in a channel.

    The channel follows the feed of the article, but the article was in the feed before the channel did.
    """
    return _("not posted: it was already in the feed when the channel started following it")
