"""Explain why an article was or was not posted."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.core.i18n import _, format_number
from bot.core.models import Article, DeliveryStatus, Dispatch, Feed, Subscription
from bot.polling.identity.entry_keys import link_keys
from bot.posting.wording import filter_labels
from bot.store import Store
from bot.store.records.content_records import PageFetch
from bot.store.records.outbox_records import ChannelDeliveryStatus, WithheldReason
from bot.text import discord_text, urls

_MESSAGE = re.compile(
    r"<?https?://(?:\w+\.)?discord(?:app)?\.com/channels/(\d{1,20})/(\d{1,20})/(\d{1,20})/?>?", re.ASCII
)
_MAX_ARTICLES = 50
"""Maximum number of articles explained per link; some feeds give every entry the same link."""
_MAX_SNOWFLAKE = 2**63 - 1


class DroppedEntry(NamedTuple):
    """A feed that dropped an entry over its quota, and the timestamp."""

    feed: Feed
    dropped_at: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of a link: its articles with their feeds, and their delivery statuses by channel.

    `undecided_subscriptions` follow one of the feeds without a status for the page. `dropped_entries` are
    feeds that had an entry with this link over their quota.
    """

    articles: tuple[tuple[Article, Feed | None], ...] = ()
    fates: tuple[ChannelDeliveryStatus, ...] = ()
    undecided_subscriptions: tuple[Subscription, ...] = ()
    page_reads: Mapping[int, PageFetch] = field(default_factory=dict)
    dropped_entries: tuple[DroppedEntry, ...] = ()


async def explain(store: Store, link: str) -> Explanation:
    """Return the delivery statuses of the articles at a URL, or of those in a message of the bot.

    The URL may carry tracking parameters, or be an earlier one of the article. Covers all servers: the caller
    must check what the user may see. Raises StoreError.
    """
    post = await dispatch_of_message_link(store, link)
    if post is None:
        articles = await articles_at(store, link)
    else:
        articles = await store.articles.by_ids((*post.article_ids, *post.joined_article_ids)[:_MAX_ARTICLES])
    carried = [(article, await store.feeds.get(article.feed_id)) for article in articles]
    fates: list[ChannelDeliveryStatus] = []
    passed_over: list[Subscription] = []
    for page in dict.fromkeys(article.page for article, _feed in carried):
        decided = await store.delivery_statuses.by_page_key(page)
        fates += decided
        channels = {fate.channel_id for fate in decided}
        for feed_id in {article.feed_id for article, _feed in carried if article.page == page}:
            following = await store.subscriptions.of_feed(feed_id)
            passed_over += [one for one in following if one.channel_id not in channels]
    readings = await store.page_fetches.by_article_ids([article.id for article, _feed in carried])
    left_out = () if carried else await _find_dropped_entries(store, link)
    return Explanation(tuple(carried), tuple(fates), tuple(passed_over), readings, left_out)


async def _find_dropped_entries(store: Store, link: str) -> tuple[DroppedEntry, ...]:
    try:
        url = urls.canonicalize(urls.normalise_input(link))
    except ValueError:
        return ()
    counted = await store.quota_overflows.feeds_that_skipped_link(
        [link_keys(form)[1] for form in urls.url_variants(url)]
    )
    feeds = [(await store.feeds.get(feed_id), when) for feed_id, when in counted[:_MAX_ARTICLES]]
    return tuple(DroppedEntry(feed, when) for feed, when in feeds if feed is not None)


def dropped_entry_sentence(feed: str, *, when: str) -> str:
    """Return the sentence on an entry that was over its feed's quota, in the current language."""
    return _("Left out {when}: {feed} published more at once than I can keep.").format(when=when, feed=feed)


async def dispatch_of_message_link(store: Store, link: str) -> Dispatch | None:
    """Return the dispatch of the message that a Discord link leads to, or None. Raises StoreError."""
    match = _MESSAGE.fullmatch(link.strip())
    if match is None or int(match[3]) > _MAX_SNOWFLAKE:
        return None
    post = await store.dispatches.by_message_id(int(match[3]))
    if post is None or int(match[2]) not in {post.channel_id, post.thread_id}:
        return None
    return post


async def articles_at(store: Store, link: str) -> list[Article]:
    """Return the articles at a URL as a user typed it; empty if it is no URL. Raises StoreError."""
    try:
        url = urls.canonicalize(urls.normalise_input(link))
    except ValueError:
        return []
    forms = urls.url_variants(url)
    names = [name for form in forms for name in link_keys(form)]
    return await store.articles.find_by_urls(forms, urls.page_key(url), names, _MAX_ARTICLES)


def fate_sentence(fate: ChannelDeliveryStatus, *, when: str, problem: Callable[[str], str]) -> str:
    """Return the delivery status of a page in a channel as a sentence, in the current language.

    `when` is the formatted time of the status; `problem` describes why sending failed. The title of the post
    that the article joined is shown as it is.
    """
    reason = fate.reason or ""
    told: dict[DeliveryStatus, str] = {
        DeliveryStatus.POSTED: _("posted {when}"),
        DeliveryStatus.IN_CATCH_UP: _("in a catch-up {when}"),
        DeliveryStatus.IN_DIGEST: (
            _("kept for the channel’s next digest ({when})")
            if fate.message_id is None
            else _("in a digest {when}")
        ),
        DeliveryStatus.WITHHELD: _withheld_sentence(reason),
    }
    match fate.fate:
        case DeliveryStatus.WITHHELD if reason.startswith(WithheldReason.TOO_FEW_OUTLETS):
            return _too_few_outlets_sentence(reason, when)
        case DeliveryStatus.PENDING:
            return _waiting_sentence(when, problem(reason) if reason else "")
        case DeliveryStatus.JOIND:
            return " ".join(filter(None, (_joined_sentence(fate, when), problem(reason) if reason else "")))
        case DeliveryStatus.FAILED:
            return _("not posted: sending failed. {reason}").format(reason=problem(reason))
        case DeliveryStatus.FILTERED:
            by = filter_labels.filter_list(fate.filters)
            return _("filtered out by: {filters} ({when})").format(filters=by, when=when)
    return told[fate.fate].format(when=when)


def _withheld_sentence(reason: str) -> str:
    withheld: dict[str, str] = {
        WithheldReason.PAUSED: _("not posted: the feed was paused there ({when})"),
        WithheldReason.BOT_ABSENT: _("not posted: I wasn’t in the server at that time ({when})"),
        WithheldReason.NOT_SELECTED: _("not posted: it wasn’t among the best stories of its day ({when})"),
        WithheldReason.ALREADY_SENT: _("posted in another message, before a backup was restored ({when})"),
        WithheldReason.UNFOLLOWED: _("not posted: the channel stopped following the feed first ({when})"),
    }
    return withheld.get(reason, _("left out ({when})"))


def _waiting_sentence(when: str, reason: str) -> str:
    if reason:
        return _("waiting to be posted since {when}. {reason}").format(when=when, reason=reason)
    return _("waiting to be posted since {when}").format(when=when)


def _too_few_outlets_sentence(reason: str, when: str) -> str:
    told, least = map(int, reason.split()[1:])
    return _("not posted: reported by {count} of the {least} outlets it needed ({when})").format(
        count=format_number(told), least=format_number(least), when=when
    )


def _joined_sentence(fate: ChannelDeliveryStatus, when: str) -> str:
    """Return the sentence on an article that joined a post; a post that is gone has no title."""
    title = _("“{text}”").format(text=fate.joined or discord_text.ELLIPSIS)
    if fate.message_id is None:
        told = _("grouped with {title}, which is waiting to be posted ({when})")
    else:
        told = _("grouped with {title} ({when})")
    return told.format(title=title, when=when)


def undecided_sentence() -> str:
    """Return why a channel that follows the feed has no status for an article, in the current language."""
    return _("not posted: it was already in the feed when the channel started following it")
