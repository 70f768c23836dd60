"""Limits on all that managers can set up in a server, such as feeds, filters and digests."""

from bot.core.limits import Limit
from bot.core.preferences import MAX_MENTION_RULES_PER_CHANNEL, MAX_TAG_RULES_PER_FORUM
from bot.operating.applicable_limits import Limits
from bot.store.records.setup_records import SetupLimits
from bot.watches.subscription_filters import MAX_FILTERS_PER_PLACE


async def load_setup_limits(limits: Limits, server_id: int) -> SetupLimits:
    """Return the limits of all that managers can set up in a server. Raises StoreError."""
    return SetupLimits(
        feeds=await limits.load(Limit.FEEDS_PER_SERVER, server_id),
        filters=MAX_FILTERS_PER_PLACE,
        mention_rules=MAX_MENTION_RULES_PER_CHANNEL,
        tag_rules=MAX_TAG_RULES_PER_FORUM,
        digests=await limits.load(Limit.DIGESTS_PER_SERVER, server_id),
        watches=await limits.load(Limit.WATCHES_PER_SERVER, server_id),
    )
