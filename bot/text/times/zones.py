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


def find_zone_name(text: str) -> str | None:
    """Return the IANA name of the time zone that a text names, or None if the name is unknown.

    An offset from UTC is no zone, as it does not say when daylight saving time begins.
    """
    return load_zone_name_by_folded_name().get(_normalize_name(text[:_MAX_NAME_CHARS]))


def suggest_zone_names(text: str) -> list[str]:
    """Return the IANA names of at most four time zones whose names are similar to a text, best first."""
    matches = process.extract(
        _normalize_name(text[:_MAX_NAME_CHARS]),
        load_zone_name_by_folded_name().keys(),
        score_cutoff=_MIN_SUGGESTION_SCORE,
        limit=_MAX_SUGGESTIONS * 3,
    )
    zone_names = (load_zone_name_by_folded_name()[folded_name] for folded_name, _score, _index in matches)
    return list(dict.fromkeys(zone_names))[:_MAX_SUGGESTIONS]


@cache
def load_zone_name_by_folded_name() -> dict[str, str]:
    """Return the IANA names of the time zones of places, by folded name.

    A zone's folded names are its IANA name, the last part of it, and its city in each language, and its
    country if that has no other zone; a name that several zones have belongs to the first.
    """
    # Etc/GMT+2 is two hours *west* of Greenwich; `posix`, `right` and `SystemV` are duplicates.
    excluded_prefixes = ("Etc/", "posix", "right/", "SystemV/")
    zone_names = sorted(
        zone_name
        for zone_name in available_timezones()
        if not zone_name.startswith(excluded_prefixes) and zone_name not in _EXCLUDED_ZONES
    )
    zone_name_by_folded_name = {_normalize_name(zone_name): zone_name for zone_name in zone_names}
    deprecated_names = get_global("zone_aliases")
    # Current names come before deprecated ones.
    for zone_name in sorted(zone_names, key=lambda zone_name: zone_name in deprecated_names):
        zone_name_by_folded_name.setdefault(_normalize_name(zone_name.rpartition("/")[2]), zone_name)
    for language in LANGUAGES:
        locale = Locale(language)
        for zone_name in zone_names:
            if city := locale.time_zones.get(zone_name, {}).get("city"):
                zone_name_by_folded_name.setdefault(_normalize_name(city), zone_name)
        for territory, territory_zone_names in get_global("territory_zones").items():
            zone_names_in_territory = [zone_name for zone_name in territory_zone_names if zone_name in zone_names]
            if len(zone_names_in_territory) == 1 and territory in locale.territories:
                zone_name_by_folded_name.setdefault(
                    _normalize_name(locale.territories[territory]), zone_names_in_territory[0]
                )
    return zone_name_by_folded_name


def _normalize_name(name: str) -> str:
    return " ".join(fold(name).replace("_", " ").replace("-", " ").split())
