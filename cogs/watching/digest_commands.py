"""Cog of the /digest commands, and the panels for channel digests."""

from dataclasses import replace
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from bot.core import local_time
from bot.core.concurrency.worker_pool import WorkerError
from bot.core.i18n import _, linkify_commands
from bot.core.limits import Limit
from bot.core.models import Digest
from bot.core.preferences import DIGEST_FLAG_BY_WORD, DigestPlan
from bot.core.user_errors import RequestRejected, UserFacingError
from bot.digests.digest_selection import get_period_seconds
from bot.posting.rendering import digest_rendering
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Layout, text_block
from bot.posting.rendering.messages import Picture
from bot.posting.sending import permissions
from bot.posting.wording.permission_labels import permission_label
from cogs.feeds import subscription_options
from cogs.shared import channel_options
from cogs.shared.authorization import MANAGER_EXTRAS, ManagersOnlyMixin, ManagersPanel, guild_context_only
from cogs.shared.channel_options import (
    ChannelArgument,
    PostableChannel,
    permission_problems,
    require_can_post,
    resolve_channel,
)
from cogs.shared.panels import ChannelPanel, heading_block
from cogs.shared.persistent_items import PersistentItemCog
from cogs.shared.views import AckMode, ActionButton, Interaction, StringMenu, menu_option
from cogs.watching import digest_labels
from cogs.watching.personal_digest_panel import PersonalDigestPanel, personal_digest_button


@guild_context_only
class DigestCog(
    ManagersOnlyMixin,
    PersistentItemCog,
    commands.GroupCog,
    group_name="digest",
    group_description=locale_str("The top stories in one message, daily or weekly"),
):
    """Cog of the /digest commands.

    The commands for channels are for users who manage feeds, /digest me is for everyone.
    """

    persistent_items = (personal_digest_button,)

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Return True if the user may use a /digest command, or raise `NotAuthorized`; /digest me is open to all."""
        command = interaction.command
        is_open_to_members = isinstance(command, app_commands.Command) and not command.extras.get("managers")
        return is_open_to_members or await super().interaction_check(interaction)

    @app_commands.command(name="me", description=locale_str("Get your own digest by direct message"))
    async def me(self, interaction: Interaction) -> None:
        await PersonalDigestPanel(interaction).start(interaction)

    @app_commands.command(
        name="setup",
        description=locale_str("Set up, change or stop a channel’s digest"),
        extras=MANAGER_EXTRAS,
    )
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def setup(self, interaction: Interaction, channel: ChannelArgument | None = None) -> None:
        await ChannelDigestPanel(interaction, await resolve_channel(interaction, channel)).start(interaction)

    @app_commands.command(name="list", description=locale_str("See this server’s digests"), extras=MANAGER_EXTRAS)
    async def list_(self, interaction: Interaction) -> None:
        await DigestList(interaction).render(interaction)


class DigestList(ManagersPanel):
    """List of the digests of a server in channels that the user can see or that were deleted."""

    async def render(self, interaction: Interaction) -> None:
        digests = await self.store.digests.list_by_server(self.guild.id)
        visible_channel_ids = await subscription_options.select_visible_or_deleted_channel_ids(
            interaction, {digest.channel_id for digest in digests}
        )
        visible_digests = [digest for digest in digests if digest.channel_id in visible_channel_ids]
        title = _("Digests")
        if not visible_digests:
            hint = linkify_commands(_("None yet. Set one up with /digest setup."))
            await self.display_card(interaction, heading_block(title, hint))
            return
        digest_options = [
            menu_option(
                channel_options.channel_name(self.guild, digest.channel_id),
                digest.channel_id,
                digest_labels.schedule_text(digest.plan),
            )
            for digest in visible_digests
        ]
        digest_menu = StringMenu(
            self._open_digest,
            AckMode.EPHEMERAL_MESSAGE,
            placeholder=_("Change or stop a digest…"),
            options=digest_options,
        )
        digest_blocks = (text_block(_digest_text(digest)) for digest in visible_digests)
        await self.display_card(interaction, heading_block(title), *digest_blocks, ActionRow(digest_menu))

    async def _open_digest(self, interaction: Interaction, selected_values: list[str]) -> None:
        target_channel = await channel_options.find_postable_channel(self.guild, int(selected_values[0]))
        if target_channel is None:
            if not await subscription_options.is_channel_deleted(self.guild, int(selected_values[0])):
                raise UserFacingError(_("I can’t reach that channel right now. Try again later."))
            was_stopped = await self.store.digests.delete(
                server_id=self.guild.id, channel_id=int(selected_values[0]), user_id=self.user_id
            )
            raise UserFacingError(
                _("That channel is gone, so I stopped its digest.")
                if was_stopped
                else _("That channel no longer exists.")
            )
        await channel_options.require_visible(interaction, target_channel.id)
        await ChannelDigestPanel(interaction, target_channel).start(interaction)


def _digest_text(digest: Digest) -> str:
    schedule_line = _("<#{channel}>: {when} ({zone}), next one {date}").format(
        channel=digest.channel_id,
        when=digest_labels.schedule_text(digest.plan),
        zone=digest.time_zone,
        date=f"<t:{digest.due_at}:R>",
    )
    return "\n".join((schedule_line, *(f"-# {option_line}" for option_line in digest_labels.option_lines(digest.plan))))


_SUMMARY_WAIT_SECONDS = 10.0
"""Maximum time in seconds for which the preview of a digest waits for summaries."""
_DEFAULT_PLAN = DigestPlan(weekday=None, minute=digest_labels.DEFAULT_MINUTE)
_DIGEST_ONLY_WORD, _OTHER_CHANNELS_WORD, _CHART_WORD, _SUMMARIES_WORD = (
    "alone",
    "wide",
    "chart",
    "summaries",
)
"""Words for the options of a digest that are on or off, such as a chart: values of its menu, and as they are stored."""


class ChannelDigestPanel(ChannelPanel):
    """Panel with a channel's digest: schedule, options, preview.

    Changes of schedule and options take effect when they are saved; stopping takes effect at once.
    """

    def __init__(self, interaction: Interaction, channel: PostableChannel) -> None:
        super().__init__(interaction, channel)
        self._edited_plan = _DEFAULT_PLAN
        self._saved_digest: Digest | None = None
        self._offers_summaries = False

    async def start(self, interaction: Interaction) -> None:
        """Load schedule and options (the plan) of the channel's digest, or a default plan, and show the panel.

        The default for a channel without feeds covers the feeds of other channels that everybody in it can read.
        """
        store, model_services = self.store, self.client.services.model_services
        self._offers_summaries = model_services is not None and model_services.summarizer is not None
        self._saved_digest = await store.digests.get_by_channel(self.channel.id)
        if self._saved_digest is not None:
            self._edited_plan = self._saved_digest.plan
        elif not await store.subscriptions.load_feed_ids([self.channel.id]):
            self._edited_plan = replace(_DEFAULT_PLAN, includes_other_channels=True)
        await self.render(interaction)

    async def render(self, interaction: Interaction) -> None:
        """Show schedule and options of the digest (its plan), and the digest that they would produce now."""
        client, plan = self.client, self._edited_plan
        zone_name = (await client.store.preferences.get_by_server(self.channel.guild.id)).time_zone
        now = client.services.clock.now()
        due_at = local_time.find_next_occurrence(now, plan.minute, plan.weekday, zone_name)
        text_lines = [
            "### " + _("Digest for {channel}").format(channel=self.channel.mention),
            _("Sent {when} ({zone}), next one {date}").format(
                when=digest_labels.schedule_text(plan), zone=zone_name, date=f"<t:{due_at}:R>"
            ),
            *(f"-# {line}" for line in digest_labels.option_lines(plan)),
        ]
        if self._saved_digest is None:
            text_lines.append(_("Not active yet."))
        elif self._saved_digest.plan != plan:
            text_lines.append(_("Not saved yet."))
        refusal, _advice = permission_problems(self.channel)
        if refusal:
            text_lines.append(f"⚠️ {refusal}")
        elif plan.has_chart and not permissions.can_attach_files(self.channel):
            text_lines.append(
                "⚠️ "
                + _("To post the chart, I need the {permission} permission in {channel}.").format(
                    permission=f"**{permission_label('attach_files')}**",
                    channel=self.channel.mention,
                )
            )
        preview_blocks, pictures = await self._render_preview(zone_name, now)
        layout: Layout = (
            text_block("\n".join(text_lines)),
            Card(preview_blocks, outlet_branding.DEFAULT_COLOUR),
            *self._build_controls(),
        )
        await self.display(interaction, layout, pictures=pictures)

    async def _render_preview(self, zone_name: str, now: int) -> tuple[tuple[Block, ...], list[Picture]]:
        client, plan = self.client, self._edited_plan
        digest = Digest(
            id=0,
            server_id=self.channel.guild.id,
            channel_id=self.channel.id,
            plan=plan,
            created_at=now,
            due_at=now,
            covered_until=None,
            time_zone=zone_name,
        )
        try:
            digest_content, _digest_candidates = await client.outbox_relay.channel_digest_task.build_digest_content(
                self.channel.guild,
                digest,
                since=now - get_period_seconds(plan),
                until=now + 1,
                summary_wait_seconds=_SUMMARY_WAIT_SECONDS,
            )
        except WorkerError as error:
            raise UserFacingError(_("That took too long. Try again.")) from error
        language = await client.languages.for_channel(self.channel.guild.id, self.channel.id)
        digest_page = await digest_rendering.build_page(client.store, digest_content, language=language)
        if digest_page is None:
            explanation = _("If there’s no news, no digest is sent.")
            return (heading_block(_("Nothing to preview yet"), explanation),), []
        chart_picture = await digest_rendering.draw_chart(
            client.services.occasional_workers, digest_content, language=language
        )
        return (
            *digest_page.blocks,
            *digest_rendering.make_chart_blocks(chart_picture),
        ), [] if chart_picture is None else [chart_picture]

    def _build_controls(self) -> tuple[ActionRow, ...]:
        plan = self._edited_plan
        option_labels = {
            _DIGEST_ONLY_WORD: (_("Digest only"), _("No individual posts in this channel")),
            _OTHER_CHANNELS_WORD: (
                _("Other channels too"),
                _("Also covers feeds in channels everybody here can see"),
            ),
            _CHART_WORD: (_("Trend chart"), _("A chart of what’s on the rise")),
        }
        if self._offers_summaries:
            option_labels[_SUMMARIES_WORD] = (
                _("Summaries"),
                _("Two sentences per story, written by a language model"),
            )
        menu_options = [
            menu_option(label, flag_word, description, is_default=getattr(plan, DIGEST_FLAG_BY_WORD[flag_word]))
            for flag_word, (label, description) in option_labels.items()
        ]
        is_unchanged = self._saved_digest is not None and self._saved_digest.plan == plan
        stop_label = _("Stop the digest")
        return (
            *digest_labels.schedule_menus(plan, self._change_plan),
            ActionRow(
                StringMenu(
                    self._select_options,
                    placeholder=_("Options…"),
                    options=menu_options,
                    min_values=0,
                    max_values=len(menu_options),
                )
            ),
            ActionRow(
                ActionButton(
                    self._save_digest,
                    label=_("Start") if self._saved_digest is None else _("Save changes"),
                    style=discord.ButtonStyle.success,
                    disabled=is_unchanged,
                ),
                None
                if self._saved_digest is None
                else ActionButton(self._stop_digest, label=stop_label, style=discord.ButtonStyle.danger),
                ActionButton(self.cancel, label=_("Close")),
            ),
        )

    def _change_plan(self, **changes: Any) -> None:  # noqa: ANN401
        self._edited_plan = replace(self._edited_plan, **changes)

    async def _select_options(self, _interaction: Interaction, selected_values: list[str]) -> None:
        option_flags = {
            DIGEST_FLAG_BY_WORD[flag_word]: flag_word in selected_values
            for flag_word in (_DIGEST_ONLY_WORD, _OTHER_CHANNELS_WORD, _CHART_WORD, _SUMMARIES_WORD)
        }
        self._change_plan(**option_flags)

    async def _save_digest(self, interaction: Interaction) -> None:
        target_channel = await channel_options.require_existing_channel(interaction, self.channel.id)
        require_can_post(target_channel)
        client = self.client
        max_digests = await client.services.limits.load(Limit.DIGESTS_PER_SERVER, target_channel.guild.id)
        saved_digest = await client.store.digests.save(
            self._edited_plan,
            server_id=target_channel.guild.id,
            channel_id=target_channel.id,
            user_id=self.user_id,
            limit=max_digests,
        )
        if saved_digest is None:
            raise RequestRejected(Limit.DIGESTS_PER_SERVER, count=max_digests)
        await client.outbox_relay.recheck_channel(target_channel.id)
        client.outbox_relay.wake()
        confirmation = _("Saved. {channel} gets its next digest {when}.").format(
            channel=target_channel.mention, when=f"<t:{saved_digest.due_at}:F>"
        )
        await self.finish(interaction, "\n".join((confirmation, *digest_labels.option_lines(saved_digest.plan))))

    async def _stop_digest(self, interaction: Interaction) -> None:
        client = self.client
        was_stopped = await client.store.digests.delete(
            server_id=self.channel.guild.id, channel_id=self.channel.id, user_id=self.user_id
        )
        if not was_stopped:
            raise UserFacingError(_("That channel doesn’t have a digest anymore."))
        client.outbox_relay.wake()
        confirmation = _("Stopped the digest in {channel}.").format(channel=self.channel.mention)
        if self._saved_digest is not None and self._saved_digest.plan.is_digest_only:
            confirmation += "\n" + _("Articles are posted one by one again. Those still waiting arrive in one message.")
        await self.finish(interaction, confirmation)
