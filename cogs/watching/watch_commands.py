"""/watch: being told of new articles that match a query, and the button that ends it."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.app_commands import Choice, Range, locale_str
from discord.ext import commands

from bot.client import interaction_places
from bot.client.discord_client import Telex
from bot.core import locale
from bot.core.locale import _, amount, clickable
from bot.core.refusals import Refusal
from bot.posting.rendering import discord_limits, posts
from bot.posting.rendering.layout import blocks
from bot.posting.sending import message_places
from bot.posting.wording import search_notes
from bot.search.query.query_syntax import MAX_LENGTH, Query
from bot.text import safe
from bot.watches import watch_matching
from bot.watches.watch_matching import CLOSED
from cogs.reading.query_completion import query_choices
from cogs.shared.lasting_items import LastingCog
from cogs.shared.place_options import Option, Place, place, require_posting
from cogs.shared.views import Interaction, answer
from cogs.watching.watch_list import (
    WatchPages,
    listed,
    menu_label,
    named,
    require_manage,
    stop_button,
    stopped,
)

_NOTES = 1000  # UTF-16 units of what is said of its mistakes: a message takes 2,000 in all


class Watching(
    LastingCog,
    commands.GroupCog,
    group_name="watch",
    group_description=locale_str("Get alerts for new articles that match a search"),
):
    """Watches: a person's own, and those of a server's channels."""

    items = (stop_button,)

    def __init__(self, bot: Telex) -> None:
        super().__init__(bot)
        self._searcher = bot.newsroom.searcher

    @app_commands.command(name="add", description=locale_str("Get an alert for each new match"))
    @app_commands.describe(
        query=locale_str('As in /search: words, "an exact phrase", -without'),
        where=locale_str("Post in this channel instead of your DMs (managers only)"),
    )
    async def add(
        self, interaction: Interaction, query: Range[str, 1, MAX_LENGTH], where: Option | None = None
    ) -> None:
        guild = interaction_places.server(interaction)
        if guild is None:
            raise Refusal(_("Run this in the server whose feeds you want to watch."))
        wanted = await watch_matching.check(self.bot.store, query)
        if where is None:
            await self._add_for_person(interaction, guild, wanted)
        else:
            await require_manage(interaction)
            await self._add_for_channel(interaction, await place(interaction, where), wanted)

    @add.autocomplete("query")
    async def queries(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        return await query_choices(interaction, current)

    async def watch_for(self, interaction: Interaction, query: str) -> None:
        """Watch for a query for the asker. The interaction has been acknowledged."""
        guild = interaction_places.server(interaction)
        if guild is None:
            raise Refusal(_("Run this in the server whose feeds you want to watch."))
        wanted = await watch_matching.check(self.bot.store, query)
        await self._add_for_person(interaction, guild, wanted)

    async def _add_for_person(self, interaction: Interaction, guild: discord.Guild, wanted: Query) -> None:
        store, person = self.bot.store, interaction.user
        feed_ids = await self.bot.visible_feed_ids(interaction)
        if not feed_ids:
            raise Refusal(_("You can’t see any channel here that follows a feed."))
        theirs = await store.watches.of_person(person.id)
        if len(theirs) >= watch_matching.MOST_OF_A_PERSON:
            raise Refusal(_full(watch_matching.MOST_OF_A_PERSON))
        direct = await message_places.direct(self.bot, person.id)
        if not isinstance(direct, discord.DMChannel):
            raise Refusal(_closed())
        added = await store.watches.add(
            server_id=guild.id,
            channel_id=direct.id,
            person_id=person.id,
            query=wanted.text,
            language=locale.current(),
            limit=watch_matching.MOST_OF_A_PERSON,
        )
        if added is None:
            raise Refusal(_full(watch_matching.MOST_OF_A_PERSON))
        watch, created = added
        reached = bool(theirs) and all(one.problem != CLOSED for one in theirs)
        try:
            reached = reached or await _reached(direct, wanted)
        finally:
            if created and not reached:
                await store.watches.remove(watch.id)
        if not reached:
            raise Refusal(_closed())
        await store.watches.present(person.id, guild.id)
        await self._unblock(direct.id)
        told = _("I’ll DM you new articles matching {query}, from the feeds you can see in {server}.").format(
            query=named(wanted.text), server=f"**{safe.line(guild.name, 100)}**"
        )
        await self._answer(interaction, wanted, told, feed_ids, created=created)

    async def _add_for_channel(self, interaction: Interaction, target: Place, wanted: Query) -> None:
        require_posting(interaction, target)
        feed_ids = await self.bot.courier.audience.feeds_of_channel(target.guild, target.id)
        if not feed_ids:
            raise Refusal(
                _("Neither {channel} nor any channel that all its readers can see follows a feed.").format(
                    channel=target.mention
                )
            )
        added = await self.bot.store.watches.add(
            server_id=target.guild.id,
            channel_id=target.id,
            person_id=None,
            query=wanted.text,
            language=None,
            limit=watch_matching.MOST_OF_A_SERVER,
        )
        if added is None:
            raise Refusal(
                _(
                    "This server’s channels already have {count} watches, the maximum. Remove one first."
                ).format(count=amount(watch_matching.MOST_OF_A_SERVER))
            )
        await self.bot.courier.look_again(target.id)
        told = _(
            "I’ll post new articles for {query} in {channel}, from its own feeds and from "
            "channels that all its readers can see."
        ).format(channel=target.mention, query=named(wanted.text))
        await self._answer(interaction, wanted, told, feed_ids, created=added[1])

    async def _answer(
        self, interaction: Interaction, wanted: Query, told: str, feed_ids: set[int], *, created: bool
    ) -> None:
        """Say what will be told, and show what would have been."""
        lines = [told if created else _("You’re already watching this.") + " " + told]
        notes = "\n".join(safe.line(search_notes.sentence(note)) for note in wanted.notes)
        if notes:
            lines.append(safe.cut(notes, _NOTES))
        found = await self._searcher.search(wanted, feed_ids=feed_ids, limit=1, sort="newest")
        card: blocks.Layout = ()
        whole = [result for result in found.results if not result.partial]
        if whole:
            article = whole[0].article
            lines.append(_("Latest match:"))
            feed = await self.bot.store.feeds.get(article.feed_id)
            card = posts.layout(article, feed)
        else:
            lines.append(_("No matches yet."))
        if found.suggestions:
            words = ", ".join(f"**{safe.line(word)}**" for word in found.suggestions)
            lines.append(_("Did you mean {words}?").format(words=words))
        await answer(interaction, (blocks.text("\n".join(lines)), *card))

    @app_commands.command(name="list", description=locale_str("See your watches and this server’s"))
    async def list_(self, interaction: Interaction) -> None:
        if interaction.guild is not None:
            await self.bot.store.watches.present(interaction.user.id, interaction.guild.id)
        await WatchPages(interaction).show(interaction)

    @app_commands.command(name="remove", description=locale_str("Remove a watch"))
    @app_commands.describe(watch=locale_str("Which watch"))
    async def remove(self, interaction: Interaction, watch: Range[str, 1, 100]) -> None:
        theirs = {str(one.id): one for one in await listed(interaction)}
        chosen = theirs.get(watch) or next((one for one in theirs.values() if one.query == watch), None)
        if chosen is None:
            raise Refusal(clickable(_("There’s no such watch. See /watch list.")))
        await self.bot.store.watches.remove(chosen.id)
        await interaction.edit_original_response(content=stopped(chosen))

    @remove.autocomplete("watch")
    async def offered(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        typed = current.casefold()
        return [
            Choice(name=label, value=str(watch.id))
            for watch in await listed(interaction)
            if typed in (label := menu_label(interaction, watch)).casefold()
        ][: discord_limits.CHOICES]

    async def _unblock(self, channel_id: int) -> None:
        if await self.bot.store.dispatches.problem(channel_id) is not None:
            await self.bot.store.dispatches.unblock_channel(channel_id)
            self.bot.courier.wake()


async def _reached(direct: discord.DMChannel, wanted: Query) -> bool:
    """Whether a message to somebody, the first of a watch, shows that they accept any."""
    text = clickable(_("I’ll post new articles for {query} here. Manage your watches with /watch list."))
    try:
        await direct.send(text.format(query=named(wanted.text)))
    except discord.Forbidden:
        return False
    return True


def _closed() -> str:
    return _("I can’t DM you. Allow direct messages in this server’s privacy settings, then try again.")


def _full(count: int) -> str:
    return clickable(
        _("You already have {count} watches, the maximum. Remove one first with /watch remove.")
    ).format(count=amount(count))
