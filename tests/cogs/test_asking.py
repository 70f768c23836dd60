"""/ask and mentions: what is shown, to whom, in which language, and what is said when there is nothing."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from simcord.actors import MemberActor
from simcord.results import InteractionResult

from bot.answers.answer_model import BriefingItem, Confidence, Quote
from bot.answers.conversing.question_service import SEARCHES_OF_A_PERSON
from bot.text.times.periods import Period
from bot.writing.citation_checks import Sentence
from tests.cogs.engine import mention
from tests.cogs.helpers import (
    START,
    button,
    close,
    components,
    follow,
    forge,
    hide,
    labels,
    last,
    newest,
    parts,
    said,
    text,
)
from tests.feed_server import item

ASKED = "Who announced a moratorium on police use of facial recognition?"
TITLE = "Amazon bans police use of its facial recognition for a year"
BODY = (
    "Amazon announced on Wednesday a one-year moratorium on police use of Rekognition, its facial "
    "recognition software."
)


NEWEST_FIRST = ("Cities ban", "A new browser", "Chips get")


def story() -> str:
    return item(1, title=TITLE, body=BODY, published=START - 60)


async def test_an_answer_is_word_for_word_with_its_source(telex, feed_server):
    await follow(telex, feed_server, story())
    answer = await telex.reader.slash(telex.news, "ask", question=ASKED)
    assert last(answer).ephemeral
    shown = said(answer)
    assert f"> {BODY}" in shown.replace("\\-", "-").replace("**", "")
    assert f"**Example News**, <t:{START - 60}:D> · [{TITLE}](https://news.example/articles/1)" in shown
    assert "Quoted from the articles" in shown
    assert [one["emoji"]["name"] for one in components(last(answer))] == ["🔖", "👍", "👎"]
    assert said(await telex.reader.click(last(answer), label="Save")) == "Saved to your bookmarks."
    assert await telex.store.bookmarks.count(telex.reader.id) == 1


async def test_a_source_that_was_taken_back_is_marked(telex, feed_server, engine):
    article = await newest(telex, await follow(telex, feed_server, story()))
    taken_back = article._replace(retracted=START)
    for gives in ({"quotes": (Quote(BODY, taken_back),)}, {"lines": (BriefingItem("A ban", taken_back),)}):
        engine.gives = {"tier": Confidence.SURE, "sources": (taken_back,), **gives}
        answer = await telex.reader.slash(telex.news, "ask", question=ASKED)
        assert f"<t:{START - 60}:D> · ⚠️ withdrawn" in said(answer)


async def test_the_first_of_several_sources_is_the_one_to_save(telex, feed_server, engine):
    feed = await follow(telex, feed_server)
    engine.quotes(*await telex.store.articles.newest([feed.id], limit=3))
    answer = await telex.reader.slash(telex.news, "ask", question="What is new?")
    assert labels(last(answer))[-1] == "Save"
    first, _rule, others = said(answer).partition("POSSIBLY RELEVANT")
    assert (first.count("\n> "), others.count("\n> ")) == (1, 2)


async def test_a_headline_that_answers_is_not_said_twice(telex, feed_server, engine):
    article = await newest(telex, await follow(telex, feed_server, story()))
    engine.gives = {"tier": Confidence.SURE, "quotes": (Quote(TITLE, article),), "sources": (article,)}
    shown = said(await telex.reader.slash(telex.news, "ask", question=ASKED))
    assert shown.count(TITLE) == 1


async def test_what_is_not_known_is_said_with_the_nearest_and_the_age_of_the_newest(
    telex, feed_server, engine
):
    feed = await follow(telex, feed_server)
    article = await newest(telex, feed)
    engine.gives = {"nearest": (article,), "newest": article.published}
    answer = await telex.reader.slash(telex.news, "ask", question="How deep is the ocean of Europa?")
    assert "I don’t know. No article that you can read here clearly answers that." in said(answer)
    assert f"The latest arrived <t:{START - 60}:R>." in said(answer)
    assert article.title in said(answer).partition("RELATED ARTICLES")[2]
    assert labels(last(answer)) == ["Tell me when there’s news on this", "An article does answer this"]


async def test_nobody_is_asked_about_articles_where_none_is_shown(telex, feed_server, engine):
    await follow(telex, feed_server)
    answer = await telex.reader.slash(telex.news, "ask", question="How deep is the ocean of Europa?")
    assert labels(last(answer)) == ["Tell me when there’s news on this"]


async def test_what_nobody_knows_can_be_watched_for_after_a_restart_too(telex, feed_server, engine):
    await follow(telex, feed_server)
    answer = last(await telex.reader.slash(telex.news, "ask", question="How deep is the ocean of Europa?"))
    await telex.restart()
    told = said(await telex.reader.click(answer, label="Tell me when there’s news on this"))
    assert "**Europa**" in told
    (watch,) = await telex.store.watches.of_person(telex.reader.id)
    assert watch.query == "Europa"
    assert "too old" in said(
        await forge(telex.editor, telex.news, answer, button(answer, "Tell me when there’s news on this"))
    )


async def test_passages_that_may_answer_are_shown_as_such_with_the_words_that_do_in_bold(
    telex, feed_server, engine
):
    article = await newest(telex, await follow(telex, feed_server, story()))
    engine.gives = {
        "tier": Confidence.POSSIBLE,
        "possible": (Quote(BODY, article, "a one-year moratorium"),),
        "sources": (article,),
    }
    answer = await telex.reader.slash(telex.news, "ask", question=ASKED)
    shown = said(answer).replace("\\-", "-")
    assert "POSSIBLY RELEVANT\n> Amazon announced on Wednesday **a one-year moratorium** on police" in shown
    assert [one["emoji"]["name"] for one in components(last(answer)) if "emoji" in one] == ["🔖", "👍", "👎"]


async def test_what_was_said_before_stands_below_the_newest_answer(telex, feed_server, engine):
    feed = await follow(telex, feed_server)
    new, old, *_ = await telex.store.articles.newest([feed.id], limit=3)
    engine.gives = {
        "tier": Confidence.SURE,
        "quotes": (Quote("It is two.", new, "two"),),
        "older": (Quote("It is one.", old, "one"),),
        "sources": (new, old),
    }
    shown = said(await telex.reader.slash(telex.news, "ask", question="How many is it?"))
    assert shown.index("It is **two**") < shown.index("EARLIER") < shown.index("It is **one**")


async def test_a_button_asks_further_from_the_same_sources_after_a_restart_too(telex, feed_server, engine):
    body = "The maker of Nordwave said so. Since then Nordwave is out. Nobody likes it in Paris, in Paris."
    article = await newest(
        telex, await follow(telex, feed_server, item(1, title="Nordwave is out", body=body))
    )
    engine.quotes(article)
    for public in (False, True):
        answer = await telex.reader.slash(telex.news, "ask", question="What is out?", public=public)
        shown = last(answer) if not public else telex.posts()[-1]
        await telex.restart()
        further = await telex.reader.click(shown, label="What’s new with Nordwave?")
        assert engine.calls[-1]["question"] == "What’s new with Nordwave?"
        assert engine.calls[-1]["earlier"] == ["What is out?"]
        assert engine.calls[-1]["sources"] == (article.id,)
        assert last(further).ephemeral is not public
    forged = await forge(
        telex.editor, telex.news, last(answer), button(last(answer), "What’s new with Nordwave?")
    )
    assert "What’s new" in said(forged)


async def test_a_period_is_a_dated_list(telex, feed_server, engine):
    feed = await follow(telex, feed_server)
    articles = await telex.store.articles.newest([feed.id], limit=3)
    lines = tuple(BriefingItem(article.title, article) for article in articles)
    engine.gives = {"tier": Confidence.SURE, "lines": lines, "sources": tuple(articles)}
    answer = await telex.reader.slash(telex.news, "ask", question="What happened this week?")
    shown = said(answer)
    assert shown.index("**[Cities") < shown.index("**[A new") < shown.index("**[Chips")
    assert f"<t:{START - 60}:D>" in shown
    assert shown.count("Cities ban") == 1
    saves = [
        one["custom_id"] for one in components(last(answer)) if str(one["custom_id"]).startswith("telex:save")
    ]
    assert saves == [f"telex:save:{article.key}" for article in articles]


async def test_the_period_that_was_read_stands_first(telex, feed_server, engine):
    feed = await follow(telex, feed_server)
    (article,) = await telex.store.articles.newest([feed.id], limit=1)
    week = Period(1_779_660_000, 1_780_264_800)  # 25 May to 1 June 2026 in Paris
    engine.gives = {
        "tier": Confidence.SURE,
        "lines": (BriefingItem(article.title, article),),
        "sources": (article,),
        "period": week,
        "zone": ZoneInfo("Europe/Paris"),
    }
    answer = await telex.reader.slash(telex.news, "ask", question="What happened this week?")
    assert "-# May 25\u2009–\u200931, 2026\n" in said(answer)
    telex.locales[telex.reader.id] = "fr"
    answer = await telex.reader.slash(telex.news, "ask", question="Quoi de neuf ?")
    assert "-# 25–31 mai 2026\n" in said(answer)
    telex.locales.clear()
    engine.gives = {"period": Period(0, 1), "newest": START, "oldest": START - 60}
    answer = await telex.reader.slash(telex.news, "ask", question="What happened in 1970?")
    assert f"The oldest is from <t:{START - 60}:d>." in said(answer)
    engine.gives |= {"period": Period(START + 60, START + 120), "oldest": None}
    answer = await telex.reader.slash(telex.news, "ask", question="What happened tomorrow?")
    assert "None of them is from that period." in said(answer)


async def test_what_a_model_wrote_is_called_that(telex, feed_server, engine):
    article = await newest(telex, await follow(telex, feed_server))
    engine.quotes(article)
    engine.gives["written"] = (Sentence("Cities **voted** in June.", (1,)),)
    answer = said(await telex.reader.slash(telex.news, "ask", question="What did cities vote?"))
    assert "Cities \\*\\*voted\\*\\* in June. \\[1\\]" in answer
    assert "Written by a language model" in answer
    assert "Quoted from" not in answer
    assert article.url in answer


HOSTILE = "@everyone <@1> [free](https://evil.example)\n\n**Sources**\n-# Telex says: ||x|| `y`\n> # Big"


async def test_words_of_an_article_neither_ping_nor_link_nor_format(telex, feed_server, engine):
    feed = await follow(telex, feed_server, item(1, title=HOSTILE, body=HOSTILE, published=START - 60))
    engine.quotes(await newest(telex, feed))
    await telex.reader.send(telex.news, f"{mention(telex)} what?")
    sent = telex.posts()[-1]
    shown = text(sent)
    assert not sent.mentions
    assert not sent.mention_everyone
    for markup in ("@everyone", "<@1>", "[free]", "**Sources**", "||x||", "`y`"):
        assert markup not in shown.replace("\\" + markup[0], "")
    ours = ("-# 🟫 **Example News**", "-# Quoted from")
    marked = [line for line in shown.splitlines() if line.startswith(("-#", "#", "**Sources"))]
    assert all(line.startswith(ours) for line in marked), marked


async def test_long_quotations_titles_and_addresses_fit(telex, feed_server, engine):
    long = [
        item(number, title="*_" * 200, body="[~|`" * 200, published=START - number).replace(
            "/articles/", f"/{'a(b)' * 100}/"
        )
        for number in range(1, 11)
    ]
    feed = await follow(telex, feed_server, *long)
    articles = await telex.store.articles.newest([feed.id], limit=10)
    engine.quotes(*articles[:3])
    quoted = await telex.reader.slash(telex.news, "ask", question="*" * 400)
    engine.gives = {
        "tier": Confidence.SURE,
        "lines": tuple(BriefingItem(article.title, article) for article in articles),
        "sources": tuple(articles),
    }
    listed = await telex.reader.slash(telex.news, "ask", question="*" * 400)
    for answer in (quoted, listed):
        texts = [one["content"] for one in parts(last(answer)) if one["type"] == 10]
        assert 1000 < sum(map(len, texts)) <= 4000
        assert len(parts(last(answer))) <= 40
        assert len(components(last(answer))) >= 3


async def test_a_french_asker_is_answered_in_french_with_the_quotation_as_it_is(telex, feed_server):
    telex.locales[telex.reader.id] = "fr"
    await follow(telex, feed_server, story())
    shown = said(await telex.reader.slash(telex.news, "ask", question=ASKED))
    assert "Amazon announced on Wednesday" in shown
    assert "Extraits des articles" in shown
    unknown = said(await telex.reader.slash(telex.news, "ask", question="Qui a découvert Uranus ?"))
    assert "Je ne sais pas" in unknown
    told = item(2, title="Le paquet de cigarettes à 10 euros", body="Le paquet de tabac coûte 10 euros.")
    await follow(telex, feed_server, told, path="/fr", language="fr")
    await telex.reader.send(telex.news, f"{mention(telex)} prix paquet tabac ?")  # words of no language
    answer = text(telex.posts()[-1])
    assert "10 euros" in answer
    assert "PEUT-ÊTRE UTILE" in answer or "Extraits des articles" in answer


async def test_a_mention_is_answered_in_the_language_of_its_question(telex, feed_server, engine):
    await follow(telex, feed_server)
    await telex.reader.send(telex.news, f"{mention(telex)} qui a découvert Uranus ?")
    assert "Je ne sais pas" in text(telex.posts()[-1])
    await telex.reader.send(telex.news, f"{mention(telex)} et Neptune ?", reply_to=telex.posts()[-1])
    assert "Je ne sais pas" in text(telex.posts()[-1])
    await telex.reader.send(telex.news, f"{mention(telex)} who discovered Uranus?")
    assert "I don’t know" in text(telex.posts()[-1])


async def test_where_nothing_is_followed_or_asked_the_next_step_is_told(telex, feed_server):
    assert "Nothing to read yet" in said(await telex.reader.slash(telex.news, "ask", question="Who?"))
    await telex.reader.send(telex.news, f"{mention(telex)} who?")
    assert "Nothing to read yet" in text(telex.posts()[-1])
    await follow(telex, feed_server)
    assert "What topic" in said(await telex.reader.slash(telex.news, "ask", question="and the?"))
    assert await telex.store.questions.count(telex.reader.id) == 0


async def test_a_fault_is_told_with_its_number_and_logged(telex, feed_server, engine, caplog):
    await follow(telex, feed_server)
    engine.fails = True
    await telex.reader.send(telex.news, f"{mention(telex)} who?")
    shown = text(telex.posts()[-1])
    assert "Something went wrong on my side" in shown
    number = shown.split("`")[1]
    assert any(number in record.getMessage() and record.exc_info for record in caplog.records)


async def test_questions_have_a_limit_a_person_that_tells_when_to_ask_again(telex, feed_server, engine):
    await follow(telex, feed_server)

    async def ask(person: MemberActor) -> InteractionResult:
        return await person.slash(telex.news, "ask", question="Who is Signal?", public=True)

    for _ in range(5):
        assert "I don’t know" in said(await ask(telex.reader))
    refused = await ask(telex.reader)
    assert last(refused).ephemeral
    assert f"5 questions in a minute, which is the limit. Ask again <t:{START + 13}:R>" in said(refused)
    assert "I don’t know" in said(await ask(telex.editor))
    await telex.advance(13)
    assert "I don’t know" in said(await ask(telex.reader))


async def test_mentions_beyond_the_limit_are_told_so_once(telex, feed_server, engine):
    await follow(telex, feed_server)
    for _ in range(8):
        await telex.reader.send(telex.news, f"{mention(telex)} who?")
    assert sum("which is the limit" in text(post) for post in telex.posts()) == 1
    assert len(engine.calls) == 5


async def test_each_wait_for_the_next_question_is_told_once(telex, feed_server, engine):
    await follow(telex, feed_server)
    for questions, pause in ((8, 13), (3, 60)):  # the second spell begins within a minute of the first
        before = len(telex.posts())
        for _ in range(questions):
            await telex.reader.send(telex.news, f"{mention(telex)} who?")
        told = [text(post) for post in telex.posts()[before:] if "which is the limit" in text(post)]
        assert len(told) == 1
        assert "Ask again <t:" in told[0]
        await telex.advance(pause)
    assert len(engine.calls) == 6


async def test_searches_are_no_questions(telex, feed_server, engine):
    await follow(telex, feed_server)
    for _ in range(SEARCHES_OF_A_PERSON):
        await telex.reader.send(telex.news, f"{mention(telex)} search: cities")
        assert "Cities ban" in text(telex.posts()[-1])
    await telex.reader.send(telex.news, f"{mention(telex)} who?")
    assert len(engine.calls) == 1
    before = len(telex.posts())
    for _ in range(3):
        await telex.reader.send(telex.news, f"{mention(telex)} search: cities")
    (told,) = telex.posts()[before:]
    assert "20 times in a minute, which is the limit. Search again <t:" in text(told)


async def test_a_public_answer_holds_only_what_everybody_here_may_read(telex, feed_server, engine):
    secret = telex.guild.create_text_channel("secret")
    hidden = await follow(telex, feed_server, path="/secret", title="Secret", channel=secret)
    hide(telex, secret, telex.reader)
    shown = await follow(telex, feed_server)
    elsewhere = telex.guild.create_text_channel("elsewhere")
    open_ = await follow(telex, feed_server, path="/open", title="Open", channel=elsewhere)
    await telex.editor.slash(telex.news, "ask", question="Who?")
    assert engine.calls[-1]["feed_ids"] == {hidden.id, shown.id, open_.id}
    await telex.editor.slash(telex.news, "ask", question="Who?", public=True)
    assert engine.calls[-1]["feed_ids"] == {shown.id, open_.id}
    await telex.editor.send(telex.news, f"{mention(telex)} who?")
    assert engine.calls[-1]["feed_ids"] == {shown.id, open_.id}
    await telex.editor.send(secret, f"{mention(telex)} who?")
    assert engine.calls[-1]["feed_ids"] == {hidden.id, shown.id, open_.id}


async def test_the_asker_brings_nothing_that_they_cannot_see_themselves(telex, feed_server, engine):
    await follow(telex, feed_server)
    hide(telex, telex.news, telex.reader)
    other = telex.guild.create_text_channel("other")
    await telex.reader.send(other, f"{mention(telex)} who?")
    assert "Nothing to read yet" in text(telex.posts(other)[-1])
    assert engine.calls == []


async def test_channels_with_the_very_same_readers_share_their_feeds(telex, feed_server, engine):
    talk, wire = (telex.guild.create_text_channel(f"staff-{name}") for name in ("talk", "wire"))
    await close(telex, talk)
    await close(telex, wire)
    feed = await follow(telex, feed_server, path="/wire", channel=wire)
    await telex.editor.send(talk, f"{mention(telex)} who?")
    assert engine.calls[-1]["feed_ids"] == {feed.id}
    hide(telex, wire, telex.reader)  # an overwrite that the other channel has not
    await telex.editor.send(talk, f"{mention(telex)} who?")
    assert "some people here can’t see" in text(telex.posts(talk)[-1])
    assert len(engine.calls) == 1


async def test_a_public_answer_is_for_all_who_read_here_and_a_click_checks_them(telex, feed_server):
    await follow(telex, feed_server, story())
    await telex.editor.send(telex.news, f"{mention(telex)} {ASKED}")
    answer = telex.posts()[-1]
    assert BODY in text(answer).replace("\\-", "-").replace("**", "")
    assert said(await telex.reader.click(answer, label="Save")) == "Saved to your bookmarks."
