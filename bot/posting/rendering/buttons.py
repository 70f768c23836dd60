"""Buttons and menus of messages. Their custom ids contain all state, so that they work after a restart.

Delivery lookups recognise the bot's own messages by these ids. What a click does is defined in the cogs.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import discord

from bot.core.i18n import N_, _, format_count, format_number, pgettext
from bot.core.models import Article
from bot.feeds import known_sites
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout import icons
from bot.posting.rendering.layout.icons import Icon
from bot.text import discord_text, urls

BOOKMARK_EMOJI = "🔖"
"""Emoji of the reaction that the bot adds to posts; users bookmark an article by clicking it."""

_ARTICLE_KEY_GROUP = r"(?P<key>[^:\s]{1,80})"
_JOINED_KEYS_GROUP = r"(?::(?P<joined>\S+))?"
"""Pattern, within custom ids, of the short keys of the articles that were added to a post, one after the other."""
_DEDUPE_KEY_GROUP = r"(?P<dedupe_key>\S{1,80})"
"""Pattern, within custom ids, of the unique key of a dispatch: a message in the outbox."""
_QUESTION_ID_GROUP = r"(?P<question_id>\d{1,19})"
_PROPOSAL_ID_GROUP = r"(?P<proposal_id>\d{1,18})"

SAVE_ID_PATTERN = rf"telex:save:{_ARTICLE_KEY_GROUP}{_JOINED_KEYS_GROUP}"
"""Pattern of the custom id of a Save button, which bookmarks an article."""
MORE_ID_PATTERN = rf"telex:more:{_ARTICLE_KEY_GROUP}{_JOINED_KEYS_GROUP}"
"""Pattern of the custom id of a More button, which opens the menu of an article."""
SAVE_MENU_ID_PATTERN = rf"telex:pick:{_DEDUPE_KEY_GROUP}"
"""Pattern of the custom id of a menu that bookmarks articles."""
VOTE_ID_PATTERN = rf"telex:vote:(?P<vote>up|down):{_QUESTION_ID_GROUP}"
"""Pattern of the custom id of the buttons 👍 and 👎 under an answer."""
FOLLOW_UP_ID_PATTERN = rf"telex:next:{_QUESTION_ID_GROUP}:(?P<number>\d)"
"""Pattern of the custom id of a button with a follow-up question."""
MUTE_STORY_ID_PATTERN = rf"telex:mute:{_ARTICLE_KEY_GROUP}"
"""Pattern of the custom id of a button that offers to mute the story of an article."""
PROPOSAL_CHANNEL_ID_PATTERN = rf"telex:proposal-channel:{_PROPOSAL_ID_GROUP}"
"""Pattern of the custom id of a menu with the channel for which a feed is proposed."""
MARK_READ_ID_PATTERN = rf"telex:mark:(?P<mark>read|unread):{_ARTICLE_KEY_GROUP}"
"""Pattern of the custom id of a button that marks a bookmark as read or unread."""

_MAX_BUTTON_URL_LENGTH = 512  # https://discord.com/developers/docs/components/reference#button


POSTABLE_CHANNEL_TYPES = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.news_thread,
    discord.ChannelType.public_thread,
    discord.ChannelType.private_thread,
    discord.ChannelType.forum,
    discord.ChannelType.media,
]
"""Types of the channels and threads that menus offer for posts; a voice or stage channel can have posts, too."""
MAX_JOINED_PER_BUTTON = 8
"""Maximum number of short keys of articles added to a post in one custom id, which has at most 100 characters."""
SHORT_KEY_LENGTH = 8
"""Length in hexadecimal digits of the short form of an article key, used in custom ids."""


def save_button_id(key: str, joined_articles: Sequence[Article] = ()) -> str:
    """Return the custom id of a Save button for an article and the first `MAX_JOINED_PER_BUTTON` added to its post."""
    return _append_joined_keys(f"telex:save:{key}", joined_articles[:MAX_JOINED_PER_BUTTON])


def _append_joined_keys(id_prefix: str, joined_articles: Sequence[Article]) -> str:
    short_keys = "".join(article.key[:SHORT_KEY_LENGTH] for article in joined_articles)
    return f"{id_prefix}:{short_keys}" if short_keys else id_prefix


def save_menu_id(dedupe_key: str) -> str:
    """Return the custom id of the menu that bookmarks articles of a message; `dedupe_key` identifies the message."""
    return f"telex:pick:{dedupe_key}"


def vote_button_id(question_id: int, *, has_helped: bool) -> str:
    """Return the custom id of the button by which a user says whether an answer helped."""
    return f"telex:vote:{'up' if has_helped else 'down'}:{question_id}"


def make_button(
    label: str,
    custom_id: str,
    emoji: str | None = None,
    style: discord.ButtonStyle = discord.ButtonStyle.secondary,
) -> discord.ui.Button[Any]:
    """Return a button whose label is cut to the length that Discord allows."""
    button_label = discord_text.to_plain_line(label, discord_limits.MAX_BUTTON_LABEL_LENGTH) or None
    return discord.ui.Button(style=style, label=button_label, emoji=emoji, custom_id=custom_id)


class ButtonTemplate(NamedTuple):
    """Template of a button: its name, parameters, label and icon. A call with parameters makes a button."""

    name: str
    parameter_patterns: tuple[str, ...]
    """Patterns of the parameters in the button's custom id."""
    label: str
    icon: Icon | None = None
    style: discord.ButtonStyle = discord.ButtonStyle.secondary

    @property
    def id_pattern(self) -> str:
        """Pattern of the custom ids of buttons that are made from the template."""
        return ":".join(("telex", self.name, *self.parameter_patterns))

    def custom_id(self, *parameters: object) -> str:
        """Return the custom id of a button with the given parameters."""
        return ":".join(("telex", self.name, *map(str, parameters)))

    def __call__(self, *parameters: object) -> discord.ui.Button[Any]:
        """Return a button with the given parameters, labelled in the current language."""
        emoji = None if self.icon is None else icons.emoji_for(self.icon)
        return make_button(_(self.label) if self.label else "", self.custom_id(*parameters), emoji, self.style)


BEGIN_BUTTON = ButtonTemplate("begin", (), N_("Get started"), style=discord.ButtonStyle.success)
STOP_WATCH_BUTTON = ButtonTemplate(
    "stop", (r"(?P<dedupe_key>watch:(?P<watch_id>\d{1,18}):[^:\s]{1,60})",), N_("Stop this watch")
)
WATCH_TOPIC_BUTTON = ButtonTemplate(
    "tell", (_QUESTION_ID_GROUP,), N_("Tell me when there is"), style=discord.ButtonStyle.primary
)
WATCH_ANSWER_BUTTON = WATCH_TOPIC_BUTTON._replace(
    label=N_("Tell me when it’s known"), icon=Icon.WATCH, style=discord.ButtonStyle.secondary
)
SHOW_QUOTES_BUTTON = ButtonTemplate("quotes", (_QUESTION_ID_GROUP,), N_("Show the quotes"), Icon.LIST)
SAVE_SOURCES_BUTTON = ButtonTemplate("save-sources", (_QUESTION_ID_GROUP,), "", Icon.SAVE)
MORE_LIKE_BUTTON = ButtonTemplate("like", (_ARTICLE_KEY_GROUP,), N_("More like this"), Icon.SEARCH)
SHOW_ALL_BUTTON = ButtonTemplate("all", (_DEDUPE_KEY_GROUP,), N_("Show all"), Icon.LIST)
PERSONAL_DIGEST_BUTTON = ButtonTemplate("my-digest", (), N_("Change, pause or stop…"))
TRENDS_BUTTON = ButtonTemplate("trends", (), N_("Trends"), Icon.TREND)
QUESTION_BUTTON = ButtonTemplate("question", (), N_("Ask"), Icon.ASK)
RESULTS_BUTTON = ButtonTemplate("results", (r"(?P<query>(?s:.+))",), N_("Show all"), Icon.LIST)
SHARE_BUTTON = ButtonTemplate("share", (_ARTICLE_KEY_GROUP,), N_("Share here"), Icon.SHARE)
MUTE_CHOICE_BUTTON = ButtonTemplate("mute-one", (), N_("Enough of a story…"))
UNDO_MUTE_BUTTON = ButtonTemplate("unmute", (r"(?P<muted_story_id>\d{1,18})",), N_("Undo"))
APPROVE_PROPOSAL_BUTTON = ButtonTemplate(
    "proposal-follow", (_PROPOSAL_ID_GROUP,), N_("Follow"), style=discord.ButtonStyle.success
)
DECLINE_PROPOSAL_BUTTON = ButtonTemplate("proposal-decline", (_PROPOSAL_ID_GROUP,), N_("Decline"))
DECLINE_WITH_REASON_BUTTON = ButtonTemplate("proposal-refuse", (_PROPOSAL_ID_GROUP,), N_("Decline with a reason"))
BLOCK_PROPOSER_BUTTON = ButtonTemplate("proposal-block", (_PROPOSAL_ID_GROUP,), N_("Block this person’s proposals"))
NOTICES_OFF_BUTTON = ButtonTemplate("notices-off", (r"(?P<notice_id>\d{1,18})",), N_("No more notices"))
STORY_BUTTON = ButtonTemplate("story", (_ARTICLE_KEY_GROUP,), N_("Story so far"), Icon.LIST)
STORY_MENU_ID = "telex:stories"
"""Custom id of a menu of articles that shows the story of the article chosen in it."""
STORY_ORDER_ID_PATTERN = rf"telex:story-order:(?P<order>newest|oldest):{_ARTICLE_KEY_GROUP}:(?P<words>(?s:.*))"
"""Pattern of the custom id of a button that shows a story in another order, with a person's words for the story."""
STORY_WATCH_ID_PATTERN = rf"telex:story-watch:{_ARTICLE_KEY_GROUP}:(?P<words>(?s:.*))"
"""Pattern of the custom id of a button that watches a story, with a person's words for the story."""
NOTE_BUTTON = ButtonTemplate("note", (_ARTICLE_KEY_GROUP,), N_("Note and tags"), Icon.NOTE)


def story_order_button(key: str, words: str, *, newest_first: bool) -> discord.ui.Button[Any]:
    """Return a button that shows the story of an article from its newest or oldest development on.

    `words` are the words by which a person names the story, or "".
    """
    label = pgettext("story", "Newest first") if newest_first else _("Oldest first")
    return make_button(
        label, _build_story_custom_id(f"story-order:{'newest' if newest_first else 'oldest'}", key, words)
    )


def story_watch_button(key: str, words: str) -> discord.ui.Button[Any]:
    """Return a button that watches the story of an article; `words` are a person's words for the story, or ""."""
    return make_button(_("Watch"), _build_story_custom_id("story-watch", key, words), icons.emoji_for(Icon.WATCH))


def _build_story_custom_id(name: str, key: str, words: str) -> str:
    """Return the custom id of a button about an article's story, with as much of a person's words for it as fits."""
    id_prefix = f"telex:{name}:{key}:"
    return id_prefix + discord_text.truncate_utf16(words, discord_limits.MAX_CUSTOM_ID_LENGTH - len(id_prefix))


def search_button(query: str, label: str = "") -> discord.ui.Button[Any] | None:
    """Return a button that shows all results of a query; None if the query is too long for a custom id.

    Without a `label` the button says "Show all", in the current language.
    """
    if discord_text.count_utf16_units(RESULTS_BUTTON.custom_id(query)) > discord_limits.MAX_CUSTOM_ID_LENGTH:
        return None
    return make_button(label, RESULTS_BUTTON.custom_id(query)) if label else RESULTS_BUTTON(query)


def save_button(
    key: str, *, joined_articles: Sequence[Article] = (), with_label: bool = True
) -> discord.ui.Button[Any]:
    """Return a Save button, which bookmarks an article, labelled in the current language.

    `joined_articles` were added to the article's post and are bookmarked too, at most `MAX_JOINED_PER_BUTTON`.
    """
    return make_button(
        _("Save") if with_label else "", save_button_id(key, joined_articles), icons.emoji_for(Icon.SAVE)
    )


def short_save_button(key: str) -> discord.ui.Button[Any]:
    """Return a Save button with a label that leaves room for votes in the same row on a phone."""
    return make_button(pgettext("beside votes", "Save"), save_button_id(key), icons.emoji_for(Icon.SAVE))


def more_button(
    key: str, *, joined_articles: Sequence[Article] = (), with_label: bool = True
) -> discord.ui.Button[Any]:
    """Return a button that opens the menu of an article, labelled in the current language.

    Its custom id has the articles added to the post (joined) that exceed the maximum of the Save button, up to
    `MAX_JOINED_PER_BUTTON`.
    """
    emoji = icons.emoji_for(Icon.MORE)
    label = _("More") if with_label else "" if emoji else "⋯"
    return make_button(
        label,
        _append_joined_keys(f"telex:more:{key}", joined_articles[MAX_JOINED_PER_BUTTON : 2 * MAX_JOINED_PER_BUTTON]),
        emoji,
    )


def remove_bookmark_button(key: str) -> discord.ui.Button[Any]:
    """Return a button that removes a bookmark: a Save button, which toggles it, with another label."""
    return make_button(_("Remove from bookmarks"), save_button_id(key), icons.emoji_for(Icon.SAVE))


def vote_button(question_id: int, *, has_helped: bool, label: str = "") -> discord.ui.Button[Any]:
    """Return the button 👍 or 👎 by which a user says whether an answer helped."""
    return make_button(label, vote_button_id(question_id, has_helped=has_helped), "👍" if has_helped else "👎")


def missed_answer_button(question_id: int) -> discord.ui.Button[Any]:
    """Return a 👎 button, labelled in the current language, that reports an answer that the bot did not find."""
    return make_button(_("An article does answer this"), vote_button_id(question_id, has_helped=False), "👎")


def follow_up_button(question_id: int, number: int, question: str) -> discord.ui.Button[Any]:
    """Return the button that asks a follow-up question, `number` among those that an answer offers."""
    return make_button(question, f"telex:next:{question_id}:{number}", icons.emoji_for(Icon.ASK))


def story_menu(articles: Sequence[Article]) -> discord.ui.Select[Any] | None:
    """Return a menu that shows the story of the article chosen in it; None without articles.

    Its text is in the current language. At most the first 25 articles are offered.
    """
    if not articles:
        return None
    return discord.ui.Select(
        custom_id=STORY_MENU_ID,
        placeholder=_("A story so far…"),
        options=[_article_option(article) for article in articles[: discord_limits.MAX_OPTIONS]],
    )


def save_menu(
    dedupe_key: str, articles: Sequence[Article], *, placeholder: str | None = None
) -> discord.ui.Select[Any]:
    """Return a menu that bookmarks the articles chosen in it, in the current language.

    `articles` are oldest first, and at least one; at most the newest 25 are offered.
    """
    options = [_article_option(article) for article in reversed(articles[-discord_limits.MAX_OPTIONS :])]
    return discord.ui.Select(
        custom_id=save_menu_id(dedupe_key),
        placeholder=discord_text.to_plain_line(
            placeholder or _("Save articles…"), discord_limits.MAX_OPTION_LABEL_LENGTH
        ),
        max_values=len(options),
        options=options,
    )


def mute_story_button(key: str) -> discord.ui.Button[Any]:
    """Return a button that offers to mute the story of an article, labelled in the current language.

    It works in any message, for everybody who can read the article there.
    """
    return make_button(_("Enough of this story"), f"telex:mute:{key}", "🔕")


def _article_option(article: Article) -> discord.SelectOption:
    return discord.SelectOption(
        label=discord_text.to_plain_line(article.title, discord_limits.MAX_OPTION_LABEL_LENGTH)
        or discord_text.to_plain_line(article.url, discord_limits.MAX_OPTION_LABEL_LENGTH),
        description=discord_text.to_plain_line(article.outlet, discord_limits.MAX_OPTION_LABEL_LENGTH) or None,
        value=article.key,
    )


def mark_read_button(key: str, *, mark_as_read: bool) -> discord.ui.Button[Any]:
    """Return a button that marks a bookmark as read or unread, in the current language."""
    target_state = "read" if mark_as_read else "unread"
    return make_button(_("Mark as read") if mark_as_read else _("Mark as unread"), f"telex:mark:{target_state}:{key}")


def proposal_channel_menu(proposal_id: int, channel_id: int) -> discord.ui.ChannelSelect[Any]:
    """Return a menu with the channel for which a feed is proposed, in the current language."""
    return discord.ui.ChannelSelect(
        custom_id=f"telex:proposal-channel:{proposal_id}",
        placeholder=_("Choose a channel…"),
        channel_types=POSTABLE_CHANNEL_TYPES,
        default_values=[discord.SelectDefaultValue(id=channel_id, type=discord.SelectDefaultValueType.channel)],
    )


def make_link_button(url: str) -> discord.ui.Button[Any] | None:
    """Return a button that opens a URL, in the current language; None if Discord would reject the URL."""
    if not is_web_url(url) or discord_text.count_utf16_units(url) > _MAX_BUTTON_URL_LENGTH:
        return None
    return discord.ui.Button(style=discord.ButtonStyle.link, label=_("Read"), url=url)


def make_open_buttons(article: Article) -> tuple[discord.ui.Button[Any] | None, ...]:
    """Return buttons that open an article or video and, for a podcast episode, its audio.

    A button is None if Discord would reject its URL, or if the article's page is the audio file.
    """
    if article.audio_url is None:
        open_button = make_link_button(article.url)
        if open_button is not None and known_sites.is_video(article.url):
            open_button.emoji, open_button.label = "▶️", _("Watch video")
        return (open_button,)
    listen_button = make_link_button(article.audio_url)
    if listen_button is not None:
        listen_button.emoji, listen_button.label = "🎧", _("Listen")
        if article.duration_seconds is not None:
            minutes = format_number(max(1, round(article.duration_seconds / 60)))
            listen_button.label = _("Listen · {minutes} min").format(minutes=minutes)
    return (
        None if urls.canonicalize(article.audio_url) == article.url else make_link_button(article.url),
        listen_button,
    )


def get_comments_url(article: Article) -> str | None:
    """Return the URL of the discussion of an article, or None if it has none besides the article's own page."""
    comments_url = article.comments_url
    if comments_url is None or not is_web_url(comments_url):
        return None
    return None if urls.compute_page_key(comments_url) == urls.compute_page_key(article.url) else comments_url


def comments_label(article: Article) -> str:
    """Return "Comments", with their number if there are any, in the current language."""
    if not article.comment_count:
        return _("Comments")
    return format_count("Comments · {count}", "Comments · {count}", article.comment_count)


def make_comments_button(article: Article) -> discord.ui.Button[Any] | None:
    """Return a button that opens the discussion of an article, in the current language.

    Returns None if there is no discussion, or if Discord would reject its URL.
    """
    comments_button = make_link_button(get_comments_url(article) or "")
    if comments_button is not None:
        comments_button.emoji, comments_button.label = "💬", comments_label(article)
    return comments_button


def is_web_url(url: str) -> bool:
    """Return whether a URL is an http or https URL that Discord accepts as a link."""
    try:
        url_parts = urlsplit(url)
        host = url_parts.hostname
    except ValueError:
        return False
    return (
        url_parts.scheme in {"http", "https"}
        and bool(host)
        and not any(character.isspace() or character < " " for character in url)
    )


def view_of_items(*items: discord.ui.Item[Any] | None) -> discord.ui.View:
    """Return a view of buttons and menus for a message; None among the items is dropped.

    The view is stopped, or discord.py would keep one for every post. Clicks reach their cog by the custom id.
    Requires a running event loop.
    """
    view = discord.ui.View(timeout=None)
    for item in items:
        if item is not None:
            view.add_item(item)
    view.stop()
    return view
