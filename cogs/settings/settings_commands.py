"""/settings: what the people of a server choose for it and for its channels, and who changed what."""

from __future__ import annotations

from collections.abc import Iterator

import discord
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from bot.core.locale import _, amount, counted
from bot.core.refusals import Refusal
from bot.posting.rendering.layout import blocks, outlets
from bot.posting.rendering.layout.blocks import Block, Card, Row, Rule, text
from bot.posting.wording import taste_words
from bot.store.records.people_records import AssistantToken
from bot.stories.server_taste import SEVERAL, Taste
from bot.text import safe
from cogs.feeds.look_panel import LookPanel
from cogs.settings.change_history import History
from cogs.settings.channel_settings import ChannelSettings
from cogs.settings.schedule_panel import RhythmPanel, StoryPanel
from cogs.settings.server_settings import ServerPanel
from cogs.shared.panels import headed
from cogs.shared.place_options import Option, place
from cogs.shared.rights import FOR_MANAGERS, ManagersLayout, ManagersOnly, in_servers
from cogs.shared.views import Choose, Interaction, Press, TelexCog, option


@in_servers
class ServerSettings(
    ManagersOnly,
    TelexCog,
    commands.GroupCog,
    group_name="settings",
    group_description=locale_str("Settings of this server and its channels"),
    group_extras=FOR_MANAGERS,
):
    """Settings. For those who manage the server's feeds."""

    @app_commands.command(
        name="server", description=locale_str("Language, time zone, alerts and who manages feeds")
    )
    async def server(self, interaction: Interaction) -> None:
        await ServerPanel(interaction).show(interaction)

    @app_commands.command(
        name="channel",
        description=locale_str("A channel’s language, translation, grouping, daily thread and tags"),
    )
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def channel(self, interaction: Interaction, channel: Option | None = None) -> None:
        await ChannelSettings(interaction, await place(interaction, channel)).show(interaction)

    @app_commands.command(name="look", description=locale_str("Choose how posts look by default"))
    async def look(self, interaction: Interaction) -> None:
        await LookPanel(interaction, None).start(interaction)

    @app_commands.command(name="schedule", description=locale_str("Set a channel’s quiet hours and limits"))
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def schedule(self, interaction: Interaction, channel: Option | None = None) -> None:
        await RhythmPanel(interaction, await place(interaction, channel)).show(interaction)

    @app_commands.command(
        name="stories",
        description=locale_str("Post only what several outlets report, or the best of the day"),
    )
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def stories(self, interaction: Interaction, channel: Option | None = None) -> None:
        await StoryPanel(interaction, await place(interaction, channel)).show(interaction)

    @app_commands.command(
        name="taste",
        description=locale_str("See or reset what this server likes"),
    )
    async def taste(self, interaction: Interaction) -> None:
        await TastePanel(interaction).show(interaction)

    @app_commands.command(
        name="assistants", description=locale_str("Let AI assistants read what everyone here can")
    )
    async def assistants(self, interaction: Interaction) -> None:
        await AssistantPanel(interaction).show(interaction)

    @app_commands.command(name="history", description=locale_str("See who changed what"))
    async def history(self, interaction: Interaction) -> None:
        await History(interaction).show(interaction)


_TRAITS = 6  # of each kind


class TastePanel(ManagersLayout):
    """One message with what is liked and what is not, and a button that forgets it."""

    async def show(self, interaction: Interaction) -> None:
        taste = await interaction.client.newsroom.tastes.of_server(self.guild.id)
        ask = Press(self._ask, label=_("Forget all of it"), disabled=not taste.verdicts)
        await self._display(interaction, taste, Row(ask))

    async def _display(self, interaction: Interaction, taste: Taste, row: Row) -> None:
        spaced = [each for line in _lines(taste, interaction.user.id) for each in (blocks.text(line), Rule())]
        await self.display(interaction, (Card((*spaced, row), outlets.COLOUR),))

    async def _ask(self, interaction: Interaction) -> None:
        taste = await interaction.client.newsroom.tastes.of_server(self.guild.id)
        sure = Press(self._reset, label=_("Forget everything"), style=discord.ButtonStyle.danger)
        await self._display(interaction, taste, Row(sure, Press(self.show, label=_("Keep it"))))

    async def _reset(self, interaction: Interaction) -> None:
        await interaction.client.store.opinions.reset(self.guild.id, person_id=interaction.user.id)
        interaction.client.newsroom.tastes.forget(self.guild.id)
        await self.show(interaction)


def _lines(taste: Taste, person_id: int) -> Iterator[str]:
    heading = _("What this server likes")
    learned = _(
        "Learned from three months of 🔖, 👍, “Less like this” and More. It helps sort digests, the best of "
        "the day and answers to “what’s new?”. ×2 means liked twice as much as average."
    )
    yield f"### {heading}\n{learned}"
    told = [one for one in taste.traits.values() if one.may_be_told(person_id)]
    told.sort(key=lambda one: (-one.score, one.name))
    liked = [one for one in told if one.score > 0]
    disliked = [one for one in reversed(told) if one.score < 0]
    for heading, traits in ((_("Likes"), liked), (_("Likes less"), disliked)):
        if traits:
            yield "\n".join((f"**{heading}**", *taste_words.by_kind(traits, _TRAITS)))
    if not taste.verdicts:
        yield _("Nothing yet. Press 🔖 or More under a post.")
        return
    reactions = counted("{count} reaction.", "{count} reactions.", taste.verdicts)
    rule = _("Anything fewer than {least} people reacted to counts too, but isn’t shown to others.").format(
        least=amount(SEVERAL)
    )
    yield f"-# {reactions} {rule}"


_TOKENS = 10  # of a server


class AssistantPanel(ManagersLayout):
    """One message with the tokens of a server, when each was last used, and what makes and revokes them."""

    async def show(self, interaction: Interaction, token: str | None = None) -> None:
        """Show them, with a new `token`, which is not shown again."""
        known = await interaction.client.store.assistant_tokens.of_server(self.guild.id)
        address = await interaction.client.store.assistant_tokens.address()
        lines = [_line(one) for one in known] or [_("No tokens yet.")]
        blocks: list[Block] = [
            headed(
                _("Tokens for AI assistants"),
                _(
                    "With a token, an assistant (MCP) can search and ask over the feeds of channels that "
                    "@everyone can view. It can’t change anything."
                ),
            ),
            text(
                _("Address: `{address}`").format(address=safe.plain(address).replace("`", "'"))
                if address
                else _("Address: ask whoever runs me where `telex mcp --http` can be reached.")
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
                self._revoke, placeholder=_("Revoke some…"), options=options, max_values=len(options)
            )
        make = Press(
            self._make,
            label=_("New token"),
            style=discord.ButtonStyle.success,
            disabled=len(known) >= _TOKENS,
        )
        await self.display_card(interaction, *blocks, Row(menu), Row(make))

    async def _make(self, interaction: Interaction) -> None:
        token = await interaction.client.store.assistant_tokens.make(
            self.guild.id, person_id=interaction.user.id, limit=_TOKENS
        )
        if token is None:
            raise Refusal(
                _("A server can have {count} tokens. Revoke one first.").format(count=amount(_TOKENS))
            )
        await self.show(interaction, token)

    async def _revoke(self, interaction: Interaction, names: list[str]) -> None:
        await interaction.client.store.assistant_tokens.revoke(
            self.guild.id, names, person_id=interaction.user.id
        )
        await self.show(interaction)


def _line(token: AssistantToken) -> str:
    used = _("never used")
    if token.used is not None:
        used = _("last used {when}").format(when=f"<t:{token.used}:R>")
    made = _("made {when}").format(when=f"<t:{token.created}:R>")
    return f"🔑 **{token.shown}** · {made} · {used}"
