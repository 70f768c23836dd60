"""Checking a feed now, because somebody asks: at most once a minute, whoever asks."""

from __future__ import annotations

from bot.client.discord_client import Telex
from bot.core.locale import _, counted
from bot.core.models import Feed, FeedState
from bot.core.refusals import Refusal
from bot.polling.poll_results import Outcome, PollReport
from bot.posting.wording.feed_causes import describe
from cogs.feeds.subscription_options import bold

EVERY = 60
"""Seconds between two checks of a feed."""


class FeedChecks:
    """Those that people ask for."""

    def __init__(self, bot: Telex) -> None:
        self._bot = bot
        self._checking: set[int] = set()

    async def check(self, its_feed: Feed) -> str:
        """Poll a feed now; what came of it, in words. Raises `Refusal` within a minute of the last poll."""
        now = self._bot.newsroom.clock.now()
        again = (its_feed.last_poll or 0) + EVERY
        if its_feed.id in self._checking or again > now:
            raise Refusal(
                _("I just checked {feed}. You can try again {when}.").format(
                    feed=bold(its_feed), when=f"<t:{max(again, now + EVERY // 2)}:R>"
                )
            )
        self._checking.add(its_feed.id)
        try:
            if its_feed.state is FeedState.GONE:
                await self._bot.store.feeds.poll_now(its_feed.id)
            current = await self._bot.store.feeds.get(its_feed.id) or its_feed
            report = await self._bot.newsroom.poller.poll(current)
        finally:
            self._checking.discard(its_feed.id)
        self._bot.courier.wake()
        return _outcome(report)


def _outcome(report: PollReport) -> str:
    feed = bold(report.feed)
    match report.outcome:
        case Outcome.NEW:
            return counted(
                "{feed} has {count} new article.", "{feed} has {count} new articles.", report.new, feed=feed
            )
        case Outcome.CHANGED | Outcome.UNCHANGED:
            return _("Nothing new in {feed}.").format(feed=feed)
        case Outcome.POSTPONED:
            return _("The site of {feed} limits how often I can check it. Next check {when}.").format(
                feed=feed, when=f"<t:{report.feed.next_poll}:R>"
            )
    return _("Couldn’t read {feed}. {reason}").format(
        feed=feed, reason=describe(report.error or report.feed.error or "")
    )
