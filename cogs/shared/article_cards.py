"""How articles look in answers: a line in a list, an option of a menu, a card of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence

import discord

from bot.core.locale import _
from bot.core.models import Article, DispatchState
from bot.posting.rendering import buttons, discord_limits, messages, posts
from bot.posting.rendering.layout import blocks, views
from bot.posting.rendering.layout.blocks import Row
from bot.search.searching import Result
from bot.text import safe
from bot.text.characters import visible
from cogs.shared.views import Interaction

_TITLE = 150
_MOST_PLACES = 5
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
    return safe.markdown(safe.plain(article.title, _TITLE)) or _("Untitled")


def heading(text: str, limit: int) -> str:
    """What a person typed, as it can stand in a title: quoted, one line, harmless."""
    return _("“{text}”").format(text=safe.markdown(safe.plain(text, limit)))


def row(number: int, article: Article, note: str = "") -> tuple[str, ...]:
    """A line of a list, longest form first: number, linked title, outlet, date, a note; without the link."""
    rest = "\n" + " · ".join(filter(None, (source(article), note)))
    name = title(article)
    return f"{number}. **{messages.linked(name, article.url)}**{rest}", f"{number}. **{name}**{rest}"


def source(article: Article) -> str:
    """Outlet and date, and whether its publisher took the article back."""
    outlet = safe.markdown(safe.plain(article.outlet, 60))
    withdrawn = "" if article.retracted is None else _("⚠️ withdrawn")
    return " · ".join(filter(None, (outlet, f"<t:{article.published}:d>", withdrawn)))


def option(article: Article) -> discord.SelectOption:
    """An entry of the menu that opens articles; its value is the article's key."""
    return discord.SelectOption(
        label=safe.plain(article.title, discord_limits.OPTION) or _("Untitled"),
        description=safe.plain(article.outlet, discord_limits.OPTION) or None,
        value=article.key,
    )


def result(number: int, found: Result) -> tuple[str, ...]:
    """A search result, longest form first: a line as `row` and the excerpt with its matches in bold."""
    note = ""
    if found.alike:
        note = _("close in meaning")
    elif found.partial:
        note = _("close to it") if found.near else _("partial match")
    linked, bare = row(number, found.article, note)
    if not found.excerpt:
        return linked, bare
    excerpt = bold(found.excerpt, found.marks)
    return f"{linked}\n{excerpt}", f"{bare}\n{excerpt}", bare


def fit(entries: Sequence[Sequence[str]], *, between: str = "\n") -> str:
    """Entries as the description of an embed. Where they are too long together, the longest are shortened.

    Each entry gives its forms, the longest first.
    """
    chosen = [list(forms) for forms in entries]
    while safe.length(between.join(forms[0] for forms in chosen)) > discord_limits.DESCRIPTION:
        longest = max(
            (forms for forms in chosen if len(forms) > 1), key=lambda forms: len(forms[0]), default=None
        )
        if longest is None:
            break
        del longest[0]
    return safe.cut(between.join(forms[0] for forms in chosen), discord_limits.DESCRIPTION)


async def show(interaction: Interaction, article: Article) -> None:
    """Show an article in the reply to an interaction: as its post, with links to where it was posted."""
    store = interaction.client.store
    kept = await store.bookmarks.has(interaction.user.id, [article.id])
    row = Row(
        buttons.let_go(article.key) if kept else buttons.save(article.key),
        None if interaction.guild is None else buttons.more_like(article.key),
        buttons.read(article.url),
    )
    card = posts.layout(article, await store.feeds.get(article.feed_id), row=row)
    posted = await places(interaction, article)
    if posted:
        heading = _("Posted in this server")
        card = (*card, blocks.text(f"-# {heading}\n{posted}"))
    await interaction.edit_original_response(content=None, embed=None, view=views.static(card))


async def places(interaction: Interaction, article: Article) -> str:
    """Links to the posts of an article in this server that the asker sees, or "" where there are none."""
    guild, member = interaction.guild, interaction.user
    if guild is None or not isinstance(member, discord.Member):
        return ""
    links: list[str] = []
    for post in await interaction.client.store.dispatches.posted_of(article.id):
        channel_id = post.thread_id or post.channel_id
        if post.server_id != guild.id or post.message_id is None or post.state is not DispatchState.SENT:
            continue
        if await interaction.client.can_view(guild, member, channel_id):
            links.append(f"https://discord.com/channels/{guild.id}/{channel_id}/{post.message_id}")
        if len(links) == _MOST_PLACES:
            break
    return "\n".join(links)
