"""The steps from a question to an answer."""

from __future__ import annotations

import pytest

from bot.answers.answer_model import Confidence
from bot.answers.answer_scorer import Scorer, load_candidate_scorer
from bot.answers.candidate_features import (
    COSINE_FEATURE_COUNT,
    FEATURE_NAMES,
    ArticleFeatures,
    compute_candidate_features,
)
from bot.answers.candidate_scoring import ScoredCandidate, score_candidates
from bot.answers.candidates import MAX_QUOTE_LENGTH, analyse_article, iter_candidates
from bot.answers.question_analysis import FOLLOW_UP_TERM_FACTOR, AnswerType, analyse_question
from bot.answers.question_retrieval import MAX_ARTICLES, analyse_question_with_index, retrieve_articles
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.quote_excerpts import Excerpt
from bot.answers.quote_selection import classify_confidence, rank_candidates, select_quotes
from bot.answers.typed_spans import find_typed_spans
from tests.support.cases import check_cases
from tests.support.search.library import Library
from tests.support.search.searchers import build_searcher

ARTICLE_COUNT = 1000


def get_frequency(stem: str) -> int:
    return {"nordwav": 3, "cabl": 40, "repair": 90, "repar": 90}.get(stem, 0)


@check_cases(
    ("text", "kind"),
    [
        ("how many ships were there", AnswerType.NUMBER),
        ("cb de bateaux", AnswerType.NUMBER),
        ("c'est combien le billet", AnswerType.NUMBER),
        ("prix du billet", AnswerType.MONEY),
        ("how much money does it save", AnswerType.MONEY),
        ("when does it start", AnswerType.TIME),
        ("Qui dirige l'entreprise ?", AnswerType.NAME),
        ("pk il est parti", AnswerType.REASON),
    ],
)
def test_answer_type_is_detected(text, kind):
    assert kind in analyse_question(text, get_frequency, ARTICLE_COUNT).answer_types


def test_term_weight_depends_on_rarity():
    question = analyse_question("How many cables does Nordwave repair now?", get_frequency, ARTICLE_COUNT)
    weights = {term.word: term.weight for term in question.terms}
    assert weights.keys() == {"cables", "nordwave", "repair"}
    assert weights["nordwave"] > weights["cables"] > weights["repair"] > 0
    unknown = analyse_question("Nordwave quux", get_frequency, ARTICLE_COUNT).terms[1]
    assert not unknown.is_in_index
    assert 0 < unknown.weight < weights["nordwave"]


@check_cases(
    ("text", "changes"),
    [
        ("who runs nordwave now", True),
        ("who is the head of Nordwave", True),
        ("qui dirige Nordwave actuellement", True),
        ("who was the head of Nordwave", False),
        ("who was hired in 2019", False),
    ],
)
def test_question_about_present_is_detected(text, changes):
    assert analyse_question(text, get_frequency, ARTICLE_COUNT).changes_over_time is changes


@check_cases(
    ("text", "kind", "expected_words"),
    [
        ("It costs $1.5 billion, they say.", AnswerType.MONEY, "$1.5 billion"),
        ("Le billet coûte 3 000 euros.", AnswerType.MONEY, "3 000 euros"),
        ("Cinq navires sont partis.", AnswerType.NUMBER, "Cinq navires"),
        ("It began on June 17, 2024 in the rain.", AnswerType.TIME, "June 17, 2024"),
        ("Le jeudi 15 novembre 2018, tout change.", AnswerType.TIME, "jeudi 15 novembre 2018"),
        ("Then Lip-Bu Tan spoke.", AnswerType.NAME, "Lip-Bu Tan"),
    ],
)
def test_typed_spans_are_found(text, kind, expected_words):
    answer_forms = list(find_typed_spans(text))
    assert (kind, expected_words) in [(form.answer_type, form.text) for form in answer_forms]
    assert all(text[form.start : form.end] == form.text for form in answer_forms)
    assert kind is not AnswerType.TIME or all(form.answer_type is not AnswerType.NUMBER for form in answer_forms)


async def test_article_is_split_into_headline_and_windows(store):
    library = await Library(store).open()
    sentences = [f"Sentence number {number} tells of {'many ' * 12}things." for number in range(12)]
    article_id = await library.add("A headline", " ".join([*sentences, "word " * 300]))
    article = await store.articles.get(article_id)
    reading = analyse_article(article)
    first, *windows = list(iter_candidates(reading))
    assert first.is_headline
    assert first.text == "A headline"
    assert all(len(window.text) <= MAX_QUOTE_LENGTH and window.text in article.text for window in windows)
    assert all(1 <= len(window.sentences) <= 3 for window in windows)
    assert all(any(sentence in window.text for window in windows) for sentence in sentences)


async def test_candidate_features_are_named_and_independent(store):
    library = await Library(store).open()
    text = "Nothing else happened. The Nordwave cable was repaired after 12 days."
    article = await store.articles.get(await library.add("Nordwave", text))
    assert article is not None
    question = analyse_question("After how many days was the Nordwave cable repaired?", get_frequency, ARTICLE_COUNT)
    terms, reading = QuestionTermMatcher(question), analyse_article(article)
    measures = ArticleFeatures(terms, reading)
    headline, window = iter_candidates(reading)
    far, near = (
        dict(
            zip(
                FEATURE_NAMES,
                compute_candidate_features(question, terms, measures, candidate, 0.0),
                strict=False,
            )
        )
        for candidate in (headline, window)
    )
    assert len(near) == len(FEATURE_NAMES) - COSINE_FEATURE_COUNT
    assert near["in window"] == 1
    assert 0 < far["in window"] < 1
    assert (far["lacks form"], near["has form"]) == (1, 1)
    best = score_candidates(question, [article]).candidates[0]
    assert best.excerpt.answer_text == "12 days"


async def test_answer_to_follow_up_needs_its_own_term(store):
    library = await Library(store).open()
    text = "Renault ferme 1200 magasins. De son côté, Tesla en ouvre 300 cette année."
    article = await store.articles.get(await library.add("Chiffres du mois", text, language="fr"))
    without, with_tesla = (
        analyse_question("combien de magasins Tesla", lambda _: 50, 20 * ARTICLE_COUNT, added)
        for added in ((), ("tesla",))
    )
    weight, follow_up_weight = (question.terms[1].weight for question in (without, with_tesla))
    assert follow_up_weight == pytest.approx(weight * FOLLOW_UP_TERM_FACTOR)
    # The number of Renault's shops stands beside that of Tesla's: neither is given as the answer.
    assert score_candidates(with_tesla, [article]).candidates[0].excerpt.answer_text is None


def test_scorer_sums_leaves_of_trees():
    tree = ([1, 0.5, 1, 2], -2.0, 2.0)
    tree_scorer = Scorer(bias=0.0, trees=(tree,), sure_threshold=0.9, possible_threshold=0.1)
    assert tree_scorer.predict_probability([1.0, 1.0]) == pytest.approx(0.8808, abs=1e-4)
    assert tree_scorer.predict_probability([1.0, 0.0]) == pytest.approx(0.1192, abs=1e-4)


@check_cases("meaning", [False, True])
def test_stored_scorer_matches_features(meaning):
    loaded_scorer = load_candidate_scorer(with_cosines=meaning)  # which raises where they are others
    assert 0 < loaded_scorer.possible_threshold < loaded_scorer.sure_threshold < 1


def make_candidate(
    article_id: int,
    probability: float,
    *,
    days: int,
    answer: str | None,
    start: int = 0,
    has_expected_answer: bool = True,
) -> ScoredCandidate:
    return ScoredCandidate(
        article_id,
        days * 86_400,
        "en",
        "text",
        (start, start + 2),
        (),
        probability,
        Excerpt((), answer, has_expected_answer=has_expected_answer),
    )


def test_unlikely_candidate_is_not_quoted_outside_conversation():
    first, second, third = (make_candidate(n, p, days=1, answer=None) for n, p in ((1, 0.6), (2, 0.4), (3, 0.1)))
    assert select_quotes([first, second, third]) == [first, second]
    assert select_quotes([first, second, third], frozenset({1})) == [first, second, third]


async def test_following_sentences_are_quoted_when_nothing_else_is_likely(store):
    library = await Library(store).open()
    first_sentences = [
        f"The Nordwave cable was cut in the night, its operator said {'once and ' * 20}again.",
        f"Most of the traffic now goes through {'Denmark, through ' * 15}Norway.",
        "It is expected to work again in three weeks.",
    ]
    article = await store.articles.get(
        await library.add("News of the sea", " ".join([*first_sentences, *["More is said."] * 30]))
    )
    question = analyse_question("when was the Nordwave cable cut", get_frequency, ARTICLE_COUNT)
    quotes = select_quotes(score_candidates(question, [article]).candidates[:1])
    assert [quote.text for quote in quotes] == [first_sentences[0], " ".join(first_sentences[1:])]
    assert all(quote.text in article.text and len(quote.text) <= MAX_QUOTE_LENGTH for quote in quotes)


async def test_newest_of_equal_articles_answers(store):
    library = await Library(store).open()
    for days, name in ((400, "Alan Kay"), (10, "Ada Byron"), (200, "Grace Hopper")):
        await library.add(f"Nordwave has a new head: {name}", f"{name} runs Nordwave.", days=days)
    searcher = build_searcher(store)
    question = await analyse_question_with_index(searcher, "who is the head of nordwave")
    retrieved = await retrieve_articles(searcher, question, feed_ids=None)
    first, *_ = score_candidates(question, retrieved.articles).candidates
    assert "Ada Byron" in first.text


def test_article_of_conversation_makes_no_answer_sure():
    scorer = Scorer(bias=0.0, trees=(), sure_threshold=0.6, possible_threshold=0.1)
    candidates = [make_candidate(1, 0.8, days=1, answer=None)]
    question = analyse_question("nordwave", get_frequency, 16 * ARTICLE_COUNT)
    assert classify_confidence(question, candidates, scorer) is Confidence.SURE
    assert classify_confidence(question, candidates, scorer, frozenset({1})) is Confidence.POSSIBLE


def test_confidence_threshold_is_lower_in_small_store():
    scorer = Scorer(bias=0.0, trees=(), sure_threshold=0.5, possible_threshold=0.1)
    small, medium, large = (analyse_question("nordwave", get_frequency, count) for count in (1, 4_000, 16_000))
    for probability, confidences in ((0.4, "sure possible possible"), (0.46, "sure sure possible"), (0.5, "sure " * 3)):
        quotes = [make_candidate(1, probability, days=1, answer="Skagen Link")]
        classes = [classify_confidence(question, quotes, scorer) for question in (small, medium, large)]
        assert classes == confidences.split()


def test_unexpected_answer_is_not_sure_and_ranks_lower():
    scorer = Scorer(bias=0.0, trees=(), sure_threshold=0.5, possible_threshold=0.1)
    question = analyse_question("how many ships does Nordwave have", get_frequency, ARTICLE_COUNT)
    ships, minutes = (
        make_candidate(number, probability, days=1, answer=answer, has_expected_answer=has_expected_answer)
        for number, probability, answer, has_expected_answer in (
            (1, 0.5, "12 ships", True),
            (2, 0.6, "78 minutes", False),
        )
    )
    assert classify_confidence(question, [ships], scorer) is Confidence.SURE
    assert classify_confidence(question, [minutes], scorer) is Confidence.POSSIBLE
    assert rank_candidates([minutes, ships]) == [ships, minutes]
    likelier = minutes._replace(probability=0.9)
    assert rank_candidates([ships, likelier]) == [likelier, ships]


def test_requested_number_lowers_threshold():
    scorer = Scorer(bias=0.0, trees=(), sure_threshold=0.5, possible_threshold=0.1)
    quote = make_candidate(1, 0.4, days=1, answer="12 ships")
    number, anything = (
        analyse_question(text, get_frequency, 16 * ARTICLE_COUNT) for text in ("how many ships", "is Nordwave repaired")
    )
    assert classify_confidence(number, [quote], scorer) is Confidence.SURE
    assert classify_confidence(anything, [quote], scorer) is Confidence.POSSIBLE


@check_cases(
    ("question", "text", "words"),
    [
        ("how many ships does Nordwave have", "Nordwave has 12 old ships.", "12 old"),
        ("how many ships does Nordwave have", "Nordwave was mended by ships in 78 minutes.", None),
        ("how many ships left Nordwave", "Thirty-four ships left Nordwave.", "Thirty-four ships"),
        ("how many times was Nordwave cut", "Nordwave was cut twice, by 12 ships.", None),
        ("how long was Nordwave cut", "Nordwave lay in 12 pieces for three weeks.", "three weeks"),
        ("how long was Nordwave cut", "Nordwave lay in 12 pieces.", None),
        ("combien de lecteurs a Nordwave", "Nordwave a un million de lecteurs.", "un million de lecteurs"),
        ("when was Nordwave cut", "Nordwave was cut on Monday.", None),
        ("when was Nordwave cut", "On Monday they said that Nordwave was cut on 4 May 2021.", "4 May 2021"),
        ("when was Nordwave cut", "Ships may use Nordwave.", None),
        ("when will Nordwave be mended", "Nordwave was mended in 2003.", None),
        ("when will Nordwave be mended", "Nordwave is to be mended in 2093.", "2093"),
        ("who founded Nordwave", "Nordwave was launched by Ada Byron.", "Ada Byron"),
        ("qui a fondé Nordwave ?", "Ada Byron mettait Nordwave en ligne.", "Ada Byron"),
    ],
)
async def test_expected_answer_agrees_with_question(store, question, text, words):
    library = await Library(store).open()
    article = await store.articles.get(
        await library.add("News of the sea", text, language="fr" if "a " in text else "en")
    )
    candidates = score_candidates(analyse_question(question, get_frequency, ARTICLE_COUNT), [article]).candidates
    excerpts = [candidate.excerpt for candidate in candidates if not candidate.sentence_range[0]]
    expected_words = [excerpt.answer_text or words for excerpt in excerpts if excerpt.has_expected_answer]
    assert expected_words == ([] if words is None else [words])


@check_cases(
    ("question", "text", "words"),
    [
        ("how many ships does Nordwave have", "Nordwave has 12 old ships.", "12 old"),
        ("how many ships does Nordwave have", "Nordwave has 12 ships, and its rival 14 ships.", None),
        ("when was Nordwave cut", "Nordwave was cut on 4 May 2021.", "4 May 2021"),
        ("who founded Nordwave", "Nordwave was launched by Ada Byron.", None),
    ],
)
async def test_only_measure_or_time_without_rival_is_given_as_answer(store, question, text, words):
    library = await Library(store).open()
    article = await store.articles.get(await library.add("News of the sea", text))
    candidates = score_candidates(analyse_question(question, get_frequency, ARTICLE_COUNT), [article]).candidates
    assert [candidate.excerpt.answer_text for candidate in candidates if not candidate.sentence_range[0]] == [words]


def test_name_spans_exclude_following_numbers():
    for text, names in (
        ("Une amende à Google et 60 millions à Facebook", ["Google", "Facebook"]),
        ("Some 23,000 people use Linux 6.1", ["Some", "Linux 6.1"]),
        ("Mending the Karlskrona", ["Mending", "Karlskrona"]),
    ):
        spans = [span.text for span in find_typed_spans(text) if span.answer_type is AnswerType.NAME]
        assert [name for name in names if name != "Some"] == [name for name in spans if name not in {"Une", "Some"}]


def test_overlapping_candidates_are_quoted_once():
    first, again, apart = (make_candidate(1, 0.5, days=1, answer=None, start=start) for start in (0, 1, 2))
    assert select_quotes([first, again, apart]) == [first, apart]


async def test_newest_article_is_retrieved_despite_better_matches(store):
    library = await Library(store).open()
    for number in range(MAX_ARTICLES + 5):
        await library.add(f"Nordwave, Nordwave {number}", "Nordwave.", days=300 + number)
    newest = await library.add("Cables", "A ship of Nordwave, as it were. " + "More is said. " * 40)
    searcher = build_searcher(store)
    retrieved = await retrieve_articles(
        searcher, await analyse_question_with_index(searcher, "nordwave"), feed_ids=None
    )
    assert newest in [article.id for article in retrieved.articles]
    assert len(retrieved.articles) == MAX_ARTICLES


@pytest.mark.parametrize(
    ("question", "text", "sentences", "words"),
    [
        (  # the words are sure: the sentence that holds them, alone
            "how much does the Nordwave cable repair cost",
            "The Nordwave cable was cut. The Nordwave cable repair costs 12 million euros. Nobody was hurt.",
            ("The Nordwave cable repair costs 12 million euros.",),
            "12 million euros",
        ),
        (  # which cannot be understood alone
            "after how many days was the Nordwave cable repaired",
            "The Nordwave cable was cut in May. It was repaired after 12 days by a ship. Nobody was hurt.",
            ("The Nordwave cable was cut in May.", "It was repaired after 12 days by a ship."),
            "12 days",
        ),
        (  # two numbers may both be meant
            "la justice a mis combien à Skagen",
            "Cookies : la justice inflige 150 millions d’euros d’amende à Nordwave et 60 millions à Skagen.",
            None,
            None,
        ),
        (
            "why was the Nordwave cable cut",
            "Nobody was hurt. The Nordwave cable was cut because of an anchor in the storm, says Oslo. It rains.",
            None,
            None,
        ),
    ],
)
async def test_excerpt_has_at_most_two_sentences_and_answer(store, question, text, sentences, words):
    library = await Library(store).open()
    article = await store.articles.get(await library.add("News of the sea", text))
    best = score_candidates(analyse_question(question, get_frequency, ARTICLE_COUNT), [article]).candidates[0]
    assert best.excerpt.answer_text == words
    assert 1 <= len(best.excerpt.sentences) <= 2
    assert words is None or any(words in sentence for sentence in best.excerpt.sentences)
    assert sentences is None or best.excerpt.sentences == sentences


async def test_only_articles_on_same_topic_are_related(store):
    library = await Library(store).open()
    about_it = await library.add("The Nordwave cable is cut again", "The Nordwave cable lies in the sea.")
    await library.add("Storm over Oslo", "Trees fell. The repair of a cable will take days, and nobody knows Nordwave.")
    articles = await store.articles.list_newest(None, limit=9)
    question = analyse_question("who owns the Nordwave cable", get_frequency, ARTICLE_COUNT)
    assert score_candidates(question, articles).related_article_ids == (about_it,)
