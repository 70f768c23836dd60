"""The bot in a simulated Discord, with sample feeds on loopback: no token, no account, no network."""

from bot.demo.demo_server import serve

__all__ = ["serve"]
