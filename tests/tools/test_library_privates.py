"""Which private attributes count as a library's."""

from pathlib import Path

import pytest

from tools import library_privates

MODULE = """
import collections
import string
from collections import _tuplegetter
from threading import Thread
from typing import NamedTuple

class Point(NamedTuple):
    x: int

class Worker(Thread):
    _target = None

    def __init__(self, other):
        super().__init__()
        self._own_name = other._own_name
        self._started_at = string._re

    def run(self):
        Point(1)._replace(x=2)
        self._args = ()
        return getattr(self, "_kwargs"), getattr(self, "_own_name"), super()._bootstrap()

    class Inner:
        def read(self, other):
            return self._args, other._never_assigned
"""


@pytest.fixture
def program(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "sample_program"
    folder.mkdir()
    (folder / "module.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(library_privates, "PROGRAM", (folder.name,))
    return folder


def test_private_attributes_of_libraries_are_listed(program, capsys):
    assert library_privates.main() == 1
    *findings, count = capsys.readouterr().out.splitlines()
    lines = MODULE.splitlines()
    module = "sample_program/module.py"
    assert sorted(findings) == sorted(
        f"{module}:{1 + next(number for number, line in enumerate(lines) if text in line)} {finding}"
        for text, finding in [
            ("import _tuplegetter", "import of collections._tuplegetter"),
            ("_target = None", "_target: defined by threading.Thread"),
            ("string._re", "_re: of string"),
            ("self._args = ()", "_args: defined by threading.Thread"),
            ("_bootstrap()", "_kwargs: defined by threading.Thread"),
            ("_bootstrap()", "_bootstrap: defined by threading.Thread"),
            ("other._never_assigned", "_never_assigned: defined nowhere in the program"),
        ]
    )
    assert count.endswith(": 7")


def test_exempt_module_passes(program, monkeypatch):
    monkeypatch.setattr(library_privates, "EXEMPT", {"sample_program/module.py": "a reason"})
    assert library_privates.main() == 0
