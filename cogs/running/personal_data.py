"""/privacy: what is kept about the asker, a copy of it, and its deletion."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import discord
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from bot.client.discord_client import Telex
from bot.core.locale import _, amount, ngettext
from bot.posting.rendering.layout import outlets
from bot.posting.rendering.layout.blocks import Card, Row, Rule, text
from bot.store import Erased
from cogs.shared.views import AskerLayout, Interaction, Press, Reply

_EXPORT_BATCH = 500
_RED = 0xED4245  # Discord's own, of what cannot be undone


class Privacy(commands.Cog):
    """What is kept about a person."""

    def __init__(self, bot: Telex) -> None:
        self.bot = bot

    @app_commands.command(
        name="privacy", description=locale_str("See, export or delete what Telex stores about you")
    )
    async def privacy(self, interaction: Interaction) -> None:
        await PersonalData(interaction).show(interaction)


class PersonalData(AskerLayout):
    """What is kept about the asker, with a copy of it and its deletion."""

    async def show(self, interaction: Interaction) -> None:
        kept = await _kept(interaction)
        told = _("What Telex stores about you:") if kept else _("Telex stores nothing about you.")
        small = [
            _(
                "Of your messages, Telex only reads those that mention it, reply to it or are sent to it. "
                "Only you see your bookmarks. Whoever runs Telex sees unanswered questions, without names."
            ),
        ]
        if interaction.client.newsroom.writing is not None:
            small.append(_("Your questions go to the language model that this Telex uses to write answers."))
        small.append(
            _(
                "Removed bookmarks leave a mark, so that an old reaction doesn’t bring them back. After "
                "“Delete everything” that mark has no id: it fits one person in 256."
            )
        )
        policy = interaction.client.newsroom.settings.privacy_url
        red = discord.ButtonStyle.danger
        card = Card(
            (
                text(_listed(_("Your data"), told, kept)),
                Rule(),
                text("\n".join(f"-# {line}" for line in small)),
                Row(
                    Press(self._export, Reply.NEW, label=_("Export"), style=discord.ButtonStyle.primary),
                    Press(self._ask, label=_("Delete everything"), style=red, disabled=not kept),
                    None if policy is None else discord.ui.Button(label=_("Privacy policy"), url=policy),
                ),
            ),
            outlets.COLOUR,
        )
        await self.display(interaction, (card,))

    async def _export(self, interaction: Interaction) -> None:
        file = discord.File(io.BytesIO(await export(interaction)), filename="telex-privacy.json")
        await interaction.edit_original_response(
            content=_("Everything Telex stores about you:"), attachments=[file]
        )

    async def _ask(self, interaction: Interaction) -> None:
        red = discord.ButtonStyle.danger
        card = Card(
            (
                text(
                    _listed(
                        _("Delete everything about you?"),
                        _("This permanently deletes, in every server:"),
                        await _kept(interaction),
                    )
                ),
                text(f"-# {_afterwards()}"),
                Row(
                    Press(self._delete, label=_("Delete permanently"), style=red),
                    Press(self.show, label=_("Keep everything")),
                ),
            ),
            _RED,
        )
        await self.display(interaction, (card,))

    async def _delete(self, interaction: Interaction) -> None:
        erased = await interaction.client.store.erase(interaction.user.id)
        interaction.client.newsroom.tastes.forget_all()
        small = [_afterwards()]
        if not erased.log_emptied:
            small.insert(
                0,
                _(
                    "⚠️ Another program is reading the database, so traces may stay in its log file for a "
                    "while."
                ),
            )
        card = Card(
            (
                text(_listed(_("Deleted"), "", list(_counted(erased)))),
                text("\n".join(f"-# {line}" for line in small)),
            ),
            outlets.COLOUR,
        )
        await self.end(interaction, (card,))


def _listed(title: str, told: str, entries: list[str]) -> str:
    return "\n".join(filter(None, (f"### {title}", told, *(f"• {one}" for one in entries))))


def _afterwards() -> str:
    return _(
        "Backups made before may still hold it until whoever runs Telex deletes them. What you wrote on "
        "Discord stays there. Old 🔖 reactions won’t bring your bookmarks back."
    )


async def _kept(interaction: Interaction) -> list[str]:
    """What is kept about the asker, a line each."""
    store, person_id = interaction.client.store, interaction.user.id
    bookmarks = await store.bookmarks.count(person_id)
    questions = await store.questions.count(person_id)
    kept: list[str] = []
    if bookmarks:
        kept.append(
            ngettext(
                "{count} bookmark: the article, when and where you saved it, your note and tags",
                "{count} bookmarks: the articles, when and where you saved them, your notes and tags",
                bookmarks,
            ).format(count=amount(bookmarks))
        )
    if questions:
        kept.append(
            ngettext(
                "{count} question from the last 90 days: where you asked it, and whether it was answered",
                "{count} questions from the last 90 days: where you asked them, and which were answered",
                questions,
            ).format(count=amount(questions))
        )
    watches = await store.watches.count(person_id)
    if watches:
        kept.append(
            ngettext(
                "{count} watch, kept 30 days after it ends: what it looks for and what it sent you",
                "{count} watches, kept 30 days after they end: what they look for and what they sent you",
                watches,
            ).format(count=amount(watches))
        )
    if await store.personal_digests.of_person(person_id) is not None:
        kept.append(_("your digest: when you get it, of what, in which language and time zone"))
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
    return kept


def _counted(erased: Erased) -> Iterator[str]:
    """What was deleted, a line each."""
    counted = (
        (erased.bookmarks, ngettext("{count} bookmark", "{count} bookmarks", erased.bookmarks)),
        (erased.questions, ngettext("{count} question", "{count} questions", erased.questions)),
        (erased.votes, ngettext("{count} vote on an answer", "{count} votes on answers", erased.votes)),
        (
            erased.opinions,
            ngettext("{count} opinion on an article", "{count} opinions on articles", erased.opinions),
        ),
        (erased.watches, ngettext("{count} watch", "{count} watches", erased.watches)),
        (erased.digests, _("your digest")),
        (
            erased.changes,
            ngettext(
                "your name on {count} setting change",
                "your name on {count} setting changes",
                erased.changes,
            ),
        ),
    )
    return (words.format(count=amount(count)) for count, words in counted if count)


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
        "digest": await _digest(interaction),
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


async def _digest(interaction: Interaction) -> dict[str, object] | None:
    digest = await interaction.client.store.personal_digests.of_person(interaction.user.id)
    if digest is None:
        return None
    feeds = [await interaction.client.store.feeds.get(feed_id) for feed_id in digest.plan.feeds]
    return {
        "when": str(digest.plan),
        "time_zone": digest.plan.time_zone,
        "language": digest.language,
        "feeds": [feed.title for feed in feeds if feed is not None],
        "topics": digest.plan.topics,
        "watches": digest.plan.watches,
        "made": _iso(digest.created),
        "paused": None if digest.paused is None else _iso(digest.paused),
        "server_id": _id(digest.server_id),
    }


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _id(snowflake: int | None) -> str | None:
    return None if snowflake is None else str(snowflake)  # JavaScript rounds numbers as large as these
