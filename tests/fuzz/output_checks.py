"""What any output must be: values that both databases store, and messages without markup or mentions of strangers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from bot.core.models import Article, NewArticle
from bot.core.preferences import PostLook, Style
from bot.drill.discord_stand_in.message_text import flatten_components
from bot.posting.rendering import posts
from bot.posting.rendering.messages import Message
from bot.text import discord_text

MAX_INTEGER = 2**63 - 1
"""Largest integer of a column."""
MAX_LAYOUT_LENGTH, MAX_COMPONENTS, MAX_EMBED_LENGTH = 4000, 40, 6000
LOOKS = (PostLook(), PostLook(style=Style.COMPACT), PostLook(style=Style.CLASSIC))

_CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_ESCAPE = re.compile(r"\\([^\w\s]|_)")
_OWN_MARKUP = re.compile(r"<t:\d+:[dDfR]>|\]\(https?://[^\s()<>]+\)|\*\*|^(?:-# |> |• |### |\d+\. )", re.MULTILINE)
_MENTION = re.compile(r"<(?:@[!&]?|#|/|id:|:|a:|t:)[^>]*>|@(?:everyone|here)\b")
_MARKUP = re.compile(r"[\\*_~`|<>@#]|://")


def iter_values(output: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the scalar values in records, tuples, sets and mappings, each with its path."""
    if is_dataclass(output) and not isinstance(output, type):
        for field in fields(output):
            yield from iter_values(getattr(output, field.name), f"{path}.{field.name}")
    elif isinstance(output, tuple) and hasattr(output, "_fields"):
        for name in output._fields:
            yield from iter_values(getattr(output, name), f"{path}.{name}")
    elif isinstance(output, Mapping):
        for key, value in output.items():
            yield from iter_values(key, f"{path} key")
            yield from iter_values(value, f"{path}[{str(key)[:40]!r}]")
    elif isinstance(output, list | tuple | set | frozenset):
        for value in output:
            yield from iter_values(value, f"{path}[]")
    else:
        yield path, output


def check_storable(output: object, max_chars: int) -> None:
    """Check that all values in `output` fit the database, and no text has more than `max_chars` characters."""
    for path, value in iter_values(output):
        if isinstance(value, Enum | bool) or value is None or isinstance(value, bytes):
            continue
        if isinstance(value, str):
            assert len(value) <= max_chars, f"{path} has {len(value):,} characters"
            match = _CONTROL_CHARACTERS.search(value)
            assert match is None, f"{path} has {match!r}"
        elif isinstance(value, int):
            assert -MAX_INTEGER - 1 <= value <= MAX_INTEGER, f"{path} is {value}"
        elif isinstance(value, float):
            assert math.isfinite(value), f"{path} is {value}"


def check_web_url(url: str | None, name: str) -> None:
    """Check that a URL, if there is one, is of the web and has neither blanks nor control characters."""
    assert url is None or re.fullmatch(r"https?://[^\s\x00-\x1f\x7f]+", url), f"{name} is {url!r}"


def check_posts(new_article: NewArticle) -> None:
    """Check the posts of an article in all looks."""
    field_values = {field.name: getattr(new_article, field.name) for field in fields(new_article)}
    del field_values["identity_hashes"], field_values["fingerprint"]
    article = Article(id=1, feed_id=1, found_at=new_article.published, **field_values)
    for look in LOOKS:
        for message in posts.render_post(article, None, language="en", look=look).iter_variants():
            check_message(message)


def check_message(message: Message) -> None:
    """Check that Discord accepts a message, and that strangers' text in it is neither markup nor a mention."""
    assert message.content is None
    assert not message.allowed_mentions.everyone
    assert not message.allowed_mentions.roles
    assert not message.allowed_mentions.users
    if message.embed is not None:
        embed = message.embed.to_dict()
        assert embed.get("title")
        assert len(message.embed) <= MAX_EMBED_LENGTH
        for name, limit in (("title", 256), ("description", 4096)):
            text = str(embed.get(name, ""))
            assert discord_text.count_utf16_units(text) <= limit, f"{name} of an embed"
            check_markup(text)
        return
    view = message.send_kwargs()["view"]
    assert view.content_length() <= MAX_LAYOUT_LENGTH
    assert view.total_children_count <= MAX_COMPONENTS
    for component in flatten_components(view.to_components()):
        if "content" in component:
            check_markup(component["content"])


def check_markup(text: str) -> None:
    """Check that a text has no markup but that of Telex itself, and nothing that Discord reads as a mention."""
    unescaped_text = _ESCAPE.sub("\0", text)
    assert not _MENTION.search(re.sub(r"<t:\d+:[dDfR]>", "", unescaped_text)), f"a mention in {text[:300]!r}"
    strangers_text = _OWN_MARKUP.sub("", unescaped_text).replace("[", "").replace("]", "")
    match = _MARKUP.search(strangers_text)
    assert match is None, f"{match!r} in {text[:300]!r}"
