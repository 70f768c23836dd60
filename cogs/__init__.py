"""What people can do in Discord: options in, one call into `bot`, an answer out."""

from discord.ext import commands

from cogs.asking.ask_commands import Asking
from cogs.feeds.feed_commands import Feeds
from cogs.feeds.why_commands import Why
from cogs.reading.bookmark_commands import Bookmarks
from cogs.reading.bookmark_reactions import Reactions
from cogs.reading.reading_commands import Reading
from cogs.reading.summary_menu import Summarizing
from cogs.reading.trend_commands import Rising
from cogs.running.about_command import About
from cogs.running.background_loops import Emoji, Posting
from cogs.running.health_monitor import Health
from cogs.running.help_pages import Help
from cogs.running.personal_data import Privacy
from cogs.running.server_events import Servers
from cogs.settings.settings_commands import ServerSettings
from cogs.settings.setup_flow import Setup
from cogs.shared.lasting_items import Stale
from cogs.shared.rights import Rights
from cogs.watching.digest_commands import Digests
from cogs.watching.watch_commands import Watching

ALL: tuple[type[commands.Cog], ...] = (
    Posting,
    Health,
    Emoji,
    Rights,
    Servers,
    Feeds,
    ServerSettings,
    Setup,
    Reading,
    Asking,
    Bookmarks,
    Reactions,
    Summarizing,
    Watching,
    Digests,
    Rising,
    Why,
    Help,
    About,
    Privacy,
    Stale,
)
"""Every cog, in the order in which they start and end."""
