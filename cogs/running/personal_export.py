"""Export of a user's personal data as JSON."""

import json

from bot.core.local_time import format_iso
from bot.core.user_models import is_saved_page
from cogs.shared.views import Interaction

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
