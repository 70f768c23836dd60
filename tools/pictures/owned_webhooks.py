"""The simulated Discord takes the bot's webhooks for strangers', which may send no buttons: not here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from simcord.http.routes import interactions


@contextmanager
def owned_webhooks() -> Iterator[None]:
    """While this lasts webhooks are the application's, and keep their components whatever is asked for."""

    def body(context: Any) -> tuple[dict[str, Any], bool]:
        return dict(context.body()), True

    with patch.object(interactions, "_incoming_webhook_body", body):
        yield
