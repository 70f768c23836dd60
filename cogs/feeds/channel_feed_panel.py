"""The panel of /feed share, which creates, replaces and revokes the feed addresses of a channel."""

import discord

from bot.core.i18n import _
from bot.core.user_errors import UserFacingError
from bot.posting.publishing.feed_serializers import feed_url
from bot.posting.rendering.layout.blocks import ActionRow, Block, Separator, text
from cogs.shared.panels import ChannelPanel, heading_text
from cogs.shared.views import ActionButton, Interaction


class ChannelFeedPanel(ChannelPanel):
    """A panel that says whether a channel is shared, with buttons to change that."""

    async def render(self, interaction: Interaction, token: str | None = None) -> None:
        """Show the current state, with the addresses of a new `token`, which are shown only once."""
        client = self.client
        public = client.newsroom.settings.public_url
        if public is None:
            raise UserFacingError(
                _(
                    "I have no web address, so I can’t publish feeds. Whoever runs this bot needs to set "
                    "TELEX_PUBLIC_URL."
                )
            )
        shared = await client.store.channel_feeds.of_channel(self.channel.id)
        is_open = await client.visibility.is_public(self.channel.guild, self.channel.id)
        blocks: list[Block] = [
            heading_text(
                _("Share {channel} as a feed").format(channel=self.channel.mention),
                _("Anyone with the address can read what I post here in a feed reader, without Discord."),
            ),
            Separator(),
            text(
                _sharing_state(
                    is_shared=shared is not None, is_open=is_open, made=shared.created if shared else 0
                )
            ),
        ]
        if token is not None:
            chosen = await client.store.preferences.of_channel(self.channel.id)
            kinds = {
                "posts": _("**Posts**: every article"),
                "stories": _("**Stories**: one entry per story, with its outlets"),
                "digest": _("**Digests**"),
            }
            blocks += [
                text(f"{name}\n```\n{feed_url(public, token, what, 'atom')}\n```")
                for what, name in kinds.items()
                if what != "stories" or chosen.join_stories  # Otherwise each story is a post.
            ]
            small = _(
                "For RSS or JSON, replace .atom with .rss or .json. Copy them now: I won’t show them again."
            )
            blocks.append(text(f"-# {small}"))
        style = discord.ButtonStyle
        if shared is None:
            row = ActionRow(
                ActionButton(
                    self._share, label=_("Create address"), style=style.success, disabled=not is_open
                )
            )
        else:
            row = ActionRow(
                ActionButton(self._share, label=_("Replace address"), disabled=not is_open),
                ActionButton(self._stop, label=_("Stop sharing"), style=style.danger),
            )
        await self.display_card(interaction, *blocks, row)

    async def _share(self, interaction: Interaction) -> None:
        guild, channel_id = self.channel.guild, self.channel.id
        if await self.client.visibility.is_public(guild, channel_id):
            token = await self.store.channel_feeds.create_token(
                server_id=guild.id, channel_id=channel_id, person_id=self.person_id
            )
            await self.render(interaction, token)

    async def _stop(self, _interaction: Interaction) -> None:
        await self.store.channel_feeds.revoke(
            server_id=self.channel.guild.id, channel_id=self.channel.id, person_id=self.person_id
        )


def _sharing_state(*, is_shared: bool, is_open: bool, made: int) -> str:
    if is_shared and is_open:
        return _("🟢 Shared · address created {when}").format(when=f"<t:{made}:R>")
    if is_shared:
        return _(
            "🟠 On hold: not everyone in the server can read this channel anymore, so its feeds are "
            "closed. They’ll reopen once @everyone can."
        )
    if is_open:
        return _("Not shared.")
    return _(
        "Not shared. @everyone must be able to view this channel and its history: check Permissions in "
        "its settings."
    )
