"""Highlights and snippets of matched texts."""

from hypothesis import given
from hypothesis import strategies as st

from bot.search.highlighting import MAX_SNIPPET_LENGTH, Highlighter, extract_snippet
from bot.search.query.query_parser import parse_query
from bot.text.discord_text import count_utf16_units
from tests.search.test_matcher_agrees import PIECES, build_article
from tests.support.cases import check_cases


@check_cases(
    ("query", "text", "highlights"),
    [
        (
            "reconnaissance",
            "La Reconnaissance faciale, l’reconnaissances",
            ["Reconnaissance", "reconnaissances"],
        ),
        ("IA", "L’IA et l'ia", ["IA", "ia"]),
        ("états-unis", "aux États-Unis", ["États", "Unis"]),
        ("œuvre", "les Oeuvres, l'œuvre", ["Oeuvres", "œuvre"]),
        ('"l\'œuvre est"', "les œuvres ; l'œuvre est finie, l'œuvre", ["l'œuvre est"]),
        ('"œuvre finie"', "les œuvres, l'œuvre", ["œuvres", "œuvre"]),
        ("œuvre -finie", "l'œuvre finie", ["œuvre"]),
        ("le les", "les le", ["les", "le"]),
        ("œuvre le", "le œuvre", ["œuvre"]),
        ("source:lemonde", "le monde", []),
    ],
)
def test_highlights_cover_query_matches(query, text, highlights):
    spans = Highlighter(parse_query(query, 0).nodes).find_highlights(text, "fr")
    assert [text[start:end] for start, end in spans] == highlights


@given(st.lists(st.sampled_from(PIECES), max_size=4).map(" ".join), st.text(max_size=900), st.integers(1, 40))
def test_snippet_is_short_and_contains_highlights(query, text, times):
    excerpt, marks = extract_snippet(
        build_article(1, "", f"{text} apple the open source models " * times),
        Highlighter(parse_query(query, 0).nodes),
    )
    assert count_utf16_units(excerpt) <= MAX_SNIPPET_LENGTH
    assert "\n" not in excerpt
    position = 0
    for start, end in marks:
        assert position <= start < end <= len(excerpt)
        position = end
