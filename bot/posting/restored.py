"""After a backup was restored: what Discord may have got since, of which the database knows nothing."""

from __future__ import annotations

from bot.clock import Clock
from bot.posting import lookback
from bot.posting.messages import Message
from bot.posting.outcomes import Outcome
from bot.posting.places import Target
from bot.store import Store
from bot.words import Dispatch, DispatchKind


class Narrowed:
    """Some of what a dispatch was to tell was told already: it waits again with the rest, or is gone."""


class Restored:
    """Looks in the channels before anything is sent that could have been sent before the restart."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._at: int | None = None

    async def begin(self) -> None:
        """Learn whether the database is a backup that was restored not long ago. It is marked with a 1."""
        mark = await self._store.meta.get("restored")
        if not mark:
            return
        now = self._clock.now()
        at = int(mark) if int(mark) > 1 else now
        done = at + lookback.EPOCH < now
        await self._store.meta.set("restored", "" if done else str(at))
        self._at = None if done else at

    async def look_back(
        self, place: Target, dispatch: Dispatch, message: Message
    ) -> Outcome | Narrowed | None:
        """The message if it was sent between the backup and the restart, or why that is not known; else None.

        Articles may also have been shared out otherwise: those that another message tells of are taken out.
        """
        if self._at is None:
            return None
        articles = await self._store.articles.by_ids(dispatch.article_ids)
        since = lookback.since_backup(dispatch, articles, restored=self._at)
        if since is None:
            return None
        if dispatch.kind in {DispatchKind.POST, DispatchKind.CATCH_UP}:
            keys = {article.key: article.id for article in articles}
            found = await lookback.answered(lookback.told(place, dispatch, keys, since=since, until=self._at))
            if not isinstance(found, frozenset):
                return found
            known = [keys[key] for key in found]
            if known:
                await self._store.dispatches.told_before(dispatch.id, known)
                await self._store.dispatches.retry(dispatch.id, due=self._clock.now(), error=None)
                return Narrowed()
        if dispatch.kind is DispatchKind.CATCH_UP:
            return None  # one of its name may have told of other articles
        return await lookback.search(place, dispatch, message, since=since, until=self._at)
