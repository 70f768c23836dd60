"""Questions about a period, about an article, and those that follow on others."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.answers.answering import Answer, ask
from bot.answers.happenings import asked, topic_of
from bot.search.searching import Searcher
from bot.store import Store
from bot.store.records import Kin
from bot.text import spans
from tests.answers.test_answers import BAN
from tests.search.library import DAY, Library
from tests.search.searchers import searcher_of
from tests.store.samples import new_article

WEEK = "what happened to Intel this week"


@pytest.fixture
async def library(store: Store) -> Library:
    """The clock stands on a Thursday evening, 28 May 2026."""
    opened = await Library(store).open()
    rival = await opened.new_feed("Herald")
    await opened.add("Intel cuts 15,000 jobs", "Intel said on Wednesday that it cuts 15,000 jobs.", days=1)
    await opened.add(
        "Intel to cut 15,000 jobs in Europe", "It is the largest cut for Intel.", days=1.2, feed=rival
    )
    await opened.add("Intel opens a factory in Ohio", "The factory makes chips.", days=2)
    await opened.add("Intel names a new chief", "He comes from Cadence.", days=10)
    chip = "AMD says that its chip is fast. " * 20 + "It is faster than that of Intel."
    await opened.add("AMD presents a chip", chip, days=0.5)
    await opened.add(
        "Mistral présente un modèle", "Mistral a présenté un modèle lundi.", language="fr", days=3
    )
    await opened.add("Une cyberattaque à Lille", "La ville est touchée.", language="fr", days=2.1)
    await opened.add("A cyberattack hits Berlin", "The city's servers are down.", days=1.1)
    return opened


@pytest.fixture
def searcher(store: Store) -> Searcher:
    return searcher_of(store)


def titles(answer: Answer) -> list[str]:
    return [line.text for line in answer.lines]


@pytest.mark.parametrize(
    ("question", "lines"),
    [
        (WEEK, ["Intel cuts 15,000 jobs", "Intel opens a factory in Ohio"]),
        ("what about Intel this week?", ["Intel cuts 15,000 jobs", "Intel opens a factory in Ohio"]),
        ("summarize this week's Intel news", ["Intel cuts 15,000 jobs", "Intel opens a factory in Ohio"]),
        ("que s'est-il passé depuis hier soir chez Intel ?", ["Intel cuts 15,000 jobs"]),
        ("Que devient Mistral ?", ["Mistral présente un modèle"]),
        ("Intel this week", ["Intel cuts 15,000 jobs", "Intel opens a factory in Ohio"]),
        ("What did Intel announce since yesterday?", ["Intel cuts 15,000 jobs"]),
        ("les nouveautés de Mistral depuis lundi", ["Mistral présente un modèle"]),
        ("Que s'est-il passé chez AMD aujourd'hui ?", ["AMD presents a chip"]),
        (
            "quoi de neuf sur les cyberattaques ces 3 derniers jours",
            ["A cyberattack hits Berlin", "Une cyberattaque à Lille"],
        ),
        ("What happened to Intel between 17 and 20 May 2026?", ["Intel names a new chief"]),
        ("What are the latest developments at Mistral?", ["Mistral présente un modèle"]),
        ("Intel news", ["Intel cuts 15,000 jobs", "Intel opens a factory in Ohio"]),
    ],
)
async def test_a_period_is_answered_by_its_stories_newest_first_and_once(
    library: Library, searcher: Searcher, question: str, lines: list[str]
) -> None:
    answer = await ask(searcher, question, feed_ids=None)
    assert answer.answered
    assert titles(answer) == lines
    assert [line.article for line in answer.lines] == list(answer.sources)
    assert all(quote.text in quote.article.text for quote in answer.quotes)
    assert 1 <= len(answer.quotes) <= 3


async def test_without_a_topic_everything_new_is_listed_and_at_most_ten(
    library: Library, searcher: Searcher
) -> None:
    answer = await ask(searcher, "what's new?", feed_ids=None)
    assert titles(answer) == [
        "AMD presents a chip",
        "Intel cuts 15,000 jobs",
        "A cyberattack hits Berlin",
        "Intel opens a factory in Ohio",
        "Une cyberattaque à Lille",
        "Mistral présente un modèle",
    ]
    for number in range(15):
        await library.add(f"Story {chr(65 + number) * 5} of {chr(75 + number) * 4}", days=0.1)
    assert len(titles(await ask(searcher, "quoi de neuf ?", feed_ids=None))) == 10


@pytest.mark.parametrize(
    "question", ["what happened to Intel last month", "les nouveautés d'OpenAI depuis lundi", "AMD yesterday"]
)
async def test_a_period_without_stories_is_an_honest_no_with_the_nearest(
    library: Library, searcher: Searcher, question: str
) -> None:
    answer = await ask(searcher, question, feed_ids=None)
    assert not answer.answered
    assert not answer.lines
    assert not answer.sources
    assert not answer.quotes
    if "OpenAI" not in question:
        assert answer.nearest
    assert answer.newest == library.store.clock.now() - 43_200


async def test_an_empty_period_offers_what_is_about_the_topic_not_what_mentions_it(
    library: Library, searcher: Searcher
) -> None:
    walk = "Grenoble has many quarters, and each of them is worth a walk in spring. " * 10
    await library.add("A walk through Grenoble", walk + "One of them is named OpenAI.", days=20)
    question = "les nouveautés d'OpenAI depuis lundi"
    assert (await ask(searcher, question, feed_ids=None)).nearest == ()
    hidden = await library.new_feed("Hidden")
    await library.add("OpenAI is sued", "A paper sues.", days=30)
    await library.add("OpenAI opens an office in Paris", "It is the first.", days=20)
    await library.add("OpenAI is sold", "It is sold.", days=15, feed=hidden)
    answer = await ask(searcher, question, feed_ids=[library.feed.id])
    assert not answer.answered
    assert not answer.lines
    assert [article.title for article in answer.nearest] == [
        "OpenAI opens an office in Paris",
        "OpenAI is sued",
    ]


async def test_the_articles_that_the_person_may_not_see_are_not_listed(
    library: Library, searcher: Searcher
) -> None:
    hidden = await library.new_feed("Hidden")
    await library.add("Intel is sold", "Intel is sold.", days=0.2, feed=hidden)
    answer = await ask(searcher, WEEK, feed_ids=[library.feed.id])
    assert titles(answer) == ["Intel cuts 15,000 jobs", "Intel opens a factory in Ohio"]
    assert answer.newest == library.store.clock.now() - 43_200
    empty = await ask(searcher, WEEK, feed_ids=[])
    assert not empty.answered
    assert empty.newest is None


async def test_what_several_outlets_tell_in_other_words_is_one_line(
    library: Library, store: Store, searcher: Searcher
) -> None:
    """As a channel has it in one post; what is less alike keeps a line of its own."""
    first = await library.add("A ship's anchor cuts the Nordwave cable", days=0.4)
    named = {"Nordwave: traffic between two countries is slow": 0.9, "Nordwave has a new owner": 0.1}
    for title, likeness in named.items():
        feed = await library.new_feed(title)
        article = new_article(feed, title, title=title, published=store.clock.now() - 3_600)
        kin = {article.key: [Kin(first, likeness)]}
        await store.polls.record(feed, new=[article], catch_up_after=10, first=False, kin=kin)
    for question in ("what's new with Nordwave?", "what happened to Nordwave today?"):
        assert set(titles(await ask(searcher, question, feed_ids=None))) == set(named), question


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("iOS 26.1 is out", "iOS 26.2 is out"),
        ("Intel Arc gets a new driver", "Intel Arc gets cheaper"),
        ("Intel loses 3 billion dollars", "Intel loses 5 billion dollars"),
    ],
)
async def test_two_stories_with_like_titles_are_not_taken_for_one(
    store: Store, searcher: Searcher, first: str, second: str
) -> None:
    library = await Library(store).open()
    await library.add(first, days=1)
    await library.add(second, days=2)
    for question in (f"what's new with {first.split(maxsplit=1)[0]}?", "what's new?"):
        assert titles(await ask(searcher, question, feed_ids=None)) == [first, second]


@pytest.mark.parametrize(
    "question",
    [
        "Who bought Slack in 2024?",
        "Who bought Slack this week?",
        "How many people did Intel fire this week?",
        "In what year did the war of 1939 begin?",
        "Quelles nouvelles règles ont été votées en 2020 ?",
        "What happened to Theranos?",
        "What are the new responsibilities of pharmacists?",
        "Developments in which scientists influenced medicine?",
        "Pourquoi Amazon interdit-il Rekognition ?",
        "Quel est le premier jour de l'année ?",
        "",
    ],
)
def test_an_ordinary_question_does_not_become_a_list(question: str) -> None:
    assert asked(question, 1_780_000_000) is None


async def test_what_happened_at_a_date_may_be_told_by_an_article_of_another_time(
    library: Library, searcher: Searcher
) -> None:
    await library.add(
        "The fall of Theranos", "Theranos was dissolved in 2018 after a trial of its founder.", days=4
    )
    answer = await ask(searcher, "What happened to Theranos and its founder in 2018?", feed_ids=None)
    assert answer.lines == ()
    assert answer.answered
    assert "dissolved" in answer.quotes[0].text


async def test_what_is_asked_of_a_period_is_not_answered_by_an_older_article(
    library: Library, searcher: Searcher
) -> None:
    text = "Salesforce bought Slack in 2026 for 27 billion dollars."
    await library.add("Salesforce bought Slack", text, days=30)
    assert (await ask(searcher, "Who bought Slack?", feed_ids=None)).answered
    assert not (await ask(searcher, "Who bought Slack this week?", feed_ids=None)).answered
    assert (await ask(searcher, "Who bought Slack in 2026?", feed_ids=None)).answered


@pytest.mark.parametrize(
    "question",
    [
        "What happened in 1789?",
        "Que s’est-il passé en 1789 ?",
        "What happened in 2035?",
        "Que s’est-il passé entre 1914 et 1918 ?",
        "What happened to Intel in 1950?",
    ],
)
async def test_a_time_of_which_no_article_is_is_not_told_by_what_does_not_name_it(
    library: Library, searcher: Searcher, question: str
) -> None:
    await library.add(
        "Property in France", "It was declared sacred in 1789 and in 1914, and will be in 2035."
    )
    await library.add("What happened to Intel", "It happened that Intel was the first to make such a chip.")
    answer = await ask(searcher, question, feed_ids=None)
    assert not answer.answered, answer.quotes
    assert not answer.lines
    assert not answer.sources
    assert not answer.quotes
    assert answer.period is not None
    assert answer.is_of_another_time
    now = library.store.clock.now()
    assert answer.oldest == (None if "2035" in question else now - 10 * DAY)
    hidden = await library.new_feed("Hidden")
    await library.add("Older", "It is old.", days=20, feed=hidden)
    answer = await ask(searcher, question, feed_ids=[library.feed.id])
    assert answer.oldest == (None if "2035" in question else now - 10 * DAY)


async def test_the_period_that_was_read_is_told(library: Library, searcher: Searcher) -> None:
    answer = await ask(searcher, WEEK, feed_ids=None)
    assert answer.period is not None
    assert spans.named(answer.period, answer.zone, "en") == "May 25\u2009–\u200931, 2026"
    assert not answer.is_of_another_time
    empty = await ask(searcher, "what happened to Intel last month", feed_ids=None)
    assert empty.period is not None
    assert spans.named(empty.period, empty.zone, "fr") == "avril 2026"
    assert (await ask(searcher, "How many jobs does Intel cut?", feed_ids=None)).period is None
    paris = await ask(searcher, WEEK, feed_ids=None, zone=ZoneInfo("Europe/Paris"))
    assert paris.period is not None
    assert spans.named(paris.period, paris.zone, "fr") == "25–31 mai 2026"
    assert paris.period.start == answer.period.start - 2 * 3600


@pytest.mark.parametrize(
    "question",
    [
        "tell me about Pelikan",
        "What do you know about Pelikan?",
        "what's new with Pelikan",
        "parle-moi de Pelikan",
        "Quoi de neuf chez Pelikan ?",
        "que sait-on de Pelikan ?",
        "Qu’est-ce qu’on sait sur Pelikan ?",
        "parle moi de pelikan",
        "dis moi tout sur pelikan",
        "que sait on de pelikan",
        "ya koi de neuf chez pelikan",
        "il y a quoi de neuf chez Pelikan",
        "whats new with pelikan",
        "update on Pelikan",
        "Summarize the Pelikan affair",
        "can you give me a summary of the Pelikan case?",
        "résume-moi l’affaire Pelikan",
        "Fais moi un résumé du dossier Pelikan",
    ],
)
async def test_a_topic_is_told_by_its_newest_stories_of_whatever_time(
    library: Library, searcher: Searcher, question: str
) -> None:
    await library.add("Pelikan opens a shop", "It is in Lille.", days=300)
    await library.add("A new chief at Pelikan", "She comes from Lamy.", days=90)
    await library.add("Pens of the year", "Lamy and others. " * 60 + "Pelikan is named too.", days=40)
    answer = await ask(searcher, question, feed_ids=None)
    assert titles(answer) == ["A new chief at Pelikan", "Pelikan opens a shop"]
    assert answer.period is None


@pytest.mark.parametrize(
    "question",
    ["tell me about Zorblax", "parle-moi de Zorblax", "que sait-on de Zorblax ?", "What’s new with Zorblax?"],
)
async def test_what_no_article_is_about_is_not_told(
    library: Library, searcher: Searcher, question: str
) -> None:
    text = "Lamy and others are fine pens. " * 60 + "Zorblax is named too."
    await library.add("Pens of the year", text, days=40)
    answer = await ask(searcher, question, feed_ids=[library.feed.id])
    assert answer.lines == ()


async def test_what_is_new_is_told_by_what_is_about_it_before_what_mentions_it(
    library: Library, searcher: Searcher
) -> None:
    """A review of the year names everybody within the last week."""
    await library.add("A new chief at Pelikan", "She comes from Lamy.", days=20)
    await library.add("Pens of the year", "Lamy and others. " * 60 + "Pelikan is named too.", days=2)
    assert titles(await ask(searcher, "quoi de neuf chez Pelikan", feed_ids=None)) == [
        "A new chief at Pelikan"
    ]
    this_week = await ask(searcher, "quoi de neuf chez Pelikan cette semaine", feed_ids=None)
    assert titles(this_week) == ["Pens of the year"]


@pytest.mark.parametrize("question", ["latest on the Pelikan deal", "quoi de neuf sur l'affaire Pelikan ?"])
async def test_a_story_need_not_be_called_what_the_question_calls_it(
    library: Library, searcher: Searcher, question: str
) -> None:
    await library.add("Lamy bids more for Pelikan", "It is hostile.", days=2)
    await library.add("A deal between Pelikan and Kaweco", "It is no affair (une affaire).", days=4)
    assert titles(await ask(searcher, question, feed_ids=None)) == [
        "Lamy bids more for Pelikan",
        "A deal between Pelikan and Kaweco",
    ]


def test_a_topic_that_is_a_kind_of_story_alone_is_one() -> None:
    happening = asked("latest on the deal", 1_780_000_000)
    assert happening is not None
    assert happening.topic == ("deal",)
    deal = asked("news on the green deal", 1_780_000_000)
    assert deal is not None
    assert deal.topic == ("green", "deal")
    assert topic_of("summarize the article") == topic_of("résume ce texte") == ()


@pytest.mark.parametrize("question", ["quoi de neuf chez Zorblax", "parle-moi un peu de Zorblax"])
async def test_near_to_a_topic_that_nothing_is_about_is_not_what_has_the_words_that_ask(
    library: Library, searcher: Searcher, question: str
) -> None:
    await library.add("Orages : neuf départements", "Neuf en vigilance.", language="fr")
    await library.add("Il parle un peu", "On en parle un peu : peu parlent.", language="fr")
    text = "Lamy and others are fine pens. " * 60 + "Zorblax is named too."
    await library.add("Pens of the year", text, days=400)
    answer = await ask(searcher, question, feed_ids=None)
    assert not answer.lines
    assert [article.title for article in (answer.nearest or answer.sources)] == ["Pens of the year"]


PHONE = (
    "The company presented a phone in Berlin. It has a larger screen and a better camera. "
    "The phone costs 499 euros. It will be sold from September on because a chip is late."
)


@pytest.mark.parametrize(
    ("question", "holds"),
    [
        ("combien ça coûte ?", "499 euros"),
        ("How much does it cost?", "499 euros"),
        ("Why?", "because"),
        ("When will it be sold?", "September"),
        ("What is this about?", "presented a phone"),
        ("Résume cet article", "presented a phone"),
        ("Summarize this", "presented a phone"),
    ],
)
async def test_a_question_about_an_article_is_answered_from_it(
    library: Library, searcher: Searcher, question: str, holds: str
) -> None:
    phone = await library.add("A new phone", PHONE)
    await library.add("A phone of another company", "This phone costs 12 dollars and was sold in March.")
    answer = await ask(searcher, question, feed_ids=None, about=phone)
    assert answer.answered
    assert holds in answer.quotes[0].text
    assert [source.id for source in answer.sources] == [phone]


async def test_the_end_of_a_long_article_is_read_too(library: Library, searcher: Searcher) -> None:
    phone = await library.add("A new phone", "It is said that it is so. " * 1500 + PHONE)
    answer = await ask(searcher, "How much does the phone cost?", feed_ids=None, about=phone)
    assert "499 euros" in answer.quotes[0].text


async def test_what_the_article_does_not_say_others_may(library: Library, searcher: Searcher) -> None:
    weather = await library.add("Weather in Paris", "Rain is expected on Monday.")
    await library.add("Amazon's Rekognition", "Rekognition was launched in 2016 by Amazon.")
    answer = await ask(searcher, "When was Rekognition launched?", feed_ids=None, about=weather)
    assert answer.answered
    assert "2016" in answer.quotes[0].text


async def test_an_article_that_the_person_may_not_see_is_not_asked(
    library: Library, searcher: Searcher
) -> None:
    hidden = await library.new_feed("Hidden")
    phone = await library.add("A new phone", PHONE, feed=hidden)
    answer = await ask(searcher, "How much does it cost?", feed_ids=[library.feed.id], about=phone)
    assert not answer.answered
    assert all(article.feed_id != hidden.id for article in answer.nearest)
    assert not (await ask(searcher, "How much does it cost?", feed_ids=None, about=10**9)).answered


async def test_a_price_that_no_article_gives_is_not_answered_with_a_date_or_a_number(
    library: Library, searcher: Searcher
) -> None:
    text = "Rekognition was launched on 10 June 2016. It takes 20 minutes to install on 3 servers."
    phone = await library.add("Rekognition is launched", text)
    await library.add("The price of Watson", "Watson costs 20 dollars. Its price was 30 dollars in 2016.")
    await library.add("Rekognition grows", "Rekognition has 1,500 customers since 2018.")
    for about in (None, phone):
        for question in ("How much does Rekognition cost?", "Quel est le prix de Rekognition ?"):
            assert not (await ask(searcher, question, feed_ids=None, about=about)).answered


async def test_how_many_is_not_answered_without_a_number(library: Library, searcher: Searcher) -> None:
    text = "Employees of Amazon signed a petition against Rekognition. Their names are not known."
    petition = await library.add("A petition against Rekognition", text)
    for question in ("How many employees signed?", "Combien d'employés ont signé ?"):
        assert not (await ask(searcher, question, feed_ids=None, about=petition)).answered


async def test_a_follow_up_is_understood_with_the_question_before(
    library: Library, searcher: Searcher
) -> None:
    await library.add("Amazon bans police use of Rekognition", BAN)
    before = "Why does Amazon ban the police from using Rekognition?"
    question = "and when was it launched?"
    answer = await ask(searcher, question, feed_ids=None, earlier=[before])
    assert answer.question == question
    assert "2016" in answer.quotes[0].text
    assert not (await ask(searcher, question, feed_ids=None)).answered
    listed = await ask(searcher, "et AMD ?", feed_ids=None, earlier=[WEEK])
    assert titles(listed) == ["AMD presents a chip"]
    listed = await ask(searcher, "and before, in the last two weeks?", feed_ids=None, earlier=[WEEK])
    assert "Intel names a new chief" in titles(listed)


@given(question=st.text(alphabet=st.sampled_from("aeinrst ?-'0123é\0") | st.characters(), max_size=60))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(question="\ud800")
@example(question="quoi de neuf " * 50)
async def test_no_conversation_breaks_it(library: Library, searcher: Searcher, question: str) -> None:
    await ask(searcher, question, feed_ids=None, about=1, earlier=[WEEK, question])
    await ask(searcher, f"what's new about {question} since monday", feed_ids=None, earlier=[question])
    await ask(searcher, f"et {question} ?", feed_ids=[1], about=2, earlier=[WEEK])


def test_what_i_have_is_no_topic() -> None:
    for question in ("qu’est-ce que j’ai raté hier ?", "qu'est-ce que j'ai raté hier ?"):
        happening = asked(question, 1_780_000_000)
        assert happening is not None
        assert happening.topic == ()
    news = asked("c'est quoi les news", 1_780_000_000)
    assert news is not None
    assert news.topic == ()
    about = asked("what about AI this week?", 1_780_000_000)
    assert about is not None
    assert about.topic == ("ai",)
