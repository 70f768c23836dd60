"""The sample feeds: a few outlets on loopback that publish one story after the other.

The stories are in `data/demo/stories.json`, written for the demo about real events of tech news. Each outlet
is an RSS feed; each story has a page and a picture of its own, so that every link in a post leads somewhere
without a network.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from html import escape
from typing import Self

from aiohttp import web

from bot import DATA

MINUTES = 10
"""How long new stories keep coming."""


@dataclass(frozen=True, slots=True)
class Outlet:
    """A sample feed."""

    name: str
    title: str
    language: str
    colour: str  # of its pictures, as #rrggbb


@dataclass(frozen=True, slots=True)
class Story:
    """A sample article. `text` has blank lines between paragraphs; `published` is ISO 8601 with its zone."""

    slug: str
    outlet: str
    title: str
    published: str
    author: str
    tags: tuple[str, ...]
    text: str


def load() -> tuple[tuple[Outlet, ...], tuple[Story, ...]]:
    """The outlets and the stories, in the order in which they are published."""
    data = json.loads((DATA / "demo" / "stories.json").read_text("utf-8"))
    outlets = tuple(Outlet(**outlet) for outlet in data["outlets"])
    stories = tuple(Story(**{**story, "tags": tuple(story["tags"])}) for story in data["stories"])
    return outlets, stories


def pauses(count: int, *, seconds: float = MINUTES * 60) -> list[float]:
    """How long to wait before each of `count` stories: nothing before the first, then ever longer."""
    moments = [seconds * (number / max(1, count - 1)) ** 1.7 for number in range(count)]
    return [later - earlier for earlier, later in zip([0.0, *moments], moments, strict=False)]


class Publisher:
    """Serves the outlets' feeds, pages and pictures on a free port of 127.0.0.1."""

    def __init__(self) -> None:
        self.outlets, self.stories = load()
        self._published: list[Story] = []
        self._origin = ""
        app = web.Application()
        app.router.add_get("/{outlet}/feed.xml", self._feed)
        app.router.add_get("/articles/{slug}", self._page)
        app.router.add_get("/pictures/{slug}.png", self._picture)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._runner.cleanup()

    def feed_url(self, outlet: Outlet) -> str:
        """The address of an outlet's feed."""
        return f"{self._origin}/{outlet.name}/feed.xml"

    def picture_url(self, story: Story) -> str:
        """The address of a story's picture."""
        return f"{self._origin}/pictures/{story.slug}.png"

    async def publish(self) -> AsyncIterator[Story]:
        """Publish the stories at their pace, telling each when it has appeared in its outlet's feed."""
        for story, pause in zip(self.stories, pauses(len(self.stories)), strict=True):
            await asyncio.sleep(pause)
            self._published.append(story)
            yield story

    async def _feed(self, request: web.Request) -> web.Response:
        outlet = next((o for o in self.outlets if o.name == request.match_info["outlet"]), None)
        if outlet is None:
            raise web.HTTPNotFound
        items = "".join(
            self._item(story) for story in reversed(self._published) if story.outlet == outlet.name
        )
        body = (
            '<?xml version="1.0" encoding="utf-8"?>'
            '<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/" '
            'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
            f"<title>{escape(outlet.title)}</title><link>{self._origin}/</link>"
            f"<description>{escape(outlet.title)}</description><language>{outlet.language}</language>"
            f"{items}</channel></rss>"
        )
        return web.Response(body=body.encode(), content_type="application/rss+xml", charset="utf-8")

    def _item(self, story: Story) -> str:
        link = f"{self._origin}/articles/{story.slug}"
        paragraphs = "".join(f"<p>{escape(part)}</p>" for part in story.text.split("\n\n"))
        tags = "".join(f"<category>{escape(tag)}</category>" for tag in story.tags)
        date = format_datetime(datetime.fromisoformat(story.published))
        return (
            f"<item><title>{escape(story.title)}</title><link>{link}</link>"
            f'<guid isPermaLink="false">{story.slug}</guid><pubDate>{date}</pubDate>'
            f"<dc:creator>{escape(story.author)}</dc:creator>{tags}"
            f'<media:content url="{self.picture_url(story)}" medium="image" type="image/png"/>'
            f"<description>{escape(paragraphs)}</description></item>"
        )

    def _story(self, request: web.Request) -> Story:
        for story in self.stories:
            if story.slug == request.match_info["slug"]:
                return story
        raise web.HTTPNotFound

    async def _page(self, request: web.Request) -> web.Response:
        story = self._story(request)
        outlet = next(outlet for outlet in self.outlets if outlet.name == story.outlet)
        paragraphs = "".join(f"<p>{escape(part)}</p>" for part in story.text.split("\n\n"))
        page = (
            f'<!doctype html><html lang="{outlet.language}"><meta charset="utf-8">'
            f"<title>{escape(story.title)}</title>"
            "<style>body{font:18px/1.6 Georgia,serif;max-width:40em;margin:3em auto;padding:0 1em}"
            f"h1{{line-height:1.2}}header{{border-top:6px solid {outlet.colour};padding-top:1em}}</style>"
            f"<header>{escape(outlet.title)} · {story.published[:10]}</header>"
            f"<h1>{escape(story.title)}</h1><p><em>{escape(story.author)}</em></p>{paragraphs}"
        )
        return web.Response(text=page, content_type="text/html")

    async def _picture(self, request: web.Request) -> web.Response:
        return web.Response(body=self.picture(self._story(request)), content_type="image/png")

    def picture(self, story: Story) -> bytes:
        """A PNG of 640 by 320 pixels in the colour of the story's outlet, never the same for two stories."""
        from PIL import Image, ImageDraw  # noqa: PLC0415  # comes with the demo's extra

        outlet = next(outlet for outlet in self.outlets if outlet.name == story.outlet)
        image = Image.new("RGB", (640, 320), outlet.colour)
        draw = ImageDraw.Draw(image, "RGBA")
        seed = sum(story.slug.encode())
        for ring in range(9):
            radius = 40 + ring * 34
            x, y = (seed * 7) % 640, (seed * 13) % 320
            draw.ellipse(
                (x - radius, y - radius, x + radius, y + radius), outline=(255, 255, 255, 120), width=6
            )
        written = io.BytesIO()
        image.save(written, "PNG", optimize=True)
        return written.getvalue()
