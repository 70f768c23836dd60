"""Images that the demo's page shows without a network: file names and bytes, by URL."""

from collections.abc import Iterable
from itertools import product
from string import ascii_uppercase, digits

from simcord.backend.cdn import CDN_BASE
from simcord.env import Env

from bot import DATA
from bot.posting.emoji import tile_drawing
from bot.posting.rendering.layout import icons, outlet_branding

LOGO = DATA / "identity" / "telex.png"
AVATAR = "telex"


def bot_avatar_assets(env: Env) -> dict[str, tuple[str, bytes]]:
    """Set the avatar of the simulated bot and return its image by URL."""
    bot_user = env.backend.bot_user
    bot_user.avatar = AVATAR
    return {f"{CDN_BASE}/avatars/{bot_user.id}/{AVATAR}.png": (f"{AVATAR}.png", LOGO.read_bytes())}


def emoji_assets(env: Env, names: Iterable[str] | None = None) -> dict[str, tuple[str, bytes]]:
    """Register emoji for buttons and for the initials of outlets, and return their images by URL.

    `names` are the outlets' names; if it is None, every initial is registered.
    """
    assets: dict[str, tuple[str, bytes]] = {}

    def save_picture(name: str, picture: bytes) -> str:
        emoji = env.backend.create_application_emoji(name)
        assets[f"{CDN_BASE}/emojis/{emoji.id}.png"] = (f"{name}.png", picture)
        return f"<:{name}:{emoji.id}>"

    initials = (
        product(ascii_uppercase + digits, outlet_branding.INITIAL_COLOURS)
        if names is None
        else {(outlet_branding.initial_of(name), outlet_branding.outlet_colour(0, name)) for name in names}
    )
    outlet_branding.set_emoji(
        {},
        {
            (letter, colour): save_picture(
                f"initial_{letter}_{colour:x}", tile_drawing.tile_from_initial(letter, colour).png
            )
            for letter, colour in sorted(initials)
            if letter
        },
    )
    icons.set_application_emoji(
        {
            icon: save_picture(f"button_{icon.name.lower()}", picture)
            for icon, picture in icons.load_icon_images().items()
        }
    )
    return assets
