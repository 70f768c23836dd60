"""Repository of texts that a language model generated from articles: a cache, which also counts them for quotas."""

from collections.abc import Collection, Mapping

from bot.store.connection import Connection
from bot.store.outbox import transitions
from bot.store.records.content_records import GeneratedTextKind, PendingTranslation
from bot.store.repository import Repository, read_transaction, write_transaction
from bot.store.settings.parent_rows import ensure_server

RETENTION_SECONDS = 90 * 86_400
"""Age in seconds at which a generated text is deleted."""
MAX_POSTS_PER_CHANNEL = 5
"""Maximum number of pending posts, and of sent posts, per channel that are listed for translation."""

_MATCHES_ARTICLE_SQL = """
    generated_text.article_id = article.id AND generated_text.kind = :kind AND generated_text.language = :language
    AND generated_text.model = :model
    AND generated_text.generated_at >= coalesce(article.updated_at, article.corrected_at, 0)
"""
"""SQL condition that a text is of `:kind`, in `:language`, by `:model` and of its article's current version."""


class GeneratedTexts(Repository):
    """Repository of generated summaries and translations, by article, language and model.

    The text is "" if what the model wrote was not supported by the article. Methods raise StoreError.
    """

    async def get(
        self, kind: GeneratedTextKind, article_ids: Collection[int], *, language: str, model: str
    ) -> dict[int, str]:
        """Map article ids to the texts that were generated from the current versions of the articles.

        Articles without such a text are left out.
        """
        rows = await self._fetch_rows(
            f"SELECT article.id, generated_text.text FROM article JOIN generated_text ON {_MATCHES_ARTICLE_SQL} "
            "WHERE article.id IN (:ids)",
            {"kind": kind, "language": language, "model": model, "ids": article_ids},
        )
        return {row[0]: row[1] for row in rows}

    @write_transaction
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
        started_at: int,
        channel_ids: Collection[int] = (),
    ) -> None:
        """Store a text generated for a server, and schedule edits of the article's posts in `channel_ids`.

        `started_at` is the Unix time in seconds at which the model got the article. The text counts towards
        the quota of `server_id`, or of no server if that is None. It replaces an earlier text of this kind, language
        and model; nothing is stored if the article is gone. Texts older than `RETENTION_SECONDS` are deleted.
        """
        parameters = {
            "article_id": article_id,
            "kind": kind,
            "language": language,
            "model": model,
            "text": text,
            "server_id": server_id,
            "channel_ids": channel_ids,
            "started_at": started_at,
            "now": db.now,
            "expires_before": db.now - RETENTION_SECONDS,
        }
        if server_id is not None:
            ensure_server(db, server_id)
        db.execute("DELETE FROM generated_text WHERE generated_at < :expires_before", parameters)
        db.execute(
            "INSERT INTO generated_text (article_id, kind, language, model, text, server_id, generated_at) "
            "SELECT id, :kind, :language, :model, :text, :server_id, :started_at FROM article WHERE id = :article_id "
            "ON CONFLICT (article_id, kind, language, model) DO UPDATE SET text = excluded.text, "
            "server_id = excluded.server_id, generated_at = excluded.generated_at",
            parameters,
        )
        post_ids = db.fetch_column(
            "SELECT id FROM dispatch WHERE channel_id IN (:channel_ids) AND kind = 'post' "
            "AND dedupe_key = (SELECT key FROM article WHERE id = :article_id) AND state IN ('claimed', 'sent')",
            {"channel_ids": channel_ids, "article_id": article_id},
        )
        transitions.schedule_edits(db, post_ids, earliest_at=db.now)

    async def count_since(self, since: int, server_id: int | None) -> tuple[int, int]:
        """Count the texts generated since a Unix time in seconds: in total, and for one server (None: no server)."""
        row = await self._fetch_row(
            "SELECT count(*), count(*) FILTER (WHERE coalesce(server_id, 0) = ?) FROM generated_text "
            "WHERE generated_at >= ?",
            (server_id or 0, since),
        )
        return row[0], row[1]

    @read_transaction
    def list_pending_translations(
        self, db: Connection, language_by_channel_id: Mapping[int, str], *, model: str, since: int
    ) -> list[PendingTranslation]:
        """List posts whose article is not yet translated into the language of their channel.

        Of each channel in `language_by_channel_id`, the newest `MAX_POSTS_PER_CHANNEL` of these pending posts are
        listed, and as many that were sent since `since` (Unix time in seconds). Articles whose language is unknown are
        left out.
        """
        pending_translations = []
        for channel_id, language in language_by_channel_id.items():
            parameters = {
                "channel_id": channel_id,
                "language": language,
                "model": model,
                "kind": GeneratedTextKind.TRANSLATION,
                "since": since,
            }
            for post_selection_sql in (
                "dispatch.state = 'waiting' ORDER BY dispatch.position DESC",
                "dispatch.sent_at >= :since ORDER BY dispatch.sent_at DESC",
            ):
                rows = db.execute(
                    "SELECT article.id FROM dispatch JOIN article ON article.key = dispatch.dedupe_key "
                    "AND article.language <> :language "
                    f"AND NOT EXISTS (SELECT 1 FROM generated_text WHERE {_MATCHES_ARTICLE_SQL}) "
                    f"WHERE dispatch.channel_id = :channel_id AND dispatch.kind = 'post' AND {post_selection_sql} "
                    f"LIMIT {MAX_POSTS_PER_CHANNEL}",
                    parameters,
                )
                pending_translations += [PendingTranslation(row[0], channel_id, language) for row in rows]
        return pending_translations
