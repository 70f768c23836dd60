"""Panels of /feed filter, and what filters apply to: a feed in a channel, a channel or the server.

New filters are tried on recent articles before they are saved."""

from functools import partial
from typing import Any, NamedTuple

import discord
from discord.app_commands import Choice

from bot.core import local_time
from bot.core.i18n import _, format_count, format_number, linkify_commands, ngettext
from bot.core.models import Article
from bot.core.preferences import Filter, FilterMode, FilterPlace, FilterScope
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout.blocks import ActionRow, Block, text_block
from bot.posting.wording import filter_labels, search_note_sentences
from bot.posting.wording.feed_names import bold_feed_name
from bot.search.query.query_parser import MAX_QUERY_LENGTH
from bot.text import discord_text
from bot.text.times.end_dates import parse_end
from bot.text.words import fold
from bot.watches import subscription_filters
from bot.watches.subscription_filters import FilterDryRun
from cogs.feeds import subscription_options
from cogs.feeds.subscription_options import FollowedFeed
from cogs.shared import article_cards, channel_options
from cogs.shared.authorization import ManagersPanel
from cogs.shared.modals import FormModal, TextField
from cogs.shared.paging import CardPage, CardPaginator
from cogs.shared.panels import heading_block
from cogs.shared.views import AckMode, ActionButton, Interaction

_SERVER_VALUE = "server"
"""Value of the autocomplete choice of the server."""
_CHANNEL_VALUE_PREFIX = "channel:"
"""Beginning of the value of a channel's autocomplete choice; the id of the channel follows."""


class FilterTarget(NamedTuple):
    """Place of filters (feed in a channel, channel or server), its name as Markdown, and ids of its visible feeds."""

    place: FilterPlace
    name: str
    feed_ids: tuple[int, ...]

    @property
    def is_feed(self) -> bool:
        """Whether the target is one feed in one channel."""
        return self.place.scope is FilterScope.FEED


class FilterTargetPanel(ManagersPanel):
    """Panel on filters of a feed in a channel, a channel or the server, for users who manage feeds and can see it."""

    def __init__(self, interaction: Interaction, target: FilterTarget) -> None:
        super().__init__(interaction)
        self.target = target

    async def authorize(self, interaction: Interaction) -> None:
        await super().authorize(interaction)
        await require_current_target(interaction, self.target)


def target_of_feed(followed_feed: FollowedFeed) -> FilterTarget:
    """Return a feed in a channel as the target of filters."""
    subscription, feed = followed_feed
    name = _("{feed} in {channel}").format(feed=bold_feed_name(feed), channel=f"<#{subscription.channel_id}>")
    return FilterTarget(FilterPlace(subscription.id), name, (feed.id,))


async def find_target_choices(interaction: Interaction, typed_text: str) -> list[Choice[str]]:
    """Return autocomplete choices for the server, for its channels with feeds, and for feeds in channels."""
    feed_choices = await subscription_options.find_subscription_choices(interaction, typed_text)
    followed_feeds = await subscription_options.list_readable_subscriptions(interaction)
    if not followed_feeds or interaction.guild is None:
        return feed_choices
    multi_feed_choices = [Choice(name=_("Everything in this server"), value=_SERVER_VALUE)]
    channel_ids = dict.fromkeys(
        filtered_id
        for followed_feed in followed_feeds
        for filtered_id in _list_filtered_channel_ids(interaction.guild, followed_feed.subscription.channel_id)
    )
    for channel_id in sorted(channel_ids, key=lambda channel_id: channel_id != interaction.channel_id):
        channel = channel_options.channel_name(interaction.guild, channel_id)
        label = discord_text.to_plain_line(
            _("Everything in {channel}").format(channel=channel), discord_limits.MAX_CHOICE_NAME_LENGTH
        )
        multi_feed_choices.append(Choice(name=label, value=f"{_CHANNEL_VALUE_PREFIX}{channel_id}"))
    multi_feed_choices = [choice for choice in multi_feed_choices if fold(typed_text) in fold(choice.name)]
    # The server and the current channel come first, the other channels after the feeds.
    return (multi_feed_choices[:2] + feed_choices + multi_feed_choices[2:])[: discord_limits.MAX_CHOICES]


async def resolve_target(interaction: Interaction, selection: str) -> FilterTarget:
    """Return what a command option selects for filters, by the value of an autocomplete choice, or a feed by its name.

    Raises `UserFacingError` if nothing or several feeds match, the user cannot see the channel, or there are neither
    feeds that the user can see nor filters.
    """
    assert interaction.guild is not None
    if selection == _SERVER_VALUE:
        return await _build_multi_feed_target(interaction, FilterPlace(interaction.guild.id, FilterScope.SERVER))
    channel_id_text = selection.removeprefix(_CHANNEL_VALUE_PREFIX)
    if channel_id_text != selection and channel_id_text.isdecimal():
        channel = await channel_options.require_existing_channel(interaction, int(channel_id_text))
        return await _build_multi_feed_target(interaction, FilterPlace(channel.id, FilterScope.CHANNEL))
    return target_of_feed(await subscription_options.resolve_subscription(interaction, selection))


async def require_current_target(interaction: Interaction, target: FilterTarget) -> FilterTarget:
    """Return what filters apply to, as it is now: a feed in a channel is read again, a channel or server is unchanged.

    Raises `UserFacingError` if it no longer exists or the user can no longer see it.
    """
    if not target.is_feed:
        if target.place.scope is FilterScope.CHANNEL:
            await channel_options.require_existing_channel(interaction, target.place.id)
        return target
    for followed_feed in await subscription_options.list_visible_subscriptions(interaction):
        if followed_feed.subscription.id == target.place.id:
            return target_of_feed(followed_feed)
    raise UserFacingError(subscription_options.unfollowed_text())


async def _build_multi_feed_target(interaction: Interaction, place: FilterPlace) -> FilterTarget:
    store = interaction.client.store
    followed_feeds = await subscription_options.list_readable_subscriptions(interaction)
    name = _("Everything in this server")
    if place.scope is FilterScope.CHANNEL:
        channel_ids = {place.id, *await store.servers.list_thread_ids(place.id)}
        followed_feeds = [feed for feed in followed_feeds if feed.subscription.channel_id in channel_ids]
        has_threads = any(followed_feed.subscription.channel_id != place.id for followed_feed in followed_feeds)
        template = _("Everything in {channel} and its threads") if has_threads else _("Everything in {channel}")
        name = template.format(channel=f"<#{place.id}>")
    feed_ids = dict.fromkeys(followed_feed.feed.id for followed_feed in followed_feeds)
    if not feed_ids and not await store.filters.list_by_place(place):
        raise UserFacingError(_("No feeds there yet, so there’s nothing to filter."))
    return FilterTarget(place, name, tuple(feed_ids))


def _list_filtered_channel_ids(guild: discord.Guild, channel_id: int) -> tuple[int, ...]:
    """Return the channels whose filters apply in a channel or thread: its own, and those of a thread's parent."""
    thread = guild.get_thread(channel_id)
    return (channel_id,) if thread is None else (channel_id, thread.parent_id)


_PAGE_SIZE = 10
"""Number of articles on a page of the preview of filters."""
_MAX_QUERY_LENGTH = 150
"""Maximum length in UTF-16 units of a query that a list of filters shows."""
MAX_END_LENGTH = 80
"""Maximum length in characters of the text for the end date of a filter."""


async def open_filters(
    interaction: Interaction, target: FilterTarget, only: str | None, never: str | None, until: str | None
) -> None:
    """Preview new filters on recent articles; without `only` and `never`, list the current filters.

    `only` and `never` are the queries of a new filter that articles must match, and must not match; `until` is the
    end of both as text. Raises RequestRejected if a query is invalid, and `UserFacingError` if the end is, the target
    cannot have such a filter, the filters exist already, or there would be too many.
    """
    store = interaction.client.store
    typed_filters = [
        (mode, query_text)
        for mode, query_text in ((FilterMode.INCLUDE, only), (FilterMode.EXCLUDE, never))
        if query_text
    ]
    if not typed_filters:
        if until:
            raise UserFacingError(_("An end date needs a filter. Say what to keep out, too."))
        await FilterList(interaction, target).render(interaction)
        return
    if only and not target.is_feed:
        raise UserFacingError(_("“Only” works for one feed. For everything, use “never”."))
    parsed_filters = [
        (mode, subscription_filters.parse_filter_query(query_text, store.clock.now()))
        for mode, query_text in typed_filters
    ]
    ends_at = await _parse_end_date(interaction, until) if until else None
    own_filters = await store.filters.list_by_place(target.place)
    new_filters = [Filter(0, mode, query.text, ends_at, target.place.scope) for mode, query in parsed_filters]
    existing_filters = {own_filter._replace(id=0) for own_filter in own_filters}
    new_filters = [new_filter for new_filter in new_filters if new_filter not in existing_filters]
    if not new_filters:
        raise UserFacingError(_("That filter is already there."))
    replaced_filters = _find_filters_with_same_rule(own_filters, new_filters)
    remaining_filters = [
        own_filter
        for own_filter in own_filters
        if own_filter not in replaced_filters and not own_filter.has_ended(store.clock.now())
    ]
    if len(remaining_filters) + len(new_filters) > subscription_filters.MAX_FILTERS_PER_PLACE:
        raise UserFacingError(_limit_reached_text())
    applying_filters = await store.filters.list_applying(target.place)
    dry_run = await subscription_filters.dry_run_filters(store, target.feed_ids, [*applying_filters, *new_filters])
    note_sentences = [
        search_note_sentences.note_sentence(note) for _mode, query in parsed_filters for note in query.notes
    ]
    await FilterDryRunPages(interaction, target, new_filters, dry_run, note_sentences).render(interaction)


async def _parse_end_date(interaction: Interaction, text: str) -> int:
    """Return the end of a filter that a text names, in the server's time zone, as Unix time in seconds.

    Raises `UserFacingError` if the text names no date, or one in the past.
    """
    store, now = interaction.client.store, interaction.client.services.clock.now()
    zone_name = (await store.preferences.get_by_server(interaction.guild_id or 0)).time_zone
    ends_at = parse_end(text, now, local_time.load_zone(zone_name))
    if ends_at is None:
        raise UserFacingError(
            _("I can’t read “{text}” as a date. Try 20 July, 3 days or 2027-07-20.").format(
                text=discord_text.to_markdown_line(text, MAX_END_LENGTH)
            )
        )
    if ends_at <= now:
        raise UserFacingError(_("{date} is in the past. Choose a later end.").format(date=f"<t:{ends_at - 1}:D>"))
    return ends_at


def _find_filters_with_same_rule(filters: list[Filter], new_filters: list[Filter]) -> list[Filter]:
    """Return the filters with the same mode (post only, or never) and the same query as one of the new filters."""
    new_rules = {(new_filter.mode, new_filter.query) for new_filter in new_filters}
    return [old_filter for old_filter in filters if (old_filter.mode, old_filter.query) in new_rules]


class FilterDryRunPages(FilterTargetPanel, CardPaginator):
    """Preview of what new filters would have blocked, with a button that saves the filters, and one to undo that."""

    def __init__(
        self,
        interaction: Interaction,
        target: FilterTarget,
        new_filters: list[Filter],
        dry_run: FilterDryRun,
        note_sentences: list[str],
    ) -> None:
        super().__init__(interaction, target)
        self._new_filters, self._dry_run, self._note_sentences = new_filters, dry_run, note_sentences
        self._replaced_filters: list[Filter] = []
        self._has_several_filters = (
            len(
                {
                    filter_
                    for _article, blocking_filters in dry_run.articles_with_filters
                    for filter_ in blocking_filters
                }
            )
            > 1
        )

    async def load_page(self, _interaction: Interaction, page_index: int) -> CardPage:
        """Return a page of recent articles, newest first, each with the filters that would block it."""
        outcomes = self._dry_run.articles_with_filters
        page_outcomes = outcomes[page_index * _PAGE_SIZE : (page_index + 1) * _PAGE_SIZE]
        filters_text = filter_labels.filter_list_text(
            self._new_filters, max_query_length=_MAX_QUERY_LENGTH, with_scope=False
        )
        notes = [f"-# {discord_text.to_markdown_line(note)}" for note in self._note_sentences]
        outcome_texts = [
            _build_outcome_variants(article, blocking_filters, is_filter_named=self._has_several_filters)
            for article, blocking_filters in page_outcomes
        ]
        button_style = discord.ButtonStyle.success
        blocks: list[Block] = [heading_block(self._build_title(), self.target.name, filters_text, *notes)]
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

    def _build_title(self) -> str:
        count, posted_count = len(self._dry_run.articles_with_filters), self._dry_run.posted_count
        if not count:
            return _("No articles yet, so there’s nothing to test against")
        if not self.target.is_feed:  # Each feed's own filters apply, too.
            return format_count(
                "Would have kept out {blocked} of the last {count} article",
                "Would have kept out {blocked} of the last {count} articles",
                count,
                blocked=format_number(count - posted_count),
            )
        return format_count(
            "Would have posted {posted} of the last {count} article",
            "Would have posted {posted} of the last {count} articles",
            count,
            posted=format_number(posted_count),
        )

    async def _save(self, interaction: Interaction) -> None:
        target, filters = await require_current_target(interaction, self.target), self.store.filters
        self._replaced_filters = _find_filters_with_same_rule(
            await filters.list_by_place(target.place), self._new_filters
        )
        await self._add_filters(self._new_filters, self._new_filters[0].ends_at)
        own_filters = await filters.list_by_place(target.place)
        confirmation = linkify_commands(
            _("Saved. {place}: {filters}. /why shows which filter kept an article out.")
        ).format(
            place=target.name,
            filters=filter_labels.filter_list_text(
                [own_filter for own_filter in own_filters if not own_filter.has_ended(self.store.clock.now())],
                max_filters=subscription_filters.MAX_FILTERS_PER_PLACE,
                with_scope=False,
            ),
        )
        undo_button = ActionButton(self._undo, label=_("Undo the change"))
        await self.display(interaction, (text_block(confirmation), ActionRow(undo_button)))

    async def _undo(self, interaction: Interaction) -> None:
        """Remove the filters that were saved, and restore the filters that they replaced, with their end dates."""
        saved_filters = _find_filters_with_same_rule(
            await self.store.filters.list_by_place(self.target.place), self._new_filters
        )
        await self.store.filters.remove(
            self.target.place, [saved_filter.id for saved_filter in saved_filters], user_id=self.user_id
        )
        for replaced_filter in self._replaced_filters:
            await self._add_filters([replaced_filter], replaced_filter.ends_at)
        await self.finish(
            interaction,
            _("Undone: {filters}").format(
                filters=filter_labels.filter_list_text(self._new_filters, max_query_length=_MAX_QUERY_LENGTH)
            ),
        )

    async def _add_filters(self, filters: list[Filter], ends_at: int | None) -> None:
        has_room = await self.store.filters.add(
            self.target.place,
            [(new_filter.mode, new_filter.query) for new_filter in filters],
            user_id=self.user_id,
            limit=subscription_filters.MAX_FILTERS_PER_PLACE,
            ends_at=ends_at,
        )
        if has_room is None:  # The place is gone.
            raise UserFacingError(subscription_options.unfollowed_text())
        if not has_room:
            raise UserFacingError(_limit_reached_text())


class FilterList(FilterTargetPanel):
    """List of the filters of a feed in a channel, a channel or the server, with buttons that remove and add filters."""

    async def render(self, interaction: Interaction, removed_filter: Filter | None = None) -> None:
        store, now = self.store, self.store.clock.now()
        own_filters = await store.filters.list_by_place(self.target.place)
        ended_filters = [own_filter for own_filter in own_filters if own_filter.has_ended(now)]
        own_filters = [own_filter for own_filter in own_filters if not own_filter.has_ended(now)]
        applying_filters = await store.filters.list_applying(self.target.place)
        text_lines = [
            _("Removed: {filter}").format(filter=filter_labels.filter_label(removed_filter)) if removed_filter else ""
        ]
        text_lines += [
            f"{number}. {filter_labels.filter_label(own_filter, _MAX_QUERY_LENGTH, with_scope=False)}"
            for number, own_filter in enumerate(own_filters, 1)
        ]
        text_lines += [
            f"- {filter_labels.filter_label(filter_of_other_scope, _MAX_QUERY_LENGTH)}"
            for filter_of_other_scope in applying_filters
            if filter_of_other_scope.scope is not self.target.place.scope
        ]
        if not applying_filters:
            text_lines.append(_("No filters: every article is posted."))
        else:
            dry_run = await subscription_filters.dry_run_filters(store, self.target.feed_ids, applying_filters)
            if dry_run.articles_with_filters:
                text_lines.append(f"-# {pass_rate_text(dry_run)}")
            if sum(own_filter.mode is FilterMode.INCLUDE for own_filter in own_filters) > 1:
                text_lines.append("-# " + _("With several “only” filters, matching one is enough."))
        text_lines += [f"-# {_ended_line(ended_filter)}" for ended_filter in ended_filters]
        remove_buttons = [
            ActionButton(
                partial(self._remove, removable_filter),
                label=_("Remove {number}").format(number=filter_number),
            )
            for filter_number, removable_filter in enumerate(own_filters, 1)
        ]
        add_button = ActionButton(
            self._open_modal,
            AckMode.MANUAL,
            label=_("Add…"),
            style=discord.ButtonStyle.success,
            disabled=len(own_filters) >= subscription_filters.MAX_FILTERS_PER_PLACE,
        )
        blocks = (
            heading_block(_("Filters"), self.target.name, *text_lines),
            ActionRow(*remove_buttons),
            ActionRow(add_button),
        )
        await self.display_card(interaction, *blocks)

    async def _open_modal(self, interaction: Interaction) -> None:
        """Open the modal for the queries and the end of new filters."""
        field_kwargs: dict[str, Any] = {"max_length": MAX_QUERY_LENGTH, "required": False}
        fields = [
            TextField("only", _("Only post articles with…"), **field_kwargs),
            TextField(
                "never",
                _("Never post articles with…"),
                description=_('Words, "an exact phrase", -without'),
                **field_kwargs,
            ),
            TextField(
                "until",
                _("Until"),
                description=_("20 July, 3 days… Leave empty for no end"),
                required=False,
                max_length=MAX_END_LENGTH,
            ),
        ]
        shown_fields = fields if self.target.is_feed else fields[1:]
        await interaction.response.send_modal(FormModal(_("Add a filter"), self._preview, *shown_fields, view=self))

    async def _preview(self, interaction: Interaction, *texts: str) -> None:
        """Preview the filters that were typed in the modal; without any, list the current filters.

        Raises `UserFacingError` or RequestRejected if they are invalid.
        """
        *only_texts, never, until = (text.strip() for text in texts)
        await open_filters(interaction, self.target, "".join(only_texts), never, until)
        self.stop()

    async def _remove(self, filter_: Filter, interaction: Interaction) -> None:
        target = await require_current_target(interaction, self.target)
        is_removed = await self.store.filters.remove(target.place, [filter_.id], user_id=self.user_id)
        await self.render(interaction, filter_ if is_removed else None)


def _ended_line(ended_filter: Filter) -> str:
    return _("{filter} · ended {when}").format(
        filter=filter_labels.filter_label(ended_filter._replace(ends_at=None), _MAX_QUERY_LENGTH, with_scope=False),
        when=f"<t:{ended_filter.ends_at}:R>",
    )


def pass_rate_text(dry_run: FilterDryRun) -> str:
    """Return a sentence on how many of the latest articles pass the filters that were tried."""
    return format_count(
        "Filters let {posted} of the last {count} article through",
        "Filters let {posted} of the last {count} articles through",
        len(dry_run.articles_with_filters),
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
            "There can be {count} filter here. Remove it first with /feed filter.",
            "There can be up to {count} filters here. Remove one first with /feed filter.",
            subscription_filters.MAX_FILTERS_PER_PLACE,
        )
    ).format(count=format_number(subscription_filters.MAX_FILTERS_PER_PLACE))
