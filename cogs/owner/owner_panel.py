"""Panel of /owner, with pages that other modules define."""

from collections.abc import Sequence
from typing import ClassVar

from bot.core.i18n import _
from bot.core.user_errors import UserFacingError
from bot.operating.audit_follower import AUDIT_EVENT
from bot.posting.rendering.layout.blocks import ActionRow, Block
from cogs.shared.views import Interaction, OwnedView, StringMenu, menu_option


class OwnerPage:
    """Page of the operator's panel (/owner).

    Actions of its buttons and menus change its state; then the panel shows it again.
    """

    title: ClassVar[str]
    """Name of the page in the menu of pages, in English, marked for translation."""

    def __init__(self, panel: "OwnerPanel") -> None:
        self.panel, self.store = panel, panel.store

    async def load_blocks(self, interaction: Interaction) -> Sequence[Block]:
        """Return the blocks that show the current state of the page; the menu of pages is added below them."""
        raise NotImplementedError


class OwnerPanel(OwnedView):
    """Panel for operators, who own the bot's application or are in its team; it shows one page at a time.

    `page_types` are the pages to choose from, the first of which is shown first. An action of a page may set `page` to
    another page, such as one about a single server.
    """

    def __init__(self, interaction: Interaction, page_types: Sequence[type[OwnerPage]]) -> None:
        super().__init__(interaction)
        self._page_types = page_types
        self.page = page_types[0](self)

    async def authorize(self, interaction: Interaction) -> None:
        await require_operator(interaction)

    async def render(self, interaction: Interaction) -> None:
        await self.show_blocks(interaction, await self.page.load_blocks(interaction))

    async def show_blocks(self, interaction: Interaction, blocks: Sequence[Block]) -> None:
        """Show blocks once, until the next action, in place of the page, with the menu of pages below."""
        options = [
            menu_option(_(page_type.title), number, is_default=type(self.page) is page_type)
            for number, page_type in enumerate(self._page_types)
        ]
        page_menu = StringMenu(self._choose_page, placeholder=_("Page…"), options=options)
        await self.display_card(interaction, *blocks, ActionRow(page_menu))

    def announce_decision(self) -> None:
        """Have this process act at once on what the operator decided; other processes notice it in the audit log."""
        self.client.services.cluster_events.announce(AUDIT_EVENT)

    async def _choose_page(self, _interaction: Interaction, selected_values: list[str]) -> None:
        self.page = self._page_types[int(selected_values[0])](self)


async def require_operator(interaction: Interaction) -> None:
    """Raise `UserFacingError` unless an operator acts in the server of the setting `owner_server`."""
    is_owner_server = interaction.guild_id == interaction.client.services.settings.owner_server
    if not is_owner_server or not await interaction.client.is_owner(interaction.user):
        raise UserFacingError(_("Only the owner of this bot, or a member of its team, can use this."))
