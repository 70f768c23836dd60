"""Scenes in which a real `telex run` meets the stand-in for Discord."""
