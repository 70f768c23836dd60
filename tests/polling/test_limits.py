"""Token bucket."""

from __future__ import annotations

from weakref import WeakSet

import pytest

from bot.core.concurrency import rate_limits
from bot.core.concurrency.rate_limits import TokenBucket


class Key:
    """A weakly referenceable key of a token bucket."""


def consume_tokens(limit: TokenBucket, key: int, count: int) -> None:
    for _ in range(count):
        assert limit.retry_after(key) == 0
        limit.consume(key)


def test_tokens_are_refilled_gradually(clock):
    limit = TokenBucket(clock, max_tokens=5, period_seconds=60)
    consume_tokens(limit, 1, 5)
    assert limit.retry_after(1) == pytest.approx(12)
    clock.advance(12)
    consume_tokens(limit, 1, 1)
    assert limit.retry_after(1) == pytest.approx(12)
    clock.advance(3600)
    consume_tokens(limit, 1, 5)
    assert limit.retry_after(1) > 0


def test_each_key_has_its_own_tokens(clock):
    limit = TokenBucket(clock, max_tokens=1, period_seconds=60)
    consume_tokens(limit, 1, 1)
    consume_tokens(limit, 2, 1)


def test_idle_keys_are_evicted(clock, monkeypatch):
    monkeypatch.setattr(rate_limits, "_SWEEP_THRESHOLD", 10)
    limit = TokenBucket(clock, max_tokens=2, period_seconds=10)
    alive: WeakSet[Key] = WeakSet()
    for _ in range(100):
        key = Key()
        alive.add(key)
        limit.consume(key)
        clock.advance(5)
    assert len(alive) <= 11
