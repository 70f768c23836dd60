"""Search of time zones by IANA name, city or country, in English or French."""

from functools import cache
from zoneinfo import available_timezones

from babel import Locale
from babel.core import get_global
from rapidfuzz import process

from bot.core.i18n import LANGUAGES
from bot.text.words import fold

_MIN_SUGGESTION_SCORE = 75
"""Similarity out of 100 from which a zone is suggested."""
_MAX_SUGGESTIONS = 4
_LONGEST = 100
_OTHERS = {"localtime", "Factory", "GMT+0", "GMT-0", "GMT0"}


def find_zone(text: str) -> str | None:
    """Return the IANA name of a zone, None if the name is unknown.

    An offset from UTC is no zone, as it does not say when daylight saving time begins.
    """
    return zone_names().get(_plain(text[:_LONGEST]))


def suggest_zones(text: str) -> list[str]:
    """Return the IANA names of zones with a similar name, best first."""
    found = process.extract(
        _plain(text[:_LONGEST]),
        zone_names().keys(),
        score_cutoff=_MIN_SUGGESTION_SCORE,
        limit=_MAX_SUGGESTIONS * 3,
    )
    return list(dict.fromkeys(zone_names()[name] for name, _score, _index in found))[:_MAX_SUGGESTIONS]


@cache
def zone_names() -> dict[str, str]:
    """Return zones by folded name: IANA name, its last part, cities and countries in each language."""
    # Etc/GMT+2 is two hours *west* of Greenwich; `posix`, `right` and `SystemV` are duplicates.
    odd = ("Etc/", "posix", "right/", "SystemV/")
    zones = sorted(zone for zone in available_timezones() if not zone.startswith(odd) and zone not in _OTHERS)
    names = {_plain(zone): zone for zone in zones}
    old = get_global("zone_aliases")
    for zone in sorted(zones, key=lambda zone: zone in old):  # current names before deprecated ones
        names.setdefault(_plain(zone.rpartition("/")[2]), zone)
    for language in LANGUAGES:
        locale = Locale(language)
        for zone in zones:
            if city := locale.time_zones.get(zone, {}).get("city"):
                names.setdefault(_plain(city), zone)
        for territory, its_zones in get_global("territory_zones").items():
            known = [zone for zone in its_zones if zone in zones]
            if len(known) == 1 and territory in locale.territories:
                names.setdefault(_plain(locale.territories[territory]), known[0])
    return names


def _plain(name: str) -> str:
    return " ".join(fold(name).replace("_", " ").replace("-", " ").split())
