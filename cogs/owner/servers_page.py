"""Page of /owner with the servers that the bot is in."""

from collections.abc import Sequence

from bot.core.i18n import N_, _, format_count, format_number
from bot.posting.rendering.layout.blocks import ActionRow, Block, text_block
from bot.store.records.operating_records import POST_COUNT_DAYS, ServerOrder, ServerOverview
from bot.text import discord_text
from cogs.owner.owner_panel import OwnerPage
from cogs.shared.paging import PagedMixin
from cogs.shared.panels import heading_block
from cogs.shared.views import Interaction, StringMenu, menu_option

_PAGE_SIZE = 10
"""Number of servers on a page."""
_MAX_NAME_LENGTH = 60
"""Maximum length in UTF-16 units of the name of a server in the list."""
_ORDER_LABELS = {
    ServerOrder.MEMBERS: N_("Most members first"),
    ServerOrder.NAME: N_("By name"),
    ServerOrder.LAST_USE: N_("Last used first"),
    ServerOrder.NEWEST: N_("Newest first"),
}


class ServersPage(PagedMixin, OwnerPage):
    """Page of the panel that lists the servers, in an order that the operator chooses."""

    title = N_("Servers")
    _order = ServerOrder.MEMBERS

    async def load_blocks(self, _interaction: Interaction) -> Sequence[Block]:
        server_count = await self.store.servers.count()
        overviews = await self.store.server_directory.list_overviews(
            order=self._order, limit=_PAGE_SIZE, offset=self.page_index * _PAGE_SIZE
        )
        page_count = -(-server_count // _PAGE_SIZE)
        order_menu = StringMenu(
            self._choose_order,
            placeholder=_("Order…"),
            options=[
                menu_option(_(label), order.value, is_default=order is self._order)
                for order, label in _ORDER_LABELS.items()
            ],
        )
        return (
            heading_block(_("Servers"), format_count("{count} server", "{count} servers", server_count)),
            text_block("\n".join(map(_format_overview, overviews)) or "–"),
            ActionRow(*self.page_buttons(has_more=self.page_index + 1 < page_count, page_count_label=page_count)),
            ActionRow(order_menu),
        )

    async def _choose_order(self, _interaction: Interaction, selected_values: list[str]) -> None:
        self._order, self.page_index = ServerOrder(selected_values[0]), 0


def _format_overview(overview: ServerOverview) -> str:
    """Return the lines of a server in the list: its name, then its figures."""
    name = discord_text.to_markdown_line(overview.name or str(overview.id), _MAX_NAME_LENGTH)
    figures = [
        format_count("{count} feed", "{count} feeds", overview.feed_count),
        _("{count} posts a day").format(count=format_number(round(overview.post_count / POST_COUNT_DAYS))),
    ]
    if overview.member_count is not None:
        figures.insert(0, format_count("{count} member", "{count} members", overview.member_count))
    if overview.last_used_at is not None:
        figures.append(_("last used {when}").format(when=f"<t:{overview.last_used_at}:D>"))
    return f"**{name}**\n-# {' · '.join(figures)}"
