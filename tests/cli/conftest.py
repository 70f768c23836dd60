"""The command line of a test, on an empty database."""

from __future__ import annotations

import pytest

from tests.support.telex_command import Telex


@pytest.fixture
def telex(tmp_path, launcher) -> Telex:
    return Telex(tmp_path, launcher)
