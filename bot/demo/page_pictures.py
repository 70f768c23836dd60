"""Images that the demo's page shows without a network: file names and bytes, by URL."""

from collections.abc import Iterable
from itertools import product
from string import ascii_uppercase, digits

from simcord.backend.cdn import CDN_BASE
from simcord.env import Env

from bot import DATA
from bot.posting.emoji import tile_drawing
from bot.posting.rendering.layout import icons, outlet_branding

LOGO_PATH = DATA / "identity" / "telex.png"
"""Path of the bot's avatar image."""
AVATAR_NAME = "telex"
"""Name of the avatar in the simulated Discord, where Discord has a hash of the image."""


def install_bot_avatar(env: Env) -> dict[str, tuple[str, bytes]]:
    """Set the avatar of the simulated bot and return its file name and bytes by its URL."""
    bot_user = env.backend.bot_user
    bot_user.avatar = AVATAR_NAME
    return {f"{CDN_BASE}/avatars/{bot_user.id}/{AVATAR_NAME}.png": (f"{AVATAR_NAME}.png", LOGO_PATH.read_bytes())}


def register_emoji(env: Env, outlet_names: Iterable[str] | None = None) -> dict[str, tuple[str, bytes]]:
    """Register emoji for buttons and for the initials of outlets, and return their file names and bytes by URL.

    The bot's messages show them from now on. `outlet_names` are the outlets' names; if it is None, every initial is
    registered in every colour.
    """
    file_by_url: dict[str, tuple[str, bytes]] = {}

    def add_emoji(emoji_name: str, png_bytes: bytes) -> str:
        emoji = env.backend.create_application_emoji(emoji_name)
        file_by_url[f"{CDN_BASE}/emojis/{emoji.id}.png"] = (f"{emoji_name}.png", png_bytes)
        return f"<:{emoji_name}:{emoji.id}>"

    initials_with_colours = (
        product(ascii_uppercase + digits, outlet_branding.INITIAL_COLOURS)
        if outlet_names is None
        else {
            (outlet_branding.get_initial(outlet_name), outlet_branding.outlet_colour(0, outlet_name))
            for outlet_name in outlet_names
        }
    )
    outlet_branding.set_emoji(
        {},  # No outlet has an emoji of its own icon.
        {
            (letter, colour): add_emoji(
                f"initial_{letter}_{colour:x}", tile_drawing.draw_initial_tile(letter, colour).png
            )
            for letter, colour in sorted(initials_with_colours)
            if letter
        },
    )
    icons.set_application_emoji(
        {
            icon: add_emoji(f"button_{icon.name.lower()}", png_bytes)
            for icon, png_bytes in icons.load_icon_images().items()
        }
    )
    return file_by_url
