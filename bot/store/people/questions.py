"""Repository of questions that users asked, and of votes on the answers."""

import secrets
from collections.abc import Sequence
from functools import partial

from bot.core.user_models import Question, QuestionStats
from bot.store.connection import NO_LIMIT, Connection, Row
from bot.store.repository import Repository, read_transaction, write_transaction
from bot.store.row_mapping import build_json_ids_sql, from_row
from bot.store.settings.parent_rows import ensure_server
from bot.text.words import fold

MAX_QUESTIONS_PER_USER = 500
"""Maximum number of questions, the latest, that are stored per user."""

QUESTION_COLUMNS_SQL = f"""
    question.id, question.server_id, question.channel_id, question.user_id, question.text,
    question.language, question.asked_at, question.is_public, question.is_answered, question.article_id,
    question.previous_id AS previous_question_id,
    (SELECT {build_json_ids_sql("article_id")} FROM (
        SELECT article_id FROM question_source WHERE question_id = question.id ORDER BY rank) AS quoted_article
    ) AS source_article_ids
"""
"""SQL list of the columns that a `Question` is made of."""


class Questions(Repository):
    """Repository of users' questions and of votes on the answers.

    They are deleted after their retention time, with their server, or when a user has too many.

    Methods raise StoreError.
    """

    @write_transaction
    def add(
        self,
        db: Connection,
        *,
        server_id: int,
        channel_id: int,
        user_id: int,
        text: str,
        language: str,
        is_public: bool,
        is_answered: bool,
        article_id: int | None = None,
        previous_question_id: int | None = None,
        message_id: int | None = None,
        source_article_ids: Sequence[int] = (),
    ) -> int:
        """Store a question that was asked now, and return its id.

        `article_id` is the id of the article that the question is about, `previous_question_id` of the question that it
        follows up, `message_id` of the message that asked it; each is None without one. `source_article_ids` are the
        ids of the articles that the answer quotes; an article or question that is gone is left out. Of the user's
        questions, only the latest `MAX_QUESTIONS_PER_USER` stay. Raises `StoreError`.
        """
        question_id = secrets.randbelow(2**62)
        parameters = {
            "id": question_id,
            "server": server_id,
            "channel": channel_id,
            "user": user_id,
            "text": text,
            "language": language,
            "now": db.now,
            "public": is_public,
            "answered": is_answered,
            "article": article_id,
            "previous": previous_question_id,
            "message": message_id,
        }
        ensure_server(db, server_id)
        db.execute(
            """
            INSERT INTO question (id, server_id, channel_id, user_id, text, language, asked_at, is_public,
                                  is_answered, article_id, previous_id, message_id)
            VALUES (:id, :server, :channel, :user, :text, :language, :now, :public, :answered,
                    (SELECT id FROM article WHERE id = :article),
                    (SELECT id FROM question WHERE id = :previous), :message)
            """,
            parameters,
        )
        for rank, source_article_id in enumerate(source_article_ids):
            db.execute(
                "INSERT INTO question_source (question_id, rank, article_id) SELECT ?, ?, id FROM article WHERE id = ?",
                (question_id, rank, source_article_id),
            )
        db.execute(
            "DELETE FROM question WHERE id IN (SELECT id FROM question WHERE user_id = ? "
            f"ORDER BY asked_at DESC LIMIT {NO_LIMIT} OFFSET ?)",
            (user_id, MAX_QUESTIONS_PER_USER),
        )
        return question_id

    @write_transaction
    def set_answer_message(self, db: Connection, question_id: int, message_id: int) -> None:
        """Store the id of the public message that shows the answer, so that a reply to it is a follow-up question."""
        db.execute("UPDATE question SET answer_message_id = ? WHERE id = ?", (message_id, question_id))

    async def get(self, question_id: int) -> Question | None:
        """Return the question with an id, or None if it is no longer stored."""
        return await self._find_question("WHERE id = ?", question_id)

    async def get_by_message_id(self, message_id: int, channel_id: int) -> Question | None:
        """Return the question that a message of a channel asked or answered, or None if there is none."""
        return await self._find_question(
            "WHERE channel_id = ? AND id IN (SELECT id FROM question WHERE message_id = ? "
            "UNION SELECT id FROM question WHERE answer_message_id = ?)",
            channel_id,
            message_id,
            message_id,
        )

    async def find_last_public(self, channel_id: int, since: int) -> Question | None:
        """Return the last public question in a channel or thread since a Unix time in seconds.

        Return None if there is none.
        """
        return await self._find_question(
            "WHERE channel_id = ? AND is_public = 1 AND asked_at >= ? "
            "ORDER BY asked_at DESC, coalesce(answer_message_id, message_id) DESC LIMIT 1",
            channel_id,
            since,
        )

    async def find_last_by_user(self, user_id: int, channel_id: int, since: int) -> Question | None:
        """Return the last question of a user in a channel since a Unix time in seconds, or None."""
        return await self._find_question(
            "WHERE user_id = ? AND channel_id = ? AND asked_at >= ? ORDER BY asked_at DESC LIMIT 1",
            user_id,
            channel_id,
            since,
        )

    @write_transaction
    def vote(self, db: Connection, question_id: int, user_id: int, *, is_helpful: bool) -> bool | None:
        """Record whether an answer helped a user; return the vote, or None if it was deleted.

        Repeating a vote deletes it. The caller checks whether the user may vote. Nothing is stored if the
        question is missing, but the vote is returned.
        """
        deleted_count = db.execute_rowcount(
            "DELETE FROM vote WHERE question_id = ? AND user_id = ? AND is_helpful = ?",
            (question_id, user_id, is_helpful),
        )
        if deleted_count:
            return None
        db.execute(
            "INSERT INTO vote (question_id, user_id, is_helpful, voted_at) SELECT id, ?, ?, ? FROM question "
            "WHERE id = ? ON CONFLICT (question_id, user_id) DO UPDATE SET is_helpful = excluded.is_helpful, "
            "voted_at = excluded.voted_at",
            (user_id, is_helpful, db.now, question_id),
        )
        return is_helpful

    @read_transaction
    def load_stats(self, db: Connection, since: int, *, include_helpful: bool = False) -> list[QuestionStats]:
        """Summarise the questions asked since a Unix time in seconds, counting alike questions together.

        Questions are alike if they differ only in case, accents and punctuation at the end.
        Questions with more negative than positive votes come first, then the most asked. Without
        `include_helpful`, questions are left out that were always answered and have no majority of negative votes.
        """
        rows = db.execute(
            """
            SELECT text, language, asked_at, is_answered,
                   (SELECT count(*) FROM vote WHERE question_id = question.id AND is_helpful = 1) AS helpful_count,
                   (SELECT count(*) FROM vote WHERE question_id = question.id AND is_helpful = 0) AS unhelpful_count
            FROM question WHERE asked_at >= ? ORDER BY asked_at, id
            """,
            (since,),
        )
        rows_by_folded_text: dict[str, list[Row]] = {}
        for row in rows:
            rows_by_folded_text.setdefault(fold(row["text"]).rstrip(" ?!.…"), []).append(row)
        all_stats = [
            QuestionStats(
                text=question_rows[-1]["text"],
                language=question_rows[-1]["language"],
                last_asked_at=question_rows[-1]["asked_at"],
                ask_count=len(question_rows),
                answer_count=sum(row["is_answered"] for row in question_rows),
                helpful_count=sum(row["helpful_count"] for row in question_rows),
                unhelpful_count=sum(row["unhelpful_count"] for row in question_rows),
            )
            for question_rows in rows_by_folded_text.values()
        ]
        listed_stats = (
            stats
            for stats in all_stats
            if include_helpful or stats.answer_count < stats.ask_count or stats.unhelpful_count > stats.helpful_count
        )
        return sorted(
            listed_stats,
            key=lambda stats: (stats.unhelpful_count > stats.helpful_count, stats.ask_count, stats.last_asked_at),
            reverse=True,
        )

    async def list_by_user(self, user_id: int) -> list[Question]:
        """List a user's questions, newest first."""
        return await self._fetch_objects(
            _question_from_row,
            f"SELECT {QUESTION_COLUMNS_SQL} FROM question WHERE user_id = ? ORDER BY asked_at DESC, id",
            (user_id,),
        )

    async def load_server_ids(self, user_id: int) -> set[int]:
        """Return the ids of servers in which a user asked any stored question."""
        return await self._fetch_set("SELECT DISTINCT server_id FROM question WHERE user_id = ?", (user_id,))

    async def list_votes_by_user(self, user_id: int) -> list[tuple[int, int, bool]]:
        """List a user's votes as (question id, Unix time in seconds, whether it helped), newest first."""
        rows = await self._fetch_rows(
            "SELECT question_id, voted_at, is_helpful FROM vote WHERE user_id = ? ORDER BY voted_at DESC, question_id",
            (user_id,),
        )
        return [(row["question_id"], row["voted_at"], bool(row["is_helpful"])) for row in rows]

    async def count(self, user_id: int) -> int:
        """Count the stored questions of a user."""
        return await self._fetch_int("SELECT count(*) FROM question WHERE user_id = ?", (user_id,))

    @write_transaction
    def purge(self, db: Connection, before: int) -> int:
        """Delete questions asked before a Unix time in seconds, with their votes; return their number."""
        return db.execute_rowcount("DELETE FROM question WHERE asked_at < ?", (before,))

    async def _find_question(self, clauses_sql: str, *parameters: int) -> Question | None:
        return await self._fetch_object(
            _question_from_row, f"SELECT {QUESTION_COLUMNS_SQL} FROM question {clauses_sql}", parameters
        )


_question_from_row = partial(from_row, Question)
