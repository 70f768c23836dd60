"""Forged clicks: custom IDs with IDs of other users or servers, or with invalid IDs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import cogs
from bot.posting.rendering import buttons
from cogs.shared.views import OwnedView
from tests.cogs.requesters import (
    ABROAD,
    ALL_WORDS,
    COLLECTOR,
    MANAGER,
    MEMBER,
    NOBODY,
    OWNER,
    PUBLIC,
    SAVED,
    VAULT,
    VISIBLE_WORDS,
    Requesters,
    create_requesters,
    list_persistent_item_classes,
)
from tests.support.discord_world import World
from tests.support.interactions import find_menu

Forged = tuple[str, list[str] | None]
INVALID_IDS = ("0", "9" * 18, "9" * 19, "٣", "x", "%00", "'--", "🔖" * 20)
"""Texts in place of an ID."""


async def add_hidden_question(people: Requesters) -> int:
    """Add a private question of the manager and return its ID."""
    return await people.world.store.questions.add(
        server_id=people.world.guild.id,
        channel_id=people.vault.id,
        user_id=people.people[MANAGER][0],
        text=f"Who took the {VAULT}?",
        language="en",
        is_public=False,
        is_answered=True,
    )


async def mute_stories(people: Requesters) -> None:
    """Mute a story for the reader, the collector, the hidden channel and the channel abroad."""
    world, collector_id = people.world, people.people[COLLECTOR][0]
    own_watch = await world.store.watches.get(people.watches[SAVED])
    assert own_watch is not None
    for word, channel_id, server_id, user_id in (
        (PUBLIC, world.reader.user.dm_channel.id, None, world.reader.id),
        (VAULT, people.vault.id, world.guild.id, world.reader.id),
        (ABROAD, people.abroad.id, people.abroad.guild.id, world.reader.id),
        (SAVED, own_watch.channel_id, None, collector_id),
    ):
        muted_story = await world.store.muted_stories.mute(
            people.articles[word].id,
            channel_id=channel_id,
            server_id=server_id,
            user_id=user_id,
            is_personal=server_id is None,
            feed_ids=[people.articles[word].feed_id],
            muted_until=None,
            lead_length=100,
            limit=9,
        )
        assert muted_story is not None
        people.mutes[word] = muted_story.id


FORGERIES: dict[str, Callable[[Requesters, str, int], list[Forged]]] = {
    "save_button": lambda people, word, _: [(buttons.save_button_id(people.articles[word].key), None)],
    "more_button": lambda people, word, _: [(f"telex:more:{people.articles[word].key}", None)],
    "similar_articles_button": lambda people, word, _: [(f"telex:like:{people.articles[word].key}", None)],
    "story_button": lambda people, word, _: [(buttons.STORY_BUTTON.custom_id(people.articles[word].key), None)],
    "story_menu": lambda people, word, _: [(buttons.STORY_MENU_ID, [people.articles[word].key])],
    "story_order_button": lambda people, word, _: [(f"telex:story-order:newest:{people.articles[word].key}:x", None)],
    "story_watch_button": lambda people, word, _: [(f"telex:story-watch:{people.articles[word].key}:", None)],
    "share_button": lambda people, word, _: [(f"telex:share:{people.articles[word].key}", None)],
    "note_button": lambda people, word, _: [(f"telex:note:{people.articles[word].key}", None)],
    "mark_read_button": lambda people, word, _: [(f"telex:mark:read:{people.articles[word].key}", None)],
    "save_menu": lambda people, word, _: [
        (buttons.save_menu_id(key), [people.articles[word].key]) for key in (people.articles[word].key, "catch-up:1")
    ],
    "show_all_button": lambda people, word, _: [
        (f"telex:all:{key}", None) for key in (people.articles[word].key, "catch-up:1")
    ],
    "stop_watch_button": lambda people, word, _: [(f"telex:stop:watch:{people.watches[word]}:1", None)],
    "mute_story_button": lambda people, word, _: [(f"telex:mute:{people.articles[word].key}", None)],
    "mute_choice_button": lambda _people, _word, _question: [(buttons.MUTE_CHOICE_BUTTON.custom_id(), None)],
    "undo_mute_button": lambda people, word, _: [(f"telex:unmute:{people.mutes[word]}", None)],
    # In capitals, so that what was searched for isn't taken for a title.
    "results_button": lambda _people, word, _: [(buttons.RESULTS_BUTTON.custom_id(word.upper()), None)],
    "trends_button": lambda _people, _word, _question: [(buttons.TRENDS_BUTTON.custom_id(), None)],
    "ask_button": lambda _people, _word, _question: [(buttons.QUESTION_BUTTON.custom_id(), None)],
    "personal_digest_button": lambda _people, _word, _question: [(buttons.PERSONAL_DIGEST_BUTTON.custom_id(), None)],
    "setup_button": lambda _people, _word, _question: [(buttons.BEGIN_BUTTON.custom_id(), None)],
    "vote_button": lambda _people, _word, question: [(buttons.vote_button_id(question, has_helped=False), None)],
    "follow_up_button": lambda _people, _word, question: [(f"telex:next:{question}:0", None)],
    "create_watch_button": lambda _people, _word, question: [(f"telex:tell:{question}", None)],
    "show_quotes_button": lambda _people, _word, question: [(buttons.SHOW_QUOTES_BUTTON.custom_id(question), None)],
    "save_sources_button": lambda _people, _word, question: [(buttons.SAVE_SOURCES_BUTTON.custom_id(question), None)],
    "approve_proposal_button": lambda _people, _word, _question: [(buttons.APPROVE_PROPOSAL_BUTTON.custom_id(1), None)],
    "decline_proposal_button": lambda _people, _word, _question: [(buttons.DECLINE_PROPOSAL_BUTTON.custom_id(1), None)],
    "decline_with_reason_button": lambda _people, _word, _question: [
        (buttons.DECLINE_WITH_REASON_BUTTON.custom_id(1), None)
    ],
    "block_proposer_button": lambda _people, _word, _question: [(buttons.BLOCK_PROPOSER_BUTTON.custom_id(1), None)],
    "notices_off_button": lambda _people, _word, _question: [(buttons.NOTICES_OFF_BUTTON.custom_id(1), None)],
    "proposal_channel_menu": lambda people, _word, _question: [("telex:proposal-channel:1", [str(people.vault.id)])],
}
MODAL_KINDS = {"ask_button"}
QUESTION_KINDS = {
    "vote_button",
    "follow_up_button",
    "create_watch_button",
    "show_quotes_button",
    "save_sources_button",
}
"""Kinds of buttons whose custom ID names a question."""
ID_TEMPLATES = {
    "save_button": "telex:save:{}",
    "more_button": "telex:more:{}",
    "similar_articles_button": "telex:like:{}",
    "story_button": "telex:story:{}",
    "story_menu": buttons.STORY_MENU_ID,
    "story_order_button": "telex:story-order:newest:{}:",
    "story_watch_button": "telex:story-watch:{}:",
    "share_button": "telex:share:{}",
    "note_button": "telex:note:{}",
    "mark_read_button": "telex:mark:read:{}",
    "save_menu": "telex:pick:{}",
    "show_all_button": "telex:all:{}",
    "vote_button": "telex:vote:up:{}",
    "follow_up_button": "telex:next:{}:0",
    "create_watch_button": "telex:tell:{}",
    "show_quotes_button": "telex:quotes:{}",
    "save_sources_button": "telex:save-sources:{}",
    "stop_watch_button": "telex:stop:watch:{}:1",
    "mute_story_button": "telex:mute:{}",
    "mute_choice_button": buttons.MUTE_CHOICE_BUTTON.custom_id(),
    "undo_mute_button": "telex:unmute:{}",
    "results_button": "telex:results:{}",
    "trends_button": buttons.TRENDS_BUTTON.custom_id(),
    "ask_button": buttons.QUESTION_BUTTON.custom_id(),
    "personal_digest_button": buttons.PERSONAL_DIGEST_BUTTON.custom_id(),
    "setup_button": buttons.BEGIN_BUTTON.custom_id(),
    "approve_proposal_button": "telex:proposal-follow:{}",
    "decline_proposal_button": "telex:proposal-decline:{}",
    "decline_with_reason_button": "telex:proposal-refuse:{}",
    "block_proposer_button": "telex:proposal-block:{}",
    "notices_off_button": "telex:notices-off:{}",
    "proposal_channel_menu": "telex:proposal-channel:{}",
}


def list_persistent_item_names(world: World) -> set[str]:
    """List the names of the classes of buttons and menus that work after a restart."""
    return {kind.__name__ for kind in list_persistent_item_classes()}


async def count_bookmarks(people: Requesters) -> list[int]:
    """Count the bookmarks of each person."""
    count = people.world.store.bookmarks.count
    return [await count(person) for person, _guild, _channel in people.people.values()]


async def test_forgeries_cover_all_persistent_items(telex):
    assert list_persistent_item_names(telex) == set(FORGERIES) == set(ID_TEMPLATES)


@pytest.mark.parametrize("asker", sorted(VISIBLE_WORDS.keys() - {NOBODY}))  # A click has a member.
async def test_forged_button_reveals_and_changes_nothing(telex, feed_server, asker):
    people = await create_requesters(telex, feed_server)
    await mute_stories(people)
    question_id = await add_hidden_question(people)
    counts_before = await count_bookmarks(people)
    message = telex.posts()[0]
    for kind, build_forgeries in FORGERIES.items():
        telex.clock.advance(60)  # nobody is too quick
        for word in ALL_WORDS - VISIBLE_WORDS[asker]:
            for custom_id, selected_values in build_forgeries(people, word, question_id):
                if kind in QUESTION_KINDS and asker == MANAGER:
                    continue  # their own
                reply_text = await people.click(asker, message, custom_id, selected_values)
                assert not [
                    forbidden_word
                    for forbidden_word in ALL_WORDS - VISIBLE_WORDS[asker]
                    if forbidden_word in reply_text
                ], reply_text
                assert reply_text or kind in MODAL_KINDS, f"{custom_id} by {asker}"
                for words in ("Something went wrong", "Saved", "Removed", "Thanks"):
                    assert words not in reply_text, f"{custom_id} by {asker}: {reply_text}"
    assert await count_bookmarks(people) == counts_before
    for watch in people.watches.values():
        assert await people.world.store.watches.get(watch) is not None
    for mute in people.mutes.values():
        assert await people.world.store.muted_stories.get(mute) is not None
    assert await people.world.store.questions.vote(question_id, 1, is_helpful=True) is True


@pytest.mark.parametrize("name", ["Bookmark", "More like this"])
async def test_context_menu_forged_for_hidden_channel_is_refused(telex, feed_server, name):
    people = await create_requesters(telex, feed_server)
    people.people["intruder"] = (telex.reader.id, telex.guild.id, people.vault)
    counts_before = await count_bookmarks(people)
    reply_text = await people.choose_menu_entry("intruder", name, telex.posts(people.vault)[0])
    assert "a feed you can’t see" in reply_text
    assert VAULT not in reply_text
    assert await count_bookmarks(people) == counts_before


async def test_button_for_visible_article_works(telex, feed_server):
    people = await create_requesters(telex, feed_server)
    key = people.articles[VAULT].key
    assert "Removed" in await people.click(MANAGER, telex.posts()[0], buttons.save_button_id(key))
    assert "Saved" in await people.click(MANAGER, telex.posts()[0], buttons.save_button_id(key))


async def test_invalid_id_gets_reply(telex, feed_server):
    people = await create_requesters(telex, feed_server)
    patterns = {
        item_class.__name__: item_class.__discord_ui_compiled_template__
        for item_class in list_persistent_item_classes()
    }
    for kind, template in ID_TEMPLATES.items():
        telex.clock.advance(60)  # nobody is too quick
        for invalid_id in INVALID_IDS:
            custom_id = template.format(invalid_id)[:100]
            if patterns[kind].fullmatch(custom_id):
                selected_values = [invalid_id] if kind == "save_menu" else None
                reply_text = await people.click(MEMBER, telex.posts()[0], custom_id, selected_values)
                assert reply_text or kind in MODAL_KINDS, custom_id
                assert "Something went wrong" not in reply_text, custom_id


def iterate_view_classes(kind: type[OwnedView] = OwnedView) -> Iterator[type[OwnedView]]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from iterate_view_classes(subclass)


def test_views_inherit_interaction_check():
    assert cogs.ALL_COGS  # so that their modules are there
    view_classes = list(iterate_view_classes())
    assert view_classes
    for view in view_classes:
        assert "interaction_check" not in vars(view), view.__name__


@pytest.mark.parametrize("asker", [OWNER, MANAGER])
async def test_page_of_other_user_is_refused(telex, feed_server, asker):
    people = await create_requesters(telex, feed_server)
    answer = await telex.run_as_reader("latest")
    assert answer.response is not None
    custom_id, _options = find_menu(answer.response)
    reply_text = await people.click(asker, answer.response, custom_id, [people.articles[PUBLIC].key])
    assert "for the person who asked" in reply_text
    assert PUBLIC not in reply_text


async def test_view_of_earlier_process_is_expired(telex, feed_server):
    people = await create_requesters(telex, feed_server)
    for custom_id in ("telex:view:0000:0", "telex:view::", f"telex:view:{'f' * 16}:99"):
        reply_text = await people.click(MEMBER, telex.posts()[0], custom_id)
        assert "expired" in reply_text
