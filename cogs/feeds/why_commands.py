"""/why: what became of an article here, as far as the asker may see."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from discord import app_commands
from discord.app_commands import Range, locale_str

from bot.core.locale import _, clickable, counted
from bot.core.models import Article, Dispatch, DispatchKind, Fate, Subscription
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout.blocks import text
from bot.posting.wording import feed_causes, taste_words
from bot.posting.wording.explanations import Explanation, explain, left_out, message_of, passed_over, sentence
from bot.posting.wording.problem_sentences import describe
from bot.store.records.outbox_records import FateRow
from bot.text import safe, urls
from cogs.feeds import feed_health
from cogs.feeds.feed_health import trouble
from cogs.feeds.subscription_options import Pair, bold
from cogs.reading.message_articles import choose_article
from cogs.shared import article_cards
from cogs.shared.lasting_items import TelexCog
from cogs.shared.place_options import sees
from cogs.shared.rights import in_servers
from cogs.shared.views import Interaction, answer_card

_SHOWN = frozenset({Fate.POSTED, Fate.JOINED, Fate.CAUGHT_UP, Fate.DIGESTED})
_ARTICLES = 5
_FEEDS = 3
_MATCHES = 10  # articles with the words that were typed
_LINES = 25
_ROOM = 3_900  # characters of a message of blocks: Discord takes 4,000
_POST = 100  # characters of the title of a post that an article joined
_PROBLEM = 300  # characters of what Discord said


class Why(TelexCog):
    """Answers where an article was posted, or why not."""

    @app_commands.command(name="why", description=locale_str("See why an article was or wasn’t posted"))
    @in_servers
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
            await answer_card(interaction, text(told))
        elif len(articles) == 1:
            await self._explain_article(interaction, articles[0])
        else:
            await choose_article(interaction, articles, self._explain_article, _("Which article?"))

    async def _explain_article(self, interaction: Interaction, article: Article) -> None:
        await self._explain(interaction, article.url)

    async def _explain(self, interaction: Interaction, link: str) -> None:
        """Answer what became of the article at a link."""
        visible = await self.bot.visible_feed_ids(interaction)
        found = await _permitted(interaction, await explain(self.bot.store, link), visible)
        if found.carried or found.left_out:
            taste = await self.bot.newsroom.tastes.of_server(interaction.guild_id or 0)
            telling = taste.telling([article for article, _feed in found.carried])
            lines = (*lines_of(found), *taste_words.because(telling, interaction.user.id))
            told = "\n".join(lines)
        else:
            told = await self._unseen(interaction, link, visible)
        await answer_card(interaction, text(safe.cut(told, _ROOM)))

    async def _unseen(self, interaction: Interaction, link: str, visible: Collection[int]) -> str:
        """What to say of an address that no feed brought; the same where only others may know of it."""
        post = await message_of(self.bot.store, link)
        if post is not None and post.kind is DispatchKind.NOTICE and await _sees(interaction, post):
            return clickable(_("That message is about a feed, not an article. See /feed list."))
        lines = [_("I haven’t seen this article in any feed you can see here.")]
        host = _site(link)
        pairs = await self.bot.store.subscriptions.in_server(interaction.guild_id or 0)
        of_site: dict[int, Pair] = {
            feed.id: (subscription, feed)
            for subscription, feed in pairs
            if host and feed.id in visible and host in {_site(feed.url), _site(feed.site_url or "")}
        }
        for subscription, feed in list(of_site.values())[:_FEEDS]:
            lines.append(_told(bold(feed), feed_health.sentence(feed_health.of((subscription, feed)))))
            if feed.last_success is not None:
                lines.append("-# " + _("last checked {when}").format(when=f"<t:{feed.last_success}:R>"))
        if of_site:
            lines.append(_("A site’s feed may leave articles out, or list them later."))
        lines.append(clickable(_("It may have another address. Try /search with words from its title.")))
        return safe.cut("\n".join(lines), discord_limits.DESCRIPTION)


async def _permitted(interaction: Interaction, found: Explanation, visible: Collection[int]) -> Explanation:
    """As much of an explanation as the asker may know: of feeds and channels that they see here."""
    fates = tuple([fate for fate in found.fates if await _sees(interaction, fate)])
    posted = {fate.article_id for fate in fates if fate.fate in _SHOWN}
    carried = tuple(
        (article, feed if article.feed_id in visible else None)
        for article, feed in found.carried
        if article.feed_id in visible or article.id in posted
    )
    passed = [
        one
        for one in found.passed_over
        if one.feed_id in {article.feed_id for article, _feed in carried} and await _sees(interaction, one)
    ]
    surplus = tuple(one for one in found.left_out if one.feed.id in visible)
    return Explanation(carried, fates, tuple(passed), found.readings, surplus)


async def _sees(interaction: Interaction, place: FateRow | Subscription | Dispatch) -> bool:
    return place.server_id == interaction.guild_id and await sees(interaction, place.channel_id)


def lines_of(found: Explanation) -> Iterator[str]:
    """What became of an article, line by line."""
    for article, feed in found.carried[:_ARTICLES]:
        yield f"**{article_cards.title_forms(article)[0]}**"
        when = f"<t:{article.found}:f>"
        if feed is None:
            yield _("found {when}").format(when=when)
            continue
        yield _("found {when} in {feed}").format(when=when, feed=bold(feed))
        if (page := found.readings.get(article.id)) is not None:
            yield f"-# {feed_causes.of_page(page, when=f'<t:{page.ended}:f>')}"
        if wrong := trouble(feed):
            yield f"-# {wrong}"
    more = len(found.carried) - _ARTICLES
    if more > 0:
        yield counted(
            "and {count} more article at this address", "and {count} more articles at this address", more
        )
    places = [_place(fate) for fate in found.fates]
    places += [
        _told(f"<#{channel}>", passed_over()) for channel in {one.channel_id for one in found.passed_over}
    ]
    yield from places[:_LINES]
    for feed, since in found.left_out[:_FEEDS]:
        yield left_out(bold(feed), when=f"<t:{since}:f>")


def _place(fate: FateRow) -> str:
    if fate.joined is not None:
        fate = replace(fate, joined=safe.line(fate.joined, _POST))
    told = sentence(fate, when=f"<t:{fate.since}:f>", problem=_problem)
    channel = fate.thread_id or fate.channel_id
    link = ""
    if fate.fate in _SHOWN and fate.message_id is not None:
        link = f" · https://discord.com/channels/{fate.server_id}/{channel}/{fate.message_id}"
    return _told(f"<#{fate.channel_id}>", told) + link


def _told(name: str, told: str) -> str:
    return _("{name}: {told}").format(name=name, told=told)


def _problem(reason: str) -> str:
    return clickable(safe.line(describe(reason), _PROBLEM))


def _is_words(typed: str) -> bool:
    """Whether what was typed is no address, which has no spaces and a dot, a slash or a colon."""
    typed = typed.strip()
    return " " in typed or not any(sign in typed for sign in "./:")


def _site(url: str) -> str:
    """The host of an address as people know it."""
    try:
        return urls.host(urls.normalise_input(url)).removeprefix("www.")
    except ValueError:
        return ""
