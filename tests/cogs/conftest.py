"""What tests of commands share."""

from __future__ import annotations

import pytest

from bot.answers import answering
from tests.cogs.engine import Engine


@pytest.fixture
def engine(monkeypatch) -> Engine:
    """The engine of answers, replaced for a test."""
    made = Engine()
    monkeypatch.setattr(answering, "ask", made.ask)
    return made
