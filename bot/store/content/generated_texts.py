"""What a language model wrote of articles: kept, so that it is written once, and counted."""

from collections.abc import Collection, Mapping

from bot.store.connection import Connection
from bot.store.records.content_records import GeneratedTextKind, PendingTranslation
from bot.store.repository import Repository, reads, writes
from bot.store.row_mapping import to_json_array
from bot.store.settings.parent_rows import ensure_server

RETENTION_SECONDS = 90 * 86_400
"""Seconds that a text is kept."""
MAX_POSTS_PER_CHANNEL = 5
"""Posts of a channel that are looked for at a time, the newest of those waiting and of those sent."""

# A change of the article makes what was written of it stale.
_IS_CURRENT_SQL = """
    written_text.article_id = article.id AND written_text.kind = :kind AND written_text.language = :language
    AND written_text.model = :model
    AND written_text.made >= coalesce(article.updated, article.corrected, 0)
"""


class GeneratedTexts(Repository):
    """Summaries and translations by article, language and model. "" is one of which nothing held."""

    async def get(
        self, kind: GeneratedTextKind, article_ids: Collection[int], *, language: str, model: str
    ) -> dict[int, str]:
        """What was written of these articles as they are now, by their ids."""
        rows = await self._rows(
            f"SELECT article.id, written_text.text FROM article JOIN written_text ON {_IS_CURRENT_SQL} "
            "WHERE article.id IN (SELECT value FROM json_each(:ids))",
            {"kind": kind, "language": language, "model": model, "ids": to_json_array(article_ids)},
        )
        return {row[0]: row[1] for row in rows}

    @writes
    def add(
        self,
        db: Connection,
        kind: GeneratedTextKind,
        article_id: int,
        text: str,
        *,
        language: str,
        model: str,
        server_id: int | None,
        as_of: int,
        channel_ids: Collection[int] = (),
    ) -> None:
        """Keep what was written for the people of a server of the article as it was at a time.

        Posts of it in these channels are to be edited.
        """
        values = {
            "article": article_id,
            "kind": kind,
            "language": language,
            "model": model,
            "text": text,
            "server": server_id,
            "channels": to_json_array(channel_ids),
            "made": as_of,
            "now": db.now,
            "before": db.now - RETENTION_SECONDS,
        }
        if server_id is not None:
            ensure_server(db, server_id)
        db.execute("DELETE FROM written_text WHERE made < :before", values)
        db.execute(
            "INSERT INTO written_text (article_id, kind, language, model, text, server_id, made) "
            "SELECT id, :kind, :language, :model, :text, :server, :made FROM article WHERE id = :article "
            "ON CONFLICT (article_id, kind, language, model) DO UPDATE SET text = excluded.text, "
            "server_id = excluded.server_id, made = excluded.made",
            values,
        )
        db.execute(
            "UPDATE dispatch SET edit_due = max(:now, coalesce(edit_due + 1, 0)) "
            "WHERE channel_id IN (SELECT value FROM json_each(:channels)) AND kind = 'post' "
            "AND what = (SELECT key FROM article WHERE id = :article) AND state IN ('claimed', 'sent')",
            values,
        )

    async def count_since(self, since: int, server_id: int | None) -> tuple[int, int]:
        """How many texts were written since a time: for all servers, and for this one."""
        row = await self._row(
            "SELECT count(*), count(*) FILTER (WHERE server_id IS ?) FROM written_text WHERE made >= ?",
            (server_id, since),
        )
        return row[0], row[1]

    @reads
    def pending_translations(
        self, db: Connection, channels: Mapping[int, str], *, model: str, since: int
    ) -> list[PendingTranslation]:
        """Posts in these channels, each with its language, of articles in another that are not translated.

        They are waiting, or were sent since a time: the newest few of each channel, its newest first.
        """
        found = []
        for channel_id, language in channels.items():
            values = {
                "channel": channel_id,
                "language": language,
                "model": model,
                "kind": GeneratedTextKind.TRANSLATION,
                "since": since,
            }
            for which in (
                "dispatch.state = 'waiting' ORDER BY dispatch.position DESC",
                "dispatch.sent >= :since ORDER BY dispatch.sent DESC",
            ):
                rows = db.execute(
                    "SELECT article.id FROM dispatch JOIN article ON article.key = dispatch.what "
                    "AND article.language <> :language "
                    f"AND NOT EXISTS (SELECT 1 FROM written_text WHERE {_IS_CURRENT_SQL}) "
                    f"WHERE dispatch.channel_id = :channel AND dispatch.kind = 'post' AND {which} "
                    f"LIMIT {MAX_POSTS_PER_CHANNEL}",
                    values,
                )
                found += [PendingTranslation(row[0], channel_id, language) for row in rows]
        return found
