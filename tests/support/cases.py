"""Many cases of one behaviour in one test, where a test of pytest's for each costs more than the case."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Check = Callable[..., Any]


def check_cases(names: str | Sequence[str], cases: Iterable[Any]) -> Callable[[Check], Check]:
    """Run a test for all cases, as `pytest.mark.parametrize` does, but as one test, which all cases share fixtures in.

    It goes through all cases, and raises all errors, each with its case.
    """
    case_names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)

    def list_cases() -> list[dict[str, Any]]:
        value_lists = [case if len(case_names) > 1 else (case,) for case in cases]
        assert value_lists
        return [dict(zip(case_names, values, strict=True)) for values in value_lists]

    def decorate(check: Check) -> Check:
        if inspect.iscoroutinefunction(check):

            async def check_all(**fixtures: Any) -> None:
                errors: list[Exception] = []
                for case in list_cases():
                    with _collect_error(errors, case):
                        await check(**fixtures, **case)
                _raise_errors(errors)
        else:

            def check_all(**fixtures: Any) -> None:  # type: ignore[misc]  # the same test, not asynchronous
                errors: list[Exception] = []
                for case in list_cases():
                    with _collect_error(errors, case):
                        check(**fixtures, **case)
                _raise_errors(errors)

        for attribute in ("__name__", "__qualname__", "__doc__", "__module__"):
            setattr(check_all, attribute, getattr(check, attribute))
        parameters = [
            parameter for name, parameter in inspect.signature(check).parameters.items() if name not in case_names
        ]
        check_all.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # where pytest finds fixtures
        return check_all

    return decorate


@contextmanager
def _collect_error(errors: list[Exception], case: dict[str, Any]) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - raised with those of the other cases
        error.add_note(", ".join(f"{name}={value!r:.500}" for name, value in case.items()))
        errors.append(error)


def _raise_errors(errors: list[Exception]) -> None:
    if errors:
        raise ExceptionGroup(f"{len(errors)} cases fail", errors)
