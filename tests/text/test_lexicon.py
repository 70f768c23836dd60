"""Terms with numbers, held compactly: the same answers as a dictionary gives."""

import random
import sys
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from bot.text.lexicon import Lexicon

TERMS = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=3)


@given(st.dictionaries(TERMS, st.integers(0, 2**32 - 1), max_size=150), TERMS)
def test_it_answers_as_a_dictionary_does(numbers, asked):
    lexicon = Lexicon(sorted(numbers.items()))
    assert len(lexicon) == len(numbers)
    for term in (*numbers, asked, asked + "\udc80", asked + "\n"):
        assert lexicon.number(term) == numbers.get(term, 0)
        assert (term in lexicon) == (term in numbers)
    for head in (*numbers, asked, ""):
        assert lexicon.beginning(head) == [term for term in sorted(numbers) if term.startswith(head)]


def test_it_takes_a_fraction_of_what_a_dictionary_does():
    chance = random.Random(3)
    rows = sorted({f"{chance.randrange(10**9):x}": 7 for _ in range(20_000)}.items())
    dictionary = sys.getsizeof(dict(rows)) + sum(sys.getsizeof(term) for term, _ in rows)
    tracemalloc.start()
    lexicon = Lexicon(rows)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(lexicon) == len(rows)
    assert 4 * held < dictionary
