"""The tokens that a server gives to AI assistants."""

import discord

from bot.core.locale import _, amount
from bot.core.refusals import Refusal
from bot.posting.rendering.layout.blocks import Block, Row, Rule, text
from bot.store.records.people_records import AssistantToken
from bot.text import safe
from cogs.shared.panels import headed
from cogs.shared.rights import ManagersLayout
from cogs.shared.views import Choose, Interaction, Press, option

_TOKENS = 10  # of a server


class AssistantPanel(ManagersLayout):
    """One message with the tokens of a server, when each was last used, and what makes and revokes them."""

    async def show(self, interaction: Interaction, token: str | None = None) -> None:
        """Show them, with a new `token`, which is not shown again."""
        known = await self.store.assistant_tokens.of_server(self.guild.id)
        address = await self.store.assistant_tokens.address()
        lines = [_line(one) for one in known] or [_("No tokens yet.")]
        blocks: list[Block] = [
            headed(
                _("Tokens for AI assistants"),
                _(
                    "With a token, an AI assistant (MCP) can search the feeds of channels that @everyone can "
                    "view, and ask questions about them. It can’t change anything."
                ),
            ),
            text(
                _("Address: `{address}`").format(address=safe.plain(address).replace("`", "'"))
                if address
                else _("Address: ask whoever runs this bot where `telex mcp --http` can be reached.")
            ),
            Rule(),
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
            options = [option(one.shown, one.name) for one in known]
            menu = Choose(
                self._revoke, placeholder=_("Revoke tokens…"), options=options, max_values=len(options)
            )
        make = Press(
            self._make,
            label=_("New token"),
            style=discord.ButtonStyle.success,
            disabled=len(known) >= _TOKENS,
        )
        await self.display_card(interaction, *blocks, Row(menu), Row(make))

    async def _make(self, interaction: Interaction) -> None:
        tokens = self.store.assistant_tokens
        token = await tokens.make(self.guild.id, person_id=self.person_id, limit=_TOKENS)
        if token is None:
            raise Refusal(
                _("A server can have {count} tokens. Revoke one first.").format(count=amount(_TOKENS))
            )
        await self.show(interaction, token)

    async def _revoke(self, _interaction: Interaction, names: list[str]) -> None:
        await self.store.assistant_tokens.revoke(self.guild.id, names, person_id=self.person_id)


def _line(token: AssistantToken) -> str:
    used = _("never used")
    if token.used is not None:
        used = _("last used {when}").format(when=f"<t:{token.used}:R>")
    made = _("created {when}").format(when=f"<t:{token.created}:R>")
    return f"🔑 **{token.shown}** · {made} · {used}"
