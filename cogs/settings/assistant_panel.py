"""The panel for a server's access tokens of AI assistants."""

import discord

from bot.core.i18n import _, format_number
from bot.core.user_errors import UserFacingError
from bot.posting.rendering.layout.blocks import ActionRow, Block, Separator, text
from bot.store.records.people_records import AssistantToken
from bot.text import discord_text
from cogs.shared.authorization import ManagersPanel
from cogs.shared.panels import heading_text
from cogs.shared.views import ActionButton, Interaction, StringMenu, menu_option

_MAX_TOKENS_PER_SERVER = 10


class AssistantPanel(ManagersPanel):
    """The tokens of a server with their last use, and controls that create and revoke them."""

    async def render(self, interaction: Interaction, token: str | None = None) -> None:
        """Show the tokens, and a new `token`, which is shown only once."""
        known = await self.store.assistant_tokens.of_server(self.guild.id)
        address = await self.store.assistant_tokens.address()
        lines = [_line(one) for one in known] or [_("No tokens yet.")]
        blocks: list[Block] = [
            heading_text(
                _("Tokens for AI assistants"),
                _(
                    "With a token, an AI assistant (MCP) can search the feeds of channels that @everyone can "
                    "view, and ask questions about them. It can’t change anything."
                ),
            ),
            text(
                _("Address: `{address}`").format(
                    address=discord_text.to_plain_line(address).replace("`", "'")
                )
                if address
                else _("Address: ask whoever runs this bot where `telex mcp --http` can be reached.")
            ),
            Separator(),
            text("\n".join(lines)),
        ]
        if token is not None:
            how = _(
                "Copy it now: I won’t show it again. Add an MCP server to your assistant with the address "
                "and this bearer token."
            )
            blocks.append(text(f"```\n{token}\n```\n-# {how}"))
        menu = None
        if known:
            options = [menu_option(one.short_name, one.name) for one in known]
            menu = StringMenu(
                self._revoke, placeholder=_("Revoke tokens…"), options=options, max_values=len(options)
            )
        make = ActionButton(
            self._create_token,
            label=_("New token"),
            style=discord.ButtonStyle.success,
            disabled=len(known) >= _MAX_TOKENS_PER_SERVER,
        )
        await self.display_card(interaction, *blocks, ActionRow(menu), ActionRow(make))

    async def _create_token(self, interaction: Interaction) -> None:
        tokens = self.store.assistant_tokens
        token = await tokens.create(self.guild.id, person_id=self.person_id, limit=_MAX_TOKENS_PER_SERVER)
        if token is None:
            raise UserFacingError(
                _("A server can have {count} tokens. Revoke one first.").format(
                    count=format_number(_MAX_TOKENS_PER_SERVER)
                )
            )
        await self.render(interaction, token)

    async def _revoke(self, _interaction: Interaction, names: list[str]) -> None:
        await self.store.assistant_tokens.revoke(self.guild.id, names, person_id=self.person_id)


def _line(token: AssistantToken) -> str:
    used = _("never used")
    if token.last_used_at is not None:
        used = _("last used {when}").format(when=f"<t:{token.last_used_at}:R>")
    made = _("created {when}").format(when=f"<t:{token.created}:R>")
    return f"🔑 **{token.short_name}** · {made} · {used}"
