"""Command /why: the delivery status of an article in each channel that the user can see."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from discord import app_commands
from discord.app_commands import Range, locale_str

from bot.core.i18n import _, format_count, linkify_commands
from bot.core.models import Article, DeliveryStatus, Dispatch, DispatchKind, Subscription
from bot.core.reasons import Reason
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout.blocks import text_block
from bot.posting.wording import feed_error_sentences, preference_sentences
from bot.posting.wording.feed_names import bold_feed_name
from bot.posting.wording.mention_labels import mention_sentence
from bot.posting.wording.post_explanations import (
    Explanation,
    delivery_status_sentence,
    dropped_entry_sentence,
    explain_link,
    find_dispatch_of_message_link,
    undecided_sentence,
)
from bot.posting.wording.reason_sentences import describe_reason
from bot.store.records.outbox_records import ChannelDeliveryStatus
from bot.text import discord_text, urls
from cogs.feeds import subscription_health
from cogs.feeds.subscription_health import feed_error_sentence
from cogs.feeds.subscription_options import FollowedFeed
from cogs.reading.message_articles import choose_article
from cogs.shared import article_cards
from cogs.shared.authorization import guild_context_only
from cogs.shared.channel_options import can_see_channel
from cogs.shared.persistent_items import TelexCog
from cogs.shared.views import Interaction, reply_with_card

_LINKED_STATUSES = frozenset(
    {DeliveryStatus.POSTED, DeliveryStatus.JOINED, DeliveryStatus.IN_CATCH_UP, DeliveryStatus.IN_DIGEST}
)
"""Delivery statuses of an article that a message of the bot shows; the answer links to this message."""
_MAX_ARTICLES = 5
"""Maximum number of articles that an answer of /why lists; further articles are counted."""
_MAX_FEEDS = 3
"""Maximum number of feeds, and of entries dropped because a feed was over its quota, that an answer lists."""
_MAX_MATCHES = 10
"""Maximum number of articles found by typed words among which the user can choose."""
_MAX_LINES = 25
"""Maximum number of lines about channels in an answer of /why."""
_MAX_MESSAGE_LENGTH = 3_900
"""Maximum length of the answer in UTF-16 code units; Discord allows 4,000."""
_MAX_POST_TITLE_LENGTH = 100
"""Maximum length in UTF-16 units of the title of a post to which an article on the same story was added."""
_MAX_ERROR_LENGTH = 300
"""Maximum length in UTF-16 units of the reason why a message was not sent."""


class WhyCog(TelexCog):
    """Cog of the /why command, which says why an article was posted or not."""

    @app_commands.command(name="why", description=locale_str("See why an article was or wasn’t posted"))
    @guild_context_only
    @app_commands.describe(link=locale_str("Link to the article or its post, or words from its title"))
    async def why(self, interaction: Interaction, link: Range[str, 1, 2000]) -> None:
        if not _has_search_words(link):
            await self._explain_link(interaction, link)
            return
        visible_feed_ids = await self.bot.load_visible_feed_ids(interaction)
        search_page = await self.bot.services.searcher.search(link, feed_ids=visible_feed_ids, limit=_MAX_MATCHES)
        articles = [hit.article for hit in search_page.results if not hit.is_partial]
        articles = articles or [hit.article for hit in search_page.results]
        if not articles:
            notice = _("No article in the channels you can see has these words.")
            await reply_with_card(interaction, text_block(notice))
        elif len(articles) == 1:
            await self._explain_article(interaction, articles[0])
        else:
            await choose_article(interaction, articles, self._explain_article, _("Which article?"))

    async def _explain_article(self, interaction: Interaction, article: Article) -> None:
        await self._explain_link(interaction, article.url)

    async def _explain_link(self, interaction: Interaction, address: str) -> None:
        """Show the delivery statuses of the articles at an address, or of a post whose link is the address."""
        visible_feed_ids = await self.bot.load_visible_feed_ids(interaction)
        explanation = await _restrict_to_visible(
            interaction, await explain_link(self.bot.store, address), visible_feed_ids
        )
        if explanation.articles_and_feeds or explanation.dropped_entries:
            preference_model = await self.bot.services.preference_models.get(interaction.guild_id or 0)
            strongest_traits = preference_model.select_strongest_traits(
                [article for article, _feed in explanation.articles_and_feeds]
            )
            answer_lines = (
                *explanation_lines(explanation),
                *preference_sentences.list_reason_sentences(strongest_traits, interaction.user.id),
            )
            answer_text = "\n".join(answer_lines)
        else:
            answer_text = await self._explain_not_found(interaction, address, visible_feed_ids)
        await reply_with_card(interaction, text_block(discord_text.truncate_utf16(answer_text, _MAX_MESSAGE_LENGTH)))

    async def _explain_not_found(
        self, interaction: Interaction, address: str, visible_feed_ids: Collection[int]
    ) -> str:
        """Return the text for an address without articles that the user can see.

        It does not reveal whether there are articles that only other people can see.
        """
        dispatch = await find_dispatch_of_message_link(self.bot.store, address)
        if dispatch is not None and dispatch.kind is DispatchKind.FEED_ALERT and await _can_see(interaction, dispatch):
            if dispatch.notice_id is not None:
                return linkify_commands(_("A notice from whoever runs Telex. To get no more of them: /settings server"))
            return linkify_commands(_("That message is about a feed, not an article. See /feed list."))
        text_lines = [_("I haven’t seen this article in any feed you can see here.")]
        site_host = _find_site_host(address)
        subscription_feed_pairs = await self.bot.store.subscriptions.list_with_feeds(interaction.guild_id or 0)
        followed_feed_by_feed_id: dict[int, FollowedFeed] = {
            feed.id: FollowedFeed(subscription, feed)
            for subscription, feed in subscription_feed_pairs
            if site_host
            and feed.id in visible_feed_ids
            and site_host in {_find_site_host(feed.url), _find_site_host(feed.site_url or "")}
        }
        for followed_feed in list(followed_feed_by_feed_id.values())[:_MAX_FEEDS]:
            text_lines.append(
                _format_labelled_line(
                    bold_feed_name(followed_feed.feed),
                    subscription_health.health_sentence(subscription_health.evaluate_health(followed_feed)),
                )
            )
            if followed_feed.feed.last_success_at is not None:
                last_checked_markup = f"<t:{followed_feed.feed.last_success_at}:R>"
                text_lines.append("-# " + _("last checked {when}").format(when=last_checked_markup))
        if followed_feed_by_feed_id:
            text_lines.append(_("A site’s feed may leave articles out, or list them later."))
        text_lines.append(linkify_commands(_("It may have another address. Try /search with words from its title.")))
        return discord_text.truncate_utf16("\n".join(text_lines), discord_limits.MAX_EMBED_DESCRIPTION_LENGTH)


async def _restrict_to_visible(
    interaction: Interaction, explanation: Explanation, visible_feed_ids: Collection[int]
) -> Explanation:
    """Return what an explanation of articles' deliveries says on feeds and channels that the user can see."""
    visible_statuses = tuple(
        [status for status in explanation.delivery_statuses if await _can_see(interaction, status)]
    )
    posted_article_ids = {
        visible_status.article_id for visible_status in visible_statuses if visible_status.status in _LINKED_STATUSES
    }
    articles_and_feeds = tuple(
        (article, feed if article.feed_id in visible_feed_ids else None)
        for article, feed in explanation.articles_and_feeds
        if article.feed_id in visible_feed_ids or article.id in posted_article_ids
    )
    visible_subscriptions = [
        subscription
        for subscription in explanation.undecided_subscriptions
        if subscription.feed_id in {article.feed_id for article, _feed in articles_and_feeds}
        and await _can_see(interaction, subscription)
    ]
    dropped_entries = tuple(
        dropped_entry for dropped_entry in explanation.dropped_entries if dropped_entry.feed.id in visible_feed_ids
    )
    return Explanation(
        articles_and_feeds,
        visible_statuses,
        tuple(visible_subscriptions),
        explanation.page_fetch_by_article_id,
        dropped_entries,
    )


async def _can_see(interaction: Interaction, record: ChannelDeliveryStatus | Subscription | Dispatch) -> bool:
    return record.server_id == interaction.guild_id and await can_see_channel(interaction, record.channel_id)


def explanation_lines(explanation: Explanation) -> Iterator[str]:
    """Yield the lines of text that explain the delivery of articles, each list up to its maximum."""
    for article, feed in explanation.articles_and_feeds[:_MAX_ARTICLES]:
        yield f"**{article_cards.title_variants(article)[0]}**"
        found_at_text = f"<t:{article.found_at}:f>"
        if feed is None:
            yield _("found {when}").format(when=found_at_text)
            continue
        yield _("found {when} in {feed}").format(when=found_at_text, feed=bold_feed_name(feed))
        if (page_fetch := explanation.page_fetch_by_article_id.get(article.id)) is not None:
            finished_text = f"<t:{page_fetch.finished_at}:f>"
            yield f"-# {feed_error_sentences.page_fetch_sentence(page_fetch, when=finished_text)}"
        if error_sentence := feed_error_sentence(feed):
            yield f"-# {error_sentence}"
    unlisted_count = len(explanation.articles_and_feeds) - _MAX_ARTICLES
    if unlisted_count > 0:
        yield format_count(
            "and {count} more article at this address",
            "and {count} more articles at this address",
            unlisted_count,
        )
    channel_lines = [_format_status_line(status) for status in explanation.delivery_statuses]
    channel_lines += [
        _format_labelled_line(f"<#{channel_id}>", undecided_sentence())
        for channel_id in {subscription.channel_id for subscription in explanation.undecided_subscriptions}
    ]
    yield from channel_lines[:_MAX_LINES]
    for feed, dropped_at in explanation.dropped_entries[:_MAX_FEEDS]:
        yield dropped_entry_sentence(bold_feed_name(feed), time_text=f"<t:{dropped_at}:f>")


def _format_status_line(status: ChannelDeliveryStatus) -> str:
    if status.joined_title is not None:
        status = replace(
            status, joined_title=discord_text.to_markdown_line(status.joined_title, _MAX_POST_TITLE_LENGTH)
        )
    sentence = delivery_status_sentence(
        status, time_text=f"<t:{status.since}:f>", to_problem_sentence=_describe_send_problem
    )
    post_channel_id = status.thread_id or status.channel_id
    post_link = ""
    if status.status in _LINKED_STATUSES and status.message_id is not None:
        post_link = f" · https://discord.com/channels/{status.server_id}/{post_channel_id}/{status.message_id}"
    mentions = status.mentions if status.status is DeliveryStatus.POSTED else ()
    mention_lines = [f"\n-# {mention_sentence(mention)}" for mention in mentions]
    return _format_labelled_line(f"<#{status.channel_id}>", sentence) + post_link + "".join(mention_lines)


def _format_labelled_line(label_markup: str, sentence: str) -> str:
    return _("{name}: {details}").format(name=label_markup, details=sentence)


def _describe_send_problem(reason: Reason) -> str:
    return linkify_commands(discord_text.to_markdown_line(describe_reason(reason), _MAX_ERROR_LENGTH))


def _has_search_words(user_input: str) -> bool:
    """Return whether the input is words rather than an address.

    An address has no spaces, and a dot, a slash or a colon.
    """
    user_input = user_input.strip()
    return " " in user_input or not any(url_character in user_input for url_character in "./:")


def _find_site_host(url: str) -> str:
    """Return the host of an address without "www.", or "" if the address is invalid."""
    try:
        return urls.parse_host(urls.normalize_typed_url(url)).removeprefix("www.")
    except ValueError:
        return ""
