"""Panel of /feed share, which creates, replaces and revokes the web feed addresses of a channel."""

import discord

from bot.core.i18n import _
from bot.core.setting_registry import JOIN_STORIES
from bot.posting.rendering.layout.blocks import ActionRow, Block, Separator, text_block
from cogs.shared.panels import ChannelPanel, heading_block
from cogs.shared.published_feeds import feed_address_blocks, require_public_url
from cogs.shared.views import ActionButton, Interaction


class ChannelFeedPanel(ChannelPanel):
    """Panel that shows whether a channel is shared as a web feed, with buttons to change that."""

    async def render(self, interaction: Interaction, token: str | None = None) -> None:
        """Show whether the channel is shared as a web feed and, if `token` is given, the new addresses, only once.

        `token` is the secret part of addresses that were just created.
        Raises `UserFacingError` if the bot has no web address.
        """
        client, public_url = self.client, require_public_url(interaction)
        shared_channel_feed = await client.store.channel_feeds.get_by_channel(self.channel.id)
        is_channel_public = await client.visibility.is_public(self.channel.guild, self.channel.id)
        blocks: list[Block] = [
            heading_block(
                _("Share {channel} as a feed").format(channel=self.channel.mention),
                _("Anyone with the address can read what I post here in a feed reader, without Discord."),
            ),
            Separator(),
            text_block(
                _sharing_state_text(
                    is_shared=shared_channel_feed is not None,
                    is_channel_public=is_channel_public,
                    created_at=shared_channel_feed.created_at if shared_channel_feed else 0,
                )
            ),
        ]
        if token is not None:
            preferences = await client.store.preferences.get_by_channel(self.channel.id)
            label_by_entry_kind = {
                "posts": _("**Posts**: every article"),
                "stories": _("**Stories**: one entry per story, with its outlets"),
                "digest": _("**Digests**"),
            }
            if not preferences[JOIN_STORIES]:  # Each story is a post.
                del label_by_entry_kind["stories"]
            blocks += feed_address_blocks(public_url, token, label_by_entry_kind)
        button_style = discord.ButtonStyle
        if shared_channel_feed is None:
            button_row = ActionRow(
                ActionButton(
                    self._share_channel_feed,
                    label=_("Create address"),
                    style=button_style.success,
                    disabled=not is_channel_public,
                )
            )
        else:
            button_row = ActionRow(
                ActionButton(self._share_channel_feed, label=_("Replace address"), disabled=not is_channel_public),
                ActionButton(self._stop_sharing, label=_("Stop sharing"), style=button_style.danger),
            )
        await self.display_card(interaction, *blocks, button_row)

    async def _share_channel_feed(self, interaction: Interaction) -> None:
        guild, channel_id = self.channel.guild, self.channel.id
        if await self.client.visibility.is_public(guild, channel_id):
            token = await self.store.channel_feeds.create_token(
                server_id=guild.id, channel_id=channel_id, user_id=self.user_id
            )
            await self.render(interaction, token)

    async def _stop_sharing(self, _interaction: Interaction) -> None:
        await self.store.channel_feeds.revoke_token(
            server_id=self.channel.guild.id, channel_id=self.channel.id, user_id=self.user_id
        )


def _sharing_state_text(*, is_shared: bool, is_channel_public: bool, created_at: int) -> str:
    if is_shared and is_channel_public:
        return _("🟢 Shared · address created {when}").format(when=f"<t:{created_at}:R>")
    if is_shared:
        return _(
            "🟠 On hold: not everyone in the server can read this channel anymore, so its feeds are "
            "closed. They’ll reopen once @everyone can."
        )
    if is_channel_public:
        return _("Not shared.")
    return _(
        "Not shared. @everyone must be able to view this channel and its history: check Permissions in its settings."
    )
