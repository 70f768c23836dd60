"""Repositories of feeds: polls, quota overflow, WebSub subscriptions, outlet icons."""
