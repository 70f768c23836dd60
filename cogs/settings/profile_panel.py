"""Panels of /settings profile: the bot's avatar, banner and bio in a server, and the preview of new ones."""

from collections.abc import Mapping
from typing import NamedTuple, TypedDict

import discord

from bot.core.concurrency.worker_process import WorkerError
from bot.core.i18n import _, format_number, linkify_commands
from bot.core.user_errors import UserFacingError
from bot.feeds import fetch_errors
from bot.feeds.fetch_errors import FeedError
from bot.posting.rendering import profile_drawing
from bot.posting.rendering.layout.blocks import ActionRow, Block, Gallery, Image, Section, text_block
from bot.posting.rendering.messages import Picture
from bot.text import discord_text
from cogs.shared.authorization import ManagersPanel
from cogs.shared.panels import heading_block
from cogs.shared.views import ActionButton, Interaction

MAX_BIO_LENGTH = 190
"""Maximum length of the bot's bio in a server, in UTF-16 units."""
_MAX_PICTURE_BYTES = 8 * 1024 * 1024
"""Maximum size in bytes of a picture that is downloaded; Discord takes avatars of 10 MiB."""
_MAX_REASON_LENGTH = 200
"""Maximum length in UTF-16 units of Discord's own words for a refusal."""
_RATE_LIMIT_WORDS = "too fast"
"""Words in Discord's refusal of an avatar or banner that was changed a moment ago."""
_SIZE_BY_FIELD = {"avatar": profile_drawing.AVATAR_SIZE, "banner": profile_drawing.BANNER_SIZE}


class ProfileChanges(TypedDict, total=False):
    """Changes of the bot's profile in a server: pictures as image files, and a bio; None resets one."""

    avatar: bytes | None
    banner: bytes | None
    bio: str | None


class ProfileDraft(NamedTuple):
    """New pictures, by `avatar` and `banner`, and a new bio; None for no new bio."""

    png_by_field: Mapping[str, bytes]
    bio: str | None
    has_animated_picture: bool


async def open_profile(
    interaction: Interaction,
    avatar: discord.Attachment | None,
    banner: discord.Attachment | None,
    bio: str | None,
) -> None:
    """Preview a new profile of the bot in the server; without anything new, show the current one.

    Raises `UserFacingError` if a picture cannot be used.
    """
    attachment_by_field = {"avatar": avatar, "banner": banner}
    pictures = {
        field: await _load_picture(interaction, attachment, _SIZE_BY_FIELD[field])
        for field, attachment in attachment_by_field.items()
        if attachment is not None
    }
    if not pictures and bio is None:
        await ProfilePanel(interaction).render(interaction)
        return
    draft = ProfileDraft(
        {field: picture.png_bytes for field, picture in pictures.items()},
        bio,
        any(picture.is_animated for picture in pictures.values()),
    )
    await ProfilePreview(interaction, draft).render(interaction)


async def _load_picture(
    interaction: Interaction, attachment: discord.Attachment, max_size: tuple[int, int]
) -> profile_drawing.ProfilePicture:
    """Download an attached picture and draw it anew in a worker.

    Raises `UserFacingError` if the file is too large by its declared or its real size, or no usable picture.
    """
    services = interaction.client.services
    too_large_text = _("This picture is too large. Send one of at most {count} MB.").format(
        count=format_number(_MAX_PICTURE_BYTES // 1024**2)
    )
    if attachment.size > _MAX_PICTURE_BYTES:
        raise UserFacingError(too_large_text)
    try:
        response = await services.fetcher.get(attachment.url, accept="image/*", max_bytes=_MAX_PICTURE_BYTES)
    except FeedError as error:
        if error.code == fetch_errors.TOO_LARGE:
            raise UserFacingError(too_large_text) from error
        raise UserFacingError(_("Discord didn’t give me the file. Try again.")) from error
    try:
        return await services.occasional_workers.run(
            profile_drawing.draw_profile_picture,
            response.body,
            max_size,
            timeout=profile_drawing.DRAW_TIMEOUT_SECONDS,
        )
    except (ValueError, WorkerError) as error:
        raise UserFacingError(
            _("I can’t use this picture. Send a PNG, JPEG, GIF or WebP of at most {side} × {side} pixels.").format(
                side=format_number(profile_drawing.MAX_SOURCE_SIDE_PIXELS)
            )
        ) from error


class ProfilePanel(ManagersPanel):
    """Panel with the bot's avatar and banner in the server, and a button back to the default profile."""

    async def render(self, interaction: Interaction) -> None:
        member = self.guild.me
        hint = linkify_commands(_("To change it, attach pictures or write a bio: /settings profile"))
        heading = heading_block(_("My profile in this server"), describe_profile(member), f"-# {hint}")
        card_blocks: list[Block] = [Section((heading,), Image(member.display_avatar.url))]
        if member.guild_banner is not None:
            card_blocks.append(Gallery((Image(member.guild_banner.url),)))
        reset_button = ActionButton(self._reset, label=_("Back to the default"))
        await self.display_card(interaction, *card_blocks, ActionRow(reset_button))

    async def _reset(self, interaction: Interaction) -> None:
        await change_profile(self.guild, {"avatar": None, "banner": None, "bio": None})
        await self.finish(interaction, _("I have my default avatar, banner and bio here again."))


class ProfilePreview(ProfilePanel):
    """Preview of a new profile, with a button that sets it, and then one back to the default."""

    def __init__(self, interaction: Interaction, draft: ProfileDraft) -> None:
        super().__init__(interaction)
        self._draft = draft

    async def render(self, interaction: Interaction) -> None:
        draft = self._draft
        pictures = [
            Picture(png_bytes, f"{field}.png", _("Preview of the picture"))
            for field, png_bytes in draft.png_by_field.items()
        ]
        image_by_field = {
            field: Image(f"attachment://{picture.filename}", picture.description)
            for field, picture in zip(draft.png_by_field, pictures, strict=True)
        }
        lines = [] if draft.bio is None else [discord_text.to_markdown_line(draft.bio, MAX_BIO_LENGTH)]
        if draft.has_animated_picture:
            lines.append("-# " + _("The picture is animated; I’d use its first frame."))
        avatar = image_by_field.get("avatar", Image(self.guild.me.display_avatar.url))
        heading = heading_block(_("How I’d look in this server"), *lines)
        card_blocks: list[Block] = [Section((heading,), avatar)]
        if "banner" in image_by_field:
            card_blocks.append(Gallery((image_by_field["banner"],)))
        button_row = ActionRow(
            ActionButton(self._save, label=_("Use this profile"), style=discord.ButtonStyle.success),
            ActionButton(self.cancel, label=_("Cancel")),
        )
        await self.display_card(interaction, *card_blocks, button_row, pictures=pictures)

    async def _save(self, interaction: Interaction) -> None:
        changes: ProfileChanges = {}
        if "avatar" in self._draft.png_by_field:
            changes["avatar"] = self._draft.png_by_field["avatar"]
        if "banner" in self._draft.png_by_field:
            changes["banner"] = self._draft.png_by_field["banner"]
        if self._draft.bio is not None:
            changes["bio"] = self._draft.bio
        await change_profile(self.guild, changes)
        saved_text = _("Saved. This is my profile in this server now; elsewhere nothing changed.")
        reset_button = ActionButton(self._reset, label=_("Back to the default"))
        await self.display(interaction, (text_block(saved_text), ActionRow(reset_button)))


def describe_profile(member: discord.Member) -> str:
    """Return which pictures of the bot's member in a server are its own, in the current language."""
    labels = [
        label
        for label, asset in ((_("custom avatar"), member.guild_avatar), (_("custom banner"), member.guild_banner))
        if asset is not None
    ]
    return ", ".join(labels) or _("default avatar and banner")


async def change_profile(guild: discord.Guild, changes: ProfileChanges) -> None:
    """Change the avatar, banner or bio of the bot's member in a server.

    Raises `UserFacingError` if Discord refuses, with the reason in words.
    """
    try:
        await guild.me.edit(**changes)
    except discord.RateLimited as error:
        raise UserFacingError(_rate_limited_text()) from error
    except discord.Forbidden as error:
        raise UserFacingError(_("Discord doesn’t let me change my profile here.")) from error
    except discord.HTTPException as error:
        if _RATE_LIMIT_WORDS in error.text:
            raise UserFacingError(_rate_limited_text()) from error
        raise UserFacingError(
            _("Discord refused it: {reason}").format(
                reason=discord_text.to_markdown_line(error.text or str(error.status), _MAX_REASON_LENGTH)
            )
        ) from error


def _rate_limited_text() -> str:
    return _("Discord allows only a few changes of a profile in a while. Try again in ten minutes.")
