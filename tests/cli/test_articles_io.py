"""Import and export of articles as JSON Lines."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.cli import article_files
from bot.cli.article_files import import_lines
from bot.client.services import Services, open_services
from bot.polling import jsonl_articles
from bot.polling.jsonl_articles import parse_row
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.outbox_scenario import poll_feed

FULL_ROW = {
    "url": "https://news.example/2020/06/10/amazon",
    "title": "Amazon interdit Rekognition à la police",
    "text": "Un moratoire d’un an.\n\nLa décision date du 10 juin.",
    "summary": "Un moratoire.",
    "published": "2020-06-10T08:30:00Z",
    "language": "fr",
    "source": "Le Fil",
    "author": "A. B.",
    "tags": ["IA", "police"],
    "image": "https://news.example/a.jpg",
    "comments": "https://talk.example/1",
}


def make_line(**changes: object) -> bytes:
    return json.dumps(FULL_ROW | changes, ensure_ascii=False).encode() + b"\n"


async def import_articles(newsroom: Services, lines: Iterable[bytes]) -> article_files.ArticleImportResult:
    return await import_lines(newsroom, io.BytesIO(b"".join(lines)))


async def export_articles(newsroom: Services) -> str:
    out = io.StringIO()
    count = await article_files.export_articles(newsroom.store, out)
    assert count == out.getvalue().count("\n")
    return out.getvalue()


async def test_imported_article_is_exported_unchanged(newsroom):
    import_outcome = await import_articles(newsroom, [make_line()])
    assert (import_outcome.stored_count, import_outcome.already_stored_count, import_outcome.rejected_count) == (
        1,
        0,
        0,
    )
    assert json.loads(await export_articles(newsroom)) == FULL_ROW


async def test_exported_line_cannot_control_terminal(newsroom):
    title = "a\x9b31mb\x80\u00a0é"
    await import_articles(newsroom, [make_line(title=title)])
    line = await export_articles(newsroom)
    assert not set(line.rstrip("\n")) & set(map(chr, [*range(32), *range(0x7F, 0xA0)]))
    assert json.loads(line)["title"] == title


async def test_repeated_import_changes_nothing(newsroom, clock):
    lines = [
        make_line(url=f"https://news.example/{n}", published=None if n % 2 else FULL_ROW["published"]) for n in range(9)
    ]
    await import_articles(newsroom, lines)
    before = await export_articles(newsroom)
    clock.advance(86_400)
    import_outcome = await import_articles(newsroom, lines + lines)
    assert (import_outcome.stored_count, import_outcome.already_stored_count) == (0, 18)
    assert await export_articles(newsroom) == before


async def test_export_survives_import_into_other_database(settings, clock, feed_server, tmp_path):
    now = clock.now()
    items = [make_rss_item(n, published=now - n // 2 * 60) for n in range(40)]
    for n in (90, 91):  # two articles with one link
        linked = make_rss_item(n, title=f"Linked {n}", published=now - 5)
        items.append(linked.replace(f"news.example/articles/{n}", "news.example/linked"))
    async with open_services(settings, clock) as room:
        for name in ("Example: World", "Example: Tech", "Other"):  # two feeds of one outlet share articles
            url = feed_server.serve("/" + name[-5:].strip(), make_rss(*items, title=name))
            await poll_feed(room, await room.store.feeds.add(url))
        first = await export_articles(room)
        again = await import_articles(room, first.encode().splitlines(keepends=True))
        assert again.stored_count == 0
        assert await export_articles(room) == first
    async with open_services(replace(settings, database=tmp_path / "b.db"), clock) as room:
        import_outcome = await import_articles(room, first.encode().splitlines(keepends=True))
        assert (import_outcome.already_stored_count, import_outcome.rejected_count) == (0, 0)
        assert await export_articles(room) == first
    assert len(first.splitlines()) == 2 * 42


async def test_page_of_two_outlets_is_listed_once(newsroom):
    await import_articles(newsroom, [make_line(), make_line(source="Another")])
    assert await newsroom.store.articles.count() == 2
    assert len(await newsroom.store.articles.list_newest(None, limit=9)) == 1


async def test_invalid_lines_are_reported_and_others_imported(newsroom):
    lines = [
        b"\xef\xbb\xbf" + make_line(url="https://news.example/1"),
        b"{broken\n",
        b"\n",
        b"[]\n",
        make_line(url="https://news.example/2"),
        make_line(url=None),
        make_line(url="javascript:alert(1)"),
        make_line(title=None, text=""),
        make_line(published="the day before yesterday"),
        make_line(published=True),
        make_line(tags={"a": 1}),
        make_line(title=17),
        b'{"url": "https://news.example/3", "title": "\xff"}\n',
        b"[" * 100_000 + b"\n",
        make_line(url="https://news.example/4").rstrip(),
    ]
    import_outcome = await import_articles(newsroom, lines)
    assert import_outcome.stored_count == 3
    assert [problem.line_number for problem in import_outcome.problems] == [
        2,
        4,
        6,
        7,
        8,
        9,
        10,
        11,
        12,
        13,
        14,
    ]
    assert import_outcome.rejected_count == 11
    reasons = {problem.line_number: problem.reason for problem in import_outcome.problems}
    assert reasons[4] == "not a JSON object"
    assert reasons[6] == "url: missing"
    assert reasons[9] == "published: not a date"


async def test_overlong_line_is_skipped(newsroom, monkeypatch):
    for module in (article_files, jsonl_articles):
        monkeypatch.setattr(module, "MAX_LINE_BYTES", 2_000)
    lines = [
        make_line(url="https://news.example/1"),
        make_line(text="x" * 9_000),
        make_line(url="https://news.example/2"),
    ]
    import_outcome = await import_articles(newsroom, lines)
    assert (import_outcome.stored_count, import_outcome.problems) == (2, [(2, "longer than 2000 bytes")])


async def test_url_and_title_or_text_suffice(newsroom, clock):
    import_outcome = await import_articles(
        newsroom,
        [
            b'{"url": "https://www.news.example/1", "title": "A title", "unknown": [1, {"x": 2}]}\n',
            b'{"url": "https://www.news.example/2", "text": "A first sentence of the text. And a second."}\n',
        ],
    )
    assert import_outcome.stored_count == 2
    assert import_outcome.line_count_by_unknown_key == {"unknown": 1}
    article_by_suffix = {
        article.url[-1]: article for article in await newsroom.store.articles.list_newest(None, limit=9)
    }
    assert {article.outlet for article in article_by_suffix.values()} == {"news.example"}
    assert {article.published for article in article_by_suffix.values()} == {clock.now()}
    assert article_by_suffix["2"].title.startswith("A first sentence of the text.")


async def test_original_text_is_stored_beside_cleaned_body(newsroom):
    text = "justlogopremiumblack.png\n\nLe moratoire dure un an.\n\nÀ lire aussi : autre chose"
    await import_articles(newsroom, [make_line(text=text)])
    (article,) = await newsroom.store.articles.list_newest(None, limit=1)
    assert article.text == text
    assert "logopremium" not in article.body
    assert "moratoire" in article.body


async def test_progress_is_reported_after_each_batch(newsroom, monkeypatch):
    monkeypatch.setattr(article_files, "MAX_LINES_PER_BATCH", 2)
    progress: list[int] = []
    lines = b"".join(make_line(url=f"https://news.example/{n}") for n in range(5))
    await import_lines(newsroom, io.BytesIO(lines), on_progress=progress.append)
    assert progress == [2, 4, 5]


@pytest.mark.parametrize(
    ("published", "seconds"),
    [
        ("2020-06-10T08:30:00Z", 1591777800),
        ("2020-06-10T10:30:00+02:00", 1591777800),
        ("2020-06-10", 1591747200),
        ("Wed, 10 Jun 2020 08:30:00 GMT", 1591777800),
        (1591777800, 1591777800),
        (1591777800.7, 1591777800),
        (1591777800123, 1591777800),
        (None, None),
        ("", None),
        (" ", None),
    ],
)
def test_dates_are_parsed_in_common_formats(published, seconds):
    assert parse_row(make_line(published=published), Counter()).published == seconds


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*FULL_ROW, "other"]), json_values))
@example({"published": 10**400})
@example({"published": float("nan")})
@example({"title": "\ud800"})
def test_any_object_is_parsed_or_rejected(fields):
    try:
        row = parse_row(json.dumps(FULL_ROW | fields).encode(), Counter())
    except ValueError:
        return
    row_texts = (row.title, row.text, row.summary, row.source, row.author or "", *row.tags)
    assert "\x00" not in "".join(row_texts).encode().decode()


@given(st.binary(max_size=60))
def test_any_bytes_are_parsed_or_rejected(raw):
    with suppress(ValueError):
        parse_row(raw, Counter())
