"""The client: languages, error replies, visible feeds and registration of commands."""

from __future__ import annotations

import asyncio
import copy
import logging
from dataclasses import replace
from typing import Any

import aiohttp
import discord
import pytest
from discord import app_commands
from discord.ext import commands
from simcord.results import InteractionResult

from bot.client import gateway_process
from bot.client.command_registration import translate_for_tag
from bot.client.command_tree import DEFERS_ITSELF_KEY
from bot.client.discord_client import INTENTS, TelexBot
from bot.client.error_replies import error_boundary
from bot.client.sharding.leased_shards import LeasedShards
from bot.core import i18n
from bot.core.configuration.settings import Secret
from bot.core.user_errors import UserFacingError
from bot.drill.discord_stand_in.message_text import extract_layout_text
from tests.support.discord_world import World, open_world
from tests.support.interactions import get_last_reply

Where = app_commands.TranslationContextLocation


class TrialCog(commands.Cog):
    """A command with the behaviour that a test chooses."""

    def __init__(self, bot: TelexBot) -> None:
        self.bot = bot

    @app_commands.command(description="Try something", extras={DEFERS_ITSELF_KEY: True})
    async def trial(self, interaction: discord.Interaction[TelexBot], trial_name: str) -> None:
        if trial_name == "deferred":
            await interaction.response.defer(ephemeral=True)
        await self.perform(interaction, trial_name)

    async def perform(self, interaction: discord.Interaction[TelexBot], behaviour: str) -> None:
        match behaviour:
            case "language":
                await interaction.response.send_message(i18n.current_language())
            case "refusal" | "deferred":
                raise UserFacingError("Not today.")
            case "cooldown":
                raise app_commands.CommandOnCooldown(app_commands.Cooldown(1, 10), 4.4)
            case "mine":
                raise app_commands.MissingPermissions(["manage_guild"])
            case "check":
                raise app_commands.CheckFailure
            case "feeds":
                await interaction.response.defer()
                visible = await self.bot.load_visible_feed_ids(interaction)
                await interaction.followup.send(str(sorted(visible)))
            case "button":
                await interaction.response.send_message("press", view=Button())
            case "late":
                response = type("Response", (), {"status": 404, "reason": ""})()
                raise discord.NotFound(response, {"code": 10062, "message": "Unknown interaction"})
            case _:
                raise ZeroDivisionError


class Button(discord.ui.View):
    @discord.ui.button(label="Press", custom_id="trial")
    async def press(self, interaction: discord.Interaction[Any], button: discord.ui.Button[Any]) -> None:
        async with error_boundary(interaction):
            raise UserFacingError(i18n.current_language())


@pytest.fixture
async def trial(newsroom, clock, monkeypatch) -> Any:
    import cogs  # noqa: PLC0415  # its cogs import the app

    monkeypatch.setattr(cogs, "ALL_COGS", (*cogs.ALL_COGS, TrialCog))
    async with open_world(newsroom, clock) as world:
        yield world


async def run_trial(world: World, behaviour: str) -> InteractionResult:
    return await world.run_as_reader("trial", trial_name=behaviour)


def reply_text(interaction: InteractionResult) -> str:
    message = interaction.followups[-1] if interaction.followups else interaction.response
    return message.content


@pytest.mark.parametrize(
    ("trial_name", "words"),
    [
        ("refusal", "Not today."),
        ("deferred", "Not today."),
        ("cooldown", "Not so fast! Try again in 4 seconds."),
        ("mine", "You need the Manage Server permission for this."),
        ("check", "You can’t use this here."),
    ],
)
async def test_user_errors_are_explained_to_the_user_alone(trial, trial_name, words):
    interaction = await run_trial(trial, trial_name)
    assert reply_text(interaction) == words
    assert (interaction.followups[-1] if interaction.followups else interaction.response).ephemeral
    assert trial.env.errors or trial_name == "deferred"


async def test_internal_error_is_logged_with_number_in_reply(trial, caplog):
    interaction = await run_trial(trial, "boom")
    number = reply_text(interaction).split("`")[1]
    assert interaction.ephemeral
    (record,) = [record for record in caplog.records if record.name == "bot.client.error_replies"]
    assert number in record.getMessage()
    assert record.exc_info is not None
    assert "boom" not in record.getMessage()  # what people type stays out of the log
    trial.ignore_past_errors()


async def test_expired_response_is_logged_as_warning(trial, caplog):
    await run_trial(trial, "late")
    assert [record.levelno for record in caplog.records if record.name == "bot.client.error_replies"] == [
        logging.WARNING
    ]
    trial.ignore_past_errors()


async def test_expired_command_is_logged_as_warning(trial, caplog, monkeypatch):
    async def expire(*_args: object, **_kwargs: object) -> None:
        response: Any = type("Response", (), {"status": 404, "reason": ""})()
        raise discord.NotFound(response, {"code": 10062, "message": "Unknown interaction"})

    monkeypatch.setattr(discord.InteractionResponse, "defer", expire)
    await trial.editor.slash(trial.news, "feed list")
    (record,) = [record for record in caplog.records if record.name == "bot.client.error_replies"]
    assert record.getMessage().startswith("interaction expired")
    trial.ignore_past_errors()


async def test_reply_uses_language_of_user(trial):
    trial.locales[trial.reader.id] = "fr"
    assert reply_text(await run_trial(trial, "language")) == "fr"
    trial.locales[trial.reader.id] = "en-GB"
    assert reply_text(await run_trial(trial, "language")) == "en"


async def test_unsupported_user_language_falls_back_to_server(trial):
    trial.locales[trial.reader.id] = "de"
    assert reply_text(await run_trial(trial, "language")) == "en"
    trial.env.backend.edit_guild(trial.guild.id, {"preferred_locale": "fr"})
    assert reply_text(await run_trial(trial, "language")) == "fr"


async def test_button_errors_are_translated_and_ephemeral(trial):
    trial.locales[trial.reader.id] = "fr"
    button_interaction = await run_trial(trial, "button")
    assert button_interaction.response is not None
    click_interaction = await trial.reader.click(button_interaction.response, label="Press")
    assert reply_text(click_interaction) == "fr"
    assert click_interaction.ephemeral


async def test_feeds_of_hidden_channels_are_not_visible(trial):
    everyone = trial.guild.default_role
    secret = trial.guild.create_text_channel(
        "secret", overwrites={everyone: discord.PermissionOverwrite(view_channel=False)}
    )
    past = trial.guild.create_text_channel(
        "past", overwrites={everyone: discord.PermissionOverwrite(read_message_history=False)}
    )
    trial.env.backend.create_thread(trial.news.id, "thread", trial.editor.id)
    trial.env.backend.create_thread(secret.id, "hidden thread", trial.editor.id)
    (thread,) = trial.news.threads
    (hidden_thread,) = secret.threads
    await trial.env.settle()
    visible_feed = await trial.follow("https://a.example/feed")
    thread_feed = await trial.follow("https://b.example/feed", thread)
    for number, channel in enumerate([secret, past, hidden_thread]):
        await trial.follow(f"https://c{number}.example/feed", channel)
    elsewhere = trial.env.create_guild("Elsewhere").create_text_channel("elsewhere")
    await trial.follow("https://d.example/feed", elsewhere)
    await trial.follow("https://gone.example/feed", trial.guild.create_text_channel("gone"))
    trial.env.backend.delete_channel(trial.guild.channels["gone"].id)
    await trial.env.settle()
    assert reply_text(await run_trial(trial, "feeds")) == str(sorted([visible_feed.id, thread_feed.id]))


async def test_private_thread_is_visible_to_members_only(trial):
    thread = trial.env.backend.create_thread(trial.news.id, "private", trial.editor.id, type=12)
    (handle,) = trial.news.threads
    trial.env.backend.add_thread_member(thread.id, trial.env.backend.bot_user.id)
    await trial.env.settle()
    feed = await trial.follow("https://a.example/feed", handle)
    assert reply_text(await run_trial(trial, "feeds")) == "[]"
    trial.env.backend.add_thread_member(thread.id, trial.reader.id)
    await trial.env.settle()
    assert reply_text(await run_trial(trial, "feeds")) == str([feed.id])


async def test_archived_thread_is_fetched_once(trial):
    thread = trial.env.backend.create_thread(trial.news.id, "archived", trial.editor.id)
    (handle,) = trial.news.threads
    await trial.env.settle()
    feed = await trial.follow("https://a.example/feed", handle)
    trial.env.backend.edit_channel(thread.id, {}, thread_metadata={"archived": True})
    await trial.env.settle()

    def count_channel_requests() -> int:
        return sum(entry.path == f"/channels/{thread.id}" for entry in trial.env.http_requests)

    trial.env.inject_error("GET", f"/channels/{thread.id}", status=503)
    assert reply_text(await run_trial(trial, "feeds")) == "[]"
    assert reply_text(await run_trial(trial, "feeds")) == str([feed.id])
    assert reply_text(await run_trial(trial, "feeds")) == str([feed.id])
    assert count_channel_requests() == 2


async def test_commands_are_registered_only_when_changed(telex):
    def count_registrations() -> int:
        return sum(entry.method == "PUT" and entry.path.endswith("/commands") for entry in telex.env.http_requests)

    earlier_count = count_registrations()
    await telex.restart()
    assert count_registrations() == earlier_count

    @telex.bot.tree.command(description="One more")
    async def one_more(interaction: discord.Interaction[Any]) -> None:
        """Another command."""

    assert await telex.bot.sync_commands()
    assert count_registrations() == earlier_count + 1
    assert not await telex.bot.sync_commands()


@pytest.mark.parametrize("change", ["wiped", "renamed", "of another version"])
async def test_commands_that_differ_at_discord_are_registered_again(telex, change):
    registered_commands = telex.env.backend.commands
    original_commands = copy.deepcopy(registered_commands[None])
    if change == "wiped":
        del registered_commands[None]
    elif change == "renamed":
        registered_commands[None]["feeds", 1] = registered_commands[None].pop(("feed", 1)) | {"name": "feeds"}
    else:
        registered_commands[None]["search", 1]["description"] = "What it was"
    await telex.restart()
    assert registered_commands[None].keys() == original_commands.keys()
    assert registered_commands[None]["search", 1] == original_commands["search", 1] | {
        "id": registered_commands[None]["search", 1]["id"]
    }
    assert not await telex.bot.sync_commands()


async def test_rejected_registration_is_retried(telex, caplog):
    await telex.store.meta.set("commands", "")
    telex.env.inject_error("PUT", "/applications/*/commands", status=400, code=50035)
    assert not await telex.bot.sync_commands()
    assert "command registration failed" in caplog.text
    assert await telex.bot.sync_commands()


async def test_command_names_in_messages_become_mentions(telex):
    """French mentions stay plain text, because Discord shows the English name in a mention."""
    ids = {}
    for name in ("bookmarks", "feed", "watch"):
        registered_command = telex.env.backend.find_command(name, telex.guild.id, type=1)
        ids[name] = registered_command["id"]
    for _start in range(2):  # the second does not register them again
        assert i18n.linkify_commands("No /bookmarks? /feed add or /watch list, not /feed or a/b.") == (
            f"No </bookmarks:{ids['bookmarks']}>? </feed add:{ids['feed']}> or </watch list:{ids['watch']}>, "
            "not /feed or a/b."
        )
        list_text = extract_layout_text(get_last_reply(await telex.run_as_editor("feed list")).components)
        assert f"</feed packs:{ids['feed']}>" in list_text
        telex.locales[telex.editor.id] = "fr"
        assert "`/flux sélections`" in extract_layout_text(
            get_last_reply(await telex.run_as_editor("feed list")).components
        )
        telex.locales.clear()
        await telex.restart()


async def test_command_names_are_plain_text_without_ids(telex):
    telex.env.inject_error("GET", "/applications/*/commands", status=500, code=0)
    telex.env.inject_error("GET", "/applications/*/commands", status=500, code=0)
    await telex.bot.sync_commands()
    assert i18n.linkify_commands("/feed add follows.") == "/feed add follows."


@pytest.mark.parametrize("request_", ["get_global_commands", "bulk_upsert_global_commands"])
async def test_registration_timeout_does_not_stop_start(telex, monkeypatch, request_):
    async def late(*_arguments: object) -> None:
        raise TimeoutError

    if request_ == "bulk_upsert_global_commands":
        await telex.store.meta.set("commands", "others")
    monkeypatch.setattr(telex.bot.http, request_, late)
    assert not await telex.bot.sync_commands()


def make_context(location: Where, data: Any = None) -> Any:
    return app_commands.TranslationContext(location=location, data=data)  # type: ignore[call-overload]  # any


def test_command_names_and_descriptions_are_translated(monkeypatch):
    class French:
        def gettext(self, text: str) -> str:
            return {"Save": "Enregistrer", "long": "x" * 101}.get(text, text)

        def pgettext(self, context: str, text: str) -> str:
            return {("command", "/save"): "/garder", ("option", "url"): "adresse"}.get((context, text), text)

    monkeypatch.setattr(i18n, "load_catalogue", lambda language: French())
    menu = app_commands.ContextMenu(name="Save", callback=_menu)
    assert translate_for_tag("Save", "fr", make_context(Where.command_description)) == "Enregistrer"
    assert translate_for_tag("Save", "fr", make_context(Where.choice_name)) == "Enregistrer"
    assert translate_for_tag("Save", "fr", make_context(Where.command_name, menu)) == "Enregistrer"
    save: app_commands.Command[Any, ..., Any] = app_commands.Command(name="save", description="Save", callback=_slash)
    assert translate_for_tag("save", "fr", make_context(Where.command_name, save)) == "garder"
    assert translate_for_tag("save", "de", make_context(Where.command_name, save)) is None
    assert translate_for_tag("url", "fr", make_context(Where.parameter_name)) == "adresse"
    assert translate_for_tag("Save", "fr", make_context(Where.parameter_name)) is None
    assert translate_for_tag("Save", "de", make_context(Where.command_description)) is None
    assert translate_for_tag("Other", "fr", make_context(Where.command_description)) is None
    assert translate_for_tag("long", "fr", make_context(Where.command_description)) is None


async def _slash(interaction: discord.Interaction[Any]) -> None:
    """A command."""


async def _menu(interaction: discord.Interaction[Any], message: discord.Message) -> None:
    """A menu entry."""


def test_client_requests_no_privileged_intent():
    privileged = discord.Intents(members=True, presences=True, message_content=True)
    assert not INTENTS.value & privileged.value


async def test_client_allows_no_mentions_and_guards_retries(telex):
    bot = telex.bot
    mentions = bot.allowed_mentions
    assert [mentions.everyone, mentions.users, mentions.roles, mentions.replied_user] == [False] * 4
    assert bot.intents == INTENTS
    second_client = TelexBot(telex.newsroom, (), shard_count=1)  # simcord takes the other's transport away
    assert len(second_client.http.http_trace.on_request_end) >= 1
    assert second_client.http.max_ratelimit_timeout == 30


async def test_process_stops_when_shard_handover_fails(settings, monkeypatch, caplog):
    started = asyncio.Event()

    class Client(TelexBot):
        async def start(self, token: str, *, reconnect: bool = True) -> None:
            started.set()
            await asyncio.Event().wait()

    async def fail_handover(_shards: LeasedShards) -> None:
        raise aiohttp.ClientOSError

    monkeypatch.setattr(gateway_process, "TelexBot", Client)
    monkeypatch.setattr(LeasedShards, "hand_over_all", fail_handover)
    settings = replace(settings, discord_token=Secret("token"))
    serving = asyncio.create_task(gateway_process.run_gateway(settings, ()))
    await started.wait()
    serving.cancel()
    done, _pending = await asyncio.wait([serving], timeout=3)
    serving.cancel()
    assert done
    assert serving.cancelled()
    assert "shard handover failed" in caplog.text
