"""Data that lies beside a checkout on some machines and never inside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.drill.discord_stand_in import schema

SHARED = Path(__file__).resolve().parents[3] / "shared"


API_DESCRIPTION = SHARED / "discord" / "openapi.json"
"""Discord's description of its API."""


def require_shared_path(name: str) -> Path:
    """The file or folder of that name; the test is skipped, saying so, where it is absent."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs ../shared/{name}, which is not beside this checkout")
    return path


def load_discord_contract() -> schema.ContractChecker | None:
    """What Discord allows in requests and answers; None where its description is absent."""
    return schema.load_contract_checker(API_DESCRIPTION) if API_DESCRIPTION.exists() else None
