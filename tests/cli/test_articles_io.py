"""Articles as JSON Lines: nothing lost, nothing twice, bad lines told of."""

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
from tests.support.outbox_scenario import poll

FULL = {
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


def line(**changes: object) -> bytes:
    return json.dumps(FULL | changes, ensure_ascii=False).encode() + b"\n"


async def imported(newsroom: Services, lines: Iterable[bytes]) -> article_files.ArticleImportResult:
    return await import_lines(newsroom, io.BytesIO(b"".join(lines)))


async def exported(newsroom: Services) -> str:
    out = io.StringIO()
    count = await article_files.export_articles(newsroom.store, out)
    assert count == out.getvalue().count("\n")
    return out.getvalue()


async def test_what_is_imported_comes_out_as_it_was(newsroom):
    import_outcome = await imported(newsroom, [line()])
    assert (import_outcome.stored_count, import_outcome.already_stored_count, import_outcome.rejected_count) == (
        1,
        0,
        0,
    )
    assert json.loads(await exported(newsroom)) == FULL


async def test_importing_twice_changes_nothing(newsroom, clock):
    lines = [line(url=f"https://news.example/{n}", published=None if n % 2 else FULL["published"]) for n in range(9)]
    await imported(newsroom, lines)
    before = await exported(newsroom)
    clock.advance(86_400)
    import_outcome = await imported(newsroom, lines + lines)
    assert (import_outcome.stored_count, import_outcome.already_stored_count) == (0, 18)
    assert await exported(newsroom) == before


async def test_an_export_of_feeds_imported_elsewhere_exports_the_same_bytes(settings, clock, feed_server, tmp_path):
    now = clock.now()
    items = [make_rss_item(n, published=now - n // 2 * 60) for n in range(40)]
    for n in (90, 91):  # two articles with one link
        linked = make_rss_item(n, title=f"Linked {n}", published=now - 5)
        items.append(linked.replace(f"news.example/articles/{n}", "news.example/linked"))
    async with open_services(settings, clock) as room:
        for name in ("Example: World", "Example: Tech", "Other"):  # two feeds of one outlet share articles
            url = feed_server.serve("/" + name[-5:].strip(), make_rss(*items, title=name))
            await poll(room, await room.store.feeds.add(url))
        first = await exported(room)
        again = await imported(room, first.encode().splitlines(keepends=True))
        assert again.stored_count == 0
        assert await exported(room) == first
    async with open_services(replace(settings, database=tmp_path / "b.db"), clock) as room:
        import_outcome = await imported(room, first.encode().splitlines(keepends=True))
        assert (import_outcome.already_stored_count, import_outcome.rejected_count) == (0, 0)
        assert await exported(room) == first
    assert len(first.splitlines()) == 2 * 42


async def test_one_page_of_two_outlets_stays_one_line_in_a_list(newsroom):
    await imported(newsroom, [line(), line(source="Another")])
    assert await newsroom.store.articles.count() == 2
    assert len(await newsroom.store.articles.list_newest(None, limit=9)) == 1


async def test_bad_lines_are_told_of_with_their_numbers_and_the_rest_is_imported(newsroom):
    lines = [
        b"\xef\xbb\xbf" + line(url="https://news.example/1"),
        b"{broken\n",
        b"\n",
        b"[]\n",
        line(url="https://news.example/2"),
        line(url=None),
        line(url="javascript:alert(1)"),
        line(title=None, text=""),
        line(published="the day before yesterday"),
        line(published=True),
        line(tags={"a": 1}),
        line(title=17),
        b'{"url": "https://news.example/3", "title": "\xff"}\n',
        b"[" * 100_000 + b"\n",
        line(url="https://news.example/4").rstrip(),
    ]
    import_outcome = await imported(newsroom, lines)
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


async def test_a_line_without_end_does_not_fill_the_memory(newsroom, monkeypatch):
    for module in (article_files, jsonl_articles):
        monkeypatch.setattr(module, "MAX_LINE_BYTES", 2_000)
    lines = [line(url="https://news.example/1"), line(text="x" * 9_000), line(url="https://news.example/2")]
    import_outcome = await imported(newsroom, lines)
    assert (import_outcome.stored_count, import_outcome.problems) == (2, [(2, "longer than 2000 bytes")])


async def test_only_url_and_title_or_text_are_needed(newsroom, clock):
    import_outcome = await imported(
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


async def test_the_text_stays_as_given_beside_its_cleaned_form(newsroom):
    text = "justlogopremiumblack.png\n\nLe moratoire dure un an.\n\nÀ lire aussi : autre chose"
    await imported(newsroom, [line(text=text)])
    (article,) = await newsroom.store.articles.list_newest(None, limit=1)
    assert article.text == text
    assert "logopremium" not in article.body
    assert "moratoire" in article.body


async def test_progress_is_told_after_each_batch(newsroom, monkeypatch):
    monkeypatch.setattr(article_files, "MAX_LINES_PER_BATCH", 2)
    progress: list[int] = []
    lines = b"".join(line(url=f"https://news.example/{n}") for n in range(5))
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
def test_dates_are_read_in_the_forms_that_people_have(published, seconds):
    assert parse_row(line(published=published), Counter()).published == seconds


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*FULL, "other"]), json_values))
@example({"published": 10**400})
@example({"published": float("nan")})
@example({"title": "\ud800"})
def test_any_object_is_a_row_that_can_be_stored_or_has_a_reason(found):
    try:
        row = parse_row(json.dumps(FULL | found).encode(), Counter())
    except ValueError:
        return
    row_texts = (row.title, row.text, row.summary, row.source, row.author or "", *row.tags)
    assert "\x00" not in "".join(row_texts).encode().decode()


@given(st.binary(max_size=60))
def test_any_bytes_are_a_row_or_have_a_reason(raw):
    with suppress(ValueError):
        parse_row(raw, Counter())
