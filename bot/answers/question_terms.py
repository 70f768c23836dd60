"""Matching of a question's terms against texts."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from bot.answers.candidates import AnalysedSentence
from bot.answers.question_analysis import AnalysedQuestion

_FAMILY_PREFIX_LENGTH = 5
"""Number of first letters that the words of one family share."""


class QuestionTermMatcher:
    """Finds the terms of a question in sentences. Terms are identified by their index in the question."""

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
        """Return the indexes of the terms that have this stem."""
        return self._terms_by_stem.get(stem, ())

    def related_terms(self, stem: str) -> Sequence[int]:
        """Return the indexes of the terms that share their first letters with this stem."""
        return (
            self._terms_by_prefix.get(stem[:_FAMILY_PREFIX_LENGTH], ())
            if len(stem) >= _FAMILY_PREFIX_LENGTH
            else ()
        )

    def weight_share(self, found: Iterable[int]) -> float:
        """Return the share of the question's total weight that these terms have, from 0 to 1."""
        return sum(self.weights[number] for number in set(found)) / self.total_weight

    def term_positions(self, lines: Iterable[AnalysedSentence]) -> dict[int, list[int]]:
        """Return where each term occurs in the sentences, as character offsets by term index."""
        places: dict[int, list[int]] = defaultdict(list)
        for line in lines:
            for word in line.words:
                for number in self.matching_terms(word.stem):
                    places[number].append(word.start)
        return places

    def related_term_indexes(self, lines: Iterable[AnalysedSentence]) -> set[int]:
        """Return the indexes of the terms of which a related word occurs in the sentences."""
        return {number for line in lines for word in line.words for number in self.related_terms(word.stem)}
