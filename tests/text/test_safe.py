"""Safe text for Discord: plain lines, escaped Markdown and truncation."""

import re
import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from bot.text import discord_text
from tests.support.cases import check_cases

HOSTILE_TEXT = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\\*_~`|<>@#:[]()-.+1\n\r\t \u200b\u200d\u202e\u2066\ufeff\ufe0f\u0301\u0e47\ud800\0"),
        st.sampled_from("👨👩👧🇫🇷🏽❤é"),
    )
)
ESCAPE = re.compile(r"\\([^\w\s]|_)")


@given(HOSTILE_TEXT, st.integers(0, 60))
@example("👨\u200d👩\u200d👧" * 9, 5)
@example("🇫🇷" * 9, 6)
@example("e" + "\u0301" * 99, 10)
def test_plain_line_is_safe_and_within_limit(text, limit):
    plain_text = discord_text.to_plain_line(text, limit)
    assert discord_text.count_utf16_units(plain_text) <= limit
    assert len(plain_text.encode("utf-16-le")) <= 2 * limit
    assert plain_text == plain_text.strip()
    assert not re.search(r"\s\s|[^\S ]", plain_text)
    for character in plain_text:
        assert unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"}
        assert character not in "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
    assert not re.search("[\u0300-\u036f\u0e47]{5}", plain_text)
    assert discord_text.to_plain_line(plain_text) == plain_text
    if discord_text.count_utf16_units(discord_text.to_plain_line(text)) <= limit:
        assert plain_text == discord_text.to_plain_line(text)
    elif limit:
        assert plain_text.endswith("…")


@given(HOSTILE_TEXT)
@example("1. one\n- two\n-# three\n# four\n> five\n+ six\n  12. seven")
@example("<@1> <@!1> <@&1> <#1> <:x:1> <a:x:1> <t:1:R> </a b:1> <id:customize> @everyone @here")
@example("[a](https://b.c) https://b.c <https://b.c> ||x|| ```py\n``` \\[x\\](y)")
@example("¯\\_(ツ)_/¯")
def test_escaped_markdown_shows_same_text_without_markup(text):
    escaped = discord_text.escape_markdown(text)
    assert ESCAPE.sub(r"\1", escaped) == text
    unescaped_markup = ESCAPE.sub("\0", escaped)
    assert not re.search(r"[\\*_~`|<>@#:\[\]]", unescaped_markup)
    assert not re.search(r"(?m)^[^\S\n]*(?:[-+*]|\d+\.)(?:\s|$)", unescaped_markup)
    assert "://" not in unescaped_markup


@given(HOSTILE_TEXT, st.integers(1, 40))
@example("a" + "*" * 30, 8)
@example("\\" * 30, 7)
def test_truncation_splits_no_escape_or_grapheme(text, limit):
    escaped = discord_text.escape_markdown(discord_text.to_plain_line(text))
    short = discord_text.truncate_utf16(escaped, limit)
    assert discord_text.count_utf16_units(short) <= limit
    if short == escaped:
        return
    text_before_ellipsis = short.removesuffix("…")
    assert (len(text_before_ellipsis) - len(text_before_ellipsis.rstrip("\\"))) % 2 == 0
    following = escaped[len(text_before_ellipsis) :].lstrip()[:1]
    if len(escaped[len(text_before_ellipsis) :]) == len(escaped[len(text_before_ellipsis) :].lstrip()):
        assert following not in {"\u200d", "\ufe0f", "\u0301", "🏽"}
        assert not text_before_ellipsis.endswith("\u200d")


def test_truncation_keeps_emoji_sequences_whole():
    family = "👨\u200d👩\u200d👧"
    assert discord_text.truncate_utf16(family * 3, 20) == family * 2 + "…"
    assert discord_text.truncate_utf16("🇫🇷🇧🇪🇨🇦", 7) == "🇫🇷…"
    assert discord_text.truncate_utf16("1\ufe0f\u20e3" * 3, 5) == "1\ufe0f\u20e3…"
    assert (
        discord_text.truncate_utf16("👍🏽👍🏽", 5) == "👍🏽…"
        or discord_text.count_utf16_units(discord_text.truncate_utf16("👍🏽👍🏽", 5)) <= 5
    )
    assert discord_text.truncate_utf16("abc", 0) == ""


@check_cases(
    ("text", "safe_text"),
    [
        ("a\u202egnp.exe\u202c", "agnp.exe"),
        ("@\u200beveryone", "@everyone"),
        ("x\0y\ud83dz", "xyz"),
        ("  a\n\n b\u2028c\u3000d ", "a b c d"),
        ("مرحبا بالعالم", "مرحبا بالعالم"),
        ("שלום \u200fעולם", "שלום עולם"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("fa\u200dmi\u200cly", "family"),
        ("❤\ufe0f 👩\u200d🚀", "❤\ufe0f 👩\u200d🚀"),
        ("🏴\U000e0067\U000e0062\U000e007f", "🏴"),
        ("Z\u0351\u0352\u0353\u0354\u0355\u0356\u0357a", "Z\u0351\u0352\u0353\u0354a"),
        ("ก" + "\u0e47" * 40, "ก" + "\u0e47" * 4),
        ("⠀⠀ㅤ", ""),
        ("Tiếng Việt 日本語 がぎ", "Tiếng Việt 日本語 がぎ"),
        ("soft\xadhyphen", "softhyphen"),
    ],
)
def test_deceptive_characters_are_removed_but_scripts_kept(text, safe_text):
    assert discord_text.to_plain_line(text) == safe_text


def test_huge_runs_of_marks_or_joiners_are_truncated():
    assert discord_text.count_utf16_units(discord_text.to_plain_line("e" + "\u0301" * 1_000_000, 100)) <= 100
    assert discord_text.count_utf16_units(discord_text.to_plain_line("👩\u200d" * 300_000, 100)) <= 100
    assert discord_text.count_utf16_units(discord_text.to_plain_line("\\" * 1_000_000, 100)) <= 100
