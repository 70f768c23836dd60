"""A server's own words for its posts: lines of markup with fields such as {title}."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import astuple
from string import Formatter

from bot.core.i18n import _
from bot.core.preferences import Template
from bot.text import discord_text

FIELDS = ("title", "outlet", "excerpt", "author", "tags", "time", "link", "also")
"""What a template can name; each is filled in with text that was made harmless."""
MAX_LINE_LENGTH, MAX_BODY_LENGTH = 300, 1000
"""UTF-16 units of title and footer, and of what stands between them."""
DEFAULT_TEMPLATE = Template(
    title="### [{title}]({link})", body="{excerpt}", footer="-# {outlet} · {time} · {also}"
)
"""What somebody begins with who has none."""

_DISTINGUISHING_FIELDS = {"title", "excerpt", "link"}  # without one of which all posts would be the same
_NO_LINK = re.compile(r"\[((?:[^\[\]\\]|\\.)*)\]\(\)")


def validation_error(template: Template) -> str | None:
    """What is wrong with a template and what to do, in the language of this task; None where nothing is."""
    used: set[str] = set()
    for text in astuple(template):
        try:
            used.update(_fields(text))
        except ValueError:
            return _("There’s an unmatched brace. To show a brace, type it twice.")
    unknown = sorted(used.difference(FIELDS))
    if unknown:
        return _("I don’t know the field {field}. You can use: {fields}.").format(
            field=f"`{{{discord_text.to_plain_line(unknown[0], 40).replace('`', '')}}}`",
            fields=" ".join(f"`{{{name}}}`" for name in FIELDS),
        )
    if not used & _DISTINGUISHING_FIELDS:
        return _("Every post would look the same. Use at least one of {fields}.").format(
            fields=" ".join(f"`{{{name}}}`" for name in FIELDS if name in _DISTINGUISHING_FIELDS)
        )
    return None


def fill_template(template: Template, values: Mapping[str, str]) -> Template:
    """A template without mistakes with its fields filled in. A line all of whose fields are empty is gone."""

    def lines(text: str) -> Iterator[str]:
        for line in text.split("\n"):
            named = set(_fields(line))
            if not named or any(values[name] for name in named):
                yield _NO_LINK.sub(r"\1", Formatter().vformat(line, (), values))

    return Template(*("\n".join(lines(text)) for text in astuple(template)))


def uses_field(template: Template, field: str) -> bool:
    """Whether a template without mistakes has a field."""
    return any(field in _fields(text) for text in astuple(template))


def _fields(text: str) -> Iterator[str]:
    """The fields as they were written, also wrongly. Raises ValueError for braces that do not match."""
    for _literal, name, spec, conversion in Formatter().parse(text):
        if name is not None:
            yield name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
