"""Names of news outlets, derived from the title and URL of their feeds."""

import re

from bot.feeds import known_sites
from bot.text import discord_text

MAX_NAME_UNITS = 80
"""Maximum length of an outlet's name in UTF-16 units."""

_FORMAT_WORDS_PATTERN = re.compile(
    r"^(?:flux\s+)?(?:rss|atom)\s*[-–—:|]\s*|[\s-]+(?:rss|atom|flux\s+rss)(?:\s*2\.0)?(?:\s+feed)?$",
    re.IGNORECASE,
)
_SEPARATOR_PATTERN = re.compile(r"\s+[-–—|»·]+\s+|\s*[|»]\s+|\s*:\s+")
_GENERIC_TITLE_PATTERN = re.compile(
    r"(?:the\s+|les?\s+|la\s+)?(?:"
    r"(?:all|recent|latest|top)\s+(?:posts|stories|content|articles|news|headlines)|articles?|blog|feeds?|home|"
    r"front\s?page|latest|news(?:\s+feed)?|newest|rss|atom|flux(?:\s+(?:rss|complet))?|accueil|actualit[ée]s?|"
    r"actus?|[àa]\s+la\s+une|une|tous\s+les\s+(?:articles|contenus)|comments\s+on|commentaires\s+(?:sur|pour)|"
    r"world(?:\s+news)?|business|tech(?:nology)?|science|politics|sports?|monde|économie|culture|international"
    r")",
    re.IGNORECASE,
)


def derive_outlet_name(title: str, url: str = "") -> str:
    """Return the name of a feed's outlet: `NPR Topics` for the feed title "NPR Topics: World".

    A feed of a project's releases, tags or commits, recognised by `url`, is named after the project. The name
    has at most `MAX_NAME_UNITS` UTF-16 units.
    """
    if project_name := known_sites.find_project_name(url):
        return discord_text.to_plain_line(project_name, MAX_NAME_UNITS)
    title = discord_text.to_plain_line(title, 4 * MAX_NAME_UNITS)
    title_parts = [
        _FORMAT_WORDS_PATTERN.sub("", part).strip()
        for part in _SEPARATOR_PATTERN.split(_FORMAT_WORDS_PATTERN.sub("", title))
    ]
    specific_parts = (part for part in title_parts if part and not _GENERIC_TITLE_PATTERN.fullmatch(part))
    return discord_text.to_plain_line(next(specific_parts, title), MAX_NAME_UNITS)
