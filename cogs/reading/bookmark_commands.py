"""What people keep: the list of their bookmarks, and the entry in the menu of a message."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Sequence

import discord
from discord import app_commands
from discord.app_commands import Range, locale_str
from discord.ext import commands

from bot.client.discord_client import Telex
from bot.core.locale import _, amount, clickable, ngettext
from bot.core.models import Article, Bookmark
from bot.core.refusals import Refusal
from cogs.reading import bookmark_files as exports
from cogs.reading.catch_up_pages import ShowAll
from cogs.reading.membership import hidden_servers
from cogs.reading.saving import SaveButton, SaveMenu, already, keep, post_of, saved, sees, unreadable
from cogs.shared import article_cards
from cogs.shared.paging import Page, Pages
from cogs.shared.rights import in_servers
from cogs.shared.views import Action, Choose, Interaction, Press

_PAGE = 8
_BATCH = 500

Render = Callable[[Sequence[Bookmark]], str]


class Bookmarks(commands.Cog):
    """/bookmarks, the Save button, and the menu entry of messages."""

    def __init__(self, bot: Telex) -> None:
        self.bot = bot
        self._menu = in_servers(
            app_commands.ContextMenu(
                name=locale_str("Bookmark"),
                callback=self.bookmark,
                extras={"does": locale_str("keeps the article")},
            )
        )

    async def cog_load(self) -> None:
        """Answer the buttons and menus under posts, of earlier processes too, and the menu entry."""
        self.bot.add_dynamic_items(SaveButton, SaveMenu, ShowAll)
        self.bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        """Stop answering."""
        self.bot.tree.remove_command(self._menu.name, type=self._menu.type)
        self.bot.remove_dynamic_items(SaveButton, SaveMenu, ShowAll)

    async def bookmark(self, interaction: Interaction, message: discord.Message) -> None:
        """Keep what a post of ours tells."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        post = await post_of(self.bot, message.id, interaction.guild_id)
        if post is None or interaction.channel_id != (post.thread_id or post.channel_id):
            raise Refusal(_("That is not a post of mine. I keep the articles that I post."))
        if not await sees(interaction, post):
            raise Refusal(unreadable())
        count = await keep(
            self.bot,
            interaction.user.id,
            post.article_ids,
            server_id=interaction.guild_id,
            channel_id=interaction.channel_id,
            message_id=message.id,
        )
        await interaction.edit_original_response(content=saved(count) if count else already())

    @app_commands.command(
        name="bookmarks", description=locale_str("Your bookmarks: read, search, remove or export them")
    )
    @app_commands.describe(query=locale_str("Show only those with these words in the title or the source"))
    async def bookmarks(self, interaction: Interaction, query: Range[str, 1, 100] | None = None) -> None:
        """List the asker's bookmarks."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await BookmarkPages(interaction, query).show(interaction)


class BookmarkPages(Pages):
    """A person's bookmarks, newest first."""

    def __init__(self, interaction: Interaction, query: str | None) -> None:
        super().__init__(interaction)
        self._query = query

    async def page(self, interaction: Interaction, number: int) -> Page:
        """The bookmarks that the person may see now."""
        hidden = await hidden_servers(interaction)
        store = interaction.client.store.bookmarks
        found = await store.list(
            interaction.user.id, limit=_PAGE + 1, offset=number * _PAGE, match=self._query, hidden=hidden
        )
        shown = found[:_PAGE]
        embed = discord.Embed(title=_("Your bookmarks"))
        rows = [
            article_cards.row(
                number * _PAGE + place,
                one.article,
                _("saved {when}").format(when=f"<t:{one.created}:R>"),
            )
            for place, one in enumerate(shown, 1)
        ]
        embed.description = article_cards.fit(rows) or self._nothing_found()
        matching = total = await store.count(interaction.user.id, hidden=hidden)
        if self._query:
            matching = await store.count(interaction.user.id, match=self._query, hidden=hidden)
        embed.set_footer(text=self._footer(matching, total, bool(hidden)))
        return Page(
            embed=embed,
            more=len(found) > _PAGE,
            empty=not shown,
            options=tuple(article_cards.option(one.article) for one in shown),
        )

    def _nothing_found(self) -> str:
        if self._query:
            return clickable(
                _("None of your bookmarks matches. Run /bookmarks without words to see them all.")
            )
        return _(
            "You have no bookmarks yet. React to a post with 🔖, press its Save button, "
            "or choose Apps, Bookmark in the menu of the message."
        )

    def _footer(self, matching: int, total: int, some_hidden: bool) -> str:  # noqa: FBT001  # reads well beside the count
        if self._query:
            footer = _("Bookmarks that match: {count} of {total}").format(
                count=amount(matching), total=amount(total)
            )
        else:
            footer = ngettext("{count} bookmark in all", "{count} bookmarks in all", total).format(
                count=amount(total)
            )
        if some_hidden:
            footer += " · " + _("those from servers that you left are not shown")
        return footer

    def arrange(self, page: Page) -> None:
        """Menus to open and to remove, and buttons to export."""
        if page.empty:
            return
        options = list(page.options)
        self.add_item(Choose(self._open, placeholder=_("Open an article…"), options=options, row=0))
        self.add_item(
            Choose(
                self._remove,
                placeholder=_("Remove some…"),
                options=[
                    discord.SelectOption(label=one.label, value=one.value, description=one.description)
                    for one in options
                ],
                max_values=len(options),
                row=1,
            )
        )
        forms: tuple[tuple[str, str, Render], ...] = (
            (_("Markdown"), "bookmarks.md", exports.as_markdown),
            (_("JSON"), "bookmarks.json", exports.as_json),
            (_("Browser bookmarks"), "bookmarks.html", exports.as_browser_file),
        )
        for label, name, render in forms:
            self.add_item(Press(self._exporter(name, render), label=label, emoji="💾", row=2))

    async def _open(self, interaction: Interaction, values: list[str]) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        article = await self._kept(interaction, values[0])
        await article_cards.show(interaction, article)

    async def _remove(self, interaction: Interaction, values: list[str]) -> None:
        await interaction.response.defer()
        for key in values:
            article = await interaction.client.store.articles.by_key(key)
            if article is not None:
                await interaction.client.store.bookmarks.remove(interaction.user.id, article.id)
        await self.show(interaction)

    async def _kept(self, interaction: Interaction, key: str) -> Article:
        """The bookmarked article of a key, as long as the asker has it and may see it."""
        store = interaction.client.store
        article = await store.articles.by_key(key)
        hidden = await hidden_servers(interaction)
        if article is None or not await store.bookmarks.has(interaction.user.id, [article.id], hidden=hidden):
            raise Refusal(_("That is no longer among your bookmarks."))
        return article

    def _exporter(self, name: str, render: Render) -> Action:
        async def export(interaction: Interaction) -> None:
            await interaction.response.defer(ephemeral=True, thinking=True)
            hidden = await hidden_servers(interaction)
            store = interaction.client.store.bookmarks
            kept: list[Bookmark] = []
            while batch := await store.list(
                interaction.user.id, limit=_BATCH, offset=len(kept), match=self._query, hidden=hidden
            ):
                kept += batch
            document = await asyncio.to_thread(render, kept)
            await interaction.edit_original_response(
                content=ngettext("{count} bookmark:", "{count} bookmarks:", len(kept)).format(
                    count=amount(len(kept))
                ),
                attachments=[discord.File(io.BytesIO(document.encode()), filename=name)],
            )

        return export
