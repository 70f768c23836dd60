"""Page of /owner with the servers that the bot is in."""

from collections.abc import Sequence

from bot.core.discord_ids import parse_discord_id
from bot.core.i18n import N_, _, format_count
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout.blocks import ActionRow, Block, text_block
from bot.posting.rendering.layout.icons import Icon, emoji_for
from bot.store.records.operating_records import ServerOrder, ServerOverview
from bot.text import discord_text
from cogs.owner.owner_panel import OwnerPage
from cogs.owner.server_page import ServerPage, format_figures, format_server_status
from cogs.shared.modals import TextField, modal_button
from cogs.shared.paging import PagedMixin
from cogs.shared.panels import heading_block
from cogs.shared.views import Interaction, StringMenu, menu_option

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
