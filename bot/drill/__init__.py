"""Rehearsals of outages against a stand-in for Discord."""
