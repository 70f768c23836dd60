"""Cog of the /settings commands."""

from collections.abc import Iterator

import discord
from discord import app_commands
from discord.app_commands import Range, locale_str
from discord.ext import commands

from bot.core.i18n import _, format_count, format_number
from bot.core.preferences import MAX_DAILY_MENTIONS
from bot.core.user_errors import UserFacingError
from bot.posting.rendering.layout import blocks, outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Separator, text_block
from bot.posting.wording import preference_sentences
from bot.search.query.query_parser import MAX_QUERY_LENGTH
from bot.store.records.people_records import AssistantToken
from bot.stories.preference_model import MIN_USERS_TO_SHOW, PreferenceModel
from bot.text import discord_text
from cogs.feeds.look_panel import LookPanel
from cogs.settings.channel_settings import ChannelSettingsPanel
from cogs.settings.mention_panel import DEFAULT_DAILY_LIMIT, MentionPanel, open_mention_trial
from cogs.settings.posting_limits_panels import SchedulePanel, StoryLimitsPanel
from cogs.settings.profile_panel import MAX_BIO_LENGTH, open_profile
from cogs.settings.proposal_panel import ProposalPanel
from cogs.settings.server_settings import ServerSettingsPanel, notices_off_button
from cogs.settings.settings_history import SettingsHistory
from cogs.settings.setup_copy import CopyPanel
from cogs.shared.authorization import MANAGER_EXTRAS, ManagersOnlyMixin, ManagersPanel, guild_context_only
from cogs.shared.channel_options import ChannelArgument, resolve_channel
from cogs.shared.panels import heading_block
from cogs.shared.persistent_items import PersistentItemCog
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


_MAX_TRAITS_PER_KIND = 6
"""Maximum number of liked traits of articles (outlets, topics, words), and of disliked traits, that the panel lists."""


class PreferencePanel(ManagersPanel):
    """Panel with the outlets, topics and title words that a server's users like and dislike, and a reset button."""

    async def render(self, interaction: Interaction) -> None:
        preference_model = await self.client.services.preference_models.get(self.guild.id)
        reset_button = ActionButton(self._confirm_reset, label=_("Reset…"), disabled=not preference_model.opinion_count)
        await self._show(interaction, preference_model, ActionRow(reset_button))

    async def _show(self, interaction: Interaction, preference_model: PreferenceModel, button_row: ActionRow) -> None:
        spaced_blocks = [
            block
            for text in _build_preference_texts(preference_model, self.user_id)
            for block in (blocks.text_block(text), Separator())
        ]
        await self.display(interaction, (Card((*spaced_blocks, button_row), outlet_branding.DEFAULT_COLOUR),))

    async def _confirm_reset(self, interaction: Interaction) -> None:
        preference_model = await self.client.services.preference_models.get(self.guild.id)
        confirm_button = ActionButton(
            self._reset_preferences, label=_("Reset permanently"), style=discord.ButtonStyle.danger
        )
        await self._show(
            interaction,
            preference_model,
            ActionRow(confirm_button, ActionButton(self.render, label=_("Keep it"))),
        )

    async def _reset_preferences(self, _interaction: Interaction) -> None:
        await self.store.opinions.reset(self.guild.id, user_id=self.user_id)
        self.client.services.preference_models.invalidate(self.guild.id)


def _build_preference_texts(preference_model: PreferenceModel, user_id: int) -> Iterator[str]:
    heading = _("What this server likes")
    explanation = _(
        "Learned from three months of reactions (🔖, 👍, “Less like this” and “More”). Used to "
        "rank digests, the best of the day and answers to “what’s new?”. ×2: liked twice as much "
        "as average."
    )
    yield f"### {heading}\n{explanation}"
    visible_traits = [trait for trait in preference_model.traits.values() if trait.may_be_shown_to(user_id)]
    visible_traits.sort(key=lambda trait: (-trait.score, trait.name))
    liked_traits = [trait for trait in visible_traits if trait.score > 0]
    disliked_traits = [trait for trait in reversed(visible_traits) if trait.score < 0]
    for trait_heading, traits in ((_("Likes"), liked_traits), (_("Likes less"), disliked_traits)):
        if traits:
            yield "\n".join(
                (f"**{trait_heading}**", *preference_sentences.list_trait_lines(traits, _MAX_TRAITS_PER_KIND))
            )
    if not preference_model.opinion_count:
        yield _("Nothing yet. Press 🔖 or More under a post.")
        return
    reaction_count_text = format_count("{count} reaction.", "{count} reactions.", preference_model.opinion_count)
    privacy_rule_text = _("Topics that fewer than {least} people reacted to count, but stay hidden.").format(
        least=format_number(MIN_USERS_TO_SHOW)
    )
    yield f"-# {reaction_count_text} {privacy_rule_text}"


@guild_context_only
class SettingsCog(
    ManagersOnlyMixin,
    PersistentItemCog,
    commands.GroupCog,
    group_name="settings",
    group_description=locale_str("Settings of this server and its channels"),
    group_extras=MANAGER_EXTRAS,
):
    """Cog of the /settings commands, for users who manage feeds."""

    persistent_items = (notices_off_button,)

    @app_commands.command(name="server", description=locale_str("Language, time zone, alerts and who manages feeds"))
    async def server(self, interaction: Interaction) -> None:
        await ServerSettingsPanel(interaction).render(interaction)

    @app_commands.command(
        name="channel",
        description=locale_str("A channel’s language, translation, grouping, daily thread, notifications, tags"),
    )
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def channel(self, interaction: Interaction, channel: ChannelArgument | None = None) -> None:
        await ChannelSettingsPanel(interaction, await resolve_channel(interaction, channel)).render(interaction)

    @app_commands.command(name="look", description=locale_str("Choose how posts look by default"))
    async def look(self, interaction: Interaction) -> None:
        await LookPanel(interaction, None).start(interaction)

    @app_commands.command(name="schedule", description=locale_str("Set a channel’s quiet hours and limits"))
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def schedule(self, interaction: Interaction, channel: ChannelArgument | None = None) -> None:
        await SchedulePanel(interaction, await resolve_channel(interaction, channel)).render(interaction)

    @app_commands.command(
        name="stories",
        description=locale_str("Post only what several outlets report, or the best of the day; see muted stories"),
    )
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def stories(self, interaction: Interaction, channel: ChannelArgument | None = None) -> None:
        await StoryLimitsPanel(interaction, await resolve_channel(interaction, channel)).render(interaction)

    @app_commands.command(name="profile", description=locale_str("Give me an avatar, banner and bio in this server"))
    @app_commands.describe(
        avatar=locale_str("Picture for my avatar"),
        banner=locale_str("Picture for my banner"),
        bio=locale_str("What my profile says about me"),
    )
    async def profile(
        self,
        interaction: Interaction,
        avatar: discord.Attachment | None = None,
        banner: discord.Attachment | None = None,
        bio: Range[str, 1, MAX_BIO_LENGTH] | None = None,
    ) -> None:
        await open_profile(interaction, avatar, banner, bio)

    @app_commands.command(
        name="taste",
        description=locale_str("See or reset what this server likes"),
    )
    async def taste(self, interaction: Interaction) -> None:
        await PreferencePanel(interaction).render(interaction)

    @app_commands.command(name="mentions", description=locale_str("Mention a role when a post matches a topic"))
    @app_commands.describe(
        channel=locale_str("Which channel; this one by default"),
        role=locale_str("Role to mention; leave empty to see the list"),
        topic=locale_str('Which posts: words, "an exact phrase", OR, -without'),
        limit=locale_str("Mentions of the role a day, at most; 5 by default"),
    )
    async def mentions(
        self,
        interaction: Interaction,
        channel: ChannelArgument | None = None,
        role: discord.Role | None = None,
        topic: Range[str, 1, MAX_QUERY_LENGTH] | None = None,
        limit: Range[int, 1, MAX_DAILY_MENTIONS] = DEFAULT_DAILY_LIMIT,
    ) -> None:
        post_channel = await resolve_channel(interaction, channel)
        if role is not None and topic is not None:
            await open_mention_trial(interaction, post_channel, role.id, topic, limit)
            return
        if role is not None or topic is not None:
            raise UserFacingError(_("Choose both a role and a topic, or neither to see the list."))
        await MentionPanel(interaction, post_channel).render(interaction)

    @app_commands.command(name="proposals", description=locale_str("Let members propose feeds"))
    async def proposals(self, interaction: Interaction) -> None:
        await ProposalPanel(interaction).render(interaction)

    @app_commands.command(name="assistants", description=locale_str("Let AI assistants read what everyone here can"))
    async def assistants(self, interaction: Interaction) -> None:
        await AssistantPanel(interaction).render(interaction)

    @app_commands.command(name="copy", description=locale_str("Give other channels the settings of a channel"))
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def copy(self, interaction: Interaction, channel: ChannelArgument | None = None) -> None:
        await CopyPanel(interaction, await resolve_channel(interaction, channel)).render(interaction)

    @app_commands.command(name="history", description=locale_str("See who changed what"))
    async def history(self, interaction: Interaction) -> None:
        await SettingsHistory(interaction).render(interaction)
