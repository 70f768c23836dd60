import pytest

from bot.answers.numbers import counts, has_count


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("More than 130,000 homes were without power.", True),
        ("Treize soldats sont morts.", True),
        ("Aucun soldat n'est mort.", True),
        ("One of the homes burnt.", True),
        ("The deadline for homes is December 16.", False),
        ("Homes were built in 2019.", False),
        ("There were 500 cars in a long line before the gates of the park, far from all homes.", False),
    ],
)
def test_a_number_far_from_what_is_counted_is_none_of_it(text: str, told: bool) -> None:
    assert counts(("homes", "soldats", "soldat"), (), text, None) is told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("une cérémonie discrète", False),
        ("one of them", False),
        ("one home", True),
        ("un seul point", True),
        ("plus de 1500 morts", True),
        ("en 2019", False),
    ],
)
def test_one_is_a_number_only_before_what_is_asked_for(text: str, told: bool) -> None:
    assert has_count(text, {"home", "point"}) is told
