from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bot.posting.post_send_worker import PostSendWorker
from bot.posting.sending.dispatch_sender import DispatchSender
from bot.posting.sending.outcome_recorder import OutcomeRecorder
from bot.store.outbox.dispatches import Dispatches
from tests.support.posting_publisher import FeedPublisher, ResponseLosses


@pytest.fixture
def publisher(telex, feed_server) -> FeedPublisher:
    """A feed that channels follow after `await publisher.begin(*channels)`."""
    return FeedPublisher(telex, feed_server)


@pytest.fixture
def answers(telex) -> ResponseLosses:
    """Requests to Discord whose responses a test can drop."""
    return ResponseLosses(telex)


STEPS: dict[str, tuple[type, Callable[..., Any]]] = {
    "claim": (Dispatches, Dispatches.claim),
    "find": (DispatchSender, DispatchSender.resolve_target),
    "render": (DispatchSender, DispatchSender.render),
    "send": (DispatchSender, DispatchSender.send),
    "record": (OutcomeRecorder, OutcomeRecorder.record),
    "finish": (PostSendWorker, PostSendWorker.finalize),
}


@pytest.fixture
def stop_at(telex, monkeypatch) -> Callable[[str, str], None]:
    """A function that stops the relay, as if its process were killed, when it first reaches a step."""

    def stop(step: str, when: str) -> None:
        owner, original_step = STEPS[step]
        name = original_step.__name__

        async def stop_relay(*args: Any, **options: Any) -> None:
            monkeypatch.setattr(owner, name, original_step)
            if when == "after":
                await original_step(*args, **options)
            await asyncio.shield(asyncio.create_task(telex.bot.outbox_relay.stop(0.0)))  # which cancels this

        monkeypatch.setattr(owner, name, stop_relay)

    return stop
