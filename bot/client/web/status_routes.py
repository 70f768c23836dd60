"""HTTP routes of the public status page, `/status` for people and `/status.json` for programs. It names no one."""

import asyncio
from dataclasses import asdict, dataclass
from html import escape
from http import HTTPStatus

from aiohttp import web

from bot.client.health import Health
from bot.client.services import Services
from bot.core import i18n
from bot.core.i18n import _, format_number
from bot.posting.wording.setting_words import format_duration
from bot.store import StoreError

MAX_AGE_SECONDS = 15
"""Seconds for which a status is kept, so that many readers cost no more than one."""
MAX_DELAY_SECONDS = 600
"""Maximum number of seconds that a post may be overdue before posts count as late."""
FAILING_FEED_SECONDS = 3600
"""Seconds for which a feed must have failed before it is counted as failing."""

_MAX_LANGUAGE_HEADER_LENGTH = 200
_STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 40rem; margin: 0 auto; padding: 2rem 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; }
p { margin: 0 0 1.5rem; }
.state { padding: .75rem 1rem; border-radius: .5rem; background: #1f883d; color: #fff; font-weight: 600; }
.trouble { background: #9a6700; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .5rem 1.5rem; margin: 0 0 1.5rem; }
dt { opacity: .75; }
dd { margin: 0; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .75rem; } }
"""


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """Status of all processes on a database: the state of shards, posts and feeds. Delays are in seconds.

    `typical_delay_seconds` is the median delay of the last hour's posts, or None without posts;
    `overdue_seconds` is how long the longest overdue post is.
    """

    connected_shards: int
    shards: int
    typical_delay_seconds: int | None
    overdue_seconds: int
    failing_feeds: int
    feeds: int
    are_feeds_unreachable: bool
    is_in_maintenance: bool

    @property
    def is_well(self) -> bool:
        """Whether all shards are connected, no post is late, feeds can be fetched, and there is no maintenance."""
        return (
            self.connected_shards >= self.shards
            and self.overdue_seconds <= MAX_DELAY_SECONDS
            and not self.are_feeds_unreachable
            and not self.is_in_maintenance
        )


class StatusRoutes:
    """Request handlers of the status page, in the reader's language; anyone may read it."""

    def __init__(self, services: Services, health: Health) -> None:
        self._services, self._health = services, health
        self._load_lock = asyncio.Lock()
        self._cached: tuple[float, ServiceStatus] | None = None

    def build_routes(self) -> list[web.RouteDef]:
        """Return the routes of the page and of its JSON; aiohttp adds HEAD."""
        return [web.get("/status", self._serve_page), web.get("/status.json", self._serve_json)]

    async def _serve_page(self, request: web.Request) -> web.Response:
        with i18n.language_scope(_select_language(request.headers.get("Accept-Language", ""))):
            try:
                body, http_status = render_page(await self._load_status(), self._services.settings.support_url), 200
            except StoreError:
                body, http_status = render_page(None, self._services.settings.support_url), 503
            language = i18n.current_language()
        response = _set_headers(web.Response(text=body, status=http_status, content_type="text/html"))
        response.headers["Content-Language"] = language
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        response.headers["Vary"] = "Accept-Language"
        return response

    async def _serve_json(self, _request: web.Request) -> web.Response:
        try:
            status = await self._load_status()
        except StoreError:
            return _set_headers(
                web.json_response({"well": False, "is_well": False}, status=HTTPStatus.SERVICE_UNAVAILABLE)
            )
        # Until 1.1 also with the names that differed from those of /healthz: `is_well`, `is_in_maintenance`.
        return _set_headers(
            web.json_response(
                {
                    "well": status.is_well,
                    "maintenance": status.is_in_maintenance,
                    "is_well": status.is_well,
                    **asdict(status),
                }
            )
        )

    async def _load_status(self) -> ServiceStatus:
        """Return the status of all processes, at most `MAX_AGE_SECONDS` old. Raises StoreError."""
        async with self._load_lock:
            now = self._services.clock.monotonic()
            if self._cached is None or now - self._cached[0] >= MAX_AGE_SECONDS:
                self._cached = now, await self._measure_status()
            return self._cached[1]

    async def _measure_status(self) -> ServiceStatus:
        store = self._services.store
        delays = await store.dispatches.measure_delays()
        failing_since_at_latest = self._services.clock.now() - FAILING_FEED_SECONDS
        feed_count, failing_count = await store.feeds.count_followed(failing_since_at_latest=failing_since_at_latest)
        connected_shard_count = store.shards.connected_count if self._health.gateway_down_since is None else 0
        if store.processes.is_multi_process:
            own_id = self._services.leases.process.id
            peers = [process for process in await store.processes.list_live() if process.id != own_id]
            connected_shard_count += sum(peer.connected_shard_count for peer in peers)
        return ServiceStatus(
            connected_shards=connected_shard_count,
            shards=store.shards.shard_count,
            typical_delay_seconds=delays.typical_seconds,
            overdue_seconds=delays.overdue_seconds,
            failing_feeds=failing_count,
            feeds=feed_count,
            are_feeds_unreachable=await self._health.find_polling_stall_start() is not None,
            is_in_maintenance=self._services.maintenance.is_on,
        )


def render_page(status: ServiceStatus | None, support_url: str | None) -> str:
    """Return the page of a status as HTML in the current language; None if the database cannot be read."""
    headline = _describe_state(status)
    facts = [] if status is None else _list_facts(status)
    fact_lines = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts)
    support_link = "" if support_url is None else f'<p><a href="{escape(support_url)}">{escape(_("Get help"))}</a></p>'
    css_class = "state" if status is not None and status.is_well else "state trouble"
    title = _("Status of Telex")
    return (
        f'<!DOCTYPE html><html lang="{i18n.current_language()}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="refresh" content="60"><title>{escape(title)}</title><style>{_STYLE}</style></head>'
        f'<body><h1>{escape(title)}</h1><p class="{css_class}">{escape(headline)}</p>'
        f"<dl>{fact_lines}</dl>{support_link}</body></html>\n"
    )


def _describe_state(status: ServiceStatus | None) -> str:
    if status is None:
        return _("The database can’t be read. Nothing is lost: posts follow.")
    troubles = (
        (status.is_in_maintenance, _("Telex is down for maintenance. Nothing is lost: posts follow.")),
        (status.connected_shards == 0, _("Telex isn’t connected to Discord. Nothing is lost: posts follow.")),
        (
            status.connected_shards < status.shards,
            _("Some servers aren’t connected. Nothing is lost: posts follow."),
        ),
        (status.overdue_seconds > MAX_DELAY_SECONDS, _("Posts are late. None is lost.")),
        (status.are_feeds_unreachable, _("No feed can be fetched at the moment.")),
    )
    return next((sentence for has_trouble, sentence in troubles if has_trouble), _("Everything works."))


def _list_facts(status: ServiceStatus) -> list[tuple[str, str]]:
    typical_delay = status.typical_delay_seconds
    facts = [
        (
            _("Connections to Discord"),
            _("{count} of {total}").format(
                count=format_number(min(status.connected_shards, status.shards)), total=format_number(status.shards)
            ),
        ),
        (
            _("Delay of posts"),
            _("no posts in the last hour") if typical_delay is None else format_duration(typical_delay),
        ),
    ]
    if status.overdue_seconds > MAX_DELAY_SECONDS:
        facts.append((_("Longest wait"), format_duration(status.overdue_seconds)))
    failing_text = _("{count} of {total} failing").format(
        count=format_number(status.failing_feeds), total=format_number(status.feeds)
    )
    return [*facts, (_("Feeds"), failing_text)]


def _select_language(header: str) -> str | None:
    """Return the first supported language of a header `Accept-Language`, or None; browsers list the preferred first."""
    language_tags = [part.partition(";")[0].strip() for part in header[:_MAX_LANGUAGE_HEADER_LENGTH].split(",")]
    return next(filter(None, map(i18n.supported_language, language_tags)), None)


def _set_headers(response: web.Response) -> web.Response:
    response.headers["Cache-Control"] = f"max-age={MAX_AGE_SECONDS}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
