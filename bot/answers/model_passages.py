"""Passages that a language model is shown for a question.

They come from the articles found for the question and for further queries, and do not overlap.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from bot.answers.answer_model import Quote
from bot.answers.candidate_scoring import score_candidates
from bot.answers.candidates import (
    MAX_QUOTE_LENGTH,
    AnalysedSentence,
    AnswerCandidate,
    ArticleAnalysis,
    analyse_article,
)
from bot.answers.question_analysis import AnalysedQuestion
from bot.answers.question_retrieval import analyse_question_with_index, retrieve_articles
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.quote_selection import make_quote
from bot.core.models import Article
from bot.search.searching import Searcher
from bot.search.semantic.rank_fusion import fuse_rankings
from bot.writing.answer_writer import MAX_PASSAGES
from bot.writing.prompts import MAX_PASSAGE_LENGTH

MAX_FUSED_ARTICLES = 30
"""Maximum number of articles, best first, from which passages for the language model are selected."""
MAX_PASSAGES_PER_ARTICLE = 3
"""Maximum number of passages of one article that a language model is shown."""
SURROUNDING_SENTENCES = 2
"""Maximum number of sentences in a passage before its best sentence, and as many after it, as far as they fit."""
HEADING_CHARS = 60
"""Number of characters that the heading of a passage takes besides the article's title."""
_WINDOW_WEIGHT = 0.5
"""Weight of the words around a sentence in its score, relative to the words in the sentence."""
_ARTICLE_WEIGHT = 0.3
"""Weight of the words of the whole article in a sentence's score, relative to the words in the sentence."""
_RANK_WEIGHT = 0.5
"""Weight of the article's rank in a sentence's score, relative to the words in the sentence."""
_RECENCY_WEIGHT = 0.4
"""Weight of the article's newness in a sentence's score, relative to the words in the sentence.

It is used only if the answer to the question changes over time.
"""


@dataclass(frozen=True, slots=True)
class ModelPassage:
    """A passage that the model is shown, and the part of it that is quoted below the model's answer.

    `quote` is its best sentence word for word, which is cut if it is longer than a quote.
    """

    text: str
    article: Article
    quote: str


async def find_passages(
    searcher: Searcher, question_text: str, queries: Sequence[str], *, feed_ids: Collection[int] | None, max_chars: int
) -> list[ModelPassage]:
    """Return at most `MAX_PASSAGES` passages for a question and further queries, best first.

    They have at most `max_chars` characters together, headings included. Raises StoreError.
    """
    question = await analyse_question_with_index(searcher, question_text)
    retrieved_articles = await retrieve_articles(searcher, question, feed_ids=feed_ids)
    return await load_model_passages(
        searcher, question, retrieved_articles.articles, queries, feed_ids=feed_ids, max_chars=max_chars
    )


async def load_model_passages(
    searcher: Searcher,
    question: AnalysedQuestion,
    retrieved_articles: Sequence[Article],
    queries: Sequence[str],
    *,
    feed_ids: Collection[int] | None,
    max_chars: int,
    published_range: range | None = None,
) -> list[ModelPassage]:
    """Return at most `MAX_PASSAGES` passages for a question and further queries, best first.

    `retrieved_articles` were retrieved for the question itself, best first. Articles whose Unix time in seconds is in
    `published_range` are preferred. The passages have at most `max_chars` characters together, headings included.
    Raises StoreError.
    """
    questions, rankings = [question], [retrieved_articles]
    for query in queries:
        query_question = await analyse_question_with_index(searcher, query)
        questions.append(query_question)
        rankings.append((await retrieve_articles(searcher, query_question, feed_ids=feed_ids)).articles)
    article_by_page_key = {article.page_key: article for ranking in reversed(rankings) for article in ranking}
    page_key_rankings = [[article.page_key for article in ranking] for ranking in rankings]
    ranked_page_keys = fuse_rankings(*page_key_rankings)
    if published_range is not None:
        preferred_page_keys = [
            page_key for page_key in ranked_page_keys if article_by_page_key[page_key].published in published_range
        ]
        ranked_page_keys = fuse_rankings(*page_key_rankings, preferred_page_keys)
    articles = [article_by_page_key[page_key] for page_key in ranked_page_keys[:MAX_FUSED_ARTICLES]]
    return await searcher.run_in_worker(select_passages, questions, articles, max_chars)


async def quote_sources(searcher: Searcher, question_text: str, sources: Sequence[Article]) -> list[Quote]:
    """Return for each article a quote of the passage that most likely answers a question, if it has any passage.

    Raises StoreError.
    """
    question = await analyse_question_with_index(searcher, question_text)
    quotes = []
    for source in sources:
        scored_articles = await searcher.run_in_worker(score_candidates, question, [source])
        quotes += [make_quote(candidate, source) for candidate in scored_articles.candidates[:1]]
    return quotes


def select_passages(
    questions: Sequence[AnalysedQuestion], articles: Sequence[Article], max_chars: int
) -> list[ModelPassage]:
    """Return the passages with most words of any of the questions, best first; no two overlap.

    Articles are given best first. The passages have at most `max_chars` characters together, headings included. This
    takes long: run it in a worker.
    """
    term_matchers = [QuestionTermMatcher(question) for question in questions]
    analyses = [analyse_article(article) for article in articles]
    recency_by_article_id = dict.fromkeys((article.id for article in articles), 0.0)
    if any(question.changes_over_time for question in questions):
        for age_rank, article in enumerate(sorted(articles, key=lambda article: -article.published)):
            recency_by_article_id[article.id] = _RECENCY_WEIGHT * (1 - age_rank / len(articles))
    scored_sentences = sorted(
        (
            (
                score + _RANK_WEIGHT / (1 + article_index) + recency_by_article_id[analysis.article.id],
                article_index,
                position,
            )
            for article_index, analysis in enumerate(analyses)
            for position, score in _iter_sentence_scores(term_matchers, analysis)
        ),
        key=lambda scored_sentence: -scored_sentence[0],
    )
    passages: list[ModelPassage] = []
    taken_positions_by_article: defaultdict[int, set[int]] = defaultdict(set)  # Of sentences, by article index
    passage_counts: Counter[int] = Counter()  # By article index
    remaining_chars = max_chars
    for _score, article_index, position in scored_sentences:
        if len(passages) == MAX_PASSAGES:
            break
        analysis, taken_positions = analyses[article_index], taken_positions_by_article[article_index]
        if position in taken_positions or passage_counts[article_index] == MAX_PASSAGES_PER_ARTICLE:
            continue
        window = _find_window(analysis.sentences, position, taken_positions)
        passage = _build_passage(analysis, position, window)
        passage_chars = len(passage.text) + len(analysis.article.title) + HEADING_CHARS
        if passage_chars <= remaining_chars:
            passages.append(passage)
            taken_positions.update(window)
            passage_counts[article_index] += 1
            remaining_chars -= passage_chars
    return passages


def _iter_sentence_scores(
    term_matchers: Sequence[QuestionTermMatcher], analysis: ArticleAnalysis
) -> Iterator[tuple[int, float]]:
    """Yield the positions of an article's sentences with their scores; -1 for an article of a headline only.

    A score is the share of a question's words in the sentence, plus, with less weight, the shares in the sentences
    around it and in the article. Of several questions, the one with the highest score counts.
    """
    matches = []
    for matcher in term_matchers:
        title_terms = set(matcher.find_term_offsets([analysis.title]))
        sentence_terms = [set(matcher.find_term_offsets([sentence])) for sentence in analysis.sentences]
        article_share = matcher.compute_weight_share(title_terms.union(*sentence_terms))
        matches.append((matcher, title_terms, sentence_terms, article_share))
    for position in range(len(analysis.sentences)) or (-1,):
        nearby = slice(max(0, position - SURROUNDING_SENTENCES), position + SURROUNDING_SENTENCES + 1)
        yield (
            position,
            max(
                matcher.compute_weight_share(sentence_terms[position] if sentence_terms else title_terms)
                + _WINDOW_WEIGHT * matcher.compute_weight_share(title_terms.union(*sentence_terms[nearby]))
                + _ARTICLE_WEIGHT * article_share
                for matcher, title_terms, sentence_terms, article_share in matches
            ),
        )


def _find_window(sentences: Sequence[AnalysedSentence], position: int, taken_positions: Collection[int]) -> range:
    """Return the positions of a sentence and of the sentences around it that fit in one passage with it.

    Sentences at `taken_positions` are already in another passage and left out. For a headline (-1), the range is
    empty.
    """
    if position < 0:
        return range(0)
    start, end = position, position + 1
    for distance in range(1, SURROUNDING_SENTENCES + 1):
        previous_position, next_position = position - distance, position + distance
        if (
            end == next_position < len(sentences)
            and next_position not in taken_positions
            and _fits_in_passage(sentences, start, next_position)
        ):
            end = next_position + 1
        if (
            start == previous_position + 1 > 0
            and previous_position not in taken_positions
            and _fits_in_passage(sentences, previous_position, end - 1)
        ):
            start = previous_position
    return range(start, end)


def _fits_in_passage(sentences: Sequence[AnalysedSentence], first_position: int, last_position: int) -> bool:
    return sentences[last_position].end - sentences[first_position].start <= MAX_PASSAGE_LENGTH


def _build_passage(analysis: ArticleAnalysis, position: int, window: range) -> ModelPassage:
    article = analysis.article
    if position < 0:
        return ModelPassage(article.title[:MAX_PASSAGE_LENGTH], article, article.title[:MAX_QUOTE_LENGTH])
    central_sentence = AnswerCandidate(analysis, position, analysis.sentences[position : position + 1])
    quote = central_sentence.find_verbatim_text() or central_sentence.text
    text = analysis.text[analysis.sentences[window.start].start : analysis.sentences[window.stop - 1].end]
    return ModelPassage(text, article, quote)
