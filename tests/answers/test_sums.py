"""An amount of money is a price only where it is one."""

import pytest

from bot.answers.sums import has_price
from bot.text.terms import fold


@pytest.mark.parametrize(
    "text",
    [
        "The Pixel costs $699.",
        "It starts at €1,299 and comes in May.",
        "une carte à dix euros",
        "Le litre est à 1,50 €.",
        "Microsoft closed its largest acquisition: 68.7 billion dollars for Activision.",
        "L’autorité gratuite délivre des certificats.",
        "The fine print: the price is 20 dollars.",
    ],
)
def test_a_price_is_one(text: str) -> None:
    assert has_price(fold(text))


@pytest.mark.parametrize(
    "text",
    [
        "Google was fined 150 million euros.",
        "une amende de 90 euros",
        "Its market value reached 3.34 trillion dollars.",
        "La société lève 105 millions d’euros.",
        "Le service a un budget annuel de 3 000 euros.",
        "It was released on 10 June 2020 with 512 GB.",
        "Pelikan is free software.",
        "He was fined 200 euros. The phone comes in May.",
    ],
)
def test_another_sum_is_none(text: str) -> None:
    assert not has_price(fold(text))
