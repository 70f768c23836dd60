"""/digest me: a person's own digest by direct message: when, of what, paused, ended; from the message too."""

from collections.abc import Iterator
from dataclasses import replace

import discord

from bot.client import interaction_places
from bot.core import hours, locale
from bot.core.choices import PersonalPlan
from bot.core.locale import _, amount
from bot.core.models import Feed
from bot.core.people_models import PersonalDigest
from bot.core.refusals import Refusal
from bot.core.workers import WorkerError
from bot.digests.digest_selection import period
from bot.posting.rendering import buttons, digest_pages, discord_limits
from bot.posting.rendering.layout.blocks import Block, Row, Rule, text
from bot.posting.sending import message_places
from bot.posting.wording.problem_sentences import describe
from bot.search.index.engine import EngineError
from bot.search.query.query_syntax import parse
from bot.text import safe
from bot.watches.watch_matching import CLOSED
from cogs.shared.lasting_items import lasting
from cogs.shared.panels import headed, number, setting, zone_button
from cogs.shared.views import AskerLayout, Choose, Interaction, Press, Reply, answer_card, option
from cogs.shared.windows import Line, asking
from cogs.watching import digest_words

MOST_TOPICS = 10
LONGEST_TOPIC = 100
"""Characters of one."""

_HOUR = 60
_NAMES = 3  # feeds or topics that a line names


class PersonalDigestPanel(AskerLayout):
    """One message with a person's digest. Nothing changes before it is started, or the changes are saved."""

    def __init__(self, interaction: Interaction) -> None:
        super().__init__(interaction)
        self._plan = PersonalPlan(weekday=None, minute=8 * _HOUR)
        self._known: PersonalDigest | None = None
        self._feeds: list[Feed] = []
        self._has_zone = True

    async def start(self, interaction: Interaction) -> None:
        """Begin with the digest as it is, or with one of all that the person can read in the morning."""
        store = self.store
        self._known = await store.personal_digests.of_person(self.person_id)
        if self._known is not None:
            self._plan = self._known.plan
        elif (server_id := interaction_places.server_id(interaction)) is not None:
            zone = (await store.preferences.of_server(server_id)).time_zone
            self._plan = replace(self._plan, time_zone=zone)
        self._has_zone = self._known is not None or self._plan.time_zone != "UTC"
        readable = await _readable(interaction)
        found = [feed for feed in await store.feeds.all() if feed.id in readable]
        chosen = set(self._plan.feeds)
        self._feeds = sorted(found, key=lambda feed: (feed.id not in chosen, feed.title.casefold()))
        self._plan = replace(self._plan, feeds=tuple(feed.id for feed in self._feeds if feed.id in chosen))
        await self.show(interaction)

    async def show(self, interaction: Interaction) -> None:
        plan, known, style = self._plan, self._known, discord.ButtonStyle
        watches = len(await self.store.watches.of_person(self.person_id))
        watched = _("included") if plan.watches else _("not included")
        if watches:
            watched += f" · {amount(watches)}"
        turn = Press(
            self._turn_watches,
            label=_("Leave out") if plan.watches else _("Include"),
            disabled=not watches and not plan.watches,
        )
        same = known is not None and known.plan == plan
        rests = known is not None and (known.paused is not None or known.problem is not None)
        save_label = _("Start the digest") if known is None else _("Resume") if rests else _("Save changes")
        line = Line(
            "line",
            _("One search per line"),
            style=discord.TextStyle.paragraph,
            default="\n".join(plan.topics),
            required=False,
            max_length=MOST_TOPICS * (LONGEST_TOPIC + 1),
        )
        topics = asking(self, self._take_topics, _("Change…"), line, title=_("Topics"))
        blocks: list[Block] = [
            headed(_("Your digest"), *self._state()),
            Rule(),
            Row(Choose(self._day, placeholder=_("How often…"), options=digest_words.days(plan))),
            Row(Choose(self._hour, placeholder=_("What time…"), options=digest_words.times(plan))),
            setting(_("Time zone"), plan.time_zone, zone_button(self, self._take_zone)),
            setting(_("Feeds"), self._named_feeds()),
            *self._feed_menu(),
            setting(_("Topics"), _named(plan.topics) or _("none"), topics),
            setting(_("Your watches"), watched, turn),
            Row(
                Press(self._save, label=save_label, style=style.success, disabled=same and not rests)
                if self._has_zone
                else zone_button(self, self._start_in, save_label, style=style.success),
                Press(self._preview, Reply.NEW, label=_("Preview")),
                None if known is None or rests else Press(self._pause, label=_("Pause")),
                None
                if known is None
                else Press(self._end_it, label=_("Stop the digest"), style=style.danger),
            ),
        ]
        await self.display_card(interaction, *blocks)

    def _state(self) -> Iterator[str]:
        plan, known = self._plan, self._known
        due = hours.next_due(self.client.newsroom.clock.now(), plan.minute, plan.weekday, plan.time_zone)
        yield _("The top stories in a DM: {when} ({zone}).").format(
            when=digest_words.when(plan), zone=plan.time_zone
        )
        if known is None:
            yield _("Not active yet.")
        elif known.problem == CLOSED:
            yield f"⚠️ {describe(CLOSED)} " + _("Allow them for a server we share, then press Resume.")
        elif known.paused is not None:
            yield _("Paused {when}.").format(when=f"<t:{known.paused}:R>")
        elif known.plan != plan:
            yield _("Not saved yet.")
        else:
            yield _("Next one {when}. Days without news are skipped.").format(when=f"<t:{due}:R>")

    def _named_feeds(self) -> str:
        if self._plan.takes_all:
            return _("everything you can see")
        titles = [feed.title or feed.outlet for feed in self._feeds if feed.id in self._plan.feeds]
        return _named(titles) or _("none")

    def _feed_menu(self) -> Iterator[Block]:
        shown = self._feeds[: discord_limits.OPTIONS]
        if not shown:
            return
        options = [
            option(feed.title or feed.outlet, feed.id, chosen=feed.id in self._plan.feeds) for feed in shown
        ]
        yield Row(
            Choose(
                self._choose_feeds,
                placeholder=_("Only these feeds…"),
                options=options,
                min_values=0,
                max_values=len(options),
            )
        )
        if len(self._feeds) > len(shown):
            yield text("-# " + _('For others, add a topic such as `source:"The Verge"`.'))

    async def _day(self, _interaction: Interaction, values: list[str]) -> None:
        self._plan = replace(self._plan, weekday=number(values))

    async def _hour(self, _interaction: Interaction, values: list[str]) -> None:
        self._plan = replace(self._plan, minute=int(values[0]))

    async def _choose_feeds(self, _interaction: Interaction, values: list[str]) -> None:
        self._plan = replace(self._plan, feeds=tuple(sorted(map(int, values))))

    async def _turn_watches(self, _interaction: Interaction) -> None:
        self._plan = replace(self._plan, watches=not self._plan.watches)

    async def _take_topics(self, _interaction: Interaction, lines: str) -> None:
        topics = dict.fromkeys(filter(None, (safe.plain(line) for line in lines.splitlines())))
        if len(topics) > MOST_TOPICS:
            raise Refusal(_("At most {count} topics.").format(count=amount(MOST_TOPICS)))
        for topic in topics:
            if len(topic) > LONGEST_TOPIC or not parse(topic, self.client.newsroom.clock.now()).nodes:
                raise Refusal(
                    _("I can’t search for “{topic}”.").format(topic=safe.markdown(safe.cut(topic, 80)))
                )
        self._plan = replace(self._plan, topics=tuple(topics))

    async def _start_in(self, interaction: Interaction, zone: str) -> None:
        """Where nothing tells a person's time, the first digest waits for it."""
        await self._take_zone(interaction, zone)
        await self._save(interaction)

    async def _take_zone(self, _interaction: Interaction, zone: str) -> None:
        self._has_zone = True
        self._plan = replace(self._plan, time_zone=zone)

    async def _preview(self, interaction: Interaction) -> None:
        client, plan, language = self.client, self._plan, locale.current()
        now = client.newsroom.clock.now()
        try:
            edition = await client.courier.personal_digests.edition(
                plan,
                self.person_id,
                language,
                await _readable(interaction),
                since=now - period(plan),
                until=now + 1,
            )
        except (WorkerError, EngineError) as error:
            raise Refusal(_("That took too long. Try again.")) from error
        told = await digest_pages.page(client.store, edition, language=language)
        nothing = (headed(_("Nothing to preview yet"), _("If there’s no news, no digest is sent.")),)
        await answer_card(interaction, *(nothing if told is None else told.card))

    async def _save(self, interaction: Interaction) -> None:
        client, person_id = self.client, self.person_id
        direct = await message_places.direct(client, person_id)
        if not isinstance(direct, discord.DMChannel):
            raise Refusal(describe(CLOSED))
        self._known = await client.store.personal_digests.save(
            self._plan,
            person_id=person_id,
            channel_id=direct.id,
            server_id=interaction_places.server_id(interaction),
            language=locale.current(),
        )
        self.has_saved = True
        client.courier.wake()

    async def _pause(self, _interaction: Interaction) -> None:
        await self.store.personal_digests.pause(self.person_id)
        self._known = await self.store.personal_digests.of_person(self.person_id)

    async def _end_it(self, interaction: Interaction) -> None:
        await self.store.personal_digests.end(self.person_id)
        await self.end(interaction, _("Stopped your digest."))


@lasting(buttons.personal.template)
async def personal_digest_button(interaction: Interaction, _item: object) -> None:
    """Opens the panel of whoever pressed, under their digest."""
    await PersonalDigestPanel(interaction).start(interaction)


async def _readable(interaction: Interaction) -> set[int]:
    """The feeds that who presses may read, here and in the other servers that they share with the bot."""
    elsewhere = (await interaction.client.courier.audience.read_by(interaction.user.id)).feeds
    return {*elsewhere, *await interaction.client.visible_feed_ids(interaction)}


def _named(names: list[str] | tuple[str, ...]) -> str:
    """The first of some names, and how many more there are."""
    shown = [safe.line(name, 40) for name in names[:_NAMES]]
    more = [f"+{amount(len(names) - _NAMES)}"] if len(names) > _NAMES else []
    return " · ".join((*shown, *more))
