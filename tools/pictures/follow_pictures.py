"""Takes pictures of what can be followed: `python -m tools.pictures.follow_pictures [FOLDER]`.

Each address as a person copies it from the browser, from /feed add to the first post. The services' pages are
copies on loopback, of the shapes that `bot.feeds.known_sites` names, with their addresses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from functools import partial
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bot.feeds.fetch import FetchResult
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer
from tests.support.interactions import button_labels, last_reply, text
from tools.pictures.picture_stage import run, server_in, shoot, shoot_channel

AGE_SECONDS = 1_500
CHANNEL = "UC1234567890abcdefghijkl"


@dataclass(frozen=True)
class Words:
    """What is published in a language."""

    code: str
    title: str
    lead: str
    outlet: str
    video: str
    episode: str
    release: str


WORDS = {
    "": Words(
        "en",
        "The Nordwave cable works again",
        "The splice took eleven days. Gotland noticed little: most of its traffic went around.",
        "The Verge",
        "We built a keyboard in three evenings",
        "How a cable is mended",
        "Faster start, and a fix for time zones that change at noon.",
    ),
    "-fr": Words(
        "fr",
        "Le câble Nordwave fonctionne de nouveau",
        "L’épissure a pris onze jours. Gotland n’a presque rien vu : le trafic passait ailleurs.",
        "Numerama",
        "Nous avons monté un clavier en trois soirées",
        "Comment on répare un câble",
        "Démarrage plus rapide, et un correctif pour les fuseaux qui changent à midi.",
    ),
}


@dataclass(frozen=True)
class FollowExample:
    """What a person types, and what the service answers by address."""

    query: str
    documents: dict[str, tuple[str, str]]


def _rss(title: str, rss_item: str) -> tuple[str, str]:
    document = (
        '<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"><channel>'
        f"<title>{escape(title)}</title><item>{rss_item}</item></channel></rss>"
    )
    return document, "application/rss+xml"


def _atom(title: str, entry: str) -> tuple[str, str]:
    document = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/">'
        f"<title>{escape(title)}</title><entry>{entry}</entry></feed>"
    )
    return document, "application/atom+xml"


def _render_item(link: str, now: int, *, title: str = "", body: str = "", extra_xml: str = "") -> str:
    title_element = f"<title>{escape(title)}</title>" if title else ""
    return (
        f"{title_element}<link>{link}</link><guid>{link}</guid>"
        f"<pubDate>{formatdate(now - AGE_SECONDS)}</pubDate>"
        f"<description>{escape(body)}</description>{extra_xml}"
    )


def _render_entry(link: str, when: str, *, title: str, body: str = "", extra_xml: str = "") -> str:
    return (
        f"<id>{link}</id><title>{escape(title)}</title><link rel='alternate' href='{link}'/>"
        f"<published>{when}</published><updated>{when}</updated>"
        f"<content type='html'>{escape(body)}</content>{extra_xml}"
    )


def build_examples(words: Words, now: int) -> Iterator[tuple[str, FollowExample]]:
    """Each kind of address by the name of its pictures."""
    stamp = _stamp(now - AGE_SECONDS)
    post = f"<p>{escape(words.title)}. {escape(words.lead)}</p>"
    news = _rss(words.outlet, _render_item("https://news.example/cable", now, title=words.title, body=words.lead))
    feed = {
        "The Verge": "https://www.theverge.com/rss/index.xml",
        "Numerama": "https://www.numerama.com/feed/",
    }
    site = urlsplit(feed[words.outlet])
    page = (
        f'<html><head><link rel="alternate" type="application/rss+xml" href="{site.path}"></head></html>',
        "text/html",
    )
    home = (site.hostname or "").removeprefix("www.")
    yield "name", FollowExample(words.outlet.lower(), {feed[words.outlet]: news})
    yield "site", FollowExample(home, {f"https://{home}/": page, f"https://{home}{site.path}": news})
    video = _render_entry(
        "https://www.youtube.com/watch?v=abcdefghijk",
        stamp,
        title=words.video,
        extra_xml=f"<media:group><media:description>{escape(words.lead)}</media:description></media:group>",
    )
    channel = f'<script>{{"externalId":"{CHANNEL}"}}</script>'
    yield (
        "youtube",
        FollowExample(
            "https://www.youtube.com/@HandsOn",
            {
                "https://www.youtube.com/@HandsOn": (channel, "text/html"),
                f"https://www.youtube.com/feeds/videos.xml?channel_id={CHANNEL}": _atom("Hands On", video),
            },
        ),
    )
    toot = _render_item("https://mastodon.example/@ada/1", now, body=post)
    yield (
        "mastodon",
        FollowExample(
            "@ada@mastodon.example",
            {
                "https://mastodon.example/@ada": ("<title>Ada</title>", "text/html"),
                "https://mastodon.example/@ada.rss": _rss("Ada", toot),
            },
        ),
    )
    skeet = _render_item("https://bsky.app/profile/ada.example/post/3k2a", now, body=f"{words.title}. {words.lead}")
    yield (
        "bluesky",
        FollowExample(
            "https://bsky.app/profile/ada.example",
            {"https://bsky.app/profile/ada.example/rss": _rss("@ada.example - Ada", skeet)},
        ),
    )
    messages = "".join(
        '<div class="tgme_widget_message_wrap"><div class="tgme_widget_message" '
        f'data-post="nordwave/{number}"><div class="tgme_widget_message_user"><a href="https://t.me/nordwave">'
        '<i><img src="https://cdn.example/n.jpg"></i></a></div><div class="tgme_widget_message_bubble">'
        '<div class="tgme_widget_message_author"><a href="https://t.me/nordwave"><span>Nordwave</span></a></div>'
        f'<div class="tgme_widget_message_text">{escape(message_text)}</div>'
        '<div class="tgme_widget_message_footer"><div class="tgme_widget_message_info">'
        '<span class="tgme_widget_message_views">1.2K</span><span class="copyonly"> views</span>'
        f'<span><a class="tgme_widget_message_date" href="https://t.me/nordwave/{number}">'
        f'<time datetime="{_stamp(now - AGE_SECONDS - (4 - number) * 3600)}">12:00</time></a></span>'
        "</div></div></div></div></div>"
        for number, message_text in enumerate((words.episode, words.video, words.release, words.title), 1)
    )
    telegram = f"<title>Nordwave – Telegram</title><main><section>{messages}</section></main>"
    yield (
        "telegram",
        FollowExample("https://t.me/nordwave", {"https://t.me/s/nordwave": (telegram, "text/html")}),
    )
    episode = _render_item(
        "https://circuit.example/7",
        now,
        title=words.episode,
        body=words.lead,
        extra_xml=(
            "<enclosure url='https://circuit.example/7.mp3' type='audio/mpeg' length='1'/>"
            "<itunes:duration>42:10</itunes:duration>"
        ),
    )
    yield (
        "podcast",
        FollowExample(
            "https://podcasts.apple.com/fr/podcast/the-circuit/id1234",
            {
                "https://itunes.apple.com/lookup?id=1234&entity=podcast": (
                    '{"results":[{"feedUrl":"https://circuit.example/feed"}]}',
                    "text/javascript",
                ),
                "https://circuit.example/feed": _rss("The Circuit", episode),
            },
        ),
    )
    release = _render_entry(
        "https://github.com/ada/clock/releases/tag/v2.1",
        stamp,
        title="Clock 2.1",
        body=f"<p>{escape(words.release)}</p>",
    )
    yield (
        "github",
        FollowExample(
            "https://github.com/ada/clock/releases",
            {"https://github.com/ada/clock/releases.atom": _atom("Release notes from clock", release)},
        ),
    )
    thread = _render_entry(
        "https://www.reddit.com/r/cables/comments/1/",
        stamp,
        title=words.title,
        body=(
            f'<div class="md"><p>{escape(words.lead)}</p></div> &#32; submitted by &#32; '
            '<a href="https://www.reddit.com/user/ada">/u/ada</a> <br/> '
            '<span><a href="https://news.example/cable">[link]</a></span> &#32; '
            '<span><a href="https://www.reddit.com/r/cables/comments/1/">[comments]</a></span>'
        ),
        extra_xml="<author><name>/u/ada</name></author>",
    )
    yield (
        "reddit",
        FollowExample(
            "https://www.reddit.com/r/cables/",
            {"https://www.reddit.com/r/cables/.rss": _atom("r/cables", thread)},
        ),
    )


def _stamp(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat()


def copy_documents(world: World, server: FeedServer, documents: dict[str, tuple[str, str]]) -> None:
    """Have the bot find these documents at their addresses on the web, and nothing else there."""
    fetcher = world.newsroom.fetcher
    get = type(fetcher).get
    for number, (_address, (body, kind)) in enumerate(documents.items()):
        server.serve(f"/copy/{number}", body, content_type=kind)
    places = {address: f"/copy/{number}" for number, address in enumerate(documents)}

    async def copied(url: str, **how: Any) -> FetchResult:
        response = await get(fetcher, server.origin + places.get(url, "/nothing"), **how)
        return response._replace(url=url)

    fetcher.get = copied  # type: ignore[method-assign]  # the web is not there


async def main(folder: Path) -> None:
    for ending, words in WORDS.items():
        async with server_in(words.code) as (world, server):
            for name, example in build_examples(words, world.clock.now()):
                copy_documents(world, server, example.documents)
                channel = world.guild.create_text_channel(name)
                preview = last_reply(await world.editor.slash(channel, "feed add", url=example.query))
                assert button_labels(preview), text(preview)
                await world.editor.click(preview, label=button_labels(preview)[0])
                await world.deliver()
                path = folder / f"follow-{name}{ending}.png"
                await shoot(world, channel, partial(shoot_channel, path=path))


if __name__ == "__main__":
    run(main)
