"""Fixtures for tests of commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from simcord import interactions


@pytest.fixture
def speaks(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Call it with a locale: everybody's client is set to it from then on."""
    original = interactions.base_payload

    def set_locale(tag: str) -> None:
        def payload(*args: Any, **kwargs: Any) -> Any:
            record, made = original(*args, **kwargs)
            made["locale"] = tag
            return record, made

        monkeypatch.setattr(interactions, "base_payload", payload)

    return set_locale
