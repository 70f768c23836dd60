"""How articles look in answers: a line in a list, an option of a menu, a card of its own."""

import re
import textwrap
from collections.abc import Sequence

import discord

from bot.client import interaction_places
from bot.core.locale import _
from bot.core.models import Article, DispatchState
from bot.core.people_models import Bookmark
from bot.posting.rendering import buttons, messages
from bot.posting.rendering.layout import outlets
from bot.posting.rendering.layout.blocks import Card, Gallery, Row, text
from bot.text import safe
from bot.text.characters import visible
from cogs.shared.paging import Turned
from cogs.shared.rights import hidden_servers
from cogs.shared.views import Interaction, answer, option

_TITLE = 150
_MOST_PLACES = 5
_PAGE = 2_400  # UTF-16 units of a page of an article's text: Discord takes 4,000 with title, note and links
_PIECE = (
    600  # characters of a paragraph that stay on one page, which escaping makes four times as long at most
)
_BOLD = "\ue000"  # of private use: stands for ** while the text is escaped

Spans = Sequence[tuple[int, int]]


def bold(text: str, spans: Spans) -> str:
    """A text made harmless and one line, with the words at these spans, which are in order, in bold."""
    text = text.replace(_BOLD, " ")
    parts: list[str] = []
    at = 0
    for start, end in spans:
        parts += [text[at:start], _BOLD, text[start:end], _BOLD]
        at = end
    parts.append(text[at:])
    return safe.markdown(visible(re.sub(r"\s+", " ", "".join(parts)))).replace(_BOLD, "**")


def title(article: Article) -> str:
    """The title as it can stand anywhere: one line, harmless, never empty."""
    return safe.line(article.title, _TITLE) or _("Untitled")


def title_forms(article: Article) -> tuple[str, str]:
    """The title as a link to the article, and as it is for where that gets too long."""
    name = title(article)
    return messages.linked(name, article.url), name


def heading(text: str, limit: int) -> str:
    """What a person typed, as it can stand in a title: quoted, one line, harmless."""
    return _("“{text}”").format(text=safe.line(text, limit))


def as_option(article: Article) -> discord.SelectOption:
    """An entry of the menu that opens articles; its value is the article's key."""
    return option(safe.plain(article.title) or _("Untitled"), article.key, article.outlet)


async def show(interaction: Interaction, article: Article, *, said: str = "") -> None:
    """Show an article in the reply to an interaction: what it is, where it was posted, what can be done.

    What is `said` stands above it. Without, a bookmark shows all of the stored text, in pages if need be.
    """
    kept = await _bookmark(interaction, article)
    if kept is not None and not said and len(text_pages(article)) > 1:
        await BookmarkText(interaction, article).show(interaction)
        return
    posted = await places(interaction, article)
    body = text_pages(article)[0] if kept is not None and not said else ""
    here = not interaction_places.is_direct(interaction)
    shown = card(article, kept=kept, posted=posted, here=here, body=body)
    await answer(interaction, (*([text(said)] if said else []), shown))


async def _bookmark(interaction: Interaction, article: Article) -> Bookmark | None:
    store, hidden = interaction.client.store.bookmarks, await hidden_servers(interaction)
    return await store.get(interaction.user.id, article.id, hidden=hidden)


class BookmarkText(Turned):
    """A bookmark with its stored text in pages."""

    def __init__(self, interaction: Interaction, article: Article) -> None:
        super().__init__(interaction)
        self._article = article
        self._pages = text_pages(article)

    async def show(self, interaction: Interaction) -> None:
        kept = await _bookmark(interaction, self._article)
        shown = card(
            self._article,
            kept=kept,
            posted=await places(interaction, self._article),
            here=not interaction_places.is_direct(interaction),
            body=self._pages[self.number] if kept is not None else "",
        )
        pages = len(self._pages)
        turns = Row(*self.turns(more=self.number + 1 < pages, pages=pages)) if kept is not None else Row()
        await self.display(interaction, (shown, turns))


def text_pages(article: Article) -> list[str]:
    """Return the stored text of an article in pages that fit beside its title: harmless, paragraphs apart."""
    pages = [""]
    for paragraph in (article.body or article.summary).splitlines():
        for number, piece in enumerate(textwrap.wrap(safe.plain(paragraph), _PIECE)):
            shown = safe.markdown(piece)
            if pages[-1] and safe.length(pages[-1]) + len("\n\n") + safe.length(shown) > _PAGE:
                pages.append(shown)
            else:
                pages[-1] += (" " if number else "\n\n" if pages[-1] else "") + shown
    return pages


def card(
    article: Article,
    *,
    kept: Bookmark | None = None,
    posted: str = "",
    here: bool = False,
    shared: bool = False,
    body: str = "",
) -> Card:
    """An article by itself, in the language of this task, with its `body` or else the beginning of that.

    With the asker's bookmark of it, where it was `posted`, and buttons: those that need a server where the
    asker is `here` in one; fewer where everybody reads it, for it is `shared`.
    """
    about = [messages.mark(article)]
    if kept is not None:
        about += [_own(kept)]
    if posted:
        about.append("-# " + _("Posted in this server: {links}").format(links=posted))
    picture = messages.picture_of(article)
    return Card(
        (
            outlets.byline(article),
            text(*(f"### {form}" for form in title_forms(article))),
            text(body or messages.excerpt(article)),
            *([Gallery((picture,))] if picture is not None else []),
            *(text(line) for line in about),
            Row(
                buttons.save(article.key) if kept is None else None,
                *buttons.leading(article),
                buttons.share(article.key) if here and not shared else None,
                buttons.more_like(article.key) if here or shared else None,
            ),
            *(
                [
                    Row(
                        buttons.note(article.key),
                        buttons.mark(article.key, read=kept.read is None),
                        buttons.let_go(article.key),
                    )
                ]
                if kept is not None
                else []
            ),
        ),
        outlets.colour(article.feed_id, article.outlet),
    )


def _own(kept: Bookmark) -> str:
    return "\n".join(filter(None, (labelled(kept), noted(kept))))


def noted(kept: Bookmark) -> str:
    """Their note, as a quotation; "" without one."""
    note = safe.line(kept.note)
    return f"> {note}" if note else ""


def labelled(kept: Bookmark) -> str:
    """A small line: when they saved it, whether they have read it, their tags."""
    tags = [safe.markdown(f"#{safe.plain(tag)}") for tag in kept.tags]
    read = _("read") if kept.read is not None else _("unread")
    saved = _("saved {when}").format(when=f"<t:{kept.created}:R>")
    return "-# " + " · ".join((read, saved, *tags))


async def places(interaction: Interaction, article: Article) -> str:
    """Links to the posts of an article in this server that the asker sees, or "" where there are none."""
    member = interaction_places.member(interaction)
    if member is None:
        return ""
    guild = member.guild
    links: list[str] = []
    for post in await interaction.client.store.dispatches.posted_of(article.id):
        channel_id = post.thread_id or post.channel_id
        if post.server_id != guild.id or post.message_id is None or post.state is not DispatchState.SENT:
            continue
        if await interaction.client.can_view(guild, member, channel_id):
            links.append(f"https://discord.com/channels/{guild.id}/{channel_id}/{post.message_id}")
        if len(links) == _MOST_PLACES:
            break
    return " ".join(links)
