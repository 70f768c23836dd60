"""Muting of stories: the panel that asks for whom and how long, its buttons, and lists of muted stories.

New articles of a muted story are not posted in the channel, or not sent to the person, that muted it.
"""

from collections.abc import Sequence
from functools import partial

import discord

from bot.client import interaction_context
from bot.core.i18n import _, format_count, linkify_commands
from bot.core.models import Article
from bot.core.user_errors import UserFacingError
from bot.core.user_models import MutedStory
from bot.posting.rendering import buttons, discord_limits
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Layout, Section, text_block
from bot.posting.sending import message_targets
from bot.store.records.people_records import StorySize
from bot.stories.story_matching import LEAD_LENGTH
from bot.text import discord_text
from cogs.reading.message_articles import (
    choose_article,
    load_message_articles,
    require_readable_article,
    unreadable_article_text,
)
from cogs.shared import article_cards
from cogs.shared.authorization import can_use_manager_command, require_manager_command
from cogs.shared.channel_options import PostableChannel, find_postable_channel, require_visible
from cogs.shared.persistent_items import persistent_item
from cogs.shared.views import AckMode, ActionButton, Interaction, OwnedView, StringMenu, menu_option, reply

MAX_MUTED_STORIES_PER_USER = 10
"""Maximum number of stories that a person may have muted for themselves."""
MAX_MUTED_STORIES_PER_CHANNEL = 25
"""Maximum number of stories that may be muted in a channel: as many as a menu can list."""

_MANAGER_COMMAND = "settings"
"""Name of the command whose permissions a user needs to mute a story in a channel."""
_COLOUR = 0x80848E
"""Grey, as RGB: the colour of cards about muting."""
_DAY_SECONDS = 86_400
_MAX_TITLE_LENGTH, _MAX_LISTED_TITLE_LENGTH = 150, 60
"""Maximum lengths in UTF-16 units of the title of a story, alone and in a list."""
_FOR_ME_VALUE, _FOR_CHANNEL_VALUE = "me", "channel"
"""Values of the options of the menu that asks for whom to mute a story."""


@persistent_item(buttons.MUTE_STORY_ID_PATTERN)
async def mute_story_button(interaction: Interaction, _item: object, *, key: str) -> None:
    """Ask for whom and for how long to mute the story of an article."""
    await open_mute_panel(interaction, await require_readable_article(interaction, key))


@persistent_item(buttons.MUTE_CHOICE_BUTTON.id_pattern)
async def mute_choice_button(interaction: Interaction, _item: object) -> None:
    """Ask which story of a digest or notification to mute."""
    assert interaction.message is not None
    articles = await load_message_articles(interaction, interaction.message)
    await choose_article(
        interaction, articles[-discord_limits.MAX_OPTIONS :], open_mute_panel, _("Enough of which story?")
    )


@persistent_item(buttons.UNDO_MUTE_BUTTON.id_pattern, AckMode.UPDATE_MESSAGE)
async def undo_mute_button(interaction: Interaction, _item: object, *, muted_story_id: str) -> None:
    """Undo a mute, if the user may."""
    muted_story = await interaction.client.store.muted_stories.get(int(muted_story_id))
    if muted_story is None or not await _can_undo(interaction, muted_story):
        raise UserFacingError(_("This story isn’t muted anymore."))
    await undo_mutes(interaction, [muted_story])
    title = discord_text.to_markdown_line(muted_story.title, _MAX_TITLE_LENGTH)
    await reply(interaction, _build_card(text_block(_("🔔 **{title}** isn’t muted anymore.").format(title=title))))


async def _can_undo(interaction: Interaction, muted_story: MutedStory) -> bool:
    """Return whether the user may undo a story's mute: their own, or one for a channel of this server that they manage.

    For a channel's mute, raises `NotAuthorized` if the user is no manager, and `UserFacingError` if they cannot see
    the channel.
    """
    if muted_story.owner_id is not None:
        return muted_story.owner_id == interaction.user.id
    if muted_story.server_id != interaction.guild_id:
        return False
    await require_manager_command(interaction, _MANAGER_COMMAND)
    await require_visible(interaction, muted_story.channel_id)
    return True


async def undo_mutes(interaction: Interaction, muted_stories: Sequence[MutedStory]) -> None:
    """Undo mutes of stories, and have the messages sent at once that the mutes have just held back."""
    for muted_story in muted_stories:
        await interaction.client.store.muted_stories.undo(muted_story.id, user_id=interaction.user.id)
    interaction.client.outbox_relay.wake()


async def open_mute_panel(interaction: Interaction, article: Article) -> None:
    """Show the panel that mutes the story of an article in the reply to an acknowledged interaction."""
    story_size = await interaction.client.store.muted_stories.measure_story(
        article.id,
        interaction_context.get_home_server_id(interaction),
        await interaction.client.load_visible_feed_ids(interaction),
    )
    await MuteStoryPanel(interaction, article, story_size, await _find_muting_channel(interaction)).render(interaction)


async def _find_muting_channel(interaction: Interaction) -> PostableChannel | None:
    """Return the channel in which the user can mute the story for everyone, or None.

    It is the channel or thread that the user is in, or else the parent channel of the thread, if it follows feeds and
    the user may manage it.
    """
    guild, channel = interaction_context.get_home_server(interaction), interaction.channel
    if guild is None or channel is None or not await can_use_manager_command(interaction, _MANAGER_COMMAND):
        return None
    for channel_id in (channel.id, getattr(channel, "parent_id", None)):
        if channel_id is not None and await interaction.client.store.subscriptions.load_feed_ids([channel_id]):
            return await find_postable_channel(guild, channel_id)
    return None


class MuteStoryPanel(OwnedView):
    """Panel that mutes a story for the user or, if `channel` is not None, for everyone in this channel."""

    def __init__(
        self, interaction: Interaction, article: Article, story_size: StorySize, channel: PostableChannel | None
    ) -> None:
        super().__init__(interaction)
        self._article, self._story_size, self._channel = article, story_size, channel
        self._is_for_channel = False

    async def render(self, interaction: Interaction) -> None:
        heading = _("Enough of this story?")
        size_line = format_count(
            "and whatever follows it · {count} article from {outlets} so far",
            "and whatever follows it · {count} articles from {outlets} so far",
            self._story_size.article_count,
            outlets=format_count("{count} outlet", "{count} outlets", self._story_size.outlet_count),
        )
        title_variants = article_cards.title_variants(self._article)
        await self.display_card(
            interaction,
            text_block(*(f"### {heading}\n**{title}**\n-# {size_line}" for title in title_variants)),
            *self._build_audience_menu(),
            ActionRow(
                ActionButton(partial(self._mute_story, 3 * _DAY_SECONDS), label=_("3 days")),
                ActionButton(partial(self._mute_story, 7 * _DAY_SECONDS), label=_("A week")),
                ActionButton(partial(self._mute_story, None), label=_("Until I undo it")),
                ActionButton(self.cancel, label=_("Cancel")),
            ),
            text_block(f"-# {_build_availability_note(is_for_channel=self._channel is not None)}"),
            colour=_COLOUR,
        )

    def _build_audience_menu(self) -> list[Block]:
        if self._channel is None:
            return []
        options = [
            menu_option(
                _("For me"),
                _FOR_ME_VALUE,
                _("My DMs, digest and latest articles. Channels keep their posts."),
                is_default=not self._is_for_channel,
            ),
            menu_option(
                _("For everyone in #{channel}").format(channel=self._channel.name),
                _FOR_CHANNEL_VALUE,
                _("Its posts and its digest. For managers only."),
                is_default=self._is_for_channel,
            ),
        ]
        return [ActionRow(StringMenu(self._select_audience, options=options))]

    async def _select_audience(self, _interaction: Interaction, selected_values: list[str]) -> None:
        self._is_for_channel = selected_values == [_FOR_CHANNEL_VALUE]

    async def _mute_story(self, duration_seconds: int | None, interaction: Interaction) -> None:
        channel = self._channel if self._is_for_channel else None
        if channel is not None:
            await require_manager_command(interaction, _MANAGER_COMMAND)
            await require_visible(interaction, channel.id)
        feed_ids = await self.client.load_visible_feed_ids(interaction)
        now = self.client.services.clock.now()
        muted_story = await self.store.muted_stories.mute(
            self._article.id,
            channel_id=await _open_dm_channel_id(interaction) if channel is None else channel.id,
            server_id=interaction_context.get_home_server_id(interaction),
            user_id=self.user_id,
            is_personal=channel is None,
            feed_ids=feed_ids,
            muted_until=None if duration_seconds is None else now + duration_seconds,
            lead_length=LEAD_LENGTH,
            limit=MAX_MUTED_STORIES_PER_USER if channel is None else MAX_MUTED_STORIES_PER_CHANNEL,
        )
        if muted_story is None:
            stored_articles = await self.store.articles.list_by_ids([self._article.id])
            raise UserFacingError(_explain_limit(channel) if stored_articles else unreadable_article_text())
        self.client.outbox_relay.wake()
        await self.finish(interaction, _build_confirmation(muted_story))


async def _open_dm_channel_id(interaction: Interaction) -> int:
    """Return the id of the channel of the user's direct messages, which is opened if necessary.

    Raises `UserFacingError` if Discord does not open it.
    """
    dm_channel = await message_targets.open_dm(interaction.client, interaction.user.id)
    if not isinstance(dm_channel, discord.DMChannel):
        raise UserFacingError(_("I can’t reach that channel right now. Try again later."))
    return dm_channel.id


def _explain_limit(channel: PostableChannel | None) -> str:
    if channel is None:
        return linkify_commands(
            format_count(
                "You’ve already muted {count} story. Undo it in /watch list first.",
                "You’ve already muted {count} stories. Undo one in /watch list first.",
                MAX_MUTED_STORIES_PER_USER,
            )
        )
    return linkify_commands(
        format_count(
            "{channel} has already muted {count} story. Undo it in /settings stories first.",
            "{channel} has already muted {count} stories. Undo one in /settings stories first.",
            MAX_MUTED_STORIES_PER_CHANNEL,
            channel=channel.mention,
        )
    )


def _build_confirmation(muted_story: MutedStory) -> Layout:
    """Return the message that says what is muted, with a button that undoes it."""
    if muted_story.owner_id is not None:
        template = (
            _("🔕 Nothing more on **{title}** for you.")
            if muted_story.muted_until is None
            else _("🔕 Nothing more on **{title}** for you until {date}.")
        )
    else:
        template = (
            _("🔕 Nothing more on **{title}** in {channel}.")
            if muted_story.muted_until is None
            else _("🔕 Nothing more on **{title}** in {channel} until {date}.")
        )
    sentence = template.format(
        title=discord_text.to_markdown_line(muted_story.title, _MAX_TITLE_LENGTH),
        channel=f"<#{muted_story.channel_id}>",
        date=f"<t:{muted_story.muted_until}:D>",
    )
    note = _build_availability_note(is_for_channel=muted_story.owner_id is None)
    return _build_card(Section((text_block(f"{sentence}\n-# {note}"),), buttons.UNDO_MUTE_BUTTON(muted_story.id)))


def _build_availability_note(*, is_for_channel: bool) -> str:
    """Return the sentence that says where the articles of a muted story can still be found."""
    if is_for_channel:
        return linkify_commands(_("It all stays in /search."))
    return linkify_commands(_("Channels keep their posts. It all stays in /search."))


def _build_card(*card_blocks: Block) -> Layout:
    return (Card(card_blocks, _COLOUR),)


def build_mute_list(
    view: OwnedView, muted_stories: Sequence[MutedStory], *, names_user: bool = False
) -> tuple[Block, ...]:
    """Return the section of a panel that lists muted stories, with a menu that undoes them; empty if there are none.

    With `names_user`, each line says who muted the story. The panel must check the user's rights at each click.
    """
    if not muted_stories:
        return ()

    async def undo_selected(interaction: Interaction, selected_values: list[str]) -> None:
        await undo_mutes(interaction, [story for story in muted_stories if str(story.id) in selected_values])
        view.has_saved = True

    heading = _("Muted stories")
    lines = [f"**{heading}**", *(_format_mute_line(story, names_user=names_user) for story in muted_stories)]
    options = [menu_option(story.title, story.id) for story in muted_stories]
    undo_menu = StringMenu(undo_selected, placeholder=_("Undo…"), options=options, max_values=len(options))
    return text_block("\n".join(lines)), ActionRow(undo_menu)


def _format_mute_line(muted_story: MutedStory, *, names_user: bool) -> str:
    details = (
        _("until you undo it")
        if muted_story.muted_until is None
        else _("until {date}").format(date=f"<t:{muted_story.muted_until}:D>")
    )
    if names_user and muted_story.user_id is not None:
        details += f" · <@{muted_story.user_id}>"
    return f"🔕 {discord_text.to_markdown_line(muted_story.title, _MAX_LISTED_TITLE_LENGTH)}\n-# {details}"
