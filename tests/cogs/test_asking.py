"""/ask and mentions: answers, their visibility and language, and replies without an answer."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import discord
from simcord.actors import MemberActor
from simcord.results import InteractionResult

from bot.answers.answer_model import BriefingStory, Confidence, Quote
from bot.answers.conversing.question_limits import MAX_SEARCHES_PER_USER_PER_MINUTE
from bot.core.user_models import saved_pages_feed_id
from bot.text.times.periods import Period
from bot.writing.citation_checks import Sentence
from cogs.asking.writing_notice import WritingNotice
from tests.cogs.engine import bot_mention
from tests.support.feed_server import make_rss_item
from tests.support.interactions import (
    forge_click,
    get_button_custom_id,
    get_last_reply,
    hide_channel,
    list_button_labels,
    list_components,
    list_controls,
    press_button,
    read_message_text,
    read_reply_text,
    restrict_to_editors,
)
from tests.support.scenario import START, follow_feed, get_newest_article

QUESTION = "Who announced a moratorium on police use of facial recognition?"
TITLE = "Amazon bans police use of its facial recognition for a year"
BODY = (
    "Amazon announced on Wednesday a one-year moratorium on police use of Rekognition, its facial recognition software."
)


NEWEST_FIRST = ("Cities ban", "A new browser", "Chips get")


def make_story_item() -> str:
    return make_rss_item(1, title=TITLE, body=BODY, published=START - 60)


async def test_answer_quotes_article_and_links_source(telex, feed_server):
    await follow_feed(telex, feed_server, make_story_item())
    answer = await telex.run_as_reader("ask", question=QUESTION)
    assert get_last_reply(answer).ephemeral
    reply_text = read_reply_text(answer)
    assert f"> {BODY}" in reply_text.replace("\\-", "-").replace("**", "")
    assert f"**Example News**, <t:{START - 60}:D> · [{TITLE}](https://news.example/articles/1)" in reply_text
    assert [component["emoji"]["name"] for component in list_controls(get_last_reply(answer))] == ["🔖", "👍", "👎"]
    assert read_reply_text(await press_button(telex.reader, answer, "Save")) == "Saved to your bookmarks."
    assert await telex.store.bookmarks.count(telex.reader.id) == 1


async def test_question_is_answered_though_typing_indicator_fails(telex, feed_server, monkeypatch):
    async def time_out(*_args: object) -> None:
        raise TimeoutError

    await follow_feed(telex, feed_server, make_story_item())
    monkeypatch.setattr(discord.http.HTTPClient, "send_typing", time_out)
    post_count = len(telex.posts())
    await telex.reader.send(telex.news, f"{bot_mention(telex)} {QUESTION}")
    (answer,) = telex.posts()[post_count:]
    assert TITLE in read_message_text(answer)


async def test_failed_writing_notice_does_not_raise() -> None:
    async def time_out(_view: discord.ui.LayoutView) -> None:
        raise TimeoutError

    async with WritingNotice(time_out) as on_writing:
        on_writing()


async def test_retracted_source_is_marked(telex, feed_server, engine):
    article = await get_newest_article(telex, await follow_feed(telex, feed_server, make_story_item()))
    retracted_article = article._replace(retracted_at=START)
    for evidence_fields in (
        {"quotes": (Quote(BODY, retracted_article),)},
        {"briefing": (BriefingStory("A ban", retracted_article),)},
    ):
        engine.answer_fields = {"confidence": Confidence.SURE, "sources": (retracted_article,), **evidence_fields}
        answer = await telex.run_as_reader("ask", question=QUESTION)
        assert f"<t:{START - 60}:D> · ⚠️ withdrawn" in read_reply_text(answer)


async def test_save_button_saves_first_of_several_sources(telex, feed, engine):
    engine.answer_with_quotes(*await telex.store.articles.list_newest([feed.id], limit=3))
    answer = await telex.run_as_reader("ask", question="What is new?")
    assert list_button_labels(get_last_reply(answer)) == ["Save"]
    assert read_reply_text(answer).count("\n> ") == 1


async def test_headline_that_answers_is_shown_once(telex, feed_server, engine):
    article = await get_newest_article(telex, await follow_feed(telex, feed_server, make_story_item()))
    engine.answer_fields = {
        "confidence": Confidence.SURE,
        "quotes": (Quote(TITLE, article),),
        "sources": (article,),
    }
    reply_text = read_reply_text(await telex.run_as_reader("ask", question=QUESTION))
    assert reply_text.count(TITLE) == 1


async def test_missing_answer_reports_number_of_searched_articles(telex, feed, engine):
    article = await get_newest_article(telex, feed)
    engine.answer_fields = {"related_articles": (article,), "searched_article_count": 1284}
    question = "How deep is the ocean of Europa?"
    answer = await telex.run_as_reader("ask", question=question)
    heading, _line, related = read_reply_text(answer).partition("Not answered in the 1,284 articles you can read here.")
    assert heading == f"### {question}\n"
    assert related.count(article.title) == 1
    assert list_button_labels(get_last_reply(answer)) == ["Tell me when there is", "An article does answer this"]
    telex.locales[telex.reader.id] = "fr"
    answer = await telex.run_as_reader("ask", question=question)
    assert "Pas de réponse dans les 1\u202f284 articles que vous pouvez lire ici." in read_reply_text(answer)
    assert list_button_labels(get_last_reply(answer))[0] == "Me prévenir quand il y en aura"


async def test_missing_answer_without_articles_offers_only_watch(telex, feed, engine):
    answer = await telex.run_as_reader("ask", question="How deep is the ocean of Europa?")
    assert list_button_labels(get_last_reply(answer)) == ["Tell me when there is"]


async def test_missing_answer_can_be_watched_after_restart(telex, feed, engine):
    answer = get_last_reply(await telex.run_as_reader("ask", question="How deep is the ocean of Europa?"))
    watch_id = get_button_custom_id(answer, "Tell me when there is")
    await telex.restart()
    assert "too old" in read_reply_text(await forge_click(telex.editor, telex.news, answer, watch_id))
    assert list_button_labels(answer) == ["Tell me when there is"]
    confirmation = await telex.reader.click(answer, custom_id=watch_id)
    assert get_last_reply(confirmation).ephemeral
    assert "**Europa**" in read_reply_text(confirmation)
    assert "Remove this watch with /watch list" in read_reply_text(confirmation)
    assert [(button["label"], button["disabled"]) for button in list_controls(answer)] == [("You’ll be told", True)]
    (watch,) = await telex.store.watches.list_by_user(telex.reader.id)
    assert watch.query == "Europa"


async def test_watch_confirmation_keeps_accents_of_question(telex, feed, engine):
    answer = get_last_reply(await telex.run_as_reader("ask", question="qui répare l’éolienne en panne ?"))
    assert "**répare éolienne panne**" in read_reply_text(
        await telex.reader.click(answer, label="Tell me when there is")
    )


async def test_watch_button_remains_when_watch_fails(telex, feed, engine):
    answer = get_last_reply(await telex.run_as_reader("ask", question="How deep is the ocean of Europa?"))
    direct_messages = f"/channels/{telex.reader.user.dm_channel.id}/messages"
    telex.env.inject_error("POST", direct_messages, status=403, code=50007, message="Cannot send messages to this user")
    assert "I can’t DM you" in read_reply_text(await telex.reader.click(answer, label="Tell me when there is"))
    assert list_button_labels(answer) == ["Tell me when there is"]


async def test_anyone_may_watch_from_public_answer(telex, feed, engine):
    question = "How deep is the ocean of Europa?"
    answer = get_last_reply(await telex.run_as_reader("ask", question=question, public=True))
    for user in (telex.reader, telex.editor):
        assert "**Europa**" in read_reply_text(await user.click(answer, label="Tell me when there is"))
        assert len(await telex.store.watches.list_by_user(user.id)) == 1


async def test_possible_answer_is_labelled_with_span_in_bold(telex, feed_server, engine):
    article = await get_newest_article(telex, await follow_feed(telex, feed_server, make_story_item()))
    engine.answer_fields = {
        "confidence": Confidence.POSSIBLE,
        "quotes": (Quote(BODY, article, "a one-year moratorium"),),
        "sources": (article,),
    }
    answer = await telex.run_as_reader("ask", question=QUESTION)
    reply_text = read_reply_text(answer).replace("\\-", "-")
    assert (
        "\nNot sure. This may not answer it:\n> Amazon announced on Wednesday **a one-year moratorium** on"
        in reply_text
    )
    assert list_button_labels(get_last_reply(answer)) == ["Answers it", "No", "Tell me when it’s known"]
    assert [component["emoji"]["name"] for component in list_controls(get_last_reply(answer))] == [
        "👍",
        "👎",
        "🔖",
        "🔔",
    ]


async def test_context_sentence_is_small_beside_answer_sentence(telex, feed_server, engine):
    article = await get_newest_article(telex, await follow_feed(telex, feed_server, make_story_item()))
    sentences = (
        f"Skagen Link owns the {'cables ' * 40}here.",
        f"It takes {'very ' * 60}long: 12 days, or {'many ' * 60}more.",
    )
    engine.answer_fields = {
        "confidence": Confidence.SURE,
        "quotes": (Quote(" ".join(sentences), article, "12 days", sentences),),
        "sources": (article,),
    }
    lines = read_reply_text(await telex.run_as_reader("ask", question=QUESTION)).splitlines()
    assert lines[1] == f"> -# Skagen Link owns the {'cables ' * 28}".rstrip() + "…"
    assert lines[2].startswith("> …very ")
    assert "long\\: **12 days**, or many" in lines[2]
    assert lines[2].endswith("many…")
    assert len(lines[2]) < 240


async def test_second_quote_is_labelled_when_outlets_differ(telex, feed, engine):
    first_article, second_article, *_ = await telex.store.articles.list_newest([feed.id], limit=3)
    first, second = (
        Quote(f"It takes {days} days.", article._replace(outlet=f"Outlet {days}"), f"{days} days")
        for days, article in ((12, first_article), (14, second_article))
    )
    engine.answer_fields = {
        "confidence": Confidence.SURE,
        "quotes": (first, second),
        "further_quote": second,
        "sources": (first_article, second_article),
    }
    reply_text = read_reply_text(await telex.run_as_reader("ask", question="How long does it take?"))
    assert reply_text.index("**12 days**") < reply_text.index("⚖️ **Outlets differ**") < reply_text.index("**14 days**")
    engine.answer_fields["further_quote"] = Quote("It was cut in May.", second_article, "May")
    reply_text = read_reply_text(await telex.run_as_reader("ask", question="How long does it take?"))
    assert "**May**" in reply_text
    assert "differ" not in reply_text


async def test_follow_up_button_keeps_sources_after_restart(telex, feed_server, engine):
    body = "Nordwave is out. So says Ada Byron, a researcher in Oslo."
    article = await get_newest_article(
        telex, await follow_feed(telex, feed_server, make_rss_item(1, title="Nordwave is out", body=body))
    )
    sure = {"confidence": Confidence.SURE, "sources": (article,)}
    engine.answer_fields = {**sure, "quotes": (Quote(body, article, "Nordwave", ("Nordwave is out.",)),)}
    further_fields = {**sure, "quotes": (Quote(body, article, "a researcher in Oslo"),)}
    engine.fields_by_question["Who is Ada Byron?"] = further_fields
    for public in (False, True):
        answer = await telex.run_as_reader("ask", question="What is out?", public=public)
        answer_message = get_last_reply(answer) if not public else telex.posts()[-1]
        await telex.restart()
        engine.calls.clear()
        follow_up_reply = await telex.reader.click(answer_message, label="Who is Ada Byron?")
        assert engine.calls[0]["question"] == "Who is Ada Byron?"
        assert engine.calls[0]["previous_questions"] == ["What is out?"]
        assert engine.calls[0]["previous_source_ids"] == (article.id,)
        assert get_last_reply(follow_up_reply).ephemeral is not public
    custom_id = get_button_custom_id(get_last_reply(answer), "Who is Ada Byron?")
    forged_reply = await forge_click(telex.editor, telex.news, get_last_reply(answer), custom_id)
    assert "Who is Ada Byron?" in read_reply_text(forged_reply)


async def test_follow_up_without_sure_answer_is_not_offered(telex, feed_server, engine):
    body = "Nordwave is out. So says Ada Byron, a researcher in Oslo."
    article = await get_newest_article(
        telex, await follow_feed(telex, feed_server, make_rss_item(1, title="Nordwave is out", body=body))
    )
    engine.answer_fields = {
        "confidence": Confidence.SURE,
        "quotes": (Quote(body, article, "Nordwave", ("Nordwave is out.",)),),
        "sources": (article,),
    }
    engine.fields_by_question["Who is Ada Byron?"] = {
        "confidence": Confidence.POSSIBLE,
        "quotes": (Quote(body, article, "a researcher in Oslo"),),
    }
    answer = await telex.run_as_reader("ask", question="What is out?")
    assert [call["question"] for call in engine.calls] == ["What is out?", "Who is Ada Byron?"]
    assert list_button_labels(get_last_reply(answer)) == ["Save"]


async def test_period_question_is_answered_with_dated_list(telex, feed, engine):
    articles = await telex.store.articles.list_newest([feed.id], limit=3)
    lines = tuple(BriefingStory(article.title, article) for article in articles)
    engine.answer_fields = {"confidence": Confidence.SURE, "briefing": lines, "sources": tuple(articles)}
    answer = await telex.run_as_reader("ask", question="What happened this week?")
    reply_text = read_reply_text(answer)
    assert reply_text.index("**[Cities") < reply_text.index("**[A new") < reply_text.index("**[Chips")
    assert f"<t:{START - 60}:D>" in reply_text
    assert reply_text.count("Cities ban") == 1
    saves = [
        component["custom_id"]
        for component in list_controls(get_last_reply(answer))
        if str(component["custom_id"]).startswith("telex:save")
    ]
    assert saves == [f"telex:save:{article.key}" for article in articles]


async def test_answer_begins_with_understood_period(telex, feed, engine):
    (article,) = await telex.store.articles.list_newest([feed.id], limit=1)
    week = Period(1_779_660_000, 1_780_264_800)  # 25 May to 1 June 2026 in Paris
    engine.answer_fields = {
        "confidence": Confidence.SURE,
        "briefing": (BriefingStory(article.title, article),),
        "sources": (article,),
        "period": week,
        "zone": ZoneInfo("Europe/Paris"),
    }
    answer = await telex.run_as_reader("ask", question="What happened this week?")
    assert "-# May 25\u2009–\u200931, 2026\n" in read_reply_text(answer)
    telex.locales[telex.reader.id] = "fr"
    answer = await telex.run_as_reader("ask", question="Quoi de neuf ?")
    assert "-# 25–31 mai 2026\n" in read_reply_text(answer)
    telex.locales.clear()
    engine.answer_fields = {
        "searched_article_count": 9,
        "period": Period(0, 1),
        "newest_published_at": START,
        "oldest_published_at": START - 60,
    }
    answer = await telex.run_as_reader("ask", question="What happened in 1970?")
    assert f"The oldest is from <t:{START - 60}:d>." in read_reply_text(answer)
    engine.answer_fields |= {"period": Period(START + 60, START + 120), "oldest_published_at": None}
    answer = await telex.run_as_reader("ask", question="What happened tomorrow?")
    assert "None of them is from that period." in read_reply_text(answer)


async def test_generated_answer_names_model(telex, feed_server, engine):
    article = await get_newest_article(telex, await follow_feed(telex, feed_server))
    engine.answer_with_quotes(article)
    engine.answer_fields |= {"generated_sentences": (Sentence("Cities **voted** in June.", (1,)),), "model_name": "q_8"}
    answer = read_reply_text(await telex.run_as_reader("ask", question="What did cities vote?"))
    assert f"Cities \\*\\*voted\\*\\* in June [[1]]({article.url})." in answer
    assert "Written by q\\_8 from these sources" in answer
    assert "Quoted from" not in answer
    assert article.url in answer


HOSTILE = "@everyone <@1> [free](https://evil.example)\n\n**Sources**\n-# Telex says: ||x|| `y`\n> # Big"


async def test_article_markup_is_escaped_in_answer(telex, feed_server, engine):
    feed = await follow_feed(telex, feed_server, make_rss_item(1, title=HOSTILE, body=HOSTILE, published=START - 60))
    engine.answer_with_quotes(await get_newest_article(telex, feed))
    await telex.reader.send(telex.news, f"{bot_mention(telex)} what?")
    post = telex.posts()[-1]
    post_text = read_message_text(post)
    assert not post.mentions
    assert not post.mention_everyone
    for markup in ("@everyone", "<@1>", "[free]", "**Sources**", "||x||", "`y`"):
        assert markup not in post_text.replace("\\" + markup[0], "")
    source_line_start = "-# 🟫 **Example News**"
    formatted_lines = [line for line in post_text.splitlines() if line.startswith(("-#", "#", "**Sources"))]
    assert all(line.startswith(source_line_start) for line in formatted_lines), formatted_lines


async def test_long_quotes_titles_and_urls_fit_message(telex, feed_server, engine):
    long_items = [
        make_rss_item(number, title="*_" * 200, body="[~|`" * 200, published=START - number).replace(
            "/articles/", f"/{'a(b)' * 100}/"
        )
        for number in range(1, 11)
    ]
    feed = await follow_feed(telex, feed_server, *long_items)
    articles = await telex.store.articles.list_newest([feed.id], limit=10)
    engine.answer_with_quotes(*articles[:3])
    quotation_reply = await telex.run_as_reader("ask", question="*" * 400)
    engine.answer_fields = {
        "confidence": Confidence.SURE,
        "briefing": tuple(BriefingStory(article.title, article) for article in articles),
        "sources": tuple(articles),
    }
    list_reply = await telex.run_as_reader("ask", question="*" * 400)
    for answer in (quotation_reply, list_reply):
        texts = [part["content"] for part in list_components(get_last_reply(answer)) if part["type"] == 10]
        assert 1000 < sum(map(len, texts)) <= 4000
        assert len(list_components(get_last_reply(answer))) <= 40
        assert len(list_controls(get_last_reply(answer))) >= 3


async def test_french_user_gets_french_reply_with_original_quote(telex, feed_server):
    telex.locales[telex.reader.id] = "fr"
    await follow_feed(telex, feed_server, make_story_item())
    reply_text = read_reply_text(await telex.run_as_reader("ask", question=QUESTION))
    assert "Amazon announced on Wednesday" in reply_text
    unanswered_text = read_reply_text(await telex.run_as_reader("ask", question="Qui a découvert Uranus ?"))
    assert "Rien là-dessus dans le seul article (1) que vous pouvez lire ici." in unanswered_text
    cigarette_item = make_rss_item(
        2, title="Le paquet de cigarettes à 10 euros", body="Le paquet de tabac coûte 10 euros."
    )
    await follow_feed(telex, feed_server, cigarette_item, path="/fr", language="fr")
    await telex.reader.send(telex.news, f"{bot_mention(telex)} prix paquet tabac ?")  # words of no language
    answer = read_message_text(telex.posts()[-1])
    assert "10 euros" in answer


async def test_mention_is_answered_in_language_of_question(telex, feed, engine):
    await telex.reader.send(telex.news, f"{bot_mention(telex)} qui a découvert Uranus ?")
    assert "Je n’ai pas encore d’articles" in read_message_text(telex.posts()[-1])
    await telex.reader.send(telex.news, f"{bot_mention(telex)} et Neptune ?", reply_to=telex.posts()[-1])
    assert "Je n’ai pas encore d’articles" in read_message_text(telex.posts()[-1])
    await telex.reader.send(telex.news, f"{bot_mention(telex)} who discovered Uranus?")
    assert "I have no articles yet" in read_message_text(telex.posts()[-1])


async def test_question_without_feeds_or_topic_gets_next_step(telex, feed_server):
    assert "Nothing to read yet" in read_reply_text(await telex.run_as_reader("ask", question="Who?"))
    await telex.reader.send(telex.news, f"{bot_mention(telex)} who?")
    assert "Nothing to read yet" in read_message_text(telex.posts()[-1])
    await follow_feed(telex, feed_server)
    assert "What topic" in read_reply_text(await telex.run_as_reader("ask", question="and the?"))
    assert await telex.store.questions.count(telex.reader.id) == 0


async def test_engine_error_is_reported_with_logged_number(telex, feed, engine, caplog):
    engine.fails = True
    await telex.reader.send(telex.news, f"{bot_mention(telex)} who?")
    post_text = read_message_text(telex.posts()[-1])
    assert "Something went wrong on my side" in post_text
    number = post_text.split("`")[1]
    assert any(number in record.getMessage() and record.exc_info for record in caplog.records)


async def test_question_limit_per_user_tells_next_time(telex, feed, engine):

    async def ask(person: MemberActor) -> InteractionResult:
        return await person.slash(telex.news, "ask", question="Who is Signal?", public=True)

    for _ in range(5):
        assert "I have no articles yet" in read_reply_text(await ask(telex.reader))
    refusal = await ask(telex.reader)
    assert get_last_reply(refusal).ephemeral
    assert f"5 questions in a minute, which is the limit. Ask again <t:{START + 13}:R>" in read_reply_text(refusal)
    assert "I have no articles yet" in read_reply_text(await ask(telex.editor))
    await telex.advance(13)
    assert "I have no articles yet" in read_reply_text(await ask(telex.reader))


async def test_limit_notice_for_mentions_is_sent_once(telex, feed, engine):
    for _ in range(8):
        await telex.reader.send(telex.news, f"{bot_mention(telex)} who?")
    assert sum("which is the limit" in read_message_text(post) for post in telex.posts()) == 1
    assert len(engine.calls) == 5


async def test_limit_notice_is_sent_once_per_waiting_period(telex, feed, engine):
    for question_count, pause_seconds in ((8, 13), (3, 60)):  # the second spell begins within a minute of the first
        post_count_before = len(telex.posts())
        for _ in range(question_count):
            await telex.reader.send(telex.news, f"{bot_mention(telex)} who?")
        limit_notices = [
            read_message_text(post)
            for post in telex.posts()[post_count_before:]
            if "which is the limit" in read_message_text(post)
        ]
        assert len(limit_notices) == 1
        assert "Ask again <t:" in limit_notices[0]
        await telex.advance(pause_seconds)
    assert len(engine.calls) == 6


async def test_searches_by_mention_do_not_count_as_questions(telex, feed, engine):
    for _ in range(MAX_SEARCHES_PER_USER_PER_MINUTE):
        await telex.reader.send(telex.news, f"{bot_mention(telex)} search: cities")
        assert "Cities ban" in read_message_text(telex.posts()[-1])
    await telex.reader.send(telex.news, f"{bot_mention(telex)} who?")
    assert len(engine.calls) == 1
    post_count_before = len(telex.posts())
    for _ in range(3):
        await telex.reader.send(telex.news, f"{bot_mention(telex)} search: cities")
    (limit_notice,) = telex.posts()[post_count_before:]
    assert "20 times in a minute, which is the limit. Search again <t:" in read_message_text(limit_notice)


async def test_public_answer_uses_feeds_visible_to_whole_channel(telex, feed_server, engine):
    secret = telex.guild.create_text_channel("secret")
    hidden_feed = await follow_feed(telex, feed_server, path="/secret", title="Secret", channel=secret)
    hide_channel(telex, secret, telex.reader)
    visible_feed = await follow_feed(telex, feed_server)
    elsewhere = telex.guild.create_text_channel("elsewhere")
    open_feed = await follow_feed(telex, feed_server, path="/open", title="Open", channel=elsewhere)
    await telex.run_as_editor("ask", question="Who?")
    own_pages = saved_pages_feed_id(telex.editor.id)
    assert engine.calls[-1]["feed_ids"] == {hidden_feed.id, visible_feed.id, open_feed.id, own_pages}
    await telex.run_as_editor("ask", question="Who?", public=True)
    assert engine.calls[-1]["feed_ids"] == {visible_feed.id, open_feed.id}
    await telex.editor.send(telex.news, f"{bot_mention(telex)} who?")
    assert engine.calls[-1]["feed_ids"] == {visible_feed.id, open_feed.id}
    await telex.editor.send(secret, f"{bot_mention(telex)} who?")
    assert engine.calls[-1]["feed_ids"] == {hidden_feed.id, visible_feed.id, open_feed.id}


async def test_mention_uses_only_feeds_visible_to_asker(telex, feed, engine):
    hide_channel(telex, telex.news, telex.reader)
    other_channel = telex.guild.create_text_channel("other")
    await telex.reader.send(other_channel, f"{bot_mention(telex)} who?")
    assert "Nothing to read yet" in read_message_text(telex.posts(other_channel)[-1])
    assert engine.calls == []


async def test_channels_with_same_readers_share_feeds(telex, feed_server, engine):
    talk, wire = (telex.guild.create_text_channel(f"staff-{name}") for name in ("talk", "wire"))
    await restrict_to_editors(telex, talk)
    await restrict_to_editors(telex, wire)
    feed = await follow_feed(telex, feed_server, path="/wire", channel=wire)
    await telex.editor.send(talk, f"{bot_mention(telex)} who?")
    assert engine.calls[-1]["feed_ids"] == {feed.id}
    hide_channel(telex, wire, telex.reader)  # an overwrite that the other channel has not
    await telex.editor.send(talk, f"{bot_mention(telex)} who?")
    assert "some people here can’t see" in read_message_text(telex.posts(talk)[-1])
    assert len(engine.calls) == 1


async def test_reader_saves_article_from_public_answer(telex, feed_server):
    await follow_feed(telex, feed_server, make_story_item())
    await telex.editor.send(telex.news, f"{bot_mention(telex)} {QUESTION}")
    answer = telex.posts()[-1]
    assert BODY in read_message_text(answer).replace("\\-", "-").replace("**", "")
    assert read_reply_text(await telex.reader.click(answer, label="Save")) == "Saved to your bookmarks."
