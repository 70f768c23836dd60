"""/search and /latest: pages, filters, what is visible, what is said when there is nothing."""

from __future__ import annotations

import re

import discord
import pytest

from tests.cogs.helpers import (
    BACK,
    NEXT,
    START,
    button,
    choose,
    follow,
    hide,
    labels,
    last,
    menu,
    newest,
    press,
    said,
)
from tests.feed_server import item, rss


def many(count: int, word: str = "Robots") -> list[str]:
    return [
        item(number, title=f"{word} at work {number}", published=START - number)
        for number in range(1, count + 1)
    ]


async def test_results_show_title_outlet_date_and_matches_in_bold(telex, feed_server):
    await follow(telex, feed_server)
    found = await telex.reader.slash(telex.news, "search", query="MORATORIUM")
    assert last(found).ephemeral
    assert "**[Cities ban facial recognition](https://news.example/articles/3)**" in said(found)
    assert f"**Example News** · <t:{START - 60}:R>" in said(found)
    assert "A **moratorium** was voted" in said(found)
    assert "1 article · best first" in said(found)


async def test_accents_case_phrases_and_exclusions(telex, feed_server):
    await follow(
        telex,
        feed_server,
        item(1, title="La reconnaissance faciale à Nice", published=START - 1),
        item(2, title="La reconnaissance vocale et faciale", published=START - 2),
        language="fr",
    )
    both = said(await telex.reader.slash(telex.news, "search", query="RECONNAISSANCE facialé"))
    assert "Nice" in both
    assert "vocale" in both
    phrase = said(await telex.reader.slash(telex.news, "search", query='"reconnaissance faciale"'))
    assert "vocale" not in phrase
    without = said(await telex.reader.slash(telex.news, "search", query="reconnaissance -vocale"))
    assert "vocale" not in without.partition("\n")[2]


async def test_results_have_pages_that_turn_both_ways(telex, feed_server):
    await follow(telex, feed_server, *many(12))
    first = await telex.reader.slash(telex.news, "search", query="robots")
    assert labels(last(first)) == ["Watch", "1 / 3", "Newest first", "Share…"]
    second = await press(telex.reader, last(first), NEXT)
    assert "[Robots at work 6]" in said(second)
    third = await press(telex.reader, last(second), NEXT)
    assert "[Robots at work 12]" in said(third)
    assert "12 articles" in said(third)
    with pytest.raises(Exception, match="disabled"):
        await press(telex.reader, last(third), NEXT)
    back = await press(telex.reader, last(third), BACK)
    assert said(back) == said(second)


async def test_options_narrow_the_search(telex, feed_server):
    await follow(telex, feed_server, *many(2))
    await follow(
        telex,
        feed_server,
        item(
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
    assert "grève" not in said(await search(telex.news, "search", query="robots", language="en"))
    assert "at work" not in said(await search(telex.news, "search", query="robots", language="fr"))
    assert "at work" not in said(await search(telex.news, "search", query="robots", source="Le Fil"))
    assert "grève" not in said(await search(telex.news, "search", query="robots", since="30d"))
    latest = said(await search(telex.news, "search", query="robots", sort="newest"))
    assert latest.index("at work 1") < latest.index("at work 2") < latest.index("grève")


async def test_a_time_that_makes_no_sense_is_told(telex, feed_server):
    await follow(telex, feed_server)
    for option in ("since", "before"):
        answer = await telex.reader.slash(telex.news, "search", query="ban", **{option: "@everyone soon"})
        assert "“\\@everyone soon” isn’t a date I know" in said(answer)


async def test_times_are_offered_while_typing(telex):
    offered = await telex.reader.autocomplete(telex.news, "search", "since", "7")
    assert [choice["value"] for choice in offered] == ["7d"]
    offered = await telex.reader.autocomplete(telex.news, "search", "before", "7")
    assert [(choice["value"], choice["name"]) for choice in offered] == [("7d", "More than 7 days ago")]
    telex.locales[telex.reader.id] = "fr"
    offered = await telex.reader.autocomplete(telex.news, "search", "before", "aujourd")
    assert [(choice["value"], choice["name"]) for choice in offered] == [("today", "Avant aujourd’hui")]


async def test_partial_matches_are_marked(telex, feed_server):
    await follow(telex, feed_server)
    found = said(await telex.reader.slash(telex.news, "search", query="browser chips"))
    assert "partial match" in found


async def test_nothing_found_says_what_to_try(telex, feed_server):
    await follow(telex, feed_server)
    found = await telex.reader.slash(telex.news, "search", query="zeppelin")
    assert "No results in the channels you can see" in said(found)
    emoji = await telex.reader.slash(telex.news, "search", query="🎉")
    assert "Try a word or a name" in said(emoji)
    assert "No results" not in said(emoji)
    assert "/latest" in said(found)
    assert labels(last(found)) == []


async def test_advice_fits_the_query(telex, feed_server):
    await follow(telex, feed_server)
    advice = {
        "zeppelin": "Try another word.",
        "zeppelin airships": "Try fewer words or drop a filter.",
        "zeppelin since:7d": "Try without the filter.",
        "tag:zeppelin": "Try without the filter.",
    }
    for query, sentence in advice.items():
        assert sentence in said(await telex.reader.slash(telex.news, "search", query=query)), query
    telex.locales[telex.reader.id] = "fr"
    assert "Essayez un autre mot." in said(await telex.reader.slash(telex.news, "search", query="zeppelin"))


async def test_all_lists_show_how_many_pages_they_have(telex, feed_server):
    await follow(telex, feed_server, *many(7))
    for command, options in (
        ("latest", {}),
        ("search", {"query": "-chess"}),
        ("search", {"query": "robots"}),
    ):
        first = await telex.reader.slash(telex.news, command, **options)
        assert "1 / 2" in labels(last(first)), command
        assert "2 / 2" in labels(last(await press(telex.reader, last(first), NEXT)))


async def test_more_pages_than_are_counted_are_told_as_such(telex, feed_server):
    await follow(telex, feed_server, *many(58))
    for command, options in (("latest", {}), ("search", {"query": "-chess"})):
        page = await telex.reader.slash(telex.news, command, **options)
        numbers = [labels(last(page))]
        for _turn in range(11):
            page = await press(telex.reader, last(page), NEXT)
            numbers.append(labels(last(page)))
        assert "1 / 10+" in numbers[0]
        assert "10 / 11+" in numbers[9]
        assert "12 / 12" in numbers[11]


async def test_a_suggestion_is_a_button_that_searches_for_it(telex, feed_server):
    await follow(telex, feed_server)
    answer = await telex.reader.slash(telex.news, "search", query="morotarium since:7d", sort="newest")
    custom_id = button(last(answer), "moratorium")
    again = await telex.reader.click(last(answer), custom_id=custom_id)
    assert "**moratorium since:7d**" in said(again).replace("\\", "")
    assert "1 article · newest first" in said(again)
    answer = await telex.reader.slash(telex.news, "search", query="cities", source="Exmaple News")
    again = await telex.reader.click(last(answer), custom_id=button(last(answer), "Example News"))
    assert '**cities source:"Example News"**' in said(again).replace("\\", "")
    assert "Cities ban facial recognition" in said(again)


async def test_a_name_that_nobody_quoted_is_quoted_by_its_button(telex, feed_server):
    await follow(telex, feed_server)
    answer = await telex.reader.slash(telex.news, "search", query="source:example news cities", language="en")
    label = 'source:"Example News" cities'
    again = await telex.reader.click(last(answer), custom_id=button(last(answer), label))
    assert f"**{label} lang:en**" in said(again).replace("\\", "")
    assert "1 article · best first" in said(again)


async def test_a_misspelt_word_still_leads_to_the_right_one(telex, feed_server):
    await follow(telex, feed_server)
    found = await telex.reader.slash(telex.news, "search", query="moratoriom")
    assert "moratorium" in said(found)


@pytest.mark.parametrize("command", [{"name": "search", "query": "x"}, {"name": "latest"}])
async def test_where_nothing_is_followed_the_next_step_is_told(telex, command):
    options = {key: value for key, value in command.items() if key != "name"}
    answer = await telex.reader.slash(telex.news, command["name"], **options)
    assert "Ask whoever manages this server to add one" in said(answer)
    managers = await telex.editor.slash(telex.news, command["name"], **options)
    assert "/feed packs" in said(managers)
    assert labels(last(managers)) == ["Get started"]


async def test_feeds_that_brought_nothing_yet_are_not_a_search_without_results(telex, feed_server):
    await telex.follow(f"{feed_server.origin}/never-read")
    for answer in (
        await telex.reader.slash(telex.news, "search", query="robots"),
        await telex.reader.slash(telex.news, "latest"),
    ):
        assert "haven’t brought any articles yet" in said(answer)
        assert "robots" not in said(answer)


async def test_a_query_is_neither_markup_nor_a_mention_in_the_answer(telex, feed_server):
    await follow(telex, feed_server)
    found = await telex.reader.slash(telex.news, "search", query="**@everyone** [x](https://evil.example)")
    assert "\\*\\*\\@everyone\\*\\*" in said(found)


async def test_an_opened_article_shows_text_save_link_and_where_it_was_posted(telex, feed_server):
    await follow(telex, feed_server)
    found = await telex.reader.slash(telex.news, "search", query="moratorium")
    card = await choose(telex.reader, last(found), "Cities ban")
    assert last(card).ephemeral
    assert last(card).id != last(found).id
    assert "### [Cities ban facial recognition](https://news.example/articles/3)" in said(card)
    assert "A moratorium was voted in June." in said(card)
    assert f"<t:{START - 60}:R>" in said(card)
    post = telex.posts()[0]
    assert f"https://discord.com/channels/{telex.guild.id}/{telex.news.id}/{post.id}" in said(card)
    assert labels(last(card)) == ["Save", "Read", "Share here", "More like this"]
    saved = await telex.reader.click(last(card), label="Save")
    assert said(saved) == "Saved to your bookmarks."


async def test_a_post_in_a_hidden_channel_is_not_linked_to(telex, feed_server):
    feed = await follow(telex, feed_server)
    secret = telex.guild.create_text_channel("secret")
    article = await newest(telex, feed)
    await telex.store.subscriptions.follow(
        server_id=telex.guild.id, channel_id=secret.id, feed_id=feed.id, first_article_id=article.id
    )
    await telex.deliver()
    hide(telex, secret, telex.reader)
    found = await telex.reader.slash(telex.news, "search", query="moratorium")
    card = said(await choose(telex.reader, last(found), "Cities ban"))
    assert str(telex.news.id) in card
    assert str(secret.id) not in card


async def test_hidden_channels_feeds_are_found_by_nobody_who_cannot_see_them(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    await follow(telex, feed_server, title="Secret News", channel=secret)
    hide(telex, secret, telex.reader)
    await follow(telex, feed_server, item(9, title="Open to all"), path="/open", title="Open News")
    assert "Cities" not in said(await telex.reader.slash(telex.news, "search", query="cities"))
    assert "Cities" not in said(await telex.reader.slash(telex.news, "latest"))
    offered = await telex.reader.autocomplete(telex.news, "latest", "source", "")
    assert [choice["value"] for choice in offered] == ["Open News"]
    assert "Cities" in said(await telex.editor.slash(telex.news, "search", query="cities"))


async def test_another_servers_feeds_are_not_found(telex, feed_server):
    elsewhere = telex.env.create_guild("Elsewhere")
    await follow(telex, feed_server, channel=elsewhere.create_text_channel("there"))
    assert "Nothing to read yet" in said(await telex.reader.slash(telex.news, "latest"))


async def test_rights_withdrawn_between_page_and_click_hide_what_follows(telex, feed_server):
    secret = telex.guild.create_text_channel("secret")
    await follow(telex, feed_server, *many(12), channel=secret)
    found = await telex.reader.slash(telex.news, "search", query="robots")
    _menu, options = menu(last(found))
    hide(telex, secret, telex.reader)
    card = await telex.reader.select(last(found), [options[0]["value"]])
    assert "you can’t see here" in said(card)
    turned = await press(telex.reader, last(found), NEXT)
    assert "Nothing to read yet" in said(turned)
    assert "Robots" not in said(turned)


async def test_the_latest_are_newest_first_and_of_one_source_when_asked(telex, feed_server):
    await follow(telex, feed_server)
    await follow(
        telex, feed_server, item(9, title="Older", published=START - 9000), path="/b", title="Other News"
    )
    latest = said(await telex.reader.slash(telex.news, "latest"))
    assert (
        latest.index("Cities ban") < latest.index("browser") < latest.index("Chips") < latest.index("Older")
    )
    other = said(await telex.reader.slash(telex.news, "latest", source="other news"))
    assert "Older" in other
    assert "Cities" not in other
    unknown = said(await telex.reader.slash(telex.news, "latest", source="Nobody"))
    assert "No outlet has that name" in unknown


async def test_an_article_of_two_feeds_is_one_line(telex, feed_server):
    await follow(telex, feed_server)
    await follow(telex, feed_server, path="/again", title="Example Again")
    for name, options in (("latest", {}), ("search", {"query": "cities"})):
        shown = said(await telex.reader.slash(telex.news, name, **options))
        assert shown.count("Cities ban") == 1
        assert re.search(r"-# Also: \[Example (Again|News)\]\(https://news.example/articles/3\)", shown)


async def test_a_story_of_two_outlets_is_one_line_that_names_the_other(telex, feed_server):
    titles = {"Example News": "Repair ship reaches the severed Nordwave cable"}
    titles["Other News"] = f"{titles['Example News']} at last"
    for number, (outlet, title) in enumerate(titles.items()):
        before = item(number, title=f"The beginning of {outlet}", published=START - 9000)
        feed = await follow(telex, feed_server, before, path=f"/{number}", title=outlet)
        news = item(10 + number, title=title, published=START - 60)
        feed_server.serve(f"/{number}", rss(news, before, title=outlet))
        await telex.poll(feed)
    for name, options in (("latest", {}), ("search", {"query": "nordwave"})):
        shown = said(await telex.reader.slash(telex.news, name, **options))
        assert shown.count("[Repair ship") == 1
        assert re.search(r"-# Also: \[(Example|Other) News\]", shown)


async def test_of_a_name_in_both_languages_the_readers_comes_first(telex, feed_server):
    for number, language in enumerate(("en", "fr")):
        news = item(number, title=f"Nordwave {number}", body="Nordwave.", published=START - 60)
        await follow(telex, feed_server, news, path=f"/{number}", title=f"News {number}", language=language)
    for tongue, first in (("en-US", "Nordwave 0"), ("fr", "Nordwave 1")):
        telex.locales[telex.reader.id] = tongue
        found = await telex.reader.slash(telex.news, "search", query="nordwave")
        assert menu(last(found))[1][0]["label"] == first


async def test_sources_are_offered_while_typing(telex, feed_server):
    await follow(telex, feed_server, title="Les Échos du Net")
    for command in ("search", "latest"):
        offered = await telex.reader.autocomplete(telex.news, command, "source", "echo")
        assert [choice["value"] for choice in offered] == ["Les Échos du Net"]


async def test_answers_speak_french_to_who_does(telex, feed_server):
    await follow(telex, feed_server)
    telex.locales[telex.reader.id] = "fr"
    found = await telex.reader.slash(telex.news, "search", query="zeppelin")
    assert "Aucun résultat" in said(found)
    latest = await telex.reader.slash(telex.news, "latest")
    card = await choose(telex.reader, last(latest), "Cities")
    assert "Lire" in labels(last(card))
    english = await telex.editor.slash(telex.news, "search", query="zeppelin")
    assert "No results" in said(english)


async def test_long_titles_and_addresses_fit_into_a_page(telex, feed_server):
    long = [
        item(
            number,
            title=f"{number}" + "*_" * 200,
            body="robots " + "[~|`" * 300,
            published=START - number,
        ).replace("/articles/", f"/{'a(b)' * 100}/")
        for number in range(1, 13)
    ]
    await follow(telex, feed_server, *long)
    for found in (
        await telex.reader.slash(telex.news, "search", query="robots"),
        await telex.reader.slash(telex.news, "latest"),
    ):
        assert 1000 < len(said(found)) <= 4000
        assert len(menu(last(found))[1]) == 5


async def test_a_private_threads_feed_is_found_by_its_members_alone(telex, feed_server):
    parent = telex.bot.get_channel(telex.news.id)
    assert isinstance(parent, discord.TextChannel)
    await telex.set_permissions(telex.news, create_private_threads=True)
    thread = await parent.create_thread(name="private", type=discord.ChannelType.private_thread)
    await telex.env.settle()
    handle = next(each for each in telex.news.threads if each.id == thread.id)
    await follow(telex, feed_server, channel=handle)
    assert "Nothing to read yet" in said(await telex.reader.slash(telex.news, "latest"))
    await thread.add_user(discord.Object(telex.reader.id))
    await telex.env.settle()
    assert "Cities ban" in said(await telex.reader.slash(telex.news, "latest"))


async def test_an_archived_threads_feed_is_still_found(telex, feed_server):
    parent = telex.bot.get_channel(telex.news.id)
    assert isinstance(parent, discord.TextChannel)
    await telex.set_permissions(telex.news, manage_channels=True, manage_threads=True)
    thread = await parent.create_thread(name="old", type=discord.ChannelType.public_thread)
    await telex.env.settle()
    handle = next(each for each in telex.news.threads if each.id == thread.id)
    await follow(telex, feed_server, channel=handle)
    await thread.edit(archived=True)
    await telex.env.settle()
    assert "Cities ban" in said(await telex.reader.slash(telex.news, "latest"))


async def test_what_was_chosen_in_french_is_written_in_french(telex, feed_server):
    await follow(telex, feed_server)
    telex.locales[telex.reader.id] = "fr"
    found = said(await telex.reader.slash(telex.news, "search", query="cities", tag="AI", since="7j"))
    assert r"cities étiquette\:AI depuis\:7j" in found
