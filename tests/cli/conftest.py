"""The command line of a test, on an empty database."""

from __future__ import annotations

import pytest

from tests.support.telex_command import TelexCommand


@pytest.fixture
def telex(tmp_path, launcher) -> TelexCommand:
    return TelexCommand(tmp_path, launcher)
