"""What people can do in Discord: options in, one call into `bot`, an answer out."""

from __future__ import annotations

from discord.ext import commands

from cogs.about import About
from cogs.asking import Asking
from cogs.bookmarks import Bookmarks
from cogs.digests import Digests
from cogs.encoding import Encoding
from cogs.feeds import Feeds
from cogs.health import Health
from cogs.polling import Polling
from cogs.posting import Posting
from cogs.reactions import Reactions
from cogs.reading import Reading
from cogs.rights import Rights
from cogs.servers import Servers
from cogs.settings import ServerSettings
from cogs.setup import Setup
from cogs.similar import MoreLikeThis
from cogs.trends import Rising
from cogs.views import Stale
from cogs.watching import Watching
from cogs.why import Why

ALL: tuple[type[commands.Cog], ...] = (
    Polling,
    Posting,
    Health,
    Encoding,
    Rights,
    Servers,
    Feeds,
    ServerSettings,
    Setup,
    Reading,
    Asking,
    Bookmarks,
    Reactions,
    MoreLikeThis,
    Watching,
    Digests,
    Rising,
    Why,
    About,
    Stale,
)
"""Every cog, in the order in which they start and end."""
