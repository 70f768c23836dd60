"""Page of /owner with the data of one server: its export, its erasure, and the receipt for the erasure."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime

import discord

from bot.core.i18n import _, format_count
from bot.core.user_errors import UserFacingError
from bot.operating import server_erasures
from bot.posting.rendering.layout.blocks import ActionRow, Block, text_block
from bot.posting.rendering.layout.icons import Icon, emoji_for
from bot.text import discord_text
from cogs.owner.owner_panel import OwnerPage, OwnerPanel
from cogs.shared.panels import heading_block
from cogs.shared.views import AckMode, ActionButton, Interaction


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
