"""/search and /latest: pages, filters, visibility and replies without results."""

from __future__ import annotations

import re

import discord
import pytest

from tests.support.feed_server import make_rss_item
from tests.support.interactions import (
    BACK,
    NEXT,
    find_menu,
    get_button_custom_id,
    get_last_reply,
    hide_channel,
    list_button_labels,
    press_button,
    press_icon_button,
    read_reply_text,
    select_option,
)
from tests.support.scenario import START, follow_feed, get_newest_article, publish_items


def make_numbered_items(count: int, word: str = "Robots") -> list[str]:
    return [
        make_rss_item(number, title=f"{word} at work {number}", published=START - number)
        for number in range(1, count + 1)
    ]


async def test_results_show_title_outlet_date_and_matches_in_bold(telex, feed):
    reply = await telex.run_as_reader("search", query="MORATORIUM")
    assert get_last_reply(reply).ephemeral
    assert "**[Cities ban facial recognition](https://news.example/articles/3)**" in read_reply_text(reply)
    assert f"**Example News** · <t:{START - 60}:R>" in read_reply_text(reply)
    assert "A **moratorium** was voted" in read_reply_text(reply)
    assert "1 article · best first" in read_reply_text(reply)


async def test_search_handles_accents_case_phrases_and_exclusions(telex, feed_server):
    await follow_feed(
        telex,
        feed_server,
        make_rss_item(1, title="La reconnaissance faciale à Nice", published=START - 1),
        make_rss_item(2, title="La reconnaissance vocale et faciale", published=START - 2),
        language="fr",
    )
    both_titles_reply = read_reply_text(await telex.run_as_reader("search", query="RECONNAISSANCE facialé"))
    assert "Nice" in both_titles_reply
    assert "vocale" in both_titles_reply
    phrase = read_reply_text(await telex.run_as_reader("search", query='"reconnaissance faciale"'))
    assert "vocale" not in phrase
    exclusion_reply = read_reply_text(await telex.run_as_reader("search", query="reconnaissance -vocale"))
    assert "vocale" not in exclusion_reply.partition("\n")[2]


async def test_results_are_paged_in_both_directions(telex, feed_server):
    await follow_feed(telex, feed_server, *make_numbered_items(12))
    first_page = await telex.run_as_reader("search", query="robots")
    assert list_button_labels(get_last_reply(first_page)) == ["Watch", "1 / 3", "Newest first", "Share…"]
    second_page = await press_icon_button(telex.reader, get_last_reply(first_page), NEXT)
    assert "[Robots at work 6]" in read_reply_text(second_page)
    third_page = await press_icon_button(telex.reader, get_last_reply(second_page), NEXT)
    assert "[Robots at work 12]" in read_reply_text(third_page)
    assert "12 articles" in read_reply_text(third_page)
    with pytest.raises(Exception, match="disabled"):
        await press_icon_button(telex.reader, get_last_reply(third_page), NEXT)
    previous_page = await press_icon_button(telex.reader, get_last_reply(third_page), BACK)
    assert read_reply_text(previous_page) == read_reply_text(second_page)


async def test_options_narrow_the_search(telex, feed_server):
    await follow_feed(telex, feed_server, *make_numbered_items(2))
    await follow_feed(
        telex,
        feed_server,
        make_rss_item(
            9,
            title="Robots en grève",
            body="Les robots ne veulent plus travailler ici.",
            published=START - 40 * 86400,
        ),
        path="/fr",
        title="Le Fil",
        language="fr",
    )
    search = telex.reader.slash
    assert "grève" not in read_reply_text(await search(telex.news, "search", query="robots", language="en"))
    assert "at work" not in read_reply_text(await search(telex.news, "search", query="robots", language="fr"))
    assert "at work" not in read_reply_text(await search(telex.news, "search", query="robots", source="Le Fil"))
    assert "grève" not in read_reply_text(await search(telex.news, "search", query="robots", since="30d"))
    latest = read_reply_text(await search(telex.news, "search", query="robots", sort="newest"))
    assert latest.index("at work 1") < latest.index("at work 2") < latest.index("grève")


async def test_unreadable_date_is_reported(telex, feed):
    for option in ("since", "before"):
        answer = await telex.run_as_reader("search", query="ban", **{option: "@everyone soon"})
        assert "“\\@everyone soon” isn’t a date I know" in read_reply_text(answer)


async def test_time_options_are_completed(telex):
    choices = await telex.reader.autocomplete(telex.news, "search", "since", "7")
    assert [choice["value"] for choice in choices] == ["7d"]
    choices = await telex.reader.autocomplete(telex.news, "search", "before", "7")
    assert [(choice["value"], choice["name"]) for choice in choices] == [("7d", "More than 7 days ago")]
    telex.locales[telex.reader.id] = "fr"
    choices = await telex.reader.autocomplete(telex.news, "search", "before", "aujourd")
    assert [(choice["value"], choice["name"]) for choice in choices] == [("today", "Avant aujourd’hui")]


async def test_partial_matches_are_marked(telex, feed):
    reply_text = read_reply_text(await telex.run_as_reader("search", query="browser chips"))
    assert "partial match" in reply_text


async def test_search_without_results_suggests_next_steps(telex, feed):
    reply = await telex.run_as_reader("search", query="zeppelin")
    assert "No results in the channels you can see" in read_reply_text(reply)
    emoji = await telex.run_as_reader("search", query="🎉")
    assert "Try a word or a name" in read_reply_text(emoji)
    assert "No results" not in read_reply_text(emoji)
    assert "/latest" in read_reply_text(reply)
    assert list_button_labels(get_last_reply(reply)) == []


async def test_advice_without_results_depends_on_query(telex, feed):
    advice_by_query = {
        "zeppelin": "Try another word.",
        "zeppelin airships": "Try fewer words or drop a filter.",
        "zeppelin since:7d": "Try without the filter.",
        "tag:zeppelin": "Try without the filter.",
    }
    for query, sentence in advice_by_query.items():
        assert sentence in read_reply_text(await telex.run_as_reader("search", query=query)), query
    telex.locales[telex.reader.id] = "fr"
    assert "Essayez un autre mot." in read_reply_text(await telex.run_as_reader("search", query="zeppelin"))


async def test_lists_show_page_count(telex, feed_server):
    await follow_feed(telex, feed_server, *make_numbered_items(7))
    for command, options in (
        ("latest", {}),
        ("search", {"query": "-chess"}),
        ("search", {"query": "robots"}),
    ):
        first_page = await telex.run_as_reader(command, **options)
        assert "1 / 2" in list_button_labels(get_last_reply(first_page)), command
        assert "2 / 2" in list_button_labels(
            get_last_reply(await press_icon_button(telex.reader, get_last_reply(first_page), NEXT))
        )


async def test_uncounted_pages_are_marked_with_plus(telex, feed_server):
    await follow_feed(telex, feed_server, *make_numbered_items(58))
    for command, options in (("latest", {}), ("search", {"query": "-chess"})):
        page = await telex.run_as_reader(command, **options)
        numbers = [list_button_labels(get_last_reply(page))]
        for _turn in range(11):
            page = await press_icon_button(telex.reader, get_last_reply(page), NEXT)
            numbers.append(list_button_labels(get_last_reply(page)))
        assert "1 / 10+" in numbers[0]
        assert "10 / 11+" in numbers[9]
        assert "12 / 12" in numbers[11]


async def test_suggestion_button_searches(telex, feed):
    answer = await telex.run_as_reader("search", query="morotarium since:7d", sort="newest")
    custom_id = get_button_custom_id(get_last_reply(answer), "moratorium")
    second_reply = await telex.reader.click(get_last_reply(answer), custom_id=custom_id)
    assert "**moratorium since:7d**" in read_reply_text(second_reply).replace("\\", "")
    assert "1 article · newest first" in read_reply_text(second_reply)
    answer = await telex.run_as_reader("search", query="cities", source="Exmaple News")
    second_reply = await telex.reader.click(
        get_last_reply(answer), custom_id=get_button_custom_id(get_last_reply(answer), "Example News")
    )
    assert '**cities source:"Example News"**' in read_reply_text(second_reply).replace("\\", "")
    assert "Cities ban facial recognition" in read_reply_text(second_reply)


async def test_suggestion_quotes_outlet_name(telex, feed):
    answer = await telex.run_as_reader("search", query="source:example news cities", language="en")
    label = 'source:"Example News" cities'
    second_reply = await telex.reader.click(
        get_last_reply(answer), custom_id=get_button_custom_id(get_last_reply(answer), label)
    )
    assert f"**{label} lang:en**" in read_reply_text(second_reply).replace("\\", "")
    assert "1 article · best first" in read_reply_text(second_reply)


async def test_misspelt_word_finds_correct_word(telex, feed):
    reply = await telex.run_as_reader("search", query="moratoriom")
    assert "moratorium" in read_reply_text(reply)


@pytest.mark.parametrize("command", [{"name": "search", "query": "x"}, {"name": "latest"}])
async def test_search_and_latest_without_feeds_suggest_next_step(telex, command):
    options = {key: option_value for key, option_value in command.items() if key != "name"}
    answer = await telex.run_as_reader(command["name"], **options)
    assert "Ask whoever manages this server to add one" in read_reply_text(answer)
    manager_reply = await telex.run_as_editor(command["name"], **options)
    assert "/feed packs" in read_reply_text(manager_reply)
    assert list_button_labels(get_last_reply(manager_reply)) == ["Get started"]


async def test_search_and_latest_with_unpolled_feeds(telex, feed_server):
    await telex.follow(f"{feed_server.origin}/never-read")
    for answer in (
        await telex.run_as_reader("search", query="robots"),
        await telex.run_as_reader("latest"),
    ):
        assert "haven’t brought any articles yet" in read_reply_text(answer)
        assert "robots" not in read_reply_text(answer)


async def test_query_is_escaped_in_reply(telex, feed):
    reply = await telex.run_as_reader("search", query="**@everyone** [x](https://evil.example)")
    assert "\\*\\*\\@everyone\\*\\*" in read_reply_text(reply)


async def test_article_card_shows_text_buttons_and_post(telex, feed):
    reply = await telex.run_as_reader("search", query="moratorium")
    card = await select_option(telex.reader, get_last_reply(reply), "Cities ban")
    assert get_last_reply(card).ephemeral
    assert get_last_reply(card).id != get_last_reply(reply).id
    assert "### [Cities ban facial recognition](https://news.example/articles/3)" in read_reply_text(card)
    assert "A moratorium was voted in June." in read_reply_text(card)
    assert f"<t:{START - 60}:R>" in read_reply_text(card)
    post = telex.posts()[0]
    assert f"https://discord.com/channels/{telex.guild.id}/{telex.news.id}/{post.id}" in read_reply_text(card)
    assert list_button_labels(get_last_reply(card)) == ["Save", "Read", "Share here", "More like this"]
    save_reply = await press_button(telex.reader, card, "Save")
    assert read_reply_text(save_reply) == "Saved to your bookmarks."


async def test_article_card_does_not_link_hidden_channel(telex, feed):
    secret = telex.guild.create_text_channel("secret")
    article = await get_newest_article(telex, feed)
    await telex.store.subscriptions.follow(
        server_id=telex.guild.id, channel_id=secret.id, feed_id=feed.id, first_article_id=article.id
    )
    await telex.deliver()
    hide_channel(telex, secret, telex.reader)
    reply = await telex.run_as_reader("search", query="moratorium")
    card = read_reply_text(await select_option(telex.reader, get_last_reply(reply), "Cities ban"))
    assert str(telex.news.id) in card
    assert str(secret.id) not in card


async def test_feed_of_hidden_channel_is_not_found(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    await follow_feed(telex, feed_server, title="Secret News", channel=secret)
    hide_channel(telex, secret, telex.reader)
    await follow_feed(telex, feed_server, make_rss_item(9, title="Open to all"), path="/open", title="Open News")
    assert "Cities" not in read_reply_text(await telex.run_as_reader("search", query="cities"))
    assert "Cities" not in read_reply_text(await telex.run_as_reader("latest"))
    choices = await telex.reader.autocomplete(telex.news, "latest", "source", "")
    assert [choice["value"] for choice in choices] == ["Open News"]
    assert "Cities" in read_reply_text(await telex.run_as_editor("search", query="cities"))


async def test_feed_of_other_server_is_not_found(telex, feed_server):
    elsewhere = telex.env.create_guild("Elsewhere")
    await follow_feed(telex, feed_server, channel=elsewhere.create_text_channel("there"))
    assert "Nothing to read yet" in read_reply_text(await telex.run_as_reader("latest"))


async def test_next_page_requires_channel_access(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    await follow_feed(telex, feed_server, *make_numbered_items(12), channel=secret)
    reply = await telex.run_as_reader("search", query="robots")
    _menu, options = find_menu(get_last_reply(reply))
    hide_channel(telex, secret, telex.reader)
    card = await telex.reader.select(get_last_reply(reply), [options[0]["value"]])
    assert "you can’t see here" in read_reply_text(card)
    next_page_reply = await press_icon_button(telex.reader, get_last_reply(reply), NEXT)
    assert "Nothing to read yet" in read_reply_text(next_page_reply)
    assert "Robots" not in read_reply_text(next_page_reply)


async def test_latest_is_newest_first_and_filtered_by_source(telex, feed, feed_server):
    await follow_feed(
        telex,
        feed_server,
        make_rss_item(9, title="Older", published=START - 9000),
        path="/b",
        title="Other News",
    )
    latest = read_reply_text(await telex.run_as_reader("latest"))
    assert latest.index("Cities ban") < latest.index("browser") < latest.index("Chips") < latest.index("Older")
    outlet_text = read_reply_text(await telex.run_as_reader("latest", source="other news"))
    assert "Older" in outlet_text
    assert "Cities" not in outlet_text
    unknown_outlet_text = read_reply_text(await telex.run_as_reader("latest", source="Nobody"))
    assert "No outlet has that name" in unknown_outlet_text


async def test_article_of_two_feeds_is_listed_once(telex, feed, feed_server):
    await follow_feed(telex, feed_server, path="/again", title="Example Again")
    for name, options in (("latest", {}), ("search", {"query": "cities"})):
        reply_text = read_reply_text(await telex.run_as_reader(name, **options))
        assert reply_text.count("Cities ban") == 1
        assert re.search(r"-# Also: \[Example (Again|News)\]\(https://news.example/articles/3\)", reply_text)


async def test_story_of_two_outlets_is_listed_once(telex, feed_server):
    titles = {"Example News": "Repair ship reaches the severed Nordwave cable"}
    titles["Other News"] = f"{titles['Example News']} at last"
    for number, (outlet, title) in enumerate(titles.items()):
        earlier_item = make_rss_item(number, title=f"The beginning of {outlet}", published=START - 9000)
        feed = await follow_feed(telex, feed_server, earlier_item, path=f"/{number}", title=outlet)
        news = make_rss_item(10 + number, title=title, published=START - 60)
        await publish_items(telex, feed_server, feed, news, earlier_item, title=outlet, delivered=False)
    for name, options in (("latest", {}), ("search", {"query": "nordwave"})):
        reply_text = read_reply_text(await telex.run_as_reader(name, **options))
        assert reply_text.count("[Repair ship") == 1
        assert re.search(r"-# Also: \[(Example|Other) News\]", reply_text)


async def test_result_in_language_of_user_comes_first(telex, feed_server):
    for number, language in enumerate(("en", "fr")):
        news = make_rss_item(number, title=f"Nordwave {number}", body="Nordwave.", published=START - 60)
        await follow_feed(telex, feed_server, news, path=f"/{number}", title=f"News {number}", language=language)
    for locale, first_title in (("en-US", "Nordwave 0"), ("fr", "Nordwave 1")):
        telex.locales[telex.reader.id] = locale
        reply = await telex.run_as_reader("search", query="nordwave")
        assert find_menu(get_last_reply(reply))[1][0]["label"] == first_title


async def test_source_option_is_completed(telex, feed_server):
    await follow_feed(telex, feed_server, title="Les Échos du Net")
    for command in ("search", "latest"):
        choices = await telex.reader.autocomplete(telex.news, command, "source", "echo")
        assert [choice["value"] for choice in choices] == ["Les Échos du Net"]


async def test_search_and_latest_in_french(telex, feed):
    telex.locales[telex.reader.id] = "fr"
    reply = await telex.run_as_reader("search", query="zeppelin")
    assert "Aucun résultat" in read_reply_text(reply)
    latest = await telex.run_as_reader("latest")
    card = await select_option(telex.reader, get_last_reply(latest), "Cities")
    assert "Lire" in list_button_labels(get_last_reply(card))
    english = await telex.run_as_editor("search", query="zeppelin")
    assert "No results" in read_reply_text(english)


async def test_long_titles_and_urls_fit_page(telex, feed_server):
    long_items = [
        make_rss_item(
            number,
            title=f"{number}" + "*_" * 200,
            body="robots " + "[~|`" * 300,
            published=START - number,
        ).replace("/articles/", f"/{'a(b)' * 100}/")
        for number in range(1, 13)
    ]
    await follow_feed(telex, feed_server, *long_items)
    for reply in (
        await telex.run_as_reader("search", query="robots"),
        await telex.run_as_reader("latest"),
    ):
        assert 1000 < len(read_reply_text(reply)) <= 4000
        assert len(find_menu(get_last_reply(reply))[1]) == 5


async def test_feed_of_private_thread_is_found_only_by_members(telex, feed_server):
    parent = telex.bot.get_channel(telex.news.id)
    assert isinstance(parent, discord.TextChannel)
    await telex.set_permissions(telex.news, create_private_threads=True)
    thread = await parent.create_thread(name="private", type=discord.ChannelType.private_thread)
    await telex.env.settle()
    handle = next(thread_handle for thread_handle in telex.news.threads if thread_handle.id == thread.id)
    await follow_feed(telex, feed_server, channel=handle)
    assert "Nothing to read yet" in read_reply_text(await telex.run_as_reader("latest"))
    await thread.add_user(discord.Object(telex.reader.id))
    await telex.env.settle()
    assert "Cities ban" in read_reply_text(await telex.run_as_reader("latest"))


async def test_feed_of_archived_thread_is_found(telex, feed_server, monkeypatch):
    parent = telex.bot.get_channel(telex.news.id)
    assert isinstance(parent, discord.TextChannel)
    await telex.set_permissions(telex.news, manage_channels=True, manage_threads=True)
    thread = await parent.create_thread(name="old", type=discord.ChannelType.public_thread)
    await telex.env.settle()
    handle = next(thread_handle for thread_handle in telex.news.threads if thread_handle.id == thread.id)
    await follow_feed(telex, feed_server, channel=handle)
    await thread.edit(archived=True)
    await telex.env.settle()

    async def get_no_answer(_guild, _channel_id):
        raise TimeoutError

    with monkeypatch.context() as patch:
        patch.setattr(discord.Guild, "fetch_channel", get_no_answer)
        assert "Nothing to read yet" in read_reply_text(await telex.run_as_reader("latest"))
        assert not await telex.bot.outbox_relay.audience.find_local_feed_ids_readable_by(
            telex.guild.id, telex.reader.id, raise_if_unchecked=False
        )
        refusal = await telex.run_as_editor("watch add", query="cities", where=telex.news)
        assert read_reply_text(refusal) == "Discord didn’t answer. Try again in a minute."
        telex.ignore_past_errors()
    assert "Cities ban" in read_reply_text(await telex.run_as_reader("latest"))
    monkeypatch.setattr(discord.Guild, "fetch_channel", get_no_answer)
    telex.clock.advance(301)
    assert "Cities ban" in read_reply_text(await telex.run_as_reader("latest"))


async def test_options_are_shown_in_language_of_user(telex, feed):
    telex.locales[telex.reader.id] = "fr"
    reply_text = read_reply_text(await telex.run_as_reader("search", query="cities", tag="AI", since="7j"))
    assert r"cities étiquette\:AI depuis\:7j" in reply_text
