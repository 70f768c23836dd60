"""The modules of the bot as syntax trees, each read once for all tests that look at its code."""

from __future__ import annotations

import ast
import gc
from functools import cache
from pathlib import Path


@cache
def parse_module(path: Path) -> ast.Module:
    tree = ast.parse(path.read_text("utf-8"))
    gc.freeze()  # a tree stays, and has more objects than most tests together
    return tree
