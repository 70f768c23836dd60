"""Exported bookmark files: content, and escaping of titles and addresses."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from bot.core.models import Article
from bot.core.user_models import Bookmark
from cogs.reading.bookmark_commands import to_json, to_markdown, to_netscape_html

ARTICLE = Article(
    id=1,
    key="k",
    feed_id=1,
    page_key="p",
    url="https://news.example/a?b=1&c=2",
    title="Une vidéo du 10 juin",
    summary="",
    text="",
    body="",
    author=None,
    outlet="Le Fil",
    language="fr",
    tags=("IA", "vie privée"),
    image_url=None,
    published=1_591_776_000,
    found_at=1_591_776_000,
)


def build_bookmark(**changes: Any) -> Bookmark:
    return Bookmark(
        article=ARTICLE._replace(**changes),
        created_at=1_600_000_000,
        server_id=1,
        channel_id=2,
        message_id=3,
        note="Pour *Ben*",
        tags=("droit",),
        read_at=1_600_000_001,
    )


def test_markdown_lists_title_link_source_and_day():
    assert to_markdown([build_bookmark()]) == (
        "# Bookmarks\n\n- [Une vidéo du 10 juin](<https://news.example/a?b=1&c=2>) – Le Fil, 2020-06-10\n"
        "  Pour \\*Ben\\*\\\n  Tags: droit\n"
    )
    assert to_markdown([replace(build_bookmark(), note="")]).endswith("2020-06-10\n  Tags: droit\n")


def test_browser_file_has_only_own_tags():
    (link,) = LexborHTMLParser(to_netscape_html([build_bookmark()])).css("a")
    assert link.attributes["tags"] == "droit"


@given(st.text(max_size=60), st.text(alphabet="<>()[]\\\n \"'é/", max_size=20))
def test_markdown_escapes_titles_and_addresses(title, tail):
    line, *_lines_below = to_markdown([build_bookmark(title=title, url="https://x.example/" + tail)]).splitlines()[2:]
    match = re.fullmatch(r"- \[((?:\\.|[^\\\[\]])*)\]\(<([^<>\\\s]*)>\) – Le Fil, 2020\\?-06\\?-10", line)
    assert match
    assert not re.search(r"(?<!\\)(?:\\\\)*[*_`<~!]", match[1])


def test_json_has_all_fields():
    (row,) = json.loads(to_json([build_bookmark()]))
    assert row == {
        "url": "https://news.example/a?b=1&c=2",
        "title": "Une vidéo du 10 juin",
        "source": "Le Fil",
        "published": "2020-06-10T08:00:00Z",
        "saved": "2020-09-13T12:26:40Z",
        "language": "fr",
        "tags": ["IA", "vie privée"],
        "note": "Pour *Ben*",
        "my_tags": ["droit"],
        "read": "2020-09-13T12:26:41Z",
    }


@given(st.lists(st.text(max_size=40), max_size=4))
def test_html_has_one_link_per_bookmark_whatever_titles(titles):
    titles = [*titles, "</A><script>alert(1)</script>", '"><H3>']
    page = to_netscape_html([build_bookmark(title=title, tags=(title,)) for title in titles])
    assert page.startswith("<!DOCTYPE NETSCAPE-Bookmark-file-1>\n")
    tree = LexborHTMLParser(page)
    links = tree.css("a")
    assert [link.attributes["href"] for link in links] == [ARTICLE.url] * len(titles)
    assert {link.attributes["add_date"] for link in links} == {"1600000000"}
    assert tree.css("script") == []
    assert len(tree.css("h3")) == 1


def test_files_without_bookmarks_are_valid():
    assert json.loads(to_json([])) == []
    assert to_markdown([]).startswith("# Bookmarks")
    assert "<DL><p>" in to_netscape_html([])
