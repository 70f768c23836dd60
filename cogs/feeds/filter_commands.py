"""/feed filter: what of a feed is posted. A filter is tried on what the feed had before it is kept."""

from functools import partial
from typing import Any

import discord

from bot.core.choices import Filter, Rule
from bot.core.locale import _, amount, clickable, counted, ngettext
from bot.core.models import Article
from bot.core.refusals import Refusal
from bot.posting.rendering.layout.blocks import Block, Row, text
from bot.posting.wording import filter_labels, search_notes
from bot.search.query.query_syntax import MAX_LENGTH
from bot.text import safe
from bot.watches import subscription_filters
from bot.watches.subscription_filters import Trial
from cogs.feeds.subscription_options import Pair, SubscriptionPanel, bold, no_longer, require_still, titled
from cogs.shared import article_cards
from cogs.shared.paging import CardPage, CardPages
from cogs.shared.panels import headed
from cogs.shared.views import Interaction, Press, Reply
from cogs.shared.windows import Line, Window

_PAGE = 10  # articles
_SHOWN = 150  # characters of a query where filters are listed

Wanted = tuple[Rule, str]


async def start(interaction: Interaction, pair: Pair, only: str | None, never: str | None) -> None:
    """Try new filters of a subscription, or list those that it has. Raises `Refusal`."""
    store, feed = interaction.client.store, pair[1]
    typed = [(rule, text) for rule, text in ((Rule.ONLY, only), (Rule.NEVER, never)) if text]
    if not typed:
        await FilterList(interaction, pair).show(interaction)
        return
    queries = [(rule, subscription_filters.check(text, store.clock.now())) for rule, text in typed]
    kept = await store.filters.of(pair[0].id)
    known = {(one.rule, one.query) for one in kept}
    wanted = [(rule, query.text) for rule, query in queries if (rule, query.text) not in known]
    if not wanted:
        raise Refusal(_("{feed} already has that filter there.").format(feed=bold(feed)))
    if len(kept) + len(wanted) > subscription_filters.MOST:
        raise Refusal(_full())
    trial = await subscription_filters.tried(store, feed.id, [*kept, *(Filter(0, *one) for one in wanted)])
    notes = [search_notes.sentence(note) for _rule, query in queries for note in query.notes]
    await TrialPages(interaction, pair, wanted, trial, notes).show(interaction)


class TrialPages(SubscriptionPanel, CardPages):
    """What would have been posted with new filters, and the button that keeps them."""

    def __init__(
        self, interaction: Interaction, pair: Pair, wanted: list[Wanted], trial: Trial, notes: list[str]
    ) -> None:
        super().__init__(interaction, pair)
        self._wanted, self._trial, self._notes = wanted, trial, notes
        self._several = len({one for _article, by in trial.outcomes for one in by}) > 1

    async def page(self, interaction: Interaction, number: int) -> CardPage:
        """Some of the articles, newest first, each with what would have become of it."""
        outcomes = self._trial.outcomes
        shown = outcomes[number * _PAGE : (number + 1) * _PAGE]
        if outcomes:
            title = counted(
                "Would have posted {posted} of the last {count} article",
                "Would have posted {posted} of the last {count} articles",
                len(outcomes),
                posted=amount(self._trial.posted),
            )
        else:
            title = _("I haven’t read this feed yet, so there’s nothing to test against")
        new = filter_labels.listed([Filter(0, *one) for one in self._wanted], length=_SHOWN)
        notes = [f"-# {safe.line(note)}" for note in self._notes]
        told = [_outcome(article, by, named=self._several) for article, by in shown]
        green = discord.ButtonStyle.success
        blocks: list[Block] = [headed(title, titled(interaction, self.pair), new, *notes)]
        if told:
            blocks.append(text(*("\n".join(forms) for forms in zip(*told, strict=True))))
        row = Row(
            Press(self._save, label=_("Save this filter"), style=green),
            Press(self.cancel, label=_("Cancel")),
        )
        return CardPage(blocks=(*blocks, row), more=len(outcomes) > (number + 1) * _PAGE, empty=not shown)

    async def _save(self, interaction: Interaction) -> None:
        subscription, feed = await require_still(interaction, self.pair)
        saved = await self.store.filters.add(
            subscription.id, self._wanted, person_id=self.person_id, limit=subscription_filters.MOST
        )
        if saved is None:
            raise Refusal(no_longer())
        if not saved:
            raise Refusal(_full())
        kept = await self.store.filters.of(subscription.id)
        said = clickable(
            _(
                "Saved. Filters of {feed} in <#{channel}>: {filters}. /why shows which filter kept "
                "an article out."
            )
        ).format(
            feed=bold(feed),
            channel=subscription.channel_id,
            filters=filter_labels.listed(kept, most=subscription_filters.MOST),
        )
        await self.end(interaction, said)


class FilterList(SubscriptionPanel):
    """The filters of a subscription, each with a button that removes it, and one that adds another."""

    async def show(self, interaction: Interaction, removed: Filter | None = None) -> None:
        store, (subscription, feed) = self.store, self.pair
        kept = await store.filters.of(subscription.id)
        lines = [_("Removed: {filter}").format(filter=filter_labels.named(removed)) if removed else ""]
        lines += [f"{number}. {filter_labels.named(one, _SHOWN)}" for number, one in enumerate(kept, 1)]
        if not kept:
            lines.append(_("No filters: every article is posted."))
        else:
            trial = await subscription_filters.tried(store, feed.id, kept)
            if trial.outcomes:
                lines.append(f"-# {passed(trial)}")
            if sum(one.rule is Rule.ONLY for one in kept) > 1:
                lines.append("-# " + _("With several “only” filters, matching one is enough."))
        removers = [
            Press(partial(self._remove, one), label=_("Remove {number}").format(number=number))
            for number, one in enumerate(kept, 1)
        ]
        add = Press(
            self._ask,
            Reply.OWN,
            label=_("Add…"),
            style=discord.ButtonStyle.success,
            disabled=len(kept) >= subscription_filters.MOST,
        )
        blocks = (headed(_("Filters"), titled(interaction, self.pair), *lines), Row(*removers), Row(add))
        await self.display_card(interaction, *blocks)

    async def _ask(self, interaction: Interaction) -> None:
        """Open the window in which a filter is written."""
        look: dict[str, Any] = {"max_length": MAX_LENGTH, "required": False}
        syntax = _('Words, "an exact phrase", -without')
        only = Line("only", _("Only post articles with…"), description=syntax, **look)
        never = Line("never", _("Never post articles with…"), **look)
        await interaction.response.send_modal(Window(_("Add a filter"), self._try, only, never, view=self))

    async def _try(self, interaction: Interaction, only: str, never: str) -> None:
        """Show what the filters that were written would have done. Raises `Refusal`."""
        await start(interaction, self.pair, only.strip(), never.strip())
        self.stop()

    async def _remove(self, one: Filter, interaction: Interaction) -> None:
        subscription, _feed = await require_still(interaction, self.pair)
        there = await self.store.filters.remove(subscription.id, [one.id], person_id=self.person_id)
        await self.show(interaction, one if there else None)


def passed(trial: Trial) -> str:
    """How many of the newest articles get past the filters that a feed has."""
    return counted(
        "Filters let {posted} of the last {count} article through",
        "Filters let {posted} of the last {count} articles through",
        len(trial.outcomes),
        posted=amount(trial.posted),
    )


def _outcome(article: Article, by: tuple[Filter, ...], *, named: bool) -> tuple[str, str]:
    link, name = article_cards.title_forms(article)
    why = f"\n-# {filter_labels.listed(by, most=2)}" if named and by else ""
    mark = "🚫" if by else "✅"
    return f"{mark} {link}{why}", f"{mark} {name}{why}"


def _full() -> str:
    return clickable(
        ngettext(
            "A feed can have {count} filter per channel. Remove one first with /feed filter.",
            "A feed can have up to {count} filters per channel. Remove one first with /feed filter.",
            subscription_filters.MOST,
        )
    ).format(count=amount(subscription_filters.MOST))
