"""After a backup was restored: what Discord may have got since, of which the database knows nothing."""

from collections.abc import Collection, Sequence

import discord

from bot.core.models import Article, Digest, Dispatch, DispatchKind
from bot.core.people_models import PersonalDigest
from bot.digests.restored_digests import AlreadyPosted
from bot.posting.recovery import earlier_messages, own_messages, read_back
from bot.posting.recovery.own_messages import Span
from bot.posting.rendering.messages import Message
from bot.posting.sending import message_places
from bot.posting.sending.channel_webhooks import ChannelWebhooks
from bot.posting.sending.message_places import Target
from bot.posting.sending.send_outcomes import Outcome, Unknown
from bot.store import Store

LOOKED_FOR = 10 * 86_400
"""Seconds after a restoration, and before it, in which what the backup lacks may have been sent: past a late
week's digest. A database that was moved longer ago is read back to that time."""


class Narrowed:
    """Some of what a dispatch was to tell was told already: it waits again with the rest, or is gone.

    A digest is made anew, of what was not told.
    """


class Restored:
    """Looks in the channels before anything is sent that could have been sent before the restart."""

    def __init__(self, store: Store, client: discord.Client, webhooks: ChannelWebhooks) -> None:
        self._store, self._client, self._clock = store, client, store.clock
        self._webhooks = webhooks
        self.at: int | None = None
        """When the bot began on a restored backup, if that is not long ago."""
        self._horizon = 0

    async def begin(self) -> None:
        """Learn whether the database is a backup that was restored not long ago. It is marked with a 1."""
        mark = await self._store.meta.get("restored")
        if not mark:
            return
        now = self._clock.now()
        at = int(mark) if int(mark) > 1 else now
        done = at + LOOKED_FOR < now
        await self._store.meta.set("restored", "" if done else str(at))
        self.at = None if done else at
        self._horizon = min(at - LOOKED_FOR, int(await self._store.meta.get("moved_at") or at))

    async def look_back(
        self, place: Target, dispatch: Dispatch, message: Message
    ) -> Outcome | Narrowed | None:
        """The message if it was sent between the backup and the restart, or why that is not known; else None.

        Articles may also have been shared out otherwise: those that another message tells of are taken out.
        """
        if self.at is None:
            return None
        articles = await self._store.articles.by_ids(dispatch.article_ids)
        since = _since_backup(dispatch, articles, restored=self.at, horizon=self._horizon)
        if since is None:
            return None
        span = await self._span(place, dispatch, since)
        match dispatch.kind:
            case DispatchKind.POST | DispatchKind.CATCH_UP:
                return await self._look_for_articles(place, dispatch, message, articles, span)
            case DispatchKind.WATCH:
                return await self._look_for_notices(place, dispatch, articles, span)
            case DispatchKind.DIGEST:
                return await self._look_for_digest(place, dispatch, message, span)
        return await read_back.search(place, dispatch, message, span)

    async def _look_for_articles(
        self, place: Target, dispatch: Dispatch, message: Message, articles: Sequence[Article], span: Span
    ) -> Outcome | Narrowed | None:
        found = await read_back.answered(earlier_messages.told(place, dispatch, articles, span))
        if not isinstance(found, tuple):
            return found
        others, digested = found
        if dispatch.kind is DispatchKind.CATCH_UP:
            others |= digested
        if others:
            return await self._narrow(dispatch, others)
        if dispatch.kind is DispatchKind.CATCH_UP:
            return None  # one of its name may have told of other articles
        article = articles[0] if len(articles) == 1 else None
        outcome = await read_back.search(place, dispatch, message, span, article=article)
        if outcome is None and digested:  # a digest also names what was posted singly
            return await self._narrow(dispatch, digested)
        return outcome

    async def _look_for_notices(
        self, place: Target, notice: Dispatch, articles: Sequence[Article], span: Span
    ) -> Outcome | Narrowed | None:
        """What a watch was told may have come in other company: a notice is called by its first article."""
        found = await read_back.answered(earlier_messages.notices(place, notice, articles, span))
        if not isinstance(found, list):
            return found
        if not found:
            return None
        await self._store.watches.told_before(notice.id, found)
        return Narrowed()

    async def _look_for_digest(
        self, place: Target, digest: Dispatch, message: Message, span: Span
    ) -> Outcome | Narrowed | None:
        """One that was made since the restart knows what was told; one of the backup is made anew."""
        if self.at is None or digest.created > self.at:
            return None
        outcome = await read_back.search(place, digest, message, span)
        if outcome is None and digest.person_id is None:
            await self._store.dispatches.retry(digest.id, due=self._clock.now(), error=None)
            await self._store.digests.make_again(digest.id)
            return Narrowed()
        return outcome

    async def told(self, digest: Digest | PersonalDigest, since: int) -> AlreadyPosted | None:
        """What the channel of a digest was told since a time before the restart, of which nothing is known.

        None where that cannot be found out now.
        """
        if self.at is None or since > self.at:
            return AlreadyPosted()
        if isinstance(digest, PersonalDigest):
            name = "digest:me:"
            place: Target | Outcome = await message_places.direct(self._client, digest.person_id)
        else:
            name = f"digest:{digest.id}:"
            place = await message_places.find(self._client, digest.channel_id)
        if isinstance(place, Outcome):
            return None
        span = await self._span(place, digest, max(since, self._horizon))
        found = await read_back.answered(earlier_messages.earlier(place, digest.channel_id, span))
        if isinstance(found, Unknown):  # nobody may look: nothing of that time is repeated
            return AlreadyPosted(everything=self.at)
        if isinstance(found, Outcome):
            return None
        own = {what.split(":")[2]: at for what, at in found.editions.items() if what.startswith(name)}
        dues = {int(due): at for due, at in own.items() if due.isdecimal()}
        pages = await self._store.articles.pages({*found.posted, *found.digested})
        return AlreadyPosted(
            {pages[key]: at for key, at in found.digested.items() if key in pages},
            {pages[key] for key in found.posted if key in pages},
            found.shown,
            found.shown_in_digests,
            until=max(dues.values(), default=0),
            is_sent=any(due >= digest.due for due in dues),
        )

    async def _span(self, place: Target, owed: Dispatch | Digest | PersonalDigest, since: int) -> Span:
        return await own_messages.span(
            self._store,
            self._webhooks,
            place,
            server_id=owed.server_id or 0,
            channel_id=owed.channel_id,
            since=since,
            until=self.at,
        )

    async def _narrow(self, dispatch: Dispatch, article_ids: Collection[int]) -> Narrowed:
        await self._store.dispatches.told_before(dispatch.id, article_ids)
        await self._store.dispatches.retry(dispatch.id, due=self._clock.now(), error=None)
        return Narrowed()


def _since_backup(
    dispatch: Dispatch, articles: Sequence[Article], *, restored: int, horizon: int
) -> int | None:
    """Since when a dispatch may have been sent that a restored backup does not know of; None: not at all."""
    oldest = min([dispatch.created, *(article.published for article in articles)])
    return max(oldest, horizon) if oldest <= restored else None
