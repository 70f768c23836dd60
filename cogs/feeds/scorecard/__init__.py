"""Scorecard of a server's feeds: whose posts people save or like, and what to do about the other feeds."""
