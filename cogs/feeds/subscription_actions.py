"""Pausing and resuming a feed, for the commands, the card of a feed and the list of feeds."""

from bot.core.i18n import _, linkify_commands
from bot.core.user_errors import UserFacingError
from bot.posting.wording.feed_names import bold_feed_name
from cogs.feeds.subscription_options import FollowedFeed, require_current_subscription
from cogs.shared.views import Interaction


async def pause_feed(interaction: Interaction, followed_feed: FollowedFeed) -> str:
    """Pause a feed in a channel and return the sentence that confirms it.

    Raises `UserFacingError` if the feed is paused already or the channel no longer follows it.
    """
    subscription, feed = followed_feed
    if not await interaction.client.store.subscriptions.pause(subscription.id, user_id=interaction.user.id):
        await require_current_subscription(interaction, followed_feed)
        refusal = linkify_commands(_("{feed} is already paused. Resume it with /feed resume."))
        raise UserFacingError(refusal.format(feed=bold_feed_name(feed)))
    confirmation = linkify_commands(
        _(
            "Paused {feed} in <#{channel}>. New articles show up in search but aren’t posted. Resume "
            "it with /feed resume."
        )
    )
    return confirmation.format(feed=bold_feed_name(feed), channel=subscription.channel_id)


async def resume_feed(interaction: Interaction, followed_feed: FollowedFeed) -> str:
    """Resume a paused feed in a channel, have it polled, and return the sentence that confirms it.

    Raises `UserFacingError` if the feed isn’t paused or the channel no longer follows it.
    """
    subscription, feed = followed_feed
    if not await interaction.client.store.subscriptions.resume(subscription.id, user_id=interaction.user.id):
        await require_current_subscription(interaction, followed_feed)
        raise UserFacingError(_("{feed} isn’t paused.").format(feed=bold_feed_name(feed)))
    interaction.client.services.poller.wake()
    return _("Resumed {feed} in <#{channel}>. You’ll see its next article there.").format(
        feed=bold_feed_name(feed), channel=subscription.channel_id
    )
