"""Repository of users' opinions of articles, from which is learned what their server likes (its taste)."""

import json

from bot.core.preferences import SettingKind
from bot.store.connection import Connection
from bot.store.records.content_records import ArticleProfile
from bot.store.records.people_records import (
    Opinion,
    OpinionKind,
    TasteTrainingData,
    TrainingArticle,
    UserOpinion,
)
from bot.store.repository import Repository, read_transaction, write_transaction
from bot.store.settings import setting_changes
from bot.store.settings.parent_rows import ensure_server

MAX_DELIVERIES = 3_000
"""Maximum number of posted articles, the newest, from which a server's taste is learned; rated ones are added."""
MAX_TRAINING_OPINIONS = 5_000
"""Maximum number of users' opinions and bookmarks, the newest, from which a server's taste is learned."""


class Opinions(Repository):
    """Repository of users' opinions, one per server, user and article. Methods raise StoreError.

    Bookmarks are stored elsewhere and count as opinions too.
    """

    @write_transaction
    def record(
        self, db: Connection, kind: OpinionKind, *, server_id: int, user_id: int, article_id: int
    ) -> OpinionKind | None:
        """Record a user's opinion of an article; return the opinion that is stored afterwards, or None.

        Recording the stored opinion again deletes it, except that of opening the menu of a post, which never replaces
        another opinion either. Nothing changes if the article or server is missing.
        """
        parameters = {
            "server_id": server_id,
            "user_id": user_id,
            "article_id": article_id,
            "opinion": kind,
            "now": db.now,
        }
        condition_sql = "server_id = :server_id AND user_id = :user_id AND article_id = :article_id"
        if kind is not OpinionKind.OPENED:
            deletion = db.execute(f"DELETE FROM opinion WHERE {condition_sql} AND opinion = :opinion", parameters)
            if deletion.rowcount:
                return None
        db.execute(
            "INSERT INTO opinion (server_id, user_id, article_id, opinion, given_at) "
            "SELECT server.id, :user_id, article.id, :opinion, :now FROM server, article "
            "WHERE server.id = :server_id AND article.id = :article_id "
            "ON CONFLICT (server_id, user_id, article_id) DO UPDATE SET opinion = excluded.opinion, "
            "given_at = excluded.given_at WHERE excluded.opinion <> 'opened'",
            parameters,
        )
        stored_kind = db.fetch_value(f"SELECT opinion FROM opinion WHERE {condition_sql}", parameters)
        return None if stored_kind is None else OpinionKind(stored_kind)

    async def list_by_user(self, user_id: int) -> list[UserOpinion]:
        """List a user's opinions, newest first."""
        rows = await self._fetch_rows(
            "SELECT server_id, url, opinion, given_at FROM opinion JOIN article ON article.id = article_id "
            "WHERE user_id = ? ORDER BY given_at DESC, article_id",
            (user_id,),
        )
        return [UserOpinion(row[0], row[1], OpinionKind(row[2]), row[3]) for row in rows]

    @read_transaction
    def load_training_data(self, db: Connection, server_id: int, since: int) -> TasteTrainingData:
        """Load the opinions given in a server since a Unix time in seconds, and the articles posted there since then.

        Articles that the opinions are about are added. What is from before the server's learned taste was reset is left
        out.
        The training data is empty if there are no opinions.
        """
        row = db.fetch_row("SELECT taste_since FROM server WHERE id = ?", (server_id,))
        if row is None:
            return TasteTrainingData((), ())
        parameters = {
            "server_id": server_id,
            "since": max(since, (row["taste_since"] or 0) + 1),
            "max_deliveries": MAX_DELIVERIES,
            "max_opinions": MAX_TRAINING_OPINIONS,
        }
        opinions = [
            Opinion(article_id, user_id, OpinionKind(kind), given_at)
            for article_id, user_id, kind, given_at in db.execute(
                """
                SELECT article_id, user_id, opinion, given_at FROM opinion
                WHERE server_id = :server_id AND given_at >= :since
                UNION ALL
                SELECT article_id, user_id, 'bookmarked', created_at FROM bookmark
                WHERE server_id = :server_id AND removed_at IS NULL AND created_at >= :since
                ORDER BY 4 DESC LIMIT :max_opinions
                """,
                parameters,
            )
        ]
        if not opinions:
            return TasteTrainingData((), ())
        article_rows = db.fetch_rows(
            """
            SELECT article.id, first_post.sent_at, substr(title, 1, 500) AS title, outlet, language, tags
            FROM (SELECT article_id, min(sent_at) AS sent_at FROM (
                SELECT delivery_status.article_id, dispatch.sent_at FROM channel
                JOIN dispatch /*+ INDEXED BY dispatch_channel_sent */ ON dispatch.channel_id = channel.id
                JOIN delivery_status ON delivery_status.dispatch_id = dispatch.id
                    OR delivery_status.joined_dispatch_id = dispatch.id
                WHERE channel.server_id = :server_id AND dispatch.sent_at >= :since
                  AND dispatch.kind IN ('post', 'catch-up', 'digest')
                ORDER BY dispatch.sent_at DESC LIMIT :max_deliveries
            ) AS latest_posts GROUP BY article_id) AS first_post JOIN article ON article.id = first_post.article_id
            ORDER BY article.id
            """,
            parameters,
        )
        sent_article_ids = {row["id"] for row in article_rows}
        earliest_opinion_by_article_id = {opinion.article_id: opinion for opinion in opinions}
        article_rows += [
            row
            for article_id, opinion in earliest_opinion_by_article_id.items()
            if article_id not in sent_article_ids
            for row in db.fetch_rows(
                "SELECT id, ?, substr(title, 1, 500), outlet, language, tags FROM article WHERE id = ?",
                (opinion.given_at, article_id),
            )
        ]
        return TasteTrainingData(
            [
                TrainingArticle(row[0], row[1], ArticleProfile(row[2], row[3], row[4], tuple(json.loads(row[5]))))
                for row in article_rows
            ],
            opinions,
        )

    @write_transaction
    def reset(self, db: Connection, server_id: int, *, user_id: int) -> None:
        """Forget what a server likes (its learned taste): delete its opinions, and ignore bookmarks made until now."""
        ensure_server(db, server_id)
        db.execute("DELETE FROM opinion WHERE server_id = ?", (server_id,))
        db.execute("UPDATE server SET taste_since = ? WHERE id = ?", (db.now, server_id))
        setting_changes.log_change(db, server_id, user_id, SettingKind.TASTE_RESET, None, str(db.now))

    @write_transaction
    def purge(self, db: Connection, before: int) -> int:
        """Delete opinions given before a Unix time in seconds; return their number."""
        return db.execute_rowcount("DELETE FROM opinion WHERE given_at < ?", (before,))
