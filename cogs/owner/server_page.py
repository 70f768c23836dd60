"""Page of /owner with one server: its figures, and buttons to leave, block or allow it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import discord

from bot.core.i18n import _, format_count
from bot.operating import server_decisions
from bot.posting.rendering.layout.blocks import ActionRow, Block, text_block
from bot.posting.rendering.layout.icons import Icon, emoji_for
from bot.store.records.operating_records import POST_COUNT_DAYS, ServerOverview
from bot.text import discord_text
from cogs.owner.owner_panel import OwnerPage, OwnerPanel
from cogs.owner.server_data_page import ServerDataPage
from cogs.owner.server_limits_page import ServerLimitsPage
from cogs.shared.panels import heading_block
from cogs.shared.views import ActionButton, Interaction


class ServerPage(OwnerPage):
    """Page of the operator's panel about one server, also one that the bot is not in, such as a blocked one.

    `origin_page` is the page to which the button Back leads.
    """

    def __init__(self, panel: OwnerPanel, server_id: int, origin_page: OwnerPage) -> None:
        super().__init__(panel)
        self.server_id, self._origin_page = server_id, origin_page
        self._confirmation: tuple[str, str, Callable[[], Awaitable[None]]] | None = None

    async def load_blocks(self, _interaction: Interaction) -> Sequence[Block]:
        overview = await self.store.server_directory.get_overview(self.server_id)
        name = discord_text.to_markdown_line((overview and overview.name) or str(self.server_id))
        facts = [_("ID: {id}").format(id=f"`{self.server_id}`")]
        if overview is not None:
            facts += [format_server_status(overview), " · ".join(format_figures(overview))]
            if overview.joined_at is not None:
                facts.append(_("invited {when}").format(when=f"<t:{overview.joined_at}:R>"))
        else:
            facts.append(_("I’m not in this server."))
        heading = heading_block(name, *facts)
        if self._confirmation is not None:
            question, label, action = self._confirmation
            confirm_button = ActionButton(partial(self._confirm, action), label=label, style=discord.ButtonStyle.danger)
            cancel_button = ActionButton(self._cancel, label=_("Cancel"))
            return (heading, text_block(question.format(server=name)), ActionRow(confirm_button, cancel_button))
        limits_button = ActionButton(partial(self._open_limits, name), label=_("Limits…"))
        data_button = ActionButton(self._open_data, label=_("Data…"))
        return (heading, ActionRow(*self._build_buttons(overview)), ActionRow(limits_button, data_button))

    def _build_buttons(self, overview: ServerOverview | None) -> list[ActionButton]:
        """Return the buttons for what an operator may do now."""
        buttons = [ActionButton(self._go_back, label=_("Back"), emoji=emoji_for(Icon.BACK))]
        is_allowed = None if overview is None else overview.is_allowed
        if overview is not None and overview.joined_at is not None and not overview.is_leaving:
            question = _("Leave **{server}**? Its settings are kept for 30 days, in case I’m invited again.")
            buttons.append(self._build_confirmed_button(_("Leave"), question, self._leave))
        if is_allowed is not False:
            question = _("Block **{server}**? I leave it, and whenever I’m invited there again.")
            buttons.append(
                self._build_confirmed_button(_("Block"), question, partial(self._change_access, is_allowed=False))
            )
        if is_allowed is not True:
            buttons.append(ActionButton(self._allow, label=_("Allow")))
        return buttons

    def _build_confirmed_button(self, label: str, question: str, action: Callable[[], Awaitable[None]]) -> ActionButton:
        """Return a button whose action runs once it is confirmed."""

        async def ask_to_confirm(_interaction: Interaction) -> None:
            self._confirmation = question, label, action

        return ActionButton(ask_to_confirm, label=label, style=discord.ButtonStyle.danger)

    async def _confirm(self, action: Callable[[], Awaitable[None]], _interaction: Interaction) -> None:
        self._confirmation = None
        await action()
        self.panel.announce_decision()

    async def _cancel(self, _interaction: Interaction) -> None:
        self._confirmation = None

    async def _go_back(self, _interaction: Interaction) -> None:
        self.panel.page = self._origin_page

    async def _open_data(self, _interaction: Interaction) -> None:
        self.panel.page = ServerDataPage(self.panel, self.server_id, self)

    async def _open_limits(self, server_name: str, _interaction: Interaction) -> None:
        self.panel.page = ServerLimitsPage(self.panel, self.server_id, server_name, self)

    async def _leave(self) -> None:
        settings = self.panel.client.services.settings
        await server_decisions.request_leave(self.store, settings, self.server_id, user_id=self.panel.user_id)

    async def _allow(self, _interaction: Interaction) -> None:
        await self._change_access(is_allowed=True)
        self.panel.announce_decision()

    async def _change_access(self, *, is_allowed: bool) -> None:
        settings = self.panel.client.services.settings
        await server_decisions.change_access(
            self.store, settings, self.server_id, is_allowed=is_allowed, user_id=self.panel.user_id
        )


def format_server_status(overview: ServerOverview) -> str:
    """Return that the bot leaves a server, else that it is blocked or allowed, and that the bot is not in it; or ""."""
    if overview.is_leaving:
        return _("leaving")
    access_text = {None: "", True: _("allowed"), False: _("blocked")}[overview.is_allowed]
    absence_text = "" if overview.joined_at is not None else _("I’m not in it")
    return ", ".join(filter(None, (access_text, absence_text)))


def format_figures(overview: ServerOverview) -> list[str]:
    """Return the numbers of members, feeds and posts of a server, and when it was last used, as far as known."""
    is_less_than_daily = 0 < overview.post_count < POST_COUNT_DAYS
    daily_count = round(overview.post_count / POST_COUNT_DAYS)
    figures = [
        format_count("{count} feed", "{count} feeds", overview.feed_count),
        _("less than a post a day")
        if is_less_than_daily
        else format_count("{count} post a day", "{count} posts a day", daily_count),
    ]
    if overview.member_count is not None:
        figures.insert(0, format_count("{count} member", "{count} members", overview.member_count))
    if overview.last_used_at is not None:
        figures.append(_("last used {when}").format(when=f"<t:{overview.last_used_at}:D>"))
    return figures
