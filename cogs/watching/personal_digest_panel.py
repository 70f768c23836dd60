"""Panel of /digest me, which is also opened from the message of a personal digest."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import discord

from bot.client import interaction_context
from bot.core import i18n, local_time
from bot.core.concurrency.worker_pool import WorkerError
from bot.core.i18n import _, format_number
from bot.core.models import Feed
from bot.core.preferences import PersonalDigestPlan
from bot.core.reasons import Reason, SendProblem
from bot.core.user_errors import UserFacingError
from bot.core.user_models import PersonalDigest
from bot.digests.digest_selection import get_period_seconds
from bot.posting.rendering import buttons, digest_rendering, discord_limits
from bot.posting.rendering.layout.blocks import ActionRow, Block, Separator, text_block
from bot.posting.wording.reason_sentences import describe_reason
from bot.search.index.search_engine import EngineError
from bot.search.query.query_parser import parse_query
from bot.text import discord_text
from cogs.shared.channel_options import open_dm_channel
from cogs.shared.modals import TextField, modal_button
from cogs.shared.panels import heading_block, setting_section, time_zone_button
from cogs.shared.persistent_items import persistent_item
from cogs.shared.views import (
    AckMode,
    ActionButton,
    Interaction,
    OwnedView,
    StringMenu,
    menu_option,
    reply_with_card,
)
from cogs.watching import digest_labels

MAX_TOPICS = 10
"""Maximum number of topics (searches) of a personal digest."""
MAX_TOPIC_LENGTH = 100
"""Maximum length in characters of a topic of a personal digest."""

_MAX_NAMES_LISTED = 3
"""Maximum number of feeds or topics that a line of the panel of a personal digest names."""


class PersonalDigestPanel(OwnedView):
    """Panel for a user's personal digest.

    Changes of schedule and options take effect when they are saved; pausing and stopping take effect at once.
    """

    def __init__(self, interaction: Interaction) -> None:
        super().__init__(interaction)
        self._edited_plan = PersonalDigestPlan(weekday=None, minute=digest_labels.DEFAULT_MINUTE)
        self._saved_digest: PersonalDigest | None = None
        self._readable_feeds: list[Feed] = []
        self._has_time_zone = True

    async def start(self, interaction: Interaction) -> None:
        """Load the user's digest, or a default plan for the morning with all readable feeds, and show it."""
        store = self.store
        self._saved_digest = await store.personal_digests.get_by_user(self.user_id)
        if self._saved_digest is not None:
            self._edited_plan = self._saved_digest.plan
        elif (server_id := interaction_context.get_home_server_id(interaction)) is not None:
            zone_name = (await store.preferences.get_by_server(server_id)).time_zone
            self._change_plan(time_zone=zone_name)
        self._has_time_zone = self._saved_digest is not None or self._edited_plan.time_zone != "UTC"
        readable_feed_ids = await _load_readable_feed_ids(interaction)
        readable_feeds = [feed for feed in await store.feeds.list_all() if feed.id in readable_feed_ids]
        selected_feed_ids = set(self._edited_plan.feed_ids)
        self._readable_feeds = sorted(
            readable_feeds, key=lambda feed: (feed.id not in selected_feed_ids, feed.title.casefold())
        )
        self._edited_plan = replace(
            self._edited_plan,
            feed_ids=tuple(feed.id for feed in self._readable_feeds if feed.id in selected_feed_ids),
        )
        await self.render(interaction)

    async def render(self, interaction: Interaction) -> None:
        plan, saved_digest, button_style = self._edited_plan, self._saved_digest, discord.ButtonStyle
        watch_count = len(await self.store.watches.list_by_user(self.user_id))
        watches_text = _("included") if plan.include_watches else _("not included")
        if watch_count:
            watches_text += f" · {format_number(watch_count)}"
        watches_button = ActionButton(
            self._toggle_watches,
            label=_("Leave out") if plan.include_watches else _("Include"),
            disabled=not watch_count and not plan.include_watches,
        )
        is_unchanged = saved_digest is not None and saved_digest.plan == plan
        is_suspended = saved_digest is not None and (
            saved_digest.paused_at is not None or saved_digest.problem is not None
        )
        save_label = (
            _("Start the digest") if saved_digest is None else _("Resume") if is_suspended else _("Save changes")
        )
        topics_field = TextField(
            "line",
            _("One search per line"),
            style=discord.TextStyle.paragraph,
            default="\n".join(plan.topic_queries),
            required=False,
            max_length=MAX_TOPICS * (MAX_TOPIC_LENGTH + 1),
        )
        topics_button = modal_button(self, self._on_topics_submit, _("Change…"), topics_field, title=_("Topics"))
        blocks: list[Block] = [
            heading_block(_("Your digest"), *self._state_lines()),
            Separator(),
            *digest_labels.schedule_menus(plan, self._change_plan),
            setting_section(_("Time zone"), plan.time_zone, time_zone_button(self, self._on_time_zone_submit)),
            setting_section(_("Feeds"), self._feeds_text()),
            *self._iter_feed_menu_blocks(),
            setting_section(_("Topics"), _summarize_names(plan.topic_queries) or _("none"), topics_button),
            setting_section(_("Your watches"), watches_text, watches_button),
            ActionRow(
                ActionButton(
                    self._save_digest,
                    label=save_label,
                    style=button_style.success,
                    disabled=is_unchanged and not is_suspended,
                )
                if self._has_time_zone
                else time_zone_button(self, self._start_with_time_zone, save_label, style=button_style.success),
                ActionButton(self._send_preview, AckMode.EPHEMERAL_MESSAGE, label=_("Preview")),
                None if saved_digest is None or is_suspended else ActionButton(self._pause_digest, label=_("Pause")),
                None
                if saved_digest is None
                else ActionButton(self._stop_digest, label=_("Stop the digest"), style=button_style.danger),
            ),
        ]
        await self.display_card(interaction, *blocks)

    def _state_lines(self) -> Iterator[str]:
        plan, saved_digest = self._edited_plan, self._saved_digest
        due_at = local_time.find_next_occurrence(
            self.client.services.clock.now(), plan.minute, plan.weekday, plan.time_zone
        )
        yield _("The top stories in a DM: {when} ({zone}).").format(
            when=digest_labels.schedule_text(plan), zone=plan.time_zone
        )
        if saved_digest is None:
            yield _("Not active yet.")
        elif saved_digest.problem == Reason(SendProblem.DMS_CLOSED):
            yield f"⚠️ {describe_reason(Reason(SendProblem.DMS_CLOSED))} " + _(
                "Allow them for a server we share, then press Resume."
            )
        elif saved_digest.paused_at is not None:
            yield _("Paused {when}.").format(when=f"<t:{saved_digest.paused_at}:R>")
        elif saved_digest.plan != plan:
            yield _("Not saved yet.")
        else:
            yield _("Next one {when}. Days without news are skipped.").format(when=f"<t:{due_at}:R>")

    def _feeds_text(self) -> str:
        if self._edited_plan.is_unrestricted:
            return _("everything you can see")
        feed_titles = [
            feed.title or feed.outlet for feed in self._readable_feeds if feed.id in self._edited_plan.feed_ids
        ]
        return _summarize_names(feed_titles) or _("none")

    def _iter_feed_menu_blocks(self) -> Iterator[Block]:
        listed_feeds = self._readable_feeds[: discord_limits.MAX_OPTIONS]
        if not listed_feeds:
            return
        feed_options = [
            menu_option(feed.title or feed.outlet, feed.id, is_default=feed.id in self._edited_plan.feed_ids)
            for feed in listed_feeds
        ]
        yield ActionRow(
            StringMenu(
                self._choose_feeds,
                placeholder=_("Only these feeds…"),
                options=feed_options,
                min_values=0,
                max_values=len(feed_options),
            )
        )
        if len(self._readable_feeds) > len(listed_feeds):
            yield text_block("-# " + _('For others, add a topic such as `source:"The Verge"`.'))

    def _change_plan(self, **changes: Any) -> None:  # noqa: ANN401
        self._edited_plan = replace(self._edited_plan, **changes)

    async def _choose_feeds(self, _interaction: Interaction, selected_values: list[str]) -> None:
        self._change_plan(feed_ids=tuple(sorted(map(int, selected_values))))

    async def _toggle_watches(self, _interaction: Interaction) -> None:
        self._change_plan(include_watches=not self._edited_plan.include_watches)

    async def _on_topics_submit(self, _interaction: Interaction, topics_text: str) -> None:
        topics = dict.fromkeys(
            filter(None, (discord_text.to_plain_line(topic_line) for topic_line in topics_text.splitlines()))
        )
        if len(topics) > MAX_TOPICS:
            raise UserFacingError(_("At most {count} topics.").format(count=format_number(MAX_TOPICS)))
        for topic in topics:
            if len(topic) > MAX_TOPIC_LENGTH or not parse_query(topic, self.client.services.clock.now()).nodes:
                raise UserFacingError(
                    _("I can’t search for “{topic}”.").format(
                        topic=discord_text.escape_markdown(discord_text.truncate_utf16(topic, 80))
                    )
                )
        self._change_plan(topic_queries=tuple(topics))

    async def _start_with_time_zone(self, interaction: Interaction, zone_name: str) -> None:
        """Start the digest of a user whose time zone was unknown until now."""
        await self._on_time_zone_submit(interaction, zone_name)
        await self._save_digest(interaction)

    async def _on_time_zone_submit(self, _interaction: Interaction, zone_name: str) -> None:
        self._has_time_zone = True
        self._change_plan(time_zone=zone_name)

    async def _send_preview(self, interaction: Interaction) -> None:
        client, plan, language = self.client, self._edited_plan, i18n.current_language()
        now = client.services.clock.now()
        try:
            digest_content = await client.outbox_relay.personal_digest_task.build_digest_content(
                plan,
                self.user_id,
                language,
                await _load_readable_feed_ids(interaction),
                since=now - get_period_seconds(plan),
                until=now + 1,
            )
        except (WorkerError, EngineError) as error:
            raise UserFacingError(_("That took too long. Try again.")) from error
        digest_page = await digest_rendering.build_page(client.store, digest_content, language=language)
        empty_blocks = (heading_block(_("Nothing to preview yet"), _("If there’s no news, no digest is sent.")),)
        await reply_with_card(interaction, *(empty_blocks if digest_page is None else digest_page.blocks))

    async def _save_digest(self, interaction: Interaction) -> None:
        client, user_id = self.client, self.user_id
        refusal_text = describe_reason(Reason(SendProblem.DMS_CLOSED))
        dm_channel = await open_dm_channel(interaction, refusal_text=refusal_text)
        self._saved_digest = await client.store.personal_digests.save(
            self._edited_plan,
            user_id=user_id,
            channel_id=dm_channel.id,
            server_id=interaction_context.get_home_server_id(interaction),
            language=i18n.current_language(),
        )
        self.has_saved = True
        client.outbox_relay.wake()

    async def _pause_digest(self, _interaction: Interaction) -> None:
        await self.store.personal_digests.pause(self.user_id)
        self._saved_digest = await self.store.personal_digests.get_by_user(self.user_id)

    async def _stop_digest(self, interaction: Interaction) -> None:
        await self.store.personal_digests.delete(self.user_id)
        await self.finish(interaction, _("Stopped your digest."))


@persistent_item(buttons.PERSONAL_DIGEST_BUTTON.id_pattern)
async def personal_digest_button(interaction: Interaction, _item: object) -> None:
    """Open the panel of /digest me, from the message of a personal digest."""
    await PersonalDigestPanel(interaction).start(interaction)


async def _load_readable_feed_ids(interaction: Interaction) -> set[int]:
    """Return the ids of feeds that the user can read, in this server and in others shared with Telex."""
    server_id_by_feed_id = (
        await interaction.client.outbox_relay.audience.find_feeds_readable_by(interaction.user.id)
    ).server_id_by_feed_id
    return {*server_id_by_feed_id, *await interaction.client.load_visible_feed_ids(interaction)}


def _summarize_names(names: list[str] | tuple[str, ...]) -> str:
    """Return the first names of a list, and the number of the remaining names, as text."""
    listed_names = [discord_text.to_markdown_line(name, 40) for name in names[:_MAX_NAMES_LISTED]]
    overflow_texts = [f"+{format_number(len(names) - _MAX_NAMES_LISTED)}"] if len(names) > _MAX_NAMES_LISTED else []
    return " · ".join((*listed_names, *overflow_texts))
