"""Page of /owner with notices, which are texts of the operator for all servers."""

from collections.abc import Mapping, Sequence
from functools import partial

import discord

from bot.core import i18n
from bot.core.i18n import N_, _, format_count, format_number
from bot.operating.notice_texts import MAX_NOTICE_LENGTH, clean_notice_texts
from bot.posting.rendering.layout.blocks import ActionRow, Block, Section, Separator, text_block
from bot.posting.rendering.notice_messages import notice_markup
from bot.posting.wording.setting_words import get_language_name
from bot.store.records.notice_records import Notice, select_notice_text
from bot.text import discord_text
from cogs.owner.owner_panel import OwnerPage
from cogs.shared.modals import FormModal, TextField
from cogs.shared.panels import heading_block
from cogs.shared.views import AckMode, ActionButton, Interaction

_MAX_NOTICES = 5
"""Number of the newest notices that the page shows."""
_MAX_BEGINNING_LENGTH = 100
"""Maximum length in UTF-16 units of the beginning of a notice in the list."""
_MAX_PREVIEW_LENGTH = 1_700
"""Maximum length in UTF-16 units of a notice in the preview, of which two fit into a message."""


class NoticesPage(OwnerPage):
    """Page of the operator's panel that lists notices, and sends one after a preview."""

    title = N_("Notices")
    _draft: Mapping[str, str] | None = None
    """Texts, by language code, of the notice in the preview; None while the page lists notices."""
    _notice_id_to_cancel: int | None = None
    """Id of the notice for which the page asks whether it is to be cancelled, or None."""

    async def load_blocks(self, _interaction: Interaction) -> Sequence[Block]:
        if self._draft is not None:
            return await self._load_preview_blocks(self._draft)
        notices = await self.store.notices.list_all(limit=_MAX_NOTICES)
        write_button = ActionButton(
            self._open_form, AckMode.MANUAL, label=_("Write a notice…"), style=discord.ButtonStyle.primary
        )
        return (
            heading_block(_("Notices"), _("Posted once in each server’s channel for alerts, unless it opted out.")),
            *(block for notice in notices for block in (Separator(), *self._build_notice_blocks(notice))),
            Separator(),
            ActionRow(write_button),
        )

    def _build_notice_blocks(self, notice: Notice) -> Sequence[Block]:
        text = text_block(_describe_notice(notice))
        if not notice.is_in_progress:
            return (text,)
        if notice.id != self._notice_id_to_cancel:

            async def ask_to_cancel(_interaction: Interaction) -> None:
                self._notice_id_to_cancel = notice.id

            return (Section((text,), ActionButton(ask_to_cancel, label=_("Cancel…"))),)

        async def cancel_notice(interaction: Interaction) -> None:
            self._notice_id_to_cancel = None
            await self.store.notices.cancel(notice.id, user_id=interaction.user.id)
            self.panel.has_saved = True

        async def keep_notice(_interaction: Interaction) -> None:
            self._notice_id_to_cancel = None

        cancel_button = ActionButton(
            cancel_notice, label=_("Don’t post it anywhere else"), style=discord.ButtonStyle.danger
        )
        return text, ActionRow(cancel_button, ActionButton(keep_notice, label=_("Go on posting")))

    async def _load_preview_blocks(self, draft: Mapping[str, str]) -> Sequence[Block]:
        reach = await self.store.notices.measure_reach()
        reach_texts = [
            format_count("{count} server gets it", "{count} servers get it", reach.reachable),
            *_list_labelled_counts(
                (_("no channel for alerts: {count}"), reach.without_channel), (_("opted out: {count}"), reach.opted_out)
            ),
        ]
        blocks: list[Block] = [heading_block(_("Send this notice?"), " · ".join(reach_texts))]
        for language, text in draft.items():
            with i18n.language_scope(language):
                language_name, markup = get_language_name(language).capitalize(), notice_markup(text)
            preview = discord_text.truncate_utf16(f"-# {language_name}\n{markup}", _MAX_PREVIEW_LENGTH)
            blocks += [Separator(), text_block(preview)]
        send_button = ActionButton(
            partial(self._send, draft), label=_("Send"), style=discord.ButtonStyle.primary, disabled=not reach.reachable
        )
        edit_button = ActionButton(self._open_form, AckMode.MANUAL, label=_("Change…"))
        return (
            *blocks,
            Separator(),
            ActionRow(send_button, edit_button, ActionButton(self._discard, label=_("Discard"))),
        )

    async def _open_form(self, interaction: Interaction) -> None:
        draft = self._draft or {}
        fields = [
            TextField(
                language,
                get_language_name(language).capitalize(),
                style=discord.TextStyle.paragraph,
                default=draft.get(language),
                max_length=MAX_NOTICE_LENGTH,
                required=False,
            )
            for language in i18n.LANGUAGES
        ]
        await interaction.response.send_modal(FormModal(_("Notice"), self._preview, *fields, view=self.panel))

    async def _preview(self, _interaction: Interaction, *texts: str) -> None:
        self._draft = clean_notice_texts(dict(zip(i18n.LANGUAGES, texts, strict=True)))

    async def _send(self, draft: Mapping[str, str], interaction: Interaction) -> None:
        await self.store.notices.create(draft, user_id=interaction.user.id)
        self._draft = None
        interaction.client.services.cluster_events.announce("outbox")
        self.panel.has_saved = True

    async def _discard(self, _interaction: Interaction) -> None:
        self._draft = None


def _describe_notice(notice: Notice) -> str:
    """Return the lines of a notice in the list: its beginning, then in how many servers it was posted or not."""
    progress = notice.progress
    text = select_notice_text(notice.texts, i18n.current_language())
    beginning = discord_text.to_markdown_line(text, _MAX_BEGINNING_LENGTH)
    facts = [f"<t:{notice.created_at}:f>"]
    if notice.cancelled_at is not None:
        facts.append(_("cancelled"))
    facts += _list_labelled_counts(
        (_("posted: {count}"), progress.posted),
        (_("waiting: {count}"), progress.waiting),
        (_("failed: {count}"), progress.failed),
        (_("no channel for alerts: {count}"), progress.without_channel),
        (_("opted out: {count}"), progress.opted_out),
        (_("withdrawn: {count}"), progress.withdrawn),
    )
    return f"**{notice.id}** · {beginning}\n-# {' · '.join(facts)}"


def _list_labelled_counts(*templates_and_counts: tuple[str, int]) -> list[str]:
    """Return the templates with their counts filled in, without those whose count is 0."""
    return [template.format(count=format_number(count)) for template, count in templates_and_counts if count]
