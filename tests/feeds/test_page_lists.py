"""Detection of the list of articles on a page."""

from __future__ import annotations

import gzip
import json

from bot.feeds.pages.page_lists import read_page_lists
from bot.text.times import feed_dates
from tests.support.cases import check_cases
from tests.support.shared_data import require_shared_path

URL = "https://blog.example/news/"
TITLES = (
    "A bridge opens two years late",
    "The library lends drills and saws",
    "Trams return to the old town",
    "Why the river is green this week",
)
WORDS = "The city council said on Monday that work would begin before the winter, and end in spring. "


def find_list_rows(body: str) -> list[list[tuple[str, str, int | None]]]:
    page = "<html><body><nav><ul><li><a href=/about>About our paper</a><li><a href=/ads>Place an advert here</a>"
    page += f"<li><a href=/jobs>Work with all of us</a></ul></nav><h1>News</h1>{body}</body></html>"
    return [
        [(list_item.url, list_item.title, list_item.published) for list_item in page_list.items]
        for page_list in read_page_lists(page.encode(), "text/html; charset=utf-8", URL).lists
    ]


def parse_march_day(number: int) -> int:
    moment = feed_dates.parse_date(f"2026-03-0{number}")
    assert moment is not None
    return moment


@check_cases(
    ("item", "dated"),
    [
        (
            "<article class='post-{0} topic-{0}'><h2><a href=/{0}>{1}</a></h2><time datetime=2026-03-0{0}>x</time></article>",
            True,
        ),
        (
            "<div class=card><a href=/{0}><img src=x></a><a href=/{0}><h3>{1}</h3></a><p>March {0}, 2026</div>",
            True,
        ),
        (
            "<table><tr><td><a class=t href=/{0}>{1}</a><tr><td><span title=2026-03-0{0}T00:00:00Z>now</span></table>",
            True,
        ),
        ("<li><p>{0} mars 2026</p><h3>{1}</h3><a href=/{0}>Lire la suite</a></li>", True),
        (
            "<div class=row><h4>{1}</h4><p>Ours</p><a href=/{0} aria-label=Details><span>Open</span></a></div>",
            False,
        ),
    ],
)
def test_list_has_titles_links_and_dates(item, dated):
    items = "".join(item.format(number, title) for number, title in enumerate(TITLES, 1))
    (first, *_) = find_list_rows(f"<main>{items}</main>")
    assert first == [
        (f"https://blog.example/{number}", title, parse_march_day(number) if dated else None)
        for number, title in enumerate(TITLES, 1)
    ]


def test_chat_messages_are_listed_by_first_line():
    own = "<a class=owner href=https://chat.example/town>Town</a>"
    messages = "".join(
        f"<div class=wrap><div class=message>{own}<div class=text>{title}<br>{WORDS}</div><div class=foot>"
        f"<a class=date href=https://chat.example/town/{n}><time datetime=2026-03-0{n}T08:00:00Z>08:00</time></a>"
        "</div></div></div>"
        for n, title in enumerate((*TITLES, ""), 1)
    )
    picture = f"<div class=wrap>{own}<img><a class=date href=/town/9><time datetime=2026-03-09>08:00</time></a></div>"
    (first, *_) = find_list_rows(f"<main>{messages}{picture}</main>")
    assert [(url, title) for url, title, _ in first] == [
        *((f"https://chat.example/town/{n}", title) for n, title in enumerate(TITLES, 1)),
        ("https://chat.example/town/5", WORDS.strip()),
    ]


RELATED = "".join(f"<li><h3><a href=/{number}>{title}</a></h3>" for number, title in enumerate(TITLES, 1))


@check_cases(
    "body",
    [
        "",
        "<div id=app></div><script>start()</script>",
        f"<article>{''.join(f'<p>{WORDS * 2}</p>' for _ in range(9))}</article><aside>{RELATED}</aside>",
        f"<meta property='og:type' content='article'><meta property='article:published_time' content='x'>{RELATED}",
        f"<article>{''.join(f'<p>{WORDS}<a href=/{n}>as we said then</a> {WORDS}' for n in range(9))}</article>",
        "".join(f"<div class=post><a href=/p/{n}>Re: The bridge again</a><p>{WORDS}</div>" for n in range(9)),
        "<ul>" + "".join(f"<li><a href=/tag/{n}>Tag {n}</a>" for n in range(30)) + "</ul>",
    ],
)
def test_page_for_other_purposes_has_no_list(body):
    assert find_list_rows(body) == []


@check_cases("page", ["<a href=x>" * 50_000, "<div>" * 100_000, "<", "<a href='http://[' >a b c d</a>" * 9])
def test_hostile_page_has_no_list(page):
    assert read_page_lists(page.encode(), "text/html", URL).lists == ()


def test_detection_scores_of_annotated_lists():
    folder = require_shared_path("pages") / "lists"
    right = wrong = missed = titles = false_lists = 0
    for line in (folder / "gold.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        page = gzip.decompress((folder / row["html_gz_path"]).read_bytes())
        page_lists = read_page_lists(page, "text/html; charset=utf-8", row["url"]).lists
        found_titles = {
            list_item.url.rstrip("/"): list_item.title for list_item in (page_lists[0].items if page_lists else ())
        }
        expected_titles = {expected_item["url"].rstrip("/"): expected_item["title"] for expected_item in row["items"]}
        false_lists += bool(found_titles) and not expected_titles
        right += len(found_titles.keys() & expected_titles.keys())
        wrong += len(
            found_titles.keys() - expected_titles.keys() - {url.rstrip("/") for url in row.get("optional", ())}
        )
        missed += len(expected_titles.keys() - found_titles.keys())
        titles += sum(found_titles[url] == expected_titles[url] for url in found_titles.keys() & expected_titles.keys())
    assert false_lists == 0
    assert right >= 0.8 * (right + missed)
    assert right >= 0.9 * (right + wrong)
    assert titles >= 0.9 * right
