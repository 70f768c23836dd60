"""The menu behind the More button of a post: further actions on its article."""

from collections.abc import Sequence

import discord
from discord.app_commands import locale_str

from bot.client import interaction_context
from bot.client.discord_client import TelexBot
from bot.core import i18n
from bot.core.i18n import _
from bot.core.models import Article, Dispatch
from bot.core.setting_registry import TRANSLATE
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import buttons, posts, role_mentions
from bot.posting.rendering.layout import blocks, outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Section, Separator, text_block
from bot.posting.rendering.layout.icons import Icon, emoji_for
from bot.posting.rendering.messages import excerpt_markup, link_markup
from bot.posting.wording.permission_labels import permission_label
from bot.store.records.people_records import OpinionKind
from bot.text import discord_text
from bot.writing.article_translator import apply_stored_translation
from bot.writing.summarizer import Summarizer, SummaryFailure
from cogs.reading.message_articles import (
    call_with_message_article,
    can_see_post,
    find_clicked_post,
    require_readable_article,
    unreadable_article_text,
)
from cogs.shared import article_cards
from cogs.shared.persistent_items import PersistentItemCog, persistent_item
from cogs.shared.views import ActionButton, Interaction, OwnedView

_MAX_OUTLET_NAME_LENGTH = 60
"""Maximum length in UTF-16 units of an outlet's name in a link."""


class SummaryCog(PersistentItemCog):
    """Cog of the Summarize entry in the message menu, which is added only if a model can write summaries."""

    def __init__(self, bot: TelexBot) -> None:
        super().__init__(bot)
        if get_summarizer(bot) is not None:
            self.add_message_menu(
                locale_str("Summarize"),
                summarize_message,
                locale_str("summarize an article in two sentences"),
            )


async def summarize_message(interaction: Interaction, message: discord.Message) -> None:
    """Summarize the article of a post; if there are several, the user chooses one."""
    await call_with_message_article(
        interaction, message, _open_summary, placeholder=_("Which article should I summarize?")
    )


def get_summarizer(bot: TelexBot) -> Summarizer | None:
    """Return the client's summarizer, or None if no model can write summaries."""
    return None if bot.services.model_services is None else bot.services.model_services.summarizer


async def _open_summary(interaction: Interaction, article: Article) -> None:
    await SummaryCard(interaction, article).render(interaction)


class SummaryCard(OwnedView):
    """Card with the summary of an article."""

    def __init__(self, interaction: Interaction, article: Article) -> None:
        super().__init__(interaction)
        self._article = article

    async def render(self, interaction: Interaction) -> None:
        """Show the summary, after a placeholder if it has to be written first."""
        summarizer = get_summarizer(self.client)
        if summarizer is None:
            raise UserFacingError(unreadable_article_text())
        if await summarizer.load_cached([self._article], i18n.current_language()) is None:
            await self._show(interaction, writing_text())
        await self._show(interaction, await load_summary_markup(interaction, summarizer, self._article))

    async def _show(self, interaction: Interaction, summary: str) -> None:
        linked_title, _plain_title = article_cards.title_variants(self._article)
        card_blocks = (
            text_block(f"### {linked_title}\n{outlet_branding.byline_block(self._article).variants[0]}"),
            text_block(summary),
            Separator(),
            ActionRow(buttons.save_button(self._article.key), *buttons.make_open_buttons(self._article)),
        )
        colour = outlet_branding.outlet_colour(self._article.feed_id, self._article.outlet)
        await self.display_card(interaction, *card_blocks, colour=colour)


async def load_summary_markup(interaction: Interaction, summarizer: Summarizer, article: Article) -> str:
    """Return the summary as markup, each sentence with its source, or the reason why there is none."""
    summary = await summarizer.summarize(
        [article],
        i18n.current_language(),
        server_id=interaction_context.get_home_server_id(interaction),
        user_id=interaction.user.id,
    )
    if isinstance(summary, SummaryFailure):
        return _describe_failure(summary)
    linked_outlet = link_markup(
        discord_text.to_markdown_line(article.outlet, _MAX_OUTLET_NAME_LENGTH) or _("Source"), article.url
    )
    cited_sentences = (f"{discord_text.to_markdown_line(sentence)} ({linked_outlet})" for sentence in summary)
    disclaimer = _("Written by a language model from this article. It can be wrong: follow the link.")
    return "\n".join((*cited_sentences, f"-# {disclaimer}"))


def writing_text() -> str:
    """Return the placeholder that says that a summary is being written."""
    sentence = _("Writing a summary…")
    return f"-# ✍️ {sentence}"


def _describe_failure(reason: SummaryFailure) -> str:
    sentence_by_reason = {
        SummaryFailure.TOO_SHORT: _("This article is too short to summarize."),
        SummaryFailure.QUOTA_EXHAUSTED: _("Today’s limit for summaries has been reached. Try again tomorrow."),
        SummaryFailure.BUSY: _("I’m still writing your last summary. Try again in a moment."),
        SummaryFailure.NO_ANSWER: _("The language model isn’t answering. Try again in a minute."),
        SummaryFailure.NOT_SUPPORTED: _("No summary: the article doesn’t back up what the model wrote."),
    }
    return sentence_by_reason[reason]


_MAX_THREAD_NAME_LENGTH = 100
"""Maximum length in UTF-16 units of the name of a thread."""
_MAX_JOINED_ARTICLES = 6
"""Maximum number of listed articles that were added to the post later; each takes 3 of a message's 40 components."""
_MAX_AUTHOR_LENGTH, _MAX_TAG_LENGTH, _MAX_TAGS = 80, 30, 8
"""Maximum lengths in UTF-16 units of an author and of a tag, and maximum number of tags in the menu."""


@persistent_item(buttons.MORE_ID_PATTERN)
async def more_button(interaction: Interaction, _item: object, *, key: str, **_other_groups: str) -> None:
    """Show the More menu of the article in a post."""
    article, dispatch = await require_readable_article(interaction, key), await find_clicked_post(interaction)
    joined_articles: Sequence[Article] = ()
    if dispatch is not None and article.id in dispatch.article_ids and await can_see_post(interaction, dispatch):
        joined_articles = await interaction.client.store.articles.list_by_ids(dispatch.joined_article_ids)
    await MoreMenu(interaction, article, dispatch, joined_articles).open(interaction)


class MoreMenu(OwnedView):
    """Menu of actions on an article.

    `dispatch` is the post that the article is in, or None if unknown; `joined_articles` were added to the post later.
    """

    def __init__(
        self,
        interaction: Interaction,
        article: Article,
        dispatch: Dispatch | None,
        joined_articles: Sequence[Article],
    ) -> None:
        super().__init__(interaction)
        self._article, self._dispatch, self._joined_articles = article, dispatch, joined_articles
        self._opinion: OpinionKind | None = None

    async def authorize(self, interaction: Interaction) -> None:
        if self._article.feed_id not in await self.client.load_visible_feed_ids(interaction):
            raise UserFacingError(unreadable_article_text())

    async def open(self, interaction: Interaction) -> None:
        """In a server, record that the menu was opened; show it in the reply to an acknowledged interaction."""
        await self._record_opinion_and_display(interaction, OpinionKind.OPENED)

    async def _record_opinion_and_display(self, interaction: Interaction, opinion: OpinionKind) -> None:
        server_id = interaction_context.get_home_server_id(interaction)
        if server_id is not None:
            self._opinion = await self.store.opinions.record(
                opinion, server_id=server_id, user_id=self.user_id, article_id=self._article.id
            )
            self.client.services.preference_models.mark_changed(server_id)
        await self._display_menu(interaction)

    async def _display_menu(
        self,
        interaction: Interaction,
        notice: str = "",
        *,
        summary: str = "",
        has_notify_role: bool | None = None,
    ) -> None:
        is_in_server = interaction_context.get_home_server(interaction) is not None
        opinion_buttons = (
            [self._opinion_button(OpinionKind.LIKED), self._opinion_button(OpinionKind.DISLIKED)]
            if is_in_server
            else []
        )
        mute_button = buttons.mute_story_button(self._article.key)
        action_buttons: list[blocks.Item] = [buttons.MORE_LIKE_BUTTON(self._article.key)]
        if self._dispatch is not None and isinstance(
            _find_post_channel(interaction, self._dispatch), discord.TextChannel
        ):
            action_buttons.append(ActionButton(self._open_discussion, label=_("Discuss"), emoji=emoji_for(Icon.ASK)))
        if get_summarizer(self.client) is not None:
            action_buttons.append(ActionButton(self._summarize, label=_("Summarize"), emoji=emoji_for(Icon.NOTE)))
        notify_role = None if self._dispatch is None else await _find_notify_role(interaction, self._dispatch)
        if notify_role is not None:
            if has_notify_role is None:
                has_notify_role = isinstance(interaction.user, discord.Member) and notify_role in interaction.user.roles
            role_button_label = _("Stop notifying me") if has_notify_role else _("Notify me")
            action_buttons.append(
                ActionButton(self._toggle_notify_role, label=role_button_label, emoji=emoji_for(Icon.WATCH))
            )
        card_blocks: list[Block] = [blocks.text_block(_article_heading(self._article, *_detail_lines(self._article)))]
        if self._dispatch is not None and (
            original_text := await _render_original_text(interaction, self._article, self._dispatch)
        ):
            card_blocks += [Separator(), blocks.text_block(original_text)]
        if summary:
            card_blocks += [Separator(), blocks.text_block(summary)]
        if self._joined_articles:
            heading = _("Also on this story").upper()
            card_blocks += [Separator(), blocks.text_block(f"-# {heading}")]
            card_blocks += [
                Section((blocks.text_block(_article_heading(article)),), buttons.save_button(article.key))
                for article in self._joined_articles[:_MAX_JOINED_ARTICLES]
            ]
        card_blocks += [Separator(), ActionRow(*opinion_buttons, mute_button), ActionRow(*action_buttons)]
        card = Card(tuple(card_blocks), outlet_branding.outlet_colour(self._article.feed_id, self._article.outlet))
        await self.display(interaction, (card, blocks.text_block(notice)))

    async def _open_discussion(self, interaction: Interaction) -> None:
        assert self._dispatch is not None
        channel = _find_post_channel(interaction, self._dispatch)
        member = interaction.user
        if not isinstance(channel, discord.TextChannel) or not isinstance(member, discord.Member):
            raise UserFacingError(unreadable_article_text())
        if not await can_see_post(interaction, self._dispatch) or self._dispatch.message_id is None:
            raise UserFacingError(unreadable_article_text())
        thread = await find_thread(channel, self._dispatch.message_id)
        if thread is None:
            _require_thread_permissions(channel, member)
            thread_name = discord_text.to_plain_line(
                self._article.title, _MAX_THREAD_NAME_LENGTH
            ) or discord_text.to_plain_line(self._article.outlet, _MAX_THREAD_NAME_LENGTH)
            try:
                thread = await get_or_create_thread(channel, self._dispatch.message_id, thread_name or _("Discussion"))
            except discord.NotFound:
                raise UserFacingError(_("That post is gone.")) from None
        await self._display_menu(interaction, _("Talk about it in {thread}.").format(thread=thread.mention))

    async def _summarize(self, interaction: Interaction) -> None:
        summarizer = get_summarizer(self.client)
        if summarizer is None:
            raise UserFacingError(unreadable_article_text())
        if await summarizer.load_cached([self._article], i18n.current_language()) is None:
            await self._display_menu(interaction, summary=writing_text())
        await self._display_menu(interaction, summary=await load_summary_markup(interaction, summarizer, self._article))

    async def _toggle_notify_role(self, interaction: Interaction) -> None:
        assert self._dispatch is not None
        notify_role, member = await _find_notify_role(interaction, self._dispatch), interaction.user
        if (
            notify_role is None
            or not isinstance(member, discord.Member)
            or not await can_see_post(interaction, self._dispatch)
        ):
            raise UserFacingError(_("You can’t take this role anymore."))
        had_role = notify_role in member.roles
        if had_role:
            await member.remove_roles(notify_role, reason=_("Stop notifying me"))
            confirmation = _("You won’t be notified anymore.")
        else:
            await member.add_roles(notify_role, reason=_("Notify me"))
            confirmation = _("You have {role} now. You’ll be notified of posts like this one.").format(
                role=notify_role.mention
            )
        await self._display_menu(interaction, confirmation, has_notify_role=not had_role)

    def _opinion_button(self, opinion: OpinionKind) -> ActionButton:
        is_selected = self._opinion is opinion
        is_like = opinion is OpinionKind.LIKED

        async def record_opinion(interaction: Interaction) -> None:
            await self._record_opinion_and_display(interaction, opinion)

        return ActionButton(
            record_opinion,
            label=_("Like") if is_like else _("Less like this"),
            emoji="👍" if is_like else "👎",
            style=discord.ButtonStyle.primary if is_selected else discord.ButtonStyle.secondary,
        )


def _article_heading(article: Article, *detail_lines: str) -> str:
    """Return title, outlet and time of an article as text, followed by further lines in small type."""
    linked_title, _plain_title = article_cards.title_variants(article)
    return "\n".join(
        (
            f"**{linked_title}**",
            outlet_branding.byline_block(article).variants[0],
            *(f"-# {detail_line}" for detail_line in detail_lines),
        )
    )


def _detail_lines(article: Article) -> list[str]:
    author = discord_text.to_markdown_line(article.author or "", _MAX_AUTHOR_LENGTH)
    date_text = f"<t:{article.published}:f>"
    tags_text = ", ".join(discord_text.to_markdown_line(tag, _MAX_TAG_LENGTH) for tag in article.tags[:_MAX_TAGS])
    byline = _("By {author}, {when}").format(author=author, when=date_text) if author else date_text
    return list(filter(None, (byline, tags_text)))


async def _render_original_text(interaction: Interaction, article: Article, dispatch: Dispatch) -> str:
    """Return the original title and excerpt of an article if its post is translated; otherwise ""."""
    client, settings = interaction.client, interaction.client.services.settings
    preferences = await client.store.preferences.get_by_channel(dispatch.channel_id)
    if settings.model_url is None or not preferences[TRANSLATE]:
        return ""
    language = await client.languages.for_channel(dispatch.server_id, dispatch.channel_id)
    if (await apply_stored_translation(client.store, article, language, settings.model_name)).translated_from is None:
        return ""
    heading = _("Original").upper()
    excerpt_text = excerpt_markup(article, max_sentences=posts.DEFAULT_EXCERPT_SENTENCES)
    return "\n".join(filter(None, (f"-# {heading}", f"**{article_cards.display_title(article)}**", excerpt_text)))


def _find_post_channel(interaction: Interaction, dispatch: Dispatch) -> object:
    """Return the channel of a post, of any type, or None.

    Returns None if the post is in another server or in a thread, or if the channel is unknown. A thread can
    be created only in a `discord.TextChannel`, so callers check the type.
    """
    guild = interaction_context.get_home_server(interaction)
    if guild is None or guild.id != dispatch.server_id or dispatch.thread_id is not None:
        return None
    return guild.get_channel_or_thread(dispatch.channel_id)


async def _find_notify_role(interaction: Interaction, dispatch: Dispatch) -> discord.Role | None:
    """Return the first role that a post mentions and that users may give to themselves; otherwise None.

    The server must have chosen the role for this, and it must not grant anything.
    """
    guild = interaction_context.get_home_server(interaction)
    role_ids = [*dispatch.mentioned_role_ids, dispatch.look.role_id]
    if guild is None or guild.id != dispatch.server_id or role_ids == [None]:
        return None
    preferences = await interaction.client.store.preferences.get_by_server(guild.id)
    roles = [guild.get_role(role_id) for role_id in role_ids if role_id in preferences.self_assignable_role_ids]
    manager_role_id = preferences.manager_role_id
    return next(
        (
            role
            for role in roles
            if role is not None
            and role_mentions.find_self_assign_problem(role, manager_role_id=manager_role_id) is None
        ),
        None,
    )


def _require_thread_permissions(channel: discord.TextChannel, member: discord.Member) -> None:
    """Raise `UserFacingError` unless both the member and Telex can create threads in a channel."""
    permission_names = ("create_public_threads", "send_messages_in_threads")
    member_permissions, bot_permissions = (
        channel.permissions_for(member),
        channel.permissions_for(channel.guild.me),
    )
    for granted_permissions, sentence in (
        (member_permissions, _("You need the {permissions} permission for this.")),
        (bot_permissions, _("I need the {permissions} permission for this.")),
    ):
        missing_labels = [
            permission_label(permission_name)
            for permission_name in permission_names
            if not getattr(granted_permissions, permission_name)
        ]
        if missing_labels:
            raise UserFacingError(sentence.format(permissions=", ".join(missing_labels)))


_THREAD_EXISTS_CODE = 160004
"""Discord's error code for a message that already has a thread.

https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
"""


async def find_thread(channel: discord.TextChannel, message_id: int) -> discord.Thread | None:
    """Return the thread of a message, even if archived, or None if there is none.

    Raises one of `DISCORD_ERRORS` if the request failed.
    """
    if (cached_thread := channel.guild.get_thread(message_id)) is not None:
        return cached_thread
    try:
        fetched_channel = await channel.guild.fetch_channel(message_id)
    except discord.NotFound:
        return None
    return fetched_channel if isinstance(fetched_channel, discord.Thread) else None


async def get_or_create_thread(channel: discord.TextChannel, message_id: int, name: str) -> discord.Thread:
    """Return the thread of a message, which is created if there is none.

    Raises one of `DISCORD_ERRORS` if a request failed.
    """
    try:
        return await channel.get_partial_message(message_id).create_thread(name=name)
    except discord.HTTPException as error:
        if (
            error.code == _THREAD_EXISTS_CODE
            and (existing_thread := await find_thread(channel, message_id)) is not None
        ):
            return existing_thread
        raise
