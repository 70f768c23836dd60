"""Fixtures of the tests of commands."""

from __future__ import annotations

import pytest

from bot.answers import answer_pipeline
from bot.core.models import Feed
from tests.cogs.engine import Engine
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer
from tests.support.scenario import follow_feed


@pytest.fixture
def engine(monkeypatch) -> Engine:
    """A stand-in that replaces the answer engine."""
    answer_engine = Engine()
    monkeypatch.setattr(answer_pipeline, "answer_question", answer_engine.ask)
    return answer_engine


@pytest.fixture
async def feed(telex: World, feed_server: FeedServer) -> Feed:
    """The feed of three articles that `news` follows, with its newest article posted."""
    return await follow_feed(telex, feed_server)
