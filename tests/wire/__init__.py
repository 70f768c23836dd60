"""Tests of `telex run` against the stand-in for Discord."""
