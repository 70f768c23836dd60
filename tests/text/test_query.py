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


def word(text: str, *, title: bool = False) -> Word:
    return Word(text, is_title_only=title)


def nodes(text: str) -> tuple[Node, ...]:
    return parse_query(text, NOW).nodes


def test_words_are_all_required_in_any_case_with_any_accents():
    assert nodes("Reconnaissance  FACIALE") == (word("Reconnaissance"), word("FACIALE"))
    assert nodes("Élysée") == (Word("Élysée"),)


def test_words_that_punctuation_joins_stay_together():
    assert nodes("covid-19") == (Word("covid-19"),)


@check_cases("text", ['"police américaine"', "“police américaine”", "« police américaine »"])
def test_a_phrase_is_one_in_every_kind_of_quotation_marks(text):
    assert nodes(text) == (Phrase("police américaine"),)


@check_cases("text", ['amazon "police américaine', 'amazon "police américaine "', "amazon «police américaine"])
def test_a_quotation_mark_without_its_other_half_makes_no_phrase_and_is_said(text):
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
def test_a_mark_after_a_letter_or_digit_quotes_nothing(text):
    query = parse_query(text, NOW)
    assert all(isinstance(node, Word) for node in query.nodes)
    assert query.notes == ()


def test_a_whole_paragraph_is_read():
    text = " ".join(f"word{number}" for number in range(64)) + ' « cité » "quoted here" 12" last'
    parsed_nodes = nodes(text)
    assert len(parsed_nodes) == 64 + 4
    assert parsed_nodes[-1] == word("last")


@check_cases("text", ["amazon -police", "amazon NOT police", "amazon SAUF police", "amazon −police"])
def test_an_excluded_word_is_not_looked_for(text):
    assert nodes(text) == (word("amazon"), Not(word("police")))


def test_a_hyphen_alone_or_within_a_word_excludes_nothing():
    assert nodes("amazon - police") == (word("amazon"), word("police"))
    assert not any(isinstance(node, Not) for node in nodes("porte-parole"))


def test_whatever_can_be_wanted_can_be_excluded():
    assert nodes('-"police américaine"') == (Not(Phrase("police américaine")),)
    assert nodes("-source:Wired -(a1 b2)") == (
        Not(FieldFilter(FilterName.SOURCE, "Wired")),
        Not(AllOf((word("a1"), word("b2")))),
    )


@check_cases("text", ["apple amazon OR google OR ibm police", "apple amazon OU google | ibm police"])
def test_or_joins_its_neighbours_and_nothing_else(text):
    either = AnyOf((word("amazon"), word("google"), word("ibm")))
    assert nodes(text) == (word("apple"), either, word("police"))


@check_cases("text", ["amazon|google|ibm", "amazon||google | ibm", "amazon OR google|ibm"])
def test_a_line_between_words_is_an_or(text):
    either = AnyOf((word("amazon"), word("google"), word("ibm")))
    assert nodes(f"apple {text} police") == (word("apple"), either, word("police"))
    assert nodes('amazon|"google maps"') == (AnyOf((word("amazon"), Phrase("google maps"))),)


@check_cases("text", ["tag:IA|tag:Web", "tag:IA|Web", "tag:(IA OR Web)", "tag:(IA|Web)"])
def test_a_filter_is_applied_to_each_of_its_alternatives(text):
    either = AnyOf((FieldFilter(FilterName.TAG, "IA"), FieldFilter(FilterName.TAG, "Web")))
    assert nodes(f"{text} police") == (either, word("police"))
    assert nodes(f"-{text} police") == (Not(either), word("police"))
    assert parse_query(f"{text} police", NOW).unquoted_filters == ()


def test_a_filter_is_applied_to_each_word_of_its_group():
    title = word("macron", title=True), Phrase("la police", is_title_only=True)
    assert nodes('titre:(macron OR "la police") amazon') == (AnyOf(title), word("amazon"))
    assert nodes('title:(macron "la police" source:Wired)') == (
        AllOf((*title, FieldFilter(FilterName.SOURCE, "Wired"))),
    )
    assert nodes("foo:(macron OR amazon)") == (word("foo"), AnyOf((word("macron"), word("amazon"))))


def test_or_in_small_letters_is_a_word():
    assert nodes("amazon or google") == (word("amazon"), word("or"), word("google"))


@check_cases("text", ["OR amazon", "amazon OR", "OR OR amazon OR", "amazon OR )", "( OR amazon"])
def test_an_or_without_neighbours_is_no_mistake(text):
    assert nodes(text) == (word("amazon"),)


def test_parentheses_group():
    assert nodes("(apple watch) OR (google pixel) price") == (
        AnyOf((AllOf((word("apple"), word("watch"))), AllOf((word("google"), word("pixel"))))),
        word("price"),
    )


@check_cases("text", ["((amazon", "amazon))", ")amazon(", "()amazon", "(" * 50 + "amazon" + ")" * 60])
def test_parentheses_that_do_not_match_lose_no_word(text):
    assert nodes(text) == (word("amazon"),)


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
def test_a_filter_means_the_same_in_both_languages(text, condition):
    assert nodes(f"amazon {text}") == (word("amazon"), condition)


def test_a_date_in_words_does_not_swallow_the_words_after_it():
    assert nodes("since:monday amazon police") == (
        FieldFilter(FilterName.SINCE, 1591574400),
        word("amazon"),
        word("police"),
    )


@check_cases("name", ["title", "titre"])
def test_a_word_of_the_title_is_looked_for_there(name):
    assert nodes(f"{name}:Amazon") == (word("Amazon", title=True),)
    assert nodes(f'{name}:"la police"') == (Phrase("la police", is_title_only=True),)


@check_cases("text", ["since:whenever", "lang:klingon", "has:fun", "is:good", 'before:"31 june 2020"'])
def test_a_filter_that_is_not_understood_is_said_and_left_out(text):
    query = parse_query(f"amazon {text}", NOW)
    assert query.nodes == (word("amazon"),)
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
def test_a_filter_and_its_value_written_apart_are_one_and_said_so(text, condition):
    query = parse_query(f"amazon {text}", NOW)
    assert query.nodes == (word("amazon"), condition)
    assert text.partition(" ")[0] in note_sentence(query.notes[0])


@check_cases("text", ["since: amazon police", "avant : amazon police"])
def test_a_date_written_apart_that_is_none_takes_no_word_away(text):
    kept_words = [node for node in nodes(text) if node in (word("amazon"), word("police"))]
    assert kept_words == [word("amazon"), word("police")]


@check_cases("text", ["since: last monday", 'depuis: "lundi dernier"', "depuis : 3 jours"])
def test_a_date_written_apart_may_have_several_words(text):
    (node,) = nodes(text)
    assert isinstance(node, FieldFilter)
    assert node.filter_name is FilterName.SINCE


@check_cases("text", ["amazon - police", "amazon police NOT", "amazon NOT NOT -police"])
def test_what_excludes_nothing_is_said_once(text):
    query = parse_query(text, NOW)
    assert query.nodes == (word("amazon"), word("police"))
    assert len(query.notes) == 1


def test_parentheses_too_deep_are_said_and_lose_no_word():
    query = parse_query("((((((((a1 OR b2)))) c3))))", NOW)
    assert len(query.notes) == 1
    assert "5" in note_sentence(query.notes[0])
    assert query.nodes == parse_query("((a1 OR b2) c3)", NOW).nodes


def test_words_before_a_colon_that_are_words_of_sentences_stay_words():
    assert parse_query("écrit par : amadeo", NOW).nodes == (word("écrit"), word("par"), word("amadeo"))


@check_cases("text", ["source:", "has:", "depuis: "])
def test_a_filter_without_a_value_is_said_and_left_out(text):
    query = parse_query(text, NOW)
    assert not any(isinstance(node, FieldFilter) for node in query.nodes)
    assert len(query.notes) == 1


@check_cases("text", ["OR", "()", "-", "…", "NOT"])
def test_a_query_that_asks_nothing_is_told_so(text):
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
def test_an_option_is_written_as_it_would_be_typed(name, value):
    (node,) = parse_query(format_filter(name, value), NOW).nodes
    assert isinstance(node, FieldFilter)
    assert node.filter_name is FilterName(name)
    assert split_words(str(node.value)) == split_words(value)


@check_cases(("language", "date"), [("en", "Since Jun 8"), ("fr", "Depuis le 8 juin")])
def test_what_a_date_was_read_as_is_said(language, date):
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
def test_a_day_begins_where_the_person_is_and_is_said_as_its_date_there(text, hour, date):
    tokyo = ZoneInfo("Asia/Tokyo")
    query = parse_query(text, NOW, tokyo)
    (condition,) = query.nodes
    assert isinstance(condition, FieldFilter)
    assert datetime.fromtimestamp(int(condition.value), tokyo).hour == hour
    assert list(map(note_sentence, query.notes)) == [f"Since {date}"]


def test_notes_speak_the_language_of_the_asker():
    (note,) = parse_query("since:whenever", NOW).notes
    with i18n.language_scope("fr"):
        assert "whenever" in note_sentence(note)
        assert "isn’t a date" not in note_sentence(note)


def test_an_unknown_name_and_an_address_are_words():
    assert nodes("foo:bar") == (Word("foo bar"),)
    (node,) = nodes("https://example.org/story")
    assert isinstance(node, Word)
    assert "story" in node.text


@check_cases(("text", "near"), [("titel:amazon", "titre:"), ("langage:fr", "language:")])
def test_of_an_unknown_filter_the_nearest_is_told(text, near):
    (note,) = parse_query(text, NOW).notes
    assert near in note_sentence(note)
    (note,) = parse_query("zzz:amazon", NOW).notes
    assert "nearest" not in note_sentence(note)


def test_a_long_query_is_cut_and_said_so():
    query = parse_query("amazon " * 600, NOW)
    assert len(query.text) <= MAX_CHARS_READ
    assert len(query.nodes) == MAX_QUERY_TERMS
    assert len(query.notes) == 2


def test_options_of_a_command_narrow_a_query():
    query = parse_query("amazon", NOW).with_nodes(FieldFilter(FilterName.LANGUAGE, "fr"))
    assert query.nodes == parse_query("amazon lang:fr", NOW).nodes


def depth(node: Node) -> int:
    if isinstance(node, Not):
        return 1 + depth(node.node)
    return 1 + max(map(depth, node.nodes)) if isinstance(node, AllOf | AnyOf) else 1


@given(st.text(alphabet=st.sampled_from("ab\"«»()-:| 'é1") | st.characters(), max_size=500))
@example("NOT " * 100)
@example("-" * 400)
@example('title:"' * 40)
@example("since:" * 60)
@example("a OR " * 80)
@example('"a' * 1_000)
@example("« " * 1_000)
def test_every_text_is_a_query(text):
    query = parse_query(text, NOW)
    assert isinstance(query, Query)
    assert len(query.notes) < 40
    assert all(depth(node) < 3 * MAX_PARENTHESIS_DEPTH for node in query.nodes)
