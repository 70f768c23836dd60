"""Tests with many cases (`check_cases`)."""

from __future__ import annotations

import pytest

from tests.support.cases import check_cases


def test_all_cases_are_checked_and_failures_named():
    checked_numbers = []

    @check_cases(("number", "word"), [(1, "one"), (2, "two"), (3, "three")])
    def check_number(number: int, word: str) -> None:
        checked_numbers.append(number)
        assert number == 2, word

    with pytest.raises(ExceptionGroup) as raised:
        check_number()
    assert checked_numbers == [1, 2, 3]
    assert [error.__notes__ for error in raised.value.exceptions] == [
        ["number=1, word='one'"],
        ["number=3, word='three'"],
    ]


@pytest.fixture
def numbers() -> list[int]:
    return []


@check_cases("number", [1, 2])
async def test_cases_share_fixtures_of_their_test(numbers, number):
    assert numbers == list(range(1, number))
    numbers.append(number)


def test_empty_list_of_cases_fails():
    @check_cases("number", [])
    def check_number(number: int) -> None:
        """Pass."""

    with pytest.raises(AssertionError):
        check_number()
