"""Panels of /feed filter. New filters are tried on recent articles before they are saved."""

from functools import partial
from typing import Any

import discord

from bot.core.i18n import _, format_count, format_number, linkify_commands, ngettext
from bot.core.models import Article
from bot.core.preferences import Filter, FilterMode
from bot.core.user_errors import UserFacingError
from bot.posting.rendering.layout.blocks import ActionRow, Block, text_block
from bot.posting.wording import filter_labels, search_note_sentences
from bot.search.query.query_parser import MAX_QUERY_LENGTH
from bot.text import discord_text
from bot.watches import subscription_filters
from bot.watches.subscription_filters import FilterDryRun
from cogs.feeds.subscription_options import (
    FollowedFeed,
    SubscriptionPanel,
    bold_feed_name,
    require_current_subscription,
    subscription_title,
    unfollowed_text,
)
from cogs.shared import article_cards
from cogs.shared.modals import FormModal, TextField
from cogs.shared.paging import CardPage, CardPaginator
from cogs.shared.panels import heading_text
from cogs.shared.views import AckMode, ActionButton, Interaction

_PAGE_SIZE = 10
"""Number of articles on a page of what the filters would block."""
_MAX_QUERY_LENGTH = 150
"""Maximum length in characters of a query that a list of filters shows."""

NewFilter = tuple[FilterMode, str]
"""Mode and query of a filter that is not saved yet."""


async def open_filters(
    interaction: Interaction, followed_feed: FollowedFeed, only: str | None, never: str | None
) -> None:
    """Preview new filters on recent articles; without `only` and `never`, list the current filters.

    `only` and `never` are the queries of a new filter that articles must match, and must not match.
    Raises `UserFacingError` if a filter is invalid, exists already or exceeds the maximum number.
    """
    store, feed = interaction.client.store, followed_feed.feed
    typed_filters = [
        (mode, query_text)
        for mode, query_text in ((FilterMode.INCLUDE, only), (FilterMode.EXCLUDE, never))
        if query_text
    ]
    if not typed_filters:
        await FilterList(interaction, followed_feed).render(interaction)
        return
    parsed_filters = [
        (mode, subscription_filters.parse_filter_query(query_text, store.clock.now()))
        for mode, query_text in typed_filters
    ]
    filters = await store.filters.list_by_subscription(followed_feed.subscription.id)
    existing_filters = {(filter_.mode, filter_.query) for filter_ in filters}
    new_filters = [(mode, query.text) for mode, query in parsed_filters if (mode, query.text) not in existing_filters]
    if not new_filters:
        raise UserFacingError(_("{feed} already has that filter there.").format(feed=bold_feed_name(feed)))
    if len(filters) + len(new_filters) > subscription_filters.MAX_FILTERS_PER_SUBSCRIPTION:
        raise UserFacingError(_limit_reached_text())
    dry_run = await subscription_filters.dry_run_filters(
        store, feed.id, [*filters, *(Filter(0, *new_filter) for new_filter in new_filters)]
    )
    note_sentences = [
        search_note_sentences.note_sentence(note) for _mode, query in parsed_filters for note in query.notes
    ]
    await FilterDryRunPages(interaction, followed_feed, new_filters, dry_run, note_sentences).render(interaction)


class FilterDryRunPages(SubscriptionPanel, CardPaginator):
    """Preview of what new filters would have blocked, with a button that saves the filters."""

    def __init__(
        self,
        interaction: Interaction,
        followed_feed: FollowedFeed,
        new_filters: list[NewFilter],
        dry_run: FilterDryRun,
        note_sentences: list[str],
    ) -> None:
        super().__init__(interaction, followed_feed)
        self._new_filters, self._dry_run, self._note_sentences = new_filters, dry_run, note_sentences
        self._has_several_filters = (
            len({filter_ for _article, blocking_filters in dry_run.outcomes for filter_ in blocking_filters}) > 1
        )

    async def load_page(self, interaction: Interaction, page_index: int) -> CardPage:
        """Return a page of recent articles, newest first, each with the filters that would block it."""
        outcomes = self._dry_run.outcomes
        page_outcomes = outcomes[page_index * _PAGE_SIZE : (page_index + 1) * _PAGE_SIZE]
        if outcomes:
            title = format_count(
                "Would have posted {posted} of the last {count} article",
                "Would have posted {posted} of the last {count} articles",
                len(outcomes),
                posted=format_number(self._dry_run.posted_count),
            )
        else:
            title = _("I haven’t read this feed yet, so there’s nothing to test against")
        filters_text = filter_labels.filter_list_text(
            [Filter(0, *new_filter) for new_filter in self._new_filters], max_query_length=_MAX_QUERY_LENGTH
        )
        notes = [f"-# {discord_text.to_markdown_line(note)}" for note in self._note_sentences]
        outcome_texts = [
            _build_outcome_variants(article, blocking_filters, is_filter_named=self._has_several_filters)
            for article, blocking_filters in page_outcomes
        ]
        button_style = discord.ButtonStyle.success
        blocks: list[Block] = [
            heading_text(title, subscription_title(interaction, self.followed_feed), filters_text, *notes)
        ]
        if outcome_texts:
            blocks.append(text_block(*("\n".join(variants) for variants in zip(*outcome_texts, strict=True))))
        button_row = ActionRow(
            ActionButton(self._save, label=_("Save this filter"), style=button_style),
            ActionButton(self.cancel, label=_("Cancel")),
        )
        return CardPage(
            blocks=(*blocks, button_row),
            has_more=len(outcomes) > (page_index + 1) * _PAGE_SIZE,
            is_empty=not page_outcomes,
        )

    async def _save(self, interaction: Interaction) -> None:
        subscription, feed = await require_current_subscription(interaction, self.followed_feed)
        saved_filters = await self.store.filters.add(
            subscription.id,
            self._new_filters,
            user_id=self.user_id,
            limit=subscription_filters.MAX_FILTERS_PER_SUBSCRIPTION,
        )
        if saved_filters is None:
            raise UserFacingError(unfollowed_text())
        if not saved_filters:
            raise UserFacingError(_limit_reached_text())
        filters = await self.store.filters.list_by_subscription(subscription.id)
        confirmation = linkify_commands(
            _("Saved. Filters of {feed} in <#{channel}>: {filters}. /why shows which filter kept an article out.")
        ).format(
            feed=bold_feed_name(feed),
            channel=subscription.channel_id,
            filters=filter_labels.filter_list_text(
                filters, max_filters=subscription_filters.MAX_FILTERS_PER_SUBSCRIPTION
            ),
        )
        await self.finish(interaction, confirmation)


class FilterList(SubscriptionPanel):
    """List of the filters of a subscription, with buttons that remove and add filters."""

    async def render(self, interaction: Interaction, removed_filter: Filter | None = None) -> None:
        store, (subscription, feed) = self.store, self.followed_feed
        filters = await store.filters.list_by_subscription(subscription.id)
        text_lines = [
            _("Removed: {filter}").format(filter=filter_labels.filter_label(removed_filter)) if removed_filter else ""
        ]
        text_lines += [
            f"{number}. {filter_labels.filter_label(listed_filter, _MAX_QUERY_LENGTH)}"
            for number, listed_filter in enumerate(filters, 1)
        ]
        if not filters:
            text_lines.append(_("No filters: every article is posted."))
        else:
            dry_run = await subscription_filters.dry_run_filters(store, feed.id, filters)
            if dry_run.outcomes:
                text_lines.append(f"-# {pass_rate_text(dry_run)}")
            if sum(filter_.mode is FilterMode.INCLUDE for filter_ in filters) > 1:
                text_lines.append("-# " + _("With several “only” filters, matching one is enough."))
        remove_buttons = [
            ActionButton(
                partial(self._remove, removable_filter),
                label=_("Remove {number}").format(number=filter_number),
            )
            for filter_number, removable_filter in enumerate(filters, 1)
        ]
        add_button = ActionButton(
            self._open_modal,
            AckMode.MANUAL,
            label=_("Add…"),
            style=discord.ButtonStyle.success,
            disabled=len(filters) >= subscription_filters.MAX_FILTERS_PER_SUBSCRIPTION,
        )
        blocks = (
            heading_text(_("Filters"), subscription_title(interaction, self.followed_feed), *text_lines),
            ActionRow(*remove_buttons),
            ActionRow(add_button),
        )
        await self.display_card(interaction, *blocks)

    async def _open_modal(self, interaction: Interaction) -> None:
        """Open the modal for the query of a new filter."""
        field_kwargs: dict[str, Any] = {"max_length": MAX_QUERY_LENGTH, "required": False}
        syntax_hint = _('Words, "an exact phrase", -without')
        only_field = TextField("only", _("Only post articles with…"), description=syntax_hint, **field_kwargs)
        never_field = TextField("never", _("Never post articles with…"), **field_kwargs)
        await interaction.response.send_modal(
            FormModal(_("Add a filter"), self._preview, only_field, never_field, view=self)
        )

    async def _preview(self, interaction: Interaction, only: str, never: str) -> None:
        """Preview the filters that were typed in the modal. Raises `UserFacingError` if they are invalid."""
        await open_filters(interaction, self.followed_feed, only.strip(), never.strip())
        self.stop()

    async def _remove(self, filter_: Filter, interaction: Interaction) -> None:
        subscription, _feed = await require_current_subscription(interaction, self.followed_feed)
        is_removed = await self.store.filters.remove(subscription.id, [filter_.id], user_id=self.user_id)
        await self.render(interaction, filter_ if is_removed else None)


def pass_rate_text(dry_run: FilterDryRun) -> str:
    """Return a sentence on how many of a feed's latest articles pass the filters of a subscription."""
    return format_count(
        "Filters let {posted} of the last {count} article through",
        "Filters let {posted} of the last {count} articles through",
        len(dry_run.outcomes),
        posted=format_number(dry_run.posted_count),
    )


def _build_outcome_variants(
    article: Article, blocking_filters: tuple[Filter, ...], *, is_filter_named: bool
) -> tuple[str, str]:
    linked_title, plain_title = article_cards.title_variants(article)
    reason = (
        f"\n-# {filter_labels.filter_list_text(blocking_filters, max_filters=2)}"
        if is_filter_named and blocking_filters
        else ""
    )
    mark = "🚫" if blocking_filters else "✅"
    return f"{mark} {linked_title}{reason}", f"{mark} {plain_title}{reason}"


def _limit_reached_text() -> str:
    return linkify_commands(
        ngettext(
            "A feed can have {count} filter per channel. Remove one first with /feed filter.",
            "A feed can have up to {count} filters per channel. Remove one first with /feed filter.",
            subscription_filters.MAX_FILTERS_PER_SUBSCRIPTION,
        )
    ).format(count=format_number(subscription_filters.MAX_FILTERS_PER_SUBSCRIPTION))
