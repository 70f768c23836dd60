"""/watch: being told of new articles that match a query, and the button that ends it."""

from __future__ import annotations

from discord import app_commands
from discord.app_commands import Choice, Range, locale_str
from discord.ext import commands

from bot.client import interaction_places
from bot.core.locale import _, clickable
from bot.core.refusals import Refusal
from bot.posting.rendering import discord_limits
from bot.search.query.query_syntax import MAX_LENGTH
from cogs.reading.query_completion import query_choices
from cogs.shared.lasting_items import LastingCog
from cogs.shared.place_options import Option
from cogs.shared.views import Interaction
from cogs.watching.new_watches import watch_for, watch_for_channel
from cogs.watching.watch_list import (
    WatchPages,
    listed,
    menu_label,
    stop_button,
    stopped,
)


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
