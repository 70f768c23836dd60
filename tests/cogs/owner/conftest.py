"""Fixtures of the tests of /owner."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core.configuration.settings import Settings
from tests.cogs.owner.owner_server import OWNER_SERVER_ID, OwnerServer, create_owner_server


@pytest.fixture
def settings(settings) -> Settings:
    return replace(settings, owner_server=OWNER_SERVER_ID)


@pytest.fixture
async def office(telex, monkeypatch) -> OwnerServer:
    return await create_owner_server(telex, monkeypatch)
