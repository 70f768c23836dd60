"""Recover after a crash or a restored backup: look up what was sent before anything is sent again."""
