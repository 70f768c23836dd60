"""Texts of the scorecard of a server's feeds (how people reacted to their posts), for a panel and a monthly message."""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bot.core.i18n import _, format_count, linkify_commands
from bot.posting.rendering import messages
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import Block, Card, Separator, text_block
from bot.posting.rendering.messages import Message
from bot.posting.wording.feed_names import bold_feed_name, feed_name
from bot.stories.feed_scores import Scorecard, ScoredFeed, Verdict
from bot.text import discord_text

DECISION_COLOUR = 0xD8A13A
"""Colour (0xRRGGBB) of a scorecard with feeds of which a manager should decide whether to keep them."""
PAGE_SIZE = 12
"""Maximum number of feeds on a page of the scorecard of feeds, and in its monthly message."""
_BAR_LENGTH = 7
"""Number of characters of the bar before a feed's name; with ten, names break on a phone."""


class FeedGroup(NamedTuple):
    """Heading of feeds that are judged alike, such as "too early to tell", and the lines of each feed."""

    heading: str
    rows: list[str]


def build_report_payload(scorecard: Scorecard) -> str:
    """Return a scorecard's monthly message as JSON to be stored: texts, in the current language, and colour.

    It has the first `PAGE_SIZE` feeds and the number of the others.
    """
    groups = iter_groups(scorecard, scorecard.scored_feeds[:PAGE_SIZE])
    small_texts = [linkify_commands(_("Act on it, or stop these reports: /feed report"))]
    hidden_count = len(scorecard.scored_feeds) - PAGE_SIZE
    if hidden_count > 0:
        small_texts.insert(0, format_count("{count} more feed", "{count} more feeds", hidden_count))
    texts = [format_heading(scorecard), *("\n".join((group.heading, *group.rows)) for group in groups)]
    texts.append("-# " + " · ".join(small_texts))
    return json.dumps({"texts": texts, "colour": get_colour(scorecard)}, ensure_ascii=False)


def report_message(payload: str) -> Message:
    """Return the monthly message on feeds from its stored JSON."""
    report = json.loads(payload)
    blocks: list[Block] = [text_block(report["texts"][0])]
    for text in report["texts"][1:]:
        blocks += [Separator(), text_block(text)]
    thread_name = discord_text.to_plain_line(report["texts"][0].partition("\n")[0], messages.MAX_THREAD_NAME_LENGTH)
    return Message(thread_name, layout=(Card(tuple(blocks), report["colour"]),))


def is_same_report(sent_texts: Sequence[str], payload: str) -> bool:
    """Return whether a sent monthly message covers the same period as a stored one, whatever the numbers are."""
    heading_start = json.loads(payload)["texts"][0].partition(" · ")[0]
    return any(sent_text.startswith(heading_start) for sent_text in sent_texts)


def get_colour(scorecard: Scorecard) -> int:
    """Return the colour of a scorecard: another one if a manager should decide whether to keep some feeds."""
    return DECISION_COLOUR if scorecard.feeds_to_decide_on else outlet_branding.DEFAULT_COLOUR


def format_heading(scorecard: Scorecard) -> str:
    """Return a scorecard's title, and a small line with the period, the number of posts and the meaning of “kept”."""
    facts = (
        f"<t:{scorecard.since}:D> – <t:{scorecard.until - 1}:D>",
        format_count("{count} post", "{count} posts", scorecard.total_posts),
        _("kept = saved or liked"),
    )
    title = _("Which feeds earn their place")
    return f"### {title}\n-# {' · '.join(facts)}"


def iter_groups(scorecard: Scorecard, scored_feeds: Sequence[ScoredFeed]) -> Iterator[FeedGroup]:
    """Yield the given feeds of a scorecard in groups: to decide on, worth keeping, too early to tell."""
    decision_count = len(scorecard.feeds_to_decide_on)
    heading_by_verdict = {
        Verdict.DECIDE: format_count("{count} TO DECIDE ON", "{count} TO DECIDE ON", decision_count),
        Verdict.EARNS_PLACE: _("THESE EARN IT"),
        Verdict.UNKNOWN: _("TOO EARLY TO TELL"),
    }
    for verdict, heading in heading_by_verdict.items():
        rows = [_format_row(scorecard, feed) for feed in scored_feeds if feed.verdict is verdict]
        if rows:
            yield FeedGroup(f"-# {heading}", rows)


def _format_row(scorecard: Scorecard, scored_feed: ScoredFeed) -> str:
    """Return the lines on a feed in a scorecard: a bar relative to the best feed, the name and the numbers."""
    subscription, feed = scored_feed.subscription, scored_feed.feed
    kept_share = scored_feed.kept_share
    bar = _format_bar(kept_share, max(other_feed.kept_share for other_feed in scorecard.scored_feeds))
    outlet_emoji = outlet_branding.outlet_emoji(feed.id, feed.outlet or feed_name(feed))
    facts = [
        f"**{_kept_text(kept_share)}**",
        _posts_text(scorecard, scored_feed),
        *_reaction_texts(scored_feed),
    ]
    if not scored_feed.post_count:
        facts = [_("no posts")]
    if subscription.paused_at is not None:
        facts.append(_("paused {when}").format(when=f"<t:{subscription.paused_at}:R>"))
    elif scored_feed.is_new:
        facts.append(_("followed since {date}").format(date=f"<t:{subscription.added_at}:D>"))
    return f"{bar} {outlet_emoji} {bold_feed_name(feed)}\n-# {' · '.join(facts)}"


def _format_bar(share: float, best_share: float) -> str:
    filled_count = max(1, round(_BAR_LENGTH * share / best_share)) if share else 0
    return "▰" * filled_count + "▱" * (_BAR_LENGTH - filled_count)


def _posts_text(scorecard: Scorecard, scored_feed: ScoredFeed) -> str:
    """Return the number of a feed's posts; where useful, with their channel and their share of all feeds' posts."""
    posts_text = format_count("{count} post", "{count} posts", scored_feed.post_count)
    is_to_decide_on = scored_feed.verdict is Verdict.DECIDE
    if is_to_decide_on or scored_feed.feed.id in scorecard.repeated_feed_ids:
        channel = f"<#{scored_feed.subscription.channel_id}>"
        posts_text = _("{posts} in {channel}").format(posts=posts_text, channel=channel)
    has_share = is_to_decide_on and scorecard.total_posts > 0
    tenths = round(10 * scored_feed.post_count / scorecard.total_posts) if has_share else 0
    if tenths > 1:
        posts_text = _("{posts}, {tenths} in 10 of all").format(posts=posts_text, tenths=tenths)
    return posts_text


def _kept_text(share: float) -> str:
    if not share:  # Nobody did, or fewer than three people: which one may not show.
        return _("hardly any kept")
    kept_of_hundred = round(100 * share) or 1
    return format_count("{count} of 100 kept", "{count} of 100 kept", kept_of_hundred)


def _reaction_texts(scored_feed: ScoredFeed) -> list[str]:
    """Return texts on the saves, votes and mutes that a feed got; for a feed to decide on, also on what is rare."""
    counts = scored_feed.counts
    number_texts = (
        (
            counts.bookmark_count,
            format_count("{count} save", "{count} saves", counts.bookmark_count),
            _("hardly any saves"),
        ),
        (counts.like_count, format_count("{count} like", "{count} likes", counts.like_count), _("hardly any likes")),
        (
            counts.dislike_count,
            format_count("{count} “less like this”", "{count} “less like this”", counts.dislike_count),
            "",
        ),
        (
            counts.mute_count,
            format_count("{count} mute of its stories", "{count} mutes of its stories", counts.mute_count),
            "",
        ),
    )
    shows_rare_kinds = scored_feed.verdict is Verdict.DECIDE and scored_feed.kept_share > 0
    texts = [number_text if count else few_text * shows_rare_kinds for count, number_text, few_text in number_texts]
    return list(filter(None, texts))
