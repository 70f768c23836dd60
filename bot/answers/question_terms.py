"""The telling words of a question, as texts are held against them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from bot.answers.candidates import Line
from bot.answers.understanding import Question

_PREFIX = 5  # letters by which words of one family are told


class Terms:
    """The terms of a question, as texts are held against them."""

    def __init__(self, question: Question) -> None:
        self.weights = [term.weight for term in question.terms]
        self.known = sum(term.known for term in question.terms)
        self.total = sum(self.weights) or 1.0
        self._exact: dict[str, list[int]] = defaultdict(list)
        self._alike: dict[str, list[int]] = defaultdict(list)
        for number, term in enumerate(question.terms):
            for stem in term.stems:
                self._exact[stem].append(number)
                if len(stem) >= _PREFIX:
                    self._alike[stem[:_PREFIX]].append(number)

    def exact(self, stem: str) -> Sequence[int]:
        """The terms that a word of a text is."""
        return self._exact.get(stem, ())

    def alike(self, stem: str) -> Sequence[int]:
        """The terms that begin as a word of a text does."""
        return self._alike.get(stem[:_PREFIX], ()) if len(stem) >= _PREFIX else ()

    def share(self, found: Iterable[int]) -> float:
        """How much of the question some of its terms are, from 0 to 1."""
        return sum(self.weights[number] for number in set(found)) / self.total

    def places(self, lines: Iterable[Line]) -> dict[int, list[int]]:
        """Where each of the terms that stand in some lines does."""
        places: dict[int, list[int]] = defaultdict(list)
        for line in lines:
            for word in line.words:
                for number in self.exact(word.stem):
                    places[number].append(word.start)
        return places

    def family(self, lines: Iterable[Line]) -> set[int]:
        """The terms of which a word of the same family stands in some lines."""
        return {number for line in lines for word in line.words for number in self.alike(word.stem)}
