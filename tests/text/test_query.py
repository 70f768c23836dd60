"""Parsing of search queries."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from bot.core import i18n
from bot.posting.wording.search_note_sentences import note_sentence
from bot.search.query.query_filters import FilterName, format_filter
from bot.search.query.query_parser import MAX_CHARS_READ, MAX_PARENTHESIS_DEPTH, MAX_QUERY_TERMS, parse_query
from bot.search.query.query_tree import AllOf, AnyOf, FieldFilter, Node, Not, Phrase, Query, Word
from bot.text.words import split_words
from tests.support.cases import check_cases

NOW = int(datetime(2020, 6, 10, 15, 30, tzinfo=UTC).timestamp())  # a Wednesday


def make_word(text: str, *, title: bool = False) -> Word:
    return Word(text, is_title_only=title)


def parse_nodes(text: str) -> tuple[Node, ...]:
    return parse_query(text, NOW).nodes


def test_words_keep_case_and_accents():
    assert parse_nodes("Reconnaissance  FACIALE") == (make_word("Reconnaissance"), make_word("FACIALE"))
    assert parse_nodes("Élysée") == (Word("Élysée"),)


def test_hyphenated_word_stays_together():
    assert parse_nodes("covid-19") == (Word("covid-19"),)


@check_cases("text", ['"police américaine"', "“police américaine”", "« police américaine »"])
def test_phrase_in_any_quotation_marks(text):
    assert parse_nodes(text) == (Phrase("police américaine"),)


@check_cases("text", ['amazon "police américaine', 'amazon "police américaine "', "amazon «police américaine"])
def test_unmatched_quotation_mark_makes_note_not_phrase(text):
    query = parse_query(text, NOW)
    assert not any(isinstance(node, Phrase) for node in query.nodes) or text.endswith('"')
    texts = [node.text for node in query.nodes if isinstance(node, Word | Phrase)]
    assert {query_word for text in texts for query_word in split_words(text)} == {
        "amazon",
        "police",
        "americaine",
    }
    assert len(query.notes) == (not text.endswith('"'))


@check_cases("text", ['13" display and 15" model', 'the 5"3 rock"n"roll', 'said"so" l"homme'])
def test_quotation_mark_after_letter_or_digit_is_ignored(text):
    query = parse_query(text, NOW)
    assert all(isinstance(node, Word) for node in query.nodes)
    assert query.notes == ()


def test_long_paragraph_is_parsed_completely():
    text = " ".join(f"word{number}" for number in range(64)) + ' « cité » "quoted here" 12" last'
    parsed_nodes = parse_nodes(text)
    assert len(parsed_nodes) == 64 + 4
    assert parsed_nodes[-1] == make_word("last")


@check_cases("text", ["amazon -police", "amazon NOT police", "amazon SAUF police", "amazon −police"])
def test_excluded_word_is_negated(text):
    assert parse_nodes(text) == (make_word("amazon"), Not(make_word("police")))


def test_lone_or_inner_hyphen_excludes_nothing():
    assert parse_nodes("amazon - police") == (make_word("amazon"), make_word("police"))
    assert not any(isinstance(node, Not) for node in parse_nodes("porte-parole"))


def test_phrases_filters_and_groups_can_be_excluded():
    assert parse_nodes('-"police américaine"') == (Not(Phrase("police américaine")),)
    assert parse_nodes("-source:Wired -(a1 b2)") == (
        Not(FieldFilter(FilterName.SOURCE, "Wired")),
        Not(AllOf((make_word("a1"), make_word("b2")))),
    )


@check_cases("text", ["apple amazon OR google OR ibm police", "apple amazon OU google | ibm police"])
def test_or_joins_only_its_neighbours(text):
    alternatives = AnyOf((make_word("amazon"), make_word("google"), make_word("ibm")))
    assert parse_nodes(text) == (make_word("apple"), alternatives, make_word("police"))


@check_cases("text", ["amazon|google|ibm", "amazon||google | ibm", "amazon OR google|ibm"])
def test_vertical_bar_between_words_is_or(text):
    alternatives = AnyOf((make_word("amazon"), make_word("google"), make_word("ibm")))
    assert parse_nodes(f"apple {text} police") == (make_word("apple"), alternatives, make_word("police"))
    assert parse_nodes('amazon|"google maps"') == (AnyOf((make_word("amazon"), Phrase("google maps"))),)


@check_cases("text", ["tag:IA|tag:Web", "tag:IA|Web", "tag:(IA OR Web)", "tag:(IA|Web)"])
def test_filter_applies_to_each_alternative(text):
    alternatives = AnyOf((FieldFilter(FilterName.TAG, "IA"), FieldFilter(FilterName.TAG, "Web")))
    assert parse_nodes(f"{text} police") == (alternatives, make_word("police"))
    assert parse_nodes(f"-{text} police") == (Not(alternatives), make_word("police"))
    assert parse_query(f"{text} police", NOW).unquoted_filters == ()


def test_filter_applies_to_each_word_of_group():
    title = make_word("macron", title=True), Phrase("la police", is_title_only=True)
    assert parse_nodes('titre:(macron OR "la police") amazon') == (AnyOf(title), make_word("amazon"))
    assert parse_nodes('title:(macron "la police" source:Wired)') == (
        AllOf((*title, FieldFilter(FilterName.SOURCE, "Wired"))),
    )
    assert parse_nodes("foo:(macron OR amazon)") == (
        make_word("foo"),
        AnyOf((make_word("macron"), make_word("amazon"))),
    )


def test_lowercase_or_is_a_word():
    assert parse_nodes("amazon or google") == (make_word("amazon"), make_word("or"), make_word("google"))


@check_cases("text", ["OR amazon", "amazon OR", "OR OR amazon OR", "amazon OR )", "( OR amazon"])
def test_or_without_neighbours_is_ignored(text):
    assert parse_nodes(text) == (make_word("amazon"),)


def test_parentheses_group_words():
    assert parse_nodes("(apple watch) OR (google pixel) price") == (
        AnyOf((AllOf((make_word("apple"), make_word("watch"))), AllOf((make_word("google"), make_word("pixel"))))),
        make_word("price"),
    )


@check_cases("text", ["((amazon", "amazon))", ")amazon(", "()amazon", "(" * 50 + "amazon" + ")" * 60])
def test_unmatched_parentheses_lose_no_word(text):
    assert parse_nodes(text) == (make_word("amazon"),)


@check_cases(
    ("text", "condition"),
    [
        ("source:Numerama", FieldFilter(FilterName.SOURCE, "Numerama")),
        ('source:"Le Monde"', FieldFilter(FilterName.SOURCE, "Le Monde")),
        ("author:amadeo", FieldFilter(FilterName.AUTHOR, "amadeo")),
        ("auteur:amadeo", FieldFilter(FilterName.AUTHOR, "amadeo")),
        ("tag:IA", FieldFilter(FilterName.TAG, "IA")),
        ("étiquette:IA", FieldFilter(FilterName.TAG, "IA")),
        ("lang:fr", FieldFilter(FilterName.LANGUAGE, "fr")),
        ("langue:français", FieldFilter(FilterName.LANGUAGE, "fr")),
        ("LANG:en-GB", FieldFilter(FilterName.LANGUAGE, "en")),
        ("has:image", FieldFilter(FilterName.IMAGE, "")),
        ("avec:image", FieldFilter(FilterName.IMAGE, "")),
        ("is:bookmarked", FieldFilter(FilterName.BOOKMARKED, "")),
        ("est:enregistré", FieldFilter(FilterName.BOOKMARKED, "")),
        ("since:7d", FieldFilter(FilterName.SINCE, NOW - 7 * 86400)),
        ("before:2020-06-10", FieldFilter(FilterName.BEFORE, 1591747200)),
        ("avant:2020-06-10", FieldFilter(FilterName.BEFORE, 1591747200)),
        ('since:"last monday"', FieldFilter(FilterName.SINCE, 1591574400)),
        ('since:"depuis lundi"', FieldFilter(FilterName.SINCE, 1591574400)),
        ("jusqu'à:2020-06-10", FieldFilter(FilterName.BEFORE, 1591747200)),
        ("jusqu’à:2020-06-10", FieldFilter(FilterName.BEFORE, 1591747200)),
        ("JUSQU’À:2020-06-10", FieldFilter(FilterName.BEFORE, 1591747200)),
        ("depuis:lundi", FieldFilter(FilterName.SINCE, 1591574400)),
        ("since:last monday", FieldFilter(FilterName.SINCE, 1591574400)),
        ("depuis:8 juin 2020", FieldFilter(FilterName.SINCE, 1591574400)),
    ],
)
def test_filter_names_work_in_both_languages(text, condition):
    assert parse_nodes(f"amazon {text}") == (make_word("amazon"), condition)


def test_date_in_words_does_not_consume_next_words():
    assert parse_nodes("since:monday amazon police") == (
        FieldFilter(FilterName.SINCE, 1591574400),
        make_word("amazon"),
        make_word("police"),
    )


@check_cases("name", ["title", "titre"])
def test_title_filter_limits_word_to_title(name):
    assert parse_nodes(f"{name}:Amazon") == (make_word("Amazon", title=True),)
    assert parse_nodes(f'{name}:"la police"') == (Phrase("la police", is_title_only=True),)


@check_cases("text", ["since:whenever", "lang:klingon", "has:fun", "is:good", 'before:"31 june 2020"'])
def test_invalid_filter_is_dropped_with_note(text):
    query = parse_query(f"amazon {text}", NOW)
    assert query.nodes == (make_word("amazon"),)
    assert len(query.notes) == 1


@check_cases(
    ("text", "condition"),
    [
        ("source: Numerama", FieldFilter(FilterName.SOURCE, "Numerama")),
        ("source : Numerama", FieldFilter(FilterName.SOURCE, "Numerama")),
        ("source :Numerama", FieldFilter(FilterName.SOURCE, "Numerama")),
        ('auteur : "Léa Martin"', FieldFilter(FilterName.AUTHOR, "Léa Martin")),
        ("depuis : 7j", FieldFilter(FilterName.SINCE, NOW - 7 * 86400)),
    ],
)
def test_filter_separated_from_value_is_joined_with_note(text, condition):
    query = parse_query(f"amazon {text}", NOW)
    assert query.nodes == (make_word("amazon"), condition)
    assert text.partition(" ")[0] in note_sentence(query.notes[0])


@check_cases("text", ["since: amazon police", "avant : amazon police"])
def test_invalid_separated_date_loses_no_word(text):
    words = [node for node in parse_nodes(text) if node in (make_word("amazon"), make_word("police"))]
    assert words == [make_word("amazon"), make_word("police")]


@check_cases("text", ["since: last monday", 'depuis: "lundi dernier"', "depuis : 3 jours"])
def test_separated_date_can_have_several_words(text):
    (node,) = parse_nodes(text)
    assert isinstance(node, FieldFilter)
    assert node.filter_name is FilterName.SINCE


@check_cases("text", ["amazon - police", "amazon police NOT", "amazon NOT NOT -police"])
def test_exclusion_without_word_makes_one_note(text):
    query = parse_query(text, NOW)
    assert query.nodes == (make_word("amazon"), make_word("police"))
    assert len(query.notes) == 1


def test_too_deep_parentheses_make_note_and_lose_no_word():
    query = parse_query("((((((((a1 OR b2)))) c3))))", NOW)
    assert len(query.notes) == 1
    assert "5" in note_sentence(query.notes[0])
    assert query.nodes == parse_query("((a1 OR b2) c3)", NOW).nodes


def test_ordinary_words_before_colon_stay_words():
    assert parse_query("écrit par : amadeo", NOW).nodes == (make_word("écrit"), make_word("par"), make_word("amadeo"))


@check_cases("text", ["source:", "has:", "depuis: "])
def test_filter_without_value_is_dropped_with_note(text):
    query = parse_query(text, NOW)
    assert not any(isinstance(node, FieldFilter) for node in query.nodes)
    assert len(query.notes) == 1


@check_cases("text", ["OR", "()", "-", "…", "NOT"])
def test_empty_query_makes_note(text):
    query = parse_query(text, NOW)
    assert query.nodes == ()
    assert len(query.notes) == 1


@check_cases(
    ("name", "value"),
    [
        ("source", "Le Monde"),
        ("source", 'The "Post"'),
        ("tag", "IA (générative)"),
        ("author", "O’Neil"),
        ("tag", "a|b"),
    ],
)
def test_formatted_filter_is_parsed_back(name, value):
    (node,) = parse_query(format_filter(name, value), NOW).nodes
    assert isinstance(node, FieldFilter)
    assert node.filter_name is FilterName(name)
    assert split_words(str(node.value)) == split_words(value)


@check_cases(("language", "date"), [("en", "Since Jun 8"), ("fr", "Depuis le 8 juin")])
def test_interpreted_date_makes_note(language, date):
    with i18n.language_scope(language):
        (note,) = parse_query("since:monday", NOW).notes
        assert note_sentence(note) == date
    assert parse_query("since:2020-06-08", NOW).notes == ()


@check_cases(
    ("text", "hour", "date"),
    [
        ("since:today", 0, "Jun 11"),
        ("since:7h", 17, "Jun 10 17:30 Asia/Tokyo"),
        ("since:2019", 0, "Jan 1, 2019"),
    ],
)
def test_day_begins_at_local_midnight_and_note_has_local_date(text, hour, date):
    tokyo = ZoneInfo("Asia/Tokyo")
    query = parse_query(text, NOW, tokyo)
    (condition,) = query.nodes
    assert isinstance(condition, FieldFilter)
    assert datetime.fromtimestamp(int(condition.value), tokyo).hour == hour
    assert list(map(note_sentence, query.notes)) == [f"Since {date}"]


def test_notes_are_translated():
    (note,) = parse_query("since:whenever", NOW).notes
    with i18n.language_scope("fr"):
        assert "whenever" in note_sentence(note)
        assert "isn’t a date" not in note_sentence(note)


def test_unknown_filter_and_url_are_words():
    assert parse_nodes("foo:bar") == (Word("foo bar"),)
    (node,) = parse_nodes("https://example.org/story")
    assert isinstance(node, Word)
    assert "story" in node.text


@check_cases(("text", "suggestion"), [("titel:amazon", "titre:"), ("langage:fr", "language:")])
def test_unknown_filter_suggests_nearest(text, suggestion):
    (note,) = parse_query(text, NOW).notes
    assert suggestion in note_sentence(note)
    (note,) = parse_query("zzz:amazon", NOW).notes
    assert "nearest" not in note_sentence(note)


def test_long_query_is_truncated_with_notes():
    query = parse_query("amazon " * 600, NOW)
    assert len(query.text) <= MAX_CHARS_READ
    assert len(query.nodes) == MAX_QUERY_TERMS
    assert len(query.notes) == 2


def test_command_option_adds_filter():
    query = parse_query("amazon", NOW).with_nodes(FieldFilter(FilterName.LANGUAGE, "fr"))
    assert query.nodes == parse_query("amazon lang:fr", NOW).nodes


def measure_depth(node: Node) -> int:
    if isinstance(node, Not):
        return 1 + measure_depth(node.node)
    return 1 + max(map(measure_depth, node.nodes)) if isinstance(node, AllOf | AnyOf) else 1


@given(st.text(alphabet=st.sampled_from("ab\"«»()-:| 'é1") | st.characters(), max_size=500))
@example("NOT " * 100)
@example("-" * 400)
@example('title:"' * 40)
@example("since:" * 60)
@example("a OR " * 80)
@example('"a' * 1_000)
@example("« " * 1_000)
def test_arbitrary_text_is_a_query(text):
    query = parse_query(text, NOW)
    assert isinstance(query, Query)
    assert len(query.notes) < 40
    assert all(measure_depth(node) < 3 * MAX_PARENTHESIS_DEPTH for node in query.nodes)
