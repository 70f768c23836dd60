"""/settings channel: what holds for one channel."""

from __future__ import annotations

from functools import partial

import discord

from bot.core.choices import Preference, TagRule
from bot.core.locale import _, counted
from bot.core.refusals import Refusal
from bot.posting.forums import allowed
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout.blocks import Block, Row, Rule
from bot.posting.sending import permissions
from bot.posting.sending.send_outcomes import Blocked, Problem, Refused
from bot.posting.wording.problem_sentences import describe
from bot.text import safe
from bot.watches import subscription_filters
from cogs.shared.panels import ChannelPanel, headed, languages, setting
from cogs.shared.place_options import Place
from cogs.shared.views import Choose, Interaction, Press, Reply, option
from cogs.shared.windows import Line, Window


class ChannelSettings(ChannelPanel):
    """A panel with the settings of a channel, each beside what changes it, made anew after each change."""

    async def show(self, interaction: Interaction) -> None:
        now = await interaction.client.store.preferences.of_channel(self.channel.id)
        otherwise = _("Same as the server")
        joins = _("off: each article gets its own post")
        if now.join_stories:
            joins = _("on: articles on the same event share one post")
        blocks: list[Block] = [
            headed(_("Channel settings"), self.channel.mention),
            Rule(),
            setting(_("Post language")),
            Row(languages(self, now.language, otherwise)),
            setting(_("Group by story"), joins, self._turn(Preference.JOIN_STORIES, is_on=now.join_stories)),
        ]
        writing = interaction.client.newsroom.writing
        if now.translate or (writing is not None and writing.translations is not None):
            translates = _("off: posts stay in their own language")
            if now.translate:
                translates = _("on: titles and excerpts in the post language, the original under More")
            turn = self._turn(Preference.TRANSLATE, is_on=now.translate)
            blocks.append(setting(_("Machine translation"), translates, turn))
        if isinstance(self.channel, discord.TextChannel):
            blocks.append(self._threads(self.channel, is_on=now.daily_thread))
        if isinstance(self.channel, discord.ForumChannel):
            rules = len(await interaction.client.store.forum_tags.of(self.channel.id))
            told = counted("{count} rule", "{count} rules", rules)
            blocks.append(setting(_("Post tags"), told, Press(self._tags, label=_("Choose…"))))
        switch = self._turn(Preference.AS_OUTLET, is_on=now.as_outlet)
        blocks.append(await _outlet_name(interaction, self.channel, switch, is_on=now.as_outlet))
        await self.display_card(interaction, *blocks)

    def _threads(self, channel: discord.TextChannel, *, is_on: bool) -> Block:
        said = _("off: posts go straight into the channel")
        if is_on:
            said = _("on: each day has its own thread")
        if is_on and (lacking := permissions.lacking_for_threads(channel)):
            names = ", ".join(f"**{permissions.name(one)}**" for one in lacking)
            advice = _("I can’t do that yet. In the channel’s settings, give me {permissions}.")
            said += f"\n🟠 {advice.format(permissions=names)}"
        return setting(_("Daily thread"), said, self._turn(Preference.DAILY_THREAD, is_on=is_on))

    def _turn(self, preference: Preference, *, is_on: bool) -> Press:
        label = _("Turn off") if is_on else _("Turn on")
        return Press(partial(self._turn_over, preference), label=label)

    async def _tags(self, interaction: Interaction) -> None:
        assert isinstance(self.channel, discord.ForumChannel)
        self.stop()
        await TagPanel(interaction, self.channel, self.command_id).show(interaction)

    async def _turn_over(self, preference: Preference, interaction: Interaction) -> None:
        now = await interaction.client.store.preferences.of_channel(self.channel.id)
        await self.change(interaction, preference, int(not getattr(now, preference)))
        if preference is Preference.DAILY_THREAD:
            await interaction.client.courier.look_again(self.channel.id)
        interaction.client.courier.wake()
        await self.show(interaction)


async def _outlet_name(interaction: Interaction, channel: Place, switch: Press, *, is_on: bool) -> Block:
    """Whether posts appear under their outlet's name, and what is in the way; where on, makes the webhook."""
    said = _("off: posts show my name")
    if is_on:
        said = _("on: posts show their outlet’s name and icon")
        found = await interaction.client.webhooks.find(channel, afresh=True)
        if isinstance(found, Blocked | Refused):
            why = describe(
                found.problem if isinstance(found, Blocked) else f"{Problem.REFUSED} {found.error}"
            )
            said += f"\n🟠 {why} " + _("Until then, posts show my name.")
        late = _(
            "If Discord doesn’t confirm a post, I look for it for 3 minutes before I send it again, so that "
            "nothing appears twice."
        )
        said += f"\n{late}"
    return setting(_("Post as the outlet"), said, switch)


_RULES = 20  # of a forum

_QUERY = 100


class TagPanel(ChannelPanel):
    """The rules of a forum, a menu of its tags to make one, and one to remove one."""

    def __init__(self, interaction: Interaction, forum: discord.ForumChannel, command_id: int | None) -> None:
        super().__init__(interaction, forum, command_id)
        self._forum = forum
        self._rules: list[TagRule] = []

    async def show(self, interaction: Interaction) -> None:
        self._rules = await interaction.client.store.forum_tags.of(self._forum.id)
        lines = [_("Tags named like a feed’s categories are added automatically.")]
        lines += [f"• {self._said(rule)}" for rule in self._rules]
        tags = allowed(self._forum)
        if not tags:
            lines.append(_("This forum has no tags I can use yet. Create some in its settings."))
        pick = remove = None
        if tags:
            options = [option(tag.name, tag.id) for tag in tags]
            pick = Choose(self._ask, Reply.OWN, placeholder=_("Add a tag…"), options=options)
        if self._rules:
            options = [option(self._label(rule), number) for number, rule in enumerate(self._rules)]
            remove = Choose(self._remove, placeholder=_("Remove a rule…"), options=options)
        blocks = (headed(_("Post tags"), self._forum.mention, *lines), Row(pick), Row(remove))
        await self.display_card(interaction, *blocks)

    def _name(self, rule: TagRule) -> str:
        tag = self._forum.get_tag(rule.tag_id)
        return tag.name if tag is not None else _("a deleted tag")

    def _label(self, rule: TagRule) -> str:
        name = self._name(rule)
        return _("{tag}: {query}").format(tag=name, query=rule.query) if rule.query else name

    def _said(self, rule: TagRule) -> str:
        name = safe.line(self._name(rule), discord_limits.OPTION)
        if not rule.query:
            return _("**{tag}**: every post").format(tag=name)
        query = safe.plain(rule.query, _QUERY).replace("`", "'")
        return _("**{tag}**: posts that match `{query}`").format(tag=name, query=query)

    async def _ask(self, interaction: Interaction, values: list[str]) -> None:
        line = Line(
            "line",
            _("Posts that match (empty: all posts)"),
            placeholder="source:numerama robots",
            max_length=_QUERY,
            required=False,
        )
        window = Window(_("Add a tag"), partial(self._add, int(values[0])), line, view=self)
        await interaction.response.send_modal(window)

    async def _add(self, tag_id: int, interaction: Interaction, typed: str) -> None:
        text = typed.strip()
        query = subscription_filters.check(text, interaction.client.newsroom.clock.now()).text if text else ""
        tag = self._forum.get_tag(tag_id)
        if tag is None:
            raise Refusal(_("That tag no longer exists."))
        added = await interaction.client.store.forum_tags.add(
            TagRule(tag_id, query),
            tag.name,
            server_id=self._forum.guild.id,
            channel_id=self._forum.id,
            person_id=interaction.user.id,
            limit=_RULES,
        )
        if not added:
            raise Refusal(
                counted(
                    "A forum can have {count} tag rule. Remove one first.",
                    "A forum can have up to {count} tag rules. Remove one first.",
                    _RULES,
                )
            )
        await interaction.client.courier.look_again(self._forum.id)
        await self.show(interaction)

    async def _remove(self, interaction: Interaction, values: list[str]) -> None:
        rule = self._rules[int(values[0])]
        await interaction.client.store.forum_tags.remove(
            rule,
            self._name(rule),
            server_id=self._forum.guild.id,
            channel_id=self._forum.id,
            person_id=interaction.user.id,
        )
        await self.show(interaction)
