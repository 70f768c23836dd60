"""Panel for a server's access tokens of AI assistants."""

import discord

from bot.core.i18n import _, format_number
from bot.core.user_errors import UserFacingError
from bot.posting.rendering.layout.blocks import ActionRow, Block, Separator, text_block
from bot.store.records.people_records import AssistantToken
from bot.text import discord_text
from cogs.shared.authorization import ManagersPanel
from cogs.shared.panels import heading_block
from cogs.shared.views import ActionButton, Interaction, StringMenu, menu_option

_MAX_TOKENS_PER_SERVER = 10
"""Maximum number of access tokens of a server."""


class AssistantPanel(ManagersPanel):
    """Panel with a server's access tokens of AI assistants, their last use, and controls to manage them."""

    async def render(self, interaction: Interaction, new_token: str | None = None) -> None:
        """Show the names of the server's access tokens and, once only, the whole text of `new_token`."""
        assistant_tokens = await self.store.assistant_tokens.list_by_server(self.guild.id)
        assistant_url = await self.store.assistant_tokens.get_public_url()
        token_lines = [_format_token_line(assistant_token) for assistant_token in assistant_tokens] or [
            _("No tokens yet.")
        ]
        blocks: list[Block] = [
            heading_block(
                _("Tokens for AI assistants"),
                _(
                    "With a token, an AI assistant (MCP) can search the feeds of channels that @everyone can "
                    "view, and ask questions about them. It can’t change anything."
                ),
            ),
            text_block(
                _("Address: `{address}`").format(address=discord_text.to_plain_line(assistant_url).replace("`", "'"))
                if assistant_url
                else _("Address: ask whoever runs this bot where `telex mcp --http` can be reached.")
            ),
            Separator(),
            text_block("\n".join(token_lines)),
        ]
        if new_token is not None:
            instructions = _(
                "Copy it now: I won’t show it again. Add an MCP server to your assistant with the address "
                "and this bearer token."
            )
            blocks.append(text_block(f"```\n{new_token}\n```\n-# {instructions}"))
        revoke_menu = None
        if assistant_tokens:
            token_options = [
                menu_option(assistant_token.short_name, assistant_token.hash_hex)
                for assistant_token in assistant_tokens
            ]
            revoke_menu = StringMenu(
                self._revoke_tokens,
                placeholder=_("Revoke tokens…"),
                options=token_options,
                max_values=len(token_options),
            )
        create_button = ActionButton(
            self._create_token,
            label=_("New token"),
            style=discord.ButtonStyle.success,
            disabled=len(assistant_tokens) >= _MAX_TOKENS_PER_SERVER,
        )
        await self.display_card(interaction, *blocks, ActionRow(revoke_menu), ActionRow(create_button))

    async def _create_token(self, interaction: Interaction) -> None:
        new_token = await self.store.assistant_tokens.create(
            self.guild.id, user_id=self.user_id, limit=_MAX_TOKENS_PER_SERVER
        )
        if new_token is None:
            raise UserFacingError(
                _("A server can have {count} tokens. Revoke one first.").format(
                    count=format_number(_MAX_TOKENS_PER_SERVER)
                )
            )
        await self.render(interaction, new_token)

    async def _revoke_tokens(self, _interaction: Interaction, token_hashes: list[str]) -> None:
        await self.store.assistant_tokens.revoke(self.guild.id, token_hashes, user_id=self.user_id)


def _format_token_line(assistant_token: AssistantToken) -> str:
    last_used_text = _("never used")
    if assistant_token.last_used_at is not None:
        last_used_text = _("last used {when}").format(when=f"<t:{assistant_token.last_used_at}:R>")
    created_text = _("created {when}").format(when=f"<t:{assistant_token.created_at}:R>")
    return f"🔑 **{assistant_token.short_name}** · {created_text} · {last_used_text}"
