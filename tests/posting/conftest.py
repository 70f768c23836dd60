from __future__ import annotations

import pytest

from tests.discord_world import World
from tests.feed_server import FeedServer
from tests.posting.publisher import Answers, Publisher


@pytest.fixture
def publisher(telex: World, feed_server: FeedServer) -> Publisher:
    """A feed; a test says who follows it with `await publisher.begin()`."""
    return Publisher(telex, feed_server)


@pytest.fixture
def answers(telex: World) -> Answers:
    """What the bot asks of Discord, whose answers a test may lose."""
    return Answers(telex)
