import pytest

from bot.answers.ages import has_age, has_age_of


@pytest.mark.parametrize(
    "text",
    [
        "Vince Zampella, 55, died.",
        "He was 55.",
        "Zampella died at 55.",
        "Vince Zampella (55 ans) dirige le studio.",
        "Zampella, âgé de 55 ans, dirige le studio.",
        "The 55-year-old led the studio.",
        "The 55-year-old founder Vince Zampella led the studio.",
    ],
)
def test_the_age_of_who_is_named_is_known(text: str) -> None:
    assert has_age_of(("vince", "zampella"), text)


@pytest.mark.parametrize(
    "text",
    [
        "Emmanuel Macron a salué Mick Schumacher, 20 ans.",
        "Macron met the 28-year-old driver Max Verstappen.",
        "Macron's two-year-old company grew.",
        "Macron a rendu hommage à Béji Caïd Essebsi, décédé.",
    ],
)
def test_the_age_of_another_is_not_taken_for_it(text: str) -> None:
    assert not has_age_of(("emmanuel", "macron"), text)


@pytest.mark.parametrize(
    "text", ["A" * 12_000 + ", 55,", "Aa. " * 3_000 + "(55)", "1" * 12_000, ", 5" * 4_000]
)
def test_a_hostile_text_is_read(text: str) -> None:
    has_age(text)
    has_age_of(("a",), text)
