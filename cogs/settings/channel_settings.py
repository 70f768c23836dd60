"""Panel of /settings channel."""

from functools import partial

import discord

from bot.core import setting_registry
from bot.core.i18n import _, format_count
from bot.core.preferences import MAX_TAG_RULES_PER_FORUM, ForumTagRule
from bot.core.setting_registry import CHANNEL_SETTINGS, ChannelSettings, SwitchSetting
from bot.core.user_errors import UserFacingError
from bot.posting.forum_tag_selection import list_assignable_tags
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout.blocks import ActionRow, Section, Separator
from bot.posting.sending import permissions
from bot.posting.sending.send_outcomes import ChannelBlocked, Rejected
from bot.posting.wording.permission_labels import permission_label
from bot.posting.wording.reason_sentences import describe_reason
from bot.posting.wording.setting_words import SETTING_WORDS, SwitchWords
from bot.text import discord_text
from bot.watches import subscription_filters
from cogs.settings.mention_panel import MentionPanel
from cogs.shared.modals import FormModal, TextField
from cogs.shared.panels import ChannelPanel, heading_block, language_menu, setting_section
from cogs.shared.views import AckMode, ActionButton, Interaction, StringMenu, menu_option

_MAX_QUERY_LENGTH = 100
"""Maximum length in UTF-16 units of the query of a forum tag's rule, which selects the posts with the tag."""


class ForumTagPanel(ChannelPanel):
    """Panel with the tag rules of a forum (which posts get which tag), and menus to add and remove rules."""

    def __init__(self, interaction: Interaction, forum: discord.ForumChannel) -> None:
        super().__init__(interaction, forum)
        self._forum = forum
        self._rules: list[ForumTagRule] = []

    async def render(self, interaction: Interaction) -> None:
        self._rules = await self.store.forum_tags.list_by_channel(self._forum.id)
        text_lines = [_("Tags named like a feed’s categories are added automatically.")]
        text_lines += [f"• {self._format_rule(rule)}" for rule in self._rules]
        assignable_tags = list_assignable_tags(self._forum)
        if not assignable_tags:
            text_lines.append(_("This forum has no tags I can use yet. Create some in its settings."))
        add_menu = remove_menu = None
        if assignable_tags:
            options = [menu_option(tag.name, tag.id) for tag in assignable_tags]
            add_menu = StringMenu(self._open_rule_modal, AckMode.MANUAL, placeholder=_("Add a tag…"), options=options)
        if self._rules:
            options = [
                menu_option(self._format_rule_label(rule), rule_index) for rule_index, rule in enumerate(self._rules)
            ]
            remove_menu = StringMenu(self._remove_rule, placeholder=_("Remove a rule…"), options=options)
        blocks = (
            heading_block(_("Post tags"), self._forum.mention, *text_lines),
            ActionRow(add_menu),
            ActionRow(remove_menu),
        )
        await self.display_card(interaction, *blocks)

    def _find_tag_name(self, rule: ForumTagRule) -> str:
        tag = self._forum.get_tag(rule.tag_id)
        return tag.name if tag is not None else _("a deleted tag")

    def _format_rule_label(self, rule: ForumTagRule) -> str:
        tag_name = self._find_tag_name(rule)
        return _("{tag}: {query}").format(tag=tag_name, query=rule.query) if rule.query else tag_name

    def _format_rule(self, rule: ForumTagRule) -> str:
        tag_markup = discord_text.to_markdown_line(self._find_tag_name(rule), discord_limits.MAX_OPTION_LABEL_LENGTH)
        if not rule.query:
            return _("**{tag}**: every post").format(tag=tag_markup)
        query_text = discord_text.to_plain_line(rule.query, _MAX_QUERY_LENGTH).replace("`", "'")
        return _("**{tag}**: posts that match `{query}`").format(tag=tag_markup, query=query_text)

    async def _open_rule_modal(self, interaction: Interaction, selected_values: list[str]) -> None:
        text_field = TextField(
            "line",
            _("Posts that match (empty: all posts)"),
            placeholder="source:numerama robots",
            max_length=_MAX_QUERY_LENGTH,
            required=False,
        )
        modal = FormModal(_("Add a tag"), partial(self._add_rule, int(selected_values[0])), text_field, view=self)
        await interaction.response.send_modal(modal)

    async def _add_rule(self, tag_id: int, _interaction: Interaction, field_text: str) -> None:
        query_text = field_text.strip()
        query = (
            subscription_filters.parse_filter_query(query_text, self.client.services.clock.now()).text
            if query_text
            else ""
        )
        tag = self._forum.get_tag(tag_id)
        if tag is None:
            raise UserFacingError(_("That tag no longer exists."))
        is_added = await self.store.forum_tags.add(
            ForumTagRule(tag_id, query),
            tag.name,
            server_id=self._forum.guild.id,
            channel_id=self._forum.id,
            user_id=self.user_id,
            max_rules=MAX_TAG_RULES_PER_FORUM,
        )
        if not is_added:
            raise UserFacingError(
                format_count(
                    "A forum can have {count} tag rule. Remove one first.",
                    "A forum can have up to {count} tag rules. Remove one first.",
                    MAX_TAG_RULES_PER_FORUM,
                )
            )
        self.has_saved = True
        await self.client.outbox_relay.recheck_channel(self._forum.id)

    async def _remove_rule(self, _interaction: Interaction, selected_values: list[str]) -> None:
        rule = self._rules[int(selected_values[0])]
        await self.store.forum_tags.remove(
            rule,
            self._find_tag_name(rule),
            server_id=self._forum.guild.id,
            channel_id=self._forum.id,
            user_id=self.user_id,
        )
        self.has_saved = True


class ChannelSettingsPanel(ChannelPanel):
    """Panel with the settings of a channel and their controls."""

    async def render(self, interaction: Interaction) -> None:
        settings = await self.store.preferences.get_by_channel(self.channel.id)
        change_language = partial(self.change, setting_registry.LANGUAGE)
        switch_sections = [
            self._switch_section(setting, *await self._load_notes(setting, settings), is_on=settings[setting])
            for setting in CHANNEL_SETTINGS.values()
            if isinstance(setting, SwitchSetting) and self._is_offered(setting, settings)
        ]
        await self.display_card(
            interaction,
            heading_block(_("Channel settings"), self.channel.mention),
            Separator(),
            setting_section(_(SETTING_WORDS[setting_registry.LANGUAGE].name)),
            ActionRow(language_menu(change_language, settings[setting_registry.LANGUAGE], _("Same as the server"))),
            *switch_sections,
            *await self._load_tag_sections(),
            await self._load_mention_section(),
        )

    def _is_offered(self, setting: SwitchSetting, settings: ChannelSettings) -> bool:
        """Return whether a setting can have an effect here.

        Translation is also offered while it is on, so that it can be turned off when no model can translate.
        """
        if setting is setting_registry.TRANSLATE:
            model_services = self.client.services.model_services
            return settings[setting] or (model_services is not None and model_services.translator is not None)
        return setting is not setting_registry.DAILY_THREAD or isinstance(self.channel, discord.TextChannel)

    async def _load_notes(self, setting: SwitchSetting, settings: ChannelSettings) -> tuple[str, ...]:
        """Return lines on what a setting that is on needs or entails in this channel; some may be empty."""
        if not settings[setting]:
            return ()
        if setting is setting_registry.DAILY_THREAD and isinstance(self.channel, discord.TextChannel):
            return (_format_missing_permissions(permissions.find_missing_thread_permissions(self.channel)),)
        return await self._prepare_webhook() if setting is setting_registry.POST_AS_OUTLET else ()

    async def _load_tag_sections(self) -> tuple[Section, ...]:
        if not isinstance(self.channel, discord.ForumChannel):
            return ()
        rule_count = len(await self.store.forum_tags.list_by_channel(self.channel.id))
        rule_count_text = format_count("{count} rule", "{count} rules", rule_count)
        choose_button = ActionButton(self._open_tag_panel, label=_("Choose…"))
        return (setting_section(_("Post tags"), rule_count_text, choose_button),)

    async def _load_mention_section(self) -> Section:
        rule_count = len(await self.store.mention_rules.list_by_channel(self.channel.id))
        choose_button = ActionButton(self._open_mention_panel, label=_("Choose…"))
        rule_count_text = format_count("{count} rule", "{count} rules", rule_count)
        return setting_section(_("Mentions by topic"), rule_count_text, choose_button)

    def _switch_section(self, setting: SwitchSetting, *notes: str, is_on: bool) -> Section:
        """Return the section of an on/off setting, with the non-empty `notes` and a button to switch it."""
        words = SETTING_WORDS[setting]
        assert isinstance(words, SwitchWords)
        lines = (_(words.on_line if is_on else words.off_line), *notes)
        switch_button = ActionButton(
            partial(self._switch_setting, setting), label=_("Turn off") if is_on else _("Turn on")
        )
        return setting_section(_(words.name), "\n".join(filter(None, lines)), switch_button)

    async def _prepare_webhook(self) -> tuple[str, ...]:
        """Create the channel's webhook if needed.

        Returns two texts: the problem if it cannot be created, or "", and a caveat about posting by webhook.
        """
        webhook, webhook_problem = (
            await self.client.webhooks.get_or_create(self.channel, ignore_backoff=True),
            "",
        )
        if isinstance(webhook, ChannelBlocked | Rejected):
            webhook_problem = f"🟠 {describe_reason(webhook.reason)} " + _("Until then, posts show my name.")
        caveat = _(
            "If Discord doesn’t confirm a post, I look for it for 3 minutes before I send it again, so that "
            "nothing appears twice."
        )
        return (webhook_problem, caveat)

    async def _open_tag_panel(self, interaction: Interaction) -> None:
        assert isinstance(self.channel, discord.ForumChannel)
        self.stop()
        await ForumTagPanel(interaction, self.channel).render(interaction)

    async def _open_mention_panel(self, interaction: Interaction) -> None:
        self.stop()
        await MentionPanel(interaction, self.channel).render(interaction)

    async def _switch_setting(self, setting: SwitchSetting, _interaction: Interaction) -> None:
        settings = await self.store.preferences.get_by_channel(self.channel.id)
        await self.change(setting, not settings[setting])


def _format_missing_permissions(missing_permission_names: list[str]) -> str:
    """Return advice on permissions that Telex lacks to create threads, or "" if it has all."""
    if not missing_permission_names:
        return ""
    bold_labels = ", ".join(f"**{permission_label(permission_name)}**" for permission_name in missing_permission_names)
    advice = _("I can’t do that yet. In the channel’s settings, give me {permissions}.")
    return f"🟠 {advice.format(permissions=bold_labels)}"
