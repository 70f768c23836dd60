"""Results of an import of an OPML list, with a button that undoes it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from bot.core.i18n import _, format_count
from bot.core.preferences import SettingKind
from bot.operating.setup_limits import load_setup_limits
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card
from bot.store.records.setup_records import FeedAddress, SettingKey, Setup, SetupChange, compare_setups
from cogs.shared.authorization import ManagersPanel
from cogs.shared.channel_options import can_see_channel
from cogs.shared.panels import heading_block
from cogs.shared.views import ActionButton, Interaction


class OpmlImportUndoPanel(ManagersPanel):
    """Panel with the results of an import of a list of feeds, and a button that removes what the import added."""

    def __init__(
        self, interaction: Interaction, report_blocks: Sequence[Block], changes: Sequence[SetupChange]
    ) -> None:
        super().__init__(interaction)
        self._report_blocks = report_blocks
        self._imported_texts = {change.key: change.new_text for change in changes if change.new_text is not None}

    async def render(self, interaction: Interaction) -> None:
        undo_button = ActionButton(self._undo, label=_("Undo the import"))
        await self.display_card(interaction, *self._report_blocks, ActionRow(undo_button))

    async def _undo(self, interaction: Interaction) -> None:
        """Remove the imported feeds and filters; feeds that were changed since, or that the user can't see, stay."""
        channel_ids = {key.channel_id for key in self._imported_texts if key.channel_id is not None}
        visible_channel_ids = {
            channel_id for channel_id in channel_ids if await can_see_channel(interaction, channel_id)
        }
        setup = await self.store.setups.read(self.guild.id)
        unchanged_texts = _select_unchanged(setup, self._imported_texts)
        removed_texts = {key: text for key, text in unchanged_texts.items() if key.channel_id in visible_channel_ids}
        await self.store.setups.apply(
            self.guild.id,
            compare_setups(removed_texts, {}),
            user_id=self.user_id,
            limits=await load_setup_limits(self.client.services.limits, self.guild.id),
        )
        self.client.outbox_relay.wake()
        stored_texts = {key: text for key, text in self._imported_texts.items() if key in setup}
        heading = _("Import undone") if removed_texts else _("Nothing changed.")
        result_block = heading_block(heading, *_iter_result_lines(stored_texts, removed_texts))
        await self.finish(interaction, (Card((result_block,), outlet_branding.DEFAULT_COLOUR),))


def _iter_result_lines(stored_texts: Setup, removed_texts: Setup) -> Iterator[str]:
    """Yield lines on the feeds and channels' filters that are removed, and on the stored feeds that stay."""
    removed_count = _count_feeds(removed_texts)
    if removed_count:
        yield "↩️ " + format_count("{count} feed removed", "{count} feeds removed", removed_count)
    if filter_count := sum(key.feed is None for key in removed_texts):
        yield "↩️ " + format_count("{count} filter removed", "{count} filters removed", filter_count)
    if unremoved_count := _count_feeds(stored_texts) - removed_count:
        yield "❌ " + format_count(
            "{count} feed stays: it was changed since, or you can’t see its channel",
            "{count} feeds stay: they were changed since, or you can’t see their channels",
            unremoved_count,
        )


def _select_unchanged(setup: Setup, imported_texts: Setup) -> dict[SettingKey, str]:
    """Return those imported settings that a server still has; of a feed, only if it has neither more nor fewer."""
    current_parts, imported_parts = _group_by_feed(setup), _group_by_feed(imported_texts)
    return {
        key: text
        for key, text in imported_texts.items()
        if setup.get(key) == text
        and (key.feed is None or current_parts[key.channel_id, key.feed] == imported_parts[key.channel_id, key.feed])
    }


def _group_by_feed(setup: Setup) -> Mapping[tuple[int | None, FeedAddress], dict[SettingKey, str]]:
    """Group the settings of feeds by channel and feed."""
    texts_by_feed: defaultdict[tuple[int | None, FeedAddress], dict[SettingKey, str]] = defaultdict(dict)
    for key, text in setup.items():
        if key.feed is not None:
            texts_by_feed[key.channel_id, key.feed][key] = text
    return texts_by_feed


def _count_feeds(setup: Setup) -> int:
    return sum(key.setting == SettingKind.SUBSCRIPTION for key in setup)
