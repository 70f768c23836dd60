"""Fixtures of the tests of /owner."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core.configuration.settings import Settings
from tests.cogs.owner.office import OWNER_SERVER_ID, Office, open_office


@pytest.fixture
def settings(settings) -> Settings:
    return replace(settings, owner_server=OWNER_SERVER_ID)


@pytest.fixture
async def office(telex, monkeypatch) -> Office:
    return await open_office(telex, monkeypatch)
