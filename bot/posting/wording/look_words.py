"""Looks of posts in words."""

from bot.core.choices import Look, Style
from bot.core.locale import _, amount
from bot.text import safe


def style_name(style: Style) -> str:
    """What a style is called, in the language of this task."""
    names = {
        Style.FULL: _("card"),
        Style.THUMBNAIL: _("card with a small picture"),
        Style.COMPACT: _("compact"),
        Style.HEADLINE: _("headline"),
        Style.CLASSIC: _("classic"),
    }
    return names[style]


def brief(look: Look) -> str:
    """A look in a few words, in the language of this task."""
    words = [style_name(look.style)]
    if not look.image and look.style is not Style.HEADLINE:
        words.append(_("no picture"))
    if look.excerpt is not None and look.style is not Style.HEADLINE:
        words.append(
            _("excerpt: {count}").format(count=amount(look.excerpt)) if look.excerpt else _("no excerpt")
        )
    if look.prefix:
        words.append(_("“{text}”").format(text=safe.markdown(look.prefix)))
    if look.template is not None:
        words.append(_("own template"))
    if look.colour is not None:
        words.append(f"#{look.colour:06x}")
    if look.role is not None:
        words.append(f"<@&{look.role}>")
    return ", ".join(words)
