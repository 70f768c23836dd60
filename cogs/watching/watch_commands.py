"""Cog of the /watch commands, and the button that stops a watch (saved search)."""

import discord
from discord import app_commands
from discord.app_commands import Choice, Range, locale_str
from discord.ext import commands

from bot.client import interaction_context
from bot.core.i18n import _, linkify_commands
from bot.core.reasons import Reason, SendProblem
from bot.core.user_errors import UserFacingError
from bot.core.user_models import Watch
from bot.posting.rendering import buttons, discord_limits
from bot.posting.rendering.layout.blocks import ActionRow
from bot.posting.wording.reason_sentences import describe_reason
from bot.search.query.query_parser import MAX_QUERY_LENGTH
from bot.text import discord_text
from cogs.feeds.subscription_options import select_visible_or_deleted_channel_ids
from cogs.reading.query_autocomplete import query_choices
from cogs.shared.authorization import can_use_manager_command
from cogs.shared.channel_options import ChannelArgument
from cogs.shared.paging import CardPage, CardPaginator
from cogs.shared.panels import heading_block
from cogs.shared.persistent_items import PersistentItemCog, persistent_item
from cogs.shared.views import ActionButton, Interaction, StringMenu, menu_option
from cogs.watching.story_muting import build_mute_list, mute_choice_button, mute_story_button, undo_mute_button
from cogs.watching.watch_creation import (
    MANAGER_COMMAND,
    bold_query,
    create_channel_watch,
    create_personal_watch,
    require_watch_manager,
)

_PAGE_SIZE = 10
"""Number of watches on a page."""
_MAX_QUERY_LABEL_LENGTH = discord_limits.MAX_CHOICE_NAME_LENGTH - 40
"""Maximum length in UTF-16 units of the query in a watch's label, which leaves room for the place."""
_MAX_SERVER_NAME_LENGTH = 60
"""Maximum length in UTF-16 units of the name of a watch's server."""


async def load_removable_watches(interaction: Interaction) -> list[Watch]:
    """Return the watches (saved searches) that the user may remove here.

    In direct messages, these are all watches of their own; in a server, the watches that they created in it.
    Users who manage feeds can also remove the watches of channels that they can see or that were deleted.
    """
    watches_repository, server_id = interaction.client.store.watches, interaction.guild_id
    user_watches = await watches_repository.list_by_user(interaction.user.id)
    await interaction.client.peer_servers.load_names(watch.server_id for watch in user_watches)
    if server_id is None or not isinstance(interaction.user, discord.Member):
        return user_watches
    server_watches = [watch for watch in user_watches if watch.server_id == server_id]
    if not await can_use_manager_command(interaction, MANAGER_COMMAND):
        return server_watches
    channel_watches = await watches_repository.list_channel_watches(server_id)
    visible_channel_ids = await select_visible_or_deleted_channel_ids(
        interaction, {watch.channel_id for watch in channel_watches}
    )
    return server_watches + [watch for watch in channel_watches if watch.channel_id in visible_channel_ids]


class WatchPaginator(CardPaginator):
    """Pages of the watches (saved searches) that the user may remove; the first also lists the user's muted stories."""

    async def load_page(self, interaction: Interaction, page_index: int) -> CardPage:
        watches = await load_removable_watches(interaction)
        page_watches = watches[page_index * _PAGE_SIZE : (page_index + 1) * _PAGE_SIZE]
        watch_lines = [_watch_line(interaction, watch) for watch in page_watches]
        watch_lines = watch_lines or [linkify_commands(_("No watches yet. Add one with /watch add."))]
        remove_menu = retry_button = None
        if page_watches:
            watch_options = [menu_option(watch_label(interaction, watch), watch.id) for watch in page_watches]
            remove_menu = StringMenu(
                self._remove_selected_watch,
                placeholder=_("Remove watches…"),
                options=watch_options,
                max_values=len(watch_options),
            )
        muted_stories = await self.store.muted_stories.list_by_user(self.user_id) if page_index == 0 else []
        if any(watch.problem == Reason(SendProblem.DMS_CLOSED) for watch in page_watches):
            retry_button = ActionButton(self._retry_dms, label=_("Try direct messages again"))
        return CardPage(
            blocks=(
                heading_block(_("Watches"), *watch_lines),
                ActionRow(remove_menu),
                ActionRow(retry_button),
                *build_mute_list(self, muted_stories),
            ),
            has_more=len(watches) > (page_index + 1) * _PAGE_SIZE,
            is_empty=not page_watches,
        )

    async def _remove_selected_watch(self, interaction: Interaction, selected_values: list[str]) -> None:
        for watch in await load_removable_watches(interaction):
            if str(watch.id) in selected_values:
                await self.store.watches.remove(watch.id)

    async def _retry_dms(self, _interaction: Interaction) -> None:
        user_watches = await self.store.watches.list_by_user(self.user_id)
        for channel_id in {
            watch.channel_id for watch in user_watches if watch.problem == Reason(SendProblem.DMS_CLOSED)
        }:
            await self.store.dispatches.unblock_channel(channel_id)
        self.client.outbox_relay.wake()


@persistent_item(buttons.STOP_WATCH_BUTTON.id_pattern)
async def stop_watch_button(interaction: Interaction, _item: object, *, watch_id: str, **_other_groups: str) -> None:
    """Stop the watch (saved search) that sent a notification, if the user may stop it."""
    watches_repository = interaction.client.store.watches
    stored_watch = await watches_repository.get(int(watch_id))
    if stored_watch is None or not await _can_stop(interaction, stored_watch):
        raise UserFacingError(_("This watch has already ended."))
    await watches_repository.remove(stored_watch.id)
    await interaction.edit_original_response(content=stopped_text(stored_watch))


async def _can_stop(interaction: Interaction, watch: Watch) -> bool:
    """Return whether the user may stop a watch (saved search).

    Raises `NotAuthorized` if it is the watch of a channel in this server and the user may not manage watches
    of channels.
    """
    if watch.user_id is not None:
        return watch.user_id == interaction.user.id
    if interaction.guild_id != watch.server_id:
        return False
    await require_watch_manager(interaction)
    return watch.id in {removable_watch.id for removable_watch in await load_removable_watches(interaction)}


def _watch_line(interaction: Interaction, watch: Watch) -> str:
    place_text = f"<#{watch.channel_id}>" if watch.user_id is None else _("direct messages")
    watch_line = (
        f"{bold_query(watch.query)}\n-# "
        f"{place_text}{discord_text.escape_markdown(_other_server_suffix(interaction, watch))} · "
        f"<t:{watch.created_at}:R>"
    )
    if watch.problem is not None:
        watch_line += f" · ⚠️ {describe_reason(watch.problem)}"
    if watch.absent_since is not None:
        watch_line += " · " + _("paused, because you left the server")
    return watch_line


def watch_label(interaction: Interaction, watch: Watch) -> str:
    """Return the label of a watch in a menu, as one line of plain text."""
    if watch.user_id is None:
        guild = interaction.client.get_guild(watch.server_id)
        channel = guild.get_channel_or_thread(watch.channel_id) if guild is not None else None
        place_suffix = f" · #{channel.name}" if channel is not None else ""
    else:
        place_suffix = _other_server_suffix(interaction, watch)
    query_text = discord_text.to_plain_line(watch.query, _MAX_QUERY_LABEL_LENGTH)
    return discord_text.to_plain_line(f"{query_text}{place_suffix}", discord_limits.MAX_CHOICE_NAME_LENGTH)


def _other_server_suffix(interaction: Interaction, watch: Watch) -> str:
    """Return the name of a watch's server as a suffix of plain text, or "" if it is the current server."""
    if interaction.guild_id == watch.server_id:
        return ""
    server_name = interaction.client.peer_servers.get_server_name(watch.server_id)
    server_name = (
        discord_text.to_plain_line(server_name, _MAX_SERVER_NAME_LENGTH)
        if server_name is not None
        else _("a server I’m no longer in")
    )
    return f" · {server_name}"


def stopped_text(watch: Watch) -> str:
    """Return the sentence that confirms that a watch was stopped."""
    return _("Stopped watching {query}.").format(query=bold_query(watch.query))


class WatchCog(
    PersistentItemCog,
    commands.GroupCog,
    group_name="watch",
    group_description=locale_str("Get alerts for new articles that match a search"),
):
    """Cog of the /watch commands: for watches (saved searches) of users and of a server's channels."""

    persistent_items = (stop_watch_button, mute_story_button, mute_choice_button, undo_mute_button)

    @app_commands.command(name="add", description=locale_str("Get an alert for each new match"))
    @app_commands.describe(
        query=locale_str('As in /search: words, "an exact phrase", -without'),
        where=locale_str("Post in this channel instead of your DMs (managers only)"),
    )
    async def add(
        self,
        interaction: Interaction,
        query: Range[str, 1, MAX_QUERY_LENGTH],
        where: ChannelArgument | None = None,
    ) -> None:
        if where is None or interaction_context.get_home_server(interaction) is None:
            await create_personal_watch(interaction, query)
        else:
            await create_channel_watch(interaction, where, query)

    add.autocomplete("query")(query_choices)

    @app_commands.command(
        name="list", description=locale_str("See your watches, this server’s, and the stories you muted")
    )
    async def list_(self, interaction: Interaction) -> None:
        if interaction.guild is not None:
            await self.bot.store.watches.mark_member_present(interaction.user.id, interaction.guild.id)
        await WatchPaginator(interaction).render(interaction)

    @app_commands.command(name="remove", description=locale_str("Remove a watch"))
    @app_commands.describe(watch=locale_str("Which watch"))
    async def remove(self, interaction: Interaction, watch: Range[str, 1, 100]) -> None:
        watch_by_id = {
            str(removable_watch.id): removable_watch for removable_watch in await load_removable_watches(interaction)
        }
        selected_watch = watch_by_id.get(watch) or next(
            (matching_watch for matching_watch in watch_by_id.values() if matching_watch.query == watch),
            None,
        )
        if selected_watch is None:
            raise UserFacingError(linkify_commands(_("There’s no such watch. See /watch list.")))
        await self.bot.store.watches.remove(selected_watch.id)
        await interaction.edit_original_response(content=stopped_text(selected_watch))

    @remove.autocomplete("watch")
    async def watch_choices(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        folded_text = current.casefold()
        return [
            Choice(name=label, value=str(watch.id))
            for watch in await load_removable_watches(interaction)
            if folded_text in (label := watch_label(interaction, watch)).casefold()
        ][: discord_limits.MAX_CHOICES]
