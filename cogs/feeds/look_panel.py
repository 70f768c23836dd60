"""How posts look, those of a feed in a channel or of a server: a panel that shows the real message."""

import contextlib
from dataclasses import replace

import discord

from bot.core.choices import USUAL, Look, Style, Template
from bot.core.locale import _
from bot.core.models import Article, Feed
from bot.core.refusals import Refusal
from bot.posting.rendering import mentioned_roles, templates
from bot.posting.rendering.layout import blocks
from bot.posting.rendering.layout.blocks import Item, Layout, Row, Rule
from bot.posting.rendering.messages import LONGEST_PREFIX, Message
from bot.posting.wording import look_words
from bot.text import safe
from cogs.feeds.look_form import look_form, read_colour, read_length, template_form
from cogs.feeds.post_previews import as_posted, follow_up, sample
from cogs.feeds.subscription_options import Pair, bold, no_longer, require_still, visible
from cogs.shared.place_options import Place
from cogs.shared.rights import ManagersLayout
from cogs.shared.views import Choose, ChooseRole, Interaction, Press, Reply, option


class LookPanel(ManagersLayout):
    """A draft of a look, with the message that it makes in a channel. Nothing changes before it is used.

    It is that of a subscription, or without one that of a server's posts whose subscription has none.
    """

    def __init__(self, interaction: Interaction, pair: Pair | None) -> None:
        super().__init__(interaction)
        self._pair = pair
        self._channel_id = (interaction.channel_id or 0) if pair is None else pair[0].channel_id
        self._kept = self._draft = None if pair is None else pair[0].look
        self._example: tuple[Article, Feed] | None = None
        self._below: discord.WebhookMessage | None = None
        self._typed: Template | None = None

    async def check(self, interaction: Interaction) -> None:
        await super().check(interaction)
        if self._pair is not None:
            await require_still(interaction, self._pair)

    async def _usual(self) -> Look:
        if self._pair is None:
            return USUAL
        return await self.store.preferences.look(self.guild.id)

    def _heading(self) -> list[str]:
        heading, default = (
            _("How posts look on this server, unless their feed has its own look:"),
            _("Default look"),
        )
        if self._pair is not None:
            heading = _("How {feed} looks in <#{channel}>:").format(
                feed=bold(self._pair[1]), channel=self._channel_id
            )
            default = _("Default for this server")
        return [heading] if self._draft is not None else [heading, f"-# {default}"]

    def _may_mention(self, interaction: Interaction, role: discord.Role) -> bool:
        member = interaction.user
        assert isinstance(member, discord.Member)
        if self._pair is None:
            return not role.is_default() and (role.mentionable or member.guild_permissions.mention_everyone)
        channel = self.guild.get_channel_or_thread(self._channel_id) or interaction.channel
        assert isinstance(channel, discord.abc.GuildChannel | discord.Thread)
        return mentioned_roles.may_mention(member, role, channel)

    async def _shown(self, interaction: Interaction) -> tuple[Article, Feed]:
        """The newest article there is to show, or what stands for one."""
        pairs = await visible(interaction) if self._pair is None else [self._pair]
        feeds = {feed.id: feed for _subscription, feed in pairs}
        newest = await self.store.articles.newest(feeds, limit=1)
        if newest:
            return newest[0], feeds[newest[0].feed_id]
        feed = next(iter(feeds.values()), Feed(id=0, url="", outlet=_("The outlet")))
        return sample(feed), feed

    async def _keep(self, interaction: Interaction) -> str:
        """Write the look down, and say so. Raises `Refusal`."""
        store, person_id = self.store, self.person_id
        if self._pair is None:
            await store.preferences.set_look(self.guild.id, self._draft or USUAL, person_id=person_id)
            return _("Saved. New posts look like this, unless their feed has its own look.")
        subscription, feed = await require_still(interaction, self._pair)
        if not await store.subscriptions.set_look(subscription.id, self._draft, person_id=person_id):
            raise Refusal(no_longer())
        return _("Saved. {feed} looks like this in <#{channel}> from its next post.").format(
            feed=bold(feed), channel=subscription.channel_id
        )

    async def start(self, interaction: Interaction) -> None:
        """Begin with the look as it is."""
        if self._pair is None:
            kept = await self.store.preferences.look(self.guild.id)
            self._kept = self._draft = None if kept == USUAL else kept
        self._example = await self._shown(interaction)
        await self.show(interaction)

    async def show(self, interaction: Interaction) -> None:
        """Show the message as it would be, and what can be chosen."""
        assert self._example is not None
        look = await self._look()
        message = await as_posted(interaction, *self._example, self._channel_id, look)
        lines = self._heading()
        if look.role is not None:
            if look.style is not Style.CLASSIC:
                lines.append("-# " + _("Posts that mention a role use the classic style."))
            if message.mention is None:
                lines.append("⚠️ " + _silent(look.role))
        if not message.layout:
            lines.append("-# " + _("Preview below."))
        preview = _lifeless(message.layout)
        await self.display(interaction, (blocks.text("\n".join(lines)), *preview, *self._controls(look)))
        await self._show_below(interaction, message)

    async def _show_below(self, interaction: Interaction, message: Message) -> None:
        """A classic message cannot stand within a panel: it has a message of its own."""
        below, self._below = self._below, None
        if below is not None:
            with contextlib.suppress(discord.HTTPException):  # the asker may have dismissed it
                await below.delete()
        if not message.layout:
            self._below = await follow_up(interaction, message)

    async def _take_text(self, _interaction: Interaction, prefix: str, colour: str, excerpt: str) -> None:
        """Take up what was typed in the form. Raises `Refusal`."""
        self._draft = replace(await self._look(), prefix=safe.plain(prefix, LONGEST_PREFIX))
        # One by one: what is right need not be typed again.
        self._draft = replace(self._draft, excerpt=read_length(excerpt))
        self._draft = replace(self._draft, colour=read_colour(colour))

    def _controls(self, look: Look) -> Layout:
        options = [
            option(look_words.style_name(style).capitalize(), style.value, told, chosen=style is look.style)
            for style, told in _styles().items()
        ]
        roles = ChooseRole(
            self._choose_role,
            placeholder=_("Don’t mention a role"),
            min_values=0,
            max_values=1,
            default_values=[discord.Object(look.role, type=discord.Role)] if look.role else [],
        )
        picture = _("Hide the picture") if look.image else _("Show the picture")
        plain = look.style is Style.HEADLINE
        usual = _("Default") if self._pair is None else _("Server’s default")
        return (
            Rule(),
            Row(Choose(self._choose_style, options=options)),
            Row(roles),
            Row(
                Press(self._turn_picture, label=picture, disabled=plain),
                Press(self._open_form, Reply.OWN, label=_("Prefix, colour, excerpt…")),
                Press(self._open_template, Reply.OWN, label=_("Template…")),
                Press(self._reset, label=usual, disabled=self._draft is None),
            ),
            Row(
                Press(self._use, label=_("Use this look"), style=discord.ButtonStyle.success),
                Press(self.cancel, label=_("Cancel")),
            ),
        )

    async def _look(self) -> Look:
        if self._draft is not None:
            return self._draft
        return await self._usual()

    async def _choose_style(self, _interaction: Interaction, values: list[str]) -> None:
        self._draft = replace(await self._look(), style=Style(values[0]))

    async def _choose_role(self, interaction: Interaction, roles: list[int]) -> None:
        role = roles[0] if roles else None
        await self._require_role(interaction, role)
        self._draft = replace(await self._look(), role=role)

    async def _require_role(self, interaction: Interaction, role_id: int | None) -> None:
        """Raise `Refusal` unless the asker may mention a role there, or it is mentioned already."""
        usual = await self._usual()
        if role_id is None or role_id in {(self._kept or usual).role, usual.role}:
            return
        role = self.guild.get_role(role_id)
        if role is None:
            raise Refusal(_("That role no longer exists."))
        if not self._may_mention(interaction, role):
            raise _not_for_you(role)

    async def _turn_picture(self, _interaction: Interaction) -> None:
        look = await self._look()
        self._draft = replace(look, image=not look.image)

    async def _open_form(self, interaction: Interaction) -> None:
        await interaction.response.send_modal(look_form(self, self._take_text, await self._look()))

    async def _open_template(self, interaction: Interaction) -> None:
        shown = self._typed or (await self._look()).template or templates.START
        await interaction.response.send_modal(template_form(self, self._take_template, shown))

    async def _take_template(self, _interaction: Interaction, *lines: str) -> None:
        """Take up the template that was typed. Raises `Refusal` for one with a mistake, and remembers it."""
        typed = Template(*(line.strip() for line in lines))
        chosen = typed if typed != Template() else None
        told = None if chosen is None else templates.mistake(chosen)
        self._typed = chosen if told else None
        if told is not None:
            raise Refusal(told)
        self._draft = replace(await self._look(), template=chosen)

    async def _reset(self, _interaction: Interaction) -> None:
        self._draft = None

    async def _use(self, interaction: Interaction) -> None:
        if self._draft is not None:
            await self._require_role(interaction, self._draft.role)
        await self.end(interaction, await self._keep(interaction))


def _styles() -> dict[Style, str]:
    return {
        Style.FULL: _("Title, two sentences, large picture"),
        Style.THUMBNAIL: _("Title, two sentences, small picture"),
        Style.COMPACT: _("Title, a few words, small picture"),
        Style.HEADLINE: _("Just the title and the outlet"),
        Style.CLASSIC: _("A classic Discord embed"),
    }


def _lifeless(layout: Layout) -> Layout:
    """A post as a part of a panel: of its buttons only links work."""

    def still(item: Item) -> Item | None:
        if not isinstance(item, discord.ui.Button):
            return None
        return discord.ui.Button(label=item.label, emoji=item.emoji, url=item.url, disabled=not item.url)

    return blocks.mapped_items(layout, still)


def require_mention(interaction: Interaction, look: Look | None, place: Place) -> None:
    """Raise `Refusal` where posts of a look would mention a role in a place and the asker may not."""
    assert isinstance(interaction.user, discord.Member)
    role = place.guild.get_role(look.role) if look is not None and look.role is not None else None
    if role is not None and not mentioned_roles.may_mention(interaction.user, role, place):
        raise _not_for_you(role)


def _not_for_you(role: discord.Role) -> Refusal:
    return Refusal(
        _(
            "You can’t mention {role} there, so I won’t either. Ask someone who can mention all "
            "roles, or make the role mentionable in its settings."
        ).format(role=role.mention)
    )


def _silent(role_id: int) -> str:
    return _(
        "<@&{role}> won’t be mentioned: it was deleted, or I’m not allowed to. Make the role "
        "mentionable in its settings, or give me Mention @everyone, @here and All Roles in "
        "this channel."
    ).format(role=role_id)
