"""Sentences on why a request of a user was refused."""

from collections.abc import Callable, Mapping

from bot.answers.conversing.question_limits import QuestionRejection
from bot.core.i18n import N_, _, format_count, format_number, linkify_commands
from bot.core.limits import Limit
from bot.core.reasons import Reason, ReasonCode, ReasonValue
from bot.core.user_errors import RequestRejected, UserFacingError
from bot.feeds.fetch_errors import FeedError
from bot.operating.server_decisions import ServerDecisionRejection
from bot.operating.server_erasures import ErasureRejection
from bot.polling.following.follow_service import FollowFailure
from bot.polling.following.opml_import import OpmlFailure
from bot.polling.page_saver import SaveFailure
from bot.posting.wording.feed_error_sentences import describe_feed_error
from bot.store.records.operating_records import NoticeRejection
from bot.store.records.people_records import ProposalDecision, ProposalRejection
from bot.store.records.setup_records import SetupFailure
from bot.store.records.source_records import SourceRejection
from bot.text import discord_text, urls
from bot.watches.live_query_validation import QueryRejection

_SentenceValues = Mapping[str, ReasonValue]


def find_error_sentence(error: Exception) -> str | None:
    """Return the sentence for an error, in the current language; None if users must not see the error."""
    match error:
        case UserFacingError():
            return str(error)
        case RequestRejected():
            return refusal_sentence(error.reason)
        case FeedError():
            return describe_feed_error(error.code, error.url)
    return None


def refusal_sentence(reason: Reason) -> str:
    """Return why a request of a user was refused, in the current language."""
    template_or_formatter = _TEMPLATE_OR_FORMATTER_BY_CODE[reason.code]
    if not isinstance(template_or_formatter, str):
        return template_or_formatter(reason.values)
    formatted_values = {
        name: format_number(sentence_value) if isinstance(sentence_value, int) else sentence_value
        for name, sentence_value in reason.values.items()
    }
    formatted_values["when"] = f"<t:{reason.values.get('moment')}:R>"
    return _(template_or_formatter).format(**formatted_values)


def _no_feed_sentence(sentence_values: _SentenceValues) -> str:
    if urls.parse_host(str(sentence_values["address"])) == "t.me":
        return _("I can’t follow {address}: the channel is private or has too few messages.").format(
            address=sentence_values["address"]
        )
    return "\n".join(
        (
            _("I found no feed at {address}, and this page has no list I can follow. You can:").format(
                address=sentence_values["address"]
            ),
            _("• Look on the site for “RSS”, “Feed” or “Atom”, often at the foot of its pages."),
            _("• Try the address of its blog, of its news, or of one of its sections."),
            _(
                "• Paste the address of an account, channel or project on YouTube, Bluesky, Mastodon, "
                "Telegram, Reddit, GitHub or GitLab."
            ),
            _("• Ask the publisher: many sites have a feed they don’t show."),
        )
    )


def _get_count(sentence_values: _SentenceValues) -> int:
    count = sentence_values["count"]
    assert isinstance(count, int)
    return count


def _already_decided_sentence(sentence_values: _SentenceValues) -> str:
    sentence_template = {
        ProposalDecision.APPROVED: _("{user} has accepted this proposal already."),
        ProposalDecision.DECLINED: _("{user} has declined this proposal already."),
    }.get(ProposalDecision(str(sentence_values["decision"])))
    if sentence_template is None or not sentence_values["user"]:
        return _("This proposal is closed.")
    return sentence_template.format(user=f"<@{sentence_values['user']}>")


_TEMPLATE_OR_FORMATTER_BY_CODE: Mapping[ReasonCode, str | Callable[[_SentenceValues], str]] = {
    FollowFailure.NEEDS_PASSWORD: N_("The site asks for a username and password."),
    FollowFailure.WRONG_PASSWORD: N_("{address} rejected this username and password."),
    FollowFailure.NO_FEED: _no_feed_sentence,
    FollowFailure.NO_OUTLET: lambda values: _(
        "I don’t know an outlet called “{words}”. Give me the address of its site or feed, such as theverge.com."
    ).format(words=discord_text.escape_markdown(str(values["words"]))),
    FollowFailure.NEEDS_SCRIPT: N_(
        "{address} has no feed and only works with JavaScript, which Telex doesn’t run. Try another page of the site."
    ),
    Limit.FEEDS_PER_SERVER: lambda values: format_count(
        "This server has reached its limit of {count} feed, set by whoever runs this bot. Remove one first.",
        "This server has reached its limit of {count} feeds, set by whoever runs this bot. Remove one first.",
        _get_count(values),
    ),
    Limit.WATCHES_PER_SERVER: lambda values: format_count(
        "This server has reached its limit of {count} watch in its channels, set by whoever runs this bot. "
        "Remove one first.",
        "This server has reached its limit of {count} watches in its channels, set by whoever runs this bot. "
        "Remove one first.",
        _get_count(values),
    ),
    Limit.DIGESTS_PER_SERVER: lambda values: format_count(
        "This server has reached its limit of {count} digest, set by whoever runs this bot. Stop one first.",
        "This server has reached its limit of {count} digests, set by whoever runs this bot. Stop one first.",
        _get_count(values),
    ),
    Limit.WATCHES_PER_USER: lambda values: linkify_commands(
        format_count(
            "You’ve reached the limit of {count} watch, set by whoever runs this bot. "
            "Remove one first with /watch remove.",
            "You’ve reached the limit of {count} watches, set by whoever runs this bot. "
            "Remove one first with /watch remove.",
            _get_count(values),
        )
    ),
    Limit.SAVED_PAGES_PER_USER: lambda values: linkify_commands(
        format_count(
            "You’ve reached the limit of {count} saved link, set by whoever runs this bot. "
            "Remove some in /bookmarks first.",
            "You’ve reached the limit of {count} saved links, set by whoever runs this bot. "
            "Remove some in /bookmarks first.",
            _get_count(values),
        )
    ),
    Limit.BOOKMARKS_PER_USER: lambda values: linkify_commands(
        format_count(
            "You’ve reached the limit of {count} bookmark, set by whoever runs this bot. "
            "Remove some in /bookmarks first.",
            "You’ve reached the limit of {count} bookmarks, set by whoever runs this bot. "
            "Remove some in /bookmarks first.",
            _get_count(values),
        )
    ),
    SourceRejection.BLOCKED: lambda values: _("Whoever runs this bot has blocked {source}.").format(
        source=discord_text.to_markdown_line(str(values["source"]))
    ),
    ProposalRejection.BLOCKED_BY_MANAGER: N_("A manager of this server has blocked your proposals."),
    ProposalRejection.TOO_MANY_OF_USER: N_(
        "{count} of your proposals are open here, the maximum. Wait until the managers decide."
    ),
    ProposalRejection.TOO_MANY_OF_SERVER: N_(
        "{count} proposals are open here, the maximum. Try again when the managers have decided on some."
    ),
    ProposalRejection.ALREADY_PROPOSED: N_("You’ve proposed this already. You’ll hear what the managers decide."),
    ProposalRejection.ENOUGH_PROPOSERS: N_("{count} people want this already. The managers know."),
    ProposalRejection.ALREADY_DECIDED: _already_decided_sentence,
    ProposalRejection.GONE: N_("This proposal no longer exists."),
    SetupFailure.NOT_IN_SERVER: N_("Telex isn’t in this server."),
    SetupFailure.CHANGED_MEANWHILE: N_("Someone changed these settings meanwhile. Nothing was changed now; try again."),
    SetupFailure.TOO_MANY_FEEDS: N_("Too many feeds: whoever runs this bot limits this server to {count}."),
    SetupFailure.TOO_MANY_FILTERS: N_("Too many filters in one place: the limit is {count}."),
    SetupFailure.TOO_MANY_MENTION_RULES: N_("Too many mentions by topic: the limit is {count} per channel."),
    SetupFailure.TOO_MANY_TAG_RULES: N_("Too many tag rules: the limit is {count} per forum."),
    SetupFailure.TOO_MANY_DIGESTS: N_("Too many digests: whoever runs this bot limits this server to {count}."),
    SetupFailure.TOO_MANY_WATCHES: N_("Too many channel watches: whoever runs this bot limits this server to {count}."),
    NoticeRejection.EMPTY: N_("The notice is empty."),
    NoticeRejection.TOO_LONG: N_("The notice has {count} characters, and {limit} at most can be posted."),
    NoticeRejection.NO_RECIPIENT: N_(
        "No server would get the notice: each has opted out, or has no channel for alerts (/feed alerts)."
    ),
    NoticeRejection.REPEATED: N_("You’ve just sent this notice."),
    NoticeRejection.GONE: N_("This notice isn’t being posted any more."),
    OpmlFailure.NO_FEEDS: N_("I found no feeds in this. OPML files list them as `<outline xmlUrl=…>`."),
    SaveFailure.DISCORD_LINK: N_("I can’t read links into Discord. Save a link to a web page."),
    SaveFailure.SECRET_LINK: N_(
        "This link contains a password or a key, so I don’t keep it. Save the page’s public address."
    ),
    SaveFailure.TOO_FAST: N_("You’ve saved {count} links in ten minutes, which is the limit. Save this one {when}."),
    ServerDecisionRejection.OWN_SERVER: N_("That’s your own server (TELEX_OWNER_SERVER): I stay there."),
    ServerDecisionRejection.NOT_IN_SERVER: N_("I’m not in that server, or am leaving it already."),
    ErasureRejection.NOTHING_STORED: N_("Nothing is stored about this server."),
    QueryRejection.WATCH_HAS_DATE: N_("Watches only cover new articles. Remove the date."),
    QueryRejection.FILTER_HAS_DATE: N_("Filters only apply to new articles. Remove the date."),
    QueryRejection.BOOKMARKED: N_("New articles aren’t bookmarked yet. Remove `is:bookmarked`."),
    QueryRejection.ONLY_STOP_WORDS: N_("Nearly every article has these words: {words}. Add a rarer one."),
    QueryRejection.EMPTY_WATCH: N_(
        "What should I watch for? A word, an “exact phrase”, or `source:`, `author:` or `tag:` with a name."
    ),
    QueryRejection.EMPTY_FILTER: N_(
        "What should the filter look for? A word, an “exact phrase”, or `author:`, `tag:` or `source:` with a name."
    ),
    QueryRejection.COMMON_ALTERNATIVE: N_("One of the alternatives is in nearly every article. Remove it."),
    QueryRejection.ONLY_EXCLUSIONS: N_("That only excludes words. Add one to look for."),
    QueryRejection.TOO_COMMON: N_("Too many articles would match. Add a rarer word."),
    QuestionRejection.TOO_MANY_OF_USER: N_(
        "You’ve asked {count} questions in a minute, which is the limit. Ask again {when}."
    ),
    QuestionRejection.TOO_MANY_OF_SERVER: N_(
        "This server has asked {count} questions in a minute, which is the limit. Ask again {when}."
    ),
    QuestionRejection.TOO_MANY_SEARCHES: N_(
        "You’ve searched {count} times in a minute, which is the limit. Search again {when}."
    ),
    QuestionRejection.TOO_LONG: N_("Questions can be up to {count} characters long; yours has {length}."),
    QuestionRejection.BUSY: N_("I’m busy with other questions. Ask again in a minute."),
    QuestionRejection.NO_TOPIC: N_("What topic are you asking about? Name it, as in “What happened with Signal?”"),
    QuestionRejection.ONLY_THANKS: N_("You’re welcome!"),
    QuestionRejection.ONLY_GREETING: N_("Hello! Ask me about the news, as in “What happened with Signal?”"),
}
