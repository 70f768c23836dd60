"""Reconcile dispatches after a backup was restored: Discord may have messages that the database lacks."""

from collections.abc import Collection, Sequence

import discord

from bot.core.models import Article, Digest, Dispatch, DispatchKind
from bot.core.user_models import PersonalDigest
from bot.digests.already_posted import AlreadyPosted
from bot.posting.recovery import channel_history, delivery_lookup, own_messages
from bot.posting.recovery.own_messages import HistoryWindow
from bot.posting.rendering.messages import Message
from bot.posting.sending import message_targets
from bot.posting.sending.channel_webhooks import ChannelWebhooks
from bot.posting.sending.message_targets import Target
from bot.posting.sending.send_outcomes import SendOutcome, Unverifiable
from bot.store import Store

RECONCILIATION_WINDOW_SECONDS = 10 * 86_400
"""Seconds before and after the restoration of a backup in which messages may exist that the backup lacks.

Longer than the period of a weekly digest plus its maximum delay (7 + 2 days). For a database that was moved
earlier than that, the window begins with the move.
"""


class Deduplicated:
    """Articles that were already posted were removed from the dispatch, and the rest was requeued.

    A digest is built again from the remaining articles; a dispatch without any left is dropped.
    """


class RestoreReconciler:
    """Looks in Discord before a dispatch is sent that may have been sent before the restoration."""

    def __init__(self, store: Store, client: discord.Client, webhooks: ChannelWebhooks) -> None:
        self._store, self._client, self._clock = store, client, store.clock
        self._webhooks = webhooks
        self.restored_at: int | None = None
        """Timestamp of the first start on a restored backup; None if there is none or its window is over."""
        self._horizon = 0

    async def load_restore_marker(self) -> None:
        """Read whether the database is a recently restored backup, and store the time of the restoration.

        The meta value `restored` is "1" until the first start. Raises StoreError.
        """
        mark = await self._store.meta.get("restored")
        if not mark:
            return
        now = self._clock.now()
        at = int(mark) if int(mark) > 1 else now
        done = at + RECONCILIATION_WINDOW_SECONDS < now
        await self._store.meta.set("restored", "" if done else str(at))
        self.restored_at = None if done else at
        self._horizon = min(
            at - RECONCILIATION_WINDOW_SECONDS, int(await self._store.meta.get("moved_at") or at)
        )

    async def reconcile(
        self, place: Target, dispatch: Dispatch, message: Message
    ) -> SendOutcome | Deduplicated | None:
        """Look for a dispatch's articles in the channel, if it may have been sent after the backup.

        Returns None if it is to be sent, `Sent` if it was, `Deduplicated` if some of its articles were, else
        why the lookup failed. Raises StoreError.
        """
        if self.restored_at is None:
            return None
        articles = await self._store.articles.by_ids(dispatch.article_ids)
        since = _earliest_send_time(dispatch, articles, restored=self.restored_at, horizon=self._horizon)
        if since is None:
            return None
        span = await self._history_window(place, dispatch, since)
        match dispatch.kind:
            case DispatchKind.POST | DispatchKind.CATCH_UP:
                return await self._reconcile_articles(place, dispatch, message, articles, span)
            case DispatchKind.WATCH_NOTIFICATION:
                return await self._reconcile_watch_notice(place, dispatch, articles, span)
            case DispatchKind.DIGEST:
                return await self._reconcile_digest(place, dispatch, message, span)
        return await delivery_lookup.find_delivered_message(place, dispatch, message, span)

    async def _reconcile_articles(
        self,
        place: Target,
        dispatch: Dispatch,
        message: Message,
        articles: Sequence[Article],
        span: HistoryWindow,
    ) -> SendOutcome | Deduplicated | None:
        found = await delivery_lookup.try_lookup(
            channel_history.find_already_posted(place, dispatch, articles, span)
        )
        if not isinstance(found, tuple):
            return found
        others, digested = found
        if dispatch.kind is DispatchKind.CATCH_UP:
            others |= digested
        if others:
            return await self._requeue_without(dispatch, others)
        if dispatch.kind is DispatchKind.CATCH_UP:
            return None  # A catch-up of the same dedupe key may have listed other articles.
        article = articles[0] if len(articles) == 1 else None
        outcome = await delivery_lookup.find_delivered_message(
            place, dispatch, message, span, article=article
        )
        if outcome is None and digested:  # Digests also list articles that were posted.
            return await self._requeue_without(dispatch, digested)
        return outcome

    async def _reconcile_watch_notice(
        self, place: Target, notice: Dispatch, articles: Sequence[Article], span: HistoryWindow
    ) -> SendOutcome | Deduplicated | None:
        """Remove articles that earlier notifications show.

        Their dedupe keys may differ: a notification's key is that of its first article.
        """
        found = await delivery_lookup.try_lookup(
            channel_history.find_earlier_notices(place, notice, articles, span)
        )
        if not isinstance(found, list):
            return found
        if not found:
            return None
        await self._store.watches.record_already_sent(notice.id, found)
        return Deduplicated()

    async def _reconcile_digest(
        self, place: Target, digest: Dispatch, message: Message, span: HistoryWindow
    ) -> SendOutcome | Deduplicated | None:
        """Have a digest of the backup built again; a later one already excludes what was posted."""
        if self.restored_at is None or digest.created_at > self.restored_at:
            return None
        outcome = await delivery_lookup.find_delivered_message(place, digest, message, span)
        if outcome is None and digest.person_id is None:
            await self._store.dispatches.schedule_retry(digest.id, due=self._clock.now(), error=None)
            await self._store.digests.rebuild_pending(digest.id)
            return Deduplicated()
        return outcome

    async def find_already_posted(self, digest: Digest | PersonalDigest, since: int) -> AlreadyPosted | None:
        """Return what a digest's channel was sent between `since` and the restoration, unknown to the backup.

        None if the lookup must be repeated later. Raises StoreError.
        """
        if self.restored_at is None or since > self.restored_at:
            return AlreadyPosted()
        if isinstance(digest, PersonalDigest):
            name = "digest:me:"
            place: Target | SendOutcome = await message_targets.open_dm(self._client, digest.person_id)
        else:
            name = f"digest:{digest.id}:"
            place = await message_targets.find_channel(self._client, digest.channel_id)
        if isinstance(place, SendOutcome):
            return None
        span = await self._history_window(place, digest, max(since, self._horizon))
        found = await delivery_lookup.try_lookup(
            channel_history.read_channel_history(place, digest.channel_id, span)
        )
        if isinstance(found, Unverifiable):  # Rather skip that time than repeat it.
            return AlreadyPosted(everything_before=self.restored_at)
        if isinstance(found, SendOutcome):
            return None
        own = {
            what.split(":")[2]: at
            for what, at in found.digest_sent_at_by_key.items()
            if what.startswith(name)
        }
        dues = {int(due): at for due, at in own.items() if due.isdecimal()}
        pages = await self._store.articles.page_keys_by_key_prefix(
            {*found.posted_at_by_key, *found.digested_at_by_key}
        )
        return AlreadyPosted(
            {pages[key]: at for key, at in found.digested_at_by_key.items() if key in pages},
            {pages[key] for key in found.posted_at_by_key if key in pages},
            found.linked_pages,
            found.digest_linked_pages,
            last_digest_due=max(dues.values(), default=0),
            due_digest_was_sent=any(due >= digest.due for due in dues),
        )

    async def _history_window(
        self, place: Target, owed: Dispatch | Digest | PersonalDigest, since: int
    ) -> HistoryWindow:
        return await own_messages.history_window_for(
            self._store,
            self._webhooks,
            place,
            server_id=owed.server_id or 0,
            channel_id=owed.channel_id,
            since=since,
            until=self.restored_at,
        )

    async def _requeue_without(self, dispatch: Dispatch, article_ids: Collection[int]) -> Deduplicated:
        await self._store.dispatches.drop_already_sent(dispatch.id, article_ids)
        await self._store.dispatches.schedule_retry(dispatch.id, due=self._clock.now(), error=None)
        return Deduplicated()


def _earliest_send_time(
    dispatch: Dispatch, articles: Sequence[Article], *, restored: int, horizon: int
) -> int | None:
    """Return the earliest timestamp at which a dispatch may have been sent; None if after the restoration."""
    oldest = min([dispatch.created_at, *(article.published for article in articles)])
    return max(oldest, horizon) if oldest <= restored else None
