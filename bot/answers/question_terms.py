"""Matching of a question's terms (content words) with the words of sentences."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from bot.answers.candidates import AnalysedSentence
from bot.answers.question_analysis import AnalysedQuestion


class QuestionTermMatcher:
    """Finder of the terms (content words) of a question in sentences.

    Terms are identified by their index in the question. `term_weights` has the weight of each term, and
    `indexed_term_count` is the number of terms that at least one article contains.
    """

    def __init__(self, question: AnalysedQuestion) -> None:
        self.term_weights = [term.weight for term in question.terms]
        self.indexed_term_count = sum(term.is_in_index for term in question.terms)
        self.total_weight = sum(self.term_weights) or 1.0
        self._term_indexes_by_stem: dict[str, list[int]] = defaultdict(list)
        for term_index, term in enumerate(question.terms):
            for stem in term.stems:
                self._term_indexes_by_stem[stem].append(term_index)

    def find_matching_term_indexes(self, stem: str) -> Sequence[int]:
        """Return the indexes of the question's terms that have this stem."""
        return self._term_indexes_by_stem.get(stem, ())

    def compute_weight_share(self, term_indexes: Iterable[int]) -> float:
        """Return the share, from 0 to 1, of the question's total weight that some of its terms have."""
        return sum(self.term_weights[term_index] for term_index in set(term_indexes)) / self.total_weight

    def find_term_offsets(self, sentences: Iterable[AnalysedSentence]) -> dict[int, list[int]]:
        """Return the character offsets at which each term occurs in the sentences, by term index."""
        offsets_by_term: dict[int, list[int]] = defaultdict(list)
        for sentence in sentences:
            for token in sentence.tokens:
                for term_index in self.find_matching_term_indexes(token.stem):
                    offsets_by_term[term_index].append(token.start)
        return offsets_by_term
