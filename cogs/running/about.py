"""What Telex is, what it can do for the asker, and what it keeps about them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from bot.client.discord_client import Telex
from bot.core import locale
from bot.core.locale import _, amount, clickable, ngettext
from bot.core.version import __version__
from bot.posting.rendering import discord_limits
from bot.text.words import fold
from cogs.shared.rights import may_manage_with
from cogs.shared.views import AskerView, Interaction, Press

_EXPORT_BATCH = 500

Slash = app_commands.Command[Any, ..., Any]
Command = Slash | app_commands.Group | app_commands.ContextMenu


class About(commands.Cog):
    """Help, facts and privacy."""

    def __init__(self, bot: Telex) -> None:
        self.bot = bot
        self.started = bot.newsroom.clock.now()

    @app_commands.command(name="help", description=locale_str("What you can do here"))
    async def help(self, interaction: Interaction) -> None:
        """Tell what Telex does."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if interaction.guild is None:
            does = _(
                "Telex follows news feeds, posts their articles in servers and answers questions about them "
                "there. Here it tells you of what you watch for, and keeps your bookmarks."
            )
        else:
            does = clickable(
                _(
                    "Telex follows news feeds and posts their articles here. React to a post with 🔖 or "
                    "press its Save button to keep an article, and find it again with /bookmarks. Ask about "
                    "the news with /ask, or mention Telex with your question; reply to a post to ask about "
                    "its article."
                )
            )
        privacy = _privacy(self.bot.newsroom.settings.privacy_url)
        embed = discord.Embed(title=_("News for your server"), description=f"{does}\n\n{privacy}")
        manages = await may_manage_with(interaction, "feed")
        for title, names in self._topics(interaction, manages=manages):
            for name, value in _fields(title, names):
                embed.add_field(name=name, value=value, inline=False)
        if interaction.guild is not None:
            embed.add_field(name=_("Searching"), value=syntax(), inline=False)
        if interaction.guild is None:
            embed.set_footer(text=_("In a server there is more: searching, reading, and following feeds."))
        await interaction.edit_original_response(embed=embed)

    def _topics(self, interaction: Interaction, *, manages: bool) -> Iterator[tuple[str, list[str]]]:
        reading: list[str] = []
        managing: list[str] = []
        menus: list[str] = []
        for command in self.bot.tree.get_commands():
            for_managers = "managers" in command.extras
            if not usable(command, interaction) or (for_managers and not manages):
                continue
            lines = managing if for_managers else reading
            if isinstance(command, app_commands.Group):
                lines.extend(
                    _line(each)
                    for each in command.walk_commands()
                    if not isinstance(each, app_commands.Group)
                )
            elif isinstance(command, app_commands.ContextMenu):
                use: str = command.extras["does"].message
                menus.append(
                    _("Right-click a post, Apps, **{name}**: {does}.").format(
                        name=_(command.name), does=_(use)
                    )
                )
            else:
                lines.append(_line(command))
        if reading:
            yield _("For everyone"), sorted(reading, key=lambda line: fold(line.strip("`")))
        if menus:
            yield _("In the menu of a post"), menus
        if managing:
            yield _("For those who manage the server’s feeds"), managing

    @app_commands.command(name="about", description=locale_str("Version and status"))
    async def about(self, interaction: Interaction) -> None:
        """Tell facts about this bot and about what the asker can read here."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        articles = self.bot.store.articles
        embed = discord.Embed(title=_("About Telex"))
        embed.add_field(name=_("Version"), value=__version__)
        embed.add_field(name=_("Started"), value=f"<t:{self.started}:R>")
        embed.add_field(
            name=_("Semantic search"), value=_("off") if self.bot.newsroom.meaning is None else _("on")
        )
        if interaction.guild is not None:
            visible = await self.bot.visible_feed_ids(interaction)
            newest = await articles.newest(visible, limit=1) if visible else []
            embed.add_field(name=_("Feeds you can see here"), value=amount(len(visible)))
            embed.add_field(name=_("Articles"), value=amount(await articles.count(visible)))
            embed.add_field(
                name=_("Latest article"),
                value=f"<t:{newest[0].published}:R>" if newest else _("none yet"),
            )
        if await self.bot.is_owner(interaction.user):
            newest_time = await articles.newest_time()
            embed.add_field(
                name=_("All servers"),
                value=_("Servers: {servers} · feeds: {feeds} · articles: {articles} · newest: {age}").format(
                    servers=amount(len(self.bot.guilds)),
                    feeds=amount(await self.bot.store.feeds.count()),
                    articles=amount(await articles.count()),
                    age=f"<t:{newest_time}:R>" if newest_time else "–",
                ),
                inline=False,
            )
        await interaction.edit_original_response(embed=embed)

    @app_commands.command(
        name="privacy", description=locale_str("See, export or delete what Telex stores about you")
    )
    async def privacy(self, interaction: Interaction) -> None:
        """Show, export and delete what is kept about the asker."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await PrivacyView(interaction).show(interaction)


class PrivacyView(AskerView):
    """What is kept about the asker, with a copy of it and its deletion."""

    async def show(self, interaction: Interaction) -> None:
        """Tell what is kept."""
        store, person_id = interaction.client.store, interaction.user.id
        bookmarks = await store.bookmarks.count(person_id)
        questions = await store.questions.count(person_id)
        kept: list[str] = []
        if bookmarks:
            kept.append(
                ngettext(
                    "{count} bookmark: which article, when and where you saved it",
                    "{count} bookmarks: which articles, when and where you saved them",
                    bookmarks,
                ).format(count=amount(bookmarks))
            )
        if questions:
            kept.append(
                ngettext(
                    "{count} question of the last 90 days: where you asked it, and whether it was answered",
                    "{count} questions of the last 90 days: where you asked them, and which were answered",
                    questions,
                ).format(count=amount(questions))
            )
        watches = await store.watches.count(person_id)
        if watches:
            kept.append(
                ngettext(
                    "{count} watch, ended ones for 30 days: what to tell you of, and what you were told",
                    "{count} watches, ended ones for 30 days: what to tell you of, and what you were told",
                    watches,
                ).format(count=amount(watches))
            )
        changes = len(await store.preferences.changes_of(person_id))
        if changes:
            kept.append(
                ngettext(
                    "{count} setting of a server that you changed, and when",
                    "{count} settings of servers that you changed, and when",
                    changes,
                ).format(count=amount(changes))
            )
        if await store.questions.votes_of(person_id):
            kept.append(_("which answers you found helpful or not"))
        opinions = len(await store.opinions.of_person(person_id))
        if opinions:
            kept.append(
                ngettext(
                    "{count} article that you liked, disliked or opened More for in the last three months",
                    "{count} articles that you liked, disliked or opened More for in the last three months",
                    opinions,
                ).format(count=amount(opinions))
            )
        lines = [_("About you Telex keeps:"), *(f"• {one}" for one in kept), ""] if kept else []
        lines += [
            *([] if bookmarks else [_("You have no bookmarks.")]),
            _(
                "Of your messages it reads only those that mention it or are sent to it directly. Nobody "
                "else sees your bookmarks. Whoever runs Telex sees unanswered questions, without names."
            ),
            *(
                []
                if interaction.client.newsroom.writer is None
                else [_("Your questions go to the language model that this Telex uses to write answers.")]
            ),
            _(
                "A bookmark that you remove leaves a mark, so that an old reaction doesn’t bring it back. "
                "“Delete everything” leaves one without your id, which fits one person in 256."
            ),
        ]
        self.clear_items()
        self.add_item(Press(self._export, label=_("Get a copy"), style=discord.ButtonStyle.primary))
        self.add_item(
            Press(
                self._ask, label=_("Delete everything"), style=discord.ButtonStyle.danger, disabled=not kept
            )
        )
        if (policy := interaction.client.newsroom.settings.privacy_url) is not None:
            self.add_item(discord.ui.Button(label=_("Privacy policy"), url=policy))
        self.asked = interaction
        await interaction.edit_original_response(content="\n".join(lines), view=self)

    async def _export(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        file = discord.File(io.BytesIO(await export(interaction)), filename="telex-privacy.json")
        await interaction.edit_original_response(
            content=_("Everything Telex stores about you:"), attachments=[file]
        )

    async def _ask(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        self.clear_items()
        self.add_item(Press(self._delete, label=_("Delete permanently"), style=discord.ButtonStyle.danger))
        self.add_item(Press(self._keep, label=_("Keep everything")))
        self.asked = interaction
        await interaction.edit_original_response(
            content=_(
                "This deletes all that Telex keeps about you, in every server, and cannot be undone. "
                "Delete it?"
            ),
            view=self,
        )

    async def _keep(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        await self.show(interaction)

    async def _delete(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        erased = await interaction.client.store.erase(interaction.user.id)
        interaction.client.newsroom.tastes.forget_all()
        self.stop()
        counted = (
            (erased.bookmarks, ngettext("{count} bookmark", "{count} bookmarks", erased.bookmarks)),
            (erased.questions, ngettext("{count} question", "{count} questions", erased.questions)),
            (erased.votes, ngettext("{count} vote on an answer", "{count} votes on answers", erased.votes)),
            (
                erased.opinions,
                ngettext("{count} opinion on an article", "{count} opinions on articles", erased.opinions),
            ),
            (erased.watches, ngettext("{count} watch", "{count} watches", erased.watches)),
            (
                erased.changes,
                ngettext(
                    "your name on {count} setting change",
                    "your name on {count} setting changes",
                    erased.changes,
                ),
            ),
        )
        deleted = [
            _("Deleted from the database:"),
            *(f"• {words.format(count=amount(count))}" for count, words in counted if count),
            "",
            _(
                "Backups made before now may still hold it, until whoever runs Telex deletes them. What you "
                "wrote on Discord stays there. Old 🔖 reactions won’t bring your bookmarks back."
            ),
        ]
        await interaction.edit_original_response(content="\n".join(deleted), view=None)


async def export(interaction: Interaction) -> bytes:
    """All that is kept about the asker, as a JSON document."""
    kept: list[dict[str, object]] = []
    store = interaction.client.store
    while batch := await store.bookmarks.list(interaction.user.id, limit=_EXPORT_BATCH, offset=len(kept)):
        kept += [
            {
                "url": one.article.url,
                "title": one.article.title,
                "source": one.article.outlet,
                "saved": _iso(one.created),
                "server_id": _id(one.server_id),
                "channel_id": _id(one.channel_id),
                "message_id": _id(one.message_id),
                "note": one.note,
                "tags": one.tags,
                "read": None if one.read is None else _iso(one.read),
            }
            for one in batch
        ]
    document = {
        "person_id": str(interaction.user.id),
        "exported": _iso(interaction.client.newsroom.clock.now()),
        "bookmarks": kept,
        "let_go": await store.bookmarks.let_go(interaction.user.id),
        "questions": [
            {
                "question": one.text,
                "asked": _iso(one.asked),
                "answered": one.answered,
                "public": one.public,
                "server_id": _id(one.server_id),
                "channel_id": _id(one.channel_id),
            }
            for one in await store.questions.of_person(interaction.user.id)
        ],
        "watches": [
            {"query": one.query, "made": _iso(one.created), "server_id": _id(one.server_id)}
            for one in await store.watches.of_person(interaction.user.id)
        ],
        "told": [
            {"url": one.url, "told": _iso(one.sent)} for one in await store.watches.told(interaction.user.id)
        ],
        "settings": [
            {
                "setting": one.setting,
                "changed": _iso(one.changed),
                "old": one.old,
                "new": one.new,
                "server_id": _id(server_id),
                "channel_id": _id(one.channel_id),
            }
            for server_id, one in await store.preferences.changes_of(interaction.user.id)
        ],
        "opinions": [
            {
                "url": one.url,
                "opinion": one.opinion,
                "given": _iso(one.given),
                "server_id": _id(one.server_id),
            }
            for one in await store.opinions.of_person(interaction.user.id)
        ],
        "votes": [
            {"question_id": str(question_id), "voted": _iso(voted), "helped": helped}
            for question_id, voted, helped in await store.questions.votes_of(interaction.user.id)
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2).encode()


def _privacy(policy: str | None) -> str:
    shown = clickable(_("/privacy shows what Telex keeps about you, and deletes it."))
    return shown if policy is None else f"{shown} [{_('Privacy policy')}]({policy})"


def syntax() -> str:
    """The search syntax in the language of this task, by example."""
    lines = (
        _("Word endings, accents and capitals don’t matter."),
        _('`"exact words"` as they stand · `-word` without it · `one OR other` either'),
        _("`title:word` `source:name` `author:name` `tag:name` `lang:fr`"),
        _('`since:7d` `since:"last monday"` `before:2020-06-10` `has:image` `is:bookmarked`'),
        clickable(
            _(
                "While you type, /search offers words, sources, tags and authors; its options write the same "
                "filters. French filter names work too."
            )
        ),
    )
    return "\n".join(lines)


def usable(command: Command, interaction: Interaction) -> bool:
    """Whether a command shows up for the asker, as far as its defaults tell."""
    if interaction.guild is None:
        contexts = command.allowed_contexts
        return contexts is None or contexts.dm_channel is not False
    needed = command.default_permissions
    return needed is None or interaction.permissions.administrator or interaction.permissions >= needed


def _fields(title: str, lines: list[str]) -> Iterator[tuple[str, str]]:
    """Lines as one field of an embed, or as several of about one length where they are too long for it."""
    whole = sum(len(line) + 1 for line in lines)
    enough = whole / -(-whole // discord_limits.FIELD)
    value = ""
    for line in lines:
        if value and (len(value) >= enough or len(value) + 1 + len(line) > discord_limits.FIELD):
            yield title, value
            title, value = "\u200b", ""
        value = f"{value}\n{line}".lstrip("\n")
    yield title, value


def _line(command: Slash) -> str:
    path = locale.command(f"/{command.qualified_name}")
    mention = clickable(path)
    return f"{f'`{path}`' if mention == path else mention} {_(command.description)}"


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _id(snowflake: int | None) -> str | None:
    return None if snowflake is None else str(snowflake)  # JavaScript rounds numbers as large as these
