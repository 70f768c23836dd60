"""Names of outlets derived from feed titles and URLs."""

from hypothesis import given
from hypothesis import strategies as st

from bot.feeds.outlet_names import MAX_NAME_UNITS, derive_outlet_name
from bot.text import discord_text
from tests.support.cases import check_cases


@check_cases(
    ("url", "name"),
    [
        ("https://github.com/ada/clock/releases.atom", "ada/clock"),
        ("https://github.com/ada/clock/commits/main/docs.atom", "ada/clock"),
        ("https://gitlab.com/a/b/c/-/tags?format=atom", "a/b/c"),
        ("https://git.example/a/b/-/releases.atom", "a/b"),
        ("https://github.com/ada.atom", "Tags from clock"),
        ("https://elsewhere.example/github.com/a/b/tags.atom", "Tags from clock"),
    ],
)
def test_project_feed_is_named_after_project(url, name):
    assert derive_outlet_name("Tags from clock", url) == name


@check_cases(
    ("title", "name"),
    [
        ("Ars Technica - All content", "Ars Technica"),
        ("Numerama.com - Magazine", "Numerama.com"),
        ("NPR Topics: World", "NPR Topics"),
        ("World - CBSNews.com", "CBSNews.com"),
        ("Le Monde.fr - Actualités et Infos en France et dans le monde", "Le Monde.fr"),
        ("Rue89 : A la Une", "Rue89"),
        ("The Verge -  All Posts", "The Verge"),
        ("Hacker News: Newest", "Hacker News"),
        ("Presses de l'Ifpo RSS", "Presses de l'Ifpo"),
        ("Zero Day Blog RSS | ZDNet", "Zero Day Blog"),
        ("Flux RSS - Next", "Next"),
        ("heise online News", "heise online News"),
        ("Savez-vous que ?", "Savez-vous que ?"),
        ("(Fabio Alessandro Locati|Fale)'s blog", "(Fabio Alessandro Locati|Fale)'s blog"),
        ("RSS", "RSS"),
        ("  Golem.de\n", "Golem.de"),
        ("", ""),
    ],
)
def test_name_drops_feed_words_of_title(title, name):
    assert derive_outlet_name(title) == name


@given(st.text(max_size=300))
def test_name_is_one_short_line_for_any_title(title):
    name = derive_outlet_name(title)
    assert discord_text.count_utf16_units(name) <= MAX_NAME_UNITS
    assert name == discord_text.to_plain_line(name)
    assert bool(name) == bool(discord_text.to_plain_line(title))
