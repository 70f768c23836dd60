"""Pictures that the demo's page shows without a network, by their addresses: file names and bytes."""

from collections.abc import Iterable
from itertools import product
from string import ascii_uppercase, digits

from simcord.backend.cdn import CDN_BASE
from simcord.env import Env

from bot import DATA
from bot.posting.emoji import tile_drawing
from bot.posting.rendering.layout import icons, outlets

LOGO = DATA / "identity" / "telex.png"
AVATAR = "telex"


def likeness(env: Env) -> dict[str, tuple[str, bytes]]:
    """Give the simulated bot its avatar; the picture for a page of simcord, by its address."""
    me = env.backend.bot_user
    me.avatar = AVATAR
    return {f"{CDN_BASE}/avatars/{me.id}/{AVATAR}.png": (f"{AVATAR}.png", LOGO.read_bytes())}


def drawn(env: Env, names: Iterable[str] | None = None) -> dict[str, tuple[str, bytes]]:
    """Let messages show icons of buttons and the initials of outlets of these names; None for any name.

    Returns the pictures for the page by their addresses, with file names.
    """
    pictures: dict[str, tuple[str, bytes]] = {}

    def kept(name: str, picture: bytes) -> str:
        emoji = env.backend.create_application_emoji(name)
        pictures[f"{CDN_BASE}/emojis/{emoji.id}.png"] = (f"{name}.png", picture)
        return f"<:{name}:{emoji.id}>"

    initials = (
        product(ascii_uppercase + digits, outlets.COLOURS)
        if names is None
        else {(outlets.initial(name), outlets.colour(0, name)) for name in names}
    )
    outlets.know(
        {},
        {
            (letter, colour): kept(
                f"initial_{letter}_{colour:x}", tile_drawing.of_initial(letter, colour).png
            )
            for letter, colour in sorted(initials)
            if letter
        },
    )
    icons.know(
        {icon: kept(f"button_{icon.name.lower()}", picture) for icon, picture in icons.pictures().items()}
    )
    return pictures
