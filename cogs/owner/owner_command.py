"""Command /owner, which exists only in the server of the setting `owner_server`, and its pages but that of servers."""

from collections.abc import Mapping, Sequence
from functools import partial

import discord
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from bot.client.discord_client import TelexBot
from bot.core import i18n
from bot.core.i18n import N_, _, format_count, format_number, pgettext
from bot.core.preferences import OPERATOR_USER_ID
from bot.core.user_errors import UserFacingError
from bot.operating.notice_texts import MAX_NOTICE_LENGTH, clean_notice_texts
from bot.operating.typed_sources import is_public_suffix, parse_typed_source
from bot.posting.rendering.layout.blocks import ActionRow, Block, Section, Separator, text_block
from bot.posting.rendering.notice_messages import notice_markup
from bot.posting.wording.alert_texts import build_source_block_texts
from bot.posting.wording.audit_sentences import describe_audit_entry
from bot.posting.wording.setting_words import get_language_name
from bot.store.records.operating_records import (
    MAX_MAINTENANCE_MINUTES,
    AuditEntry,
    BlockedSource,
    FollowedFeedCounts,
    Notice,
    select_notice_text,
)
from bot.text import discord_text
from bot.text.source_patterns import MAX_PATTERN_CHARS, SourcePattern
from cogs.owner.owner_panel import OwnerPage, OwnerPanel, require_operator
from cogs.owner.servers_page import ServersPage
from cogs.shared.modals import FormModal, TextField, modal_button
from cogs.shared.paging import PagedMixin
from cogs.shared.panels import heading_block
from cogs.shared.views import AckMode, ActionButton, Interaction, StringMenu, menu_option

_AUDIT_PAGE_SIZE = 8
"""Number of entries of the audit log on a page."""
_MAX_LINE_LENGTH = 200
"""Maximum length in UTF-16 units of the line of an entry of the audit log."""


class AuditPage(PagedMixin, OwnerPage):
    """Page of the operator's panel with the audit log, newest entry first."""

    title = N_("Audit log")

    async def load_blocks(self, _interaction: Interaction) -> Sequence[Block]:
        entries = await self.store.audit_log.list_entries(
            limit=_AUDIT_PAGE_SIZE + 1, offset=self.page_index * _AUDIT_PAGE_SIZE
        )
        entry_lines = [await self._format_entry(entry) for entry in entries[:_AUDIT_PAGE_SIZE]]
        return (
            heading_block(_("Audit log"), _("What was decided for the whole bot, newest first.")),
            text_block("\n".join(entry_lines) or _("Nothing yet.")),
            ActionRow(*self.page_buttons(has_more=len(entries) > _AUDIT_PAGE_SIZE)),
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


class MaintenancePage(OwnerPage):
    """Page of the operator's panel that turns the maintenance mode on and off."""

    title = N_("Maintenance")

    async def load_blocks(self, _interaction: Interaction) -> Sequence[Block]:
        period = await self.store.maintenance.get()
        if period is None:
            minutes_field = TextField(
                "minutes",
                _("How many minutes will it take?"),
                description=_("People read it. Leave it empty if you don’t know."),
                required=False,
                max_length=len(str(MAX_MAINTENANCE_MINUTES)),
            )
            button = modal_button(
                self.panel,
                self._turn_on,
                _("Turn on…"),
                minutes_field,
                title=_("Maintenance"),
                style=discord.ButtonStyle.danger,
            )
            explanation = _(
                "During maintenance, nothing is fetched or posted, and commands say so. "
                "Nothing is lost: everything follows."
            )
            state_text = pgettext("maintenance", "off")
            return heading_block(_("Maintenance"), state_text, f"-# {explanation}"), ActionRow(button)
        state_lines = [_("on since {when}").format(when=f"<t:{period.since}:f>")]
        if period.expected_end is not None:
            state_lines.append(_("expected until {when}").format(when=f"<t:{period.expected_end}:f>"))
        button = ActionButton(self._turn_off, label=_("Turn off"), style=discord.ButtonStyle.success)
        return heading_block(_("Maintenance"), *state_lines), ActionRow(button)

    async def _turn_on(self, interaction: Interaction, minutes_text: str) -> None:
        minutes = int(minutes_text) if minutes_text.isascii() and minutes_text.isdecimal() else 0
        if minutes_text and not 1 <= minutes <= MAX_MAINTENANCE_MINUTES:
            raise UserFacingError(_("Enter a number of minutes, such as 30."))
        await self.store.maintenance.turn_on(expected_seconds=60 * minutes or None, user_id=interaction.user.id)
        await interaction.client.services.maintenance.refresh()

    async def _turn_off(self, interaction: Interaction) -> None:
        await self.store.maintenance.turn_off(user_id=interaction.user.id)
        await interaction.client.services.maintenance.refresh()


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


_SOURCE_PAGE_SIZE = 10
"""Number of blocked sources on a page."""
_MAX_SOURCE_LENGTH = 100
"""Maximum length in UTF-16 units of a source in a text of the page."""


class SourcesPage(PagedMixin, OwnerPage):
    """Page of the operator's panel that lists the blocked sources, unblocks one, or blocks another after a question."""

    title = N_("Blocked sources")
    _new_pattern: SourcePattern | None = None
    """Source for which the page asks whether it is to be blocked; None while the page lists sources."""

    async def load_blocks(self, _interaction: Interaction) -> Sequence[Block]:
        if self._new_pattern is not None:
            return await self._load_question_blocks(self._new_pattern)
        sources = await self.store.blocked_sources.list_all()
        page_count = max(1, -(-len(sources) // _SOURCE_PAGE_SIZE))
        self.page_index = min(self.page_index, page_count - 1)
        shown_sources = sources[self.page_index * _SOURCE_PAGE_SIZE :][:_SOURCE_PAGE_SIZE]
        explanation = _("No feed or page from there is followed, fetched or saved.")
        source_field = TextField(
            "source",
            _("Domain or address"),
            description=_("Such as news.example. An address blocks only what is below it."),
            max_length=MAX_PATTERN_CHARS,
        )
        block_button = modal_button(
            self.panel,
            self._ask_to_block,
            _("Block…"),
            source_field,
            title=_("Block a source"),
            style=discord.ButtonStyle.danger,
        )
        blocks: list[Block] = [
            heading_block(_("Blocked sources"), f"-# {explanation}"),
            text_block("\n".join(map(_format_source, shown_sources)) or _("None.")),
        ]
        page_buttons = self.page_buttons(has_more=self.page_index + 1 < page_count, page_count_label=page_count)
        blocks.append(ActionRow(*page_buttons, block_button))
        if shown_sources:
            options = [menu_option(str(source.pattern), number) for number, source in enumerate(shown_sources)]
            blocks.append(
                ActionRow(StringMenu(partial(self._unblock, shown_sources), placeholder=_("Unblock…"), options=options))
            )
        return blocks

    async def _load_question_blocks(self, pattern: SourcePattern) -> Sequence[Block]:
        counts = await self.store.blocked_sources.count_followed(pattern)
        question = _("Block **{source}**?").format(source=_format_pattern(pattern))
        own_server_id = self.panel.client.services.settings.owner_server
        lines = [question, _describe_counts(counts, is_own_concerned=own_server_id in counts.server_ids)]
        block_button = ActionButton(partial(self._block, pattern), label=_("Block"), style=discord.ButtonStyle.danger)
        return (
            heading_block(_("Blocked sources")),
            text_block("\n".join(lines)),
            ActionRow(block_button, ActionButton(self._cancel, label=_("Cancel"))),
        )

    async def _ask_to_block(self, _interaction: Interaction, source_text: str) -> None:
        try:
            pattern = parse_typed_source(source_text)
        except ValueError as error:
            raise UserFacingError(
                _("Enter a domain such as news.example, or an address below it, without a password or key.")
            ) from error
        if await is_public_suffix(pattern.domain):
            sentence = _("{domain} holds the sites of many publishers. Block a domain below it, such as news.{domain}.")
            raise UserFacingError(sentence.format(domain=pattern.domain))
        self._new_pattern = pattern

    async def _cancel(self, _interaction: Interaction) -> None:
        self._new_pattern = None

    async def _block(self, pattern: SourcePattern, interaction: Interaction) -> None:
        texts = build_source_block_texts(str(pattern), interaction.client.services.settings, is_blocked=True)
        counts = await self.store.blocked_sources.block(pattern, texts, user_id=interaction.user.id)
        self._new_pattern = None
        if counts is None:
            raise UserFacingError(_("{source} is blocked already.").format(source=_format_pattern(pattern)))
        self.page_index = 0
        self._act_at_once(interaction)

    async def _unblock(
        self, shown_sources: Sequence[BlockedSource], interaction: Interaction, selected_values: list[str]
    ) -> None:
        pattern = shown_sources[int(selected_values[0])].pattern
        texts = build_source_block_texts(str(pattern), interaction.client.services.settings, is_blocked=False)
        await self.store.blocked_sources.unblock(pattern, texts, user_id=interaction.user.id)
        self._act_at_once(interaction)

    def _act_at_once(self, interaction: Interaction) -> None:
        self.panel.announce_decision()
        self.panel.has_saved = True
        interaction.client.services.poller.wake()
        interaction.client.outbox_relay.wake()


def _format_source(source: BlockedSource) -> str:
    return f"**{_format_pattern(source.pattern)}** · <t:{source.blocked_at}:D>"


def _format_pattern(pattern: SourcePattern) -> str:
    return discord_text.to_markdown_line(str(pattern), _MAX_SOURCE_LENGTH)


def _describe_counts(counts: FollowedFeedCounts, *, is_own_concerned: bool) -> str:
    """Return what a block stops; `is_own_concerned` is whether the operator's own server follows one of its feeds."""
    if not counts.feed_count:
        return _("No server follows a feed from there.")
    effect = _("This stops {feed_count} in {server_count}. An alert tells each server.").format(
        feed_count=format_count("{count} feed", "{count} feeds", counts.feed_count),
        server_count=format_count("{count} server", "{count} servers", len(counts.server_ids)),
    )
    return " ".join((effect, _("Your own server is one of them."))) if is_own_concerned else effect


OWNER_PAGES: tuple[type[OwnerPage], ...] = (ServersPage, SourcesPage, NoticesPage, MaintenancePage, AuditPage)
"""Pages of the panel of /owner, in the order of their menu."""


@app_commands.command(name="owner", description=locale_str("Servers and limits of the whole bot"))
async def open_owner_panel(interaction: Interaction) -> None:
    """Open the panel with which an operator decides for the whole bot."""
    await require_operator(interaction)
    await OwnerPanel(interaction, OWNER_PAGES).render(interaction)


class OwnerCog(commands.Cog):
    """Cog of /owner, which it adds to the commands of the operator's server alone."""

    def __init__(self, bot: TelexBot) -> None:
        self._bot = bot
        self._owner_server_id = bot.services.settings.owner_server

    async def cog_load(self) -> None:
        if self._owner_server_id is not None:
            self._bot.tree.add_command(open_owner_panel, guild=discord.Object(self._owner_server_id))

    async def cog_unload(self) -> None:
        if self._owner_server_id is not None:
            self._bot.tree.remove_command(open_owner_panel.name, guild=discord.Object(self._owner_server_id))

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Register /owner when the bot joins the operator's server, which lost the command with the bot."""
        if guild.id == self._owner_server_id:
            await self._bot.sync_owner_commands()
