"""All commands run by all kinds of users: permissions as in the guide, and no disclosure of hidden articles."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from discord import app_commands

from bot.core.configuration.settings import Settings
from cogs.feeds import starter_packs
from tests.cogs.requesters import (
    ABROAD,
    ALL_WORDS,
    COLLECTOR,
    DIRECT,
    FOREIGNER,
    GROUP,
    GUEST,
    HELPER,
    MANAGER,
    MEMBER,
    OWNER,
    PUBLIC,
    SAVED,
    VAULT,
    VISIBLE_WORDS,
    Requesters,
    create_requesters,
    list_command_names,
)
from tests.support.scenario import list_posted_texts

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guide.md").read_text("utf-8")
IN_SERVER = (MEMBER, HELPER, MANAGER, OWNER, FOREIGNER, COLLECTOR)
ALLOWED_PEOPLE = {
    "Manage Server": (HELPER, MANAGER, OWNER, FOREIGNER),  # the last in a server of their own
    "everyone": IN_SERVER,
    "everyone, also in direct messages": (*IN_SERVER, DIRECT),
    "everyone, anywhere": (*IN_SERVER, DIRECT, GUEST, GROUP),
}
REFUSALS = (
    "You need the Manage Server permission",
    "This only works in a server.",
    "Run this in the server",
)
ERRORS = ("Something went wrong", "This command has changed")

Options = dict[str, Any]


@pytest.fixture
def settings(settings) -> Settings:
    """Settings with a language model service (unreachable), so that all commands are registered."""
    return replace(settings, model_url="http://127.0.0.1:9/v1", model_name="small")


def read_permissions_by_command() -> dict[str, str]:
    """Read from the guide's table which permission each command requires."""
    slash = re.findall(r"^\| `(/[^`]+)` \|[^|]*\| ([^|]+) \|$", GUIDE, re.MULTILINE)
    menus = re.findall(r"^\| `([^`]+)` \(message menu\) \|[^|]*\| ([^|]+) \|$", GUIDE, re.MULTILINE)
    return dict(slash + menus)


def build_subscription_options(crowd: Requesters) -> list[Options]:
    return [{"feed": str(number)} for number in (1, 2, 3)]


def build_article_options(crowd: Requesters) -> list[Options]:
    return [{"link": article.url} for article in crowd.articles.values()]


SAMPLES: dict[str, Callable[[Requesters], list[Options]]] = {
    "/feed add": lambda _: [{"url": "https://nowhere.invalid/feed"}],
    "/feed remove": build_subscription_options,
    "/feed move": lambda crowd: [
        {"feed": str(number), "channel": channel} for number in (2, 3) for channel in (crowd.vault, crowd.abroad)
    ],
    "/feed list": lambda _: [{}],
    "/feed report": lambda _: [{}],
    "/feed pause": lambda _: [{"feed": "3"}, {"feed": "2"}],
    "/feed resume": lambda _: [{"feed": "3"}, {"feed": "2"}],
    "/feed preview": build_subscription_options,
    "/feed filter": lambda crowd: [
        *build_subscription_options(crowd),
        *({"feed": str(number), "never": "thieves"} for number in (1, 2, 3)),
        *(
            {"feed": f"channel:{channel.id}", "never": "thieves"}
            for channel in (crowd.world.news, crowd.vault, crowd.abroad)
        ),
        {"feed": "server"},
        {"feed": "server", "never": "thieves", "until": "tomorrow"},
    ],
    "/feed look": build_subscription_options,
    "/feed refresh": build_subscription_options,
    "/feed alerts": lambda crowd: [{}, {"channel": crowd.world.news}],
    "/feed packs": lambda _: [{"pack": "ai"}],
    "/feed import": lambda _: [{"link": "https://nowhere.invalid/list.opml"}],
    "/feed export": lambda _: [{}],
    "/feed share": lambda crowd: [{"channel": crowd.world.news}, {"channel": crowd.vault}],
    "/setup": lambda _: [{}],
    "/settings server": lambda _: [{}],
    "/settings channel": lambda crowd: [{"channel": crowd.world.news}, {"channel": crowd.vault}],
    "/settings look": lambda _: [{}],
    "/settings profile": lambda _: [{}, {"bio": "thieves"}],
    "/settings mentions": lambda crowd: [{"channel": crowd.world.news}, {"channel": crowd.vault}],
    "/settings history": lambda _: [{}],
    "/settings copy": lambda crowd: [{"channel": crowd.world.news}, {"channel": crowd.vault}],
    "/settings assistants": lambda _: [{}],
    "/settings proposals": lambda _: [{}],
    "/feeds": lambda _: [{}],
    "/propose": lambda _: [{"url": "https://nowhere.invalid/feed"}],
    "/search": lambda _: [{"query": "thieves"}, {"query": "thieves", "source": "gazette"}],
    "/story": lambda _: [{"words": "thieves"}, {"words": "thieves", "public": True}],
    "/ask": lambda _: [{"question": "What did the thieves take?"}],
    "/latest": lambda _: [{}],
    "/settings schedule": lambda crowd: [{"channel": crowd.world.news}, {"channel": crowd.vault}],
    "/settings stories": lambda crowd: [{"channel": crowd.world.news}, {"channel": crowd.vault}],
    "/settings taste": lambda _: [{}],
    "/digest setup": lambda crowd: [{"channel": crowd.world.news}, {"channel": crowd.vault}],
    "/digest list": lambda _: [{}],
    "/digest me": lambda _: [{}],
    "/trends": lambda _: [{}],
    "/watch add": lambda _: [{"query": "thieves"}],
    "/watch list": lambda _: [{}],
    "/watch remove": lambda crowd: [{"watch": str(crowd.watches[word])} for word in (PUBLIC, VAULT, ABROAD)],
    "/why": build_article_options,
    "/save": lambda _: [{"link": "https://nowhere.invalid/page"}, {"link": f"https://{SAVED}.example/thieves"}],
    "/bookmarks": lambda _: [{}, {"query": "thieves"}],
    "/help": lambda _: [{}],
    "/about": lambda _: [{}],
    "/privacy": lambda _: [{}],
}
"""Options to run each command with, for visible and for hidden articles and channels."""


def test_guide_lists_known_permissions():
    assert set(read_permissions_by_command().values()) <= set(ALLOWED_PEOPLE)


async def test_guide_and_samples_cover_all_commands(telex):
    existing_commands = set(list_command_names(telex.bot.tree))
    assert existing_commands == set(read_permissions_by_command())
    assert {name for name in existing_commands if name.startswith("/")} == set(SAMPLES)


@pytest.mark.parametrize("asker", VISIBLE_WORDS)
async def test_command_permissions_match_guide(telex, feed_server, monkeypatch, asker):
    monkeypatch.setattr(starter_packs, "list_outlines", lambda _pack: ())
    people = await create_requesters(telex, feed_server)
    state_before = await load_followed_state(people)
    disclosed_words: set[str] = set()
    for name, permission in read_permissions_by_command().items():
        for reply_text in await run_samples(people, asker, name):
            refusals = [words for words in REFUSALS if words in reply_text]
            is_allowed = asker in ALLOWED_PEOPLE[permission]
            assert bool(refusals) is not is_allowed, f"{name} by {asker}: {reply_text}"
            assert not any(words in reply_text for words in ERRORS), f"{name} by {asker}: {reply_text}"
            disclosed_words |= {word for word in ALL_WORDS if word in reply_text}
            assert disclosed_words <= VISIBLE_WORDS[asker], f"{name} by {asker}: {reply_text}"
    assert disclosed_words == VISIBLE_WORDS[asker]
    if asker not in {HELPER, MANAGER, OWNER}:
        assert await load_followed_state(people) == state_before


async def test_manager_of_other_server_is_refused(telex, feed_server):
    people = await create_requesters(telex, feed_server)
    visitor = telex.env.create_user("visitor")
    abroad = people.abroad.guild
    abroad.add_member(visitor, roles=[abroad.roles["Editors"]])
    telex.guild.add_member(visitor)
    await telex.env.settle()
    people.people["visitor"] = (visitor.id, telex.guild.id, telex.news)
    state_before = await load_followed_state(people)
    for name, permission in read_permissions_by_command().items():
        if permission == "Manage Server":
            for reply_text in await run_samples(people, "visitor", name):
                assert any(words in reply_text for words in REFUSALS), f"{name}: {reply_text}"
                assert not [word for word in ALL_WORDS - {PUBLIC} if word in reply_text], f"{name}: {reply_text}"
    assert await load_followed_state(people) == state_before


async def test_channel_watch_requires_manage_server(telex, feed_server):
    people = await create_requesters(telex, feed_server)
    for asker in VISIBLE_WORDS:
        reply_text = await people.command(asker, "watch add", query="thieves", where=telex.news)
        new_watches = [
            channel_watch
            for channel_watch in await telex.store.watches.list_channel_watches(telex.guild.id)
            if channel_watch.query == "thieves"
        ]
        assert bool(new_watches) is (asker in {HELPER, MANAGER, OWNER}), reply_text
        assert not any(words in reply_text for words in ERRORS)
        for watch in new_watches:
            await telex.store.watches.remove(watch.id)


async def run_samples(people: Requesters, asker: str, name: str) -> list[str]:
    """Run a command or context menu with all its samples and return the texts of the replies."""
    people.world.clock.advance(60)  # nobody is too quick
    if name.startswith("/"):
        return [await people.command(asker, name[1:], **options) for options in SAMPLES[name](people)]
    posts = [people.world.posts(channel)[0] for channel in (people.world.news, people.vault, people.abroad)]
    return [await people.choose_menu_entry(asker, name, post) for post in posts]


async def load_followed_state(people: Requesters) -> object:
    """Load subscriptions and alert channel of the server."""
    store = people.world.store
    servers = [people.world.guild.id, people.people[FOREIGNER][1] or 0]
    subscription_rows = [
        (subscription.server_id, subscription.channel_id, subscription.feed_id, subscription.paused_at)
        for server in servers[:1]
        for subscription, _feed in await store.subscriptions.list_with_feeds(server)
    ]
    return subscription_rows, await store.servers.get_alert_channel_id(servers[0])


async def test_autocomplete_offers_only_visible_words(telex, feed_server):
    people = await create_requesters(telex, feed_server)
    permissions = read_permissions_by_command()
    completed_options = [
        (command.qualified_name, option.name)
        for command in telex.bot.tree.walk_commands()
        if not isinstance(command, app_commands.Group)
        for option in command.parameters
        if option.autocomplete
    ]
    for asker in VISIBLE_WORDS:
        offered_choices: set[str] = set()
        for name, option_name in completed_options:
            choices = await people.autocomplete(asker, name, option_name)
            if asker not in ALLOWED_PEOPLE[permissions[f"/{name}"]]:
                assert choices == "[]", f"/{name} by {asker}: {choices}"
            offered_choices |= {word for word in ALL_WORDS if word in choices}
            assert offered_choices <= VISIBLE_WORDS[asker], f"/{name} by {asker}: {choices}"
        assert offered_choices == VISIBLE_WORDS[asker], asker


async def test_public_answer_omits_hidden_articles(telex, feed_server):
    """The manager, who sees the hidden channel, asks in a channel that the reader sees too."""
    people = await create_requesters(telex, feed_server)
    post_count_before = len(telex.posts())
    for question in ("what did the thieves take?", "search: thieves", "search: gazette"):
        await telex.editor.send(telex.news, f"<@{telex.env.backend.bot_user.id}> {question}")
    reply_texts = list_posted_texts(telex)[post_count_before:]
    reply_texts.append(await people.command(MANAGER, "ask", question="What did the thieves take?", public=True))
    assert len(reply_texts) > 3
    for reply_text in reply_texts:
        assert not [word for word in ALL_WORDS - {PUBLIC} if word in reply_text], reply_text
    assert any(PUBLIC in public_text for public_text in reply_texts)
    private_text = await people.command(MANAGER, "search", query="thieves")
    assert VAULT in private_text
