"""A poller that parses in the process of the test."""

from __future__ import annotations

from bot.client.services import Services
from bot.polling.poller import Poller
from bot.polling.websub.hub_discovery import HubDiscovery
from bot.posting.wording import alert_texts
from tests.support.workers.inline_workers import InlineWorkers


def build_poller(newsroom: Services) -> Poller:
    """Return a poller of its own on the store and fetcher of `newsroom`; nobody hears of what it records."""
    return Poller(
        newsroom.settings,
        newsroom.store,
        newsroom.fetcher,
        InlineWorkers(),
        alert_texts.build_alert_texts,
        newsroom.leases,
        newsroom.supervisor,
        HubDiscovery(newsroom.settings, newsroom.store),
        on_recorded=lambda: None,
        maintenance=newsroom.maintenance,
    )
