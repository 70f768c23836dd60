"""/settings profile: the bot's avatar, banner and bio in a server, and pictures that are refused."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import struct
import zlib
from contextlib import suppress

import pytest
from aiohttp import web
from PIL import Image
from simcord.backend import cdn

from tests.support.cases import check_cases
from tests.support.discord_world import World
from tests.support.interactions import (
    get_last_reply,
    list_button_labels,
    list_components,
    press_button,
    read_reply_text,
)

PATH = "/members/@me"
FIFTY_MEGABYTES = 50_000_000


def draw_picture(size: tuple[int, int], picture_format: str = "PNG", frame_count: int = 1) -> bytes:
    frames = [Image.new("RGB", size, (number * 2, 90, 120)) for number in range(frame_count)]
    buffer = io.BytesIO()
    frames[0].save(buffer, picture_format, save_all=frame_count > 1, append_images=frames[1:])
    return buffer.getvalue()


def read_edits(world: World) -> list[dict[str, str | None]]:
    """List the bot's changes to its server profile, oldest first."""
    return [entry.json for entry in world.env.backend.http_requests if entry.method == "PATCH" and PATH in entry.path]


def open_picture(data_url: str | None) -> Image.Image:
    assert data_url is not None
    assert data_url.startswith("data:image/png;base64,")
    return Image.open(io.BytesIO(base64.b64decode(data_url.partition(",")[2])))


async def test_profile_is_previewed_set_and_reset(telex):
    guild = telex.bot.get_guild(telex.guild.id)
    preview = await telex.run_as_editor(
        "settings profile",
        avatar=("me.jpg", draw_picture((1500, 900), "JPEG")),
        banner=("sea.png", draw_picture((600, 600))),
        bio="News *for* us",
    )
    assert "How I’d look in this server" in read_reply_text(preview)
    assert "News \\*for\\* us" in read_reply_text(preview)
    preview_json = json.dumps(list_components(get_last_reply(preview)))
    assert all(f"/{name}.png" in preview_json for name in ("avatar", "banner")), preview_json
    assert read_edits(telex) == []
    save_reply = await press_button(telex.editor, preview, "Use this profile")
    assert "Saved." in read_reply_text(save_reply)
    (edit,) = read_edits(telex)
    assert edit.keys() == {"avatar", "banner", "bio"}
    assert edit["bio"] == "News *for* us"
    assert open_picture(edit["avatar"]).size == (900, 900)
    assert open_picture(edit["banner"]).size == (600, 211)
    assert guild.me.guild_avatar is not None
    panel = await telex.run_as_editor("settings profile")
    assert "custom avatar" in read_reply_text(panel)
    settings = await telex.run_as_editor("settings server")
    assert "custom avatar" in read_reply_text(settings)
    await press_button(telex.editor, panel, "Back to the default")
    assert read_edits(telex)[1:] == [{"avatar": None, "banner": None, "bio": ""}]
    assert guild.me.guild_avatar is None
    only_bio = await telex.run_as_editor("settings profile", bio="Short")
    await press_button(telex.editor, only_bio, "Use this profile")
    assert read_edits(telex)[2:] == [{"bio": "Short"}]


async def test_first_frame_of_animated_avatar_is_used(telex):
    animated_picture = draw_picture((64, 64), "GIF", 100)
    preview = await telex.run_as_editor("settings profile", avatar=("dance.gif", animated_picture))
    assert "The picture is animated; I’d use its first frame." in read_reply_text(preview)
    await press_button(telex.editor, preview, "Use this profile")
    avatar = open_picture(read_edits(telex)[0]["avatar"])
    assert (avatar.size, getattr(avatar, "n_frames", 1)) == ((64, 64), 1)


def build_decompression_bomb() -> bytes:
    """Build a PNG of a few kilobytes that declares 60,000 × 60,000 pixels."""

    def build_chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1_000_000))
    return (
        b"\x89PNG\r\n\x1a\n" + build_chunk(b"IHDR", header) + build_chunk(b"IDAT", pixels) + build_chunk(b"IEND", b"")
    )


@check_cases(
    ("name", "content"),
    [
        ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("empty.png", b""),
        ("half.png", draw_picture((400, 400))[:200]),
        ("bomb.png", build_decompression_bomb()),
        ("wide.png", draw_picture((5000, 2))),
        ("virus.exe", b"MZ" + bytes(2000)),
    ],
)
async def test_unusable_picture_is_refused(telex, name, content):
    reply = await telex.run_as_editor("settings profile", banner=(name, content))
    assert "I can’t use this picture. Send a PNG, JPEG, GIF or WebP of at most 4,096 × 4,096" in read_reply_text(reply)
    assert list_button_labels(get_last_reply(reply)) == []


async def test_large_picture_is_refused_before_or_during_download(telex, feed_server, monkeypatch):
    sent_bytes = 0

    async def stream_picture(request: web.Request) -> web.StreamResponse:
        nonlocal sent_bytes
        response = web.StreamResponse()
        await response.prepare(request)
        with suppress(ConnectionError):
            while sent_bytes < FIFTY_MEGABYTES:
                await response.write(bytes(100_000))
                sent_bytes += 100_000
                await asyncio.sleep(0)
        return response

    reply_to_declared_size = await telex.run_as_editor("settings profile", avatar=("a.png", bytes(8 * 1024 * 1024 + 1)))
    assert "This picture is too large. Send one of at most 8 MB." in read_reply_text(reply_to_declared_size)
    address = f"{feed_server.origin}/huge.png"
    feed_server.handle("/huge.png", stream_picture)
    store = cdn.CdnStore.store_attachment
    monkeypatch.setattr(
        cdn.CdnStore, "store_attachment", lambda *arguments: store(*arguments) | {"url": address, "proxy_url": address}
    )
    reply_to_streamed_file = await telex.run_as_editor("settings profile", avatar=("a.png", draw_picture((64, 64))))
    assert "This picture is too large. Send one of at most 8 MB." in read_reply_text(reply_to_streamed_file)
    assert sent_bytes < FIFTY_MEGABYTES // 2
    assert read_edits(telex) == []


@pytest.mark.parametrize(
    ("status", "code", "text", "words"),
    [
        (400, 50035, "You are changing your avatar too fast. Try again later.", "Try again in ten minutes."),
        (403, 50013, "Missing Permissions", "Discord doesn’t let me change my profile here."),
        (400, 50035, "File cannot be larger than 10240.0 kb.", "Discord refused it: File cannot be larger"),
    ],
)
async def test_discord_error_on_profile_is_explained(telex, status, code, text, words):
    preview = await telex.run_as_editor("settings profile", avatar=("a.png", draw_picture((64, 64))))
    telex.env.inject_error("PATCH", f"/guilds/*{PATH}", status=status, code=code, message=text)
    refusal = await press_button(telex.editor, preview, "Use this profile")
    assert words in read_reply_text(refusal)
    assert await press_button(telex.editor, preview, "Use this profile")
    assert telex.bot.get_guild(telex.guild.id).me.guild_avatar is not None


async def test_profile_change_requires_permission(telex):
    preview = await telex.run_as_editor("settings profile", bio="Mine")
    telex.env.backend.edit_role(telex.guild.id, telex.guild.roles["Editors"].id, {"permissions": 0})
    await telex.env.settle()
    refusal = await press_button(telex.editor, preview, "Use this profile")
    assert "Manage Server" in read_reply_text(refusal)
    assert read_edits(telex) == []
