"""Reconciliation after a backup was restored: Discord may have messages that the database lacks."""

from collections.abc import Collection, Sequence

import discord

from bot.core.models import Article, Digest, Dispatch, DispatchKind
from bot.core.user_models import PersonalDigest
from bot.digests.already_posted import AlreadyPostedPages
from bot.posting.recovery import channel_history, delivery_lookup, own_messages
from bot.posting.recovery.own_messages import HistoryWindow
from bot.posting.rendering.messages import Message
from bot.posting.sending import message_targets
from bot.posting.sending.channel_webhooks import ChannelWebhooks
from bot.posting.sending.message_targets import Target
from bot.posting.sending.send_outcomes import SendOutcome, Unverifiable
from bot.store import Store

RECONCILIATION_WINDOW_SECONDS = 10 * 86_400
"""Time in seconds before and after the restoration in which Discord may have messages that a backup lacks.

It is longer than the period of a weekly digest plus its maximum delay (7 + 2 days). For a database that was
moved earlier than that, the window begins with the move.
"""


class DeduplicatedDispatch:
    """Outcome of a queued message (dispatch) from which already posted articles were removed.

    The message waits to be sent with the remaining articles, or was dropped if none remains. A digest is built
    again.
    """


class RestoreReconciler:
    """Reconciler of a restored database with Discord: looks for messages that were sent after the backup was made."""

    def __init__(self, store: Store, client: discord.Client, webhooks: ChannelWebhooks) -> None:
        self._store, self._client, self._clock = store, client, store.clock
        self._webhooks = webhooks
        self.restored_at: int | None = None
        """Unix time in seconds of the first start on a restored backup.

        None if no backup was restored, or more than `RECONCILIATION_WINDOW_SECONDS` before this process started.
        """
        self._earliest_lookup_at = 0

    async def load_restore_marker(self) -> None:
        """Load the time at which the database was restored from a backup; at the first start since then, record it.

        The value `restored` in the table meta is "1" until the first start, then that time, and empty when messages
        need no longer be looked up. Raises StoreError.
        """
        restore_marker = await self._store.meta.get("restored")
        if not restore_marker:
            return
        now = self._clock.now()
        restored_at = int(restore_marker) if int(restore_marker) > 1 else now
        is_window_over = restored_at + RECONCILIATION_WINDOW_SECONDS < now
        await self._store.meta.set("restored", "" if is_window_over else str(restored_at))
        self.restored_at = None if is_window_over else restored_at
        self._earliest_lookup_at = min(
            restored_at - RECONCILIATION_WINDOW_SECONDS,
            int(await self._store.meta.get("moved_at") or restored_at),
        )

    async def reconcile(
        self, target: Target, dispatch: Dispatch, message: Message
    ) -> SendOutcome | DeduplicatedDispatch | None:
        """Look for a queued message's articles in its channel, if it may have been sent after the backup was made.

        Returns None if the message must be sent, `Sent` if it was sent, `DeduplicatedDispatch` if articles were
        removed from it because they were posted, and another outcome if the lookup failed. Raises StoreError.
        """
        if self.restored_at is None:
            return None
        articles = await self._store.articles.list_by_ids(dispatch.article_ids)
        since = _find_earliest_send_time(
            dispatch, articles, restored_at=self.restored_at, earliest_lookup_at=self._earliest_lookup_at
        )
        window = None if since is None else await self._build_history_window(target, dispatch, since)
        if window is None or isinstance(window, SendOutcome):
            return window
        match dispatch.kind:
            case DispatchKind.POST | DispatchKind.CATCH_UP:
                return await self._reconcile_articles(target, dispatch, message, articles, window)
            case DispatchKind.WATCH_NOTIFICATION:
                return await self._reconcile_watch_notification(target, dispatch, articles, window)
            case DispatchKind.DIGEST:
                return await self._reconcile_digest(target, dispatch, message, window)
        return await delivery_lookup.find_delivered_message(target, dispatch, message, window)

    async def _reconcile_articles(
        self,
        target: Target,
        dispatch: Dispatch,
        message: Message,
        articles: Sequence[Article],
        window: HistoryWindow,
    ) -> SendOutcome | DeduplicatedDispatch | None:
        posted_and_listed_ids = await delivery_lookup.try_lookup(
            channel_history.find_already_posted(target, dispatch, articles, window)
        )
        if not isinstance(posted_and_listed_ids, tuple):
            return posted_and_listed_ids
        posted_ids, listed_in_digest_ids = posted_and_listed_ids
        if dispatch.kind is DispatchKind.CATCH_UP:
            posted_ids |= listed_in_digest_ids
        if posted_ids:
            return await self._requeue_without_articles(dispatch, posted_ids)
        if dispatch.kind is DispatchKind.CATCH_UP:
            return None  # A catch-up of the same dedupe key may have listed other articles.
        article = articles[0] if len(articles) == 1 else None
        outcome = await delivery_lookup.find_delivered_message(target, dispatch, message, window, article=article)
        if outcome is None and listed_in_digest_ids:  # Digests also list articles that were posted.
            return await self._requeue_without_articles(dispatch, listed_in_digest_ids)
        return outcome

    async def _reconcile_watch_notification(
        self, target: Target, dispatch: Dispatch, articles: Sequence[Article], window: HistoryWindow
    ) -> SendOutcome | DeduplicatedDispatch | None:
        """Remove from a notification the articles that earlier ones of the same watch (saved search) show.

        A notification without any remaining article is deleted.

        Notifications of the same articles may have different dedupe keys, since a dedupe key contains the key of
        the first article.
        """
        notifications = await delivery_lookup.try_lookup(
            channel_history.find_earlier_notifications(target, dispatch, articles, window)
        )
        if not isinstance(notifications, list):
            return notifications
        if not notifications:
            return None
        await self._store.watches.record_already_sent(dispatch.id, notifications)
        return DeduplicatedDispatch()

    async def _reconcile_digest(
        self, target: Target, dispatch: Dispatch, message: Message, window: HistoryWindow
    ) -> SendOutcome | DeduplicatedDispatch | None:
        """Look for a digest's message; if a channel's digest was not sent, have it built again without posted articles.

        A digest that was created after the restoration already excludes these articles; None is returned for it.
        """
        if self.restored_at is None or dispatch.created_at > self.restored_at:
            return None
        outcome = await delivery_lookup.find_delivered_message(target, dispatch, message, window)
        if outcome is None and dispatch.user_id is None:
            await self._store.dispatches.schedule_retry(dispatch.id, due_at=self._clock.now(), reason=None)
            await self._store.digests.rebuild_pending_dispatch(dispatch.id)
            return DeduplicatedDispatch()
        return outcome

    async def find_already_posted_pages(self, digest: Digest | PersonalDigest, since: int) -> AlreadyPostedPages | None:
        """Return the pages that the bot posted in a digest's channel between `since` and the restoration of a backup.

        The database may not know of these posts. If Telex may not read the channel's history, all articles up to the
        restoration count as posted. `since` is Unix time in seconds.

        Returns None if the lookup failed and must be repeated later. Raises StoreError.
        """
        if self.restored_at is None or since > self.restored_at:
            return AlreadyPostedPages()
        if isinstance(digest, PersonalDigest):
            dedupe_key_prefix = "digest:me:"
            target: Target | SendOutcome = await message_targets.open_dm(self._client, digest.user_id)
        else:
            dedupe_key_prefix = f"digest:{digest.id}:"
            target = await message_targets.find_channel(self._client, digest.channel_id)
        if isinstance(target, SendOutcome):
            return None
        window = await self._build_history_window(target, digest, max(since, self._earliest_lookup_at))
        if isinstance(window, SendOutcome):
            return None
        history = await delivery_lookup.try_lookup(
            channel_history.read_channel_history(target, digest.channel_id, window)
        )
        if isinstance(history, Unverifiable):  # Rather omit articles than list them twice.
            return AlreadyPostedPages(all_posted_until=self.restored_at)
        if isinstance(history, SendOutcome):
            return None
        sent_at_by_due_time_text = {
            dedupe_key.split(":")[2]: sent_at
            for dedupe_key, sent_at in history.digest_sent_at_by_dedupe_key.items()
            if dedupe_key.startswith(dedupe_key_prefix)
        }
        sent_at_by_due_time = {
            int(due_time_text): sent_at
            for due_time_text, sent_at in sent_at_by_due_time_text.items()
            if due_time_text.isdecimal()
        }
        page_key_by_article_key = await self._store.articles.load_page_keys_by_key_prefix(
            {*history.posted_at_by_article_key, *history.digested_at_by_article_key}
        )
        return AlreadyPostedPages(
            {
                page_key_by_article_key[key]: digested_at
                for key, digested_at in history.digested_at_by_article_key.items()
                if key in page_key_by_article_key
            },
            {
                page_key_by_article_key[key]
                for key in history.posted_at_by_article_key
                if key in page_key_by_article_key
            },
            history.linked_pages,
            history.digested_at_by_linked_page,
            last_digest_sent_at=max(sent_at_by_due_time.values(), default=0),
            was_due_digest_sent=any(due_time >= digest.due_at for due_time in sent_at_by_due_time),
        )

    async def _build_history_window(
        self, target: Target, dispatch_or_digest: Dispatch | Digest | PersonalDigest, since: int
    ) -> HistoryWindow | SendOutcome:
        """Return the window up to the restoration of a backup, or an outcome if Discord must be asked and fails."""
        return await delivery_lookup.try_lookup(
            own_messages.build_history_window(
                self._store,
                self._webhooks,
                target,
                server_id=dispatch_or_digest.server_id or 0,
                channel_id=dispatch_or_digest.channel_id,
                since=since,
                until=self.restored_at,
            )
        )

    async def _requeue_without_articles(self, dispatch: Dispatch, article_ids: Collection[int]) -> DeduplicatedDispatch:
        await self._store.dispatches.drop_already_sent(dispatch.id, article_ids)
        await self._store.dispatches.schedule_retry(dispatch.id, due_at=self._clock.now(), reason=None)
        return DeduplicatedDispatch()


def _find_earliest_send_time(
    dispatch: Dispatch, articles: Sequence[Article], *, restored_at: int, earliest_lookup_at: int
) -> int | None:
    """Return the earliest time at which a message may have been sent; None if after a backup was restored.

    Times are Unix times in seconds.
    """
    earliest_time = min([dispatch.created_at, *(article.published for article in articles)])
    return max(earliest_time, earliest_lookup_at) if earliest_time <= restored_at else None
