"""Extraction of numbers with their units from sentences."""

from __future__ import annotations

import pytest

from bot.answers.timeline.reported_numbers import COUNT_UNIT, DURATION_UNIT, PERCENT_UNIT, extract_reported_numbers
from tests.support.cases import check_cases


@check_cases(
    ("sentence", "language", "unit", "low", "high"),
    [
        ("Twelve cargo ships are waiting.", "en", COUNT_UNIT, 12, 12),
        ("En Bretagne, 310 000 foyers sont privés d’électricité.", "fr", COUNT_UNIT, 310_000, 310_000),
        ("MtGox faced 150k attacks per second", "en", COUNT_UNIT, 149_600, 150_400),
        ("Titanfall launches at 792p on Xbox One", "en", COUNT_UNIT, 792, 792),
        ("The splice takes 10 to 14 days.", "en", DURATION_UNIT, 10, 14),
        ("La réparation prendra dix à quatorze jours.", "fr", DURATION_UNIT, 10, 14),
        ("La réparation prendra trois semaines.", "fr", DURATION_UNIT, 21, 21),
        ("Le taux atteint 26,5 % à midi.", "fr", PERCENT_UNIT, 26.5, 26.5),
        ("They sew up a $1.8B deal", "en", "$", 1.76e9, 1.84e9),
        ("Colorado makes $3.5-Million in January", "en", "$", 3.46e6, 3.54e6),
        ("Une amende de 150 millions d’euros", "fr", "€", 149.6e6, 150.4e6),
    ],
)
def test_numbers_are_extracted_in_both_languages(sentence, language, unit, low, high):
    (number,) = extract_reported_numbers(sentence, language)
    assert number.unit == unit
    assert number.ranges[-1] == pytest.approx((low, high))


@check_cases(
    "sentence",
    [
        "Sbarro files for Chapter 11 bankruptcy",
        "Windows 11 arrives on 5 October",
        "SXSW 2014 playlist",
        "10 things you need to know this morning",
        "UPDATE 2-EU deals blow to gas pipelines",
        "Sbarro files for its 2nd bankruptcy",
        "Forces seize a disputed oil tanker",
    ],
)
def test_labels_years_and_list_numbers_are_ignored(sentence):
    assert extract_reported_numbers(sentence, "en") == []


def test_qualifiers_widen_range():
    ranges = [
        extract_reported_numbers(f"{words} 100 ships are waiting.", "en")[0].possible_ranges
        for words in ("At least", "Up to", "About", "The")
    ]
    assert ranges == [((100, 125),), ((80, 100),), (pytest.approx((90, 110)),), ((100, 100),)]


def test_number_is_formatted_with_its_thing():
    (number,) = extract_reported_numbers("Twelve cargo ships are waiting.", "en")
    assert number.format({"ship"}) == "Twelve cargo ships"
    assert number.format() == "Twelve"
