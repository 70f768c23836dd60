"""Panel for the look of posts, of a feed in a channel or of a whole server, with a live preview."""

import contextlib
import re
from dataclasses import replace
from typing import Any

import discord

from bot.core.i18n import _, format_number
from bot.core.models import Article, Feed
from bot.core.preferences import DEFAULT_LOOK, PostLook, Style, Template
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import post_templates, role_mentions
from bot.posting.rendering.layout import blocks
from bot.posting.rendering.layout.blocks import ActionRow, Item, Layout, Separator
from bot.posting.rendering.messages import MAX_EXCERPT_LENGTH, MAX_PREFIX_LENGTH, Message
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.posting.wording import look_labels
from bot.posting.wording.feed_names import bold_feed_name
from bot.text import discord_text
from cogs.feeds.post_previews import make_sample_article, render_post_preview, send_private_preview
from cogs.feeds.subscription_options import (
    FollowedFeed,
    list_visible_subscriptions,
    require_current_subscription,
    unfollowed_text,
)
from cogs.shared.authorization import ManagersPanel
from cogs.shared.channel_options import PostableChannel
from cogs.shared.modals import FormModal, OnModalSubmit, TextField
from cogs.shared.views import AckMode, ActionButton, Interaction, OwnedView, RoleMenu, StringMenu, menu_option

_COLOUR_PATTERN = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")
"""Pattern of a colour code of three or six hexadecimal digits."""
_SHORT_COLOUR_LENGTH = 3
"""Number of digits of a colour with one hexadecimal digit for each of red, green and blue."""


def look_modal(panel: OwnedView, on_submit: OnModalSubmit, look: PostLook) -> FormModal:
    """Return a modal that passes the prefix, colour and excerpt length of posts, as text, to `on_submit`."""
    colour_text = "" if look.colour is None else f"#{look.colour:06x}"
    excerpt_length_text = "" if look.excerpt_length is None else str(look.excerpt_length)
    excerpt_hint = _("Characters, 0 to {most}. Leave empty for the default.").format(
        most=format_number(MAX_EXCERPT_LENGTH)
    )
    colour_hint = _("For example #2e7d8c. Leave empty for the default.")
    return FormModal(
        _("Prefix, colour, excerpt"),
        on_submit,
        _build_text_field("prefix", _("Text before each title"), look.prefix, MAX_PREFIX_LENGTH),
        _build_text_field("colour", _("Accent colour"), colour_text, 7, description=colour_hint),
        _build_text_field("excerpt", _("Excerpt length"), excerpt_length_text, 4, description=excerpt_hint),
        view=panel,
    )


def template_modal(panel: OwnedView, on_submit: OnModalSubmit, template: Template) -> FormModal:
    """Return a modal that passes the title line, text and footer of a post's template to `on_submit`."""
    placeholders_text = " ".join(f"{{{name}}}" for name in post_templates.FIELDS)
    paragraph_style = discord.TextStyle.paragraph
    return FormModal(
        _("Template"),
        on_submit,
        _build_text_field(
            "title",
            _("Title line"),
            template.title,
            post_templates.MAX_TITLE_OR_FOOTER_LENGTH,
            description=placeholders_text,
        ),
        _build_text_field(
            "body",
            _("Text"),
            template.body,
            post_templates.MAX_BODY_LENGTH,
            description=_("You can use Discord’s formatting. Leave all three fields empty to remove the template."),
            style=paragraph_style,
        ),
        _build_text_field("footer", _("Footer"), template.footer, post_templates.MAX_TITLE_OR_FOOTER_LENGTH),
        view=panel,
    )


def _build_text_field(
    field_id: str,
    label: str,
    default_text: str,
    max_length: int,
    **field_kwargs: Any,  # noqa: ANN401 - keyword arguments of a text field
) -> TextField:
    return TextField(
        field_id, label, default=default_text or None, max_length=max_length, required=False, **field_kwargs
    )


def parse_colour(colour_text: str) -> int | None:
    """Return a colour code as an RGB number, or None if the text is empty.

    Raises `UserFacingError` if the code is invalid.
    """
    if not colour_text.strip():
        return None
    match = _COLOUR_PATTERN.fullmatch(colour_text.strip())
    if match is None:
        raise UserFacingError(
            _("“{text}” isn’t a colour code. Use # and six digits or letters from a to f, such as #2e7d8c.").format(
                text=discord_text.to_markdown_line(colour_text, 20)
            )
        )
    digits = match[1]
    return int("".join(2 * digit for digit in digits) if len(digits) == _SHORT_COLOUR_LENGTH else digits, 16)


def parse_excerpt_length(length_text: str) -> int | None:
    """Return an excerpt length, in UTF-16 units, or None if the text is empty.

    Raises `UserFacingError` if the length is invalid.
    """
    length_text = length_text.strip()
    if not length_text:
        return None
    if not length_text.isascii() or not length_text.isdecimal() or int(length_text) > MAX_EXCERPT_LENGTH:
        raise UserFacingError(
            _("“{text}” isn’t a length. Use a number from 0 to {most}.").format(
                text=discord_text.to_markdown_line(length_text, 20), most=format_number(MAX_EXCERPT_LENGTH)
            )
        )
    return int(length_text)


class LookPanel(ManagersPanel):
    """Panel with a draft of a look (how posts appear) and a preview. Nothing is saved before “Use this look”.

    The look belongs to a subscription or, without one, to the server as the default. A draft that is None leaves the
    look to the default.
    """

    def __init__(self, interaction: Interaction, followed_feed: FollowedFeed | None) -> None:
        super().__init__(interaction)
        self._followed_feed = followed_feed
        self._channel_id = (
            (interaction.channel_id or 0) if followed_feed is None else followed_feed.subscription.channel_id
        )
        self._saved_look = self._draft_look = None if followed_feed is None else followed_feed.subscription.look
        self._example_article_and_feed: tuple[Article, Feed] | None = None
        self._preview_message: discord.WebhookMessage | None = None
        self._invalid_template: Template | None = None

    async def authorize(self, interaction: Interaction) -> None:
        await super().authorize(interaction)
        if self._followed_feed is not None:
            await require_current_subscription(interaction, self._followed_feed)

    async def _load_inherited_look(self) -> PostLook:
        if self._followed_feed is None:
            return DEFAULT_LOOK
        return await self.store.preferences.get_look(self.guild.id)

    def _format_heading_lines(self) -> list[str]:
        heading, default_label = (
            _("How posts look on this server, unless their feed has its own look:"),
            _("Default look"),
        )
        if self._followed_feed is not None:
            heading = _("How {feed} looks in <#{channel}>:").format(
                feed=bold_feed_name(self._followed_feed.feed), channel=self._channel_id
            )
            default_label = _("Default for this server")
        return [heading] if self._draft_look is not None else [heading, f"-# {default_label}"]

    def _can_mention(self, interaction: Interaction, role: discord.Role) -> bool:
        member = interaction.user
        assert isinstance(member, discord.Member)
        if self._followed_feed is None:
            return not role.is_default() and (role.mentionable or member.guild_permissions.mention_everyone)
        channel = self.guild.get_channel_or_thread(self._channel_id) or interaction.channel
        assert isinstance(channel, discord.abc.GuildChannel | discord.Thread)
        return role_mentions.can_mention(member, role, channel)

    async def _load_example_article_and_feed(self, interaction: Interaction) -> tuple[Article, Feed]:
        """Return the newest article of the panel's feed, or of all feeds that the user can see, and its feed.

        If there is no such article, returns a sample article.
        """
        followed_feeds = (
            await list_visible_subscriptions(interaction) if self._followed_feed is None else [self._followed_feed]
        )
        feed_by_id = {feed.id: feed for _subscription, feed in followed_feeds}
        newest_articles = await self.store.articles.list_newest(feed_by_id, limit=1)
        if newest_articles:
            return newest_articles[0], feed_by_id[newest_articles[0].feed_id]
        feed = next(iter(feed_by_id.values()), Feed(id=0, url="", outlet=_("The outlet")))
        return make_sample_article(feed), feed

    async def _save_look(self, interaction: Interaction) -> str:
        """Save the look of posts and return the confirmation.

        Raises `UserFacingError` if the feed was unfollowed meanwhile.
        """
        store, user_id = self.store, self.user_id
        if self._followed_feed is None:
            await store.preferences.set_look(self.guild.id, self._draft_look or DEFAULT_LOOK, user_id=user_id)
            return _("Saved. New posts look like this, unless their feed has its own look.")
        subscription, feed = await require_current_subscription(interaction, self._followed_feed)
        if not await store.subscriptions.set_look(subscription.id, self._draft_look, user_id=user_id):
            raise UserFacingError(unfollowed_text())
        return _("Saved. {feed} looks like this in <#{channel}> from its next post.").format(
            feed=bold_feed_name(feed), channel=subscription.channel_id
        )

    async def start(self, interaction: Interaction) -> None:
        """Load the saved look of posts and an example article, and show the panel."""
        if self._followed_feed is None:
            saved_look = await self.store.preferences.get_look(self.guild.id)
            self._saved_look = self._draft_look = None if saved_look == DEFAULT_LOOK else saved_look
        self._example_article_and_feed = await self._load_example_article_and_feed(interaction)
        await self.render(interaction)

    async def render(self, interaction: Interaction) -> None:
        """Show the preview and the controls of the look of posts."""
        assert self._example_article_and_feed is not None
        look = await self._load_draft_or_inherited_look()
        message = await render_post_preview(interaction, *self._example_article_and_feed, self._channel_id, look)
        heading_lines = self._format_heading_lines()
        if look.role_id is not None:
            if look.style is not Style.CLASSIC:
                heading_lines.append("-# " + _("Posts that mention a role use the classic style."))
            if not message.mentioned_role_ids:
                heading_lines.append("⚠️ " + mention_warning_text(look.role_id))
        if not message.layout:
            heading_lines.append("-# " + _("Preview below."))
        preview_layout = _disable_items(message.layout)
        await self.display(
            interaction,
            (blocks.text_block("\n".join(heading_lines)), *preview_layout, *self._build_controls(look)),
        )
        await self._show_preview_message(interaction, message)

    async def _show_preview_message(self, interaction: Interaction, message: Message) -> None:
        """Show the preview of a classic embed in an ephemeral message of its own, in place of the one before.

        An embed cannot be part of a panel. For another style, only the message before is deleted.
        """
        previous_message, self._preview_message = self._preview_message, None
        if previous_message is not None:
            with contextlib.suppress(*DISCORD_ERRORS):  # The user may have dismissed it.
                await previous_message.delete()
        if not message.layout:
            self._preview_message = await send_private_preview(interaction, message)

    async def _on_form_submit(
        self, _interaction: Interaction, prefix: str, colour_text: str, excerpt_text: str
    ) -> None:
        """Apply the form to the draft of the look of posts. Raises `UserFacingError` if a field is invalid."""
        self._draft_look = replace(
            await self._load_draft_or_inherited_look(), prefix=discord_text.to_plain_line(prefix, MAX_PREFIX_LENGTH)
        )
        # Each valid field is kept even if a later one is invalid.
        self._draft_look = replace(self._draft_look, excerpt_length=parse_excerpt_length(excerpt_text))
        self._draft_look = replace(self._draft_look, colour=parse_colour(colour_text))

    def _build_controls(self, look: PostLook) -> Layout:
        style_options = [
            menu_option(
                look_labels.style_label(style).capitalize(),
                style.value,
                description,
                is_default=style is look.style,
            )
            for style, description in _describe_styles().items()
        ]
        role_menu = RoleMenu(
            self._choose_role,
            placeholder=_("Don’t mention a role"),
            min_values=0,
            max_values=1,
            default_values=[discord.Object(look.role_id, type=discord.Role)] if look.role_id else [],
        )
        image_label = _("Hide the picture") if look.shows_image else _("Show the picture")
        is_headline = look.style is Style.HEADLINE
        reset_label = _("Default") if self._followed_feed is None else _("Server’s default")
        return (
            Separator(),
            ActionRow(StringMenu(self._choose_style, options=style_options)),
            ActionRow(role_menu),
            ActionRow(
                ActionButton(self._toggle_image, label=image_label, disabled=is_headline),
                ActionButton(self._open_form, AckMode.MANUAL, label=_("Prefix, colour, excerpt…")),
                ActionButton(self._open_template, AckMode.MANUAL, label=_("Template…")),
                ActionButton(self._reset_look, label=reset_label, disabled=self._draft_look is None),
            ),
            ActionRow(
                ActionButton(self._save_and_close, label=_("Use this look"), style=discord.ButtonStyle.success),
                ActionButton(self.cancel, label=_("Cancel")),
            ),
        )

    async def _load_draft_or_inherited_look(self) -> PostLook:
        if self._draft_look is not None:
            return self._draft_look
        return await self._load_inherited_look()

    async def _choose_style(self, _interaction: Interaction, selected_values: list[str]) -> None:
        self._draft_look = replace(await self._load_draft_or_inherited_look(), style=Style(selected_values[0]))

    async def _choose_role(self, interaction: Interaction, role_ids: list[int]) -> None:
        role_id = role_ids[0] if role_ids else None
        await self._require_mentionable_role(interaction, role_id)
        self._draft_look = replace(await self._load_draft_or_inherited_look(), role_id=role_id)

    async def _require_mentionable_role(self, interaction: Interaction, role_id: int | None) -> None:
        """Raise `UserFacingError` unless the user may mention a role, or the saved or default look mentions it."""
        inherited_look = await self._load_inherited_look()
        if role_id is None or role_id in {(self._saved_look or inherited_look).role_id, inherited_look.role_id}:
            return
        role = self.guild.get_role(role_id)
        if role is None:
            raise UserFacingError(_("That role no longer exists."))
        if not self._can_mention(interaction, role):
            raise build_mention_refusal(role)

    async def _toggle_image(self, _interaction: Interaction) -> None:
        look = await self._load_draft_or_inherited_look()
        self._draft_look = replace(look, shows_image=not look.shows_image)

    async def _open_form(self, interaction: Interaction) -> None:
        await interaction.response.send_modal(
            look_modal(self, self._on_form_submit, await self._load_draft_or_inherited_look())
        )

    async def _open_template(self, interaction: Interaction) -> None:
        template = (
            self._invalid_template
            or (await self._load_draft_or_inherited_look()).template
            or post_templates.DEFAULT_TEMPLATE
        )
        await interaction.response.send_modal(template_modal(self, self._on_template_submit, template))

    async def _on_template_submit(self, _interaction: Interaction, *field_texts: str) -> None:
        """Apply a template of posts to the draft of their look.

        Raises `UserFacingError` if the template is invalid; its text is kept for the next try.
        """
        submitted_template = Template(*(field_text.strip() for field_text in field_texts))
        template = submitted_template if submitted_template != Template() else None
        error = None if template is None else post_templates.find_template_error(template)
        self._invalid_template = template if error else None
        if error is not None:
            raise UserFacingError(error)
        self._draft_look = replace(await self._load_draft_or_inherited_look(), template=template)

    async def _reset_look(self, _interaction: Interaction) -> None:
        self._draft_look = None

    async def _save_and_close(self, interaction: Interaction) -> None:
        if self._draft_look is not None:
            await self._require_mentionable_role(interaction, self._draft_look.role_id)
        await self.finish(interaction, await self._save_look(interaction))


def _describe_styles() -> dict[Style, str]:
    return {
        Style.FULL: _("Title, two sentences, large picture"),
        Style.THUMBNAIL: _("Title, two sentences, small picture"),
        Style.COMPACT: _("Title, a few words, small picture"),
        Style.HEADLINE: _("Just the title and the outlet"),
        Style.CLASSIC: _("A classic Discord embed"),
    }


def _disable_items(layout: Layout) -> Layout:
    """Return the layout of a post for use in a panel: without menus, and with only link buttons enabled."""

    def disable_item(component: Item) -> Item | None:
        if not isinstance(component, discord.ui.Button):
            return None
        return discord.ui.Button(
            label=component.label, emoji=component.emoji, url=component.url, disabled=not component.url
        )

    return blocks.map_items(layout, disable_item)


def require_mention_permission(interaction: Interaction, look: PostLook | None, channel: PostableChannel) -> None:
    """Raise `UserFacingError` if the look of posts (how they appear) has them mention a role that the user may not."""
    assert isinstance(interaction.user, discord.Member)
    role = channel.guild.get_role(look.role_id) if look is not None and look.role_id is not None else None
    if role is not None and not role_mentions.can_mention(interaction.user, role, channel):
        raise build_mention_refusal(role)


def build_mention_refusal(role: discord.Role) -> UserFacingError:
    """Return the error that says that posts will not mention a role, because the user may not mention it."""
    return UserFacingError(
        _(
            "You can’t mention {role} there, so I won’t either. Ask someone who can mention all "
            "roles, or make the role mentionable in its settings."
        ).format(role=role.mention)
    )


def mention_warning_text(role_id: int) -> str:
    """Return the sentence that says that posts can't mention a role, and what to do."""
    return _(
        "<@&{role}> won’t be mentioned: it was deleted, or I’m not allowed to. Make the role "
        "mentionable in its settings, or give me Mention @everyone, @here and All Roles in "
        "this channel."
    ).format(role=role_id)
