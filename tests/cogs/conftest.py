"""What tests of commands share."""

from __future__ import annotations

import pytest

from bot.news import answers
from tests.cogs.engine import Engine


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The engine of answers, replaced for a test."""
    made = Engine()
    monkeypatch.setattr(answers, "ask", made.ask)
    return made
