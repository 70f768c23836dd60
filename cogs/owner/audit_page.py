"""Page of /owner with the audit log."""

from collections.abc import Sequence

from bot.core.i18n import N_, _
from bot.core.preferences import OPERATOR_USER_ID
from bot.posting.rendering.layout.blocks import ActionRow, Block, text_block
from bot.posting.wording.audit_sentences import describe_audit_entry
from bot.store.records.operating_records import AuditEntry
from bot.text import discord_text
from cogs.owner.owner_panel import OwnerPage
from cogs.shared.paging import PagedMixin
from cogs.shared.panels import heading_block
from cogs.shared.views import Interaction

_PAGE_SIZE = 8
"""Number of entries of the audit log on a page."""
_MAX_LINE_LENGTH = 200
"""Maximum length in UTF-16 units of the line of an entry of the audit log."""


class AuditPage(PagedMixin, OwnerPage):
    """Page of the operator's panel with the audit log, newest entry first."""

    title = N_("Audit log")

    async def load_blocks(self, _interaction: Interaction) -> Sequence[Block]:
        entries = await self.store.audit_log.list_entries(limit=_PAGE_SIZE + 1, offset=self.page_index * _PAGE_SIZE)
        entry_lines = [await self._format_entry(entry) for entry in entries[:_PAGE_SIZE]]
        return (
            heading_block(_("Audit log"), _("What was decided for the whole bot, newest first.")),
            text_block("\n".join(entry_lines) or _("Nothing yet.")),
            ActionRow(*self.page_buttons(has_more=len(entries) > _PAGE_SIZE)),
        )

    async def _format_entry(self, entry: AuditEntry) -> str:
        """Return the line of an entry: when, who, and what they did to which server."""
        sentence = discord_text.to_markdown_line(describe_audit_entry(entry), _MAX_LINE_LENGTH)
        line = f"<t:{entry.recorded_at}:R> · {_format_operator(entry.user_id)} · {sentence}"
        if entry.server_id is None:
            return line
        overview = await self.store.server_directory.get_overview(entry.server_id)
        name = (overview and overview.name) or str(entry.server_id)
        return f"{line} · **{discord_text.to_markdown_line(name)}**"


def _format_operator(user_id: int | None) -> str:
    if user_id is None:
        return _("someone who deleted their data")
    return _("In the terminal") if user_id == OPERATOR_USER_ID else f"<@{user_id}>"
