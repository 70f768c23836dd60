"""A limit lets so many through at once, then one by one, and remembers nobody for long."""

from __future__ import annotations

from weakref import WeakSet

import pytest

from bot.core.concurrency import rate_limits
from bot.core.concurrency.rate_limits import TokenBucket


class Key:
    """Whoever is limited."""


def used_up(limit: TokenBucket, key: int, turns: int) -> None:
    for _ in range(turns):
        assert limit.retry_after(key) == 0
        limit.consume(key)


def test_turns_come_back_one_by_one(clock):
    limit = TokenBucket(clock, max_tokens=5, period_seconds=60)
    used_up(limit, 1, 5)
    assert limit.retry_after(1) == pytest.approx(12)
    clock.advance(12)
    used_up(limit, 1, 1)
    assert limit.retry_after(1) == pytest.approx(12)
    clock.advance(3600)
    used_up(limit, 1, 5)
    assert limit.retry_after(1) > 0


def test_one_keys_turns_are_not_anothers(clock):
    limit = TokenBucket(clock, max_tokens=1, period_seconds=60)
    used_up(limit, 1, 1)
    used_up(limit, 2, 1)


def test_many_keys_do_not_stay_in_memory(clock, monkeypatch):
    monkeypatch.setattr(rate_limits, "_SWEEP_THRESHOLD", 10)
    limit = TokenBucket(clock, max_tokens=2, period_seconds=10)
    alive: WeakSet[Key] = WeakSet()
    for _ in range(100):
        key = Key()
        alive.add(key)
        limit.consume(key)
        clock.advance(5)
    assert len(alive) <= 11
