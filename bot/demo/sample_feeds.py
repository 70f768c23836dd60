"""Sample feeds: outlets on loopback that publish one story after another.

The stories are in `data/demo/stories.json`, written for the demo: real events of tech news as if they were
today's, evergreen topics, and invented stories: a cable that several outlets report, an article that is
corrected and an article that is withdrawn. Each outlet is an RSS feed; each story has its own page and image,
so that every link in a post works without a network.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from typing import NamedTuple, Self

import msgspec
from aiohttp import web

from bot import DATA
from bot.core.clock import Clock, SystemClock

SCRIPT_MINUTES = 10
"""Number of minutes after the demo's start within which its new stories are published."""

_DATE_OFFSET_SECONDS = 120
"""Seconds by which the date of a new story precedes its publication."""


@dataclass(frozen=True, slots=True)
class SampleOutlet:
    """An outlet of the demo, with a feed.

    `name` is its name in URLs and in stories, `title` the title of its feed; `colour` is the colour of its images, as
    #rrggbb.
    """

    name: str
    title: str
    language: str
    colour: str


@dataclass(frozen=True, slots=True)
class Correction:
    """The corrected text of a story, published `after` seconds after the story."""

    after: float
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleStory:
    """An article of the demo by the outlet named `outlet`. Paragraphs of `text` are separated by blank lines.

    `age_hours` is the age of the story when it is published; the story is withdrawn `withdrawn_after` seconds
    later, or never if that is None.
    """

    slug: str
    outlet: str
    title: str
    age_hours: float = 0
    author: str
    tags: tuple[str, ...]
    text: str
    correction: Correction | None = None
    withdrawn_after: float | None = None


class ScriptStep(NamedTuple):
    """Publication, correction or withdrawal of a story, so many seconds after the demo has begun to publish."""

    offset_seconds: float
    story: SampleStory
    action: Callable[[SampleStory], None]


class _Stories(msgspec.Struct):
    """Content of `data/demo/stories.json`: outlets, older stories, and stories to publish during the demo."""

    outlets: tuple[SampleOutlet, ...]
    backlog: tuple[SampleStory, ...]
    new_stories: tuple[SampleStory, ...] = msgspec.field(name="stories")


def load_stories() -> tuple[tuple[SampleOutlet, ...], tuple[SampleStory, ...], tuple[SampleStory, ...]]:
    """Return the outlets, the older stories, and the stories to publish during the demo, the first one first."""
    sample_stories = msgspec.json.decode((DATA / "demo" / "stories.json").read_bytes(), type=_Stories)
    return sample_stories.outlets, sample_stories.backlog, sample_stories.new_stories


def compute_publication_offsets(count: int, *, duration_seconds: float = SCRIPT_MINUTES * 60) -> list[float]:
    """Return when to publish `count` stories, in seconds from the first one; the intervals grow."""
    return [duration_seconds * (index / max(1, count - 1)) ** 1.7 for index in range(count)]


class SamplePublisher:
    """Server of the outlets' feeds, pages and images on a free port of 127.0.0.1."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self.outlets, self.backlog, self.new_stories = load_stories()
        self.published_stories: list[SampleStory] = []
        self._date_by_slug: dict[str, datetime] = {}
        self._server_url = ""
        app = web.Application()
        app.router.add_get("/{outlet}/feed.xml", self._serve_feed)
        app.router.add_get("/articles/{slug}", self._serve_page)
        app.router.add_get("/pictures/{slug}.png", self._serve_picture)
        self._app_runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)

    async def __aenter__(self) -> Self:
        await self._app_runner.setup()
        await web.TCPSite(self._app_runner, "127.0.0.1", 0).start()
        self._server_url = f"http://127.0.0.1:{self._app_runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._app_runner.cleanup()

    def get_feed_url(self, outlet: SampleOutlet) -> str:
        """Return the URL of an outlet's feed."""
        return f"{self._server_url}/{outlet.name}/feed.xml"

    def get_picture_url(self, story: SampleStory) -> str:
        """Return the URL of a story's image."""
        return f"{self._server_url}/pictures/{story.slug}.png"

    def publish_backlog(self) -> None:
        """Add the older stories, as if published before the demo's start, to the feeds."""
        self.published_stories[:0] = self.backlog

    def build_script(self) -> list[ScriptStep]:
        """Return the publications, corrections and withdrawals of all stories in chronological order."""
        steps: list[ScriptStep] = []
        for story, offset_seconds in zip(
            self.new_stories, compute_publication_offsets(len(self.new_stories)), strict=True
        ):
            steps.append(ScriptStep(offset_seconds, story, self.published_stories.append))
            if story.correction is not None:
                steps.append(ScriptStep(offset_seconds + story.correction.after, story, self._correct_story))
            if story.withdrawn_after is not None:
                steps.append(ScriptStep(offset_seconds + story.withdrawn_after, story, self.published_stories.remove))
        return sorted(steps, key=lambda step: step.offset_seconds)

    async def run_script(self) -> AsyncIterator[SampleStory]:
        """Publish, correct and withdraw stories at their times, and yield the uncorrected story after each of these."""
        elapsed_seconds = 0.0
        for step in self.build_script():
            await asyncio.sleep(step.offset_seconds - elapsed_seconds)
            elapsed_seconds = step.offset_seconds
            step.action(step.story)
            yield step.story

    def _correct_story(self, story: SampleStory) -> None:
        assert story.correction is not None
        self.published_stories[self.published_stories.index(story)] = replace(
            story, title=story.correction.title, text=story.correction.text
        )

    def _get_date(self, story: SampleStory) -> datetime:
        timestamp = self._clock.now() - int(story.age_hours * 3600) - _DATE_OFFSET_SECONDS
        return self._date_by_slug.setdefault(story.slug, datetime.fromtimestamp(timestamp, UTC))

    async def _serve_feed(self, request: web.Request) -> web.Response:
        outlet = next(
            (sample_outlet for sample_outlet in self.outlets if sample_outlet.name == request.match_info["outlet"]),
            None,
        )
        if outlet is None:
            raise web.HTTPNotFound
        items_xml = "".join(
            self._format_item_xml(story)
            for story in sorted(self.published_stories, key=self._get_date, reverse=True)
            if story.outlet == outlet.name
        )
        feed_xml = (
            '<?xml version="1.0" encoding="utf-8"?>'
            '<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/" '
            'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
            f"<title>{escape(outlet.title)}</title><link>{self._server_url}/</link>"
            f"<description>{escape(outlet.title)}</description><language>{outlet.language}</language>"
            f"{items_xml}</channel></rss>"
        )
        return web.Response(body=feed_xml.encode(), content_type="application/rss+xml", charset="utf-8")

    def _format_item_xml(self, story: SampleStory) -> str:
        link = f"{self._server_url}/articles/{story.slug}"
        paragraphs_html = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in story.text.split("\n\n"))
        tags_xml = "".join(f"<category>{escape(tag)}</category>" for tag in story.tags)
        date_text = format_datetime(self._get_date(story))
        return (
            f"<item><title>{escape(story.title)}</title><link>{link}</link>"
            f'<guid isPermaLink="false">{story.slug}</guid><pubDate>{date_text}</pubDate>'
            f"<dc:creator>{escape(story.author)}</dc:creator>{tags_xml}"
            f'<media:content url="{self.get_picture_url(story)}" medium="image" type="image/png"/>'
            f"<description>{escape(paragraphs_html)}</description></item>"
        )

    def _find_requested_story(self, request: web.Request) -> SampleStory:
        """Return the story that a request names, in its current version, published or not.

        Raises HTTPNotFound if there is none.
        """
        for story in (*self.published_stories, *self.backlog, *self.new_stories):
            if story.slug == request.match_info["slug"]:
                return story
        raise web.HTTPNotFound

    async def _serve_page(self, request: web.Request) -> web.Response:
        story = self._find_requested_story(request)
        if story.withdrawn_after is not None and story not in self.published_stories:
            raise web.HTTPGone
        outlet = next(outlet for outlet in self.outlets if outlet.name == story.outlet)
        paragraphs_html = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in story.text.split("\n\n"))
        page_html = (
            f'<!doctype html><html lang="{outlet.language}"><meta charset="utf-8">'
            f"<title>{escape(story.title)}</title>"
            "<style>body{font:18px/1.6 Georgia,serif;max-width:40em;margin:3em auto;padding:0 1em}"
            f"h1{{line-height:1.2}}header{{border-top:6px solid {outlet.colour};padding-top:1em}}</style>"
            f"<header>{escape(outlet.title)} · {self._get_date(story):%Y-%m-%d}</header>"
            f"<h1>{escape(story.title)}</h1><p><em>{escape(story.author)}</em></p>{paragraphs_html}"
        )
        return web.Response(text=page_html, content_type="text/html")

    async def _serve_picture(self, request: web.Request) -> web.Response:
        return web.Response(body=self.draw_picture(self._find_requested_story(request)), content_type="image/png")

    def draw_picture(self, story: SampleStory) -> bytes:
        """Draw a PNG of 640 by 320 pixels in the colour of the outlet, different for each story."""
        from PIL import Image, ImageColor, ImageDraw  # noqa: PLC0415  # part of the extra `demo`

        outlet = next(outlet for outlet in self.outlets if outlet.name == story.outlet)
        colour = ImageColor.getrgb(outlet.colour)
        image = Image.new("P", (640, 320))
        image.putpalette([*colour, *((component + 255) // 2 for component in colour)])
        drawing = ImageDraw.Draw(image)
        seed = sum(story.slug.encode())
        x, y = (seed * 7) % 640, (seed * 13) % 320
        for ring_index in range(9):
            radius = 40 + ring_index * 34
            drawing.ellipse((x - radius, y - radius, x + radius, y + radius), outline=1, width=6)
        png_file = io.BytesIO()
        image.save(png_file, "PNG")
        return png_file.getvalue()
