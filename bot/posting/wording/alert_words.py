"""What a channel is told when a feed broke, brings too much, or is back."""

from bot.core import locale
from bot.core.locale import N_, _
from bot.core.models import Feed
from bot.feeds import fetch_errors
from bot.posting.wording.feed_causes import describe
from bot.store.records.source_records import AlertKind, SurplusKind
from bot.text import safe, urls

_NAME = 100  # UTF-16 units


def texts(feed: Feed, kind: AlertKind, surplus: SurplusKind | None) -> dict[str, str]:
    """The notice by language; `surplus` is what a feed brings too much of, where that is told."""
    sentence = _TROUBLE[kind] if surplus is None else _TOO_MUCH[surplus]
    if kind is AlertKind.BROKEN and feed.error in {fetch_errors.LIST_LOST, fetch_errors.NEEDS_SCRIPT}:
        sentence = _LIST_LOST
    name = safe.plain(feed.title, _NAME) or safe.plain(urls.masked(feed.url), _NAME)
    told = {}
    for language in locale.LANGUAGES:
        with locale.use(language):
            told[language] = _(sentence).format(feed=name, cause=describe(feed.error or ""))
    return told


_LIST_LOST = N_("I can’t find the list of “{feed}” anymore. {cause} I’ll keep trying.")
_TOO_MUCH: dict[SurplusKind, str] = {
    SurplusKind.ENTRIES: N_(
        "The feed “{feed}” brings more articles than I can keep. I keep the newest and check it less often; "
        "the rest isn’t posted."
    ),
    SurplusKind.IDENTITIES: N_(
        "The feed “{feed}” renames all its entries at every check, so I can’t tell which ones are new. I’ve "
        "stopped posting those until it settles down, and check it less often."
    ),
    SurplusKind.CHANGES: N_(
        "The feed “{feed}” keeps changing its articles. I edit each post a few times, then less "
        "and less often."
    ),
}


_TROUBLE: dict[AlertKind, str] = {
    AlertKind.GONE: N_("The feed “{feed}” is gone. {cause}"),
    AlertKind.BROKEN: N_("The feed “{feed}” has been failing for a day. {cause} I’ll keep trying."),
    AlertKind.BACK: N_("The feed “{feed}” is back. Articles it published in the meantime are on their way."),
}
