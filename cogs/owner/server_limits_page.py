"""Page of /owner with the limits of one server, and what it uses of them."""

from collections.abc import Sequence

from bot.core.i18n import _, format_number
from bot.core.user_errors import UserFacingError
from bot.operating.applicable_limits import MAX_SERVER_LIMIT, LimitUsage, parse_limits
from bot.posting.rendering.layout.blocks import ActionRow, Block
from bot.posting.rendering.layout.icons import Icon, emoji_for
from cogs.owner.owner_panel import OwnerPage, OwnerPanel
from cogs.shared.modals import FormModal, TextField
from cogs.shared.panels import heading_block
from cogs.shared.views import AckMode, ActionButton, Interaction


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
