"""Many cases of a pure function in one test, where a test of pytest's for each costs more than the case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

Check = Callable[..., None]


def check_cases(
    names: str | Sequence[str], cases: Iterable[Any]
) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Run a test for all cases, as `pytest.mark.parametrize` does, but as one test without fixtures.

    It goes through all cases, and raises all errors, each with its case.
    """
    argument_names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)

    def decorate(check: Check) -> Check:
        def check_all() -> None:
            all_cases, errors = list(cases), []
            assert all_cases
            for case in all_cases:
                values = case if len(argument_names) > 1 else (case,)
                try:
                    check(**dict(zip(argument_names, values, strict=True)))
                except Exception as error:  # noqa: BLE001 - raised below, with the others
                    error.add_note(f"{', '.join(argument_names)} = {case!r:.1000}")
                    errors.append(error)
            if errors:
                raise ExceptionGroup(f"{check.__name__} fails for some cases", errors)

        check_all.__name__, check_all.__doc__, check_all.__module__ = check.__name__, check.__doc__, check.__module__
        return check_all

    return decorate
