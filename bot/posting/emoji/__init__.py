"""Emoji that belong to the bot's application: tiles of outlets and icons of buttons.

A tile is an outlet's icon or initial on a square. Tiles are drawn here and stored by Discord.
"""
