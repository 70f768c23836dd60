"""Tests of the drill: its plan, its comparison, and a short one on the wire."""
