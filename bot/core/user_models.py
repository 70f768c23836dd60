"""What people do with articles: they keep them, watch for them, ask about them.

Times and identifiers are as in `bot.core.models`.
"""

from dataclasses import dataclass

from bot.core.models import Article
from bot.core.preferences import PersonalDigestPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """A person kept an article, here with the place where they did.

    `note` and `tags` are what they wrote beside it, `read` is when they marked it as read.
    """

    article: Article
    created: int
    server_id: int | None
    channel_id: int | None
    message_id: int | None
    note: str = ""
    tags: tuple[str, ...] = ()
    read: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalDigest:
    """The digest that a person gets by direct message, in their language.

    `due` and `covered` as of a channel's; `paused` since when they want none, `problem` why nothing can be
    sent to them.
    """

    channel_id: int
    person_id: int
    server_id: int | None
    plan: PersonalDigestPlan
    language: str | None
    problem: str | None
    paused: int | None
    created: int
    due: int
    covered: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Somebody wants to be told of new articles that match a query, of the feeds of one server.

    With `person_id` it is that person's, told in direct messages; else it is the server's, told in a channel.
    `problem` says why nothing can be sent there, `absent` since when the person is known to have left.
    """

    id: int
    server_id: int
    channel_id: int
    person_id: int | None
    query: str
    language: str | None
    created: int
    absent: int | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question that somebody asked. `language` is the one that Telex answered in, `asked` when.

    `public`: everybody in the channel saw it. `article_id` is the article that it is about, `follows` the
    question before it in the conversation, `sources` are the articles that answered it.
    """

    id: int
    server_id: int
    channel_id: int
    person_id: int
    text: str
    language: str
    asked: int
    public: bool
    answered: bool
    article_id: int | None
    follows: int | None
    sources: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionStats:
    """How often a question was asked, last at `last`, how often answered, and how many that helped or not."""

    text: str
    language: str
    last: int
    times: int
    answers: int
    up: int
    down: int
