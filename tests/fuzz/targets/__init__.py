"""Targets, a module for each kind of boundary."""
