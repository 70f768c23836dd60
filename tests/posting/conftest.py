from __future__ import annotations

import pytest

from tests.posting.publisher import Answers, Publisher


@pytest.fixture
def publisher(telex, feed_server) -> Publisher:
    """A feed; a test says who follows it with `await publisher.begin()`."""
    return Publisher(telex, feed_server)


@pytest.fixture
def answers(telex) -> Answers:
    """What the bot asks of Discord, whose answers a test may lose."""
    return Answers(telex)
