"""Repository of muted stories (no longer posted): in channels, or by people for their saved searches and digests."""

from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

from bot.core.models import DispatchState
from bot.core.outbox.routing import PendingArticle
from bot.core.outbox.states import PageStatus
from bot.core.preferences import SettingKind
from bot.core.user_models import MutedStory
from bot.store.connection import Connection
from bot.store.outbox import digests, dispatch_cancellation, muted_articles, outbox_writes, transitions
from bot.store.outbox.muted_articles import ACTIVE_MUTE_SQL, make_mute_reason
from bot.store.people import personal_digests
from bot.store.records.content_records import MIN_SINGLE_ARTICLE_SIMILARITY, ArticleBrief
from bot.store.records.people_records import StorySize
from bot.store.repository import Repository, read_transaction, write_transaction
from bot.store.row_mapping import from_row
from bot.store.settings import setting_changes
from bot.store.settings.parent_rows import ensure_channel, ensure_server
from bot.text.words import fold


def withdraw_muted_story(db: Connection, channel_id: int, article_ids: Collection[int], mute_id: int) -> None:
    """Withdraw the pending posts, reserved articles and notifications of a story that a channel mutes.

    A pending digest that lists the story is built again without it.
    """
    digests.rebuild_pending_digests(db, channel_id, article_ids)
    rows = db.fetch_rows(
        "SELECT article.id, article.key, delivery_status.page_key, article.published FROM delivery_status "
        "JOIN article ON article.id = delivery_status.article_id "
        "WHERE delivery_status.channel_id = :channel AND delivery_status.article_id IN (:articles)",
        {"channel": channel_id, "articles": article_ids},
    )
    dispatch_cancellation.withdraw_articles(
        db, channel_id, [PendingArticle(*row) for row in rows], reason=make_mute_reason(mute_id)
    )
    notification_ids = db.fetch_column(
        "SELECT DISTINCT dispatch.id FROM dispatch JOIN watch_match ON watch_match.dispatch_id = dispatch.id "
        "WHERE dispatch.channel_id = :channel AND dispatch.state = 'waiting' AND watch_match.article_id IN (:articles)",
        {"channel": channel_id, "articles": article_ids},
    )
    db.execute(
        "DELETE FROM watch_match WHERE dispatch_id IN (:dispatches) AND article_id IN (:articles)",
        {"dispatches": notification_ids, "articles": article_ids},
    )
    remaining_notification_ids = db.fetch_column(
        "SELECT dispatch_id FROM watch_match WHERE dispatch_id IN (:dispatches)", {"dispatches": notification_ids}
    )
    transitions.delete_dispatches(
        db, set(notification_ids) - set(remaining_notification_ids), origins={DispatchState.PENDING}
    )


def restore_withdrawn_articles(db: Connection, channel_id: int, mute_id: int, muted_at: int) -> None:
    """Enqueue again the articles that were withdrawn when a story was muted at `muted_at` (Unix time in seconds).

    Articles of feeds that the channel no longer follows, or that are paused, stay withdrawn, as do articles that
    were withheld later.
    """
    rows = db.fetch_rows(
        "SELECT article.id, article.key, delivery_status.page_key, article.published FROM delivery_status "
        "JOIN article ON article.id = delivery_status.article_id "
        "JOIN subscription ON subscription.channel_id = delivery_status.channel_id "
        "AND subscription.feed_id = article.feed_id AND subscription.paused_at IS NULL "
        "WHERE delivery_status.channel_id = :channel AND delivery_status.status = 'withheld' "
        "AND delivery_status.decided_at = :muted_at AND delivery_status.reason = :reason "
        "ORDER BY article.published, article.id",
        {"channel": channel_id, "muted_at": muted_at, "reason": make_mute_reason(mute_id).encode()},
    )
    articles = [PendingArticle(*row) for row in rows]
    transitions.delete_pages(
        db,
        "channel_id = :channel AND page_key IN (:pages)",
        {"channel": channel_id, "pages": [article.page_key for article in articles]},
        origins={PageStatus.WITHHELD},
    )
    outbox_writes.enqueue_articles(db, channel_id, articles, max_pending_posts=outbox_writes.UNLIMITED_POSTS)


MAX_STORY_ARTICLES = 500
"""Maximum number of articles, the newest, that belong to a story when it is muted."""
RESTORE_WINDOW_SECONDS = 86_400
"""Seconds after a story was muted within which undoing the mute also restores the posts that it withdrew."""

_COLUMNS_SQL = """
    story_mute.id, story_mute.channel_id, channel.server_id, channel.user_id AS owner_id, story_mute.user_id,
    story_mute.title, story_mute.created_at, story_mute.muted_until
"""
_FROM_SQL = "FROM story_mute JOIN channel ON channel.id = story_mute.channel_id"
_LEAD_SQL = (
    "substr(coalesce(nullif(article.summary, ''), article.body, article.text), 1, CAST(:lead_length AS INTEGER))"
)
_BRIEF_SQL = (
    f"article.id, article.key, article.feed_id, article.title, {_LEAD_SQL}, article.language, article.published"
)


class MuteChanges(NamedTuple):
    """Mutes of stories in force in all channels, and the articles of these stories that are new since the last load.

    `articles_by_mute_id` maps mute ids to the further articles of their stories; a new mute whose articles were
    all deleted has a copy of its first article with a negative id. `active_mute_ids` are the ids of all mutes in force.
    `last_mute_id` and `last_article_id` are the highest ids so far.
    """

    articles_by_mute_id: dict[int, list[ArticleBrief]]
    active_mute_ids: set[int]
    last_mute_id: int
    last_article_id: int


class MutedStories(Repository):
    """Repository of muted stories. What a person muted is stored with the channel of their direct messages.

    Methods raise StoreError.
    """

    @write_transaction
    def mute(
        self,
        db: Connection,
        article_id: int,
        *,
        channel_id: int,
        server_id: int | None,
        user_id: int,
        is_personal: bool,
        feed_ids: Collection[int],
        muted_until: int | None,
        lead_length: int,
        limit: int,
    ) -> MutedStory | None:
        """Mute the story of an article in a channel, and withdraw what is pending of it there.

        The channel is that of the user's direct messages if `is_personal`. The story is made of articles of
        `feed_ids`; later articles of feeds followed in the server extend it. If the channel has muted the
        story already, only the end of that mute, and who made it, change. The mute of a story in a server's channel is
        recorded in the change history. Return None if the channel has `limit` muted stories, or
        the article is gone.
        """
        if server_id is not None:
            ensure_server(db, server_id)
        ensure_channel(
            db,
            channel_id,
            server_id=None if is_personal else server_id,
            dm_user_id=user_id if is_personal else None,
        )
        mute_id = db.fetch_value(
            f"SELECT max(story_mute.id) {_FROM_SQL} JOIN muted_article ON muted_article.mute_id = story_mute.id "
            f"WHERE channel.id = :channel AND muted_article.article_id = :article AND {ACTIVE_MUTE_SQL}",
            {"channel": channel_id, "article": article_id, "now": db.now},
        )
        if mute_id is not None:
            db.execute(
                "UPDATE story_mute SET muted_until = ?, user_id = ? WHERE id = ?", (muted_until, user_id, mute_id)
            )
            return _find_mute(db, mute_id)
        active_count = db.fetch_value(
            f"SELECT count(*) FROM story_mute WHERE channel_id = :channel AND {ACTIVE_MUTE_SQL}",
            {"channel": channel_id, "now": db.now},
        )
        story_article_ids = _load_story_article_ids(db, article_id, server_id, feed_ids)
        if active_count >= limit or not story_article_ids:
            return None
        parameters = {
            "channel": channel_id,
            "server": server_id or _find_server_id_of_user(db, channel_id, article_id),
            "user": user_id,
            "article": article_id,
            "now": db.now,
            "until": muted_until,
            "lead_length": lead_length,
        }
        db.execute(
            "INSERT INTO story_mute (channel_id, server_id, user_id, title, lead, language, published, created_at, "
            f"muted_until) SELECT CAST(:channel AS BIGINT), CAST(:server AS BIGINT), CAST(:user AS BIGINT), title, "
            f"{_LEAD_SQL}, language, published, CAST(:now AS BIGINT), CAST(:until AS BIGINT) "
            "FROM article WHERE id = :article",
            parameters,
        )
        mute_id = db.fetch_value("SELECT max(id) FROM story_mute WHERE channel_id = ?", (channel_id,))
        muted_articles.add_articles(db, [(mute_id, story_article_id, True) for story_article_id in story_article_ids])
        withdraw_muted_story(db, channel_id, story_article_ids, mute_id)
        muted_story = _find_mute(db, mute_id)
        if is_personal:
            personal_digests.rebuild_pending_digest(db, channel_id, story_article_ids)
        else:
            _log_change(db, muted_story, user_id, None, muted_story.title)
        return muted_story

    @write_transaction
    def undo(self, db: Connection, mute_id: int, *, user_id: int) -> None:
        """End the mute of a story in the name of a user; do nothing if it has ended.

        Within `RESTORE_WINDOW_SECONDS` of its start, also enqueue again the articles that it withdrew.
        """
        row = db.fetch_row(
            f"SELECT channel_id, created_at FROM story_mute WHERE id = :mute AND {ACTIVE_MUTE_SQL}",
            {"mute": mute_id, "now": db.now},
        )
        if row is None:
            return
        muted_story = _find_mute(db, mute_id)
        _log_change(db, muted_story, user_id, muted_story.title, None)
        db.execute("UPDATE story_mute SET ended_at = ? WHERE id = ?", (db.now, mute_id))
        _clear_ended(db)
        if row["created_at"] > db.now - RESTORE_WINDOW_SECONDS:
            restore_withdrawn_articles(db, row["channel_id"], mute_id, row["created_at"])

    async def get(self, mute_id: int) -> MutedStory | None:
        """Return a muted story by the id of the mute, or None if the mute has ended."""
        return next(iter(await self._list_mutes("story_mute.id = :id", mute_id)), None)

    async def list_by_channel(self, channel_id: int) -> list[MutedStory]:
        """List the stories that a channel has muted, oldest mute first."""
        return await self._list_mutes("story_mute.channel_id = :id", channel_id)

    async def list_by_user(self, user_id: int) -> list[MutedStory]:
        """List the stories that a person muted for themselves, oldest mute first."""
        return await self._list_mutes("channel.user_id = :id", user_id)

    async def list_made_by_user(self, user_id: int) -> list[MutedStory]:
        """List all mutes of stories that a person made, for themselves or for channels, oldest first.

        Mutes that have ended may have no title anymore.
        """
        return await self._fetch_objects(
            lambda row: from_row(MutedStory, row),
            f"SELECT {_COLUMNS_SQL} {_FROM_SQL} WHERE channel.user_id = :user OR story_mute.user_id = :user "
            "ORDER BY story_mute.id",
            {"user": user_id},
        )

    async def load_article_ids_muted_for(self, user_id: int) -> set[int]:
        """Return the ids of the articles of all stories that a person muted for themselves."""
        return await self._fetch_set(
            f"SELECT muted_article.article_id {_FROM_SQL} JOIN muted_article ON muted_article.mute_id = story_mute.id "
            f"WHERE channel.user_id = :user AND {ACTIVE_MUTE_SQL}",
            {"user": user_id, "now": self._clock.now()},
        )

    @read_transaction
    def measure_story(
        self, db: Connection, article_id: int, server_id: int | None, feed_ids: Collection[int]
    ) -> StorySize:
        """Return the size of an article's story so far: its numbers of articles from `feed_ids`, and of outlets."""
        outlets = db.fetch_column(
            "SELECT outlet FROM article WHERE id IN (:ids)",
            {"ids": _load_story_article_ids(db, article_id, server_id, feed_ids)},
        )
        return StorySize(len(outlets), len({fold(outlet) for outlet in outlets}))

    @read_transaction
    def load_changes(
        self, db: Connection, *, after_mute_id: int, after_article_id: int, lead_length: int
    ) -> MuteChanges:
        """Return all mutes of stories in force, with the articles of the stories that are new since the last call.

        These are all articles of mutes with ids above `after_mute_id`, and of other mutes the articles with ids above
        `after_article_id`.

        `lead_length` is the number of characters of texts to load.
        """
        parameters = {
            "mute": after_mute_id,
            "article": after_article_id,
            "lead_length": lead_length,
            "now": self._clock.now(),
        }
        active_mute_ids = set(db.fetch_ids(f"SELECT id FROM story_mute WHERE {ACTIVE_MUTE_SQL}", parameters))
        last_mute_id = db.fetch_value("SELECT coalesce(max(id), 0) FROM story_mute")
        if not active_mute_ids:
            return MuteChanges({}, active_mute_ids, last_mute_id, after_article_id)
        articles_by_mute_id: defaultdict[int, list[ArticleBrief]] = defaultdict(list)
        article_rows = db.fetch_rows(
            f"SELECT muted_article.mute_id, {_BRIEF_SQL} FROM muted_article "
            "JOIN story_mute ON story_mute.id = muted_article.mute_id "
            "JOIN article ON article.id = muted_article.article_id "
            f"WHERE muted_article.extends_story = 1 AND {ACTIVE_MUTE_SQL} "
            "AND (muted_article.mute_id > :mute OR muted_article.article_id > :article)",
            parameters,
        )
        copy_rows = db.fetch_rows(
            "SELECT id, -id, '', 0, title, lead, language, published FROM story_mute "
            f"WHERE id > :mute AND {ACTIVE_MUTE_SQL} AND NOT EXISTS ("
            "SELECT 1 FROM muted_article WHERE mute_id = story_mute.id)",
            parameters,
        )
        for mute_id, *columns in [*article_rows, *copy_rows]:
            articles_by_mute_id[mute_id].append(ArticleBrief(*columns))
        last_article_id = db.fetch_value("SELECT coalesce(max(article_id), 0) FROM muted_article")
        return MuteChanges(dict(articles_by_mute_id), active_mute_ids, last_mute_id, last_article_id)

    @write_transaction
    def purge(self, db: Connection, before: int) -> None:
        """Delete mutes of stories that ended before a Unix time in seconds, and the article lists of all ended ones."""
        _clear_ended(db)
        db.execute("DELETE FROM story_mute WHERE coalesce(ended_at, muted_until) < ?", (before,))

    async def _list_mutes(self, condition_sql: str, sought_id: int) -> list[MutedStory]:
        return await self._fetch_objects(
            lambda row: from_row(MutedStory, row),
            f"SELECT {_COLUMNS_SQL} {_FROM_SQL} WHERE {condition_sql} AND {ACTIVE_MUTE_SQL} ORDER BY story_mute.id",
            {"id": sought_id, "now": self._clock.now()},
        )


def _find_mute(db: Connection, mute_id: int) -> MutedStory:
    return from_row(MutedStory, db.fetch_row(f"SELECT {_COLUMNS_SQL} {_FROM_SQL} WHERE story_mute.id = ?", (mute_id,)))


def _log_change(
    db: Connection, muted_story: MutedStory, user_id: int, old_title: str | None, new_title: str | None
) -> None:
    """Record in a server's history that a story was muted in one of its channels, or isn't anymore."""
    if muted_story.server_id is not None:
        channel_id = muted_story.channel_id
        setting_changes.log_change(
            db, muted_story.server_id, user_id, SettingKind.MUTED_STORY, old_title, new_title, channel_id=channel_id
        )


def _clear_ended(db: Connection) -> None:
    """Delete titles and article lists of ended mutes of stories; who muted a story, until when, is still shown."""
    ended_sql = f"NOT {ACTIVE_MUTE_SQL}"
    db.execute(
        f"DELETE FROM muted_article WHERE mute_id IN (SELECT id FROM story_mute WHERE {ended_sql})", {"now": db.now}
    )
    db.execute(f"UPDATE story_mute SET title = '', lead = '' WHERE title <> '' AND {ended_sql}", {"now": db.now})


def _load_story_article_ids(
    db: Connection, article_id: int, server_id: int | None, feed_ids: Collection[int]
) -> set[int]:
    """Return the ids of an article and of the articles of `feed_ids` on its event, at most `MAX_STORY_ARTICLES`.

    These are the articles of its posts in the server, and articles so similar to one of them that they would share a
    post. The set is empty if the article is gone.
    """
    if db.fetch_row("SELECT 1 FROM article WHERE id = ?", (article_id,)) is None:
        return set()
    story_article_ids = {article_id}
    post_ids = db.fetch_ids(
        "SELECT dispatch.id FROM delivery_status JOIN channel ON channel.id = delivery_status.channel_id "
        "JOIN dispatch ON dispatch.id = coalesce(delivery_status.dispatch_id, delivery_status.joined_dispatch_id) "
        "WHERE delivery_status.article_id = :article AND channel.server_id = :server AND dispatch.kind = 'post'",
        {"article": article_id, "server": server_id},
    )
    candidate_article_ids = _load_similar_ids(db, story_article_ids).union(
        db.fetch_ids(
            "SELECT article_id FROM delivery_status WHERE dispatch_id IN (:posts) OR joined_dispatch_id IN (:posts)",
            {"posts": post_ids},
        )
    )
    while candidate_article_ids - story_article_ids and len(story_article_ids) < MAX_STORY_ARTICLES:
        rows = db.fetch_rows(
            "SELECT id, feed_id FROM article WHERE id IN (:ids)", {"ids": candidate_article_ids - story_article_ids}
        )
        allowed_article_ids = sorted((row["id"] for row in rows if row["feed_id"] in feed_ids), reverse=True)
        new_article_ids = allowed_article_ids[: MAX_STORY_ARTICLES - len(story_article_ids)]
        story_article_ids.update(new_article_ids)
        candidate_article_ids = _load_similar_ids(db, new_article_ids)
    return story_article_ids


def _load_similar_ids(db: Connection, article_ids: Collection[int]) -> set[int]:
    """Return the ids of articles so similar to one of the given articles that they would share a post."""
    rows = db.fetch_rows(
        "SELECT earlier_id FROM similar_article WHERE similarity >= :least AND article_id IN (:ids) "
        "UNION SELECT article_id FROM similar_article WHERE similarity >= :least AND earlier_id IN (:ids)",
        {"ids": article_ids, "least": MIN_SINGLE_ARTICLE_SIMILARITY},
    )
    return {row[0] for row in rows}


def _find_server_id_of_user(db: Connection, channel_id: int, article_id: int) -> int | None:
    """Return the id of a server that follows an article's feed and whose news a user gets as DMs, or None."""
    server_id: int | None = db.fetch_value(
        "SELECT min(channel.server_id) FROM article JOIN subscription ON subscription.feed_id = article.feed_id "
        "JOIN channel ON channel.id = subscription.channel_id WHERE article.id = :article AND channel.server_id IN ("
        "SELECT server_id FROM watch WHERE channel_id = :channel AND removed_at IS NULL "
        "UNION SELECT server_id FROM personal_digest WHERE channel_id = :channel)",
        {"article": article_id, "channel": channel_id},
    )
    return server_id
