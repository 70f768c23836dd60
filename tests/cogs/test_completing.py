"""What /search offers while its query is typed."""

from __future__ import annotations

import pytest

from bot.posting.rendering.discord_limits import CHOICE_NAME_LENGTH
from bot.search.query.query_notes import NoteKind
from bot.search.query.query_parser import parse_query
from cogs.reading import query_autocomplete
from cogs.reading.query_autocomplete import completion_context
from tests.cogs.helpers import START, follow, hide, said
from tests.discord_world import World
from tests.feed_server import item


async def offered(world: World, query: str, option: str = "query", *, by: str = "reader") -> list[str]:
    actor = world.reader if by == "reader" else world.editor
    choices = await actor.autocomplete(world.news, "search", option, query)
    return [choice["value"] for choice in choices]


def tagged(number: int, title: str, *tags: str, author: str = "") -> str:
    written = item(number, title=title, published=START - number)
    more = "".join(f"<category>{tag}</category>" for tag in tags)
    if author:
        more += f"<author>someone@example.org ({author})</author>"
    return written.replace("</item>", f"{more}</item>")


async def test_the_query_itself_comes_first_then_words_of_recent_titles(telex, feed_server):
    await follow(telex, feed_server)
    assert await offered(telex, "faci") == ["faci", "facial"]
    assert await offered(telex, "cities RECO") == ["cities RECO", "cities recognition"]
    assert await offered(telex, '"facial rec') == ['"facial rec', '"facial recognition']
    assert await offered(telex, "-brow") == ["-brow", "-browser"]
    assert await offered(telex, "titre:brow") == ["titre:brow", "titre:browser"]
    assert await offered(telex, "zeppelin") == ["zeppelin"]
    assert await offered(telex, "facial ") == ["facial "]
    assert await offered(telex, "") == []


async def test_values_of_filters_are_completed_in_both_languages(telex, feed_server):
    await follow(
        telex, feed_server, tagged(1, "One", "Intelligence artificielle", "AI", author="Zola"), title="Le Fil"
    )
    assert await offered(telex, "source:f") == ["source:f", 'source:"Le Fil"']
    assert await offered(telex, 'media:"le ') == ['media:"le ', 'media:"Le Fil"']
    assert await offered(telex, "one -tag:a") == [
        "one -tag:a",
        "one -tag:AI",
        'one -tag:"Intelligence artificielle"',
    ]
    assert await offered(telex, "étiquette:ai") == ["étiquette:ai", "étiquette:AI"]
    assert await offered(telex, "auteur:zo") == ["auteur:zo", "auteur:Zola"]
    assert await offered(telex, "lang:") == ["lang:", "lang:en", "lang:fr"]
    assert await offered(telex, "has:") == ["has:", "has:image"]
    assert await offered(telex, "est:") == ["est:", "est:favori"]
    assert await offered(telex, "depuis:7") == ["depuis:7", "depuis:7j"]


async def test_a_name_of_several_words_is_completed_with_the_quotation_marks_that_nobody_typed(
    telex, feed_server
):
    await follow(
        telex, feed_server, tagged(1, "Filtered", "Vie privée", author="Jane Doe"), title="Le Fil libre"
    )
    assert await offered(telex, "source:le fi") == [
        "source:le fi",
        'source:"Le Fil libre"',
        "source:le Filtered",
    ]
    assert await offered(telex, "one -tag:vie p") == ["one -tag:vie p", 'one -tag:"Vie privée"']
    assert await offered(telex, "auteur:jane d") == ["auteur:jane d", 'auteur:"Jane Doe"']
    assert await offered(telex, "depuis:7j filt") == ["depuis:7j filt", "depuis:7j Filtered"]
    assert await offered(telex, "source:le ") == ["source:le "]


async def test_what_is_offered_finds_the_article(telex, feed_server):
    await follow(telex, feed_server, tagged(1, "One", "Intelligence artificielle"), tagged(2, "Two"))
    _typed, completed = await offered(telex, "tag:intel")
    found = said(await telex.reader.slash(telex.news, "search", query=completed))
    assert "One" in found
    assert "1 article" in found


async def test_the_option_offers_authors_of_feeds_that_the_asker_sees(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    await follow(telex, feed_server, tagged(3, "Three", author="Jane Secret"), path="/s", channel=secret)
    hide(telex, secret, telex.reader)
    await follow(telex, feed_server, tagged(1, "Robots one", author="Jane Doe"), tagged(2, "Robots two"))
    assert await offered(telex, "", "author") == await offered(telex, "ja", "author") == ["Jane Doe"]
    found = said(await telex.reader.slash(telex.news, "search", query="robots", author="Jane Doe"))
    assert "Robots one" in found
    assert "Robots two" not in found


async def test_the_option_offers_tags_and_finds_by_them(telex, feed_server):
    await follow(
        telex, feed_server, tagged(1, "Robots one", "Intelligence artificielle"), tagged(2, "Robots two")
    )
    assert await offered(telex, "", "tag") == ["Intelligence artificielle"]
    assert await offered(telex, "ARTI", "tag") == ["Intelligence artificielle"]
    found = said(
        await telex.reader.slash(telex.news, "search", query="robots", tag="Intelligence artificielle")
    )
    assert '**robots tag:"Intelligence artificielle"**' in found.replace("\\", "")
    assert "Robots one" in found
    assert "Robots two" not in found


async def test_the_values_of_a_filter_are_in_the_language_that_it_is_named_in(telex):
    for query, values in (
        ("since:mon", ["since:monday"]),
        (
            "depuis:",
            ["depuis:1j", "depuis:7j", "depuis:30j", "depuis:1an", "depuis:aujourd'hui", "depuis:hier"],
        ),
        ("depuis:lu", ["depuis:lundi"]),
        ("avant:7", ["avant:7j"]),
        ("is:", ["is:bookmarked"]),
        ("est:", ["est:favori"]),
        ("a:", ["a:image"]),
        ("-contient:", ["-contient:image"]),
    ):
        found = await offered(telex, query)
        assert found[: len(values) + 1] == [query, *values]
        for value in found[1:]:
            assert parse_query(value, START).nodes
            unread = {NoteKind.INVALID_DATE, NoteKind.UNKNOWN_FLAG, NoteKind.INVALID_LANGUAGE}
            assert not unread & {note.kind for note in parse_query(value, START).notes}


async def test_the_option_offers_times_in_the_askers_language(telex):
    assert await offered(telex, "yest", "since") == ["yesterday"]
    telex.locales[telex.reader.id] = "fr"
    assert await offered(telex, "lundi", "since") == ["monday"]


async def test_nothing_of_a_channel_that_the_asker_cannot_see_is_offered(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    await follow(
        telex,
        feed_server,
        tagged(1, "Mergers", "Mayday", author="Mallory"),
        title="Mole News",
        channel=secret,
    )
    hide(telex, secret, telex.reader)
    await follow(telex, feed_server, tagged(2, "Open"), path="/open")
    for query in ("m", "merg", "source:m", "tag:m", "tag:", "author:m", "author:"):
        assert await offered(telex, query) == [query]
    assert await offered(telex, "m", "tag") == []
    assert await offered(telex, "merg", by="editor") == ["merg", "Mergers"]
    hide(telex, secret, telex.editor)
    await telex.set_permissions(secret)
    assert await offered(telex, "", "tag") == []


async def test_another_servers_words_are_not_offered(telex, feed_server):
    elsewhere = telex.env.create_guild("Elsewhere")
    await follow(telex, feed_server, channel=elsewhere.create_text_channel("there"))
    assert await offered(telex, "faci") == ["faci"]


async def test_choices_fit_whatever_is_typed(telex, feed_server):
    await follow(telex, feed_server)
    long = "x" * 94 + " faci"
    assert await offered(telex, long) == [long]
    assert await offered(telex, "y" * 150) == []
    for query in ("(((", '"', 'tag:"', "a:b:c", "since:(", "\u202e", "-", "||", "@everyone"):
        assert all(0 < len(value) <= CHOICE_NAME_LENGTH for value in await offered(telex, query))


async def test_what_is_too_long_to_be_a_choice_is_not_looked_at(telex, feed_server, monkeypatch):
    """Reading it takes the square of its length, and the loop with it."""
    await follow(telex, feed_server)
    assert await offered(telex, "x" * 100) == ["x" * 100]
    monkeypatch.setattr(
        query_autocomplete, "completion_context", lambda _query: pytest.fail("it was looked at")
    )
    for typed in ("x" * 101, "x" * 5_999 + '"'):
        assert await offered(telex, typed) == []


@pytest.mark.parametrize(
    ("query", "name", "typed"),
    [
        ("mistral", "", "mistral"),
        ("mistral a", "", "a"),
        ("source:Le Mon", "", "Mon"),
        ('source:"Le Mon', "source", "Le Mon"),
        ("source:«\xa0Le Mon", "source", "Le Mon"),
        ('source:"Le Monde"', "", ""),
        ("(tag:x", "tag", "x"),
        ("foo:bar", "", "bar"),
        ("https://example", "", "example"),
        ("l’intel", "", "intel"),
    ],
)
def test_what_is_being_typed(query, name, typed):
    at = completion_context(query)
    assert (at.typed_filter, at.typed) == (name, typed)
