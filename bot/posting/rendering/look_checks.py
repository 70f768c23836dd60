"""Checks on a look (settings of how posts appear) that was not chosen in the panel, which offers only valid looks."""

from bot.core.i18n import _, format_number
from bot.core.preferences import PostLook
from bot.posting.rendering.messages import MAX_EXCERPT_LENGTH, MAX_PREFIX_LENGTH
from bot.posting.rendering.post_templates import MAX_BODY_LENGTH, MAX_TITLE_OR_FOOTER_LENGTH, find_template_error
from bot.text.discord_text import count_utf16_units


def find_look_error(look: PostLook) -> str | None:
    """Return what is invalid in a look (settings of how posts appear), in the current language; None if it is valid."""
    texts_with_limits = [("prefix", look.prefix, MAX_PREFIX_LENGTH)]
    if look.template is not None:
        texts_with_limits += [
            ("title", look.template.title, MAX_TITLE_OR_FOOTER_LENGTH),
            ("body", look.template.body, MAX_BODY_LENGTH),
            ("footer", look.template.footer, MAX_TITLE_OR_FOOTER_LENGTH),
        ]
    for field_name, text, max_length in texts_with_limits:
        if count_utf16_units(text) > max_length:
            return _("The field {field} is longer than {most} characters.").format(
                field=field_name, most=format_number(max_length)
            )
        if "\0" in text or (field_name == "prefix" and len(text.splitlines()) > 1):
            return _("The field {field} has a character or line break that posts can’t have.").format(field=field_name)
    if not 0 <= (look.excerpt_length or 0) <= MAX_EXCERPT_LENGTH:
        return _("An excerpt has 0 to {most} characters.").format(most=format_number(MAX_EXCERPT_LENGTH))
    return None if look.template is None else find_template_error(look.template)
