"""The words of the index in memory: in how many articles each stands, its relatives, its neighbours."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Collection, Iterable, Mapping

from rapidfuzz import process
from rapidfuzz.distance import OSA, JaroWinkler, Prefix

from bot.search.cross_lingual import translations
from bot.store import Store, StoreError
from bot.store.sqlite.search_index import Any, Except, Near, Terms, Wanted, terms_of
from bot.text.lexicon import Lexicon

log = logging.getLogger(__name__)

AT_ONCE = 50_000  # articles whose words are waited for; those of more are read beside
KEPT = 50_000  # of larger stores, words in more than one of that many articles
GROWN = 1.02  # times larger than when it was read: read again,
GROWN_LARGE = 1.2  # a large one
LOOK_AGAIN = 30.0  # seconds
FEWEST = 1_000
SHARED = 5  # letters at the beginning that relatives share,
SHARE = 0.6  # and the part of the longer one
MOST_RELATIVES = 8
CLOSE = 0.9  # Jaro-Winkler similarity of a misspelt word
DIFFERENT = 2  # letters by which it is longer or shorter
MOST_CLOSE = 3
SLIPS = 5  # articles that have a word, up to which it may be a slip of their authors,
LIKELIER = 50  # and of how much commoner a word;
LONG = 7  # letters from which it may be two
REMEMBERED = 256  # misspelt terms


class Vocabulary:
    """Frequencies of index terms. Until they are read every term counts as unknown."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._documents = Lexicon()
        self._near: dict[str, dict[str, int]] = {}
        self._complete = False
        self._reading: asyncio.Task[None] | None = None
        self._is_long = False
        self._looked = self._asked = -LOOK_AGAIN
        self.size = 0  # articles

    async def is_long(self) -> bool:
        """Whether there are so many articles that the lists of common words are too long to be read."""
        if self._looked + LOOK_AGAIN <= self._store.clock.monotonic():
            self._looked = self._store.clock.monotonic()
            self._is_long = await self._store.index.size() > AT_ONCE
        if self._is_long:
            await self.ready()
        return self._is_long

    async def ready(self) -> None:
        """Read the words when there are more articles than when they were last read.

        Of a small store it is waited for, of a large one it goes on beside. Raises `StoreError`.
        """
        if self._is_long and self._asked + LOOK_AGAIN > self._store.clock.monotonic():
            return
        self._asked = self._store.clock.monotonic()
        size = await self._store.index.size()
        if size <= AT_ONCE:
            if size > self.size * GROWN:
                await self._read(size)
        elif size > self.size * GROWN_LARGE and (self._reading is None or self._reading.done()):
            self._reading = asyncio.create_task(self._read_beside(size), name="vocabulary")

    async def _read_beside(self, size: int) -> None:
        try:
            await self._read(size)
        except StoreError as error:
            log.warning("the words of the index were not read: %s", error)

    async def _read(self, size: int) -> None:
        complete = size <= AT_ONCE
        documents = await self._store.index.frequencies(at_least=1 if complete else size // KEPT)
        await asyncio.to_thread(translations, ())  # made of many words when it is first asked
        self._documents, self._complete, self.size, self._near = documents, complete, size, {}

    def documents(self, forms: Iterable[str]) -> int:
        """In how many articles the commonest of these terms stands; 0 of a rare term of a large store."""
        return max(map(self._documents.number, forms), default=0)

    def weight(self, forms: Iterable[str]) -> float:
        """How much one of these terms tells (BM25's idf, in a store of no fewer articles than `FEWEST`)."""
        return self.weight_of(self.documents(forms))

    def weight_of(self, documents: int) -> float:
        """How much a term of so many articles tells."""
        size = max(self.size, documents, FEWEST)
        return math.log(1 + (size - documents + 0.5) / (documents + 0.5))

    def cost(self, parts: Iterable[Wanted]) -> int:
        """How long the lists of all terms are together, in articles."""
        return sum(self.documents((term,)) for part in parts for term in terms_of(part))

    def holding(self, wanted: Wanted) -> int:
        """How many articles hold this, at the most."""
        if isinstance(wanted, Terms | Near):
            return min(self.documents((term,)) for term in wanted.terms)
        if isinstance(wanted, Except):
            return self.holding(wanted.wanted)
        within = map(self.holding, wanted.parts)
        return sum(within) if isinstance(wanted, Any) else min(within)

    def expected(self, parts: Iterable[Wanted]) -> float:
        """How many articles would hold all these if what they hold were a matter of chance."""
        size = max(self.size, 1)
        return size * math.prod(min(1.0, self.holding(part) / size) for part in parts)

    def misses(self, forms: Iterable[str]) -> bool:
        """Whether no article has any of these terms, as far as that is known."""
        return self._complete and not any(form in self._documents for form in forms)

    def may_have(self, forms: Iterable[str]) -> bool:
        """Whether an article has one of these terms; in a large store, whether more than a few have."""
        return not self.size or any(form in self._documents for form in forms)

    def relatives(self, forms: Iterable[str]) -> tuple[str, ...]:
        """Terms of the same family that stem apart: `interdict` of `interd`. The commonest first."""
        forms = frozenset(forms)
        found: set[str] = set()
        for form in forms:
            if len(form) < SHARED or not form.isalpha():
                continue
            head = form[: max(SHARED, math.ceil(len(form) * SHARE))]
            found.update(
                term
                for term in self._documents.beginning(head)
                if Prefix.similarity(term, form) >= SHARE * max(len(term), len(form))
            )
        return tuple(sorted(found - forms, key=self._documents.number, reverse=True)[:MOST_RELATIVES])

    def nearest(self, forms: Iterable[str], *, shortest: int = SHARED) -> tuple[str, ...]:
        """Terms that these may be misspellings of: as few slips away as there are any, the commonest first.

        Of `shortest` letters a term must be, for among short ones everything is near.
        """
        found: dict[str, int] = {}
        for form in forms:
            if len(form) >= shortest and form.isalpha():
                for term, slips in self._slips(form).items():
                    found[term] = min(slips, found.get(term, slips))
        return self._least(found)

    def _least(self, found: Mapping[str, int], besides: Collection[str] = ()) -> tuple[str, ...]:
        """Those of these terms with the fewest slips, the commonest first."""
        least = min(found.values(), default=0)
        nearest = [term for term, slips in found.items() if slips == least and term not in besides]
        return tuple(sorted(nearest, key=self._documents.number, reverse=True)[:MOST_CLOSE])

    def likelier(self, forms: Iterable[str]) -> tuple[str, ...]:
        """Terms a slip away, of long ones two, that are so much commoner that these may be slips of them."""
        forms = frozenset(forms)
        rarity = max(self.documents(forms), 1 if self._complete else self.size // KEPT)
        if self.documents(forms) > SLIPS:
            return ()
        found: dict[str, int] = {}
        for form in forms:
            if len(form) >= SHARED and form.isalpha():
                for term, slips in self._slips(form).items():
                    likely = self._documents.number(term) >= LIKELIER * rarity
                    if likely and 0 < slips <= (1 if len(form) < LONG else 2):
                        found[term] = min(slips, found.get(term, slips))
        return self._least(found, besides=forms)

    def _slips(self, form: str) -> dict[str, int]:
        """Terms that are like this one, each with how many slips apart; remembered, it takes milliseconds."""
        if form not in self._near:
            if len(self._near) >= REMEMBERED:
                self._near.clear()
            alike = process.extract(
                form,
                [
                    term
                    for term in self._documents.beginning(form[0])
                    if abs(len(term) - len(form)) <= DIFFERENT and term.isalpha()
                ],
                scorer=JaroWinkler.similarity,
                score_cutoff=CLOSE,
                limit=None,
            )
            self._near[form] = {term: OSA.distance(form, term) for term, _, _ in alike}
        return self._near[form]
