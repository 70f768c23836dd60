"""Fixtures of the tests of commands."""

from __future__ import annotations

import pytest

from bot.answers import answer_pipeline
from tests.cogs.engine import Engine


@pytest.fixture
def engine(monkeypatch) -> Engine:
    """A stand-in that replaces the answer engine."""
    answer_engine = Engine()
    monkeypatch.setattr(answer_pipeline, "answer_question", answer_engine.ask)
    return answer_engine
