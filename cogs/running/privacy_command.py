"""Command /privacy: the data stored about a user, its export and its deletion."""

import io
import json

import discord
from discord import app_commands
from discord.app_commands import locale_str

from bot.core.i18n import _, format_number, ngettext
from bot.core.local_time import format_iso
from bot.core.user_models import is_saved_page
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Card, Separator, text_block
from bot.store import ErasureReport
from cogs.shared.panels import heading_block
from cogs.shared.persistent_items import TelexCog
from cogs.shared.views import AckMode, ActionButton, Interaction, OwnedView

_BOOKMARK_BATCH_SIZE = 500
"""Number of bookmarks that are read from the store at a time."""


async def export_personal_data(interaction: Interaction) -> bytes:
    """Return all data stored about the user as a JSON document in UTF-8."""
    bookmarks: list[dict[str, object]] = []
    store = interaction.client.store
    while batch := await store.bookmarks.list_by_user(
        interaction.user.id, limit=_BOOKMARK_BATCH_SIZE, offset=len(bookmarks)
    ):
        bookmarks += [
            {
                "url": bookmark.article.url,
                "title": bookmark.article.title,
                "source": bookmark.article.outlet,
                "saved": format_iso(bookmark.created_at),
                "server_id": _snowflake_text(bookmark.server_id),
                "channel_id": _snowflake_text(bookmark.channel_id),
                "message_id": _snowflake_text(bookmark.message_id),
                "note": bookmark.note,
                "tags": bookmark.tags,
                "read": None if bookmark.read_at is None else format_iso(bookmark.read_at),
                "text": bookmark.article.text if is_saved_page(bookmark.article) else None,
            }
            for bookmark in batch
        ]
    bookmark_feed = await store.bookmark_feeds.get_by_user(interaction.user.id)
    export_document = {
        "person_id": str(interaction.user.id),
        "exported": format_iso(interaction.client.services.clock.now()),
        "bookmarks": bookmarks,
        # The URLs of removed bookmarks:
        "let_go": await store.bookmarks.load_removed_urls(interaction.user.id),
        "bookmark_feed": None if bookmark_feed is None else {"made": format_iso(bookmark_feed.created_at)},
        "questions": [
            {
                "question": question.text,
                "asked": format_iso(question.asked_at),
                "answered": question.is_answered,
                "public": question.is_public,
                "server_id": _snowflake_text(question.server_id),
                "channel_id": _snowflake_text(question.channel_id),
            }
            for question in await store.questions.list_by_user(interaction.user.id)
        ],
        "watches": [
            {
                "query": watch.query,
                "made": format_iso(watch.created_at),
                "server_id": _snowflake_text(watch.server_id),
            }
            for watch in await store.watches.list_by_user(interaction.user.id)
        ],
        # The articles that watches sent to the user:
        "told": [
            {"url": notification.url, "told": format_iso(notification.sent_at)}
            for notification in await store.watches.list_sent_notifications(interaction.user.id)
        ],
        "digest": await _load_personal_digest_record(interaction),
        "proposals": await _list_proposal_records(interaction),
        "proposals_blocked_in": list(
            map(_snowflake_text, await store.proposals.list_blocking_server_ids(interaction.user.id))
        ),
        "muted_stories": [
            {
                "title": muted_story.title,
                "muted": format_iso(muted_story.created_at),
                "until": None if muted_story.muted_until is None else format_iso(muted_story.muted_until),
                "server_id": _snowflake_text(muted_story.server_id),
                "channel_id": _snowflake_text(muted_story.channel_id),
            }
            for muted_story in await store.muted_stories.list_made_by_user(interaction.user.id)
        ],
        "settings": [
            {
                "setting": change.setting,
                "changed": format_iso(change.changed_at),
                "old": change.old_value,
                "new": change.new_value,
                "server_id": _snowflake_text(server_id),
                "channel_id": _snowflake_text(change.channel_id),
            }
            for server_id, change in await store.preferences.list_changes_by_user(interaction.user.id)
        ],
        # What the user decided for the whole bot, as an operator:
        "operator_actions": [
            {
                "action": entry.action,
                "recorded": format_iso(entry.recorded_at),
                "server_id": _snowflake_text(entry.server_id),
                "details": entry.details,
            }
            for entry in await store.audit_log.list_entries(user_id=interaction.user.id)
        ],
        "opinions": [
            {
                "url": opinion.url,
                "opinion": opinion.kind,
                "given": format_iso(opinion.given_at),
                "server_id": _snowflake_text(opinion.server_id),
            }
            for opinion in await store.opinions.list_by_user(interaction.user.id)
        ],
        "votes": [
            {"question_id": str(question_id), "voted": format_iso(voted_at), "helped": is_helpful}
            for question_id, voted_at, is_helpful in await store.questions.list_votes_by_user(interaction.user.id)
        ],
    }
    return json.dumps(export_document, ensure_ascii=False, indent=2).encode()


async def _list_proposal_records(interaction: Interaction) -> list[dict[str, object]]:
    """Return the proposals of feeds that the user made or decided on.

    Only a proposal that the user made has its address, its reason and the place where they made it.
    """
    user_id = interaction.user.id
    proposal_records: list[dict[str, object]] = []
    for proposal in await interaction.client.store.proposals.list_by_user(user_id):
        proposal_record: dict[str, object] = {
            "feed": proposal.title,
            "server_id": _snowflake_text(proposal.server_id),
            "for_channel_id": _snowflake_text(proposal.target_channel_id),
            "decision": proposal.decision,
            "decided_by_you": proposal.decided_by == user_id,
        }
        if proposal.decided_by == user_id:
            proposal_record["your_decision_reason"] = proposal.decision_reason
        for proposer in proposal.proposers:
            if proposer.user_id == user_id:
                proposal_record |= {
                    "url": proposal.url,
                    "proposed": format_iso(proposer.proposed_at),
                    "reason": proposer.reason,
                    "channel_id": _snowflake_text(proposer.channel_id),
                    "message_id": _snowflake_text(proposer.message_id),
                }
        proposal_records.append(proposal_record)
    return proposal_records


async def _load_personal_digest_record(interaction: Interaction) -> dict[str, object] | None:
    digest = await interaction.client.store.personal_digests.get_by_user(interaction.user.id)
    if digest is None:
        return None
    feeds = [await interaction.client.store.feeds.get(feed_id) for feed_id in digest.plan.feed_ids]
    return {
        "when": str(digest.plan),
        "time_zone": digest.plan.time_zone,
        "language": digest.language,
        "feeds": [feed.title for feed in feeds if feed is not None],
        "topics": digest.plan.topic_queries,
        "watches": digest.plan.include_watches,
        "made": format_iso(digest.created_at),
        "paused": None if digest.paused_at is None else format_iso(digest.paused_at),
        "server_id": _snowflake_text(digest.server_id),
    }


def _snowflake_text(snowflake: int | None) -> str | None:
    # A string, because JavaScript rounds numbers of this size.
    return None if snowflake is None else str(snowflake)


_DANGER_COLOUR = 0xED4245
"""Accent colour as RGB for actions that cannot be undone: Discord's red."""


class PrivacyCog(TelexCog):
    """Cog of the /privacy command."""

    @app_commands.command(name="privacy", description=locale_str("See, export or delete what Telex stores about you"))
    async def privacy(self, interaction: Interaction) -> None:
        await PersonalDataPanel(interaction).render(interaction)


class PersonalDataPanel(OwnedView):
    """Panel with the data stored about the user, and with buttons for export and deletion."""

    async def render(self, interaction: Interaction) -> None:
        data_lines = await _load_stored_data_lines(interaction)
        intro_text = _("What Telex stores about you:") if data_lines else _("Telex stores nothing about you.")
        caveats = [
            _(
                "Telex only reads messages that mention it, reply to it or are sent to it directly. Only "
                "you see your bookmarks. Whoever runs Telex sees unanswered questions, without names."
            ),
        ]
        if self.client.services.model_services is not None:
            caveats.append(
                _(
                    "Your questions, with the earlier ones of a conversation, go to the language model that this Telex "
                    "uses."
                )
            )
        caveats.append(
            _(
                "Removed bookmarks leave a mark, so that an old reaction doesn’t bring them back. After "
                "“Delete everything”, the mark has no ID: it can’t be traced to you alone."
            )
        )
        privacy_policy_url = self.client.services.settings.privacy_url
        danger_style = discord.ButtonStyle.danger
        await self.display_card(
            interaction,
            heading_block(_("Your data"), intro_text, *_bullet_lines(data_lines)),
            Separator(),
            text_block("\n".join(f"-# {line}" for line in caveats)),
            ActionRow(
                ActionButton(
                    self._send_export,
                    AckMode.EPHEMERAL_MESSAGE,
                    label=_("Export"),
                    style=discord.ButtonStyle.primary,
                ),
                ActionButton(
                    self._ask_to_confirm_deletion,
                    label=_("Delete everything"),
                    style=danger_style,
                    disabled=not data_lines,
                ),
                None
                if privacy_policy_url is None
                else discord.ui.Button(label=_("Privacy policy"), url=privacy_policy_url),
            ),
        )

    async def _send_export(self, interaction: Interaction) -> None:
        file = discord.File(io.BytesIO(await export_personal_data(interaction)), filename="telex-privacy.json")
        await interaction.edit_original_response(content=_("Everything Telex stores about you:"), attachments=[file])

    async def _ask_to_confirm_deletion(self, interaction: Interaction) -> None:
        intro_text = _("This permanently deletes, in every server:")
        delete_button = ActionButton(
            self._delete_personal_data, label=_("Delete permanently"), style=discord.ButtonStyle.danger
        )
        await self.display_card(
            interaction,
            heading_block(
                _("Delete everything about you?"),
                intro_text,
                *_bullet_lines(await _load_stored_data_lines(interaction)),
            ),
            text_block(f"-# {_deletion_caveats_text()}"),
            ActionRow(delete_button, ActionButton(self.render, label=_("Keep everything"))),
            colour=_DANGER_COLOUR,
        )

    async def _delete_personal_data(self, interaction: Interaction) -> None:
        erasure = await self.store.erase_user(self.user_id)
        self.client.services.preference_models.invalidate_all()
        caveats = [_deletion_caveats_text()]
        if not erasure.is_log_emptied:
            traces_warning = _(
                "⚠️ Another program is reading the database, so traces may stay in its log file for a while."
            )
            caveats.insert(0, traces_warning)
        caveats_block = text_block("\n".join(f"-# {line}" for line in caveats))
        card = Card(
            (heading_block(_("Deleted"), *_bullet_lines(_erased_data_lines(erasure))), caveats_block),
            outlet_branding.DEFAULT_COLOUR,
        )
        await self.finish(interaction, (card,))


def _bullet_lines(lines: list[str]) -> list[str]:
    return [f"• {line}" for line in lines]


def _deletion_caveats_text() -> str:
    return _(
        "Earlier backups may still contain this data until whoever runs Telex deletes them. What "
        "you wrote on Discord stays there. Old 🔖 reactions won’t bring your bookmarks back."
    )


async def _load_stored_data_lines(interaction: Interaction) -> list[str]:
    """Return a line for each kind of data stored about the user."""
    store, user_id = interaction.client.store, interaction.user.id
    bookmark_count = await store.bookmarks.count(user_id)
    saved_page_count = await store.saved_pages.count(user_id)
    bookmark_feed = await store.bookmark_feeds.get_by_user(user_id)
    question_count = await store.questions.count(user_id)
    watch_count = await store.watches.count_stored(user_id)
    digest = await store.personal_digests.get_by_user(user_id)
    proposal_count = len(await store.proposals.list_by_user(user_id))
    blocking_server_ids = await store.proposals.list_blocking_server_ids(user_id)
    mute_count = len(await store.muted_stories.list_made_by_user(user_id))
    change_count = len(await store.preferences.list_changes_by_user(user_id))
    vote_count = len(await store.questions.list_votes_by_user(user_id))
    opinion_count = len(await store.opinions.list_by_user(user_id))
    return _format_counted_lines(
        (
            bookmark_count,
            ngettext(
                "{count} bookmark: the article, when and where you saved it, your note and tags",
                "{count} bookmarks: the articles, when and where you saved them, your notes and tags",
                bookmark_count,
            ),
        ),
        (
            saved_page_count,
            ngettext(
                "{count} web page among them that you saved for you alone, with its text",
                "{count} web pages among them that you saved for you alone, with their texts",
                saved_page_count,
            ),
        ),
        (bookmark_feed is not None, _bookmark_feed_line()),
        (
            question_count,
            ngettext(
                "{count} question from the last 90 days: where you asked it, and whether it was answered",
                "{count} questions from the last 90 days: where you asked them, and which were answered",
                question_count,
            ),
        ),
        (
            watch_count,
            ngettext(
                "{count} watch, kept 30 days after it ends: what it looks for and what it sent you",
                "{count} watches, kept 30 days after they end: what they look for and what they sent you",
                watch_count,
            ),
        ),
        (digest is not None, _("your digest: when you get it, what it covers, its language and time zone")),
        (
            proposal_count,
            ngettext(
                "{count} proposal of a feed that you made or decided on, kept 30 days after the decision",
                "{count} proposals of feeds that you made or decided on, kept 30 days after the decision",
                proposal_count,
            ),
        ),
        (len(blocking_server_ids), _("that managers have blocked your proposals")),
        (
            mute_count,
            ngettext(
                "{count} story that you muted, kept 30 days after it ends: where and until when",
                "{count} stories that you muted, kept 30 days after they end: where and until when",
                mute_count,
            ),
        ),
        (
            change_count,
            ngettext(
                "{count} setting of a server that you changed, and when",
                "{count} settings of servers that you changed, and when",
                change_count,
            ),
        ),
        (vote_count, _("which answers you found helpful or not")),
        (
            opinion_count,
            ngettext(
                "{count} reaction to an article (Like, Less like this, More) from the last three months",
                "{count} reactions to articles (Like, Less like this, More) from the last three months",
                opinion_count,
            ),
        ),
    )


def _bookmark_feed_line() -> str:
    return _("the secret address of your bookmarks’ feed")


def _erased_data_lines(erasure: ErasureReport) -> list[str]:
    return _format_counted_lines(
        (erasure.bookmark_count, ngettext("{count} bookmark", "{count} bookmarks", erasure.bookmark_count)),
        (erasure.bookmark_feed_count, _bookmark_feed_line()),
        (erasure.question_count, ngettext("{count} question", "{count} questions", erasure.question_count)),
        (erasure.vote_count, ngettext("{count} vote on an answer", "{count} votes on answers", erasure.vote_count)),
        (
            erasure.opinion_count,
            ngettext("{count} reaction to an article", "{count} reactions to articles", erasure.opinion_count),
        ),
        (erasure.watch_count, ngettext("{count} watch", "{count} watches", erasure.watch_count)),
        (erasure.personal_digest_count, _("your digest")),
        (erasure.proposal_count, ngettext("{count} proposal", "{count} proposals", erasure.proposal_count)),
        (
            erasure.muted_story_count,
            ngettext("{count} muted story", "{count} muted stories", erasure.muted_story_count),
        ),
        (
            erasure.anonymized_change_count,
            ngettext(
                "your name on {count} setting change",
                "your name on {count} setting changes",
                erasure.anonymized_change_count,
            ),
        ),
    )


def _format_counted_lines(*counted_templates: tuple[int, str]) -> list[str]:
    """Return the text templates with their counts filled in, without those whose count is 0."""
    return [template.format(count=format_number(count)) for count, template in counted_templates if count]
