"""Time expressions in questions."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from bot.text.times import time_expressions
from bot.text.words import fold
from tests.support.cases import check_cases

NOW = int(datetime(2026, 5, 28, 20, 26, 40, tzinfo=UTC).timestamp())  # a Thursday


def parse_day(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@check_cases(
    ("text", "matched_text", "start", "end"),
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
        ("in Jan. 2024", "in jan. 2024", "2024-01-01", "2024-02-01"),
        ("le 3 févr. 2024", "le 3 fevr. 2024", "2024-02-03", "2024-02-04"),
        ("on Sep 3, 2024", "on sep 3, 2024", "2024-09-03", "2024-09-04"),
        ("what happened in May", "in may", "2026-05-01", "2026-06-01"),
        ("en mai", "en mai", "2026-05-01", "2026-06-01"),
        ("depuis mai", "depuis mai", "2026-05-01", None),
        ("since May", "since may", "2026-05-01", None),
        ("au mois d’août", "au mois d'aout", "2025-08-01", "2025-09-01"),
        ("de 2019 à 2021", "de 2019 a 2021", "2019-01-01", "2022-01-01"),
        ("de mars à mai", "de mars a mai", "2026-03-01", "2026-06-01"),
        ("between 3 and 5 June", "between 3 and 5 june", "2025-06-03", "2025-06-06"),
        ("en T2", "en t2", "2026-04-01", "2026-07-01"),
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
        ("since last night", "since last night", "2026-05-27T18:00", None),
        ("lundi matin chez Intel", "lundi matin", "2026-05-25", "2026-05-26"),
        ("depuis début mai", "depuis debut mai", "2026-05-01", None),
        ("at the end of April", "the end of april", "2026-04-21", "2026-05-01"),
        ("Intel this quarter", "this quarter", "2026-04-01", "2026-07-01"),
        ("chez Intel ce trimestre", "ce trimestre", "2026-04-01", "2026-07-01"),
        ("what did Intel do last quarter?", "last quarter", "2026-01-01", "2026-04-01"),
        ("le trimestre dernier chez Intel", "le trimestre dernier", "2026-01-01", "2026-04-01"),
        ("what happened in Q3 2025?", "in q3 2025", "2025-07-01", "2025-10-01"),
        ("Intel au T3 2025", "au t3 2025", "2025-07-01", "2025-10-01"),
        ("au troisième trimestre 2025", "au troisieme trimestre 2025", "2025-07-01", "2025-10-01"),
        ("what happened in Q1 at Intel", "in q1", "2026-01-01", "2026-04-01"),
        ("que s’est-il passé cette nuit ?", "cette nuit", "2026-05-28T18:00", "2026-05-29T06:00"),
        ("la nuit dernière à Lille", "la nuit derniere", "2026-05-27T18:00", "2026-05-28T06:00"),
        ("what happened last summer", "last summer", "2025-06-01", "2025-09-01"),
        ("depuis l’été dernier", "depuis l'ete dernier", "2025-06-01", None),
        ("what happened this winter", "this winter", "2025-12-01", "2026-03-01"),
        ("les annonces de cet hiver", "de cet hiver", "2025-12-01", "2026-03-01"),
        ("pendant l’été 2025", "pendant l'ete 2025", "2025-06-01", "2025-09-01"),
        ("What happened in 1789?", "in 1789", "1789-01-01", "1790-01-01"),
        ("Que s’est-il passé en 1789 à Paris ?", "en 1789", "1789-01-01", "1790-01-01"),
        ("le 14 juillet 1789", "le 14 juillet 1789", "1789-07-14", "1789-07-15"),
        ("What will happen in 2100?", "in 2100", "2100-01-01", "2101-01-01"),
        ("between 1789 and 1799", "between 1789 and 1799", "1789-01-01", "1800-01-01"),
    ],
)
def test_time_expression_of_question_is_its_period(text, matched_text, start, end):
    folded = fold(text)
    moment = time_expressions.find_time_expression(folded, NOW)
    assert folded[moment.start : moment.end] == matched_text
    assert moment.period == (parse_day(start), NOW + 1 if end is None else parse_day(end))


@check_cases(
    ("text", "start", "end"),
    [
        ("chez Intel aujourd’hui", "2026-05-28", "2026-05-29"),
        ("between Monday and Wednesday", "2026-05-25", "2026-05-28"),
        ("in the week of March 26", "2026-03-26", "2026-04-02"),  # in which the clocks were changed
        ("two weeks ago", "2026-05-11", "2026-05-18"),
        ("three days ago", "2026-05-25", "2026-05-26"),
    ],
)
def test_days_of_question_begin_at_local_midnight(text, start, end):
    paris = ZoneInfo("Europe/Paris")
    moment = time_expressions.find_time_expression(fold(text), NOW, paris)
    assert moment.period == tuple(
        int(datetime.fromisoformat(iso_date).replace(tzinfo=paris).timestamp()) for iso_date in (start, end)
    )


@check_cases(
    ("text", "days"),
    [
        ("ces 3 derniers jours", 3),
        ("les actus du moment", 7),
        ("les dernières 24h", 1),
        ("the last three days", 3),
        ("in the past week", 7),
        ("depuis deux semaines", 14),
        ("les dernières 24 heures", 1),
        ("ces dernières 48 h", 2),
        ("these days", 7),
        ("ces derniers temps", 7),
        ("in recent weeks", 28),
        ("in the past 24 hours", 1),
    ],
)
def test_relative_time_expression_ends_now(text, days):
    moment = time_expressions.find_time_expression(fold(text), NOW)
    assert moment.is_relative
    assert abs(moment.period.start - (NOW - days * 86_400)) <= 1
    assert moment.period.end in {NOW, NOW + 1}


@check_cases("text", ["in the past hour", "last hour", "dans la dernière heure"])
def test_last_hour_is_3600_seconds(text):
    moment = time_expressions.find_time_expression(fold(text), NOW)
    assert moment.period == (NOW - 3600, NOW)


@check_cases(
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
        "in 1500 euros",
        "en 1500 exemplaires",
        "a group of 1200 volunteers",
        "of 2000 employees",
        "between 1500 and 1600 euros",
        "coûte 1500 euros",
        "informations de dernière heure",
        "the last hour of the war",
        "the fall of Rome",
        "a quarter of the staff",
        "il a été 2024 fois",
    ],
)
def test_text_without_time_expression_is_none(text):
    assert time_expressions.find_time_expression(fold(text), NOW) is None


@given(st.text(alphabet=st.sampled_from("0123456789 -/.'aeihlmnorstu"), max_size=60))
def test_time_like_text_raises_nothing(text):
    for question in (text, f"since {text}", f"du {text} au 31 juin", f"{text} days ago"):
        time_expressions.find_time_expression(question, NOW)
