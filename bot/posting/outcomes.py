"""What became of a request to Discord, as types."""

from __future__ import annotations

import aiohttp


def no_repeated_threads() -> aiohttp.TraceConfig:
    """Keep discord.py from repeating a forum post. (Being written.)"""
    return aiohttp.TraceConfig()
