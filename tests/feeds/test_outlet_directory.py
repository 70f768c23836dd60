"""Directory of outlets and the search in it."""

from bot.feeds import outlet_directory
from bot.posting.rendering import discord_limits
from bot.text import urls
from tests.support.cases import check_cases


def test_directory_entries_are_valid_and_unique():
    outlets = outlet_directory.load_outlets()
    assert sum(outlet.language == "fr" for outlet in outlets) > 80
    assert sum(outlet.language == "en" for outlet in outlets) > 150
    assert len({urls.canonicalize(outlet.feed_url) for outlet in outlets}) == len(outlets)
    for outlet in outlets:
        assert urls.normalize_typed_url(outlet.feed_url) == outlet.feed_url
        assert outlet.topics
        assert len(outlet.name) <= discord_limits.MAX_CHOICE_NAME_LENGTH
        assert outlet_directory.search_outlets(outlet.name) == (outlet,), "its name finds only this outlet"


@check_cases(
    ("typed_name", "first"),
    [
        ("the verge", "The Verge"),
        ("Verge", "The Verge"),
        ("lemonde", "Le Monde"),
        ("le monde", "Le Monde"),
        ("lemonde tech", "Le Monde – Pixels"),
        ("le monde économie", "Le Monde – Économie"),
        ("guardian football", "The Guardian – Football"),
        ("numrama", "Numerama"),
        ("arstechnica", "Ars Technica"),
        ("bbc technology", "BBC News – Technology"),
        ("krebs", "Krebs on Security"),
        ("jeuxvideo", "Jeuxvideo.com"),
        ("hacker news", "Hacker News"),
    ],
)
def test_outlet_is_found_by_common_names(typed_name, first):
    assert outlet_directory.search_outlets(typed_name)[0].name == first


def test_topic_and_language_select_outlets():
    outlets = outlet_directory.search_outlets("jeux vidéo français")
    assert len(outlets) > 3
    assert all("gaming" in outlet.topics and outlet.language == "fr" for outlet in outlets)


@check_cases("typed_name", ["", "the", "qzxv", "le monde qzxv", "*", "a" * 5_000])
def test_unknown_name_finds_no_outlet(typed_name):
    assert outlet_directory.search_outlets(typed_name) == ()
