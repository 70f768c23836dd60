"""Card of a feed in a channel: its health and all actions on it, such as choosing the look of its posts."""

from collections.abc import Awaitable, Callable
from functools import partial

import discord

from bot.core.i18n import _
from bot.core.limits import Limit
from bot.core.models import Feed, FeedState
from bot.core.preferences import Filter, FilterPlace
from bot.core.user_errors import UserFacingError
from bot.feeds.pages import list_feeds
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, text_block
from bot.posting.wording import filter_labels, look_labels
from bot.posting.wording.feed_names import bold_feed_name
from bot.text import discord_text, urls
from bot.watches import subscription_filters
from cogs.feeds import filter_panels, subscription_health
from cogs.feeds.look_panel import LookPanel
from cogs.feeds.post_previews import show_preview
from cogs.feeds.subscription_options import (
    FollowedFeed,
    SubscriptionPanel,
    pause_feed,
    require_current_subscription,
    resume_feed,
    subscription_title,
    unfollowed_text,
)
from cogs.shared import channel_options
from cogs.shared.authorization import ManagersPanel
from cogs.shared.channel_options import require_can_post
from cogs.shared.views import AckMode, ActionButton, Interaction

_MAX_URL_LENGTH = 150
"""Maximum length in UTF-16 units of the address of a feed on the card."""
_MAX_FILTERS_LISTED = 3
"""Maximum number of filters of a subscription that the card names."""
_MAX_QUERY_LENGTH = 30
"""Maximum length in UTF-16 units of a filter's query on the card."""


class SubscriptionCard(SubscriptionPanel):
    """Card of a subscription (a feed in a channel).

    `check_feed` polls the feed and returns the result as a sentence.
    """

    def __init__(
        self,
        interaction: Interaction,
        followed_feed: FollowedFeed,
        check_feed: Callable[[Feed], Awaitable[str]],
    ) -> None:
        super().__init__(interaction, followed_feed)
        self._check_feed = check_feed

    async def render(self, interaction: Interaction, status_line: str = "") -> None:
        """Show the current state of the subscription; `status_line` reports the last action.

        Raises `UserFacingError` if it was unfollowed or the user cannot see its channel.
        """
        self.followed_feed = followed_feed = await require_current_subscription(interaction, self.followed_feed)
        subscription, feed = followed_feed
        health = subscription_health.evaluate_health(
            followed_feed, await subscription_health.find_channel_problem(interaction, subscription.channel_id)
        )
        is_paused = subscription.paused_at is not None
        danger_style = discord.ButtonStyle.danger
        text_lines = (
            status_line,
            subscription_health.health_sentence(health),
            *await self._load_fact_lines(interaction),
        )
        blocks = (
            text_block(f"### {subscription_title(interaction, followed_feed)}"),
            text_block("\n".join(filter(None, text_lines))),
            ActionRow(
                ActionButton(self._toggle_pause, label=_("Resume") if is_paused else _("Pause")),
                ActionButton(self._check_now, label=_("Check now")),
                ActionButton(
                    partial(show_preview, followed_feed=followed_feed),
                    AckMode.EPHEMERAL_MESSAGE,
                    label=_("Preview"),
                ),
                ActionButton(self._open_filters, AckMode.EPHEMERAL_MESSAGE, label=_("Filters")),
                ActionButton(self._open_look_panel, AckMode.EPHEMERAL_MESSAGE, label=_("Post appearance")),
                ActionButton(
                    self._confirm_unfollow,
                    AckMode.EPHEMERAL_MESSAGE,
                    label=_("Stop following"),
                    style=danger_style,
                ),
            ),
        )
        colour = outlet_branding.outlet_colour(feed.id, feed.outlet or feed.title)
        await self.display_card(interaction, *blocks, colour=colour)

    async def _load_fact_lines(self, interaction: Interaction) -> list[str]:
        subscription, feed = self.followed_feed
        store = self.store
        last_article_text = _("no article yet")
        if feed.last_article_at is not None:
            last_article_text = _("last article {when}").format(when=f"<t:{feed.last_article_at}:R>")
        time_texts = [last_article_text]
        if feed.state is FeedState.ACTIVE and feed.blocked_since is None and subscription.paused_at is None:
            time_texts.append(_("next check {when}").format(when=f"<t:{feed.next_poll_at}:R>"))
        if self.client.services.websub_subscriber.is_pushed(feed.id):
            time_texts.append("⚡ " + _("real time"))
        look = subscription.look or await store.preferences.get_look(subscription.server_id)
        setting_texts = [_("look: {look}").format(look=look_labels.look_summary_text(look))]
        notes = [f"🟠 {note}" for note in await subscription_health.load_limit_notes(interaction, self.followed_feed)]
        if filters := await store.filters.list_applying(FilterPlace(subscription.id)):
            setting_texts.append(
                filter_labels.filter_list_text(
                    filters, max_filters=_MAX_FILTERS_LISTED, max_query_length=_MAX_QUERY_LENGTH
                )
            )
            dry_run = await subscription_filters.dry_run_filters(store, [feed.id], filters)
            if dry_run.articles_with_filters and not dry_run.posted_count:
                notes.append(f"🟠 {filter_panels.pass_rate_text(dry_run)}")
        plain_address = discord_text.to_plain_line(
            urls.redact(list_feeds.strip_list_fragment(feed.url)), _MAX_URL_LENGTH
        ).replace("`", "'")
        address_texts = [f"`{plain_address}`"]
        if list_feeds.is_list_url(feed.url):
            address_texts.append(_("a list on this page"))
        return [
            " · ".join(time_texts),
            *notes,
            f"-# {' · '.join(setting_texts)}",
            f"-# {' · '.join(address_texts)}",
        ]

    async def _toggle_pause(self, interaction: Interaction) -> None:
        is_paused = self.followed_feed.subscription.paused_at is not None
        pause_or_resume = resume_feed if is_paused else pause_feed
        await self.render(interaction, await pause_or_resume(interaction, self.followed_feed))

    async def _check_now(self, interaction: Interaction) -> None:
        await self.render(interaction, await self._check_feed(self.followed_feed.feed))

    async def _open_filters(self, interaction: Interaction) -> None:
        await filter_panels.FilterList(interaction, filter_panels.target_of_feed(self.followed_feed)).render(
            interaction
        )

    async def _open_look_panel(self, interaction: Interaction) -> None:
        await LookPanel(interaction, self.followed_feed).start(interaction)

    async def _confirm_unfollow(self, interaction: Interaction) -> None:
        await UnfollowFlow(interaction, self.followed_feed).start(interaction)


class UnfollowFlow(ManagersPanel):
    """Confirmation before a channel stops following a feed, with a button to undo it afterwards."""

    def __init__(self, interaction: Interaction, followed_feed: FollowedFeed) -> None:
        super().__init__(interaction)
        self._subscription, self._feed = followed_feed
        self._old_filters: list[Filter] = []

    async def start(self, interaction: Interaction) -> None:
        question = _("Stop following {feed} in <#{channel}>? Articles already posted stay.")
        danger_style = discord.ButtonStyle.danger
        button_row = ActionRow(
            ActionButton(self._unfollow, label=_("Stop following"), style=danger_style),
            ActionButton(self._keep_following, label=_("Keep following")),
        )
        await self.display(interaction, (text_block(self._format_sentence(question)), button_row))

    async def _unfollow(self, interaction: Interaction) -> None:
        store = self.store
        self._old_filters = await store.filters.list_by_place(FilterPlace(self._subscription.id))
        was_unfollowed = await store.subscriptions.unfollow(
            self._subscription.channel_id, self._feed.id, user_id=self.user_id
        )
        if not was_unfollowed:
            raise UserFacingError(unfollowed_text())
        confirmation = self._format_sentence(
            _("Stopped following {feed} in <#{channel}>. Articles still waiting there won’t be posted.")
        )
        await self.display(
            interaction, (text_block(confirmation), ActionRow(ActionButton(self._undo, label=_("Undo"))))
        )

    async def _undo(self, interaction: Interaction) -> None:
        """Follow the feed again, with the look, filters and pause that it had.

        Raises `UserFacingError` or `RequestRejected` if that is no longer possible.
        """
        old_subscription, store, user_id = self._subscription, self.store, self.user_id
        if await store.feeds.get(self._feed.id) is None:
            raise UserFacingError(unfollowed_text())
        require_can_post(await channel_options.require_existing_channel(interaction, old_subscription.channel_id))
        new_subscription, is_new_subscription = await store.subscriptions.follow(
            server_id=old_subscription.server_id,
            channel_id=old_subscription.channel_id,
            feed_id=self._feed.id,
            first_article_id=None,
            user_id=user_id,
            max_feeds=await self.client.services.limits.load(Limit.FEEDS_PER_SERVER, old_subscription.server_id),
        )
        if is_new_subscription:  # Otherwise another user has followed it meanwhile, with other settings.
            await self._restore_settings(new_subscription.id)
        await self.finish(interaction, self._format_sentence(_("Following {feed} in <#{channel}> again.")))

    async def _restore_settings(self, subscription_id: int) -> None:
        old_subscription, store, user_id = self._subscription, self.store, self.user_id
        if old_subscription.look is not None:
            await store.subscriptions.set_look(subscription_id, old_subscription.look, user_id=user_id)
        for old_filter in self._old_filters:
            await store.filters.add(
                FilterPlace(subscription_id),
                [(old_filter.mode, old_filter.query)],
                limit=subscription_filters.MAX_FILTERS_PER_PLACE,
                user_id=user_id,
                ends_at=old_filter.ends_at,
            )
        if old_subscription.paused_at is not None:
            await store.subscriptions.pause(subscription_id, user_id=user_id)
        self.client.services.poller.wake()

    async def _keep_following(self, interaction: Interaction) -> None:
        await self.finish(interaction, self._format_sentence(_("Still following {feed} in <#{channel}>.")))

    def _format_sentence(self, sentence: str) -> str:
        return sentence.format(feed=bold_feed_name(self._feed), channel=self._subscription.channel_id)
