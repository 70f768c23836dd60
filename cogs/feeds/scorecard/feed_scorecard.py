"""Scorecard of the feeds that a manager can see: how many of their posts people save or like."""

from bot.core.local_time import SECONDS_PER_DAY
from bot.stories import feed_scores
from bot.stories.feed_scores import Scorecard
from cogs.feeds.subscription_options import list_visible_subscriptions
from cogs.shared.views import Interaction


async def load_scorecard(interaction: Interaction, days: int) -> Scorecard:
    """Return posts, saves and likes of the user's visible feeds in the `days` days up to the last midnight in UTC.

    The server's reactions until then are first counted in batches.
    """
    store, server_id = interaction.client.store, interaction.guild_id or 0
    until = await store.feed_reactions.add_batches_until_midnight(server_id)
    since = until - days * SECONDS_PER_DAY
    return feed_scores.score_feeds(
        await list_visible_subscriptions(interaction),
        await store.feed_reactions.count_by_feed(server_id, since=since, until=until),
        since=since,
        until=until,
    )
