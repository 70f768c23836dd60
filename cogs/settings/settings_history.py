"""Panel of /settings history: who changed which setting."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from bot.core.i18n import N_, _
from bot.core.preferences import (
    OPERATOR_USER_ID,
    Filter,
    MentionRule,
    PostLook,
    Preference,
    SettingChange,
    SettingKind,
    SubscriptionState,
)
from bot.core.setting_registry import CHANNEL_SETTINGS
from bot.posting.wording import feed_names, filter_labels, look_labels
from bot.posting.wording.mention_labels import mention_rule_label
from bot.posting.wording.setting_words import SETTING_WORDS, get_language_name
from bot.store.records.people_records import ProposalDecision
from bot.text import discord_text
from cogs.feeds import subscription_options
from cogs.settings.proposal_panel import proposers_text
from cogs.shared.authorization import ManagersPanel
from cogs.shared.paging import CardPage, CardPaginator
from cogs.shared.panels import heading_block
from cogs.shared.views import Interaction
from cogs.watching import digest_labels

_PAGE_SIZE = 8
"""Number of changes on a page."""
_MAX_CHANGES = 500
"""Maximum number of changes of settings that are loaded; the store keeps no more."""
_MAX_VALUE_LENGTH = 100
"""Maximum length in UTF-16 units of the text for a setting's value."""


class SettingsHistory(ManagersPanel, CardPaginator):
    """Pages of the changes of settings, newest first, of the server and of visible or deleted channels."""

    async def load_page(self, interaction: Interaction, page_index: int) -> CardPage:
        changes = await self.store.preferences.list_changes(self.guild.id, limit=_MAX_CHANGES)
        channel_ids = {change.channel_id for change in changes if change.channel_id is not None}
        visible_channel_ids = await subscription_options.select_visible_or_deleted_channel_ids(interaction, channel_ids)
        visible_changes = [
            change for change in changes if change.channel_id is None or change.channel_id in visible_channel_ids
        ]
        page_changes = visible_changes[page_index * _PAGE_SIZE : (page_index + 1) * _PAGE_SIZE]
        changes_text = "\n".join([await _render_change_text(interaction, change) for change in page_changes]) or _(
            "No changes yet."
        )
        return CardPage(
            blocks=(heading_block(_("Settings history"), changes_text),),
            has_more=len(visible_changes) > (page_index + 1) * _PAGE_SIZE,
            is_empty=not page_changes,
        )


async def _render_change_text(interaction: Interaction, change: SettingChange) -> str:
    subject_texts = []
    feed = await interaction.client.store.feeds.get(change.feed_id) if change.feed_id is not None else None
    if feed is not None:
        subject_texts.append(feed_names.bold_feed_name(feed))
    if change.channel_id is not None and change.setting != SettingKind.FEED_CHANNEL:
        subject_texts.append(f"<#{change.channel_id}>")
    change_text = change_line(change.setting, change.channel_id, change.old_value, change.new_value)
    footer_texts = (*subject_texts, _user_text(change.user_id), f"<t:{change.changed_at}:R>")
    return "\n".join((change_text, "-# " + " · ".join(footer_texts)))


def _user_text(user_id: int | None) -> str:
    if user_id is None:
        return _("someone who deleted their data")
    return _("whoever runs Telex") if user_id == OPERATOR_USER_ID else f"<@{user_id}>"


def change_line(setting: str, channel_id: int | None, old_value: str | None, new_value: str | None) -> str:
    """Return a change of a setting in words, for the history of settings or the preview of a change.

    `setting` (its name), `old_value` and `new_value` are texts as the history stores them; a value is None if unset.
    `channel_id` is None for a setting of the server.
    """
    setting_format = _find_format(setting, channel_id)
    old_text, new_text = (
        setting_format.format(stored_value, in_channel=channel_id is not None)
        for stored_value in (old_value, new_value)
    )
    return _("{setting}: {old} → {new}").format(setting=f"**{_(setting_format.name)}**", old=old_text, new=new_text)


class SettingFormat(NamedTuple):
    """Name of a setting, and how to format the values that the history of settings stores.

    `unset_label` stands for an unset setting; in a channel, `unset_label_in_channel` does, unless it is "". The name
    and the labels are in English, to be translated when they are displayed.
    """

    name: str
    format_value: Callable[[str], str]
    unset_label: str = N_("none")
    unset_label_in_channel: str = ""

    def format(self, stored_value: str | None, *, in_channel: bool) -> str:
        """Return a stored value as text in the current language; None means an unset setting."""
        if stored_value is not None:
            return self.format_value(stored_value)
        return _(self.unset_label_in_channel) if in_channel and self.unset_label_in_channel else _(self.unset_label)


def _find_format(setting: str, channel_id: int | None) -> SettingFormat:
    channel_setting = CHANNEL_SETTINGS.get(setting)
    if channel_id is not None and channel_setting is not None:
        setting_words = SETTING_WORDS[channel_setting]
        return SettingFormat(
            setting_words.name,
            lambda text: setting_words.describe(channel_setting.from_text(text)),
            setting_words.unset_text,
        )
    unknown_name = discord_text.to_markdown_line(setting.replace("_", " "), _MAX_VALUE_LENGTH)
    return _SETTING_FORMATS.get(setting) or SettingFormat(unknown_name, _escape_value)


def _escape_value(stored_value: str) -> str:
    return discord_text.to_markdown_line(stored_value, _MAX_VALUE_LENGTH)


def _channel_mention(stored_value: str) -> str:
    return f"<#{stored_value}>"


def _role_mentions(stored_value: str) -> str:
    return " ".join(f"<@&{role_id}>" for role_id in stored_value.split(","))


def _subscription_state_text(stored_value: str) -> str:
    return _("paused") if stored_value == SubscriptionState.PAUSED else _("followed")


def _proposal_text(stored_value: str) -> str:
    return _("declined") if stored_value == ProposalDecision.DECLINED else _escape_value(stored_value)


_SETTING_FORMATS: Mapping[str, SettingFormat] = {
    Preference.LANGUAGE: SettingFormat(N_("Post language"), get_language_name, N_("automatic")),
    Preference.TIME_ZONE: SettingFormat(N_("Time zone"), _escape_value),
    Preference.MANAGER_ROLE: SettingFormat(N_("Who manages feeds"), _role_mentions, N_("members with Manage Server")),
    Preference.ALERT_CHANNEL: SettingFormat(N_("Feed alerts"), _channel_mention, N_("in each feed’s own channel")),
    Preference.SELF_ASSIGNABLE_ROLES: SettingFormat(N_("Roles people can take"), _role_mentions),
    Preference.PROPOSER_POLICY: SettingFormat(N_("Who can propose feeds"), proposers_text, N_("nobody")),
    Preference.OPERATOR_NOTICES: SettingFormat(
        N_("Notices from whoever runs Telex"), lambda _value: _("not received"), N_("received")
    ),
    SettingKind.PROPOSAL: SettingFormat(N_("Proposal"), _proposal_text),
    SettingKind.FORUM_TAG: SettingFormat(N_("Post tag"), _escape_value),
    SettingKind.MENTION_RULE: SettingFormat(
        N_("Mention by topic"), lambda value: mention_rule_label(MentionRule.parse(value))
    ),
    SettingKind.DIGEST: SettingFormat(N_("Digest"), digest_labels.stored_plan_text),
    SettingKind.CHANNEL_WATCH: SettingFormat(N_("Channel watch"), _escape_value),
    SettingKind.SUBSCRIPTION: SettingFormat(N_("Feed"), _subscription_state_text, N_("not followed")),
    SettingKind.LOOK: SettingFormat(
        N_("Post appearance"),
        lambda value: look_labels.look_summary_text(PostLook.from_json(value)),
        N_("default"),
        N_("same as the server"),
    ),
    SettingKind.FILTER: SettingFormat(
        N_("Filter"),
        lambda value: filter_labels.filter_list_text([Filter.parse(value)], max_query_length=_MAX_VALUE_LENGTH),
    ),
    SettingKind.FEED_CHANNEL: SettingFormat(N_("Feed’s channel"), _channel_mention),
    SettingKind.MONTHLY_REPORT: SettingFormat(N_("Monthly scorecard"), lambda _value: _("posted"), N_("not posted")),
    SettingKind.MUTED_STORY: SettingFormat(N_("Muted story"), _escape_value, N_("not muted")),
    SettingKind.TASTE_RESET: SettingFormat(N_("What this server likes"), lambda _value: _("reset")),
    SettingKind.CHANNEL_FEED: SettingFormat(N_("Feed of the channel"), lambda _value: _("shared"), N_("not shared")),
    SettingKind.ASSISTANT_TOKEN: SettingFormat(N_("Token for AI assistants"), _escape_value),
}
