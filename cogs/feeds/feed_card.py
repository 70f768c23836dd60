"""A feed in a channel, opened from /feed list: how it is doing, and everything that can be changed of it."""

from collections.abc import Awaitable, Callable
from functools import partial

import discord

from bot.core.choices import Filter
from bot.core.locale import _
from bot.core.models import Feed, FeedState
from bot.core.refusals import Declined, Refusal
from bot.feeds.pages import list_feeds
from bot.polling.following.feed_search import MOST_FEEDS, Unfollowable
from bot.posting.rendering.layout import outlets
from bot.posting.rendering.layout.blocks import Row, text
from bot.posting.wording import filter_labels, look_words
from bot.text import safe, urls
from bot.watches import subscription_filters
from cogs.feeds import feed_health, filter_commands
from cogs.feeds.look_panel import LookPanel
from cogs.feeds.post_previews import show_preview
from cogs.feeds.subscription_options import Pair, SubscriptionPanel, bold, no_longer, require_still, titled
from cogs.shared import place_options
from cogs.shared.place_options import require_posting
from cogs.shared.rights import ManagersLayout
from cogs.shared.views import Interaction, Press, Reply

_ADDRESS = 150
_RULES = 3
_RULE = 30  # characters of a query


class FeedCard(SubscriptionPanel):
    """One subscription. `poll` checks the feed now and says what came of it."""

    def __init__(self, interaction: Interaction, pair: Pair, poll: Callable[[Feed], Awaitable[str]]) -> None:
        super().__init__(interaction, pair)
        self._poll = poll

    async def show(self, interaction: Interaction, said: str = "") -> None:
        """Show it as it is now, with a sentence on what was done."""
        self.pair = pair = await require_still(interaction, self.pair)
        subscription, feed = pair
        health = feed_health.of(pair, await feed_health.problem(interaction, subscription.channel_id))
        paused = subscription.paused is not None
        red = discord.ButtonStyle.danger
        lines = (said, feed_health.sentence(health), *await self._facts(interaction))
        blocks = (
            text(f"### {titled(interaction, pair)}"),
            text("\n".join(filter(None, lines))),
            Row(
                Press(self._turn, label=_("Resume") if paused else _("Pause")),
                Press(self._check_now, label=_("Check now")),
                Press(partial(show_preview, pair=pair), Reply.NEW, label=_("Preview")),
                Press(self._filters, Reply.NEW, label=_("Filters")),
                Press(self._look, Reply.NEW, label=_("Post appearance")),
                Press(self._remove, Reply.NEW, label=_("Stop following"), style=red),
            ),
        )
        colour = outlets.colour(feed.id, feed.outlet or feed.title)
        await self.display_card(interaction, *blocks, colour=colour)

    async def _facts(self, interaction: Interaction) -> list[str]:
        subscription, feed = self.pair
        store = self.store
        last = _("no article yet")
        if feed.last_article is not None:
            last = _("last article {when}").format(when=f"<t:{feed.last_article}:R>")
        times = [last]
        if feed.state is FeedState.ACTIVE and subscription.paused is None:
            times.append(_("next check {when}").format(when=f"<t:{feed.next_poll}:R>"))
        if self.client.newsroom.pushes.is_pushed(feed.id):
            times.append("⚡ " + _("real time"))
        look = subscription.look or await store.preferences.look(subscription.server_id)
        chosen = [_("look: {look}").format(look=look_words.brief(look))]
        notes = [f"🟠 {note}" for note in await feed_health.bounds(interaction, self.pair)]
        if kept := await store.filters.of(subscription.id):
            chosen.append(filter_labels.listed(kept, most=_RULES, length=_RULE))
            trial = await subscription_filters.tried(store, feed.id, kept)
            if trial.outcomes and not trial.posted:
                notes.append(f"🟠 {filter_commands.passed(trial)}")
        address = safe.plain(urls.masked(list_feeds.page_of(feed.url)), _ADDRESS).replace("`", "'")
        found = [f"`{address}`"]
        if list_feeds.is_list(feed.url):
            found.append(_("a list on this page"))
        return [" · ".join(times), *notes, f"-# {' · '.join(chosen)}", f"-# {' · '.join(found)}"]

    async def _turn(self, interaction: Interaction) -> None:
        if self.pair[0].paused is not None:
            await resume(interaction, self.pair)
        else:
            await self.store.subscriptions.pause(self.pair[0].id, person_id=self.person_id)

    async def _check_now(self, interaction: Interaction) -> None:
        await self.show(interaction, await self._poll(self.pair[1]))

    async def _filters(self, interaction: Interaction) -> None:
        await filter_commands.FilterList(interaction, self.pair).show(interaction)

    async def _look(self, interaction: Interaction) -> None:
        await LookPanel(interaction, self.pair).start(interaction)

    async def _remove(self, interaction: Interaction) -> None:
        await RemoveFlow(interaction, self.pair).start(interaction)


async def resume(interaction: Interaction, pair: Pair) -> None:
    """End the pause of a subscription."""
    await interaction.client.store.subscriptions.resume(pair[0].id, person_id=interaction.user.id)
    interaction.client.newsroom.poller.wake()


class RemoveFlow(ManagersLayout):
    """Asks before a subscription ends."""

    def __init__(self, interaction: Interaction, pair: Pair) -> None:
        super().__init__(interaction)
        self._subscription, self._feed = pair
        self._filters: list[Filter] = []

    async def start(self, interaction: Interaction) -> None:
        question = _("Stop following {feed} in <#{channel}>? Articles already posted stay.")
        red = discord.ButtonStyle.danger
        row = Row(
            Press(self._remove, label=_("Stop following"), style=red),
            Press(self._keep, label=_("Keep following")),
        )
        await self.display(interaction, (text(self._said(question)), row))

    async def _remove(self, interaction: Interaction) -> None:
        store = self.store
        self._filters = await store.filters.of(self._subscription.id)
        ended = await store.subscriptions.unfollow(
            self._subscription.channel_id, self._feed.id, person_id=self.person_id
        )
        if not ended:
            raise Refusal(no_longer())
        said = self._said(
            _("Stopped following {feed} in <#{channel}>. Articles still waiting there won’t be posted.")
        )
        await self.display(interaction, (text(said), Row(Press(self._undo, label=_("Undo")))))

    async def _undo(self, interaction: Interaction) -> None:
        """Follow it again, as it was."""
        before, store, person_id = self._subscription, self.store, self.person_id
        if await store.subscriptions.count(before.server_id) >= MOST_FEEDS:
            raise Declined(Unfollowable.TOO_MANY, count=MOST_FEEDS)
        if await store.feeds.get(self._feed.id) is None:
            raise Refusal(no_longer())
        require_posting(await place_options.current(interaction, before.channel_id))
        again, created = await store.subscriptions.follow(
            server_id=before.server_id,
            channel_id=before.channel_id,
            feed_id=self._feed.id,
            first_article_id=None,
            person_id=person_id,
        )
        if created:  # else somebody followed it meanwhile, as they like it
            await self._restore(again.id)
        await self.end(interaction, self._said(_("Following {feed} in <#{channel}> again.")))

    async def _restore(self, subscription_id: int) -> None:
        before, store, person_id = self._subscription, self.store, self.person_id
        if before.look is not None:
            await store.subscriptions.set_look(subscription_id, before.look, person_id=person_id)
        if self._filters:
            wanted = [(one.rule, one.query) for one in self._filters]
            limit = subscription_filters.MOST
            await store.filters.add(subscription_id, wanted, limit=limit, person_id=person_id)
        if before.paused is not None:
            await store.subscriptions.pause(subscription_id, person_id=person_id)
        self.client.newsroom.poller.wake()

    async def _keep(self, interaction: Interaction) -> None:
        await self.end(interaction, self._said(_("Still following {feed} in <#{channel}>.")))

    def _said(self, sentence: str) -> str:
        return sentence.format(feed=bold(self._feed), channel=self._subscription.channel_id)
