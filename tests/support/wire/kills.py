"""Crashes of the bot at each step of its work, and the delivery faults that they leave after a restart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, replace
from functools import partial
from signal import SIGKILL

from bot.core import setting_registry
from tests.support.wire.scene import DIRECT, KINDS, Scene
from tests.support.wire.server_inspector import find_article_numbers
from tests.support.wire.waiting import wait_until

INTAKE = "bot.polling.intake:Intake"
RELAY = "bot.posting.outbox_relay:OutboxRelay"
POST_SEND_WORKER = "bot.posting.post_send_worker:PostSendWorker"
DISPATCHES = "bot.store.outbox.dispatches:Dispatches"
MAX_POSTS_PER_HOUR = 2
"""Hourly limit of a channel that has one."""
NONCE_HONOURED, NONCE_FORGOTTEN = 300.0, 0.0
"""Seconds that the stand-in honours a nonce: longer than the bot is away, and not at all."""


@dataclass(frozen=True)
class Step:
    """A step of the bot's work at which the process is killed.

    The process dies before or `after` the `method` ("module:Class.method"), or before or `after` the effect of a
    request to Discord that gets no response (`route` is a route of `Faults`, `{place}` the channel), or when that
    part (0 to 1) of the feed's document has been read (`reading`). With `any_channel` the first call of the method
    counts, whatever its channel. With `polls` the bot that polls the articles is killed. `earlier` is the step of a
    crash before this one, from which the bot is recovering.
    """

    name: str
    method: str = ""
    route: str = ""
    after: bool = False
    any_channel: bool = False
    kinds: tuple[str, ...] = KINDS
    reading: float | None = None
    polls: bool = False
    earlier: Step | None = None


def _create_call_steps(name: str, method: str, *, any_channel: bool = False) -> tuple[Step, Step]:
    return (
        Step(f"before {name}", method, any_channel=any_channel),
        Step(f"after {name}", method, after=True, any_channel=any_channel),
    )


def _create_request_steps(name: str, route: str, *kinds: str) -> tuple[Step, Step]:
    return (
        Step(f"{name} under way", route=route, kinds=kinds or KINDS),
        Step(f"{name} arrived", route=route, after=True, kinds=kinds or KINDS),
    )


def _create_polling_steps(name: str, method: str, *, any_channel: bool = True) -> tuple[Step, Step]:
    steps = _create_call_steps(name, method, any_channel=any_channel)
    return replace(steps[0], polls=True), replace(steps[1], polls=True)


def _create_second_crashes(steps: Iterable[Step], earlier: Step) -> Iterator[Step]:
    for step in steps:
        yield replace(step, name=f"{earlier.name}, {step.name}", kinds=earlier.kinds, earlier=earlier)


_MESSAGE = _create_request_steps("message", "POST /channels/{place}/messages", "text", "announcement", "thread")
_FORUM_POST = _create_request_steps("forum post", "POST /channels/{place}/threads", "forum")
_READ_BACK = _create_call_steps("look-back", "bot.posting.recovery.delivery_lookup:find_delivered_message")
_RETRY = _create_call_steps("wait again", f"{DISPATCHES}.schedule_retry", any_channel=True)
_RECORD = _create_call_steps("record", f"{RELAY}._record_outcome")

POLL_STEPS: tuple[Step, ...] = (
    Step("first byte", reading=0, polls=True),
    Step("half the feed", reading=0.5, polls=True),
    *_create_polling_steps("reading", f"{INTAKE}.parse"),
    *_create_polling_steps("deciding", f"{INTAKE}.classify"),
    _create_polling_steps("feed written", "bot.store.sources.polls:write_feeds")[1],
    _create_polling_steps("articles written", "bot.store.sources.polls:insert_articles")[1],
    *_create_polling_steps(
        "enqueueing for a channel", "bot.store.outbox.outbox_writes:enqueue_articles", any_channel=False
    ),
    _create_polling_steps("last statement", "bot.store.sources.polls:_record_poll")[1],
    *_create_polling_steps("recording", "bot.store.sources.polls:Polls.record"),
    *_create_polling_steps("waking the relay", "bot.processes.cluster_events:ClusterEvents.announce"),
)
"""From the feed's first byte to pending dispatches; "feed written" to "last statement" is one transaction."""

SEND_STEPS: tuple[Step, ...] = (
    *_create_call_steps("claim", f"{DISPATCHES}.claim"),
    *_create_call_steps("send", "bot.posting.sending.dispatch_sender:DispatchSender.send"),
    *_MESSAGE,
    *_FORUM_POST,
    *_RECORD,
    *_create_call_steps("sent", f"{DISPATCHES}.mark_sent", any_channel=True),
    *_create_call_steps("finish", f"{POST_SEND_WORKER}.finalize"),
    *_create_request_steps(
        "reaction", "PUT /channels/{place}/messages/*/reactions/*", "text", "announcement", "thread"
    ),
    *_create_request_steps("reaction", "PUT /channels/*/messages/*/reactions/*", "forum"),
    *_create_request_steps("publication", "POST /channels/{place}/messages/*/crosspost", "announcement"),
    *_create_call_steps("finished", f"{DISPATCHES}.mark_finalized", any_channel=True),
)
"""From a pending dispatch to its recorded message, its reaction and its publication."""

RECOVERY_STEPS: tuple[Step, ...] = tuple(
    step
    for under_way, arrived in (_MESSAGE, _FORUM_POST)
    for step in (
        *_create_second_crashes((*_READ_BACK, *_RETRY), under_way),
        *_create_second_crashes((*_READ_BACK, *_RECORD), arrived),
    )
)
"""A second crash while the bot looks up how its first attempt ended."""

POST_STEPS = (*POLL_STEPS, *SEND_STEPS, *RECOVERY_STEPS)

WATCH_KINDS = (DIRECT, "watching channel")
WATCH_STEPS: tuple[Step, ...] = tuple(
    replace(step, kinds=WATCH_KINDS)
    for step in (
        *_create_call_steps("matching", "bot.watches.watch_matching:WatchMatcher.process_next_batch", any_channel=True),
        *_create_call_steps(
            "notices under way", "bot.store.outbox.watch_notifications:_load_watches", any_channel=True
        ),
        *_create_call_steps("claim", f"{DISPATCHES}.claim"),
        *_create_call_steps("admission", "bot.posting.audience:AudienceResolver.restrict_to_audience"),
        *_MESSAGE,
        *_RECORD,
        *_create_call_steps("finish", f"{POST_SEND_WORKER}.finalize"),
        *_create_second_crashes((*_READ_BACK, *_RETRY), _MESSAGE[0]),
        *_create_second_crashes((*_READ_BACK, *_RECORD), _MESSAGE[1]),
    )
)
"""From a new article to the recorded notification of a watch."""


DIGEST_STEPS: tuple[Step, ...] = (
    *_create_call_steps("making", "bot.posting.channel_digest_task:ChannelDigestTask._create_digest"),
    *_create_call_steps(
        "taking back", "bot.store.outbox.digests:Digests.withdraw_pending_dispatches", any_channel=True
    ),
    *_create_call_steps("digest written", "bot.store.outbox.digests:Digests.enqueue_due"),
    _create_call_steps("what it covers", "bot.store.outbox.digest_articles:enqueue_digest", any_channel=True)[1],
    *_create_call_steps("claim", f"{DISPATCHES}.claim"),
    *_MESSAGE,
    *_FORUM_POST,
    *_RECORD,
    *_create_call_steps("finish", f"{POST_SEND_WORKER}.finalize"),
    *_create_second_crashes((*_READ_BACK, *_RETRY), _MESSAGE[0]),
    *_create_second_crashes((*_READ_BACK, *_RECORD), _MESSAGE[1]),
)
"""From a due digest of a channel to its recorded message."""

PERSONAL_DIGEST_STEPS: tuple[Step, ...] = tuple(
    replace(step, kinds=(DIRECT,))
    for step in (
        *_create_call_steps("making", "bot.posting.personal_digest_task:PersonalDigestTask._create_digest"),
        *_create_call_steps("digest written", "bot.store.people.personal_digests:PersonalDigests.enqueue_due"),
        _create_call_steps("what it covers", "bot.store.outbox.digest_articles:enqueue_digest", any_channel=True)[1],
        *_create_call_steps("claim", f"{DISPATCHES}.claim"),
        *_create_call_steps("admission", "bot.posting.audience:AudienceResolver.restrict_to_audience"),
        *_MESSAGE,
        *_RECORD,
        *_create_call_steps("finish", f"{POST_SEND_WORKER}.finalize"),
        *_create_second_crashes((*_READ_BACK, *_RETRY), _MESSAGE[0]),
        *_create_second_crashes((*_READ_BACK, *_RECORD), _MESSAGE[1]),
    )
)
"""From a due personal digest to the recorded direct message."""

EDIT_STEPS: tuple[Step, ...] = (
    *_create_call_steps("edit", f"{POST_SEND_WORKER}._apply_edit"),
    *_create_request_steps("edit", "PATCH /channels/{place}/messages/*", "text", "announcement", "thread"),
    *_create_request_steps("edit", "PATCH /channels/*/messages/*", "forum"),
    *_create_call_steps("edited", f"{DISPATCHES}.mark_edited", any_channel=True),
)
"""From a pending edit of a message to its record."""

HOURLY_LIMIT_STEPS: tuple[Step, ...] = (
    *_create_call_steps("claim", f"{DISPATCHES}.claim"),
    *_create_call_steps("gathering", "bot.store.outbox.channel_queues:merge_excess_posts"),
    *_MESSAGE,
    *_FORUM_POST,
    *_RECORD,
    *_create_second_crashes((*_READ_BACK, *_RETRY), _MESSAGE[0]),
    *_create_second_crashes((*_READ_BACK, *_RECORD), _MESSAGE[1]),
)
"""From more posts than a channel's hourly limit to the recorded catch-up."""

MUTE_STEPS: tuple[Step, ...] = (
    *_create_polling_steps("reading muted stories", "bot.stories.story_lookup:StoryLookup._load_muted_stories"),
    *_create_polling_steps("what is muted", "bot.store.outbox.muted_articles:record_matches"),
    *_create_polling_steps("withholding", "bot.store.outbox.muted_articles:withhold_muted_articles"),
    _create_polling_steps("last statement", "bot.store.sources.polls:_record_poll")[1],
    *_create_polling_steps("recording", "bot.store.sources.polls:Polls.record"),
)
"""From the lookup of muted stories to a withheld article of one of them."""
FILTER_STEPS: tuple[Step, ...] = (
    *_create_polling_steps("reading filters", "bot.watches.subscription_filters:evaluate_feed_filters"),
    *_create_polling_steps("filters of the channels", "bot.store.settings.filters:load_by_feed"),
    *_create_polling_steps("filtering", "bot.store.settings.filters:apply_filters"),
    *_create_polling_steps("recording what is filtered", "bot.store.outbox.outbox_writes:record_filtered_articles"),
    _create_polling_steps("last statement", "bot.store.sources.polls:_record_poll")[1],
    *_create_polling_steps("recording", "bot.store.sources.polls:Polls.record"),
)
"""From the lookup of channel filters to an article that one of them excludes."""

STORY_TITLE = "Harbour bridge closes after cracks were found"
MUTED_STORY_TITLE = f"{STORY_TITLE} in"  # Followed by a number, which would be a version after any other word.
FILTERED_WORD = "Sponsored"
TOPIC = "Anthropic"
HELD_STORY_STEPS: tuple[Step, ...] = (
    *_create_polling_steps("joining", "bot.store.outbox.held_posts:join_posts", any_channel=False),
    *_create_polling_steps("ripening", "bot.store.outbox.held_posts:release_if_enough_outlets"),
    *_create_polling_steps("recording", "bot.store.sources.polls:Polls.record"),
    *_create_call_steps("claim", f"{DISPATCHES}.claim"),
    *_MESSAGE,
    *_FORUM_POST,
    *_RECORD,
    *_create_second_crashes((*_READ_BACK, *_RETRY), _MESSAGE[0]),
)
"""From the last outlet that a held story needs to the recorded message; the first four are one transaction."""

TOP_STORY_STEPS: tuple[Step, ...] = (
    *_create_call_steps(
        "choosing", "bot.posting.scheduled_task:TopStorySelectionTask._select_for_channel", any_channel=True
    ),
    *_create_call_steps("chosen", "bot.store.outbox.held_posts:HeldPosts.release_selected", any_channel=True),
    *_create_call_steps("released", "bot.store.outbox.held_posts:_release_posts", any_channel=True),
    *_create_call_steps("claim", f"{DISPATCHES}.claim"),
    *_MESSAGE,
    *_FORUM_POST,
    *_RECORD,
)
"""From the due selection of top stories to the recorded message of one."""

_EDIT_OF_PROPOSAL: tuple[Step, ...] = (
    *_create_call_steps("edit", f"{POST_SEND_WORKER}._apply_edit"),
    *_create_request_steps("edit", "PATCH /channels/{place}/messages/*"),
    *_create_call_steps("edited", f"{DISPATCHES}.mark_edited", any_channel=True),
)
_ALERT_STEPS = (
    *_create_call_steps("claim", f"{DISPATCHES}.claim"),
    *_MESSAGE,
    *_RECORD,
    *_create_second_crashes((*_READ_BACK, *_RETRY), _MESSAGE[0]),
    *_create_second_crashes((*_READ_BACK, *_RECORD), _MESSAGE[1]),
)
SCORECARD_STEPS: tuple[Step, ...] = tuple(
    replace(step, kinds=("text",))
    for step in (
        *_create_call_steps(
            "counting", "bot.store.people.feed_reactions:FeedReactions.add_batches_until_midnight", any_channel=True
        ),
        *_create_call_steps(
            "enqueueing", "bot.store.people.feed_reactions:MonthlyReports.enqueue_due", any_channel=True
        ),
        *_ALERT_STEPS,
    )
)
"""From a due monthly scorecard to its recorded message."""
NOTICE_STEPS: tuple[Step, ...] = tuple(
    replace(step, kinds=("text",))
    for step in (
        *_create_call_steps("enqueueing", "bot.store.operating.notices:Notices.enqueue_next", any_channel=True),
        *_ALERT_STEPS,
    )
)
"""From a stored notice of the operator to its recorded message."""
PROPOSAL_STEPS: tuple[Step, ...] = tuple(
    replace(step, kinds=("text",))
    for step in (
        *_create_call_steps("message enqueued", "bot.store.people.proposals:Proposals.process_due", any_channel=True),
        *_create_call_steps("claim", f"{DISPATCHES}.claim"),
        *_MESSAGE,
        *_RECORD,
        *_create_second_crashes((*_READ_BACK, *_RETRY), _MESSAGE[0]),
        *_create_second_crashes((*_READ_BACK, *_RECORD), _MESSAGE[1]),
        *_EDIT_OF_PROPOSAL,
    )
) + tuple(
    replace(step, kinds=(DIRECT,))
    for step in (
        *_create_call_steps("claim", f"{DISPATCHES}.claim"),
        *_MESSAGE,
        *_RECORD,
        *_create_second_crashes((*_READ_BACK, *_RETRY), _MESSAGE[0]),
        *_create_second_crashes((*_READ_BACK, *_RECORD), _MESSAGE[1]),
    )
)
"""From a stored proposal to the edited message for managers and the notification of its author."""

MENTION_STEPS: tuple[Step, ...] = (
    *_create_call_steps("claim", f"{DISPATCHES}.claim"),
    *_create_call_steps("choosing roles", "bot.posting.mention_selection:select_mentions", any_channel=True),
    *_create_call_steps("roles written", "bot.store.outbox.delivery_statuses:PostMentions.decide", any_channel=True),
    *_MESSAGE,
    *_FORUM_POST,
    *_RECORD,
    *_create_second_crashes((*_READ_BACK, *_RETRY), _MESSAGE[0]),
    *_create_second_crashes((*_READ_BACK, *_RECORD), _MESSAGE[1]),
    *_create_second_crashes((*_READ_BACK, *_RETRY), _FORUM_POST[0]),
)
"""From a post that matches a mention rule to the recorded message that notified the role once."""

_IN_THREAD = _create_request_steps("message in the thread", "POST /channels/*/messages")
DAILY_THREAD_STEPS: tuple[Step, ...] = tuple(
    replace(step, kinds=("text",))
    for step in (
        *_create_call_steps("thread of the day", "bot.posting.daily_thread_targets:resolve_daily_thread"),
        *_create_call_steps(
            "making of the thread", "bot.posting.daily_thread_targets:_create_thread", any_channel=True
        ),
        *_create_request_steps("thread", "POST /channels/{place}/threads"),
        *_create_call_steps("thread noted", "bot.store.settings.threads_and_tags:DailyThreads.save"),
        *_IN_THREAD,
        *_RECORD,
        *_create_second_crashes((*_READ_BACK, *_RETRY), _IN_THREAD[0]),
        *_create_second_crashes((*_READ_BACK, *_RECORD), _IN_THREAD[1]),
    )
)
"""From a pending post on a new day to its recorded message in the daily thread."""


@dataclass(frozen=True)
class DeliveryFaults:
    """Faults after a crash: articles lost, repeated or out of order, unfinished posts, wrong delivery states."""

    lost: tuple[str, ...]
    repeated: tuple[str, ...]
    disordered: tuple[str, ...]
    unfinished: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(astuple(self))


async def run_until_killed(scene: Scene, kind: str, step: Step, *, nth: int = 1) -> None:
    """Start a bot that is killed at the n-th occurrence of a step in the channel of a kind.

    Raises AssertionError if it ends in another way.
    """
    place = str(scene.channels_by_kind[kind].id)
    environment = {}
    if step.method:
        when = "after" if step.after else "before"
        environment["KILL_AT"] = f"{step.method}:{when}:{nth}"
        if not step.any_channel:
            environment["KILL_CHANNEL"] = place
    elif step.reading is not None:
        scene.kill_while_reading(step.reading)
    else:
        route = step.route.format(place=place)
        scene.discord.faults.run_callback(route, scene.kill, after_effect=step.after, drop=True, skip=nth - 1)
    bot = scene.start(**environment)
    status = await bot.wait_for_exit()
    assert status == -SIGKILL, f"{step.name}: ended with {status}\n{bot.log[-3000:]}"
    scene.discord.faults.clear()
    scene.serve_feed()


def find_delivery_faults(scene: Scene, numbers: Sequence[int]) -> DeliveryFaults:
    """Find the faults of these articles in all channels."""
    lost, repeated, disordered = [], [], []
    for kind in scene.channels_by_kind:
        posts = scene.count_posts(kind)
        lost += [f"{kind} {number}" for number in numbers if posts[number] == 0]
        repeated += [f"{kind} {number}" for number in numbers if posts[number] > 1]
        order = [number for number in scene.list_posted_numbers(kind) if number in numbers]
        if order != sorted(order):
            disordered.append(f"{kind} {order}")
    return DeliveryFaults(
        tuple(lost),
        tuple(repeated),
        tuple(disordered),
        tuple(scene.find_unfinished_posts()),
        tuple(scene.find_delivery_status_problems(numbers)),
    )


async def crash_in_post(scene: Scene, kind: str, step: Step, *, window: float, burst: int, nth: int) -> DeliveryFaults:
    """Publish `burst` articles, kill the bot at a step of the `nth` one, restart it and find the delivery faults.

    `window` is the time in seconds for which Discord honours a nonce after the restart.
    """
    numbers = await crash_once(scene, kind, step, window=window, burst=burst, nth=nth)
    await scene.run_bot(numbers)
    return find_delivery_faults(scene, numbers)


async def crash_once(scene: Scene, kind: str, step: Step, *, window: float, burst: int, nth: int) -> list[int]:
    """Publish `burst` articles, kill the bot at a step and return the numbers of the articles."""
    scene.discord.changes.nonce_window_seconds = NONCE_HONOURED
    if step.polls:
        numbers = scene.add_articles(burst)
        await scene.make_feeds_due()
    else:
        numbers = await scene.publish_and_poll(burst)
    if step.polls or kind in WATCH_KINDS:
        nth = 1  # there is one poll, and one notification of all articles
    if step.earlier is not None:
        await run_until_killed(scene, kind, step.earlier, nth=nth)
        scene.discord.changes.nonce_window_seconds = window
        nth = 1
    await run_until_killed(scene, kind, step, nth=nth)
    scene.discord.changes.nonce_window_seconds = window
    return numbers


async def change_title(scene: Scene, number: int) -> tuple[list[int], str]:
    """Change an article's title; return the numbers that its post must show, and words of the edited post."""
    await scene.change_title(number, f"Another title of {number}")
    return [number], f"Another title of {number}"


async def withdraw_article(scene: Scene, number: int) -> tuple[list[int], str]:
    """Withdraw an article; return the numbers that its post must show, and words of the edited post."""
    await scene.withdraw_article(number)
    return [number], "withdrawn by the publisher"


async def join_story(scene: Scene, number: int) -> tuple[list[int], str]:
    """Add a second outlet to a story; return the numbers that its post must show, and words of the edited post."""
    return [number, await scene.join_story(number)], "Also: "


EDITS = {"corrected": change_title, "withdrawn": withdraw_article, "joined": join_story}
"""Edits of a sent post, by what the article is afterwards."""


async def crash_in_edit(
    scene: Scene,
    kind: str,
    step: Step,
    *,
    window: float,
    edit: Callable[[Scene, int], Awaitable[tuple[list[int], str]]],
) -> DeliveryFaults:
    """Edit a sent post, kill the bot at a step of the edit, restart it and find the delivery faults."""
    scene.discord.changes.nonce_window_seconds = NONCE_HONOURED
    numbers = await scene.publish_and_poll(1)
    await scene.run_bot(numbers)
    expected_numbers, words = await edit(scene, numbers[-1])
    scene.make_edits_due()
    await run_until_killed(scene, kind, step)
    scene.discord.changes.nonce_window_seconds = window
    scene.make_edits_due()
    bot = scene.start()
    await scene.wait_until_posted(expected_numbers)
    with suppress(TimeoutError):
        await wait_until(lambda: not scene.count_pending_edits())
    await bot.stop()
    faults = find_delivery_faults(scene, expected_numbers)
    outdated_posts = [
        f"{kind}: {number} lacks {words!r}"
        for kind in scene.channels
        for message in scene.list_messages(kind)
        for number in find_article_numbers(message).intersection(numbers)
        if words not in message.render_visible_text()
    ]
    return replace(faults, unfinished=(*faults.unfinished, *outdated_posts))


async def crash_at_hourly_limit(scene: Scene, kind: str, step: Step, *, window: float) -> DeliveryFaults:
    """Crash with more pending posts than the hourly limit of the channels, and find the delivery faults."""
    scene.discord.changes.nonce_window_seconds = NONCE_HONOURED
    scene.backdate_sent_messages()
    numbers = await scene.publish_and_poll(5)
    if step.earlier is not None:
        await run_until_killed(scene, kind, step.earlier)
        scene.discord.changes.nonce_window_seconds = window
    await run_until_killed(scene, kind, step)
    scene.discord.changes.nonce_window_seconds = window
    await scene.run_bot(numbers)
    faults = find_delivery_faults(scene, numbers)
    posts_above_limit = [
        f"{kind}: more than the limit"
        for kind in scene.channels
        if sum(bool(find_article_numbers(message).intersection(numbers)) for message in scene.list_messages(kind))
        > MAX_POSTS_PER_HOUR
    ]
    return replace(faults, unfinished=(*faults.unfinished, *posts_above_limit))


async def crash_in_release(scene: Scene, kind: str, step: Step, *, window: float) -> DeliveryFaults:
    """Crash when a second outlet releases a held story, and find the delivery faults."""
    scene.discord.changes.nonce_window_seconds = NONCE_HONOURED
    (first,) = await scene.publish_and_poll(1, about=STORY_TITLE)
    second = await scene.publish_in_other_outlet(first, about=STORY_TITLE)
    if step.earlier is not None:
        await run_until_killed(scene, kind, step.earlier)
        scene.discord.changes.nonce_window_seconds = window
    early_posts = [
        f"{channel_kind}: {first} did not wait"
        for channel_kind in scene.channels
        if scene.count_posts(channel_kind)[first]
    ]
    await run_until_killed(scene, kind, step)
    scene.discord.changes.nonce_window_seconds = window
    await scene.run_bot([first, second])
    faults = find_delivery_faults(scene, [first, second])
    return replace(faults, unfinished=(*faults.unfinished, *(() if step.earlier else early_posts)))


async def crash_with_muted_story(scene: Scene, kind: str, step: Step, *, window: float) -> DeliveryFaults:
    """Crash with an article of a muted story, which must stay withheld, and another; find the delivery faults."""
    return await _crash_with_excluded_article(
        scene, kind, step, window=window, about=MUTED_STORY_TITLE, status="withheld"
    )


async def crash_with_filters(scene: Scene, kind: str, step: Step, *, window: float) -> DeliveryFaults:
    """Crash with an article that channel filters exclude, and another; find the delivery faults."""
    return await _crash_with_excluded_article(scene, kind, step, window=window, about=FILTERED_WORD, status="filtered")


async def _crash_with_excluded_article(
    scene: Scene, kind: str, step: Step, *, window: float, about: str, status: str
) -> DeliveryFaults:
    scene.discord.changes.nonce_window_seconds = NONCE_HONOURED
    (excluded,) = scene.add_articles(1, about=about)
    (posted,) = scene.add_articles(1)
    await scene.make_feeds_due()
    await run_until_killed(scene, kind, step)
    scene.discord.changes.nonce_window_seconds = window
    await scene.run_bot([posted])
    faults = find_delivery_faults(scene, [posted])
    wrong = [
        f"{channel_kind}: {excluded} is {statuses}"
        for channel_kind in scene.channels
        if (statuses := scene.load_delivery_states(excluded, channel_kind)) != [status]
        or scene.count_posts(channel_kind)[excluded]
    ]
    return replace(faults, unknown=(*faults.unknown, *wrong))


async def crash_with_mention(scene: Scene, kind: str, step: Step, *, window: float) -> DeliveryFaults:
    """Crash with a post that mentions a role and one that does not, and find faults of delivery and mentions."""
    scene.discord.changes.nonce_window_seconds = NONCE_HONOURED
    (on_topic,) = scene.add_articles(1, about=TOPIC)
    (off_topic,) = scene.add_articles(1)
    await scene.make_feeds_due()
    async with scene.open_newsroom() as newsroom:
        await scene.poll_feed(newsroom, scene.url)
    if step.earlier is not None:
        await run_until_killed(scene, kind, step.earlier)
        scene.discord.changes.nonce_window_seconds = window
    await run_until_killed(scene, kind, step)
    scene.discord.changes.nonce_window_seconds = window
    await scene.run_bot([on_topic, off_topic])
    faults = find_delivery_faults(scene, [on_topic, off_topic])
    wrong = [
        f"{channel_kind}: {number} notified {message.notified_role_ids}"
        for channel_kind in scene.channels
        for message in scene.list_messages(channel_kind)
        for number in find_article_numbers(message).intersection({on_topic, off_topic})
        if message.notified_role_ids != (scene.role_ids if number == on_topic else ())
    ]
    return replace(faults, unfinished=(*faults.unfinished, *wrong, *scene.find_unrecorded_mentions()))


async def crash_in_selection(scene: Scene, kind: str, step: Step, *, window: float) -> DeliveryFaults:
    """Crash in the selection of the day's top stories, of which there is one, and find the delivery faults."""
    scene.discord.changes.nonce_window_seconds = NONCE_HONOURED
    numbers = await scene.publish_and_poll(1)
    scene.make_top_stories_due()
    await run_until_killed(scene, kind, step)
    scene.discord.changes.nonce_window_seconds = window
    await scene.run_bot(numbers)
    return find_delivery_faults(scene, numbers)


async def crash_in_daily_thread(scene: Scene, kind: str, step: Step, *, window: float) -> DeliveryFaults:
    """Crash in a channel whose daily thread does not exist yet, and find faults of posts and threads."""
    scene.delete_threads(kind)
    faults = await crash_in_post(scene, kind, step, window=window, burst=2, nth=1)
    threads = [
        channel
        for channel in scene.discord.state.channels.values()
        if channel.parent_id == scene.channels_by_kind[kind].id
    ]
    if len(threads) == 1:
        return faults
    return replace(faults, unfinished=(*faults.unfinished, f"{kind}: {len(threads)} threads"))


async def crash_in_digest(scene: Scene, kind: str, step: Step, *, window: float) -> DeliveryFaults:
    """Crash in a due digest of a channel or person with two articles, and find the delivery faults."""
    scene.discord.changes.nonce_window_seconds = NONCE_HONOURED
    numbers = await scene.publish_and_poll(2)
    scene.make_digests_due()
    if step.earlier is not None:
        await run_until_killed(scene, kind, step.earlier)
        scene.discord.changes.nonce_window_seconds = window
    await run_until_killed(scene, kind, step)
    scene.discord.changes.nonce_window_seconds = window
    await scene.run_bot(numbers)
    return find_delivery_faults(scene, numbers)


async def crash_in_proposal(scene: Scene, kind: str, step: Step, *, window: float) -> DeliveryFaults:
    """Propose and decline a feed, crash in one of its messages or their edit, and find the delivery faults."""
    scene.discord.changes.nonce_window_seconds = NONCE_HONOURED
    title = f"paper{len(scene.list_messages('text'))}"
    proposal_id = await scene.propose_feed(title)
    is_decided = kind == DIRECT or any(step.name == edit.name for edit in _EDIT_OF_PROPOSAL)
    if is_decided:
        await _run_until_shown(scene, "text", title)
        await scene.decline_proposal(proposal_id)
    if step.earlier is not None:
        await run_until_killed(scene, kind, step.earlier)
        scene.discord.changes.nonce_window_seconds = window
    await run_until_killed(scene, kind, step)
    scene.discord.changes.nonce_window_seconds = window
    await _run_until_shown(scene, "text", title)
    if not is_decided:
        await scene.decline_proposal(proposal_id)
    await _run_until_shown(scene, DIRECT, title)
    messages_by_kind = {
        place_kind: [message for message in scene.list_messages(place_kind) if title in message.render_visible_text()]
        for place_kind in ("text", DIRECT)
    }
    return DeliveryFaults(
        lost=tuple(f"{place_kind} {title}" for place_kind, messages in messages_by_kind.items() if not messages),
        repeated=tuple(
            f"{place_kind} {title}" for place_kind, messages in messages_by_kind.items() if len(messages) > 1
        ),
        disordered=(),
        unfinished=tuple(f"{title} has buttons" for message in messages_by_kind["text"] if message.list_custom_ids()),
    )


async def enqueue_scorecard(scene: Scene) -> str:
    """Make a monthly scorecard due and return words of it."""
    return scene.make_report_due()


async def enqueue_notice(scene: Scene) -> str:
    """Store a notice of the operator to all servers and return its words."""
    return await scene.send_notice()


async def crash_in_alert(
    scene: Scene, kind: str, step: Step, *, window: float, enqueue: Callable[[Scene], Awaitable[str]]
) -> DeliveryFaults:
    """Crash in the alert that `enqueue` creates and whose words it returns; the alert must be posted once."""
    scene.discord.changes.nonce_window_seconds = NONCE_HONOURED
    words = await enqueue(scene)
    if step.earlier is not None:
        await run_until_killed(scene, kind, step.earlier)
        scene.discord.changes.nonce_window_seconds = window
    await run_until_killed(scene, kind, step)
    scene.discord.changes.nonce_window_seconds = window
    await _run_until_shown(scene, kind, words)
    count = sum(words in message.render_visible_text() for message in scene.list_messages(kind))
    return DeliveryFaults(
        lost=() if count else (words,), repeated=(words,) if count > 1 else (), disordered=(), unfinished=()
    )


async def _run_until_shown(scene: Scene, kind: str, words: str) -> None:
    """Run a bot until a channel shows these words and no dispatch is open."""
    bot = scene.start()
    with suppress(TimeoutError):
        await wait_until(lambda: any(words in message.render_visible_text() for message in scene.list_messages(kind)))
        await scene.wait_until_settled()
        await wait_until(lambda: not scene.count_pending_edits())
    await bot.stop()


@dataclass(frozen=True)
class CrashScenario:
    """A kind of work with all steps at which the bot is killed.

    `crash` takes scene, kind of channel, step and nonce window, and returns the delivery faults. `prepare` sets up a
    new scene.
    """

    name: str
    steps: tuple[Step, ...]
    crash: Callable[..., Awaitable[DeliveryFaults]]
    prepare: Callable[[Scene], Awaitable[None]] | None = None


async def add_watches(scene: Scene) -> None:
    """Add a watch of a person and one of a channel."""
    await scene.add_watches()


async def send_first_posts(scene: Scene) -> None:
    """Run a bot until the first post of each channel is sent."""
    await scene.run_bot()


async def limit_posts_per_hour(scene: Scene) -> None:
    """Limit the posts per hour of all channels."""
    await send_first_posts(scene)
    await scene.change_channel_setting(setting_registry.MAX_POSTS_PER_HOUR, MAX_POSTS_PER_HOUR, *scene.channels)


async def add_channel_digests(scene: Scene) -> None:
    """Give all channels a digest instead of single posts."""
    await send_first_posts(scene)
    await scene.add_channel_digests()


async def add_personal_digest(scene: Scene) -> None:
    """Add a personal digest."""
    await send_first_posts(scene)
    await scene.add_personal_digest()


async def hold_stories(scene: Scene) -> None:
    """Hold stories in all channels until two outlets report them."""
    await send_first_posts(scene)
    await scene.follow_other_outlet()
    await scene.change_channel_setting(setting_registry.MIN_OUTLETS, 2, *scene.channels)


async def mute_stories(scene: Scene) -> None:
    """Mute the story of a posted article in all channels."""
    await send_first_posts(scene)
    await scene.run_bot(await scene.publish_and_poll(1, about=MUTED_STORY_TITLE))
    await scene.mute_newest_story()


async def add_mention_rules(scene: Scene) -> None:
    """Add a rule to all channels that mentions a role in posts on a topic."""
    await send_first_posts(scene)
    await scene.add_mention_rules(TOPIC)


async def add_channel_filters(scene: Scene) -> None:
    """Exclude sponsored articles from all channels; a thread has the filter of its parent channel."""
    await send_first_posts(scene)
    await scene.add_channel_filters(FILTERED_WORD)


async def enable_monthly_reports(scene: Scene) -> None:
    """Send monthly scorecards to the text channel, about a feed whose posts people bookmark."""
    await send_first_posts(scene)
    await scene.enable_monthly_reports()


async def choose_alert_channel(scene: Scene) -> None:
    """Send the server's alerts to the text channel."""
    await send_first_posts(scene)
    await scene.choose_alert_channel()


async def select_top_stories(scene: Scene) -> None:
    """Post only the day's top stories in all channels."""
    await send_first_posts(scene)
    await scene.change_channel_setting(setting_registry.TOP_STORIES_PER_DAY, 20, *scene.channels)


async def open_daily_threads(scene: Scene) -> None:
    """Turn on daily threads in the text channel."""
    await scene.change_channel_setting(setting_registry.DAILY_THREAD, True, "text")


async def enable_proposals(scene: Scene) -> None:
    """Send alerts to the text channel, and add a person who proposes feeds."""
    await send_first_posts(scene)
    await scene.enable_proposals()


CRASH_SCENARIOS = (
    CrashScenario("posts", POST_STEPS, crash_in_post),
    CrashScenario("notifications of watches", WATCH_STEPS, crash_in_post, add_watches),
    *(CrashScenario(f"{name} posts", EDIT_STEPS, partial(crash_in_edit, edit=edit)) for name, edit in EDITS.items()),
    CrashScenario("catch-ups of an hourly limit", HOURLY_LIMIT_STEPS, crash_at_hourly_limit, limit_posts_per_hour),
    CrashScenario("digests", DIGEST_STEPS, crash_in_digest, add_channel_digests),
    CrashScenario("personal digests", PERSONAL_DIGEST_STEPS, crash_in_digest, add_personal_digest),
    CrashScenario("held stories", HELD_STORY_STEPS, crash_in_release, hold_stories),
    CrashScenario("muted stories", MUTE_STEPS, crash_with_muted_story, mute_stories),
    CrashScenario("filters of channels", FILTER_STEPS, crash_with_filters, add_channel_filters),
    CrashScenario("posts that mention a role", MENTION_STEPS, crash_with_mention, add_mention_rules),
    CrashScenario("top stories of the day", TOP_STORY_STEPS, crash_in_selection, select_top_stories),
    CrashScenario("posts in daily threads", DAILY_THREAD_STEPS, crash_in_daily_thread, open_daily_threads),
    CrashScenario(
        "scorecards", SCORECARD_STEPS, partial(crash_in_alert, enqueue=enqueue_scorecard), enable_monthly_reports
    ),
    CrashScenario("notices", NOTICE_STEPS, partial(crash_in_alert, enqueue=enqueue_notice), choose_alert_channel),
    CrashScenario("proposals", PROPOSAL_STEPS, crash_in_proposal, enable_proposals),
)
"""All kinds of work in which the bot is killed."""
