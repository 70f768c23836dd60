"""Emoji of the application: tiles of outlets and icons of buttons, drawn here and stored by Discord."""
