"""/settings mentions: mention rules by topic, with trial, daily limit and undo."""

from __future__ import annotations

import discord
import pytest
from simcord.builders import RoleHandle

from bot.core.models import Feed
from bot.core.preferences import DigestPlan, MentionRule, PostLook
from bot.posting.sending.permissions import INVITE_PERMISSIONS
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss_item
from tests.support.interactions import find_menu, get_last_reply, list_button_labels, press_button, read_reply_text
from tests.support.message_texts import find_title
from tests.support.scenario import (
    START,
    follow_feed,
    get_first_subscription_id,
    get_newest_article,
    make_three_rss_items,
    publish_items,
    run_why,
)

DAY = 86_400
TOPIC = "openai OR anthropic"


@pytest.fixture
def role(telex) -> RoleHandle:
    ai_role = telex.guild.create_role("AI", mentionable=True)
    for name in ("ada", "bram"):
        telex.guild.add_member(telex.env.create_user(name), roles=[ai_role])
    return ai_role


async def save_rule(world: World, role: RoleHandle, topic: str = TOPIC, limit: int = 5) -> str:
    trial = await world.run_as_editor("settings mentions", role=role, topic=topic, limit=limit)
    assert list_button_labels(get_last_reply(trial)) == ["Save this rule", "Cancel"], read_reply_text(trial)
    return read_reply_text(await press_button(world.editor, trial, "Save this rule"))


def make_item(number: int, title: str) -> str:
    return make_rss_item(number, title=title, body="A text.", published=START - 1)


def read_mentions(world: World) -> list[tuple[str, list[int]]]:
    """List the content and the notified roles of each post, oldest first."""
    stored_posts = [world.env.backend.get_message(world.news.id, post.id) for post in world.posts()]
    assert all(
        not stored_post.allowed_mentions.everyone and stored_post.allowed_mentions.users == frozenset()
        for stored_post in stored_posts
    )
    return [(stored_post.content, sorted(stored_post.allowed_mentions.roles or ())) for stored_post in stored_posts]


class Paper:
    """A followed feed with all its items."""

    def __init__(self, world: World, server: FeedServer, feed: Feed) -> None:
        self.world, self.server, self.feed = world, server, feed
        self.items = list(make_three_rss_items())

    async def publish(self, *titles: str) -> list[tuple[str, list[int]]]:
        """Publish an article for each title, one after the other, and return the mentions of their posts."""
        count = len(self.world.posts())
        for article_title in titles:
            self.items.insert(0, make_item(100 + len(self.items), article_title))
            await publish_items(self.world, self.server, self.feed, *self.items)
        return read_mentions(self.world)[count:]


@pytest.fixture
async def paper(telex, feed_server) -> Paper:
    return Paper(telex, feed_server, await follow_feed(telex, feed_server))


async def test_mention_rule_is_tried_saved_applied_and_undone(telex, paper, role):
    bot_role = telex.guild.roles[telex.env.backend.bot_user.name]
    bot_permissions = INVITE_PERMISSIONS.value | discord.Permissions(manage_roles=True).value
    telex.env.backend.edit_role(telex.guild.id, bot_role.id, {"permissions": bot_permissions})
    await telex.env.settle()
    await paper.publish("OpenAI ships a model", "A bridge closes")
    panel = await telex.run_as_editor("settings mentions")
    assert "No rules yet. Choose a role to begin." in read_reply_text(panel)
    menu_id, options = find_menu(get_last_reply(panel))
    assert [(option["label"], option.get("description")) for option in options] == [("@AI", "2 members")]
    form = await telex.editor.select(get_last_reply(panel), [str(role.id)], custom_id=menu_id)
    trial = await telex.editor.submit_modal(form, {"topic": TOPIC, "limit": "1"})
    assert "Would have mentioned the role in 1 of 3 posts of the last 30 days" in read_reply_text(trial)
    assert f"<@&{role.id}> (2 members) for `openai OR anthropic`, up to 1 mention a day" in read_reply_text(trial)
    assert "🔔 [OpenAI ships a model]" in read_reply_text(trial)
    assert "A bridge closes" not in read_reply_text(trial)
    assert await telex.store.mention_rules.list_by_channel(telex.news.id) == []
    save_reply = await press_button(telex.editor, trial, "Save this rule")
    assert await telex.store.mention_rules.list_by_channel(telex.news.id) == [MentionRule(role.id, TOPIC, 1)]
    assert "Saved." in read_reply_text(save_reply)
    assert await paper.publish("Anthropic hires", "Another bridge", "OpenAI again") == [
        (f"<@&{role.id}>", [role.id]),
        ("", []),
        ("", []),  # Beyond one a day, and posted all the same.
    ]
    newest_link = (await get_newest_article(telex, paper.feed)).url
    assert f"doesn’t mention <@&{role.id}> for `openai OR anthropic`: the limit" in await run_why(telex, newest_link)
    telex.locales[telex.reader.id] = "fr"
    first_link = next(
        article.url
        for article in await telex.store.articles.list_newest([paper.feed.id], limit=9)
        if article.title == "Anthropic hires"
    )
    assert f"mentionne <@&{role.id}>\N{NO-BREAK SPACE}: l’article répond à `openai OR anthropic`" in await run_why(
        telex, first_link
    )
    rule_list = await telex.run_as_editor("settings mentions")
    assert "Limit reached: 1 post of the last 24 hours came without the mention." in read_reply_text(rule_list)
    history = read_reply_text(await telex.run_as_editor("settings history"))
    assert f"**Mention by topic**: none → <@&{role.id}> for `openai OR anthropic`, up to 1 mention a day" in history
    await telex.advance(DAY)
    assert await paper.publish("OpenAI tomorrow") == [(f"<@&{role.id}>", [role.id])]
    trial = await telex.run_as_editor("settings mentions", role=role, topic=TOPIC, limit=50)
    save_reply = await press_button(telex.editor, trial, "Save this rule")
    assert await telex.store.mention_rules.list_by_channel(telex.news.id) == [MentionRule(role.id, TOPIC, 50)]
    undo_reply = await press_button(telex.editor, save_reply, "Undo the change")
    assert "Undone:" in read_reply_text(undo_reply)
    assert await telex.store.mention_rules.list_by_channel(telex.news.id) == [MentionRule(role.id, TOPIC, 1)]


async def test_role_is_mentioned_once_and_not_by_edits(telex, paper, role):
    politics = telex.guild.create_role("Politics", mentionable=True)
    await save_rule(telex, role)
    await save_rule(telex, role, "model")
    await save_rule(telex, politics, "election")
    await telex.store.subscriptions.set_look(
        int(await get_first_subscription_id(telex)), PostLook(role_id=role.id), user_id=telex.editor.id
    )
    both_mentions = f"<@&{role.id}> <@&{politics.id}>"
    assert await paper.publish("OpenAI shows a model", "A model for the election") == [
        (f"<@&{role.id}>", [role.id]),
        (both_mentions, sorted([role.id, politics.id])),
    ]
    edits_before = len(telex.env.backend.http_requests)
    paper.items[0] = paper.items[0].replace("A model for the election", "A model for the elections")
    await publish_items(telex, paper.server, paper.feed, *paper.items)
    await telex.advance(3600)
    await telex.deliver()
    edits = [
        entry
        for entry in telex.env.backend.http_requests[edits_before:]
        if entry.method == "PATCH" and "/messages/" in entry.path
    ]
    assert edits
    assert all(entry.json["allowed_mentions"] == {"parse": []} for entry in edits)
    assert read_mentions(telex)[-1][0] == both_mentions  # It stays an embed with its text.


@pytest.mark.parametrize("obstacle", ["gone", "not mentionable"])
async def test_post_is_sent_without_unmentionable_role(telex, paper, role, obstacle):
    await save_rule(telex, role)
    if obstacle == "gone":
        telex.env.backend.delete_role(telex.guild.id, role.id)
    else:
        telex.env.backend.edit_role(telex.guild.id, role.id, {"mentionable": False})
    await telex.env.settle()
    assert await paper.publish("OpenAI ships") == [("", [])]
    rule_list = read_reply_text(await telex.run_as_editor("settings mentions"))
    if obstacle == "gone":  # The rule ended with its role.
        assert "No rules yet" in rule_list
    else:
        assert f"⚠️ <@&{role.id}> won’t be mentioned" in rule_list
        explanation = await run_why(telex, (await get_newest_article(telex, paper.feed)).url)
        assert f"doesn’t mention <@&{role.id}> for `openai OR anthropic`: the role was gone" in explanation


async def test_mention_rule_requires_mentionable_role_and_permission(telex, feed, role):
    backend = telex.env.backend

    async def read_refusal(chosen_role: RoleHandle, topic: str = TOPIC, limit: int = 5) -> str:
        reply = await telex.run_as_editor("settings mentions", role=chosen_role, topic=topic, limit=limit)
        assert list_button_labels(get_last_reply(reply)) == []
        return read_reply_text(reply)

    staff = telex.guild.create_role("Staff")
    assert "I never mention @everyone" in await read_refusal(telex.guild.default_role)
    assert "belongs to an app" in await read_refusal(telex.guild.roles[telex.env.backend.bot_user.name])
    assert f"You can’t mention <@&{staff.id}> there" in await read_refusal(staff)
    assert "the" in await read_refusal(role, "the")
    only_role = await telex.run_as_editor("settings mentions", role=role)
    assert "Choose both a role and a topic" in read_reply_text(only_role)
    trial = await telex.run_as_editor("settings mentions", role=role, topic=TOPIC)
    backend.edit_role(telex.guild.id, role.id, {"mentionable": False})
    await telex.env.settle()
    refusal = await press_button(telex.editor, trial, "Save this rule")
    assert "You can’t mention" in read_reply_text(refusal)
    backend.edit_role(telex.guild.id, role.id, {"mentionable": True})
    backend.edit_role(telex.guild.id, telex.guild.roles["Editors"].id, {"permissions": 0})
    await telex.env.settle()
    refusal = await press_button(telex.editor, trial, "Save this rule")
    assert "Manage Server" in read_reply_text(refusal)
    assert await telex.store.mention_rules.list_by_channel(telex.news.id) == []


async def test_panel_is_shown_when_role_counts_time_out(telex, monkeypatch):
    async def time_out(_guild: discord.Guild) -> None:
        raise TimeoutError

    monkeypatch.setattr(discord.Guild, "role_member_counts", time_out)
    panel = read_reply_text(await telex.run_as_editor("settings mentions"))
    assert "I can’t see how many members roles have." in panel


async def test_higher_role_is_mentioned_and_counts_need_permission(telex, paper, role):
    telex.env.backend.edit_role(telex.guild.id, role.id, {"position": 9})
    await telex.env.settle()
    panel = read_reply_text(await telex.run_as_editor("settings mentions"))
    assert "I can’t see how many members roles have. Give me Manage Roles for that." in panel
    await save_rule(telex, role)
    assert await paper.publish("OpenAI ships") == [(f"<@&{role.id}>", [role.id])]
    rule_list = await telex.run_as_editor("settings mentions")
    removal = await press_button(telex.editor, rule_list, "Remove 1")
    assert "Removed: <@&" in read_reply_text(removal)
    assert await telex.store.mention_rules.list_by_channel(telex.news.id) == []


async def test_catch_up_and_digest_do_not_mention_roles(telex, feed, feed_server, role):
    await save_rule(telex, role, "late")
    await telex.advance(3600)
    items = [make_rss_item(200 + n, title=f"Late {n}", published=START + n) for n in range(20)]
    await publish_items(telex, feed_server, feed, *reversed(items), *make_three_rss_items())
    catch_ups = [post for post in telex.posts() if "arrived in the meantime" in (find_title(post) or "")]
    assert catch_ups
    plan, place = DigestPlan(weekday=None, minute=0), {"server_id": telex.guild.id, "channel_id": telex.news.id}
    digest = await telex.store.digests.save(plan, **place, user_id=telex.editor.id, limit=9)
    assert digest is not None
    post_count = len(telex.posts())
    await telex.advance(digest.due_at - telex.clock.now() + 1)
    await telex.deliver()
    collective_post_ids = {post.id for post in (*catch_ups, *telex.posts()[post_count:])}
    assert len(collective_post_ids) > len(catch_ups)
    mention_by_id = {post.id: mention for post, mention in zip(telex.posts(), read_mentions(telex), strict=True)}
    assert all(mention_by_id[message_id] == ("", []) for message_id in collective_post_ids)


async def test_mention_rules_are_deleted_with_channel(telex, feed_server, role):
    channel = telex.guild.create_text_channel("ai")
    await telex.env.settle()
    rule = MentionRule(role.id, TOPIC, 5)
    await telex.store.mention_rules.save(
        rule, server_id=telex.guild.id, channel_id=channel.id, user_id=telex.editor.id, limit=1
    )
    telex.env.backend.delete_channel(channel.id)
    await telex.env.settle()
    assert await telex.store.mention_rules.list_by_channel(channel.id) == []
