"""/watch: being told of new articles that match a query, and the button that ends it."""

import discord
from discord import app_commands
from discord.app_commands import Choice, Range, locale_str
from discord.ext import commands

from bot.client import interaction_places
from bot.core.locale import _, clickable
from bot.core.people_models import Watch
from bot.core.refusals import Refusal
from bot.posting.rendering import buttons, discord_limits
from bot.posting.rendering.layout.blocks import Row
from bot.posting.wording.problem_sentences import describe
from bot.search.query.query_syntax import MAX_LENGTH
from bot.text import safe
from bot.watches.watch_matching import CLOSED
from cogs.feeds.subscription_options import shown
from cogs.reading.query_completion import query_choices
from cogs.shared.lasting_items import LastingCog, lasting
from cogs.shared.paging import CardPage, CardPages
from cogs.shared.panels import headed
from cogs.shared.place_options import Option
from cogs.shared.rights import may_manage_with
from cogs.shared.views import Choose, Interaction, Press, option
from cogs.watching.new_watches import FEEDS, named, require_manage, watch_for, watch_for_channel

_LIST = 10  # a page


async def listed(interaction: Interaction) -> list[Watch]:
    """The watches that the asker may remove where they are: all of theirs in direct messages.

    Those of channels only where they see the channel, or it is gone.
    """
    store, server_id = interaction.client.store.watches, interaction.guild_id
    theirs = await store.of_person(interaction.user.id)
    await interaction.client.others.learn_names(watch.server_id for watch in theirs)
    if server_id is None or not isinstance(interaction.user, discord.Member):
        return theirs
    here = [watch for watch in theirs if watch.server_id == server_id]
    if not await may_manage_with(interaction, FEEDS):
        return here
    told = await store.of_channels(server_id)
    seen = await shown(interaction, {watch.channel_id for watch in told})
    return here + [watch for watch in told if watch.channel_id in seen]


class WatchPages(CardPages):
    """The watches that a person may remove, in pages."""

    async def page(self, interaction: Interaction, number: int) -> CardPage:
        found = await listed(interaction)
        shown = found[number * _LIST : (number + 1) * _LIST]
        lines = [_line(interaction, watch) for watch in shown]
        lines = lines or [clickable(_("No watches yet. Add one with /watch add."))]
        menu = retry = None
        if shown:
            options = [option(menu_label(interaction, watch), watch.id) for watch in shown]
            menu = Choose(
                self._remove, placeholder=_("Remove watches…"), options=options, max_values=len(options)
            )
        if any(watch.problem == CLOSED for watch in shown):
            retry = Press(self._try_again, label=_("Try direct messages again"))
        return CardPage(
            blocks=(headed(_("Watches"), *lines), Row(menu), Row(retry)),
            more=len(found) > (number + 1) * _LIST,
            empty=not shown,
        )

    async def _remove(self, interaction: Interaction, values: list[str]) -> None:
        for watch in await listed(interaction):
            if str(watch.id) in values:
                await self.store.watches.remove(watch.id)

    async def _try_again(self, _interaction: Interaction) -> None:
        theirs = await self.store.watches.of_person(self.person_id)
        for channel_id in {watch.channel_id for watch in theirs if watch.problem == CLOSED}:
            await self.store.dispatches.unblock_channel(channel_id)
        self.client.courier.wake()


@lasting(buttons.stop.template)
async def stop_button(interaction: Interaction, _item: object, *, watch: str, **_what: str) -> None:
    """The button under a notice that ends its watch, if it is the asker's to end."""
    store = interaction.client.store.watches
    found = await store.get(int(watch))
    if found is None or not await _may_end(interaction, found):
        raise Refusal(_("This watch has already ended."))
    await store.remove(found.id)
    await interaction.edit_original_response(content=stopped(found))


async def _may_end(interaction: Interaction, watch: Watch) -> bool:
    """Whether a watch is the asker's to end. Raises `NotForYou` for a channel's: that takes a manager."""
    if watch.person_id is not None:
        return watch.person_id == interaction.user.id
    if interaction.guild_id != watch.server_id:
        return False
    await require_manage(interaction)
    return watch.id in {one.id for one in await listed(interaction)}


def _line(interaction: Interaction, watch: Watch) -> str:
    where = f"<#{watch.channel_id}>" if watch.person_id is None else _("direct messages")
    line = (
        f"{named(watch.query)}\n-# {where}{safe.markdown(_from(interaction, watch))} · <t:{watch.created}:R>"
    )
    if watch.problem is not None:
        line += f" · ⚠️ {describe(watch.problem)}"
    if watch.absent is not None:
        line += " · " + _("paused, because you left the server")
    return line


def menu_label(interaction: Interaction, watch: Watch) -> str:
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
    name = interaction.client.others.name(watch.server_id)
    name = safe.plain(name, 60) if name is not None else _("a server I’m no longer in")
    return f" · {name}"


def stopped(watch: Watch) -> str:
    """That a watch ended."""
    return _("Stopped watching {query}.").format(query=named(watch.query))


class Watching(
    LastingCog,
    commands.GroupCog,
    group_name="watch",
    group_description=locale_str("Get alerts for new articles that match a search"),
):
    """Watches: a person's own, and those of a server's channels."""

    items = (stop_button,)

    @app_commands.command(name="add", description=locale_str("Get an alert for each new match"))
    @app_commands.describe(
        query=locale_str('As in /search: words, "an exact phrase", -without'),
        where=locale_str("Post in this channel instead of your DMs (managers only)"),
    )
    async def add(
        self, interaction: Interaction, query: Range[str, 1, MAX_LENGTH], where: Option | None = None
    ) -> None:
        if where is None or interaction_places.server(interaction) is None:
            await watch_for(interaction, query)
        else:
            await watch_for_channel(interaction, where, query)

    add.autocomplete("query")(query_choices)

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
