"""Rules for sites whose pages name no feeds, or too many: which feeds a URL of such a site stands for.

Bluesky: the route `/profile/:ident/rss` of https://github.com/bluesky-social/social-app (bskyweb).
GitHub: https://docs.github.com/en/rest/activity/feeds and the `.atom` beside each page of a project.
GitLab: https://docs.gitlab.com/user/project/releases/ (`releases.atom`); tags and commits take `format=atom`.
Hacker News has one feed of its own; feeds of its other lists are at https://hnrss.github.io/.
iTunes: https://performance-partners.apple.com/search-api (a podcast's record has the URL of its feed).
Mastodon: https://docs.joinmastodon.org/user/preferences/ (`.rss` after an account or a tag).
Medium: https://help.medium.com/hc/en-us/articles/214874118. Reddit: https://www.reddit.com/wiki/rss.
Telegram has no feeds: `t.me/s/` is the page of a public channel, whose list of messages is followed.
YouTube: https://developers.google.com/youtube/v3/guides/push_notifications (the feed of a channel).
"""

import re
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from bot.text import urls


class SiteFeed(NamedTuple):
    """Feed of a known site, such as YouTube, that a URL there stands for; `title` may be ""."""

    url: str
    title: str


_FEDIVERSE_HANDLE_PATTERN = re.compile(
    r"@([\w.-]{1,64})@([a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)+)", re.IGNORECASE
)
_BLUESKY_HANDLE_PATTERN = re.compile(r"@([a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*\.[a-z]{2,24})", re.IGNORECASE)
_REDDIT_HANDLE_PATTERN = re.compile(r"/?([ru]/[\w-]{2,24})/?")
_GIT_SSH_URL_PATTERN = re.compile(r"git@([\w.-]+):([\w./-]+?)(?:\.git)?")
_MASTODON_PATH_PATTERN = re.compile(r"(?:/deck|/web)?(/@[\w.-]+|/tags/\w+)(?:/(?:\d+|with_replies|media)?)?")
_YOUTUBE_HOST_REGEX = r"(?:m\.|music\.)?youtube\.com"
_YOUTUBE_FEED_URL = "https://www.youtube.com/feeds/videos.xml"
_CONSENT_HOST_PATTERN = re.compile(rf"(?:www\.)?{_YOUTUBE_HOST_REGEX}|youtu\.be")
_PLAYLIST_QUERY_REGEX = r"(?:.*&)?list=(?P<id>(?:PL|UU|OL|FL)[\w-]+)(?:&.*)?"
_ANY_SUFFIX_REGEX = r"(?:[/?].*)?"
_ANY_QUERY_REGEX = r"/?(?:\?.*)?"
_GITHUB_OWNER_REGEX = (  # except pages of GitHub itself
    r"(?!(?:about|apps|collections|contact|customer-stories|enterprise|events|explore|features|issues|login"
    r"|marketplace|notifications|orgs|pricing|pulls|search|security|settings|site|sponsors|stars|team|topics"
    r"|trending)(?:/|$))[\w.-]+"
)
_GITHUB_PROJECT_REGEX = rf"github\.com/(?P<name>{_GITHUB_OWNER_REGEX}/[\w.-]+?)(?:\.git)?"
_GITLAB_BASE_REGEX = r"(?P<base>[^/]+/(?:(?!-/)[^/]+/)+)-"
_GITLAB_PROJECT_REGEX = (
    r"gitlab\.com/(?P<name>(?!(?:explore|groups|help|users|dashboard)/)[\w.-]+(?:/(?!-/)[\w.-]+)+?)(?:\.git)?"
    r"(?<!\.atom)"
)
_PROJECT_FEED_URL_PATTERN = re.compile(
    r"github\.com/(?P<github>[\w.-]+/[\w.-]+)/(?:releases|tags|discussions|wiki|commits(?:/.+)?)\.atom"
    r"|[^/]+/(?P<gitlab>[\w.-]+(?:/(?!-/)[\w.-]+)+)/-/(?:releases\.atom|tags|commits/.+)"
)
_VIDEO_URL_PATTERN = re.compile(
    rf"{_YOUTUBE_HOST_REGEX}/(?:watch\?|shorts/|live/).+|youtu\.be/[\w-]+.*|vimeo\.com/\d+.*|dailymotion\.com/video/.+"
    r"|twitch\.tv/videos/\d+.*"
)
_REDDIT_HOST_REGEX = r"(?:(?:old|new|sh|amp|i|m|np|[a-z]{2})\.)?reddit\.com"

_URL_RULES: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        _YOUTUBE_HOST_REGEX + r"/channel/(?P<id>UC[\w-]{22})" + _ANY_SUFFIX_REGEX,
        ((_YOUTUBE_FEED_URL + "?channel_id={id}", ""),),
    ),
    (
        _YOUTUBE_HOST_REGEX + r"/user/(?P<id>[\w.-]+)" + _ANY_SUFFIX_REGEX,
        ((_YOUTUBE_FEED_URL + "?user={id}", "{id}"),),
    ),
    (
        _YOUTUBE_HOST_REGEX + r"/(?:playlist|watch)\?" + _PLAYLIST_QUERY_REGEX,
        ((_YOUTUBE_FEED_URL + "?playlist_id={id}", ""),),
    ),
    (r"youtu\.be/[\w-]+\?" + _PLAYLIST_QUERY_REGEX, ((_YOUTUBE_FEED_URL + "?playlist_id={id}", ""),)),
    (
        r"bsky\.app/profile/(?P<id>[\w.:-]+)(?:(?!/rss)[/?].*)?",
        (("https://bsky.app/profile/{id}/rss", "@{id}"),),
    ),
    (
        r"[^/]+/(?:deck/|web/)?@(?P<name>[\w.-]+)@(?P<host>[\w.-]+\.\w+)" + _ANY_SUFFIX_REGEX,
        (("https://{host}/@{name}.rss", "@{name}@{host}"),),
    ),
    (
        r"(?:t|telegram)\.me/(?:s/)?(?P<id>(?!addstickers/|joinchat/|proxy/|share/)[A-Za-z]\w{3,31})"
        + _ANY_SUFFIX_REGEX,
        (("https://t.me/s/{id}", "@{id}"),),
    ),
    (
        r"(?:(?:embed\.)?podcasts|itunes)\.apple\.com/(?:[\w-]+/)*podcast/(?:[^/]+/)?id(?P<id>\d+)" + _ANY_SUFFIX_REGEX,
        (("https://itunes.apple.com/lookup?id={id}&entity=podcast", ""),),
    ),
    (r"medium\.com/(?P<id>@[\w.-]+)" + _ANY_SUFFIX_REGEX, (("https://medium.com/feed/{id}", "{id}"),)),
    (r"(?P<id>(?!help|policy)[\w-]+)\.medium\.com/(?!feed).*", (("https://{id}.medium.com/feed", "{id}"),)),
    (
        _REDDIT_HOST_REGEX + r"/(?P<sub>r/\w+)/s/\w+" + _ANY_QUERY_REGEX,
        (("https://www.reddit.com/{sub}/.rss", "{sub}"),),
    ),
    (
        _REDDIT_HOST_REGEX + r"/(?P<sub>r/\w+)/(?P<post>comments/\w+(?:/[^/?]*)?)" + _ANY_QUERY_REGEX,
        (
            ("https://www.reddit.com/{sub}/.rss", "{sub}"),
            ("https://www.reddit.com/{sub}/{post}/.rss", "{sub} · {post}"),
        ),
    ),
    (
        _REDDIT_HOST_REGEX + r"(?P<path>/[^?]*?|)(?<!\.rss)(?<!\.xml)/?(?P<query>\?.*|)",
        (("https://www.reddit.com{path}/.rss{query}", "{path}"),),
    ),
    (
        r"news\.ycombinator\.com/?(?:news|front)?(?:\?.*)?",
        (("https://news.ycombinator.com/rss", "Hacker News"),),
    ),
    (
        r"news\.ycombinator\.com/(?P<list>newest|ask|show|jobs|best)(?:\?.*)?",
        (("https://hnrss.org/{list}", "Hacker News: {list}"),),
    ),
    (
        r"news\.ycombinator\.com/(?P<page>user|submitted|threads|item)\?(?:.*&)?id=(?P<id>[^&]+)(?:&.*)?",
        (("https://hnrss.org/{page}?id={id}", "Hacker News: {id}"),),
    ),
    (
        rf"github\.com/(?P<name>{_GITHUB_OWNER_REGEX})(?<!\.atom)/?",
        (("https://github.com/{name}.atom", "{name}"),),
    ),
    (
        r"github\.com/orgs/(?P<name>[\w-]+)/discussions(?:/.*)?",
        (("https://github.com/orgs/{name}/discussions.atom", "{name}"),),
    ),
    (
        _GITHUB_PROJECT_REGEX + r"/(?P<page>releases|tags|discussions|wiki|commits)(?:(?<!commits)/.*|/?)",
        (("https://github.com/{name}/{page}.atom", "{name} · {page}"),),
    ),
    (
        _GITHUB_PROJECT_REGEX + r"/(?:commits|tree)/(?P<branch>.+?)(?<!\.atom)/?",
        (("https://github.com/{name}/commits/{branch}.atom", "{name} · commits"),),
    ),
    (
        _GITHUB_PROJECT_REGEX + r"(?<!\.atom)(?:/.*)?(?<!\.atom)",
        tuple(
            (f"https://github.com/{{name}}/{page}.atom", f"{{name}} · {page}")
            for page in ("releases", "tags", "commits")
        ),
    ),
    (
        _GITLAB_BASE_REGEX + r"/releases(?!\.atom)" + _ANY_SUFFIX_REGEX,
        (("https://{base}-/releases.atom", "{base} · releases"),),
    ),
    (
        _GITLAB_BASE_REGEX + r"/tags(?!.*format=atom)" + _ANY_SUFFIX_REGEX,
        (("https://{base}-/tags?format=atom", "{base} · tags"),),
    ),
    (
        _GITLAB_BASE_REGEX + r"/(?:commits|tree)/(?P<branch>[^?]+?)/?(?:\?(?!format=atom).*)?",
        (("https://{base}-/commits/{branch}?format=atom", "{base} · commits"),),
    ),
    (
        _GITLAB_PROJECT_REGEX + r"(?:/?(?:\?.*)?|/-/(?!.*(?:\.atom|format=atom)).*)",
        (
            ("https://gitlab.com/{name}/-/releases.atom", "{name} · releases"),
            ("https://gitlab.com/{name}/-/tags?format=atom", "{name} · tags"),
            ("https://gitlab.com/{name}.atom", "{name} · activity"),
        ),
    ),
)
"""Rules of known sites: a regex of URLs without scheme and `www.`, templates of feed URLs and of titles."""

_PAGE_RULES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        _YOUTUBE_HOST_REGEX + "|youtu\\.be",
        (  # The page names other channels after its own.
            r'"externalId":"(UC[\w-]{22})"',
            r'<meta itemprop="(?:channelId|identifier)" content="(UC[\w-]{22})"',
            r'"channelId":"(UC[\w-]{22})"',
        ),
        _YOUTUBE_FEED_URL + "?channel_id={}",
    ),
    (r"itunes\.apple\.com", (r'"feedUrl":\s*"(https?://[^"\s\\]+)"',), "{}"),
)
"""Rules for pages that name their feed in their own way.

Each has a regex of host names, regexes to search for in a page, and a template for the feed's URL, which
the text found completes.
"""


def find_project_name(url: str) -> str | None:
    """Return the project, such as `python/cpython`, of a GitHub or GitLab feed whose title does not name it, or None.

    Such are feeds of releases, tags and commits, and those of discussions and wiki pages on GitHub.
    """
    parts = urlsplit(url)
    match = _PROJECT_FEED_URL_PATTERN.fullmatch((parts.hostname or "").removeprefix("www.") + parts.path)
    return match and (match["github"] or match["gitlab"])


def is_video(url: str) -> bool:
    """Return whether a URL is that of a video on YouTube, Vimeo, Dailymotion or Twitch."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return _VIDEO_URL_PATTERN.fullmatch((parts.hostname or "").removeprefix("www.") + parts.path + query) is not None


def resolve_handle(text: str) -> str | None:
    """Return the URL of the page that an account handle or SSH remote stands for, or None for any other text.

    Such texts are `@name@host` in the fediverse, `@name.host` on Bluesky, `r/name` on Reddit, and
    `git@host:name` for a project.
    """
    text = text.strip()
    if match := _FEDIVERSE_HANDLE_PATTERN.fullmatch(text):
        return f"https://{match[2].lower()}/@{match[1]}"
    if match := _BLUESKY_HANDLE_PATTERN.fullmatch(text):
        return f"https://bsky.app/profile/{match[1].lower()}"
    if match := _REDDIT_HANDLE_PATTERN.fullmatch(text):
        return f"https://www.reddit.com/{match[1]}"
    if match := _GIT_SSH_URL_PATTERN.fullmatch(text):
        return f"https://{match[1].lower()}/{match[2]}"
    return None


def get_request_headers(host: str) -> dict[str, str]:
    """Return the extra headers that requests to a host need; most hosts need none.

    Without a cookie, YouTube shows a consent page in Europe; the cookie is the one that its button sets.
    """
    return {"Cookie": "SOCS=CAI"} if _CONSENT_HOST_PATTERN.fullmatch(host) else {}


def list_feeds_for_url(url: str) -> tuple[SiteFeed, ...]:
    """Return the feeds that a URL of a known site, such as YouTube, stands for, likeliest first; () for other sites."""
    parts = urlsplit(urls.canonicalize(url))
    host = (parts.hostname or "").removeprefix("www.")
    query = f"?{parts.query}" if parts.query and host != "github.com" else ""  # feeds of GitHub take no query
    url_without_scheme = host + (parts.path or "/") + query
    if host == "web.telegram.org":
        url_without_scheme = "t.me/" + parts.fragment.lstrip("@")
    for url_regex, template_pairs in _URL_RULES:
        if match := re.fullmatch(url_regex, url_without_scheme):
            groups = match.groupdict()
            quoted_groups = {name: quote(unquote(group), safe="/@:?&=.~+-_") for name, group in groups.items()}
            return tuple(
                SiteFeed(
                    feed_template.format(**quoted_groups),
                    title_template.format(**groups).strip("/").replace("/ ", " "),
                )
                for feed_template, title_template in template_pairs
            )
    return ()


def build_mastodon_feed_url(url: str) -> str | None:
    """Return the feed URL of a Mastodon account or tag page, or None if its path is of neither."""
    parts = urlsplit(url)
    match = _MASTODON_PATH_PATTERN.fullmatch(parts.path)
    return match and parts._replace(path=f"{match[1]}.rss", query="", fragment="").geturl()


def find_feed_in_page(body: bytes, url: str) -> SiteFeed | None:
    """Return the feed that a page of YouTube or iTunes names in its own way, or None if there is none."""
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    for host_regex, feed_regexes, feed_template in _PAGE_RULES:
        if re.fullmatch(host_regex, host):
            page_text = body.decode("utf-8", "replace")
            match = next(filter(None, (re.search(feed_regex, page_text) for feed_regex in feed_regexes)), None)
            return SiteFeed(feed_template.format(match[1]), "") if match else None
    return None
