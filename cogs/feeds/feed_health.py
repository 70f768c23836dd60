"""How the feeds of a server are doing: healthy, or what is wrong; and checking one now."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bot.client.discord_client import Telex
from bot.core.locale import _, amount, clickable, counted, ngettext
from bot.core.models import Feed, FeedState
from bot.core.refusals import Refusal
from bot.polling.poll_results import Outcome, PollReport
from bot.posting.sending.send_outcomes import Problem
from bot.posting.wording import problem_sentences
from bot.posting.wording.feed_causes import describe
from bot.store.records.source_records import Surplus, SurplusKind
from cogs.feeds.subscription_options import Pair, bold, is_gone, visible
from cogs.shared.views import Interaction


class State(StrEnum):
    """Of a subscription; the value is its sign."""

    GONE = "⚫"
    FAILING = "🔴"
    BLOCKED = "🟠"
    PAUSED = "⏸️"
    UNREAD = "⚪"
    HEALTHY = "🟢"


NEEDS_YOU = frozenset({State.GONE, State.FAILING, State.BLOCKED})


@dataclass(frozen=True, slots=True)
class Health:
    """Of a subscription: its state, and what is wrong in words."""

    pair: Pair
    state: State
    reason: str = ""


async def of_server(interaction: Interaction) -> list[Health]:
    """Of all subscriptions that the asker sees: those that need somebody first, then by channel."""
    pairs = await visible(interaction)
    problems = {
        channel_id: await problem(interaction, channel_id)
        for channel_id in {subscription.channel_id for subscription, _feed in pairs}
    }
    places = list(problems)
    found = [of(pair, problems[pair[0].channel_id]) for pair in pairs]
    states = list(State)
    return sorted(
        found,
        key=lambda one: (
            min(states.index(one.state), states.index(State.UNREAD)),
            places.index(one.pair[0].channel_id),
        ),
    )


def of(pair: Pair, channel_problem: str | None = None) -> Health:
    """Of a subscription, where posting in its channel has this problem."""
    subscription, feed = pair
    state = _of_feed(feed)
    if state is not State.GONE and subscription.paused is not None:
        return Health(pair, State.PAUSED)
    if state in {State.GONE, State.FAILING}:
        return Health(pair, state, describe(feed.error or "gone"))
    if channel_problem:
        return Health(pair, State.BLOCKED, clickable(problem_sentences.describe(channel_problem)))
    return Health(pair, state)


def _of_feed(feed: Feed) -> State:
    if feed.state is FeedState.GONE:
        return State.GONE
    if feed.failing_since is not None and feed.error is not None:
        return State.FAILING
    return State.UNREAD if feed.last_success is None else State.HEALTHY


def sentence(health: Health) -> str:
    """A state in a line of its own."""
    subscription, feed = health.pair
    match health.state:
        case State.GONE | State.FAILING:
            return trouble(feed)
        case State.BLOCKED:
            said = _("can’t post: {reason}").format(reason=health.reason)
        case State.PAUSED:
            said = _("paused {when}").format(when=f"<t:{subscription.paused}:R>")
        case State.UNREAD:
            said = _("not read yet")
        case State.HEALTHY:
            said = _("healthy")
    return f"{health.state} {said}"


def trouble(feed: Feed) -> str:
    """What is wrong with a feed, wherever it is posted; "" for one that can be read."""
    state = _of_feed(feed)
    reason = describe(feed.error or "gone")
    if state is State.GONE:
        return f"{state} " + _("gone: {reason}").format(reason=reason)
    if state is State.FAILING:
        since = f"<t:{feed.failing_since}:R>"
        return f"{state} " + _("failing: {reason} First failed {when}.").format(reason=reason, when=since)
    return ""


def by_state(healths: list[Health]) -> str:
    """How many are in each state, the most usual first."""
    words = {
        State.HEALTHY: lambda n: ngettext("{count} healthy", "{count} healthy", n),
        State.PAUSED: lambda n: ngettext("{count} paused", "{count} paused", n),
        State.UNREAD: lambda n: ngettext("{count} not read yet", "{count} not read yet", n),
        State.BLOCKED: lambda n: ngettext("{count} can’t be posted", "{count} can’t be posted", n),
        State.FAILING: lambda n: ngettext("{count} failing", "{count} failing", n),
        State.GONE: lambda n: ngettext("{count} gone", "{count} gone", n),
    }
    numbers = {state: sum(one.state is state for one in healths) for state in words}
    return ", ".join(words[state](n).format(count=amount(n)) for state, n in numbers.items() if n)


async def bounds(interaction: Interaction, pair: Pair) -> list[str]:
    """What of a feed is counted and not kept, and how often its host can be asked when it has many."""
    subscription, feed = pair
    busy = interaction.client.newsroom.poller.hosts.of(feed.url).round(subscription.server_id)
    return list(_bounds(await interaction.client.store.surplus.of(feed.id), busy))


def _bounds(surplus: Surplus | None, busy: int) -> Iterator[str]:
    if surplus is not None and surplus.kind is SurplusKind.IDENTITIES:
        yield _("renames its entries at every check, so new ones aren’t posted (first {when})").format(
            when=f"<t:{surplus.since}:R>"
        )
    elif surplus is not None:
        yield counted(
            "too many articles: {count} left out (first {when})",
            "too many articles: {count} left out (first {when})",
            surplus.entries,
            when=f"<t:{surplus.since}:R>",
        )
    if busy:
        minutes = max(1, round(busy / 60))
        yield counted(
            "its site has many feeds here, so each is checked about every {count} minute",
            "its site has many feeds here, so each is checked about every {count} minutes",
            minutes,
        )


async def problem(interaction: Interaction, channel_id: int) -> str | None:
    """Why nothing can be posted in a channel; None where it can."""
    dispatches = interaction.client.store.dispatches
    if interaction.guild is not None and await is_gone(interaction.guild, channel_id):
        return Problem.GONE
    found = await dispatches.problem(channel_id)
    return found.problem if found else await dispatches.delay(channel_id)


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
            return _("{feed} has no new articles.").format(feed=feed)
        case Outcome.POSTPONED:
            return _("The site of {feed} limits how often I can check it. Next check {when}.").format(
                feed=feed, when=f"<t:{report.feed.next_poll}:R>"
            )
    return _("Couldn’t read {feed}. {reason}").format(
        feed=feed, reason=describe(report.error or report.feed.error or "")
    )
