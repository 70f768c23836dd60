"""/watch: being told of new articles that match a query, and the button that ends it."""

from __future__ import annotations

import re
from typing import Any, Self

import discord
from discord import app_commands
from discord.app_commands import Choice, Range, locale_str
from discord.ext import commands

from bot.client.discord_client import Telex, answering
from bot.core import locale
from bot.core.locale import _, amount, clickable
from bot.core.models import Watch
from bot.core.refusals import Refusal
from bot.posting import message_places
from bot.posting.rendering import buttons, discord_limits, messages
from bot.posting.send_outcomes import describe
from bot.search.query_syntax import MAX_LENGTH, Query
from bot.text import safe
from bot.watches import watch_matching
from bot.watches.watch_matching import CLOSED
from cogs.feeds.subscription_options import shown
from cogs.reading.query_completion import query_choices
from cogs.shared.paging import Page, Pages
from cogs.shared.place_options import Option, Place, place, require_posting
from cogs.shared.rights import may_manage_with, require_manage_with
from cogs.shared.views import Choose, Interaction, Paced, Press

_LIST = 10  # a page
_SHOWN = 150  # characters of a query
_NOTES = 1000  # UTF-16 units of what is said of its mistakes: a message takes 2,000 in all
_FEEDS = "feed"
"""Whoever may use this command may let channels be told."""


class Watching(
    commands.GroupCog,
    group_name="watch",
    group_description=locale_str("Be told of new articles that match a search"),
):
    """Watches: a person's own, and those of a server's channels."""

    def __init__(self, bot: Telex) -> None:
        self.bot = bot
        self._searcher = bot.newsroom.searcher

    async def cog_load(self) -> None:
        """Answer the buttons under notices, of earlier processes too."""
        self.bot.add_dynamic_items(StopButton)

    async def cog_unload(self) -> None:
        """Stop answering."""
        self.bot.remove_dynamic_items(StopButton)

    @app_commands.command(name="add", description=locale_str("Be told of each new article that matches"))
    @app_commands.describe(
        query=locale_str('As in /search: words, "an exact phrase", -without'),
        where=locale_str("Tell this channel instead of you; for those who manage the server"),
    )
    async def add(
        self, interaction: Interaction, query: Range[str, 1, MAX_LENGTH], where: Option | None = None
    ) -> None:
        """Watch for something from now on."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if interaction.guild is None:
            raise Refusal(_("Run this in the server whose articles you want to be told of."))
        wanted = await watch_matching.check(self.bot.store, query)
        if where is None:
            await self._add_for_person(interaction, interaction.guild, wanted)
        else:
            await _require_manage(interaction)
            await self._add_for_channel(interaction, await place(interaction, where), wanted)

    @add.autocomplete("query")
    async def queries(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        """What is typed, with its last word or value completed."""
        return await query_choices(interaction, current)

    async def watch_for(self, interaction: Interaction, query: str) -> None:
        """Watch for a query for the asker. The interaction has been acknowledged."""
        if interaction.guild is None:
            raise Refusal(_("Run this in the server whose articles you want to be told of."))
        wanted = await watch_matching.check(self.bot.store, query)
        await self._add_for_person(interaction, interaction.guild, wanted)

    async def _add_for_person(self, interaction: Interaction, guild: discord.Guild, wanted: Query) -> None:
        store, person = self.bot.store, interaction.user
        feed_ids = await self.bot.visible_feed_ids(interaction)
        if not feed_ids:
            raise Refusal(_("No feed is followed here in a channel that you can see."))
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
        told = _(
            "I tell you by direct message of each new article for {query}, "
            "from the feeds that you can see in {server}."
        ).format(query=_named(wanted.text), server=f"**{safe.markdown(safe.plain(guild.name, 100))}**")
        await self._answer(interaction, wanted, told, feed_ids, created=created)

    async def _add_for_channel(self, interaction: Interaction, target: Place, wanted: Query) -> None:
        require_posting(interaction, target)
        feed_ids = await self.bot.courier.audience.feeds_of_channel(target.guild, target.id)
        if not feed_ids:
            raise Refusal(
                _("No feed is followed in {channel} or in a channel that all its readers see.").format(
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
                    "The channels of this server have {count} watches, which is the most. Remove one first."
                ).format(count=amount(watch_matching.MOST_OF_A_SERVER))
            )
        await self.bot.courier.look_again(target.id)
        told = _(
            "I tell {channel} of each new article for {query}, "
            "from feeds that are followed there or in channels that all its readers see."
        ).format(channel=target.mention, query=_named(wanted.text))
        await self._answer(interaction, wanted, told, feed_ids, created=added[1])

    async def _answer(
        self, interaction: Interaction, wanted: Query, told: str, feed_ids: set[int], *, created: bool
    ) -> None:
        """Say what will be told, and show what would have been."""
        lines = [told if created else _("That is watched for already.") + " " + told]
        notes = "\n".join(safe.markdown(safe.plain(note)) for note in wanted.notes)
        if notes:
            lines.append(safe.cut(notes, _NOTES))
        found = await self._searcher.search(wanted, feed_ids=feed_ids, limit=1, sort="newest")
        embeds = []
        if found.results:
            article = found.results[0].article
            lines.append(_("The latest one so far:"))
            feed = await self.bot.store.feeds.get(article.feed_id)
            embeds.append(messages.post(article, feed, language=locale.current()).embed)
        else:
            lines.append(_("No article has matched so far."))
        if found.suggestions:
            words = ", ".join(f"**{safe.markdown(safe.plain(word))}**" for word in found.suggestions)
            lines.append(_("Did you mean {words}?").format(words=words))
        await interaction.edit_original_response(content="\n".join(lines), embeds=embeds)

    @app_commands.command(
        name="list", description=locale_str("What you are told of, and this server’s channels")
    )
    async def list_(self, interaction: Interaction) -> None:
        """List the watches that the asker may remove."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if interaction.guild is not None:
            await self.bot.store.watches.present(interaction.user.id, interaction.guild.id)
        await WatchPages(interaction).show(interaction)

    @app_commands.command(name="remove", description=locale_str("Be told no more of something"))
    @app_commands.describe(watch=locale_str("Which one"))
    async def remove(self, interaction: Interaction, watch: Range[str, 1, 100]) -> None:
        """End a watch."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        theirs = {str(one.id): one for one in await listed(interaction)}
        chosen = theirs.get(watch) or next((one for one in theirs.values() if one.query == watch), None)
        if chosen is None:
            raise Refusal(clickable(_("There is no such watch. /watch list shows those that there are.")))
        await self.bot.store.watches.remove(chosen.id)
        await interaction.edit_original_response(content=_stopped(chosen))

    @remove.autocomplete("watch")
    async def offered(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        """The watches that the asker may remove."""
        typed = current.casefold()
        return [
            Choice(name=label, value=str(watch.id))
            for watch in await listed(interaction)
            if typed in (label := _label(interaction, watch)).casefold()
        ][: discord_limits.CHOICES]

    async def _unblock(self, channel_id: int) -> None:
        if await self.bot.store.dispatches.problem(channel_id) is not None:
            await self.bot.store.dispatches.unblock_channel(channel_id)
            self.bot.courier.wake()


async def listed(interaction: Interaction) -> list[Watch]:
    """The watches that the asker may remove where they are: all of theirs in direct messages.

    Those of channels only where they see the channel, or it is gone.
    """
    store, guild, member = interaction.client.store.watches, interaction.guild, interaction.user
    theirs = await store.of_person(member.id)
    if guild is None or not isinstance(member, discord.Member):
        return theirs
    here = [watch for watch in theirs if watch.server_id == guild.id]
    if not await may_manage_with(interaction, _FEEDS):
        return here
    told = await store.of_channels(guild.id)
    seen = await shown(interaction, guild, member, {watch.channel_id for watch in told})
    return here + [watch for watch in told if watch.channel_id in seen]


class WatchPages(Pages):
    """The watches that a person may remove, in pages."""

    def __init__(self, interaction: Interaction) -> None:
        super().__init__(interaction)
        self._closed = False

    async def page(self, interaction: Interaction, number: int) -> Page:
        """The watches as they are now."""
        found = await listed(interaction)
        shown = found[number * _LIST : (number + 1) * _LIST]
        embed = discord.Embed(title=_("Watches"))
        embed.description = "\n".join(
            f"{number * _LIST + count}. {_line(interaction, watch)}" for count, watch in enumerate(shown, 1)
        ) or clickable(_("Nothing is watched for. /watch add begins."))
        self._closed = any(watch.problem == CLOSED for watch in shown)
        return Page(
            embed=embed,
            more=len(found) > (number + 1) * _LIST,
            empty=not shown,
            options=tuple(
                discord.SelectOption(label=_label(interaction, watch), value=str(watch.id)) for watch in shown
            ),
        )

    def arrange(self, page: Page) -> None:
        """A menu to remove, and a button for whose direct messages were closed."""
        if page.empty:
            return
        options = list(page.options)
        self.add_item(
            Choose(
                self._remove, placeholder=_("Remove some…"), options=options, max_values=len(options), row=0
            )
        )
        if self._closed:
            self.add_item(Press(self._try_again, label=_("Try direct messages again"), row=1))

    async def _remove(self, interaction: Interaction, values: list[str]) -> None:
        await interaction.response.defer()
        for watch in await listed(interaction):
            if str(watch.id) in values:
                await interaction.client.store.watches.remove(watch.id)
        await self.show(interaction)

    async def _try_again(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        client = interaction.client
        for channel_id in {
            watch.channel_id
            for watch in await client.store.watches.of_person(interaction.user.id)
            if watch.problem == CLOSED
        }:
            await client.store.dispatches.unblock_channel(channel_id)
        client.courier.wake()
        await self.show(interaction)


class StopButton(Paced, discord.ui.DynamicItem[discord.ui.Button[Any]], template=buttons.STOP_TEMPLATE):
    """The button under a notice that ends its watch. It outlives restarts."""

    def __init__(self, what: str, watch_id: int) -> None:
        super().__init__(buttons.stop(what))
        self._watch_id = watch_id

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """The button of a watch."""
        return cls(match["what"], int(match["watch"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """End the watch, if it is the asker's to end."""
        async with answering(interaction):
            await interaction.response.defer(ephemeral=True, thinking=True)
            store = interaction.client.store.watches
            watch = await store.get(self._watch_id)
            if watch is None:
                raise Refusal(_("This watch has ended already."))
            if watch.person_id is None:
                if interaction.guild_id != watch.server_id:
                    raise Refusal(_("This watch has ended already."))
                await _require_manage(interaction)
                if watch.id not in {one.id for one in await listed(interaction)}:
                    raise Refusal(_("This watch has ended already."))
            elif watch.person_id != interaction.user.id:
                raise Refusal(_("This watch has ended already."))
            await store.remove(watch.id)
            await interaction.edit_original_response(content=_stopped(watch))


async def _reached(direct: discord.DMChannel, wanted: Query) -> bool:
    """Whether a message to somebody, the first of a watch, shows that they accept any."""
    text = clickable(
        _("This is where I tell you of new articles for {query}. /watch list shows your watches.")
    )
    try:
        await direct.send(text.format(query=_named(wanted.text)))
    except discord.Forbidden:
        return False
    return True


def _closed() -> str:
    return _(
        "I cannot send you direct messages. Allow them in the privacy settings of this server, "
        "then try again."
    )


async def _require_manage(interaction: Interaction) -> None:
    await require_manage_with(interaction, _FEEDS)


def _named(query: str) -> str:
    """A query as it can stand in a sentence."""
    return f"**{safe.markdown(safe.plain(query, _SHOWN))}**"


def _line(interaction: Interaction, watch: Watch) -> str:
    """A watch in the list: what, where, since when, and what is wrong."""
    where = f"<#{watch.channel_id}>" if watch.person_id is None else _("direct messages")
    line = f"{_named(watch.query)}\n{where}{safe.markdown(_from(interaction, watch))} · <t:{watch.created}:d>"
    if watch.problem is not None:
        line += f" · ⚠️ {describe(watch.problem)}"
    if watch.absent is not None:
        line += " · " + _("rests, since you left the server")
    return line


def _label(interaction: Interaction, watch: Watch) -> str:
    """A watch in a menu: one line of plain text."""
    if watch.person_id is None:
        guild = interaction.client.get_guild(watch.server_id)
        channel = guild.get_channel_or_thread(watch.channel_id) if guild is not None else None
        where = f" · #{channel.name}" if channel is not None else ""
    else:
        where = _from(interaction, watch)
    return safe.plain(f"{safe.plain(watch.query, discord_limits.CHOICE - 40)}{where}", discord_limits.CHOICE)


def _from(interaction: Interaction, watch: Watch) -> str:
    """The server of a watch, where that is not the one in which the asker is."""
    if interaction.guild_id == watch.server_id:
        return ""
    guild = interaction.client.get_guild(watch.server_id)
    name = safe.plain(guild.name, 60) if guild is not None else _("a server that I am no longer in")
    return f" · {name}"


def _full(count: int) -> str:
    return clickable(
        _("You have {count} watches, which is as many as fit. Remove one with /watch remove first.")
    ).format(count=amount(count))


def _stopped(watch: Watch) -> str:
    return _("Nothing more is told for {query}.").format(query=_named(watch.query))
