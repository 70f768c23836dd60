"""Which tags of a forum its posts are given: under /settings channel."""

from functools import partial

import discord

from bot.core.choices import TagRule
from bot.core.locale import _, counted
from bot.core.refusals import Refusal
from bot.posting.forums import allowed
from bot.posting.rendering import discord_limits
from bot.posting.rendering.layout.blocks import Row
from bot.text import safe
from bot.watches import subscription_filters
from cogs.shared.panels import ChannelPanel, headed
from cogs.shared.views import Choose, Interaction, Reply, option
from cogs.shared.windows import Line, Window

_RULES = 20  # of a forum

_QUERY = 100


class ForumTagPanel(ChannelPanel):
    """The rules of a forum, a menu of its tags to make one, and one to remove one."""

    def __init__(self, interaction: Interaction, forum: discord.ForumChannel) -> None:
        super().__init__(interaction, forum)
        self._forum = forum
        self._rules: list[TagRule] = []

    async def show(self, interaction: Interaction) -> None:
        self._rules = await self.store.forum_tags.of(self._forum.id)
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

    async def _add(self, tag_id: int, _interaction: Interaction, typed: str) -> None:
        text = typed.strip()
        query = subscription_filters.check(text, self.client.newsroom.clock.now()).text if text else ""
        tag = self._forum.get_tag(tag_id)
        if tag is None:
            raise Refusal(_("That tag no longer exists."))
        added = await self.store.forum_tags.add(
            TagRule(tag_id, query),
            tag.name,
            server_id=self._forum.guild.id,
            channel_id=self._forum.id,
            person_id=self.person_id,
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
        self.has_saved = True
        await self.client.courier.look_again(self._forum.id)

    async def _remove(self, _interaction: Interaction, values: list[str]) -> None:
        rule = self._rules[int(values[0])]
        await self.store.forum_tags.remove(
            rule,
            self._name(rule),
            server_id=self._forum.guild.id,
            channel_id=self._forum.id,
            person_id=self.person_id,
        )
        self.has_saved = True
