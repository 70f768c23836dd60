"""Comparison of the articles that an outage drill published with the bot's posts in the channels."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.drill.discord_stand_in.state import Channel, ChannelMessage, State

MAX_DELAY_SECONDS = 120.0
"""Maximum number of seconds from the publication of an article to its post; a later post counts as late."""
_ARTICLE_LINK_PATTERN = re.compile(r"/articles/(\d+)\b")


@dataclass(frozen=True, slots=True)
class PostComparison:
    """Comparison of articles with their posts: how many, which have no post (lost) or several, how many late ones.

    `lost_numbers` and `repeated_numbers` are the numbers that identify articles.
    """

    compared_count: int
    lost_numbers: tuple[int, ...]
    repeated_numbers: tuple[int, ...]
    late_count: int

    @property
    def is_good(self) -> bool:
        return bool(self.compared_count) and not self.lost_numbers and not self.repeated_numbers


def compare_posts(
    published_at_by_number: Mapping[int, float], posted_times_by_number: Mapping[int, Sequence[float]]
) -> PostComparison:
    """Return which articles were posted never, more than once or late, by Unix times of publication and posts."""
    return PostComparison(
        compared_count=len(published_at_by_number),
        lost_numbers=tuple(number for number in published_at_by_number if not posted_times_by_number.get(number)),
        repeated_numbers=tuple(
            number for number in published_at_by_number if len(posted_times_by_number.get(number, ())) > 1
        ),
        late_count=sum(
            min(posted_times) - published_at_by_number[number] > MAX_DELAY_SECONDS
            for number, posted_times in posted_times_by_number.items()
            if number in published_at_by_number and posted_times
        ),
    )


def read_posted_times(state: State, channels: Iterable[Channel]) -> dict[int, list[float]]:
    """Return the Unix times of the bot's posts in channels and their threads, by the number of the posted article.

    `state` is that of the stand-in for Discord.
    """
    posted_times_by_number: defaultdict[int, list[float]] = defaultdict(list)
    for message in _list_bot_messages(state, channels):
        for number in _find_article_numbers(message):
            posted_times_by_number[number].append(datetime.fromisoformat(message.created_at).timestamp())
    return dict(posted_times_by_number)


def hide_post(state: State, channels: Iterable[Channel], numbers: Collection[int]) -> None:
    """Remove a post of one of the articles with these `numbers`, so that a comparison must call the article lost.

    Raises LookupError if none has a post. `state` is that of the stand-in for Discord.
    """
    for message in _list_bot_messages(state, channels):
        if _find_article_numbers(message) & set(numbers):
            del state.channels[message.channel_id].messages[message.id]
            return
    raise LookupError("no post can be hidden, since there is none")


def _list_bot_messages(state: State, channels: Iterable[Channel]) -> list[ChannelMessage]:
    channel_ids = {channel.id for channel in channels}
    return [
        message
        for channel in state.channels.values()
        if channel.id in channel_ids or channel.parent_id in channel_ids
        for message in channel.history()
        if message.author_id == state.bot.id
    ]


def _find_article_numbers(message: ChannelMessage) -> set[int]:
    return {int(number) for number in _ARTICLE_LINK_PATTERN.findall(message.render_visible_text())}
