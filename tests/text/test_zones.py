"""Time zones found by common names."""

from zoneinfo import ZoneInfo

from bot.text.times import zones
from tests.support.cases import check_cases


@check_cases(
    ("typed_zone", "zone"),
    [
        ("Europe/Paris", "Europe/Paris"),
        ("europe/paris", "Europe/Paris"),
        ("  PARIS ", "Europe/Paris"),
        ("Londres", "Europe/London"),
        ("new york", "America/New_York"),
        ("Port-au-Prince", "America/Port-au-Prince"),
        ("France", "Europe/Paris"),
        ("belgique", "Europe/Brussels"),
        ("La Réunion", "Indian/Reunion"),
        ("reunion", "Indian/Reunion"),
        ("utc", "UTC"),
    ],
)
def test_city_country_or_zone_name_finds_zone(typed_zone, zone):
    assert zones.find_zone_name(typed_zone) == zone


@check_cases("typed_zone", ["UTC+2", "GMT+1", "Etc/GMT+2", "+02:00", "", "Atlantis", "../../etc/passwd"])
def test_utc_offset_or_unknown_name_finds_no_zone(typed_zone):
    assert zones.find_zone_name(typed_zone) is None


def test_country_with_several_zones_finds_no_zone():
    assert zones.find_zone_name("United States") is None


def test_misspelled_name_suggests_zone():
    assert zones.suggest_zone_names("Pariss")[0] == "Europe/Paris"
    assert zones.suggest_zone_names("Brusels")[0] == "Europe/Brussels"
    assert zones.suggest_zone_names("x" * 4000) == []


def test_all_selectable_zones_exist():
    for zone in set(zones.load_zone_name_by_folded_name().values()):
        assert ZoneInfo(zone).key == zone
