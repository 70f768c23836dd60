"""Templates with which a server designs its posts: lines of markup with fields such as {title}."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import astuple
from string import Formatter

from bot.core.i18n import _
from bot.core.preferences import Template
from bot.text import discord_text

FIELDS = ("title", "outlet", "excerpt", "author", "tags", "time", "link", "also", "comments")
"""Names of the fields that a template can use, such as `also`: the other outlets that report the same event."""
MAX_TITLE_OR_FOOTER_LENGTH = 300
"""Maximum length in UTF-16 units of a template's title or footer."""
MAX_BODY_LENGTH = 1000
"""Maximum length in UTF-16 units of a template's body."""
DEFAULT_TEMPLATE = Template(title="### [{title}]({link})", body="{excerpt}", footer="-# {outlet} · {time} · {also}")
"""Template that the form offers to edit if a channel has none yet."""

_DISTINGUISHING_FIELDS = {"title", "excerpt", "link"}
"""Fields of which a template needs at least one; without these, all posts would look the same."""
_EMPTY_LINK_PATTERN = re.compile(r"\[((?:[^\[\]\\]|\\.)*)\]\(\)")


def find_template_error(template: Template) -> str | None:
    """Return what is wrong with a template and how to fix it, in the current language; None if valid."""
    used_fields: set[str] = set()
    for template_text in astuple(template):
        try:
            used_fields.update(_iter_fields(template_text))
        except ValueError:
            return _("There’s an unmatched brace. To show a brace, type it twice.")
    unknown_fields = sorted(used_fields.difference(FIELDS))
    if unknown_fields:
        return _("I don’t know the field {field}. You can use: {fields}.").format(
            field=f"`{{{discord_text.to_plain_line(unknown_fields[0], 40).replace('`', '')}}}`",
            fields=" ".join(f"`{{{name}}}`" for name in FIELDS),
        )
    if not used_fields & _DISTINGUISHING_FIELDS:
        return _("Every post would look the same. Use at least one of {fields}.").format(
            fields=" ".join(f"`{{{name}}}`" for name in FIELDS if name in _DISTINGUISHING_FIELDS)
        )
    return None


def fill_template(template: Template, value_by_field: Mapping[str, str]) -> Template:
    """Return a valid template with the values of its fields, without lines whose fields are all empty."""

    def fill_lines(text: str) -> Iterator[str]:
        for line in text.split("\n"):
            line_fields = set(_iter_fields(line))
            if not line_fields or any(value_by_field[name] for name in line_fields):
                yield _EMPTY_LINK_PATTERN.sub(r"\1", Formatter().vformat(line, (), value_by_field))

    return Template(*("\n".join(fill_lines(text)) for text in astuple(template)))


def uses_field(template: Template, field: str) -> bool:
    """Return whether a valid template uses a field in its title, body or footer."""
    return any(field in _iter_fields(text) for text in astuple(template))


def _iter_fields(text: str) -> Iterator[str]:
    """Yield the fields in a text as written, whether known or not.

    Raises ValueError for unbalanced braces.
    """
    for _literal, field_name, format_spec, conversion in Formatter().parse(text):
        if field_name is not None:
            yield (field_name + (f"!{conversion}" if conversion else "") + (f":{format_spec}" if format_spec else ""))
