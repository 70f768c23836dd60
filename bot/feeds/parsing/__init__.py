"""Parsing of RSS, Atom, JSON Feed and OPML. Runs in a worker."""
