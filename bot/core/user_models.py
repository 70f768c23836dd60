"""Domain models of what users create: bookmarks, personal digests, watches (saved searches), muted stories, questions.

Times are Unix times in whole seconds. Ids of servers, channels, users and messages are Discord's.
"""

from dataclasses import dataclass

from bot.core.models import Article
from bot.core.preferences import PersonalDigestPlan
from bot.core.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """An article that a user bookmarked, and the server, channel and message where they did so, as far as known.

    `note` and `tags` are the user's own; `read_at` is the time when the user marked the article as read, or None
    if they have not.
    """

    article: Article
    created_at: int
    server_id: int | None
    channel_id: int | None
    message_id: int | None
    note: str = ""
    tags: tuple[str, ...] = ()
    read_at: int | None = None


def saved_pages_feed_id(user_id: int) -> int:
    """Return the id of the feed of the web pages that a user saved by their links, which nobody else may read.

    The ids of such feeds are negative, those of all other feeds positive.
    """
    return -user_id


def is_saved_page(article: Article) -> bool:
    """Return whether an article is a web page that a user saved by its link, which only this user may read."""
    return article.feed_id < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalDigest:
    """The digest that a user gets by direct message, in their language.

    `channel_id` is the channel of direct messages, `server_id` the server where the digest was set up, `language`
    the user's, if known. `due_at` is the time of the next digest; `covered_until` is the end of the period that the
    last one covered. `paused_at` is the time since when the user wants no digest; `problem` is the reason why nothing
    can be sent to them.
    """

    channel_id: int
    user_id: int
    server_id: int | None
    plan: PersonalDigestPlan
    language: str | None
    problem: Reason | None
    paused_at: int | None
    created_at: int
    due_at: int
    covered_until: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A saved search whose new matches among the feeds of one server are notified.

    With `user_id`, the watch belongs to that user and notifies by direct message; otherwise it belongs to
    the server and notifies in a channel. `language` is that of a user's notifications. `problem` is the reason why
    nothing can be sent there; `absent_since` is the time since when the user is known to have left the server.
    """

    id: int
    server_id: int
    channel_id: int
    user_id: int | None
    query: str
    language: str | None
    created_at: int
    absent_since: int | None = None
    problem: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MutedStory:
    """A story that a channel, or a person by direct message, gets no more articles of.

    `server_id` is the server of the channel, `owner_id` the person of direct messages; one of them is None.
    `user_id` is who muted it, or None after they deleted their data. `title` is that of the article which was
    muted. `muted_until` is None if the mute lasts until it is undone.
    """

    id: int
    channel_id: int
    server_id: int | None
    owner_id: int | None
    user_id: int | None
    title: str
    created_at: int
    muted_until: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question that a user asked at `asked_at`, with its answer in `language`.

    `is_public`: the answer was visible to the whole channel. `is_answered`: the answer was sure. `article_id` is the
    id of the article that the question is about, `previous_question_id` that of the previous question in the
    conversation; `source_article_ids` are the ids of the articles in the answer.
    """

    id: int
    server_id: int
    channel_id: int
    user_id: int
    text: str
    language: str
    asked_at: int
    is_public: bool
    is_answered: bool
    article_id: int | None
    previous_question_id: int | None
    source_article_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionStats:
    """Numbers of times that a question was asked and answered, and of votes on its answers.

    `last_asked_at` is Unix time in seconds.
    """

    text: str
    language: str
    last_asked_at: int
    ask_count: int
    answer_count: int
    helpful_count: int
    unhelpful_count: int
