"""The panels of /feed filter. New filters are tried on recent articles before they are saved."""

from functools import partial
from typing import Any

import discord

from bot.core.i18n import _, format_count, format_number, linkify_commands, ngettext
from bot.core.models import Article
from bot.core.preferences import Filter, FilterMode
from bot.core.user_errors import UserFacingError
from bot.posting.rendering.layout.blocks import ActionRow, Block, text
from bot.posting.wording import filter_labels, search_note_sentences
from bot.search.query.query_parser import MAX_LENGTH
from bot.text import discord_text
from bot.watches import subscription_filters
from bot.watches.subscription_filters import FilterDryRun
from cogs.feeds.subscription_options import (
    FollowedFeed,
    SubscriptionPanel,
    bold_feed_name,
    require_current,
    subscription_title,
    unfollowed_text,
)
from cogs.shared import article_cards
from cogs.shared.modals import FormModal, TextField
from cogs.shared.paging import CardPage, CardPaginator
from cogs.shared.panels import heading_text
from cogs.shared.views import AckMode, ActionButton, Interaction

_PAGE_SIZE = 10
_MAX_QUERY_LENGTH = 150
"""Maximum length of a query in a list of filters, in characters."""

NewFilter = tuple[FilterMode, str]


async def open_filters(
    interaction: Interaction, pair: FollowedFeed, only: str | None, never: str | None
) -> None:
    """Try new filters on recent articles, or list the current ones.

    Raises `UserFacingError` if a filter is invalid, already there or one too many.
    """
    store, feed = interaction.client.store, pair[1]
    typed = [(rule, text) for rule, text in ((FilterMode.INCLUDE, only), (FilterMode.EXCLUDE, never)) if text]
    if not typed:
        await FilterList(interaction, pair).render(interaction)
        return
    queries = [
        (rule, subscription_filters.parse_filter_query(text, store.clock.now())) for rule, text in typed
    ]
    kept = await store.filters.by_subscription_id(pair[0].id)
    known = {(one.rule, one.query) for one in kept}
    wanted = [(rule, query.text) for rule, query in queries if (rule, query.text) not in known]
    if not wanted:
        raise UserFacingError(_("{feed} already has that filter there.").format(feed=bold_feed_name(feed)))
    if len(kept) + len(wanted) > subscription_filters.MAX_FILTERS_PER_SUBSCRIPTION:
        raise UserFacingError(_limit_reached_text())
    trial = await subscription_filters.dry_run_filters(
        store, feed.id, [*kept, *(Filter(0, *one) for one in wanted)]
    )
    notes = [search_note_sentences.note_sentence(note) for _rule, query in queries for note in query.notes]
    await FilterDryRunPages(interaction, pair, wanted, trial, notes).render(interaction)


class FilterDryRunPages(SubscriptionPanel, CardPaginator):
    """A preview of what new filters would have blocked, with a button that saves them."""

    def __init__(
        self,
        interaction: Interaction,
        pair: FollowedFeed,
        wanted: list[NewFilter],
        trial: FilterDryRun,
        notes: list[str],
    ) -> None:
        super().__init__(interaction, pair)
        self._wanted, self._trial, self._notes = wanted, trial, notes
        self._several = len({one for _article, by in trial.outcomes for one in by}) > 1

    async def load_page(self, interaction: Interaction, number: int) -> CardPage:
        """Return a page of recent articles, newest first, each with the verdict of the filters."""
        outcomes = self._trial.outcomes
        shown = outcomes[number * _PAGE_SIZE : (number + 1) * _PAGE_SIZE]
        if outcomes:
            title = format_count(
                "Would have posted {posted} of the last {count} article",
                "Would have posted {posted} of the last {count} articles",
                len(outcomes),
                posted=format_number(self._trial.posted_count),
            )
        else:
            title = _("I haven’t read this feed yet, so there’s nothing to test against")
        new = filter_labels.filter_list([Filter(0, *one) for one in self._wanted], length=_MAX_QUERY_LENGTH)
        notes = [f"-# {discord_text.to_markdown_line(note)}" for note in self._notes]
        told = [_outcome(article, by, named=self._several) for article, by in shown]
        green = discord.ButtonStyle.success
        blocks: list[Block] = [
            heading_text(title, subscription_title(interaction, self.followed_feed), new, *notes)
        ]
        if told:
            blocks.append(text(*("\n".join(forms) for forms in zip(*told, strict=True))))
        row = ActionRow(
            ActionButton(self._save, label=_("Save this filter"), style=green),
            ActionButton(self.cancel, label=_("Cancel")),
        )
        return CardPage(
            blocks=(*blocks, row), has_more=len(outcomes) > (number + 1) * _PAGE_SIZE, is_empty=not shown
        )

    async def _save(self, interaction: Interaction) -> None:
        subscription, feed = await require_current(interaction, self.followed_feed)
        saved = await self.store.filters.add(
            subscription.id,
            self._wanted,
            person_id=self.person_id,
            limit=subscription_filters.MAX_FILTERS_PER_SUBSCRIPTION,
        )
        if saved is None:
            raise UserFacingError(unfollowed_text())
        if not saved:
            raise UserFacingError(_limit_reached_text())
        kept = await self.store.filters.by_subscription_id(subscription.id)
        said = linkify_commands(
            _(
                "Saved. Filters of {feed} in <#{channel}>: {filters}. /why shows which filter kept "
                "an article out."
            )
        ).format(
            feed=bold_feed_name(feed),
            channel=subscription.channel_id,
            filters=filter_labels.filter_list(kept, most=subscription_filters.MAX_FILTERS_PER_SUBSCRIPTION),
        )
        await self.finish(interaction, said)


class FilterList(SubscriptionPanel):
    """The filters of a subscription, with buttons that remove and add filters."""

    async def render(self, interaction: Interaction, removed: Filter | None = None) -> None:
        store, (subscription, feed) = self.store, self.followed_feed
        kept = await store.filters.by_subscription_id(subscription.id)
        lines = [_("Removed: {filter}").format(filter=filter_labels.filter_label(removed)) if removed else ""]
        lines += [
            f"{number}. {filter_labels.filter_label(one, _MAX_QUERY_LENGTH)}"
            for number, one in enumerate(kept, 1)
        ]
        if not kept:
            lines.append(_("No filters: every article is posted."))
        else:
            trial = await subscription_filters.dry_run_filters(store, feed.id, kept)
            if trial.outcomes:
                lines.append(f"-# {pass_rate_text(trial)}")
            if sum(one.rule is FilterMode.INCLUDE for one in kept) > 1:
                lines.append("-# " + _("With several “only” filters, matching one is enough."))
        removers = [
            ActionButton(partial(self._remove, one), label=_("Remove {number}").format(number=number))
            for number, one in enumerate(kept, 1)
        ]
        add = ActionButton(
            self._ask,
            AckMode.MANUAL,
            label=_("Add…"),
            style=discord.ButtonStyle.success,
            disabled=len(kept) >= subscription_filters.MAX_FILTERS_PER_SUBSCRIPTION,
        )
        blocks = (
            heading_text(_("Filters"), subscription_title(interaction, self.followed_feed), *lines),
            ActionRow(*removers),
            ActionRow(add),
        )
        await self.display_card(interaction, *blocks)

    async def _ask(self, interaction: Interaction) -> None:
        """Open the modal for a new filter."""
        look: dict[str, Any] = {"max_length": MAX_LENGTH, "required": False}
        syntax = _('Words, "an exact phrase", -without')
        only = TextField("only", _("Only post articles with…"), description=syntax, **look)
        never = TextField("never", _("Never post articles with…"), **look)
        await interaction.response.send_modal(FormModal(_("Add a filter"), self._try, only, never, view=self))

    async def _try(self, interaction: Interaction, only: str, never: str) -> None:
        """Preview the filters from the modal. Raise `UserFacingError` if they are invalid."""
        await open_filters(interaction, self.followed_feed, only.strip(), never.strip())
        self.stop()

    async def _remove(self, one: Filter, interaction: Interaction) -> None:
        subscription, _feed = await require_current(interaction, self.followed_feed)
        there = await self.store.filters.remove(subscription.id, [one.id], person_id=self.person_id)
        await self.render(interaction, one if there else None)


def pass_rate_text(trial: FilterDryRun) -> str:
    """Return how many of the latest articles pass the filters of a feed."""
    return format_count(
        "Filters let {posted} of the last {count} article through",
        "Filters let {posted} of the last {count} articles through",
        len(trial.outcomes),
        posted=format_number(trial.posted_count),
    )


def _outcome(article: Article, by: tuple[Filter, ...], *, named: bool) -> tuple[str, str]:
    link, name = article_cards.title_variants(article)
    why = f"\n-# {filter_labels.filter_list(by, most=2)}" if named and by else ""
    mark = "🚫" if by else "✅"
    return f"{mark} {link}{why}", f"{mark} {name}{why}"


def _limit_reached_text() -> str:
    return linkify_commands(
        ngettext(
            "A feed can have {count} filter per channel. Remove one first with /feed filter.",
            "A feed can have up to {count} filters per channel. Remove one first with /feed filter.",
            subscription_filters.MAX_FILTERS_PER_SUBSCRIPTION,
        )
    ).format(count=format_number(subscription_filters.MAX_FILTERS_PER_SUBSCRIPTION))
