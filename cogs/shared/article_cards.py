"""Articles as text, as menu options and as cards."""

import re
import textwrap
from collections.abc import Sequence

import discord

from bot.client import interaction_context
from bot.core.i18n import _
from bot.core.models import Article, DispatchState
from bot.core.user_models import Bookmark
from bot.posting.rendering import buttons, messages
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Card, Gallery, text
from bot.text import discord_text
from bot.text.characters import strip_invisible
from cogs.shared.authorization import hidden_servers
from cogs.shared.paging import Paginated
from cogs.shared.views import Interaction, menu_option, reply

_MAX_TITLE_LENGTH = 150
_MAX_POST_LINKS = 5
_PAGE = 2_400
"""Maximum page size in UTF-16 units: a message holds 4,000 with title, note and links."""
_PIECE = 600
"""Maximum length in characters of a piece of text; escaping makes it at most four times as long."""
_BOLD_SENTINEL = "\ue000"
"""Private-use character that stands for `**` while the text is escaped."""

Spans = Sequence[tuple[int, int]]


def bold_spans(text: str, spans: Spans) -> str:
    """Return the text escaped and in one line, with the spans in bold.

    `spans` are sorted pairs of character offsets that do not overlap.
    """
    text = text.replace(_BOLD_SENTINEL, " ")
    parts: list[str] = []
    at = 0
    for start, end in spans:
        parts += [text[at:start], _BOLD_SENTINEL, text[start:end], _BOLD_SENTINEL]
        at = end
    parts.append(text[at:])
    return discord_text.escape_markdown(strip_invisible(re.sub(r"\s+", " ", "".join(parts)))).replace(
        _BOLD_SENTINEL, "**"
    )


def display_title(article: Article) -> str:
    """Return the title of an article as one escaped line, never empty."""
    return discord_text.to_markdown_line(article.title, _MAX_TITLE_LENGTH) or _("Untitled")


def title_variants(article: Article) -> tuple[str, str]:
    """Return the title as a link to the article, and without the link as the shorter variant."""
    name = display_title(article)
    return messages.linked(name, article.url), name


def quoted_heading(text: str, limit: int) -> str:
    """Return a user's text quoted, escaped and in one line, for a heading."""
    return _("“{text}”").format(text=discord_text.to_markdown_line(text, limit))


def article_option(article: Article) -> discord.SelectOption:
    """Return the menu option of an article; its value is the article's key."""
    return menu_option(
        discord_text.to_plain_line(article.title) or _("Untitled"), article.key, article.outlet
    )


async def show_article(interaction: Interaction, article: Article, *, said: str = "") -> None:
    """Show an article with its actions in the reply to an interaction.

    `notice` stands above the card. Without it, a bookmark shows the whole stored text, in pages if necessary.
    """
    kept = await _bookmark(interaction, article)
    if kept is not None and not said and len(text_pages(article)) > 1:
        await BookmarkText(interaction, article).render(interaction)
        return
    posted = await post_links(interaction, article)
    body = text_pages(article)[0] if kept is not None and not said else ""
    here = not interaction_context.is_dm(interaction)
    shown = article_card(article, kept=kept, posted=posted, here=here, body=body)
    await reply(interaction, (*([text(said)] if said else []), shown))


async def _bookmark(interaction: Interaction, article: Article) -> Bookmark | None:
    store, hidden = interaction.client.store.bookmarks, await hidden_servers(interaction)
    return await store.get(interaction.user.id, article.id, hidden=hidden)


class BookmarkText(Paginated):
    """A bookmarked article with its stored text in pages."""

    def __init__(self, interaction: Interaction, article: Article) -> None:
        super().__init__(interaction)
        self._article = article
        self._pages = text_pages(article)

    async def render(self, interaction: Interaction) -> None:
        kept = await _bookmark(interaction, self._article)
        shown = article_card(
            self._article,
            kept=kept,
            posted=await post_links(interaction, self._article),
            here=not interaction_context.is_dm(interaction),
            body=self._pages[self.page_index] if kept is not None else "",
        )
        pages = len(self._pages)
        turns = (
            ActionRow(*self.page_buttons(more=self.page_index + 1 < pages, pages=pages))
            if kept is not None
            else ActionRow()
        )
        await self.display(interaction, (shown, turns))


def text_pages(article: Article) -> list[str]:
    """Split the stored text of an article into escaped pages that fit beside its title."""
    pages = [""]
    for paragraph in (article.body or article.summary).splitlines():
        for number, piece in enumerate(textwrap.wrap(discord_text.to_plain_line(paragraph), _PIECE)):
            shown = discord_text.escape_markdown(piece)
            if (
                pages[-1]
                and discord_text.utf16_length(pages[-1]) + len("\n\n") + discord_text.utf16_length(shown)
                > _PAGE
            ):
                pages.append(shown)
            else:
                pages[-1] += (" " if number else "\n\n" if pages[-1] else "") + shown
    return pages


def article_card(
    article: Article,
    *,
    kept: Bookmark | None = None,
    posted: str = "",
    here: bool = False,
    shared: bool = False,
    body: str = "",
) -> Card:
    """Return the card of an article, in the current language.

    `body` replaces the excerpt. `bookmark` is the user's own; `links_to_posts` is markup. Buttons that need a
    server appear where `is_in_server` is set; a card with `is_shared` has fewer buttons, since everyone reads
    it.
    """
    about = [messages.status_lines(article)]
    if kept is not None:
        about += [_bookmark_lines(kept)]
    if posted:
        about.append("-# " + _("Posted in this server: {links}").format(links=posted))
    picture = messages.image_block(article)
    return Card(
        (
            outlet_branding.byline(article),
            text(*(f"### {form}" for form in title_variants(article))),
            text(body or messages.excerpt(article)),
            *([Gallery((picture,))] if picture is not None else []),
            *(text(line) for line in about),
            ActionRow(
                buttons.save_button(article.key) if kept is None else None,
                *buttons.open_buttons(article),
                buttons.share(article.key) if here and not shared else None,
                buttons.more_like(article.key) if here or shared else None,
            ),
            *(
                [
                    ActionRow(
                        buttons.note(article.key),
                        buttons.mark_read_button(article.key, read=kept.read is None),
                        buttons.remove_bookmark_button(article.key),
                    )
                ]
                if kept is not None
                else []
            ),
        ),
        outlet_branding.colour(article.feed_id, article.outlet),
    )


def _bookmark_lines(kept: Bookmark) -> str:
    return "\n".join(filter(None, (bookmark_line(kept), note_line(kept))))


def note_line(kept: Bookmark) -> str:
    """Return the note of a bookmark as a quotation, or "" without a note."""
    note = discord_text.to_markdown_line(kept.note)
    return f"> {note}" if note else ""


def bookmark_line(kept: Bookmark) -> str:
    """Return a small line with the read state, the time and the tags of a bookmark."""
    tags = [discord_text.escape_markdown(f"#{discord_text.to_plain_line(tag)}") for tag in kept.tags]
    read = _("read") if kept.read is not None else _("unread")
    saved = _("saved {when}").format(when=f"<t:{kept.created}:R>")
    return "-# " + " · ".join((read, saved, *tags))


async def post_links(interaction: Interaction, article: Article) -> str:
    """Return links to the article's posts in this server that the user can see, or "" without any."""
    member = interaction_context.member(interaction)
    if member is None:
        return ""
    guild = member.guild
    links: list[str] = []
    for post in await interaction.client.store.dispatches.sent_for_article(article.id):
        channel_id = post.thread_id or post.channel_id
        if post.server_id != guild.id or post.message_id is None or post.state is not DispatchState.SENT:
            continue
        if await interaction.client.can_view(guild, member, channel_id):
            links.append(f"https://discord.com/channels/{guild.id}/{channel_id}/{post.message_id}")
        if len(links) == _MAX_POST_LINKS:
            break
    return " ".join(links)
