"""Labels of looks: the style and other settings of how posts appear."""

from bot.core.i18n import _, format_number
from bot.core.preferences import PostLook, Style
from bot.text import discord_text


def style_label(style: Style) -> str:
    """Return the name of a style of posts, in the current language."""
    label_by_style = {
        Style.FULL: _("card"),
        Style.THUMBNAIL: _("card with a small picture"),
        Style.COMPACT: _("compact"),
        Style.HEADLINE: _("headline"),
        Style.CLASSIC: _("classic"),
    }
    return label_by_style[style]


def look_summary_text(look: PostLook) -> str:
    """Return a summary, in a few words of the current language, of the settings of how posts appear."""
    labels = [style_label(look.style)]
    if not look.shows_image and look.style is not Style.HEADLINE:
        labels.append(_("no picture"))
    if look.excerpt_length is not None and look.style is not Style.HEADLINE:
        labels.append(
            _("excerpt: {count}").format(count=format_number(look.excerpt_length))
            if look.excerpt_length
            else _("no excerpt")
        )
    if look.prefix:
        labels.append(_("“{text}”").format(text=discord_text.escape_markdown(look.prefix)))
    if look.template is not None:
        labels.append(_("own template"))
    if look.colour is not None:
        labels.append(f"#{look.colour:06x}")
    if look.role_id is not None:
        labels.append(f"<@&{look.role_id}>")
    return ", ".join(labels)
