"""Export of a user's personal data as JSON."""

import json

from bot.core.local_time import format_iso
from cogs.shared.views import Interaction

_EXPORT_BATCH_SIZE = 500


async def export_personal_data(interaction: Interaction) -> bytes:
    """Return all data stored about the user as a JSON document in UTF-8."""
    kept: list[dict[str, object]] = []
    store = interaction.client.store
    while batch := await store.bookmarks.list(
        interaction.user.id, limit=_EXPORT_BATCH_SIZE, offset=len(kept)
    ):
        kept += [
            {
                "url": one.article.url,
                "title": one.article.title,
                "source": one.article.outlet,
                "saved": format_iso(one.created),
                "server_id": _id(one.server_id),
                "channel_id": _id(one.channel_id),
                "message_id": _id(one.message_id),
                "note": one.note,
                "tags": one.tags,
                "read": None if one.read is None else format_iso(one.read),
            }
            for one in batch
        ]
    document = {
        "person_id": str(interaction.user.id),
        "exported": format_iso(interaction.client.newsroom.clock.now()),
        "bookmarks": kept,
        "let_go": await store.bookmarks.removed_urls(interaction.user.id),
        "questions": [
            {
                "question": one.text,
                "asked": format_iso(one.asked),
                "answered": one.answered,
                "public": one.public,
                "server_id": _id(one.server_id),
                "channel_id": _id(one.channel_id),
            }
            for one in await store.questions.of_person(interaction.user.id)
        ],
        "watches": [
            {"query": one.query, "made": format_iso(one.created), "server_id": _id(one.server_id)}
            for one in await store.watches.of_person(interaction.user.id)
        ],
        "told": [
            {"url": one.url, "told": format_iso(one.sent)}
            for one in await store.watches.sent_notifications(interaction.user.id)
        ],
        "digest": await _digest(interaction),
        "settings": [
            {
                "setting": one.setting,
                "changed": format_iso(one.changed_at),
                "old": one.old,
                "new": one.new,
                "server_id": _id(server_id),
                "channel_id": _id(one.channel_id),
            }
            for server_id, one in await store.preferences.changes_of(interaction.user.id)
        ],
        "opinions": [
            {
                "url": one.url,
                "opinion": one.opinion,
                "given": format_iso(one.given_at),
                "server_id": _id(one.server_id),
            }
            for one in await store.feedback.of_person(interaction.user.id)
        ],
        "votes": [
            {"question_id": str(question_id), "voted": format_iso(voted), "helped": helped}
            for question_id, voted, helped in await store.questions.votes_by_user(interaction.user.id)
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2).encode()


async def _digest(interaction: Interaction) -> dict[str, object] | None:
    digest = await interaction.client.store.personal_digests.of_person(interaction.user.id)
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
        "made": format_iso(digest.created),
        "paused": None if digest.paused is None else format_iso(digest.paused),
        "server_id": _id(digest.server_id),
    }


def _id(snowflake: int | None) -> str | None:
    # A string, because JavaScript rounds numbers of this size.
    return None if snowflake is None else str(snowflake)
