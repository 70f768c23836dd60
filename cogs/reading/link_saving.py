"""Saving of web pages by their links: command /save, the message menu entry, and the button of /bookmarks."""

import discord
from discord import app_commands
from discord.app_commands import Range, locale_str

from bot.client.discord_client import TelexBot
from bot.core.i18n import _, linkify_commands
from bot.core.models import Article
from bot.core.user_errors import UserFacingError
from bot.feeds.fetch_errors import FeedError
from bot.posting.wording.feed_error_sentences import describe_page_error
from bot.posting.wording.post_explanations import find_articles_at
from cogs.reading.bookmarking import already_saved_text, bookmark_article, require_bookmark_quota, saved_text
from cogs.shared import article_cards
from cogs.shared.authorization import user_installable
from cogs.shared.message_links import build_link_options, list_web_links
from cogs.shared.modals import SingleChoiceMenu
from cogs.shared.persistent_items import PersistentItemCog
from cogs.shared.views import Interaction

MAX_LINK_LENGTH = 2_000
"""Maximum length in characters of a link that can be saved."""


class LinkSavingCog(PersistentItemCog):
    """Cog of the /save command and of the message menu entry that saves a link."""

    def __init__(self, bot: TelexBot) -> None:
        super().__init__(bot)
        self.add_message_menu(
            locale_str("Save this link"), save_message_link, locale_str("keep the page that a message links to")
        )

    @app_commands.command(name="save", description=locale_str("Save any web page to your bookmarks"))
    @user_installable
    @app_commands.describe(link=locale_str("Address of the page"))
    async def save(self, interaction: Interaction, link: Range[str, 1, MAX_LINK_LENGTH]) -> None:
        await _save_and_show(interaction, link)


async def save_message_link(interaction: Interaction, message: discord.Message) -> None:
    """Save the page that a message links to; if it has several links, let the user choose one.

    Raises `UserFacingError` if there is no link or the page cannot be read, RequestRejected if it may not be saved or
    the user has too many bookmarks or saved pages.
    """
    links = list_web_links(message)
    if not links:
        raise UserFacingError(_("This message has no link to a web page."))
    if len(links) == 1:
        await _save_and_show(interaction, links[0])
        return

    async def save_chosen_link(click: Interaction, link_index: str) -> None:
        await _save_and_show(click, links[int(link_index)])

    await SingleChoiceMenu(interaction, save_chosen_link, _("Save which link?"), build_link_options(links)).render(
        interaction
    )


async def _save_and_show(interaction: Interaction, link: str) -> None:
    article, sentence = await save_link(interaction, link)
    await article_cards.show_article(interaction, article, notice=sentence)


async def save_link(interaction: Interaction, link: str) -> tuple[Article, str]:
    """Save the page at a link for the user; return its article, and the sentence that confirms it.

    If an article at the link is in a feed that the user can see, it is bookmarked. Raises UserFacingError if the
    page cannot be read, RequestRejected if the link may not be saved or the user has too many bookmarks or saved pages.
    """
    client, user_id = interaction.client, interaction.user.id
    await require_bookmark_quota(client, user_id)
    readable_feed_ids = await client.load_visible_feed_ids(interaction)

    async def find_readable_article(url: str) -> Article | None:
        articles = await find_articles_at(client.store, url)
        return next((article for article in articles if article.feed_id in readable_feed_ids), None)

    try:
        article, is_new_page = await client.services.page_saver.save(
            link, user_id=user_id, find_readable_article=find_readable_article
        )
    except FeedError as error:
        raise UserFacingError(describe_page_error(error.code)) from error
    if is_new_page is None:  # The page is an article of a feed that the user can see.
        is_new_bookmark = await bookmark_article(interaction, article, None)
        return article, saved_text(1) if is_new_bookmark else already_saved_text()
    if not is_new_page:
        return article, already_saved_text()
    if not article.text:
        return article, _("Saved for you alone, but only its title: I found no text on the page.")
    return article, linkify_commands(
        _("Saved for you alone. The text stays in /bookmarks, even if the page goes away.")
    )
