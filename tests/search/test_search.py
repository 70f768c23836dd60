import itertools
from collections.abc import Collection
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.posting.wording.search_note_sentences import note_sentence
from bot.search import query_suggestions, searching
from bot.search.index import text_analysis
from bot.search.query.query_filters import FilterName
from bot.search.query.query_tree import FieldFilter
from bot.search.searching import Searcher, build_article_json, build_search_result_json, parse_query
from bot.text.words import fold
from tests.support.cases import check_cases
from tests.support.search.library import Library

PERSON = 77


async def search_titles(
    searcher: Searcher, query: str, *, feeds: Collection[int] | None = None, **options: Any
) -> list[str]:
    page = await searcher.search(query, feed_ids=feeds, **options)
    return [hit.article.title for hit in page.results if not hit.is_partial]


async def test_all_words_are_required(library, searcher):
    await library.add("Amazon and the police")
    await library.add("Amazon alone")
    await library.add("Police alone")
    assert await search_titles(searcher, "amazon police") == ["Amazon and the police"]


async def test_french_accents_elisions_and_inflections_are_ignored(library, searcher):
    await library.add(
        "Interdiction de la reconnaissance faciale",
        "La décision vise l’usage policier américain. Des employés l’avaient demandé.",
        language="fr",
    )
    for query in (
        "INTERDICTION",
        "interdictions",
        "l'interdiction",
        "reconnaissances faciales",
        "reconnaissance FACIALE",
        "américain",
        "americaines",
        "d'employés",
        "décision policier",
    ):
        assert await search_titles(searcher, query) == ["Interdiction de la reconnaissance faciale"], query


async def test_english_accents_and_inflections_are_ignored(library, searcher):
    await library.add("Companies ban it", "The ban pleases employees in cafés.")
    for query in ("company", "COMPANIES", "banned", "bans", "employee's", "cafes"):
        assert await search_titles(searcher, query) == ["Companies ban it"], query


async def test_phrase_matches_exact_words_only(library, searcher):
    await library.add("One", "Amazon bans the police from using facial recognition software.")
    await library.add("Two", "Facial features and voice recognition.")
    await library.add("Three", "Recognition of a facial kind.")
    assert await search_titles(searcher, '"facial recognition"') == ["One"]
    assert await search_titles(searcher, '"Facial RECOGNITION software"') == ["One"]
    assert await search_titles(searcher, '"from using facial"') == ["One"]
    assert await search_titles(searcher, '"facials recognition"') == []


async def test_phrase_does_not_match_inflections(library, searcher):
    await library.add("Un", "L'interdiction de vendre.", language="fr")
    assert await search_titles(searcher, '"interdiction de vendre"') == ["Un"]
    assert await search_titles(searcher, '"l\'interdiction de vendre"') == ["Un"]
    assert await search_titles(searcher, '"interdictions de vendre"') == []
    assert await search_titles(searcher, '"interdiction vendre"') == []


async def test_excluded_words_and_phrases_are_not_in_results(library, searcher):
    await library.add("Robots at work")
    await library.add("Robots at home")
    await library.add("Robots on strike at work")
    assert await search_titles(searcher, "robots -work") == ["Robots at home"]
    assert set(await search_titles(searcher, 'robots -"strike at"')) == {"Robots at work", "Robots at home"}
    assert await search_titles(searcher, "-work") == ["Robots at home"]
    assert await search_titles(searcher, '-"at work" -home') == []


@pytest.mark.parametrize("sort", ["relevance", "newest"])
async def test_phrase_is_found_behind_many_partial_matches(library, searcher, sort):
    await library.add("One", "There is no new robot in Kansas.", days=300)
    await library.add("No new robot", days=200)
    for number in range(8):
        await library.add(f"New {number}", "A new robot, new, no robot is like it.", days=number)
    assert set(await search_titles(searcher, '"no new"', sort=sort)) == {"One", "No new robot"}
    assert await search_titles(searcher, '"no new" kansas', sort=sort) == ["One"]
    assert await search_titles(searcher, 'title:"no new"', sort=sort) == ["No new robot"]
    page = await searcher.search('"no new"', feed_ids=None, sort=sort)
    assert (page.total_results, page.notes) == (2, ())


async def test_or_matches_either_word(library, searcher):
    for name in ("Amazon ban", "Google ban", "IBM ban", "Amazon sale"):
        await library.add(name)
    assert set(await search_titles(searcher, "ban amazon OR google")) == {"Amazon ban", "Google ban"}
    assert set(await search_titles(searcher, "(ibm ban) OR sale")) == {"IBM ban", "Amazon sale"}
    assert set(await search_titles(searcher, '"ibm ban" OR sale')) == {"IBM ban", "Amazon sale"}


async def test_title_filter_ignores_text(library, searcher):
    await library.add("About Rekognition", "Nothing else")
    await library.add("Nothing", "about Rekognition")
    assert await search_titles(searcher, "title:rekognition") == ["About Rekognition"]
    assert await search_titles(searcher, 'titre:"about rekognition"') == ["About Rekognition"]


async def test_name_filters_match_words_or_whole_name(library, searcher):
    verge = await library.new_feed("The Verge")
    await library.add("One", "robots", feed=verge, author="Ron Amadeo", tags=("Facial Recognition", "IA"))
    await library.add("Two", "robots", author="John Ron", tags=("Recognition",))
    for query in (
        "source:verge",
        'source:"The Verge"',
        "source:theverge",
        "source:VERGE robots",
        "author:amadeo",
        'author:"ron amadeo"',
        'tag:"facial recognition"',
        "tag:ia",
        "robots -source:gazette",
    ):
        assert await search_titles(searcher, query) == ["One"], query
    assert set(await search_titles(searcher, "tag:recognition")) == {"One", "Two"}
    assert await search_titles(searcher, 'author:"john ron"') == ["Two"]
    assert await search_titles(searcher, "source:wired OR source:gazette") == ["Two"]


async def test_language_image_and_date_filters_narrow_results(library, searcher):
    await library.add("Robots FR", language="fr", days=2, image_url="https://pictures.example/1.png")
    await library.add("Robots EN", days=20)
    await library.add("Robots old", days=400)
    assert await search_titles(searcher, "robots lang:fr") == ["Robots FR"]
    assert await search_titles(searcher, "robots has:image") == ["Robots FR"]
    assert await search_titles(searcher, "robots since:7d") == ["Robots FR"]
    assert await search_titles(searcher, "robots since:30d before:7d") == ["Robots EN"]
    assert await search_titles(searcher, "robots before:1y") == ["Robots old"]
    assert set(await search_titles(searcher, "robots -since:7d")) == {"Robots EN", "Robots old"}
    assert await search_titles(searcher, "since:7d") == ["Robots FR"]
    narrowed = parse_query("robots", library.store.clock.now()).with_nodes(FieldFilter(FilterName.LANGUAGE, "fr"))
    page = await searcher.search(narrowed, feed_ids=None)
    assert [hit.article.title for hit in page.results] == ["Robots FR"]


async def test_bookmark_filter_finds_own_bookmarks_only(library, searcher):
    bookmarked_id = await library.add("Robots kept")
    dropped = await library.add("Robots dropped")
    other_id = await library.add("Robots of another")
    await library.store.bookmarks.add(PERSON, bookmarked_id)
    await library.store.bookmarks.add(PERSON, dropped)
    await library.store.bookmarks.remove(PERSON, dropped)
    await library.store.bookmarks.add(PERSON + 1, other_id)
    assert await search_titles(searcher, "robots is:bookmarked", user_id=PERSON) == ["Robots kept"]
    assert await search_titles(searcher, "is:bookmarked", user_id=PERSON) == ["Robots kept"]
    assert "Robots kept" not in await search_titles(searcher, "robots -is:bookmarked", user_id=PERSON)
    assert await search_titles(searcher, "is:bookmarked") == []


async def test_hidden_feeds_are_not_in_results(library, searcher):
    hidden = await library.new_feed("Hidden")
    await library.add("Secret robots", feed=hidden)
    await library.add("Robots in public")
    for query in ("secret robots", "robots", '"secret robots"', "-foo", "since:7d", "secret zzz"):
        for other_count, sort in itertools.product((0, 100), ("relevance", "newest")):
            visible = {library.feed.id, *range(10_000, 10_000 + other_count)}
            page = await searcher.search(query, feed_ids=visible, sort=sort)
            assert {hit.article.feed_id for hit in page.results} <= {library.feed.id}, query
            assert page.total_results in (len(page.results), None), query
        assert (await searcher.search(query, feed_ids=set())).results == (), query
        assert (await searcher.search(query, feed_ids=[hidden.id])).results or query == "secret zzz", query


async def test_suggestions_omit_words_of_hidden_feeds(library, searcher):
    hidden = await library.new_feed("Hidden")
    await library.add("Moratoriums everywhere", feed=hidden)
    await library.add("A Moratory", "nothing")
    page = await searcher.search("moratoriumz", feed_ids=[library.feed.id])
    assert "moratoriums" not in page.suggestions
    page = await searcher.search("moratoriumz", feed_ids=None)
    assert "moratoriums" in page.suggestions


async def test_hidden_match_gives_same_note_as_no_match(library, searcher):
    """Else the lack of a note would tell that some hidden feed has it."""
    hidden = await library.new_feed("Quicksilver Gazette")
    await library.add("Moratoriums everywhere", feed=hidden)
    await library.add("Something else")
    for query in ("moratoriums", "source:quicksilver"):
        here = await searcher.search(query, feed_ids=[library.feed.id])
        assert (here.results, len(here.notes)) == ((), 1), query
        assert (await searcher.search(query, feed_ids=None)).notes == (), query


async def test_unknown_word_suggests_nearest_word(library, searcher):
    await library.add("Le moratoire d’Amazon", "La reconnaissance faciale", language="fr")
    page = await searcher.search("amazon reconaissance", feed_ids=None)
    assert page.suggestions == ("reconnaissance",)
    assert [hit.is_partial for hit in page.results] == [True]
    assert (await searcher.search("amazon moratoire", feed_ids=None)).suggestions == ()


async def test_suggestion_is_nearest_word_as_written(library, searcher):
    await library.add("Le mistral souffle sur Marseille", language="fr")
    await library.add("It was a mistake", "A mistake is a mistake.")
    await library.add("GOOGLE buys", "Google, the company.")
    await library.add("L’intelligence artificielle", "Des agents intelligents.", language="fr")
    for query, words in {
        "mistarl": ("mistral",),  # a mistake is two slips away
        "gogle": ("GOOGLE",),
        "inteligence artficielle": ("intelligence", "artificielle"),
        '"inteligence artificielle"': ("intelligence",),
        "zzzzz OR mistarl": ("mistral",),
        "-mistarl title:mistake since:1h": (),  # what is not wanted may be missing
    }.items():
        assert (await searcher.search(query, feed_ids=None)).suggestions == words, query


async def test_rare_word_suggests_common_word(library, searcher):
    await library.add("Emannuel Macron en visite", language="fr")
    for number in range(query_suggestions.MIN_FREQUENCY_RATIO):
        await library.add(f"Visite {number}", "Emmanuel Macron est en visite.", language="fr")
    page = await searcher.search("emannuel macron", feed_ids=None)
    assert [hit.article.title for hit in page.results if not hit.is_partial] == ["Emannuel Macron en visite"]
    assert (page.suggestions, page.notes) == (("emmanuel",), ())
    assert (await searcher.search("emmanuel visite", feed_ids=None)).suggestions == ()
    hidden = await library.new_feed("Hidden")
    await library.add("Emannuel", feed=hidden)
    assert (await searcher.search("emannuel", feed_ids=[hidden.id])).suggestions == ()


async def test_name_with_symbols_is_not_corrected(library, searcher):
    await library.add("Les carpes et le char", text="They have charm, and none doubted it.")
    for query in (".NET", "C#"):
        page = await searcher.search(query, feed_ids=None)
        assert page.results == ()
        assert page.suggestions == ()
        assert list(map(note_sentence, page.notes)) == [f"No article has the word “{query}”."]


async def test_names_of_hidden_feeds_are_not_suggested(library, searcher):
    hidden = await library.new_feed("Numerama")
    await library.add("Robots", feed=hidden, tags=("Robotique",), author="Zoé Martin")
    for query in ("source:numrama", "tag:robotqiue", 'author:"zoe martins"'):
        page = await searcher.search(query, feed_ids=[library.feed.id])
        assert (page.suggestions, len(page.notes)) == ((), 1), query
        assert len((await searcher.search(query, feed_ids=[hidden.id])).suggestions) == 1, query


async def test_unquoted_name_suggests_quotation_marks(library, searcher):
    verge = await library.new_feed("The Verge")
    await library.add("Robots rise", feed=verge, author="Jane Doe", tags=("Machine Learning", "AI", "Robots"))
    await library.add("Old robots", "On the verge of the end.", days=90, author="Ada King", tags=("Vie privée",))
    for query, suggestion in {
        "source:The Verge": 'source:"The Verge"',
        "robots source:the verge rise": 'robots source:"The Verge" rise',
        "-source:The Verge robots": '-source:"The Verge" robots',
        "(source:the verge) OR author:jane doe": '(source:"The Verge") OR author:"Jane Doe"',
        "auteur : Jane Doe robots": 'auteur:"Jane Doe" robots',
        "tag:machine learning": 'tag:"Machine Learning"',
        "author:ada king": 'author:"Ada King"',
        "étiquette:vie privee robots": 'étiquette:"Vie privée" robots',
    }.items():
        page = await searcher.search(query, feed_ids=None)
        assert page.suggestions == (suggestion,), query
        assert sum("quotation marks" in note_sentence(note) for note in page.notes) == suggestion.count('"') / 2, query
        again = await searcher.search(suggestion, feed_ids=None)
        assert [hit.is_partial for hit in again.results] == [False], query
        assert (again.suggestions, again.notes) == ((), ()), query


async def test_words_after_complete_name_suggest_no_quotes(library, searcher):
    hidden = await library.new_feed("The Verge")
    await library.add("Robots rise", feed=hidden, author="Jane Doe", tags=("Machine Learning",))
    await library.add("The robots", "Robots on the verge.", tags=("AI", "Robots"), author="The Staff")
    for query in ("tag:AI robots", "author:staff the robots", "tag:ai -robots", 'source:"The" Verge'):
        page = await searcher.search(query, feed_ids=None)
        assert not any("quotation" in note_sentence(note) or '"' in note_sentence(note) for note in page.notes), query
        assert not any(":" in offered for offered in page.suggestions), query
    for query in ("source:The Verge", "author:Jane Doe", "tag:machine learning"):
        page = await searcher.search(query, feed_ids=[library.feed.id])
        assert page.suggestions == (), query


async def test_articles_with_same_title_and_other_text_are_separate_results(library, searcher):
    for text in ("Robots strike in Kansas.", "Robots return to work in Kansas."):
        await library.add("The week in robots", text, days=1)
    page = await searcher.search("robots kansas", feed_ids=None)
    assert len(page.results) == page.total_results == 2


async def test_repeated_article_of_one_outlet_is_one_result(library, searcher):
    other_feed = await library.new_feed("Other")
    for days, feed in ((1.0, library.feed), (1.1, library.feed), (1.2, other_feed), (8, library.feed)):
        await library.add("The week in robots" if days != 1.1 else "The WEEK in robots", days=days, feed=feed)
    for sort in ("relevance", "newest"):
        page = await searcher.search("robots", feed_ids=None, sort=sort)
        now = library.store.clock.now()
        ages = [round((now - hit.article.published) / 86_400, 1) for hit in page.results]
        assert ages == [1.0, 1.2, 8.0]  # a column of another week has the same title
        assert page.total_results == 3
    pages = [await searcher.search("robots", feed_ids=None, limit=2, offset=number) for number in (0, 2)]
    assert [len(page.results) for page in pages] == [2, 1]


async def test_page_of_several_feeds_is_one_result(library, searcher):
    other_feed = await library.new_feed("Other")
    for feed in (library.feed, other_feed):
        await library.add("Robots", url="https://news.example/same", feed=feed)
    for sort in ("relevance", "newest"):
        page = await searcher.search("robots", feed_ids=None, sort=sort)
        assert len(page.results) == 1
        assert page.total_results == 1


async def test_question_finds_partial_matches(library, searcher):
    await library.add("Amazon interdit Rekognition à la police", "Le moratoire dure un an.", language="fr")
    await library.add("La police recrute", "Pourquoi pas vous ?", language="fr")
    await library.add("Météo", "Il fait beau.", language="fr")
    page = await searcher.search("Pourquoi Amazon a-t-il interdit Rekognition aux policiers du Kansas ?", feed_ids=None)
    assert page.results[0].article.title.startswith("Amazon")
    assert all(result.is_partial for result in page.results)
    assert "Météo" not in [hit.article.title for hit in page.results]


async def test_full_matches_rank_before_partial_ones(library, searcher):
    await library.add("Kansas robots Kansas robots", "Kansas robots robots")
    await library.add("Long story", "robots " + "and many other things " * 50 + " Kansas strike")
    page = await searcher.search("robots kansas strike", feed_ids=None)
    assert [(hit.article.title, hit.is_partial) for hit in page.results] == [
        ("Long story", False),
        ("Kansas robots Kansas robots", True),
    ]


async def test_filters_apply_to_partial_matches(library, searcher):
    await library.add("Robots alone", language="fr")
    await library.add("Robots strike", language="en")
    await library.add("Robots with voice recognition", language="fr")
    page = await searcher.search('robots kansas lang:fr -"voice recognition"', feed_ids=None)
    assert [result.article.title for result in page.results] == ["Robots alone"]
    page = await searcher.search("robots kansas title:strike", feed_ids=None)
    assert [hit.article.title for hit in page.results] == ["Robots strike"]


async def test_exact_word_ranks_before_other_inflections(library, searcher):
    for number in range(30):
        await library.add(f"Politique {number}", "Les portes.", language="fr")
    await library.add("Au loin", "Le port, un beau soir.", language="fr")
    assert text_analysis.find_query_stems("port").intersection(
        text_analysis.stem_tokens("portes", "fr")
    )  # or this says nothing
    assert (await search_titles(searcher, "port", limit=5))[0] == "Au loin"
    pages = [await search_titles(searcher, "port", limit=5, offset=offset) for offset in range(0, 35, 5)]
    all_titles = [title for page in pages for title in page]
    assert len(all_titles) == len(set(all_titles)) == 31  # none twice, none left out


async def test_name_ranks_before_words_of_same_stem(library, searcher):
    for number in range(60):
        await library.add(f"Open {number}", "Les opens de tennis.", language="fr")
    name_title = "Une entreprise d’intelligence artificielle recrute des ingénieurs à Paris"
    await library.add(
        name_title, f"{'Elle ouvre un bureau. ' * 20}D’après OpenAI, il sera grand.", language="fr", days=90
    )
    assert (await search_titles(searcher, "openai", limit=3))[0] == name_title
    assert (await search_titles(searcher, "Paris openai", limit=3)) == [name_title]
    assert len(await search_titles(searcher, "open", limit=100)) == 61


async def test_title_and_recency_raise_rank_below_exact_match(library, searcher):
    await library.add("Something else", "A word on robots among others.", days=1)
    await library.add("Robots", "Something else about others.", days=1)
    assert await search_titles(searcher, "robots") == ["Robots", "Something else"]
    await library.add("Chips today", "chips", days=0)
    await library.add("Chips lately", "chips", days=300)
    assert await search_titles(searcher, "chips") == ["Chips today", "Chips lately"]
    await library.add("Amazon halts Rekognition", "for a year", days=2000)
    await library.add("Shopping", "On Amazon there is much; someone mentions Rekognition and it halts.", days=0)
    assert (await search_titles(searcher, "amazon halts rekognition"))[0] == "Amazon halts Rekognition"


async def test_newest_first_sorts_by_publication_date(library, searcher):
    for days in (3, 1, 2):
        await library.add(f"Robots {days}", days=days)
    assert await search_titles(searcher, "robots", sort="newest") == ["Robots 1", "Robots 2", "Robots 3"]


async def test_result_pages_neither_repeat_nor_skip(library, searcher):
    for number in range(12):
        await library.add(f"Robots {number}", days=number)
    for sort in ("relevance", "newest"):
        all_titles: list[str] = []
        for offset in range(0, 15, 5):
            page = await searcher.search("robots", feed_ids=None, limit=5, offset=offset, sort=sort)
            all_titles += [hit.article.title for hit in page.results]
            assert page.total_results == (None if offset + 5 < 12 else 12)
        assert len(all_titles) == len(set(all_titles)) == 12


async def test_snippet_shows_match(library, searcher):
    await library.add("Story", "Nothing here. " * 100 + "Then the Robots came. " + "Nothing there. " * 100)
    (hit,) = (await searcher.search("robot", feed_ids=None)).results
    assert len(hit.snippet) <= 300
    assert [hit.snippet[start:end] for start, end in hit.highlights] == ["Robots"]


async def test_json_result_has_documented_keys(library, searcher):
    await library.add("Robots", "All about robots.", days=1)
    (hit,) = (await searcher.search("robots", feed_ids=None)).results
    json_hit = build_search_result_json(hit)
    assert list(json_hit) == [
        "url",
        "title",
        "source",
        "published",
        "language",
        "score",
        "excerpt",
        "partial",
    ]
    assert json_hit["source"] == "Gazette"
    assert str(json_hit["published"]).endswith("Z")
    assert json_hit["excerpt"] == "All about robots."
    assert build_article_json(hit.article).keys() == json_hit.keys()


@pytest.fixture
async def library_of_robots(library) -> Library:
    await library.add("Robots and apples")
    return library


@check_cases(
    "query",
    [
        '"',
        "*",
        "robots*",
        "a AND",
        "NEAR(a b)",
        "body:robots",
        "{title}: x",
        "rowid:1",
        "^robots",
        "a + b",
        "'; DROP",
    ],
)
async def test_engine_syntax_is_treated_as_text(library_of_robots, searcher, query):
    await searcher.search(query, feed_ids=None)
    await searcher.search(f"robots {query}", feed_ids=[library_of_robots.feed.id], sort="newest")


@given(query=st.text(alphabet=st.sampled_from("ab\"«»()-:|*^+{} 'é1\0\n") | st.characters(), max_size=60))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(query="\x00")
@example(query="\ud800 robots")
@example(query='title:"" OR -robots')
@example(query='NOT NOT "robots" OR (source:x OR since:7d)')
async def test_any_query_text_is_searched_without_error(library, searcher, query):
    for sort in ("relevance", "newest"):
        await searcher.search(query, feed_ids=None, sort=sort)
    await searcher.search(f"robots {query}", feed_ids=[1, 2, 3], user_id=PERSON)


async def test_words_in_parentheses_are_optional(library, searcher):
    await library.add("Sales of the Macan", "The maker sold the Macan (86,031 cars) and the Cayenne.")
    page = await searcher.search('sales "remain the" Macan (86,031 cars of the maker) Cayenne', feed_ids=None)
    assert [hit.article.title for hit in page.results] == ["Sales of the Macan"]
    assert any("“remain the”" in note_sentence(note) for note in page.notes)


async def test_each_text_is_folded_once(library, searcher, monkeypatch):
    for number in range(30):
        await library.add("The week in robots", f"Robots of factory {number} went on strike.")
    await library.add("The end of a strike", "Robots went back to work after their strike.")  # its title is its own
    folding = Mock(wraps=fold)
    monkeypatch.setattr(searching, "fold", folding)
    page = await searcher.search("robots strike", feed_ids=None, limit=31)
    assert len(page.results) == 31
    assert folding.call_count == 30
