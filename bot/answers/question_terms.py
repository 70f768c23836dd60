"""The telling words of a question, as texts are held against them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from bot.answers.candidates import AnalysedSentence
from bot.answers.question_analysis import AnalysedQuestion

_FAMILY_PREFIX_LENGTH = 5  # letters by which words of one family are told


class QuestionTermMatcher:
    """The terms of a question, as texts are held against them."""

    def __init__(self, question: AnalysedQuestion) -> None:
        self.weights = [term.weight for term in question.terms]
        self.known_count = sum(term.is_in_index for term in question.terms)
        self.total_weight = sum(self.weights) or 1.0
        self._terms_by_stem: dict[str, list[int]] = defaultdict(list)
        self._terms_by_prefix: dict[str, list[int]] = defaultdict(list)
        for number, term in enumerate(question.terms):
            for stem in term.stems:
                self._terms_by_stem[stem].append(number)
                if len(stem) >= _FAMILY_PREFIX_LENGTH:
                    self._terms_by_prefix[stem[:_FAMILY_PREFIX_LENGTH]].append(number)

    def matching_terms(self, stem: str) -> Sequence[int]:
        """The terms that a word of a text is."""
        return self._terms_by_stem.get(stem, ())

    def related_terms(self, stem: str) -> Sequence[int]:
        """The terms that begin as a word of a text does."""
        return (
            self._terms_by_prefix.get(stem[:_FAMILY_PREFIX_LENGTH], ())
            if len(stem) >= _FAMILY_PREFIX_LENGTH
            else ()
        )

    def weight_share(self, found: Iterable[int]) -> float:
        """How much of the question some of its terms are, from 0 to 1."""
        return sum(self.weights[number] for number in set(found)) / self.total_weight

    def term_positions(self, lines: Iterable[AnalysedSentence]) -> dict[int, list[int]]:
        """Where each of the terms that stand in some lines does."""
        places: dict[int, list[int]] = defaultdict(list)
        for line in lines:
            for word in line.words:
                for number in self.matching_terms(word.stem):
                    places[number].append(word.start)
        return places

    def related_term_indexes(self, lines: Iterable[AnalysedSentence]) -> set[int]:
        """The terms of which a word of the same family stands in some lines."""
        return {number for line in lines for word in line.words for number in self.related_terms(word.stem)}
