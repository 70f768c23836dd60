from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text import moments, terms

NOW = int(datetime(2026, 5, 28, 20, 26, 40, tzinfo=UTC).timestamp())  # a Thursday


def day(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("text", "said", "start", "end"),
    [
        ("what happened to Intel this week", "this week", "2026-05-25", "2026-06-01"),
        ("les nouveautés de Mistral depuis lundi", "depuis lundi", "2026-05-25", None),
        ("since yesterday at Intel", "since yesterday", "2026-05-27", None),
        ("la semaine dernière chez Intel", "la semaine derniere", "2026-05-18", "2026-05-25"),
        ("l’an dernier", "l'an dernier", "2025-01-01", "2026-01-01"),
        ("le mois dernier", "le mois dernier", "2026-04-01", "2026-05-01"),
        ("quoi de neuf aujourd’hui ?", "aujourd'hui", "2026-05-28", "2026-05-29"),
        ("l'actu du jour", "du jour", "2026-05-28", "2026-05-29"),
        ("news of the week", "of the week", "2026-05-25", "2026-06-01"),
        ("what did I miss over the weekend", "over the weekend", "2026-05-23", "2026-05-25"),
        ("what happened two days ago", "two days ago", "2026-05-26", "2026-05-27"),
        ("il y a trois mois", "il y a trois mois", "2026-02-01", "2026-03-01"),
        ("two weeks ago", "two weeks ago", "2026-05-11", "2026-05-18"),
        ("in March 2024", "in march 2024", "2024-03-01", "2024-04-01"),
        ("en mars", "en mars", "2026-03-01", "2026-04-01"),
        ("on June 10th, 2020", "on june 10th, 2020", "2020-06-10", "2020-06-11"),
        ("depuis le 10 juin", "depuis le 10 juin", "2025-06-10", None),
        ("who bought it in 2024?", "in 2024", "2024-01-01", "2025-01-01"),
        ("between Monday and Wednesday", "between monday and wednesday", "2026-05-25", "2026-05-28"),
        ("du 3 au 5 mai", "du 3 au 5 mai", "2026-05-03", "2026-05-06"),
        ("from March to May 2025", "from march to may 2025", "2025-03-01", "2025-06-01"),
        ("between May 3 and May 5", "between may 3 and may 5", "2026-05-03", "2026-05-06"),
        ("from May 3rd to 5th", "from may 3rd to 5th", "2026-05-03", "2026-05-06"),
        (
            "from May 28, 2025 to June 2, 2025",
            "from may 28, 2025 to june 2, 2025",
            "2025-05-28",
            "2025-06-03",
        ),
        (
            "between 2026-05-03 and 2026-05-05",
            "between 2026-05-03 and 2026-05-05",
            "2026-05-03",
            "2026-05-06",
        ),
        ("la semaine du 4 mai", "la semaine du 4 mai", "2026-05-04", "2026-05-11"),
        ("in the week of May 4", "in the week of may 4", "2026-05-04", "2026-05-11"),
        ("this week's news", "this week", "2026-05-25", "2026-06-01"),
        ("depuis hier soir chez Intel", "depuis hier soir", "2026-05-27", None),
        ("since last night", "since last night", "2026-05-27", None),
        ("lundi matin chez Intel", "lundi matin", "2026-05-25", "2026-05-26"),
        ("depuis début mai", "depuis debut mai", "2026-05-01", None),
        ("at the end of April", "the end of april", "2026-04-21", "2026-05-01"),
    ],
)
def test_an_expression_of_time_in_a_question_is_its_days(
    text: str, said: str, start: str, end: str | None
) -> None:
    folded = terms.fold(text)
    moment = moments.find(folded, NOW)
    assert moment is not None
    assert folded[moment.start : moment.end] == said
    assert moment.period == (day(start), NOW + 1 if end is None else day(end))


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("chez Intel aujourd’hui", "2026-05-28", "2026-05-29"),
        ("between Monday and Wednesday", "2026-05-25", "2026-05-28"),
        ("in the week of March 26", "2026-03-26", "2026-04-02"),  # in which the clocks were changed
        ("two weeks ago", "2026-05-11", "2026-05-18"),
        ("three days ago", "2026-05-25", "2026-05-26"),
    ],
)
def test_the_days_of_a_question_begin_at_midnight_where_the_person_is(
    text: str, start: str, end: str
) -> None:
    paris = ZoneInfo("Europe/Paris")
    moment = moments.find(terms.fold(text), NOW, paris)
    assert moment is not None
    assert moment.period == tuple(
        int(datetime.fromisoformat(one).replace(tzinfo=paris).timestamp()) for one in (start, end)
    )


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("ces 3 derniers jours", 3),
        ("the last three days", 3),
        ("in the past week", 7),
        ("depuis deux semaines", 14),
        ("les dernières 24 heures", 1),
        ("ces dernières 48 h", 2),
        ("these days", 7),
        ("ces derniers temps", 7),
        ("in recent weeks", 28),
    ],
)
def test_what_counts_back_ends_now(text: str, days: int) -> None:
    moment = moments.find(terms.fold(text), NOW)
    assert moment is not None
    assert moment.relative
    assert abs(moment.period.start - (NOW - days * 86_400)) <= 1
    assert moment.period.end in {NOW, NOW + 1}


@pytest.mark.parametrize(
    "text",
    [
        "What's new on Mars?",
        "May said so",
        "Black Friday deals",
        "before 2020",
        "avant lundi",
        "the 2008 crisis",
        "une semaine de retard",
        "the last year of the war",
        "les 3 dernières années de sa vie",
        "Windows 2000",
        "an hour long film",
        "from 3 to 5",
    ],
)
def test_what_names_no_time_is_not_taken_for_it(text: str) -> None:
    assert moments.find(terms.fold(text), NOW) is None


@given(st.text(alphabet=st.sampled_from("0123456789 -/.'aeihlmnorstu"), max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    for said in (text, f"since {text}", f"du {text} au 31 juin", f"{text} days ago"):
        moments.find(said, NOW)
