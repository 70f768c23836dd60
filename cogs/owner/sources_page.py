"""Page of /owner with the blocked sources: domains, parts of sites and feeds."""

from collections.abc import Sequence
from functools import partial

import discord

from bot.core.i18n import N_, _, format_count
from bot.core.user_errors import UserFacingError
from bot.operating.typed_sources import is_public_suffix, parse_typed_source
from bot.posting.rendering.layout.blocks import ActionRow, Block, text_block
from bot.posting.wording.alert_texts import build_source_block_texts
from bot.store.records.operating_records import BlockedSource, FollowedFeedCounts
from bot.text import discord_text
from bot.text.source_patterns import MAX_PATTERN_CHARS, SourcePattern
from cogs.owner.owner_panel import OwnerPage
from cogs.shared.modals import TextField, modal_button
from cogs.shared.paging import PagedMixin
from cogs.shared.panels import heading_block
from cogs.shared.views import ActionButton, Interaction, StringMenu, menu_option

_PAGE_SIZE = 10
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
        page_count = max(1, -(-len(sources) // _PAGE_SIZE))
        self.page_index = min(self.page_index, page_count - 1)
        shown_sources = sources[self.page_index * _PAGE_SIZE :][:_PAGE_SIZE]
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
