"""Autocomplete of /search."""

from __future__ import annotations

import pytest

from bot.posting.rendering.discord_limits import MAX_CHOICE_NAME_LENGTH
from bot.search.query.query_notes import NoteKind
from bot.search.query.query_parser import parse_query
from cogs.reading import query_autocomplete
from cogs.reading.query_autocomplete import detect_completion_context
from tests.support.cases import check_cases
from tests.support.discord_world import World
from tests.support.feed_server import make_rss_item
from tests.support.interactions import hide_channel, read_reply_text
from tests.support.scenario import START, follow_feed


async def complete_option(world: World, query: str, option: str = "query", *, by: str = "reader") -> list[str]:
    actor = world.reader if by == "reader" else world.editor
    choices = await actor.autocomplete(world.news, "search", option, query)
    return [choice["value"] for choice in choices]


def make_tagged_item(number: int, title: str, *tags: str, author: str = "") -> str:
    item_xml = make_rss_item(number, title=title, published=START - number)
    extra_elements = "".join(f"<category>{tag}</category>" for tag in tags)
    if author:
        extra_elements += f"<author>someone@example.org ({author})</author>"
    return item_xml.replace("</item>", f"{extra_elements}</item>")


async def test_query_is_first_choice_before_words_of_titles(telex, feed):
    assert await complete_option(telex, "faci") == ["faci", "facial"]
    assert await complete_option(telex, "cities RECO") == ["cities RECO", "cities recognition"]
    assert await complete_option(telex, '"facial rec') == ['"facial rec', '"facial recognition']
    assert await complete_option(telex, "-brow") == ["-brow", "-browser"]
    assert await complete_option(telex, "titre:brow") == ["titre:brow", "titre:browser"]
    assert await complete_option(telex, "zeppelin") == ["zeppelin"]
    assert await complete_option(telex, "facial ") == ["facial "]
    assert await complete_option(telex, "") == []


async def test_filter_values_are_completed_in_both_languages(telex, feed_server):
    await follow_feed(
        telex,
        feed_server,
        make_tagged_item(1, "One", "Intelligence artificielle", "AI", author="Zola"),
        title="Le Fil",
    )
    assert await complete_option(telex, "source:f") == ["source:f", 'source:"Le Fil"']
    assert await complete_option(telex, 'media:"le ') == ['media:"le ', 'media:"Le Fil"']
    assert await complete_option(telex, "one -tag:a") == [
        "one -tag:a",
        "one -tag:AI",
        'one -tag:"Intelligence artificielle"',
    ]
    assert await complete_option(telex, "étiquette:ai") == ["étiquette:ai", "étiquette:AI"]
    assert await complete_option(telex, "auteur:zo") == ["auteur:zo", "auteur:Zola"]
    assert await complete_option(telex, "lang:") == ["lang:", "lang:en", "lang:fr"]
    assert await complete_option(telex, "has:") == ["has:", "has:image"]
    assert await complete_option(telex, "est:") == ["est:", "est:favori"]
    assert await complete_option(telex, "depuis:7") == ["depuis:7", "depuis:7j"]


async def test_completion_adds_quotes_to_names_of_several_words(telex, feed_server):
    await follow_feed(
        telex, feed_server, make_tagged_item(1, "Filtered", "Vie privée", author="Jane Doe"), title="Le Fil libre"
    )
    assert await complete_option(telex, "source:le fi") == [
        "source:le fi",
        'source:"Le Fil libre"',
        "source:le Filtered",
    ]
    assert await complete_option(telex, "one -tag:vie p") == ["one -tag:vie p", 'one -tag:"Vie privée"']
    assert await complete_option(telex, "auteur:jane d") == ["auteur:jane d", 'auteur:"Jane Doe"']
    assert await complete_option(telex, "depuis:7j filt") == ["depuis:7j filt", "depuis:7j Filtered"]
    assert await complete_option(telex, "source:le ") == ["source:le "]


async def test_completed_query_finds_article(telex, feed_server):
    await follow_feed(
        telex, feed_server, make_tagged_item(1, "One", "Intelligence artificielle"), make_tagged_item(2, "Two")
    )
    _query, completed = await complete_option(telex, "tag:intel")
    reply_text = read_reply_text(await telex.run_as_reader("search", query=completed))
    assert "One" in reply_text
    assert "1 article" in reply_text


async def test_author_option_offers_authors_of_visible_feeds(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    await follow_feed(telex, feed_server, make_tagged_item(3, "Three", author="Jane Secret"), path="/s", channel=secret)
    hide_channel(telex, secret, telex.reader)
    await follow_feed(
        telex, feed_server, make_tagged_item(1, "Robots one", author="Jane Doe"), make_tagged_item(2, "Robots two")
    )
    assert await complete_option(telex, "", "author") == await complete_option(telex, "ja", "author") == ["Jane Doe"]
    reply_text = read_reply_text(await telex.run_as_reader("search", query="robots", author="Jane Doe"))
    assert "Robots one" in reply_text
    assert "Robots two" not in reply_text


async def test_tag_option_offers_tags_and_filters_by_them(telex, feed_server):
    await follow_feed(
        telex,
        feed_server,
        make_tagged_item(1, "Robots one", "Intelligence artificielle"),
        make_tagged_item(2, "Robots two"),
    )
    assert await complete_option(telex, "", "tag") == ["Intelligence artificielle"]
    assert await complete_option(telex, "ARTI", "tag") == ["Intelligence artificielle"]
    reply_text = read_reply_text(await telex.run_as_reader("search", query="robots", tag="Intelligence artificielle"))
    assert '**robots tag:"Intelligence artificielle"**' in reply_text.replace("\\", "")
    assert "Robots one" in reply_text
    assert "Robots two" not in reply_text


async def test_filter_values_use_language_of_filter_name(telex):
    for query, expected_completions in (
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
        completions = await complete_option(telex, query)
        assert completions[: len(expected_completions) + 1] == [query, *expected_completions]
        for completion in completions[1:]:
            assert parse_query(completion, START).nodes
            invalid_note_kinds = {NoteKind.INVALID_DATE, NoteKind.UNKNOWN_FLAG, NoteKind.INVALID_LANGUAGE}
            assert not invalid_note_kinds & {note.kind for note in parse_query(completion, START).notes}


async def test_since_option_offers_times_in_language_of_user(telex):
    assert await complete_option(telex, "yest", "since") == ["yesterday"]
    telex.locales[telex.reader.id] = "fr"
    assert await complete_option(telex, "lundi", "since") == ["monday"]


async def test_words_of_hidden_channel_are_not_offered(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    await follow_feed(
        telex,
        feed_server,
        make_tagged_item(1, "Mergers", "Mayday", author="Mallory"),
        title="Mole News",
        channel=secret,
    )
    hide_channel(telex, secret, telex.reader)
    await follow_feed(telex, feed_server, make_tagged_item(2, "Open"), path="/open")
    for query in ("m", "merg", "source:m", "tag:m", "tag:", "author:m", "author:"):
        assert await complete_option(telex, query) == [query]
    assert await complete_option(telex, "m", "tag") == []
    assert await complete_option(telex, "merg", by="editor") == ["merg", "Mergers"]
    hide_channel(telex, secret, telex.editor)
    await telex.set_permissions(secret)
    assert await complete_option(telex, "", "tag") == []


async def test_words_of_other_server_are_not_offered(telex, feed_server):
    elsewhere = telex.env.create_guild("Elsewhere")
    await follow_feed(telex, feed_server, channel=elsewhere.create_text_channel("there"))
    assert await complete_option(telex, "faci") == ["faci"]


async def test_choices_fit_discords_limit(telex, feed):
    long_query = "x" * 94 + " faci"
    assert await complete_option(telex, long_query) == [long_query]
    assert await complete_option(telex, "y" * 150) == []
    for query in ("(((", '"', 'tag:"', "a:b:c", "since:(", "\u202e", "-", "||", "@everyone"):
        assert all(0 < len(completion) <= MAX_CHOICE_NAME_LENGTH for completion in await complete_option(telex, query))


async def test_query_too_long_for_choice_is_not_parsed(telex, feed, monkeypatch):
    """Parsing takes quadratic time and would block the event loop."""
    assert await complete_option(telex, "x" * 100) == ["x" * 100]
    monkeypatch.setattr(
        query_autocomplete, "detect_completion_context", lambda _query: pytest.fail("the query was parsed")
    )
    for long_query in ("x" * 101, "x" * 5_999 + '"'):
        assert await complete_option(telex, long_query) == []


@check_cases(
    ("query", "name", "typed_value"),
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
def test_completion_context_of_query(query, name, typed_value):
    context = detect_completion_context(query)
    assert (context.typed_filter_name, context.typed_value) == (name, typed_value)
