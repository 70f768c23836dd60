"""The /why command: the delivery status of an article in each channel that the user can see."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from discord import app_commands
from discord.app_commands import Range, locale_str

from bot.core.i18n import _, format_count, linkify_commands
from bot.core.models import Article, DeliveryStatus, Dispatch, DispatchKind, Subscription
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout.blocks import text
from bot.posting.wording import feed_error_sentences, preference_sentences
from bot.posting.wording.post_explanations import (
    Explanation,
    dispatch_of_message_link,
    dropped_entry_sentence,
    explain,
    fate_sentence,
    undecided_sentence,
)
from bot.posting.wording.problem_sentences import describe_problem
from bot.store.records.outbox_records import ChannelDeliveryStatus
from bot.text import discord_text, urls
from cogs.feeds import subscription_health
from cogs.feeds.subscription_health import feed_error_sentence
from cogs.feeds.subscription_options import FollowedFeed, bold_feed_name
from cogs.reading.message_articles import choose_article
from cogs.shared import article_cards
from cogs.shared.authorization import guild_context_only
from cogs.shared.channel_options import can_see_channel
from cogs.shared.persistent_items import TelexCog
from cogs.shared.views import Interaction, reply_with_card

_LINKED_FATES = frozenset(
    {DeliveryStatus.POSTED, DeliveryStatus.JOIND, DeliveryStatus.IN_CATCH_UP, DeliveryStatus.IN_DIGEST}
)
_MAX_ARTICLES = 5
_MAX_FEEDS = 3
_MATCHES = 10
"""Maximum number of articles that match the typed words."""
_MAX_LINES = 25
_MAX_MESSAGE_LENGTH = 3_900
"""Maximum length of the answer in UTF-16 units. Discord allows 4,000."""
_MAX_POST_TITLE_LENGTH = 100
_MAX_ERROR_LENGTH = 300


class WhyCog(TelexCog):
    """The /why command."""

    @app_commands.command(name="why", description=locale_str("See why an article was or wasn’t posted"))
    @guild_context_only
    @app_commands.describe(link=locale_str("Link to the article or its post, or words from its title"))
    async def why(self, interaction: Interaction, link: Range[str, 1, 2000]) -> None:
        if not _is_words(link):
            await self._explain(interaction, link)
            return
        visible = await self.bot.visible_feed_ids(interaction)
        page = await self.bot.newsroom.searcher.search(link, feed_ids=visible, limit=_MATCHES)
        articles = [result.article for result in page.results if not result.partial]
        articles = articles or [result.article for result in page.results]
        if not articles:
            told = _("No article in the channels you can see has these words.")
            await reply_with_card(interaction, text(told))
        elif len(articles) == 1:
            await self._explain_article(interaction, articles[0])
        else:
            await choose_article(interaction, articles, self._explain_article, _("Which article?"))

    async def _explain_article(self, interaction: Interaction, article: Article) -> None:
        await self._explain(interaction, article.url)

    async def _explain(self, interaction: Interaction, link: str) -> None:
        """Show the delivery status of the article at a link."""
        visible = await self.bot.visible_feed_ids(interaction)
        found = await _restrict_to_readable(interaction, await explain(self.bot.store, link), visible)
        if found.articles or found.dropped_entries:
            taste = await self.bot.newsroom.tastes.get(interaction.guild_id or 0)
            telling = taste.strongest_traits([article for article, _feed in found.articles])
            lines = (
                *explanation_lines(found),
                *preference_sentences.reason_sentences(telling, interaction.user.id),
            )
            told = "\n".join(lines)
        else:
            told = await self._not_found_text(interaction, link, visible)
        await reply_with_card(interaction, text(discord_text.truncate_utf16(told, _MAX_MESSAGE_LENGTH)))

    async def _not_found_text(self, interaction: Interaction, link: str, visible: Collection[int]) -> str:
        """Return the text for an unknown address, which does not reveal articles that only others can see."""
        post = await dispatch_of_message_link(self.bot.store, link)
        if post is not None and post.kind is DispatchKind.FEED_ALERT and await _sees(interaction, post):
            return linkify_commands(_("That message is about a feed, not an article. See /feed list."))
        lines = [_("I haven’t seen this article in any feed you can see here.")]
        host = _site_host(link)
        pairs = await self.bot.store.subscriptions.list_with_feeds(interaction.guild_id or 0)
        of_site: dict[int, FollowedFeed] = {
            feed.id: (subscription, feed)
            for subscription, feed in pairs
            if host and feed.id in visible and host in {_site_host(feed.url), _site_host(feed.site_url or "")}
        }
        for subscription, feed in list(of_site.values())[:_MAX_FEEDS]:
            lines.append(
                _labelled_line(
                    bold_feed_name(feed),
                    subscription_health.health_sentence(
                        subscription_health.subscription_health_of((subscription, feed))
                    ),
                )
            )
            if feed.last_success is not None:
                lines.append("-# " + _("last checked {when}").format(when=f"<t:{feed.last_success}:R>"))
        if of_site:
            lines.append(_("A site’s feed may leave articles out, or list them later."))
        lines.append(
            linkify_commands(_("It may have another address. Try /search with words from its title."))
        )
        return discord_text.truncate_utf16("\n".join(lines), discord_limits.EMBED_DESCRIPTION_LENGTH)


async def _restrict_to_readable(
    interaction: Interaction, found: Explanation, visible: Collection[int]
) -> Explanation:
    """Return the part of an explanation that concerns feeds and channels visible to the user."""
    fates = tuple([fate for fate in found.fates if await _sees(interaction, fate)])
    posted = {fate.article_id for fate in fates if fate.fate in _LINKED_FATES}
    carried = tuple(
        (article, feed if article.feed_id in visible else None)
        for article, feed in found.articles
        if article.feed_id in visible or article.id in posted
    )
    passed = [
        one
        for one in found.undecided_subscriptions
        if one.feed_id in {article.feed_id for article, _feed in carried} and await _sees(interaction, one)
    ]
    surplus = tuple(one for one in found.dropped_entries if one.feed.id in visible)
    return Explanation(carried, fates, tuple(passed), found.page_reads, surplus)


async def _sees(interaction: Interaction, place: ChannelDeliveryStatus | Subscription | Dispatch) -> bool:
    return place.server_id == interaction.guild_id and await can_see_channel(interaction, place.channel_id)


def explanation_lines(found: Explanation) -> Iterator[str]:
    """Yield the lines of an explanation."""
    for article, feed in found.articles[:_MAX_ARTICLES]:
        yield f"**{article_cards.title_variants(article)[0]}**"
        when = f"<t:{article.found}:f>"
        if feed is None:
            yield _("found {when}").format(when=when)
            continue
        yield _("found {when} in {feed}").format(when=when, feed=bold_feed_name(feed))
        if (page := found.page_reads.get(article.id)) is not None:
            yield f"-# {feed_error_sentences.page_read_sentence(page, when=f'<t:{page.finished_at}:f>')}"
        if wrong := feed_error_sentence(feed):
            yield f"-# {wrong}"
    more = len(found.articles) - _MAX_ARTICLES
    if more > 0:
        yield format_count(
            "and {count} more article at this address", "and {count} more articles at this address", more
        )
    places = [_fate_line(fate) for fate in found.fates]
    places += [
        _labelled_line(f"<#{channel}>", undecided_sentence())
        for channel in {one.channel_id for one in found.undecided_subscriptions}
    ]
    yield from places[:_MAX_LINES]
    for feed, since in found.dropped_entries[:_MAX_FEEDS]:
        yield dropped_entry_sentence(bold_feed_name(feed), when=f"<t:{since}:f>")


def _fate_line(fate: ChannelDeliveryStatus) -> str:
    if fate.joined is not None:
        fate = replace(fate, joined=discord_text.to_markdown_line(fate.joined, _MAX_POST_TITLE_LENGTH))
    told = fate_sentence(fate, when=f"<t:{fate.since}:f>", problem=_problem)
    channel = fate.thread_id or fate.channel_id
    link = ""
    if fate.fate in _LINKED_FATES and fate.message_id is not None:
        link = f" · https://discord.com/channels/{fate.server_id}/{channel}/{fate.message_id}"
    return _labelled_line(f"<#{fate.channel_id}>", told) + link


def _labelled_line(name: str, told: str) -> str:
    return _("{name}: {told}").format(name=name, told=told)


def _problem(reason: str) -> str:
    return linkify_commands(discord_text.to_markdown_line(describe_problem(reason), _MAX_ERROR_LENGTH))


def _is_words(typed: str) -> bool:
    """Return whether the input is words: an address has no spaces, and a dot, a slash or a colon."""
    typed = typed.strip()
    return " " in typed or not any(sign in typed for sign in "./:")


def _site_host(url: str) -> str:
    """Return the host of an address without "www.", or "" if the address is invalid."""
    try:
        return urls.host(urls.normalise_input(url)).removeprefix("www.")
    except ValueError:
        return ""
