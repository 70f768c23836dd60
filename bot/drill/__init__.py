"""Rehearsals of outages (drills) of the bot against a stand-in for Discord."""
