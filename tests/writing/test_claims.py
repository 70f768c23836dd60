from hypothesis import given
from hypothesis import strategies as st

from bot.writing.checkable_facts import extract_facts, has_unsupported_fact
from tests.support.cases import check_cases


@check_cases(
    ("claim", "language", "source", "source_language"),
    [
        ("1.5 million", "en", "1,5 million", "fr"),
        ("1.5 million", "en", "1 500 000 personnes", "fr"),
        ("1,500,000", "en", "1,5 million", "fr"),
        ("15 000 postes", "fr", "15,000 jobs", "en"),
        ("15k jobs", "en", "15 000 postes", "fr"),
        ("3.5 billion euros", "en", "3,5 milliards d’euros", "fr"),
        ("$5bn", "en", "cinq milliards de dollars", "fr"),
        ("20 percent", "en", "20 pour cent, 20 %", "fr"),
        ("June 10, 2020", "en", "le 10 juin 2020", "fr"),
        ("June 10, 2020", "en", "10.06.2020", "fr"),
        ("10 June", "en", "2020-06-10", "fr"),
        ("in May", "en", "au mois de mai 2024", "fr"),
        ("on Wednesday", "en", "ce mercredi", "fr"),
        ("for one year", "en", "pendant un an", "fr"),
        ("a ban of two weeks", "en", "deux semaines", "fr"),
        ("100 people", "en", "une centaine de personnes", "fr"),
        ("97 people", "en", "quatre-vingt-dix-sept personnes", "fr"),
        ("71 people", "en", "soixante et onze personnes", "fr"),
        ("in the 19th century", "en", "au XIXe siècle", "fr"),
        ("Python 3.12.1", "en", "Python 3.12.1", "fr"),
        ("at 8:40 p.m.", "en", "à 20h40", "fr"),
        ("at 8:40", "en", "à 8 h 40", "fr"),
    ],
)
def test_fact_written_in_other_way_is_supported(claim, language, source, source_language):
    assert not has_unsupported_fact(extract_facts(claim, language), extract_facts(source, source_language))


@check_cases(
    ("claim", "language", "source", "source_language"),
    [
        ("1.5 billion", "en", "1,5 million", "fr"),
        ("1,500", "en", "1.5", "en"),
        ("15 million", "en", "1,5 million", "fr"),
        ("5 dollars", "en", "5 euros", "fr"),
        ("20 percent", "en", "20 euros", "fr"),
        ("June 11", "en", "le 10 juin 2011", "fr"),
        ("10 June", "en", "le 10 mai, puis le 3 juin", "fr"),
        ("June 2019", "en", "en juin 2020, comme en mai 2019", "fr"),
        ("on Thursday", "en", "ce mercredi", "fr"),
        ("2 years", "en", "2 mois, puis 3 ans", "fr"),
        ("three people", "en", "deux personnes", "fr"),
        ("Python 3.12.2", "en", "Python 3.12.1", "en"),
        ("à 20h41", "fr", "à 20h40", "fr"),
        ("at 8:40 a.m.", "en", "à 20h40", "fr"),
    ],
)
def test_other_number_date_or_unit_is_unsupported(claim, language, source, source_language):
    assert has_unsupported_fact(extract_facts(claim, language), extract_facts(source, source_language))


def test_small_words_are_no_facts():
    assert extract_facts("It may march on, and one or a few may follow.", "en").numbers == ()
    assert extract_facts("It may march on, and one or a few may follow.", "en").fact_pairs == frozenset()


@given(
    st.text(alphabet=st.sampled_from("0123456789., :/-'%$€\nabdeimnrstuvx"), max_size=80),
    st.sampled_from(["en", "fr", None]),
)
def test_any_text_supports_itself(text, language):
    text_claims = extract_facts(text, language)
    assert not has_unsupported_fact(text_claims, text_claims)
