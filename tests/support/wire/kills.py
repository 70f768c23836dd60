"""Where a bot can die while it posts, and what is to be true after it is started again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, replace
from functools import partial
from signal import SIGKILL

from bot.core import setting_registry
from tests.support.wire.scene import DIRECT, KINDS, Scene
from tests.support.wire.server_inspector import articles
from tests.support.wire.waiting import until

INTAKE = "bot.polling.intake:Intake"
COURIER = "bot.posting.outbox_relay:OutboxRelay"
CHORES = "bot.posting.post_send_worker:PostSendWorker"
STORE = "bot.store.outbox.dispatches:Dispatches"
LIMIT = 2  # messages an hour of a channel with a limit
INSIDE, AFTER = 300.0, 0.0
"""Seconds that the stand-in honours a nonce: longer than the bot is away, and not at all."""


@dataclass(frozen=True)
class Step:
    """A moment in the life of an article where the process ends.

    Either before or `after` the `method` ("module:Class.method"), or when a request reaches Discord: before
    its effect or `after` it, and without an answer; or when `reading`: that part of the feed's document has
    come. `route` is as in `Faults`, `{place}` the channel. `any_channel`: the method does not know its
    channel, and dies at its first call. `polls`: the bot that dies is the one that fetches the articles.
    `earlier`: where it died before, so that it dies in finding out about that.
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


def _around(name: str, method: str, *, any_channel: bool = False) -> tuple[Step, Step]:
    return (
        Step(f"before {name}", method, any_channel=any_channel),
        Step(f"after {name}", method, after=True, any_channel=any_channel),
    )


def _request(name: str, route: str, *kinds: str) -> tuple[Step, Step]:
    return (
        Step(f"{name} under way", route=route, kinds=kinds or KINDS),
        Step(f"{name} arrived", route=route, after=True, kinds=kinds or KINDS),
    )


def _polling(name: str, method: str, *, any_channel: bool = True) -> tuple[Step, Step]:
    steps = _around(name, method, any_channel=any_channel)
    return replace(steps[0], polls=True), replace(steps[1], polls=True)


def _second(steps: Iterable[Step], earlier: Step) -> Iterator[Step]:
    for step in steps:
        yield replace(step, name=f"{earlier.name}, {step.name}", kinds=earlier.kinds, earlier=earlier)


_MESSAGE = _request("message", "POST /channels/{place}/messages", "text", "announcement", "thread")
_FORUM_POST = _request("forum post", "POST /channels/{place}/threads", "forum")
_READ_BACK = _around("look-back", "bot.posting.recovery.delivery_lookup:find_delivered_message")
_RETRY = _around("wait again", f"{STORE}.schedule_retry", any_channel=True)
_RECORD = _around("record", f"{COURIER}._record_outcome")

POLLING: tuple[Step, ...] = (
    Step("first byte", reading=0, polls=True),
    Step("half the feed", reading=0.5, polls=True),
    *_polling("reading", f"{INTAKE}.parse"),
    *_polling("deciding", f"{INTAKE}.classify"),
    _polling("feed written", "bot.store.sources.polls:write_feeds")[1],
    _polling("articles written", "bot.store.sources.polls:insert_articles")[1],
    *_polling("channel's due", "bot.store.outbox.outbox_writes:enqueue_articles", any_channel=False),
    _polling("last statement", "bot.store.sources.polls:_record_poll")[1],
    *_polling("recording", "bot.store.sources.polls:Polls.record"),
    *_polling("waking the courier", "bot.processes.cluster_events:ClusterEvents.announce"),
)
"""From the first byte of the feed to what is owed; "feed written" to "last statement" is one transaction."""

POSTING: tuple[Step, ...] = (
    *_around("claim", f"{STORE}.claim"),
    *_around("send", "bot.posting.sending.dispatch_sender:DispatchSender.send"),
    *_MESSAGE,
    *_FORUM_POST,
    *_RECORD,
    *_around("sent", f"{STORE}.mark_sent", any_channel=True),
    *_around("finish", f"{CHORES}.finalize"),
    *_request("reaction", "PUT /channels/{place}/messages/*/reactions/*", "text", "announcement", "thread"),
    *_request("reaction", "PUT /channels/*/messages/*/reactions/*", "forum"),
    *_request("publication", "POST /channels/{place}/messages/*/crosspost", "announcement"),
    *_around("finished", f"{STORE}.mark_finalized", any_channel=True),
)
"""From what is owed to the recorded message, and what follows it."""

RECOVERING: tuple[Step, ...] = tuple(
    step
    for under_way, arrived in (_MESSAGE, _FORUM_POST)
    for step in (
        *_second((*_READ_BACK, *_RETRY), under_way),
        *_second((*_READ_BACK, *_RECORD), arrived),
    )
)
"""A second death while the bot finds out how the first attempt ended."""

STEPS = (*POLLING, *POSTING, *RECOVERING)

WATCHERS = (DIRECT, "watching channel")
WATCHING: tuple[Step, ...] = tuple(
    replace(step, kinds=WATCHERS)
    for step in (
        *_around("matching", "bot.watches.watch_matching:WatchMatcher.process_next_batch", any_channel=True),
        *_around("notices under way", "bot.store.outbox.watch_notifications:_load_watches", any_channel=True),
        *_around("claim", f"{STORE}.claim"),
        *_around("admission", "bot.posting.audience:AudienceResolver.restrict_to_audience"),
        *_MESSAGE,
        *_RECORD,
        *_around("finish", f"{CHORES}.finalize"),
        *_second((*_READ_BACK, *_RETRY), _MESSAGE[0]),
        *_second((*_READ_BACK, *_RECORD), _MESSAGE[1]),
    )
)
"""From an article that came to the recorded notice of a watch."""


DIGESTING: tuple[Step, ...] = (
    *_around("making", "bot.posting.channel_digest_task:ChannelDigestTask._create_digest"),
    *_around("taking back", "bot.store.outbox.digests:Digests.withdraw_pending_dispatches", any_channel=True),
    *_around("digest written", "bot.store.outbox.digests:Digests.enqueue_due"),
    _around("what it covers", "bot.store.outbox.digest_articles:enqueue_digest", any_channel=True)[1],
    *_around("claim", f"{STORE}.claim"),
    *_MESSAGE,
    *_FORUM_POST,
    *_RECORD,
    *_around("finish", f"{CHORES}.finalize"),
    *_second((*_READ_BACK, *_RETRY), _MESSAGE[0]),
    *_second((*_READ_BACK, *_RECORD), _MESSAGE[1]),
)
"""From a digest that is due to its recorded message."""

BRIEFING: tuple[Step, ...] = tuple(
    replace(step, kinds=(DIRECT,))
    for step in (
        *_around("making", "bot.posting.personal_digest_task:PersonalDigestTask._create_digest"),
        *_around("digest written", "bot.store.people.personal_digests:PersonalDigests.enqueue_due"),
        _around("what it covers", "bot.store.outbox.digest_articles:enqueue_digest", any_channel=True)[1],
        *_around("claim", f"{STORE}.claim"),
        *_around("admission", "bot.posting.audience:AudienceResolver.restrict_to_audience"),
        *_MESSAGE,
        *_RECORD,
        *_around("finish", f"{CHORES}.finalize"),
        *_second((*_READ_BACK, *_RETRY), _MESSAGE[0]),
        *_second((*_READ_BACK, *_RECORD), _MESSAGE[1]),
    )
)
"""From a person's digest that is due to the recorded direct message."""

EDITING: tuple[Step, ...] = (
    *_around("edit", f"{CHORES}._apply_edit"),
    *_request("edit", "PATCH /channels/{place}/messages/*", "text", "announcement", "thread"),
    *_request("edit", "PATCH /channels/*/messages/*", "forum"),
    *_around("edited", f"{STORE}.mark_edited", any_channel=True),
)
"""From a message that is to be edited to the record of it."""

LIMITED: tuple[Step, ...] = (
    *_around("claim", f"{STORE}.claim"),
    *_around("gathering", "bot.store.outbox.channel_queues:merge_excess_posts"),
    *_MESSAGE,
    *_FORUM_POST,
    *_RECORD,
    *_second((*_READ_BACK, *_RETRY), _MESSAGE[0]),
    *_second((*_READ_BACK, *_RECORD), _MESSAGE[1]),
)
"""From more posts than a channel takes in an hour to its recorded catch-up."""

MUTING: tuple[Step, ...] = (
    *_polling("reading muted stories", "bot.stories.story_lookup:StoryLookup._load_muted_stories"),
    *_polling("what is muted", "bot.store.outbox.muted_articles:record_matches"),
    *_polling("withholding", "bot.store.outbox.muted_articles:withhold_muted_articles"),
    _polling("last statement", "bot.store.sources.polls:_record_poll")[1],
    *_polling("recording", "bot.store.sources.polls:Polls.record"),
)
"""From the muted stories that are read to an article of one that is withheld."""
FILTERING: tuple[Step, ...] = (
    *_polling("reading filters", "bot.watches.subscription_filters:evaluate_feed_filters"),
    *_polling("filters of the channels", "bot.store.settings.filters:load_by_feed"),
    *_polling("filtering", "bot.store.settings.filters:apply_filters"),
    *_polling("recording what is filtered", "bot.store.outbox.outbox_writes:record_filtered_articles"),
    _polling("last statement", "bot.store.sources.polls:_record_poll")[1],
    *_polling("recording", "bot.store.sources.polls:Polls.record"),
)
"""From the filters of channels that are read to an article that one keeps out."""

ABOUT = "Harbour bridge closes after cracks were found"
ABOUT_MUTED = f"{ABOUT} in"  # Followed by a number, which would be a version after any other word.
ABOUT_FILTERED = "Sponsored"
TOPIC = "Anthropic"
HOLDING: tuple[Step, ...] = (
    *_polling("joining", "bot.store.outbox.story_merging:join_posts", any_channel=False),
    *_polling("ripening", "bot.store.outbox.held_posts:release_if_enough_outlets"),
    *_polling("recording", "bot.store.sources.polls:Polls.record"),
    *_around("claim", f"{STORE}.claim"),
    *_MESSAGE,
    *_FORUM_POST,
    *_RECORD,
    *_second((*_READ_BACK, *_RETRY), _MESSAGE[0]),
)
"""From the outlet that a story waited for to the recorded message; the first four are one transaction."""

CHOOSING: tuple[Step, ...] = (
    *_around("choosing", "bot.posting.scheduled_task:TopStorySelectionTask._select_for_channel", any_channel=True),
    *_around("chosen", "bot.store.outbox.held_posts:HeldPosts.release_selected", any_channel=True),
    *_around("released", "bot.store.outbox.held_posts:_release_posts", any_channel=True),
    *_around("claim", f"{STORE}.claim"),
    *_MESSAGE,
    *_FORUM_POST,
    *_RECORD,
)
"""From the hour at which the best is chosen to its recorded message."""

_EDIT_OF_PROPOSAL: tuple[Step, ...] = (
    *_around("edit", f"{CHORES}._apply_edit"),
    *_request("edit", "PATCH /channels/{place}/messages/*"),
    *_around("edited", f"{STORE}.mark_edited", any_channel=True),
)
_SENDING = (
    *_around("claim", f"{STORE}.claim"),
    *_MESSAGE,
    *_RECORD,
    *_second((*_READ_BACK, *_RETRY), _MESSAGE[0]),
    *_second((*_READ_BACK, *_RECORD), _MESSAGE[1]),
)
REPORTING: tuple[Step, ...] = tuple(
    replace(step, kinds=("text",))
    for step in (
        *_around(
            "counting", "bot.store.people.feed_reactions:FeedReactions.add_batches_until_midnight", any_channel=True
        ),
        *_around("enqueueing", "bot.store.outbox.monthly_reports:MonthlyReports.enqueue_due", any_channel=True),
        *_SENDING,
    )
)
"""From the scorecard of a month that is due to the recorded message."""
NOTIFYING: tuple[Step, ...] = tuple(
    replace(step, kinds=("text",))
    for step in (
        *_around("enqueueing", "bot.store.operating.notices:Notices.enqueue_next", any_channel=True),
        *_SENDING,
    )
)
"""From a notice of the operator that was stored to the recorded message."""
PROPOSING: tuple[Step, ...] = tuple(
    replace(step, kinds=("text",))
    for step in (
        *_around("message enqueued", "bot.store.people.proposals:Proposals.process_due", any_channel=True),
        *_around("claim", f"{STORE}.claim"),
        *_MESSAGE,
        *_RECORD,
        *_second((*_READ_BACK, *_RETRY), _MESSAGE[0]),
        *_second((*_READ_BACK, *_RECORD), _MESSAGE[1]),
        *_EDIT_OF_PROPOSAL,
    )
) + tuple(
    replace(step, kinds=(DIRECT,))
    for step in (
        *_around("claim", f"{STORE}.claim"),
        *_MESSAGE,
        *_RECORD,
        *_second((*_READ_BACK, *_RETRY), _MESSAGE[0]),
        *_second((*_READ_BACK, *_RECORD), _MESSAGE[1]),
    )
)
"""From a stored proposal to the edited message of the managers and the notice to who proposed it."""

MENTIONING: tuple[Step, ...] = (
    *_around("claim", f"{STORE}.claim"),
    *_around("choosing roles", "bot.posting.mention_selection:select_mentions", any_channel=True),
    *_around("roles written", "bot.store.outbox.post_mentions:PostMentions.decide", any_channel=True),
    *_MESSAGE,
    *_FORUM_POST,
    *_RECORD,
    *_second((*_READ_BACK, *_RETRY), _MESSAGE[0]),
    *_second((*_READ_BACK, *_RECORD), _MESSAGE[1]),
    *_second((*_READ_BACK, *_RETRY), _FORUM_POST[0]),
)
"""From a post that matches a mention rule to the recorded message that notified the role once."""

_IN_THREAD = _request("message in the thread", "POST /channels/*/messages")
DAILY: tuple[Step, ...] = tuple(
    replace(step, kinds=("text",))
    for step in (
        *_around("thread of the day", "bot.posting.daily_thread_targets:resolve_daily_thread"),
        *_around("making of the thread", "bot.posting.daily_thread_targets:_create_thread", any_channel=True),
        *_request("thread", "POST /channels/{place}/threads"),
        *_around("thread noted", "bot.store.settings.daily_threads:DailyThreads.save"),
        *_IN_THREAD,
        *_RECORD,
        *_second((*_READ_BACK, *_RETRY), _IN_THREAD[0]),
        *_second((*_READ_BACK, *_RECORD), _IN_THREAD[1]),
    )
)
"""From a post that is owed on a new day to its recorded message in the thread of that day."""


@dataclass(frozen=True)
class DeliveryFaults:
    """What a death cost: articles lost, repeated, out of order, posts unfinished, fates not as shown."""

    lost: tuple[str, ...]
    repeated: tuple[str, ...]
    disordered: tuple[str, ...]
    unfinished: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(astuple(self))


async def run_until_killed(scene: Scene, kind: str, step: Step, *, nth: int = 1) -> None:
    """Start a bot that ends at the n-th such moment in the channel of that kind. Raises when it does not."""
    place = str(scene.places[kind].id)
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
    scene.serve()


def find_delivery_faults(scene: Scene, numbers: Sequence[int]) -> DeliveryFaults:
    """What is wrong with the articles of these numbers in the channels."""
    lost, repeated, disordered = [], [], []
    for kind in scene.places:
        posts = scene.posts(kind)
        lost += [f"{kind} {number}" for number in numbers if posts[number] == 0]
        repeated += [f"{kind} {number}" for number in numbers if posts[number] > 1]
        order = [number for number in scene.order(kind) if number in numbers]
        if order != sorted(order):
            disordered.append(f"{kind} {order}")
    return DeliveryFaults(
        tuple(lost),
        tuple(repeated),
        tuple(disordered),
        tuple(scene.unfinished()),
        tuple(scene.find_delivery_status_problems(numbers)),
    )


async def survive(scene: Scene, kind: str, step: Step, *, window: float, burst: int, nth: int) -> DeliveryFaults:
    """Publish, let the bot die at a moment, start it again, and count when it owes nothing any more.

    `window` is how long Discord honours a nonce after the restart, `nth` which of the `burst` articles it is.
    """
    numbers = await die_with_new_articles(scene, kind, step, window=window, burst=burst, nth=nth)
    await scene.run(numbers)
    return find_delivery_faults(scene, numbers)


async def die_with_new_articles(
    scene: Scene, kind: str, step: Step, *, window: float, burst: int, nth: int
) -> list[int]:
    """Publish, and let the bot die at a moment. Returns the numbers of the `burst` articles."""
    scene.discord.changes.nonce_window_seconds = INSIDE
    if step.polls:
        numbers = scene.write(burst)
        await scene.make_due()
    else:
        numbers = await scene.publish(burst)
    if step.polls or kind in WATCHERS:
        nth = 1  # there is one poll, and one notice of all articles
    if step.earlier is not None:
        await run_until_killed(scene, kind, step.earlier, nth=nth)
        scene.discord.changes.nonce_window_seconds = window
        nth = 1
    await run_until_killed(scene, kind, step, nth=nth)
    scene.discord.changes.nonce_window_seconds = window
    return numbers


async def corrected(scene: Scene, number: int) -> tuple[list[int], str]:
    """An article gets another title: the articles that are told of then, and words of it."""
    await scene.change(number, f"Another title of {number}")
    return [number], f"Another title of {number}"


async def withdrawn(scene: Scene, number: int) -> tuple[list[int], str]:
    """An article is taken back by its publisher."""
    await scene.withdraw(number)
    return [number], "withdrawn by the publisher"


async def joined(scene: Scene, number: int) -> tuple[list[int], str]:
    """Another feed tells the same as an article."""
    return [number, await scene.join(number)], "Also: "


EDITS = (corrected, withdrawn, joined)


async def survive_edit(
    scene: Scene,
    kind: str,
    step: Step,
    *,
    window: float,
    edit: Callable[[Scene, int], Awaitable[tuple[list[int], str]]],
) -> DeliveryFaults:
    """As `survive`, of posts that have to be edited after they were sent."""
    scene.discord.changes.nonce_window_seconds = INSIDE
    numbers = await scene.publish(1)
    await scene.run(numbers)
    expected_numbers, words = await edit(scene, numbers[-1])
    scene.hasten_edits()
    await run_until_killed(scene, kind, step)
    scene.discord.changes.nonce_window_seconds = window
    scene.hasten_edits()
    bot = scene.start()
    await scene.wait_until_posted(expected_numbers)
    with suppress(TimeoutError):
        await until(lambda: not scene.edits_due())
    await bot.stop()
    faults = find_delivery_faults(scene, expected_numbers)
    old = [
        f"{kind}: {number} is not {edit.__name__}"
        for kind in scene.channels
        for message in scene.messages(kind)
        for number in articles(message).intersection(numbers)
        if words not in message.render_visible_text()
    ]
    return replace(faults, unfinished=(*faults.unfinished, *old))


async def survive_limit(scene: Scene, kind: str, step: Step, *, window: float) -> DeliveryFaults:
    """As `survive`, of channels that take fewer messages an hour than are owed."""
    scene.discord.changes.nonce_window_seconds = INSIDE
    scene.end_hour()
    numbers = await scene.publish(5)
    if step.earlier is not None:
        await run_until_killed(scene, kind, step.earlier)
        scene.discord.changes.nonce_window_seconds = window
    await run_until_killed(scene, kind, step)
    scene.discord.changes.nonce_window_seconds = window
    await scene.run(numbers)
    faults = find_delivery_faults(scene, numbers)
    many = [
        f"{kind}: more than the limit"
        for kind in scene.channels
        if sum(bool(articles(message).intersection(numbers)) for message in scene.messages(kind)) > LIMIT
    ]
    return replace(faults, unfinished=(*faults.unfinished, *many))


async def survive_hold(scene: Scene, kind: str, step: Step, *, window: float) -> DeliveryFaults:
    """As `survive`, of channels that take what two outlets tell: the bot hears of the second."""
    scene.discord.changes.nonce_window_seconds = INSIDE
    (first,) = await scene.publish(1, about=ABOUT)
    second = await scene.publish_in_rival_outlet(first, about=ABOUT)
    if step.earlier is not None:
        await run_until_killed(scene, kind, step.earlier)
        scene.discord.changes.nonce_window_seconds = window
    early = [
        f"{channel_kind}: {first} did not wait" for channel_kind in scene.channels if scene.posts(channel_kind)[first]
    ]
    await run_until_killed(scene, kind, step)
    scene.discord.changes.nonce_window_seconds = window
    await scene.run([first, second])
    faults = find_delivery_faults(scene, [first, second])
    return replace(faults, unfinished=(*faults.unfinished, *(() if step.earlier else early)))


async def survive_mute(scene: Scene, kind: str, step: Step, *, window: float) -> DeliveryFaults:
    """As `survive`, of channels that muted a story: another article is posted, one of the story never."""
    return await _survive_exclusion(scene, kind, step, window=window, about=ABOUT_MUTED, status="withheld")


async def survive_filter(scene: Scene, kind: str, step: Step, *, window: float) -> DeliveryFaults:
    """As `survive`, of channels with filters of their own: what they keep out is never posted."""
    return await _survive_exclusion(scene, kind, step, window=window, about=ABOUT_FILTERED, status="filtered")


async def _survive_exclusion(
    scene: Scene, kind: str, step: Step, *, window: float, about: str, status: str
) -> DeliveryFaults:
    scene.discord.changes.nonce_window_seconds = INSIDE
    (excluded,) = scene.write(1, about=about)
    (posted,) = scene.write(1)
    await scene.make_due()
    await run_until_killed(scene, kind, step)
    scene.discord.changes.nonce_window_seconds = window
    await scene.run([posted])
    faults = find_delivery_faults(scene, [posted])
    wrong = [
        f"{channel_kind}: {excluded} is {statuses}"
        for channel_kind in scene.channels
        if (statuses := scene.delivery_states(excluded, channel_kind)) != [status]
        or scene.posts(channel_kind)[excluded]
    ]
    return replace(faults, unknown=(*faults.unknown, *wrong))


async def survive_mention(scene: Scene, kind: str, step: Step, *, window: float) -> DeliveryFaults:
    """As `survive`, of channels with a mention rule: a post on the topic notifies the role, another nobody."""
    scene.discord.changes.nonce_window_seconds = INSIDE
    (on_topic,) = scene.write(1, about=TOPIC)
    (off_topic,) = scene.write(1)
    await scene.make_due()
    async with scene.newsroom() as newsroom:
        await scene.poll(newsroom, scene.url)
    if step.earlier is not None:
        await run_until_killed(scene, kind, step.earlier)
        scene.discord.changes.nonce_window_seconds = window
    await run_until_killed(scene, kind, step)
    scene.discord.changes.nonce_window_seconds = window
    await scene.run([on_topic, off_topic])
    faults = find_delivery_faults(scene, [on_topic, off_topic])
    wrong = [
        f"{channel_kind}: {number} notified {message.notified_role_ids}"
        for channel_kind in scene.channels
        for message in scene.messages(channel_kind)
        for number in articles(message).intersection({on_topic, off_topic})
        if message.notified_role_ids != (scene.role_ids if number == on_topic else ())
    ]
    return replace(faults, unfinished=(*faults.unfinished, *wrong, *scene.find_unrecorded_mentions()))


async def survive_choice(scene: Scene, kind: str, step: Step, *, window: float) -> DeliveryFaults:
    """As `survive`, of channels that take the best of the day, and have to choose from one."""
    scene.discord.changes.nonce_window_seconds = INSIDE
    numbers = await scene.publish(1)
    scene.choose_now()
    await run_until_killed(scene, kind, step)
    scene.discord.changes.nonce_window_seconds = window
    await scene.run(numbers)
    return find_delivery_faults(scene, numbers)


async def survive_thread(scene: Scene, kind: str, step: Step, *, window: float) -> DeliveryFaults:
    """As `survive`, of a channel that has a thread for each day, and none yet for this one."""
    scene.end_thread(kind)
    faults = await survive(scene, kind, step, window=window, burst=2, nth=1)
    threads = [
        channel for channel in scene.discord.state.channels.values() if channel.parent_id == scene.places[kind].id
    ]
    if len(threads) == 1:
        return faults
    return replace(faults, unfinished=(*faults.unfinished, f"{kind}: {len(threads)} threads"))


async def survive_digest(scene: Scene, kind: str, step: Step, *, window: float) -> DeliveryFaults:
    """As `survive`, of channels that get digests alone, or a person: what was held comes in one message."""
    scene.discord.changes.nonce_window_seconds = INSIDE
    numbers = await scene.publish(2)
    scene.end_day()
    if step.earlier is not None:
        await run_until_killed(scene, kind, step.earlier)
        scene.discord.changes.nonce_window_seconds = window
    await run_until_killed(scene, kind, step)
    scene.discord.changes.nonce_window_seconds = window
    await scene.run(numbers)
    return find_delivery_faults(scene, numbers)


async def survive_proposal(scene: Scene, kind: str, step: Step, *, window: float) -> DeliveryFaults:
    """Propose a feed and decline it; the bot dies at its message, the edit of that, or the notice of the outcome."""
    scene.discord.changes.nonce_window_seconds = INSIDE
    title = f"paper{len(scene.messages('text'))}"
    proposal_id = await scene.propose(title)
    is_decided = kind == DIRECT or any(step.name == edit.name for edit in _EDIT_OF_PROPOSAL)
    if is_decided:
        await _run_until_shown(scene, "text", title)
        await scene.decline(proposal_id)
    if step.earlier is not None:
        await run_until_killed(scene, kind, step.earlier)
        scene.discord.changes.nonce_window_seconds = window
    await run_until_killed(scene, kind, step)
    scene.discord.changes.nonce_window_seconds = window
    await _run_until_shown(scene, "text", title)
    if not is_decided:
        await scene.decline(proposal_id)
    await _run_until_shown(scene, DIRECT, title)
    messages_by_kind = {
        place_kind: [message for message in scene.messages(place_kind) if title in message.render_visible_text()]
        for place_kind in ("text", DIRECT)
    }
    return DeliveryFaults(
        lost=tuple(f"{place_kind} {title}" for place_kind, found in messages_by_kind.items() if not found),
        repeated=tuple(f"{place_kind} {title}" for place_kind, found in messages_by_kind.items() if len(found) > 1),
        disordered=(),
        unfinished=tuple(f"{title} has buttons" for message in messages_by_kind["text"] if message.list_custom_ids()),
    )


async def owe_report(scene: Scene) -> str:
    """Let the scorecard of a month be due. Returns words of it."""
    return scene.make_report_due()


async def owe_notice(scene: Scene) -> str:
    """The operator sends a notice to all servers. Returns its words."""
    return await scene.send_notice()


async def survive_alert(
    scene: Scene, kind: str, step: Step, *, window: float, owe: Callable[[Scene], Awaitable[str]]
) -> DeliveryFaults:
    """Let an alert be owed, of which `owe` returns words; the bot dies at it, and it is to be posted once."""
    scene.discord.changes.nonce_window_seconds = INSIDE
    words = await owe(scene)
    if step.earlier is not None:
        await run_until_killed(scene, kind, step.earlier)
        scene.discord.changes.nonce_window_seconds = window
    await run_until_killed(scene, kind, step)
    scene.discord.changes.nonce_window_seconds = window
    await _run_until_shown(scene, kind, words)
    count = sum(words in message.render_visible_text() for message in scene.messages(kind))
    return DeliveryFaults(
        lost=() if count else (words,), repeated=(words,) if count > 1 else (), disordered=(), unfinished=()
    )


async def _run_until_shown(scene: Scene, kind: str, words: str) -> None:
    """Run a bot until a channel shows these words and nothing is owed."""
    bot = scene.start()
    with suppress(TimeoutError):
        await until(lambda: any(words in message.render_visible_text() for message in scene.messages(kind)))
        await scene.wait_until_settled()
        await until(lambda: not scene.edits_due())
    await bot.stop()


@dataclass(frozen=True)
class CrashScenario:
    """What the bot is at when it dies, from first to last: `survive` takes scene, kind, step and window.

    `prepare` is for a new scene.
    """

    name: str
    steps: tuple[Step, ...]
    survive: Callable[..., Awaitable[DeliveryFaults]]
    prepare: Callable[[Scene], Awaitable[None]] | None = None


async def start_watching(scene: Scene) -> None:
    """Let a person and a channel watch."""
    await scene.watch()


async def settle_bot(scene: Scene) -> None:
    """Let the channels have what they get for following."""
    await scene.run()


async def limit_posts_per_hour(scene: Scene) -> None:
    """Let the channels take few messages an hour."""
    await settle_bot(scene)
    await scene.prefer(setting_registry.MAX_POSTS_PER_HOUR, LIMIT, *scene.channels)


async def start_digest(scene: Scene) -> None:
    """Let the channels get digests alone."""
    await settle_bot(scene)
    await scene.digest()


async def start_personal_digest(scene: Scene) -> None:
    """Let a person get a digest of their own."""
    await settle_bot(scene)
    await scene.brief()


async def hold_stories(scene: Scene) -> None:
    """Let the channels take what two outlets tell."""
    await settle_bot(scene)
    await scene.follow_rival()
    await scene.prefer(setting_registry.MIN_OUTLETS, 2, *scene.channels)


async def mute_stories(scene: Scene) -> None:
    """Let the channels mute the story of an article that they got."""
    await settle_bot(scene)
    await scene.run(await scene.publish(1, about=ABOUT_MUTED))
    await scene.mute_newest()


async def mention_roles(scene: Scene) -> None:
    """Let the channels mention a role where a post is on a topic."""
    await settle_bot(scene)
    await scene.mention_role(TOPIC)


async def filter_channels(scene: Scene) -> None:
    """Let filters keep sponsored articles out of the channels; a thread has that of the channel it belongs to."""
    await settle_bot(scene)
    await scene.filter_channels(ABOUT_FILTERED)


async def take_reports(scene: Scene) -> None:
    """Let the text channel get a scorecard each month, of a feed that people keep."""
    await settle_bot(scene)
    await scene.take_reports()


async def choose_alert_channel(scene: Scene) -> None:
    """Let the text channel get the alerts."""
    await settle_bot(scene)
    await scene.choose_alert_channel()


async def choose_best_stories(scene: Scene) -> None:
    """Let the channels take the best of the day."""
    await settle_bot(scene)
    await scene.prefer(setting_registry.TOP_STORIES_PER_DAY, 20, *scene.channels)


async def open_daily_threads(scene: Scene) -> None:
    """Let the text channel have a thread for each day."""
    await scene.prefer(setting_registry.DAILY_THREAD, True, "text")


async def take_proposals(scene: Scene) -> None:
    """Let a channel get the alerts, and a person propose feeds."""
    await settle_bot(scene)
    await scene.take_proposals()


CRASH_SCENARIOS = (
    CrashScenario("posts", STEPS, survive),
    CrashScenario("notices of watches", WATCHING, survive, start_watching),
    *(CrashScenario(f"{edit.__name__} posts", EDITING, partial(survive_edit, edit=edit)) for edit in EDITS),
    CrashScenario("catch-ups of a limit", LIMITED, survive_limit, limit_posts_per_hour),
    CrashScenario("digests", DIGESTING, survive_digest, start_digest),
    CrashScenario("people's own digests", BRIEFING, survive_digest, start_personal_digest),
    CrashScenario("stories that wait for outlets", HOLDING, survive_hold, hold_stories),
    CrashScenario("muted stories", MUTING, survive_mute, mute_stories),
    CrashScenario("filters of channels", FILTERING, survive_filter, filter_channels),
    CrashScenario("posts that mention a role", MENTIONING, survive_mention, mention_roles),
    CrashScenario("the best of the day", CHOOSING, survive_choice, choose_best_stories),
    CrashScenario("posts in the thread of a day", DAILY, survive_thread, open_daily_threads),
    CrashScenario("scorecards", REPORTING, partial(survive_alert, owe=owe_report), take_reports),
    CrashScenario("notices", NOTIFYING, partial(survive_alert, owe=owe_notice), choose_alert_channel),
    CrashScenario("proposals", PROPOSING, survive_proposal, take_proposals),
)
"""All that the bot is killed at."""
