"""The card of a feed in a channel: its health and all actions on it."""

from collections.abc import Awaitable, Callable
from functools import partial

import discord

from bot.core.i18n import _
from bot.core.models import Feed, FeedState
from bot.core.preferences import Filter
from bot.core.user_errors import RequestRejected, UserFacingError
from bot.feeds.pages import list_feeds
from bot.polling.following.follow_service import MAX_FEEDS_PER_SERVER, FollowFailure
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, text
from bot.posting.wording import filter_labels, look_labels
from bot.text import discord_text, urls
from bot.watches import subscription_filters
from cogs.feeds import filter_panels, subscription_health
from cogs.feeds.look_panel import LookPanel
from cogs.feeds.post_previews import show_preview
from cogs.feeds.subscription_options import (
    FollowedFeed,
    SubscriptionPanel,
    bold_feed_name,
    require_current,
    subscription_title,
    unfollowed_text,
)
from cogs.shared import channel_options
from cogs.shared.authorization import ManagersPanel
from cogs.shared.channel_options import require_can_post
from cogs.shared.views import AckMode, ActionButton, Interaction

_MAX_URL_LENGTH = 150
_MAX_FILTERS_LISTED = 3
_MAX_QUERY_LENGTH = 30


class SubscriptionCard(SubscriptionPanel):
    """The card of a subscription; `check_feed` polls the feed and returns the result as a sentence."""

    def __init__(
        self, interaction: Interaction, pair: FollowedFeed, poll: Callable[[Feed], Awaitable[str]]
    ) -> None:
        super().__init__(interaction, pair)
        self._poll = poll

    async def render(self, interaction: Interaction, status_line: str = "") -> None:
        """Show the current state; `status_line` reports the last action."""
        self.followed_feed = pair = await require_current(interaction, self.followed_feed)
        subscription, feed = pair
        health = subscription_health.subscription_health_of(
            pair, await subscription_health.channel_problem(interaction, subscription.channel_id)
        )
        paused = subscription.paused_at is not None
        red = discord.ButtonStyle.danger
        lines = (status_line, subscription_health.health_sentence(health), *await self._facts(interaction))
        blocks = (
            text(f"### {subscription_title(interaction, pair)}"),
            text("\n".join(filter(None, lines))),
            ActionRow(
                ActionButton(self._toggle_pause, label=_("Resume") if paused else _("Pause")),
                ActionButton(self._check_now, label=_("Check now")),
                ActionButton(partial(show_preview, pair=pair), AckMode.EPHEMERAL_MESSAGE, label=_("Preview")),
                ActionButton(self._filters, AckMode.EPHEMERAL_MESSAGE, label=_("Filters")),
                ActionButton(self._open_look_panel, AckMode.EPHEMERAL_MESSAGE, label=_("Post appearance")),
                ActionButton(self._remove, AckMode.EPHEMERAL_MESSAGE, label=_("Stop following"), style=red),
            ),
        )
        colour = outlet_branding.colour(feed.id, feed.outlet or feed.title)
        await self.display_card(interaction, *blocks, colour=colour)

    async def _facts(self, interaction: Interaction) -> list[str]:
        subscription, feed = self.followed_feed
        store = self.store
        last = _("no article yet")
        if feed.last_article is not None:
            last = _("last article {when}").format(when=f"<t:{feed.last_article}:R>")
        times = [last]
        if feed.state is FeedState.ACTIVE and subscription.paused_at is None:
            times.append(_("next check {when}").format(when=f"<t:{feed.next_poll}:R>"))
        if self.client.newsroom.websub.is_pushed(feed.id):
            times.append("⚡ " + _("real time"))
        look = subscription.look or await store.preferences.look(subscription.server_id)
        chosen = [_("look: {look}").format(look=look_labels.look_summary(look))]
        notes = [
            f"🟠 {note}" for note in await subscription_health.limit_notes(interaction, self.followed_feed)
        ]
        if kept := await store.filters.by_subscription_id(subscription.id):
            chosen.append(filter_labels.filter_list(kept, most=_MAX_FILTERS_LISTED, length=_MAX_QUERY_LENGTH))
            trial = await subscription_filters.dry_run_filters(store, feed.id, kept)
            if trial.outcomes and not trial.posted_count:
                notes.append(f"🟠 {filter_panels.pass_rate_text(trial)}")
        address = discord_text.to_plain_line(
            urls.redact(list_feeds.page_url(feed.url)), _MAX_URL_LENGTH
        ).replace("`", "'")
        found = [f"`{address}`"]
        if list_feeds.is_list_url(feed.url):
            found.append(_("a list on this page"))
        return [" · ".join(times), *notes, f"-# {' · '.join(chosen)}", f"-# {' · '.join(found)}"]

    async def _toggle_pause(self, interaction: Interaction) -> None:
        if self.followed_feed[0].paused_at is not None:
            await resume(interaction, self.followed_feed)
        else:
            await self.store.subscriptions.pause(self.followed_feed[0].id, person_id=self.person_id)

    async def _check_now(self, interaction: Interaction) -> None:
        await self.render(interaction, await self._poll(self.followed_feed[1]))

    async def _filters(self, interaction: Interaction) -> None:
        await filter_panels.FilterList(interaction, self.followed_feed).render(interaction)

    async def _open_look_panel(self, interaction: Interaction) -> None:
        await LookPanel(interaction, self.followed_feed).start(interaction)

    async def _remove(self, interaction: Interaction) -> None:
        await UnfollowFlow(interaction, self.followed_feed).start(interaction)


async def resume(interaction: Interaction, pair: FollowedFeed) -> None:
    """Resume a paused subscription and wake the poller."""
    await interaction.client.store.subscriptions.resume(pair[0].id, person_id=interaction.user.id)
    interaction.client.newsroom.poller.wake()


class UnfollowFlow(ManagersPanel):
    """A confirmation before a feed is unfollowed, with an undo."""

    def __init__(self, interaction: Interaction, pair: FollowedFeed) -> None:
        super().__init__(interaction)
        self._subscription, self._feed = pair
        self._filters: list[Filter] = []

    async def start(self, interaction: Interaction) -> None:
        question = _("Stop following {feed} in <#{channel}>? Articles already posted stay.")
        red = discord.ButtonStyle.danger
        row = ActionRow(
            ActionButton(self._remove, label=_("Stop following"), style=red),
            ActionButton(self._keep_following, label=_("Keep following")),
        )
        await self.display(interaction, (text(self._format_sentence(question)), row))

    async def _remove(self, interaction: Interaction) -> None:
        store = self.store
        self._filters = await store.filters.by_subscription_id(self._subscription.id)
        ended = await store.subscriptions.unfollow(
            self._subscription.channel_id, self._feed.id, person_id=self.person_id
        )
        if not ended:
            raise UserFacingError(unfollowed_text())
        said = self._format_sentence(
            _("Stopped following {feed} in <#{channel}>. Articles still waiting there won’t be posted.")
        )
        await self.display(interaction, (text(said), ActionRow(ActionButton(self._undo, label=_("Undo")))))

    async def _undo(self, interaction: Interaction) -> None:
        """Follow the feed again with its former look, filters and pause."""
        before, store, person_id = self._subscription, self.store, self.person_id
        if await store.subscriptions.count(before.server_id) >= MAX_FEEDS_PER_SERVER:
            raise RequestRejected(FollowFailure.TOO_MANY, count=MAX_FEEDS_PER_SERVER)
        if await store.feeds.get(self._feed.id) is None:
            raise UserFacingError(unfollowed_text())
        require_can_post(await channel_options.require_existing_channel(interaction, before.channel_id))
        again, created = await store.subscriptions.follow(
            server_id=before.server_id,
            channel_id=before.channel_id,
            feed_id=self._feed.id,
            first_article_id=None,
            person_id=person_id,
        )
        if created:  # Otherwise another user has followed it meanwhile, with other settings.
            await self._restore(again.id)
        await self.finish(interaction, self._format_sentence(_("Following {feed} in <#{channel}> again.")))

    async def _restore(self, subscription_id: int) -> None:
        before, store, person_id = self._subscription, self.store, self.person_id
        if before.look is not None:
            await store.subscriptions.set_look(subscription_id, before.look, person_id=person_id)
        if self._filters:
            wanted = [(one.rule, one.query) for one in self._filters]
            limit = subscription_filters.MAX_FILTERS_PER_SUBSCRIPTION
            await store.filters.add(subscription_id, wanted, limit=limit, person_id=person_id)
        if before.paused_at is not None:
            await store.subscriptions.pause(subscription_id, person_id=person_id)
        self.client.newsroom.poller.wake()

    async def _keep_following(self, interaction: Interaction) -> None:
        await self.finish(interaction, self._format_sentence(_("Still following {feed} in <#{channel}>.")))

    def _format_sentence(self, sentence: str) -> str:
        return sentence.format(feed=bold_feed_name(self._feed), channel=self._subscription.channel_id)
