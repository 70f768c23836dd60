"""The command line as a process: output, errors and exit status."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.store import Store
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.telex_command import TelexCommand, make_article_line


def test_search_ignores_accents(telex):
    telex(
        "import",
        "-",
        given=make_article_line(1) + "\n" + make_article_line(2, title="Un tout autre sujet", text="Rien."),
    )
    answers = telex.json("search", "editeur", "--json")
    assert [answer["query"] for answer in answers] == ["editeur"]
    (hit,) = answers[0]["results"]
    assert hit["url"] == "https://news.example/1"
    assert hit["source"] == "Le Fil"
    assert hit["language"] == "fr"
    assert hit["published"].startswith("2026-03-02T08:00:00")
    assert set(hit) == {"url", "title", "source", "published", "language", "score", "excerpt", "partial"}


def test_query_may_begin_with_dash(telex):
    telex(
        "import",
        "-",
        given=make_article_line(1) + "\n" + make_article_line(2, title="Un tout autre sujet", text="Rien."),
    )
    for arguments in (
        ("-editeurs", "--json"),
        ("--limit", "5", "--json", "-editeurs"),
        ("--json", "--", "-editeurs"),
    ):
        (search_answer,) = telex.json("search", *arguments)
        assert search_answer["query"] == "-editeurs"
        assert [hit["title"] for hit in search_answer["results"]] == ["Un tout autre sujet"]
    assert telex.json("ask", "-huawei ?", "--json")[0]["answered"] is False
    assert "Search the stored articles" in telex("search", "-h").stdout
    assert "No such option" in telex("search", "--jsno", "editeurs", status=2).stderr
    assert "No such option" in telex("latest", "-editeurs", status=2).stderr


def test_repeated_import_adds_nothing_and_export_round_trips(telex, tmp_path):
    articles_jsonl = "\n".join(make_article_line(number) for number in range(5))
    telex("import", "-", given=articles_jsonl)
    telex("import", "-", given=articles_jsonl)
    telex("export", "out.jsonl")
    exported = (tmp_path / "out.jsonl").read_text("utf-8")
    assert len(exported.splitlines()) == 5
    assert set(json.loads(exported.splitlines()[0])) >= set(json.loads(make_article_line(0)))
    other_telex = TelexCommand(tmp_path, telex.launcher)
    other_telex.environment["TELEX_DATABASE"] = str(tmp_path / "other.db")
    other_telex("import", "out.jsonl")
    assert other_telex("export", "-").stdout == exported


def test_invalid_line_is_named_and_others_imported(telex):
    dated = make_article_line(3, published="2026-03-01 or so")
    completed = telex(
        "import", "-", given=f"{make_article_line(1)}\n{{not json\n{make_article_line(2)}\n{dated}", status=1
    )
    assert "line 2" in completed.stderr
    assert "line 4: published: not a date" in completed.stderr
    assert len(telex.json("latest", "--json")) == 2


def test_queries_from_stdin_are_answered_in_order(telex):
    telex("import", "-", given=make_article_line(1))
    answers = telex.json("search", "-", "--json", "--limit", "3", input_text="version\nabsent\n\n")
    assert [(answer["query"], len(answer["results"])) for answer in answers] == [
        ("version", 1),
        ("absent", 0),
    ]


def test_answer_json_has_documented_keys(telex):
    telex("import", "-", given=make_article_line(1))
    (answer,) = telex.json("ask", "Depuis quand la version 1 est-elle disponible ?", "--json")
    assert answer.keys() >= {"question", "answered", "quotes", "possible", "sources", "nearest"}
    for quote in answer["quotes"]:
        assert quote.keys() >= {"text", "url", "title", "answer"}
        assert len(quote["text"]) <= 400


async def test_poll_adds_feeds_and_stores_articles(telex, feed_server):
    good = feed_server.serve("/good.xml", make_rss(make_rss_item(1), make_rss_item(2)))
    bad = feed_server.serve("/bad.xml", status=500)
    completed = await run_in_thread(telex, "poll", good, bad)
    assert f"{good}\t2 new" in completed.stdout
    assert bad in completed.stdout
    assert {article["title"] for article in await run_in_thread(telex.json, "latest", "--json")} == {
        "Article 1",
        "Article 2",
    }
    feeds = await run_in_thread(telex.json, "feeds", "--json")
    assert {feed["url"]: feed["error"] for feed in feeds} == {good: None}, "what fails at first is not kept"
    items = "".join(f"<li><h3><a href=/{n}>A page that has no feed, part {n}</a></h3>" for n in range(4))
    page = feed_server.serve("/page", f"<ul>{items}</ul>", content_type="text/html")
    for outcome in ("4 new", "unchanged"):
        completed = await run_in_thread(telex, "poll", page)
        assert outcome in completed.stdout
        assert completed.stdout.startswith(f"{page}#telex-list=")


async def test_failing_feed_is_kept_until_removed(telex, feed_server):
    feed = feed_server.serve("/feed.xml", make_rss(make_rss_item(1)))
    await run_in_thread(telex, "poll", feed)
    feed_server.serve("/feed.xml", status=500)
    await run_in_thread(telex, "poll", feed, status=1)
    (stored_feed,) = await run_in_thread(telex.json, "feeds", "--json")
    assert stored_feed["error"] == "http-500"
    assert "Removed" in (await run_in_thread(telex, "feeds", "remove", feed)).stderr
    assert await run_in_thread(telex.json, "feeds", "--json") == []
    assert await run_in_thread(telex.json, "latest", "--json") == []
    completed = await run_in_thread(telex, "feeds", "remove", feed, status=1)
    assert "telex feeds" in completed.stderr


async def test_poll_fails_if_nothing_was_polled(telex, feed_server):
    bad = feed_server.serve("/bad.xml", status=500)
    await run_in_thread(telex, "poll", bad, status=1)


async def run_in_thread(call: Any, *arguments: str, **options: Any) -> Any:
    """Run a command in a thread, while this test's loop serves the feeds."""
    return await asyncio.to_thread(call, *arguments, **options)


def test_run_without_token_is_usage_error_and_names_demo(telex):
    completed = telex("run", status=2)
    assert "telex demo" in completed.stderr
    assert completed.stdout == ""


def test_move_between_files_is_usage_error(telex):
    assert "PostgreSQL" in telex("move", "news.db", "other.db", status=2).stderr


def test_run_rejects_malformed_token(telex):
    telex.environment["DISCORD_TOKEN"] = "nonsense"
    completed = telex("run", status=2)
    assert "DISCORD_TOKEN doesn't look like a bot's token" in completed.stderr
    assert "nonsense" not in completed.stderr
    telex("migrate")
    telex("check", status=2)


@pytest.mark.parametrize("arguments", [(), ("run",)])
def test_bot_runs_without_importing_typer(telex, arguments):
    command = [sys.executable, "-X", "importtime", "-m", "bot", *arguments]
    environment = telex.environment | {"DISCORD_TOKEN": "nonsense"}
    done = subprocess.run(command, cwd=telex.folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "DISCORD_TOKEN doesn't look like a bot's token" in done.stderr
    imported_modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "bot.cli.bot_process" in imported_modules
    assert not imported_modules & {"typer", "rich", "click"}


def test_second_run_on_same_database_is_refused(telex):
    telex.environment["DISCORD_TOKEN"] = "MTIz.abc.def"
    with Store.lock_for_run(Path(telex.environment["TELEX_DATABASE"])):
        completed = telex("run", status=1)
    assert "already running" in completed.stderr
    assert "Traceback" not in completed.stderr


def test_invalid_setting_is_named(telex):
    telex.environment["TELEX_POLL_CONCURRENCY"] = "none"
    completed = telex("latest", status=2)
    assert "TELEX_POLL_CONCURRENCY" in completed.stderr


@pytest.mark.parametrize("command", [("search", "robots"), ("ask", "who won?")])
def test_empty_database_explains_how_to_add_articles(telex, command):
    telex("migrate")
    completed = telex(*command)
    assert completed.stdout == ""
    assert completed.stderr.startswith("No articles yet.")
    assert len(completed.stderr.splitlines()) == 1


def test_service_prints_unit_of_this_installation(telex):
    unit = telex("service").stdout
    (executable,) = re.findall(r"^ExecStart=(.+) run$", unit, re.MULTILINE)
    version = subprocess.run([executable, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("telex ")
    assert "\nEnvironmentFile=/etc/telex.env\n" in unit
    assert unit.rstrip().endswith("[Install]\nWantedBy=multi-user.target")


def test_unknown_command_is_usage_error(telex):
    telex("pool", status=2)


def test_backup_is_database_and_does_not_overwrite(telex, tmp_path):
    telex("import", "-", given=make_article_line(1))
    telex("backup", "copy.db")
    telex("backup", "copy.db", status=1)
    copy = TelexCommand(tmp_path, telex.launcher)
    copy.environment["TELEX_DATABASE"] = str(tmp_path / "copy.db")
    assert len(copy.json("latest", "--json")) == 1


def test_file_that_is_no_database_is_explained(telex, tmp_path):
    (tmp_path / "news.db").write_bytes(b"a letter to my aunt" * 100)
    completed = telex("latest", status=1)
    assert "Traceback" not in completed.stderr
    assert "news.db" in completed.stderr


async def test_why_explains_known_and_unknown_links(telex, feed_server):
    await run_in_thread(telex, "poll", feed_server.serve("/feed.xml", make_rss(make_rss_item(7))))
    completed = await run_in_thread(telex, "why", "https://news.example/articles/7?utm_source=feed")
    assert "“Article 7”: found" in completed.stdout
    assert "posted nowhere: no channel follows its feed" in completed.stdout
    await run_in_thread(telex, "why", "https://news.example/never", status=1)


async def test_check_reports_failing_feed(telex, feed_server):
    good = feed_server.serve("/good.xml", make_rss(make_rss_item(1)))
    await run_in_thread(telex, "poll", good)
    assert "FAILED" not in (await run_in_thread(telex, "check")).stdout
    feed_server.serve("/good.xml", status=404)
    assert "FAILED" in (await run_in_thread(telex, "check", status=1)).stdout


async def test_find_lists_feeds_and_lists_of_page(telex, feed_server):
    titles = ("A bridge opens two years late", "The library lends drills", "Trams return to the old town")
    items = "".join(
        f"<article><h2><a href=/{number}>{title}</a></h2><time datetime=2026-03-0{number}>x</time></article>"
        for number, title in enumerate(titles, 1)
    )
    link = "<link rel=alternate type=application/rss+xml href=/feed.xml title=All>"
    url = feed_server.serve("/news", f"<html><head>{link}<body>{items}", content_type="text/html")
    (discovery,) = [
        json.loads(output_line)
        for output_line in (await run_in_thread(telex, "find", url, "--json")).stdout.splitlines()
    ]
    assert [feed["title"] for feed in discovery["feeds"]] == ["All"]
    (first, *_) = discovery["lists"]
    assert [list_item["title"] for list_item in first["items"]] == list(titles)
    assert first["items"][0]["published"] == "2026-03-01T00:00:00Z"
    assert first["items"][0]["url"].endswith("/1")
    url = feed_server.serve("/empty", "<html><body>Nothing", content_type="text/html")
    assert (await run_in_thread(telex, "find", url, "--json")).stdout == '{"feeds": [], "lists": []}\n'
    await run_in_thread(telex, "find", url.replace("empty", "missing"), status=1)
    await run_in_thread(telex, "find", "not an address", status=2)


async def test_secret_key_is_created_checked_and_changed(telex, clock):
    path = Path(telex.environment["TELEX_DATABASE"])
    store = await Store.open(path, clock)
    await store.feeds.add("http://reader:hunter2@127.0.0.1:9/feed", server_id=1)
    await store.close()
    assert "1 in plain text" in (await run_in_thread(telex, "check", status=1)).stdout  # nobody answers there
    await run_in_thread(telex, "rekey", status=2)
    telex.environment["TELEX_SECRET_KEY"] = "too short"
    assert "telex rekey --new" in (await run_in_thread(telex, "check", status=2)).stderr
    del telex.environment["TELEX_SECRET_KEY"]
    old, new = [(await run_in_thread(telex, "rekey", "--new")).stdout.strip() for _ in range(2)]
    telex.environment["TELEX_SECRET_KEY"] = old
    assert "1 of 1 encrypted" in (await run_in_thread(telex, "check", status=1)).stdout
    telex.environment["TELEX_SECRET_KEY"] = f"{new},{old}"
    assert "first key: 1." in (await run_in_thread(telex, "rekey")).stderr
    telex.environment["TELEX_SECRET_KEY"] = new
    assert "1 of 1 encrypted" in (await run_in_thread(telex, "check", status=1)).stdout
    telex.environment["TELEX_SECRET_KEY"] = old
    assert "not the key" in (await run_in_thread(telex, "check", status=1)).stdout
    assert not any(b"hunter2" in file.read_bytes() for file in path.parent.glob(f"{path.name}*"))


def test_modules_in_working_directory_are_not_imported(telex, tmp_path):
    for name in ("cogs", "data"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('the wrong one')")
    telex.cold("run", status=2)
    code = "import runpy, sys; sys.argv = ['telex', '--version']; runpy.run_module('bot', run_name='__main__')"
    completed = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=telex.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
