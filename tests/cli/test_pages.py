"""Full texts of pages: `telex poll`, `telex search`, `telex why` and `telex export`."""

from __future__ import annotations

import asyncio
import json

from tests.support.feed_server import FeedServer, make_rss

PAGE = (
    "<html><head><title>Battery</title></head><body><article><p>A firm in Leeds has built a battery that "
    "charges in four minutes.</p><p>Production is planned in a hall that once made looms for Huddersfield, "
    "an engineer said on Tuesday, and it is to begin when the permits are there.</p></article></body></html>"
)


def test_text_of_page_is_searchable_and_explained_by_why(telex, tmp_path):
    async def poll_and_explain(*commands: list[str]) -> list[str]:
        server = await FeedServer().start()
        try:
            server.serve("/robots.txt", "User-agent: *\nDisallow: /no/", content_type="text/plain")
            links = [server.serve(f"/{name}", PAGE, content_type="text/html") for name in ("a/1", "no/2")]
            entries = [
                f"<item><title>Battery {link[-1]}</title><link>{link}</link><guid>{link[-1]}</guid>"
                "<description>A firm in Leeds has built a battery…</description></item>"
                for link in links
            ]
            url = server.serve("/feed", make_rss(*entries))
            poll_run = await asyncio.to_thread(telex, "poll", url)
            whys = [await asyncio.to_thread(telex, "why", link) for link in links]
        finally:
            await server.stop()
        return [poll_run.stdout, poll_run.stderr, *(why.stdout for why in whys)]

    telex.environment["TELEX_FULL_TEXT"] = "search"
    poll_output, poll_errors, read_why, refused_why = asyncio.run(poll_and_explain())
    assert "2 new" in poll_output
    assert "1 article read in full" in poll_errors
    assert "I read the page" in read_why
    assert "robots.txt" in refused_why
    (answer,) = telex.json("search", "looms Huddersfield", "--json")
    assert [hit["title"] for hit in answer["results"]] == ["Battery 1"]
    exported = [json.loads(line) for line in telex("export", "-").stdout.splitlines()]
    assert {row["text"] for row in exported} == {"A firm in Leeds has built a battery…"}
