"""Questions that people asked, and whether the answers helped."""

import secrets
from collections.abc import Sequence
from functools import partial

from bot.core.user_models import Question, QuestionStats
from bot.store.connection import Connection
from bot.store.repository import Repository, writes
from bot.store.row_mapping import from_row
from bot.store.settings.parent_rows import ensure_server

MAX_PER_USER = 500
"""How many questions of one person are kept, the latest."""

QUESTION = """
    question.id, question.server_id, question.channel_id, question.person_id, question.text,
    question.language, question.asked, question.public, question.answered, question.article_id,
    question.follows,
    (SELECT json_group_array(article_id) FROM (
        SELECT article_id FROM question_source WHERE question_id = question.id ORDER BY place) AS quoted
    ) AS sources
"""


class Questions(Repository):
    """Questions and votes on their answers. They are kept for a time and deleted with the server's things."""

    @writes
    def add(
        self,
        db: Connection,
        *,
        server_id: int,
        channel_id: int,
        person_id: int,
        text: str,
        language: str,
        public: bool,
        answered: bool,
        article_id: int | None = None,
        follows: int | None = None,
        message_id: int | None = None,
        sources: Sequence[int] = (),
    ) -> int:
        """Keep a question that was asked now, whether it was answered and from which articles; its id."""
        id_ = secrets.randbelow(2**62)
        values = {
            "id": id_,
            "server": server_id,
            "channel": channel_id,
            "person": person_id,
            "text": text,
            "language": language,
            "now": db.now,
            "public": public,
            "answered": answered,
            "article": article_id,
            "follows": follows,
            "message": message_id,
        }
        ensure_server(db, server_id)
        db.execute(
            """
            INSERT INTO question (id, server_id, channel_id, person_id, text, language, asked, public,
                                  answered, article_id, follows, message_id)
            VALUES (:id, :server, :channel, :person, :text, :language, :now, :public, :answered,
                    (SELECT id FROM article WHERE id = :article),
                    (SELECT id FROM question WHERE id = :follows), :message)
            """,
            values,
        )
        for place, source in enumerate(sources):
            db.execute(
                "INSERT INTO question_source (question_id, place, article_id) "
                "SELECT ?, ?, id FROM article WHERE id = ?",
                (id_, place, source),
            )
        db.execute(
            "DELETE FROM question WHERE id IN (SELECT id FROM question WHERE person_id = ? "
            "ORDER BY asked DESC LIMIT -1 OFFSET ?)",
            (person_id, MAX_PER_USER),
        )
        return id_

    @writes
    def set_answer_message(self, db: Connection, question_id: int, message_id: int) -> None:
        """Remember the message that shows everybody the answer: a reply to it follows the question."""
        db.execute("UPDATE question SET answer_id = ? WHERE id = ?", (message_id, question_id))

    async def get(self, question_id: int) -> Question | None:
        """The question, or None when it is no longer kept."""
        return await self._find("WHERE id = ?", question_id)

    async def by_message_id(self, message_id: int, channel_id: int) -> Question | None:
        """The question that a message of a channel asked or answered, or None."""
        return await self._find(
            "WHERE channel_id = ? AND id IN (SELECT id FROM question WHERE message_id = ? "
            "UNION SELECT id FROM question WHERE answer_id = ?)",
            channel_id,
            message_id,
            message_id,
        )

    async def last_public_in_channel(self, channel_id: int, since: int) -> Question | None:
        """The last question that was asked before everybody in a channel or thread, if it is not older."""
        return await self._find(
            "WHERE channel_id = ? AND public = 1 AND asked >= ? "
            "ORDER BY asked DESC, coalesce(answer_id, message_id) DESC LIMIT 1",
            channel_id,
            since,
        )

    async def last_by_user(self, person_id: int, channel_id: int, since: int) -> Question | None:
        """The last question that a person asked in a channel, if it is not older."""
        return await self._find(
            "WHERE person_id = ? AND channel_id = ? AND asked >= ? ORDER BY asked DESC LIMIT 1",
            person_id,
            channel_id,
            since,
        )

    @writes
    def vote(self, db: Connection, question_id: int, person_id: int, *, helped: bool) -> bool | None:
        """Say whether an answer helped; the same said again takes it back. Returns what holds now.

        Whether that person may say so is the caller's to know. A question that is gone changes nothing.
        """
        taken_back = db.execute_rowcount(
            "DELETE FROM vote WHERE question_id = ? AND person_id = ? AND helped = ?",
            (question_id, person_id, helped),
        )
        if taken_back:
            return None
        db.execute(
            "INSERT INTO vote (question_id, person_id, helped, voted) SELECT id, ?, ?, ? FROM question "
            "WHERE id = ? ON CONFLICT (question_id, person_id) DO UPDATE SET helped = excluded.helped, "
            "voted = excluded.voted",
            (person_id, helped, db.now, question_id),
        )
        return helped

    async def stats(self, since: int, *, all_: bool = False) -> list[QuestionStats]:
        """Questions asked since a time, the same ones counted together, the most asked first.

        Before the others come those whose answers, or "I don't know", were judged wrong.

        Only those that were not answered or whose answers helped fewer people than not, unless `all_`.
        """
        return await self._objects(
            _tally,
            """
            WITH judged AS (
                SELECT question.text, question.language, question.asked, question.answered,
                       rtrim(fold(question.text), ' ?!.…') AS same,
                       (SELECT count(*) FROM vote WHERE question_id = question.id AND helped = 1) AS up,
                       (SELECT count(*) FROM vote WHERE question_id = question.id AND helped = 0) AS down
                FROM question WHERE question.asked >= :since
            )
            SELECT text, language, last, times, answers, up, down FROM (
                SELECT text, language, asked AS last, count(*) OVER alike AS times,
                       sum(answered) OVER alike AS answers, sum(up) OVER alike AS up,
                       sum(down) OVER alike AS down,
                       row_number() OVER (PARTITION BY same ORDER BY asked DESC) AS place
                FROM judged WINDOW alike AS (PARTITION BY same)
            ) AS counted
            WHERE place = 1 AND (:all OR answers < times OR down > up)
            ORDER BY down > up DESC, times DESC, last DESC
            """,
            {"since": since, "all": all_},
        )

    async def of_person(self, person_id: int) -> list[Question]:
        """A person's questions, the latest first."""
        return await self._objects(
            _question,
            f"SELECT {QUESTION} FROM question WHERE person_id = ? ORDER BY asked DESC, id",
            (person_id,),
        )

    async def servers(self, person_id: int) -> set[int]:
        """Ids of the servers in which a person asked what is kept."""
        return await self._set("SELECT DISTINCT server_id FROM question WHERE person_id = ?", (person_id,))

    async def votes_by_user(self, person_id: int) -> list[tuple[int, int, bool]]:
        """A person's votes: the question's id, when they voted, and whether the answer helped them."""
        rows = await self._rows(
            "SELECT question_id, voted, helped FROM vote WHERE person_id = ? "
            "ORDER BY voted DESC, question_id",
            (person_id,),
        )
        return [(row["question_id"], row["voted"], bool(row["helped"])) for row in rows]

    async def count(self, person_id: int) -> int:
        """How many questions of a person are kept."""
        return await self._number("SELECT count(*) FROM question WHERE person_id = ?", (person_id,))

    @writes
    def purge(self, db: Connection, before: int) -> int:
        """Delete questions asked before a time, with their votes; how many."""
        return db.execute_rowcount("DELETE FROM question WHERE asked < ?", (before,))

    async def _find(self, condition: str, *values: int) -> Question | None:
        return await self._one(_question, f"SELECT {QUESTION} FROM question {condition}", values)


_question = partial(from_row, Question)
_tally = partial(from_row, QuestionStats)
