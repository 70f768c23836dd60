"""What people use in Discord: commands and buttons, which call into `bot` and show the answer; and background loops."""

from discord.ext import commands

from cogs.asking.ask_commands import AskCog
from cogs.feeds.feed_commands import FeedCog
from cogs.feeds.source_commands import SourceCog
from cogs.feeds.why_commands import WhyCog
from cogs.owner.owner_command import OwnerCog
from cogs.reading.bookmark_commands import BookmarkCog, LinkSavingCog
from cogs.reading.bookmark_reactions import ReactionCog
from cogs.reading.more_menu import SummaryCog
from cogs.reading.search_commands import SearchCog
from cogs.reading.story_commands import StoryCog
from cogs.reading.trend_commands import TrendCog
from cogs.running.about_command import AboutCog
from cogs.running.background_loops import EmojiCog, OutboxCog
from cogs.running.health_monitor import HealthCog
from cogs.running.help_pages import HelpCog
from cogs.running.maintenance_presence import MaintenancePresenceCog
from cogs.running.privacy_command import PrivacyCog
from cogs.running.server_events import GuildEventsCog
from cogs.settings.settings_commands import SettingsCog
from cogs.settings.setup_flow import SetupCog
from cogs.shared.authorization import CommandPermissionCache
from cogs.shared.persistent_items import ExpiredComponentCog
from cogs.watching.digest_commands import DigestCog
from cogs.watching.watch_commands import WatchCog

ALL_COGS: tuple[type[commands.Cog], ...] = (
    OutboxCog,
    HealthCog,
    EmojiCog,
    CommandPermissionCache,
    GuildEventsCog,
    FeedCog,
    SourceCog,
    SettingsCog,
    SetupCog,
    SearchCog,
    AskCog,
    StoryCog,
    BookmarkCog,
    LinkSavingCog,
    ReactionCog,
    SummaryCog,
    WatchCog,
    DigestCog,
    TrendCog,
    WhyCog,
    HelpCog,
    AboutCog,
    PrivacyCog,
    OwnerCog,
    MaintenancePresenceCog,
    ExpiredComponentCog,
)
"""All cogs, in the order in which they are loaded and unloaded."""
