"""Panel of /settings proposals: who may propose feeds, where proposals go, and who is blocked."""

import discord

from bot.core.i18n import _, format_count
from bot.core.preferences import PROPOSALS_FROM_EVERYONE, Preference
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout.blocks import ActionRow, Block, Separator
from cogs.feeds.proposal_buttons import find_member_name
from cogs.settings.server_settings import set_alert_channel
from cogs.shared import channel_options
from cogs.shared.authorization import ManagersPanel
from cogs.shared.channel_options import ChannelOption
from cogs.shared.panels import NO_CHOICE_VALUE, change_preference, heading_block, setting_section
from cogs.shared.views import ChannelMenu, Interaction, RoleMenu, StringMenu, menu_option


class ProposalPanel(ManagersPanel):
    """Panel with the group of members who may propose feeds in a server, and the users who are blocked from it.

    The group is nobody, everyone or the members with one role.
    """

    async def render(self, interaction: Interaction) -> None:
        allowed_group = (await self.store.preferences.get_by_server(self.guild.id)).proposer_policy
        role_id = None if allowed_group in {None, PROPOSALS_FROM_EVERYONE} else int(str(allowed_group))
        role = None if role_id is None else self.guild.get_role(role_id)
        group_text = proposers_text(allowed_group)
        if role_id is not None and role is None:
            group_text = _("nobody: the chosen role no longer exists")
        group_menu = StringMenu(
            self._choose_group,
            placeholder=_("Members with a role"),
            options=[
                menu_option(_("Nobody"), NO_CHOICE_VALUE, is_default=allowed_group is None),
                menu_option(
                    _("Everyone"), PROPOSALS_FROM_EVERYONE, is_default=allowed_group == PROPOSALS_FROM_EVERYONE
                ),
            ],
        )
        role_menu = RoleMenu(
            self._choose_role,
            placeholder=_("Only members with a role…"),
            min_values=0,
            default_values=[role] if role is not None else [],
        )
        await self.display_card(
            interaction,
            heading_block(
                _("Proposals from members"), _("Members propose feeds; you follow or decline them with a button.")
            ),
            Separator(),
            setting_section(_("Who can propose"), group_text),
            ActionRow(group_menu),
            ActionRow(role_menu),
            setting_section(_("Where proposals go"), await self._describe_place()),
            ActionRow(await self._build_alert_channel_menu()),
            *await self._build_blocked_user_blocks(),
        )

    async def _describe_place(self) -> str:
        """Return a text: the channel that shows proposals, or that one must be chosen, and how many are open."""
        alert_channel_id = await self.store.servers.get_alert_channel_id(self.guild.id)
        open_count = len(await self.store.proposals.list_open(self.guild.id))
        place_text = f"<#{alert_channel_id}>"
        if alert_channel_id is None:
            place_text = _("⚠️ Choose a channel for alerts first")
        open_text = format_count("{count} open proposal", "{count} open proposals", open_count) if open_count else ""
        return " · ".join(filter(None, (place_text, open_text)))

    async def _build_alert_channel_menu(self) -> ChannelMenu:
        alert_channel_id = await self.store.servers.get_alert_channel_id(self.guild.id)
        return ChannelMenu(
            self._choose_alert_channel,
            placeholder=_("Channel for alerts…"),
            channel_types=ChannelOption().channel_types,
            default_values=(
                []
                if alert_channel_id is None
                else [discord.SelectDefaultValue.from_channel(discord.Object(alert_channel_id))]
            ),
        )

    async def _choose_alert_channel(self, interaction: Interaction, channel_ids: list[int]) -> None:
        target_channel = await channel_options.require_existing_channel(interaction, channel_ids[0])
        confirmation = await set_alert_channel(interaction, target_channel)
        self.has_saved = True
        await interaction.followup.send(confirmation, ephemeral=True)

    async def _build_blocked_user_blocks(self) -> tuple[Block, ...]:
        """Return the blocks that list the blocked users, with a menu that unblocks one of them."""
        blocked_user_ids = await self.store.proposals.list_blocked_user_ids(self.guild.id)
        listed_user_ids = blocked_user_ids[: discord_limits.MAX_OPTIONS]
        if not listed_user_ids:
            return ()
        options = [menu_option(await find_member_name(self.guild, user_id), user_id) for user_id in listed_user_ids]
        mentions = " ".join(f"<@{user_id}>" for user_id in listed_user_ids)
        unblock_menu = StringMenu(self._unblock_user, placeholder=_("Unblock…"), options=options)
        return (setting_section(_("Blocked"), mentions), ActionRow(unblock_menu))

    async def _choose_group(self, _interaction: Interaction, selected_values: list[str]) -> None:
        chosen_group = None if selected_values[0] == NO_CHOICE_VALUE else selected_values[0]
        await change_preference(self, Preference.PROPOSER_POLICY, chosen_group)

    async def _choose_role(self, _interaction: Interaction, role_ids: list[int]) -> None:
        if not role_ids:
            await change_preference(self, Preference.PROPOSER_POLICY, None)
            return
        if self.guild.get_role(role_ids[0]) is None:
            raise UserFacingError(_("That role no longer exists."))
        is_everyone = role_ids[0] == self.guild.id  # The server's id is that of @everyone.
        await change_preference(
            self, Preference.PROPOSER_POLICY, PROPOSALS_FROM_EVERYONE if is_everyone else str(role_ids[0])
        )

    async def _unblock_user(self, _interaction: Interaction, selected_values: list[str]) -> None:
        await self.store.proposals.unblock_user(int(selected_values[0]), server_id=self.guild.id)
        self.has_saved = True


def proposers_text(allowed_group: str | None) -> str:
    """Return who may propose feeds, as text.

    `allowed_group` is None for nobody, `PROPOSALS_FROM_EVERYONE`, or the id of a role.
    """
    if allowed_group is None:
        return _("nobody")
    if allowed_group == PROPOSALS_FROM_EVERYONE:
        return _("everyone")
    return _("members with {role}").format(role=f"<@&{allowed_group}>")
