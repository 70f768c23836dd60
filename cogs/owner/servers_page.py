"""Pages of /owner with the servers that the bot is in, one of them, its limits, and its data."""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

import discord

from bot.core.discord_ids import parse_discord_id
from bot.core.i18n import N_, _, format_count, format_number
from bot.core.user_errors import UserFacingError
from bot.operating import server_decisions, server_erasures
from bot.operating.applicable_limits import MAX_SERVER_LIMIT, LimitUsage, parse_limits
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout.blocks import ActionRow, Block, text_block
from bot.posting.rendering.layout.icons import Icon, emoji_for
from bot.store.records.operating_records import POST_COUNT_DAYS, ServerOrder, ServerOverview
from bot.text import discord_text
from cogs.owner.owner_panel import OwnerPage, OwnerPanel
from cogs.shared.modals import FormModal, TextField, modal_button
from cogs.shared.paging import PagedMixin
from cogs.shared.panels import heading_block
from cogs.shared.views import AckMode, ActionButton, Interaction, StringMenu, menu_option


class ExportTooLarge(Exception):
    """Error raised while an export is written, because the file is larger than Discord takes."""


class ServerDataPage(OwnerPage):
    """Page of the operator's panel that says what is stored about a server, exports it and, once confirmed, erases it.

    `origin_page` is the page to which the button Back leads.
    """

    def __init__(self, panel: OwnerPanel, server_id: int, origin_page: OwnerPage) -> None:
        super().__init__(panel)
        self._server_id, self._origin_page = server_id, origin_page
        self._asks_to_confirm = False
        self._server_name = str(server_id)  # Until its name is loaded; the page still shows that after the erasure.

    async def load_blocks(self, _interaction: Interaction) -> Sequence[Block]:
        overview = await self.store.server_directory.get_overview(self._server_id)
        self._server_name = (overview and overview.name) or self._server_name
        name = discord_text.to_markdown_line(self._server_name)
        count_by_table = await self.store.server_data.count_rows(self._server_id)
        if self._asks_to_confirm:
            return (
                heading_block(_("Erase everything about {server}?").format(server=name), *_list_counts(count_by_table)),
                text_block(
                    _(
                        "I leave the server first. Private feeds are deleted with their articles, also from bookmarks. "
                        "People keep their other bookmarks, muted stories and digests. You can’t undo this."
                    )
                ),
                ActionRow(
                    ActionButton(self._erase, label=_("Erase permanently"), style=discord.ButtonStyle.danger),
                    ActionButton(self._cancel, label=_("Cancel")),
                ),
            )
        receipt = await self.store.server_data.load_receipt(self._server_id)
        is_requested = await self.store.server_data.is_erasure_requested(self._server_id)
        status_lines = []
        if receipt is not None:
            erased_at = datetime.fromisoformat(json.loads(receipt)["erased_at"])
            status_lines.append(_("Erased {when}.").format(when=discord.utils.format_dt(erased_at, "R")))
        if is_requested:
            status_lines.append(_("The data is erased as soon as I’ve left the server."))
        elif not count_by_table:
            status_lines.append(_("Nothing is stored about this server."))
        return (
            heading_block(_("Data of {server}").format(server=name), *_list_counts(count_by_table)),
            *([text_block("\n".join(status_lines))] if status_lines else []),
            ActionRow(
                ActionButton(self._go_back, label=_("Back"), emoji=emoji_for(Icon.BACK)),
                ActionButton(self._refresh, label=_("Refresh")) if is_requested else None,
                ActionButton(self._send_export, AckMode.EPHEMERAL_MESSAGE, label=_("Export"))
                if count_by_table
                else None,
                ActionButton(self._send_receipt, AckMode.EPHEMERAL_MESSAGE, label=_("Receipt")) if receipt else None,
                ActionButton(self._ask_to_confirm, label=_("Erase…"), style=discord.ButtonStyle.danger)
                if count_by_table and not is_requested
                else None,
            ),
        )

    async def _go_back(self, _interaction: Interaction) -> None:
        self.panel.page = self._origin_page

    async def _refresh(self, _interaction: Interaction) -> None:
        """Do nothing: the panel then shows the current state."""

    async def _ask_to_confirm(self, _interaction: Interaction) -> None:
        self._asks_to_confirm = True

    async def _cancel(self, _interaction: Interaction) -> None:
        self._asks_to_confirm = False

    async def _erase(self, _interaction: Interaction) -> None:
        self._asks_to_confirm = False
        settings = self.panel.client.services.settings
        is_in_server = await server_erasures.request_erasure(
            self.store, settings, self._server_id, user_id=self.panel.user_id
        )
        if is_in_server:
            self.panel.announce_decision()
        else:
            await server_erasures.erase_requested_servers(self.store)

    async def _send_export(self, interaction: Interaction) -> None:
        buffer = io.BytesIO()

        def write(text: str) -> None:
            encoded_text = text.encode()
            if buffer.tell() + len(encoded_text) > interaction.filesize_limit:
                raise ExportTooLarge
            buffer.write(encoded_text)

        try:
            await self.store.server_data.export(self._server_id, write)
        except ExportTooLarge:
            raise UserFacingError(
                _("That’s too large for Discord. In the terminal: `telex servers export {server} FILE`").format(
                    server=self._server_id
                )
            ) from None
        buffer.seek(0)
        await self._send_file(interaction, buffer, f"telex-{self._server_id}.json")

    async def _send_receipt(self, interaction: Interaction) -> None:
        receipt = await self.store.server_data.load_receipt(self._server_id)
        assert receipt is not None
        await self._send_file(interaction, io.BytesIO(receipt.encode()), f"telex-erasure-{self._server_id}.json")

    async def _send_file(self, interaction: Interaction, stream: io.BytesIO, file_name: str) -> None:
        await interaction.edit_original_response(attachments=[discord.File(stream, filename=file_name)])


def _list_counts(count_by_table: Mapping[str, int]) -> list[str]:
    """Return a line with a server's numbers of channels, feeds and the like, and of all rows; [] if there are none."""
    count = count_by_table.get
    labels = {
        "channel": format_count("{count} channel", "{count} channels", count("channel", 0)),
        "subscription": format_count("{count} feed", "{count} feeds", count("subscription", 0)),
        "dispatch": format_count("{count} message", "{count} messages", count("dispatch", 0)),
        "question": format_count("{count} question", "{count} questions", count("question", 0)),
        "watch": format_count("{count} watch", "{count} watches", count("watch", 0)),
    }
    total = format_count("{count} row in the database", "{count} rows in the database", sum(count_by_table.values()))
    shown_labels = [label for table, label in labels.items() if table in count_by_table]
    return [" · ".join([*shown_labels, total])] if count_by_table else []


class ServerLimitsPage(OwnerPage):
    """Page of the operator's panel that shows and changes the limits of a server.

    `origin_page` is the page to which the button Back leads.
    """

    def __init__(self, panel: OwnerPanel, server_id: int, server_name: str, origin_page: OwnerPage) -> None:
        super().__init__(panel)
        self._server_id, self._server_name, self._origin_page = server_id, server_name, origin_page
        self._usages: Sequence[LimitUsage] = ()

    async def load_blocks(self, _interaction: Interaction) -> Sequence[Block]:
        self._usages = await self.panel.client.services.limits.load_usage(self._server_id)
        explanation = _("A limit below what a server has removes nothing: it only refuses more.")
        return (
            heading_block(
                _("Limits of {server}").format(server=self._server_name),
                *map(_format_usage, self._usages),
                f"-# {explanation}",
            ),
            ActionRow(
                ActionButton(self._go_back, label=_("Back"), emoji=emoji_for(Icon.BACK)),
                ActionButton(self._open_form, AckMode.MANUAL, label=_("Change…")),
            ),
        )

    async def _open_form(self, interaction: Interaction) -> None:
        fields = [
            TextField(
                usage.name,
                _get_label(usage),
                description=_("Empty: the limit of the settings."),
                required=False,
                default=str(usage.max_count) if usage.has_own_limit else None,
                max_length=len(str(MAX_SERVER_LIMIT)),
            )
            for usage in self._usages
        ]
        await interaction.response.send_modal(FormModal(_("Limits"), self._change, *fields, view=self.panel))

    async def _change(self, interaction: Interaction, *texts: str) -> None:
        try:
            max_count_by_limit = parse_limits(
                [
                    f"{usage.name}={text.strip() or 'default'}"
                    for usage, text in zip(self._usages, texts, strict=True)
                    if text.strip() != (str(usage.max_count) if usage.has_own_limit else "")
                ]
            )
        except ValueError as error:
            raise UserFacingError(
                _("Enter whole numbers up to {limit}.").format(limit=format_number(MAX_SERVER_LIMIT))
            ) from error
        if max_count_by_limit:
            await self.store.server_limits.set_limits(self._server_id, max_count_by_limit, user_id=interaction.user.id)
            self.panel.has_saved = True

    async def _go_back(self, _interaction: Interaction) -> None:
        self.panel.page = self._origin_page


def _format_usage(usage: LimitUsage) -> str:
    """Return how much of a limit is used, and whether the limit is the server's own instead of the default."""
    usage_text = _("{used} of {limit}").format(
        used=format_number(usage.used_count), limit=format_number(usage.max_count)
    )
    own_text = _("only for this server") if usage.has_own_limit else ""
    return " · ".join(filter(None, (f"{_get_label(usage)} — **{usage_text}**", own_text)))


def _get_label(usage: LimitUsage) -> str:
    return {"feeds": _("Feeds"), "watches": _("Channel watches"), "digests": _("Digests")}[usage.name]


class ServerPage(OwnerPage):
    """Page of the operator's panel about one server, also one that the bot is not in, such as a blocked one.

    `origin_page` is the page to which the button Back leads.
    """

    def __init__(self, panel: OwnerPanel, server_id: int, origin_page: OwnerPage) -> None:
        super().__init__(panel)
        self.server_id, self._origin_page = server_id, origin_page
        self._confirmation: tuple[str, str, Callable[[], Awaitable[None]]] | None = None

    async def load_blocks(self, _interaction: Interaction) -> Sequence[Block]:
        overview = await self.store.server_directory.get_overview(self.server_id)
        name = discord_text.to_markdown_line((overview and overview.name) or str(self.server_id))
        facts = [_("ID: {id}").format(id=f"`{self.server_id}`")]
        if overview is not None:
            facts += [format_server_status(overview), " · ".join(format_figures(overview))]
            if overview.joined_at is not None:
                facts.append(_("invited {when}").format(when=f"<t:{overview.joined_at}:R>"))
        else:
            facts.append(_("I’m not in this server."))
        heading = heading_block(name, *facts)
        if self._confirmation is not None:
            question, label, action = self._confirmation
            confirm_button = ActionButton(partial(self._confirm, action), label=label, style=discord.ButtonStyle.danger)
            cancel_button = ActionButton(self._cancel, label=_("Cancel"))
            return (heading, text_block(question.format(server=name)), ActionRow(confirm_button, cancel_button))
        limits_button = ActionButton(partial(self._open_limits, name), label=_("Limits…"))
        data_button = ActionButton(self._open_data, label=_("Data…"))
        return (heading, ActionRow(*self._build_buttons(overview)), ActionRow(limits_button, data_button))

    def _build_buttons(self, overview: ServerOverview | None) -> list[ActionButton]:
        """Return the buttons for what an operator may do now."""
        buttons = [ActionButton(self._go_back, label=_("Back"), emoji=emoji_for(Icon.BACK))]
        is_allowed = None if overview is None else overview.is_allowed
        if overview is not None and overview.joined_at is not None and not overview.is_leaving:
            question = _("Leave **{server}**? Its settings are kept for 30 days, in case I’m invited again.")
            buttons.append(self._build_confirmed_button(_("Leave"), question, self._leave))
        if is_allowed is not False:
            question = _("Block **{server}**? I leave it, and whenever I’m invited there again.")
            buttons.append(
                self._build_confirmed_button(_("Block"), question, partial(self._change_access, is_allowed=False))
            )
        if is_allowed is not True:
            buttons.append(ActionButton(self._allow, label=_("Allow")))
        return buttons

    def _build_confirmed_button(self, label: str, question: str, action: Callable[[], Awaitable[None]]) -> ActionButton:
        """Return a button whose action runs once it is confirmed."""

        async def ask_to_confirm(_interaction: Interaction) -> None:
            self._confirmation = question, label, action

        return ActionButton(ask_to_confirm, label=label, style=discord.ButtonStyle.danger)

    async def _confirm(self, action: Callable[[], Awaitable[None]], _interaction: Interaction) -> None:
        self._confirmation = None
        await action()
        self.panel.announce_decision()

    async def _cancel(self, _interaction: Interaction) -> None:
        self._confirmation = None

    async def _go_back(self, _interaction: Interaction) -> None:
        self.panel.page = self._origin_page

    async def _open_data(self, _interaction: Interaction) -> None:
        self.panel.page = ServerDataPage(self.panel, self.server_id, self)

    async def _open_limits(self, server_name: str, _interaction: Interaction) -> None:
        self.panel.page = ServerLimitsPage(self.panel, self.server_id, server_name, self)

    async def _leave(self) -> None:
        settings = self.panel.client.services.settings
        await server_decisions.request_leave(self.store, settings, self.server_id, user_id=self.panel.user_id)

    async def _allow(self, _interaction: Interaction) -> None:
        await self._change_access(is_allowed=True)
        self.panel.announce_decision()

    async def _change_access(self, *, is_allowed: bool) -> None:
        settings = self.panel.client.services.settings
        await server_decisions.change_access(
            self.store, settings, self.server_id, is_allowed=is_allowed, user_id=self.panel.user_id
        )


def format_server_status(overview: ServerOverview) -> str:
    """Return that the bot leaves a server, else that it is blocked or allowed, and that the bot is not in it; or ""."""
    if overview.is_leaving:
        return _("leaving")
    access_text = {None: "", True: _("allowed"), False: _("blocked")}[overview.is_allowed]
    absence_text = "" if overview.joined_at is not None else _("I’m not in it")
    return ", ".join(filter(None, (access_text, absence_text)))


def format_figures(overview: ServerOverview) -> list[str]:
    """Return the numbers of members, feeds and posts of a server, and when it was last used, as far as known."""
    is_less_than_daily = 0 < overview.post_count < POST_COUNT_DAYS
    daily_count = round(overview.post_count / POST_COUNT_DAYS)
    figures = [
        format_count("{count} feed", "{count} feeds", overview.feed_count),
        _("less than a post a day")
        if is_less_than_daily
        else format_count("{count} post a day", "{count} posts a day", daily_count),
    ]
    if overview.member_count is not None:
        figures.insert(0, format_count("{count} member", "{count} members", overview.member_count))
    if overview.last_used_at is not None:
        figures.append(_("last used {when}").format(when=f"<t:{overview.last_used_at}:D>"))
    return figures


_PAGE_SIZE = 8
"""Number of servers on a page."""
_MAX_NAME_LENGTH = 60
"""Maximum length in UTF-16 units of the name of a server in the list."""
_MAX_SEARCH_LENGTH = 100
"""Maximum length in UTF-16 units of the name or id to search for; Discord's limit for names of servers."""
_ORDER_LABELS = {
    ServerOrder.MEMBERS: N_("Most members first"),
    ServerOrder.NAME: N_("By name"),
    ServerOrder.LAST_USE: N_("Last used first"),
    ServerOrder.NEWEST: N_("Newest first"),
}


class ServersPage(PagedMixin, OwnerPage):
    """Page of the operator's panel that lists the servers, in an order that can be chosen, and finds one of them."""

    title = N_("Servers")
    _order = ServerOrder.MEMBERS

    async def load_blocks(self, _interaction: Interaction) -> Sequence[Block]:
        directory, server_count = self.store.server_directory, await self.store.servers.count()
        page_count = max(-(-await directory.count() // _PAGE_SIZE), 1)
        self.page_index = min(self.page_index, page_count - 1)
        overviews = await directory.list_overviews(
            order=self._order, limit=_PAGE_SIZE, offset=self.page_index * _PAGE_SIZE
        )
        order_options = [
            menu_option(_(label), order.value, is_default=order is self._order)
            for order, label in _ORDER_LABELS.items()
        ]
        search_button = modal_button(
            self.panel,
            self._search,
            _("Find a server…"),
            TextField("line", _("Name or ID"), max_length=_MAX_SEARCH_LENGTH),
            title=_("Find a server"),
            emoji=emoji_for(Icon.SEARCH),
        )
        return (
            heading_block(_("Servers"), format_count("{count} server", "{count} servers", server_count)),
            text_block("\n".join(map(_format_overview, overviews)) or "–"),
            *self._build_server_menu([(overview.id, overview.name) for overview in overviews]),
            ActionRow(StringMenu(self._choose_order, placeholder=_("Order…"), options=order_options)),
            ActionRow(
                *self.page_buttons(has_more=self.page_index + 1 < page_count, page_count_label=page_count),
                search_button,
            ),
        )

    def _build_server_menu(self, servers: Sequence[tuple[int, str | None]]) -> list[Block]:
        """Return a row with a menu that opens one of some servers, given as id and name; nothing without servers."""
        options = [menu_option(name or str(server_id), server_id, str(server_id)) for server_id, name in servers]
        return [ActionRow(StringMenu(self._open_server, placeholder=_("Open…"), options=options))] if options else []

    async def _choose_order(self, _interaction: Interaction, selected_values: list[str]) -> None:
        self._order, self.page_index = ServerOrder(selected_values[0]), 0

    async def _open_server(self, _interaction: Interaction, selected_values: list[str]) -> None:
        self.panel.page = ServerPage(self.panel, int(selected_values[0]), self)

    async def _search(self, interaction: Interaction, text: str) -> None:
        """Open the server with an id or name, or list the servers with the text in their names."""
        servers = await self.store.server_directory.find_servers(text, in_names=True)
        server_id = servers[0][0] if len(servers) == 1 else parse_discord_id(text)
        if server_id is not None:
            self.panel.page = ServerPage(self.panel, server_id, self)
        elif servers:
            menu = self._build_server_menu(servers[: discord_limits.MAX_OPTIONS])
            heading = format_count("{count} server", "{count} servers", len(servers))
            await self.panel.show_blocks(interaction, (heading_block(_("Servers"), heading), *menu))
        else:
            raise UserFacingError(_("No server has this name or ID."))


def _format_overview(overview: ServerOverview) -> str:
    """Return the lines of a server in the list: its name and status, then its figures."""
    name = discord_text.to_markdown_line(overview.name or str(overview.id), _MAX_NAME_LENGTH)
    status = format_server_status(overview)
    return f"**{name}**{status and f' · {status}'}\n-# {' · '.join(format_figures(overview))}"
