"""Search of time zones by IANA name, city or country, in English or French."""

from functools import cache
from zoneinfo import available_timezones

from babel import Locale
from babel.core import get_global
from rapidfuzz import process

from bot.core.i18n import LANGUAGES
from bot.text.words import fold

_MIN_SUGGESTION_SCORE = 75
"""Minimum similarity, out of 100, of a name to a text for its zone to be suggested."""
_MAX_SUGGESTIONS = 4
_MAX_NAME_CHARS = 100
_EXCLUDED_ZONES = {"localtime", "Factory", "GMT+0", "GMT-0", "GMT0"}


def find_zone(text: str) -> str | None:
    """Return the IANA name of the time zone that a text names, or None if the name is unknown.

    An offset from UTC is no zone, as it does not say when daylight saving time begins.
    """
    return load_zone_names().get(_normalize_name(text[:_MAX_NAME_CHARS]))


def suggest_zones(text: str) -> list[str]:
    """Return the IANA names of time zones whose names are similar to a text, best first."""
    matches = process.extract(
        _normalize_name(text[:_MAX_NAME_CHARS]),
        load_zone_names().keys(),
        score_cutoff=_MIN_SUGGESTION_SCORE,
        limit=_MAX_SUGGESTIONS * 3,
    )
    return list(dict.fromkeys(load_zone_names()[name] for name, _score, _index in matches))[:_MAX_SUGGESTIONS]


@cache
def load_zone_names() -> dict[str, str]:
    """Return the IANA names of all time zones, by folded name.

    A zone's folded names are its IANA name, the last part of it, and its city in each language, and its
    country if that has no other zone.
    """
    # Etc/GMT+2 is two hours *west* of Greenwich; `posix`, `right` and `SystemV` are duplicates.
    excluded_prefixes = ("Etc/", "posix", "right/", "SystemV/")
    zones = sorted(
        zone for zone in available_timezones() if not zone.startswith(excluded_prefixes) and zone not in _EXCLUDED_ZONES
    )
    zone_by_name = {_normalize_name(zone): zone for zone in zones}
    deprecated_names = get_global("zone_aliases")
    for zone in sorted(zones, key=lambda zone: zone in deprecated_names):  # current names before deprecated ones
        zone_by_name.setdefault(_normalize_name(zone.rpartition("/")[2]), zone)
    for language in LANGUAGES:
        locale = Locale(language)
        for zone in zones:
            if city := locale.time_zones.get(zone, {}).get("city"):
                zone_by_name.setdefault(_normalize_name(city), zone)
        for territory, zones_of_territory in get_global("territory_zones").items():
            known_zones = [zone for zone in zones_of_territory if zone in zones]
            if len(known_zones) == 1 and territory in locale.territories:
                zone_by_name.setdefault(_normalize_name(locale.territories[territory]), known_zones[0])
    return zone_by_name


def _normalize_name(name: str) -> str:
    return " ".join(fold(name).replace("_", " ").replace("-", " ").split())
