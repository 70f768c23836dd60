"""Takes pictures of the bot's profile in a server: `python -m tools.pictures.profile_pictures [FOLDER]`."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from simcord.backend.cdn import CDN_BASE

from bot.demo.page_pictures import install_bot_avatar
from tests.support.interactions import get_last_reply
from tools.pictures.picture_stage import run, server_in, shoot, shoot_last

TEXTS = {
    "": ("en", "News of the Harbour Library, read before breakfast.", "Use this profile"),
    "-fr": ("fr", "Les nouvelles de la Bibliothèque du port, lues avant le petit déjeuner.", "Utiliser ce profil"),
}


def draw_lighthouse(width: int, height: int) -> bytes:
    """Draw a lighthouse by the sea as PNG."""
    picture = Image.new("RGB", (width, height), (24, 58, 92))
    canvas, middle, unit = ImageDraw.Draw(picture), width // 2, height // 10
    canvas.rectangle((0, 8 * unit, width, height), fill=(16, 92, 110))
    canvas.polygon([(middle, 3 * unit), (width, unit), (width, 4 * unit)], fill=(235, 214, 140))
    tower = [(middle - unit, 3 * unit), (middle + unit, 3 * unit), (middle + 2 * unit, 9 * unit)]
    canvas.polygon([*tower, (middle - 2 * unit, 9 * unit)], fill=(232, 232, 226))
    canvas.rectangle((middle - unit, 5 * unit, middle + unit, 6 * unit), fill=(190, 60, 50))
    canvas.rectangle((middle - unit, 2 * unit, middle + unit, 3 * unit), fill=(250, 226, 120))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


async def main(folder: Path) -> None:
    """Take pictures of a preview and of the panel with the profile that was set, in each language and width."""
    for ending, (language, bio, use_label) in TEXTS.items():
        async with server_in(language) as (world, _server):
            world.pictures |= install_bot_avatar(world.env)

            async def take(name: str, path: str = ending) -> None:
                def take_picture(page: Any) -> None:
                    shoot_last(page, folder / f"{name}{path}.png", {})

                await shoot(world, world.news, take_picture)

            avatar, banner = draw_lighthouse(400, 400), draw_lighthouse(1360, 480)
            pictures = {"avatar": ("avatar.png", avatar), "banner": ("banner.png", banner)}
            preview = await world.editor.slash(world.news, "settings profile", **pictures, bio=bio)
            await take("profile-preview")
            await world.editor.click(get_last_reply(preview), label=use_label)
            guild = world.bot.get_guild(world.guild.id)
            assert guild is not None
            avatar_hash = world.env.backend.get_member(guild.id, guild.me.id).avatar
            world.pictures |= {
                guild.me.display_avatar.url: ("avatar.png", avatar),
                f"{CDN_BASE}/guilds/{guild.id}/users/{guild.me.id}/avatars/{avatar_hash}.png": ("avatar.png", avatar),
            }
            await world.editor.slash(world.news, "settings profile")
            await take("profile")


if __name__ == "__main__":
    run(main)
