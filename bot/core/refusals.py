"""What a person is refused, in words."""

from __future__ import annotations


class Refusal(Exception):  # a "no" to a person is not an error of ours
    """A sentence for the person who asked, already in their language."""
