"""Time zones by what people call them: an IANA name, a city or a country, in English or in French."""

from functools import cache
from zoneinfo import available_timezones

from babel import Locale
from babel.core import get_global
from rapidfuzz import process

from bot.core.i18n import LANGUAGES
from bot.text.words import fold

_MIN_SUGGESTION_SCORE = 75  # of 100, how close a name must be to be offered
_MAX_SUGGESTIONS = 4
_LONGEST = 100
_OTHERS = {"localtime", "Factory", "GMT+0", "GMT-0", "GMT0"}


def find_zone(text: str) -> str | None:
    """The IANA name of the zone that a person means, or None.

    A distance from UTC is no zone: it does not say when summer time begins.
    """
    return zone_names().get(_plain(text[:_LONGEST]))


def suggest_zones(text: str) -> list[str]:
    """IANA names of zones that a person may have meant, best first."""
    found = process.extract(
        _plain(text[:_LONGEST]),
        zone_names().keys(),
        score_cutoff=_MIN_SUGGESTION_SCORE,
        limit=_MAX_SUGGESTIONS * 3,
    )
    return list(dict.fromkeys(zone_names()[name] for name, _score, _index in found))[:_MAX_SUGGESTIONS]


@cache
def zone_names() -> dict[str, str]:
    """Zones by folded names: their own, their last part, and cities and countries in each language."""
    # Etc/GMT+2 is two hours *west* of Greenwich, and `posix`, `right` and `SystemV` are duplicates.
    odd = ("Etc/", "posix", "right/", "SystemV/")
    zones = sorted(zone for zone in available_timezones() if not zone.startswith(odd) and zone not in _OTHERS)
    names = {_plain(zone): zone for zone in zones}
    old = get_global("zone_aliases")
    for zone in sorted(zones, key=lambda zone: zone in old):  # a current name before an old one
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
