"""Limits on what a server or a user may have, which the operator sets."""

from bot.core.reasons import ReasonCode


class Limit(ReasonCode):
    """Limit on what a server or a user may have; also the reason of a refusal because the limit was reached.

    Each value is the name of a setting without `max_`. The sentence of the reason needs `count`, the limit.
    """

    FEEDS_PER_SERVER = "feeds_per_server"
    WATCHES_PER_SERVER = "watches_per_server"
    DIGESTS_PER_SERVER = "digests_per_server"
    WATCHES_PER_USER = "watches_per_user"
    SAVED_PAGES_PER_USER = "saved_pages_per_user"
    BOOKMARKS_PER_USER = "bookmarks_per_user"


SERVER_LIMITS = {limit.removesuffix("_per_server"): limit for limit in Limit if limit.endswith("_per_server")}
"""Limits of servers, by the name that the operator types, such as `feeds`."""
