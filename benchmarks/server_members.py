"""Members of a server who mute a story and decide on proposals while the bot's processes are killed.

All channels of the server mute a story that some of the publisher's articles report. A member proposes feeds. Under
each proposal, two managers press Follow or Decline at the same time, and again until the proposal is decided, because
a press is lost when the process that received it is killed.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter

import psycopg

from bot.core.user_errors import RequestRejected
from bot.drill.discord_stand_in.state import ChannelMessage, Permission, Person
from bot.posting.rendering.buttons import APPROVE_PROPOSAL_BUTTON, DECLINE_PROPOSAL_BUTTON
from bot.store.records.people_records import ProposalDecision
from bot.store.store_errors import StoreError
from tests.support import store_probe
from tests.support.feed_server import make_rss
from tests.support.wire.kills import MUTED_STORY_TITLE
from tests.support.wire.scene import DIRECT, Scene

ALERTS = "text"
"""Name of the channel that shows proposals and gets the posts of the proposed feeds."""
PROPOSAL_INTERVAL_SECONDS = 8.0
PRESS_INTERVAL_SECONDS = 1.0
RETRY_SECONDS = 0.3


class ServerMembers:
    """The members of a scene's server, with the articles that they muted and the feeds that they proposed."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.muted_numbers: set[int] = set()
        self.titles: list[str] = []
        self.managers: list[Person] = []

    async def prepare(self) -> None:
        """Mute a story in every channel while its first article is pending, and enable proposals and mentions."""
        scene, changes = self.scene, self.scene.discord.changes
        self.muted_numbers.update(await scene.publish_and_poll(1, about=MUTED_STORY_TITLE))
        await scene.mute_newest_story()
        await scene.enable_proposals()
        await scene.add_mention_rules("article")
        role = changes.add_role(scene.server, "Editors")
        changes.change_role(scene.server, role, int(Permission.MANAGE_GUILD))
        self.managers = [scene.discord.people.join(scene.server.id, name, role_ids=(role.id,)) for name in "BC"]

    def publish_muted_article(self) -> list[int]:
        """Publish an article on the muted story; return its number in a list."""
        numbers = self.scene.add_articles(1, about=MUTED_STORY_TITLE)
        self.muted_numbers.update(numbers)
        return numbers

    def is_muted(self, number: int) -> bool:
        """Return whether an article reports the muted story."""
        return number in self.muted_numbers

    async def propose_until(self, kill_task: asyncio.Task[None], chance: random.Random) -> None:
        """Propose a feed every few seconds and let the managers decide, until `kill_task` is done."""
        while not kill_task.done():
            title = f"paper{len(self.titles):04}"
            self.titles.append(title)
            await self._propose(title)
            while not self._is_decided(title):
                self._press_buttons(title, chance)
                await asyncio.sleep(PRESS_INTERVAL_SECONDS)
            await asyncio.sleep(PROPOSAL_INTERVAL_SECONDS)

    async def _propose(self, title: str) -> None:
        url = self.scene.feeds.serve(f"/{title}.xml", make_rss(title=title))
        while True:
            try:
                await self.scene.propose_feed(title, url)
            except RequestRejected:
                return  # An attempt before this one was stored, though its connection was cut.
            except (StoreError, psycopg.Error, OSError):
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    def _press_buttons(self, title: str, chance: random.Random) -> None:
        """Let both managers press a button under the message of an open proposal, if it was posted."""
        for message in self.list_open_messages():
            if title in message.render_visible_text():
                for manager in self.managers:
                    button_name = chance.choice((APPROVE_PROPOSAL_BUTTON, DECLINE_PROPOSAL_BUTTON)).name
                    custom_id = next(name for name in message.list_custom_ids() if f":{button_name}:" in name)
                    self.scene.discord.people.click(manager, message, custom_id)

    def _is_decided(self, title: str) -> bool:
        try:
            return self._load_proposal(title)["decision"] is not None
        except (psycopg.Error, StopIteration):
            return False

    def _load_proposal(self, title: str) -> dict[str, object]:
        rows = store_probe.load_rows(self.scene.database, "proposal")
        return next(row for row in rows if (row["title"], row["server_id"]) == (title, self.scene.server.id))

    def list_open_messages(self) -> list[ChannelMessage]:
        """List the messages about proposals that still have buttons."""
        prefix = "telex:proposal-"
        return [
            message
            for message in self.scene.list_messages(ALERTS)
            if any(custom_id.startswith(prefix) for custom_id in message.list_custom_ids())
        ]

    def count_outcomes(self, counts: Counter[str]) -> None:
        """Add muted articles, mentions of the role and proposals to the counts, and which of them are wrong."""
        self._count_muted_articles(counts)
        channel_ids = {channel.id for channel in self.scene.channels.values()}
        recorded_ids = {row["dispatch_id"] for row in store_probe.load_rows(self.scene.database, "post_mention")}
        posts = [
            dispatch
            for dispatch in self.scene.load_outbox()
            if (dispatch.kind, dispatch.state) == ("post", "sent") and dispatch.channel_id in channel_ids
        ]
        mention_problems = [
            *self.scene.find_unrecorded_mentions(),
            *(f"no mention in {post.message_id}" for post in posts if post.id not in recorded_ids),
        ]
        counts["mentions"] += len(posts)
        counts["wrong mentions"] += len(mention_problems)
        sys.stderr.writelines(f"{problem}\n" for problem in mention_problems)
        subscriptions = store_probe.load_rows(self.scene.database, "subscription")
        title_by_feed_id = {
            feed["id"]: feed["url"].rpartition("/")[2].removesuffix(".xml")
            for feed in store_probe.load_rows(self.scene.database, "feed")
            if feed["url"].startswith(self.scene.feeds.origin)
        }
        follow_counts = Counter(title_by_feed_id.get(subscription["feed_id"]) for subscription in subscriptions)
        for title in self.titles:
            decision = self._load_proposal(title)["decision"]
            figures = (
                decision,
                *(
                    sum(title in message.render_visible_text() for message in self.scene.list_messages(name))
                    for name in (ALERTS, DIRECT)
                ),
                follow_counts[title],
                sum(title in message.render_visible_text() for message in self.list_open_messages()),
            )
            counts["proposals"] += 1
            counts["approved"] += decision == ProposalDecision.APPROVED
            if figures not in ((ProposalDecision.APPROVED, 1, 1, 1, 0), (ProposalDecision.DECLINED, 1, 1, 0, 0)):
                counts["misdecided"] += 1
                sys.stderr.write(f"{title}: decision, messages, notices, subscriptions, buttons: {figures}\n")

    def _count_muted_articles(self, counts: Counter[str]) -> None:
        states_by_post: dict[tuple[int, int | None], list[str | None]] = {}
        for delivery in store_probe.load_deliveries(self.scene.database):
            post = (int(delivery.url.rpartition("/")[2]), delivery.channel_id)
            states_by_post.setdefault(post, []).append(delivery.state)
        for name, channel in self.scene.channels.items():
            posts = self.scene.count_posts(name)
            for number in self.muted_numbers:
                states = states_by_post.get((number, channel.id), [])
                counts["muted"] += 1
                if posts[number] or states != ["withheld"]:
                    counts["unmuted"] += 1
                    sys.stderr.write(f"not muted: {number} in {name}, {states}, posted {posts[number]} times\n")
