"""Panel of /bookmarks that creates, replaces and deletes the web feed address of a user's bookmarks."""

import discord

from bot.core import i18n
from bot.core.i18n import _
from bot.posting.publishing.bookmark_feed_builder import BOOKMARKS_ENTRY_KIND
from bot.posting.rendering.layout.blocks import ActionRow, Block, Separator, text_block
from cogs.shared.panels import heading_block
from cogs.shared.published_feeds import feed_address_blocks, require_public_url
from cogs.shared.views import ActionButton, Interaction, OwnedView


class BookmarkFeedPanel(OwnedView):
    """Panel that shows whether a user's bookmarks have a web feed, with buttons to change that."""

    async def render(self, interaction: Interaction, token: str | None = None) -> None:
        """Show whether there is a feed, and its address if `token` is given, the secret part of a new address.

        Raises `UserFacingError` if the bot has no web address.
        """
        public_url = require_public_url(interaction)
        bookmark_feed = await self.store.bookmark_feeds.get_by_user(self.user_id)
        intro = _("For a feed reader, or apps such as Readwise and Wallabag. Your notes aren’t part of it.")
        state_text = (
            _("No address yet.")
            if bookmark_feed is None
            else _("🟢 Address created {when}").format(when=f"<t:{bookmark_feed.created_at}:R>")
        )
        blocks: list[Block] = [
            heading_block(_("Your bookmarks as a feed"), intro),
            text_block("-# " + _("Whoever has the address can read them. Keep it to yourself.")),
            Separator(),
            text_block(state_text),
        ]
        if token is not None:
            label_by_entry_kind = {BOOKMARKS_ENTRY_KIND: ""}
            blocks += feed_address_blocks(public_url, token, label_by_entry_kind)
        if bookmark_feed is None:
            button_row = ActionRow(
                ActionButton(self._create_address, label=_("Create address"), style=discord.ButtonStyle.success)
            )
        else:
            button_row = ActionRow(
                ActionButton(self._create_address, label=_("Replace address")),
                ActionButton(self._delete_address, label=_("Delete address"), style=discord.ButtonStyle.danger),
            )
        await self.display_card(interaction, *blocks, button_row)

    async def _create_address(self, interaction: Interaction) -> None:
        token = await self.store.bookmark_feeds.create_token(self.user_id, language=i18n.current_language())
        await self.render(interaction, token)

    async def _delete_address(self, _interaction: Interaction) -> None:
        await self.store.bookmark_feeds.revoke(self.user_id)
