"""Whether a sentence says who somebody is: `X, PDG de Nissan,`, `Nissan's chairman X`, `X is a singer`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from bot.text import terms

_ROLES = frozenset(
    """
    ceo cto cfo coo chief chairman chairwoman chair chairperson president executive director manager boss
    head leader founder cofounder owner chancellor minister secretary senator congressman congresswoman
    representative mayor governor ambassador commissioner spokesman spokeswoman spokesperson king queen
    prince princess pope emperor sultan vizier general colonel captain admiral commander pdg dg patron
    patronne presidente directeur directrice dirigeant dirigeante chef cheffe fondateur fondatrice
    cofondateur cofondatrice proprietaire chancelier chanceliere ministre secretaire senateur senatrice
    depute deputee maire gouverneur gouverneure ambassadeur ambassadrice commissaire roi reine pape empereur
    vizir capitaine amiral commandant
    actor actress artist architect athlete astronaut author activist analyst banker billionaire biologist
    businessman businesswoman businessperson chemist comedian composer critic dancer designer developer
    diplomat doctor economist editor engineer entrepreneur explorer farmer filmmaker footballer hacker
    historian inventor investor journalist judge lawyer linguist mathematician musician novelist nurse
    painter philosopher photographer physicist pilot player poet politician priest producer professor
    programmer prosecutor psychologist rapper reporter researcher rider runner sailor scientist sculptor
    singer skier songwriter strategist surgeon swimmer teacher theologian trader whistleblower writer
    youtuber acteur actrice artiste architecte astronaute auteur autrice militant militante analyste
    banquier banquiere milliardaire biologiste chimiste humoriste comedien comedienne compositeur
    compositrice critique danseur danseuse developpeur developpeuse diplomate medecin economiste editeur
    editrice ingenieur ingenieure entrepreneuse explorateur exploratrice agriculteur cineaste realisateur
    realisatrice footballeur footballeuse attaquant attaquante historien historienne inventeur inventrice
    investisseur journaliste juge avocat avocate linguiste mathematicien mathematicienne musicien musicienne
    romancier romanciere peintre philosophe photographe physicien physicienne pilote joueur joueuse poete
    politicien politicienne pretre producteur productrice professeur professeure programmeur programmeuse
    procureur procureure psychologue rappeur rappeuse chercheur chercheuse coureur coureuse navigateur
    navigatrice scientifique sculpteur chanteur chanteuse skieur skieuse chirurgien chirurgienne nageur
    nageuse enseignant enseignante theologien theologienne ecrivain ecrivaine animateur animatrice
    presentateur presentatrice mannequin entraineur entraineuse selectionneur
    wife husband daughter brother sister father mother widow friend heir affaires epouse mari fils fille
    frere soeur pere mere veuve veuf compagne compagnon ami amie heritier heritiere company startup firm
    maker group association organisation organization agency band team institute entreprise societe groupe
    agence equipe institut fabricant
    seigneur duc duchesse comte comtesse marquis eveque archeveque officier soldat militaire
    killer tueur tueuse assassin fillette
    """.split()
)
"""What somebody is by office, by trade (`homme d'affaires`) or to others, and what companies are."""
_PEOPLE = frozenset("homme femme personnalite responsable".split())
"""With whom `politique` is what they do."""
_LEADING = frozenset(
    "leads led runs heads headed chairs chaired founded cofounded dirige dirigea dirigeait preside presidait"
    " fonde cofonde".split()
)
_IS = frozenset("is was remains est etait fut reste".split())
_BECAME = frozenset(
    "becomes became named appointed elected devient devenu devenue nomme nommee elu elue".split()
)
_HAS = frozenset("has had a ont have avait been ete est was qui who".split())
_JOINS = frozenset(
    "of at for in with from and the de d du des la le les l chez en au aux a et pour dans sur par s".split()
)
_HELD_OF = frozenset("of at de d du des chez".split())
_OPENS = frozenset("a an the un une le la l les its his her son sa leur year years old".split())
_AN = frozenset("a an un une".split())
_VERBS = frozenset(
    "a ont est sont etait avait va fut has had have is are was were will would said says dit".split()
)
_DONE = frozenset("dit fait pris mis eu".split())
"""Participles that no accent tells: `a dit`."""
_ACCORDING = frozenset("selon avec pour apres according with for".split())
_NO_SUBJECT = frozenset(
    "de d du des of with avec pour par by to et and a contre against chez que qu selon".split()
)
_NEAR = 7  # words between a name and what its bearer is
_PLAIN = 2  # of them neither names nor small: `le patron déchu de`
_ENDS = re.compile(r"[.!?;:…]")
_STOPS = re.compile(r"[.!?…]\s")
_CLOSES = re.compile(r"[),–—]")
_BETWEEN = 25  # words between a name and its verb
_PAUSES = re.compile(r"[,(–—]")
_QUESTION = re.compile(
    r"^(?:(?:and|so|et|alors|mais|but|dis|hey|ok)[ ,]+)*"
    r"(?:who(?:'s| is| was)|qui (?:est|etait|fut)|c'est qui|qui est-ce que)"
    r" (?P<name>[^?' ]+(?:[ -][^?' ]+){0,3}) ?\??$"
)


def asked_for(question: str) -> bool:
    """Whether a question asks who the bearer of a name is: only names and numbers follow on the verb."""
    named = [question[start:end] for _, start, end in _bearer(question)]
    return bool(named) and all(any(map(str.isupper, word)) or word[0].isdecimal() for word in named)


def in_capitals(question: str, texts: Iterable[str]) -> str:
    """A question in small letters with capitals where it asks who the bearer of a name is.

    Some words are a name where texts never write them otherwise, and not only where a sentence begins.
    """
    asked = _bearer(question)
    words = [word for word, _, _ in asked]
    if not words or not question[asked[0][1] :].islower() or not _ROLES.isdisjoint(words):
        return question
    is_name = False
    for read in (_Text(text) for text in texts if all(map(terms.fold(text).__contains__, words))):
        for first in read.places(words):
            if not read.is_written_large(first, first + len(words)):
                return question
            is_name |= first > 0 and not _ENDS.search(read.after[first - 1])
    if not is_name:
        return question
    written = list(question)
    for _, start, _ in asked:
        written[start] = written[start].upper()
    return "".join(written)


def names_role(text: str) -> bool:
    """Whether a text names somebody by what they are: `the CEO of OpenAI`, `Renault's boss`."""
    words = [*terms.words(text), "of"]
    return any(word in _ROLES and after in _HELD_OF for word, after in pairwise(words))


def _bearer(question: str) -> list[tuple[str, int, int]]:
    """The words, and where they are, of what is asked who it is; empty where something else is asked."""
    asked = _QUESTION.match(terms.fold(question).strip())
    return list(terms.spans(question))[-len(terms.words(asked["name"])) :] if asked else []


class _Text:
    """The words of a text, folded, as written, and what stands between them."""

    def __init__(self, text: str) -> None:
        found = list(terms.spans(text))
        self.words = [word for word, _, _ in found]
        self.written = [text[start:end] for _, start, end in found]
        starts = [start for _, start, _ in found]
        ends = [end for _, _, end in found]
        self.after = [text[end:start] for end, start in zip(ends, [*starts[1:], len(text)], strict=False)]

    def is_role(self, place: int) -> bool:
        word, before = self.words[place], self.words[place - 1] if place else ""
        if word == "son":  # in French it is "his" and "her"
            return before == "s" or self.words[place + 1 : place + 2] == ["of"]
        if self.written[place].endswith("é") and word != "depute":  # `jugé`, `piloté`
            return False
        return (
            word in _ROLES
            or (word == "politique" and before in _PEOPLE)
            or (word == "parole" and before == "porte")
        )

    def is_verb(self, place: int) -> bool:
        if self.words[place] != "a":
            return self.words[place] in _VERBS
        following = self.written[place + 1 : place + 2]
        return any(each.endswith(("é", "és", "ée")) or each in _DONE for each in following)

    def is_name(self, place: int) -> bool:
        return self.written[place][0].isupper() and self.words[place] not in _ROLES

    def bearers(self, name: Sequence[str]) -> Iterator[tuple[int, int]]:
        """The first and last word wherever somebody is named. (A last name alone may be a relative's.)"""
        for start in self.places(name):
            end = start + len(name)
            if self.is_written_large(start, end):
                yield start, end - 1

    def places(self, words: Sequence[str]) -> Iterator[int]:
        """Wherever these words begin in a row."""
        for start in range(len(self.words) - len(words) + 1):
            if self.words[start : start + len(words)] == list(words):
                yield start

    def is_written_large(self, start: int, end: int) -> bool:
        """Whether each of these words has a capital, or is a number."""
        return all(
            any(map(str.isupper, written)) or written[0].isdecimal() for written in self.written[start:end]
        )


def introduces(name: str, text: str, title: str = "") -> bool:
    """Whether a text says who or what the bearer of a name (folded words) is.

    Its title may say that for it where the text names them.
    """
    wanted = terms.words(name)
    if not wanted or wanted[-1] not in terms.fold(text):
        return False
    read = _Text(text)
    bearers = list(read.bearers(wanted))
    if any(
        _follows(read, last) or _precedes(read, first) or _is(read, first, last) for first, last in bearers
    ):
        return True
    return bool(bearers and title) and introduces(name, title)


def _follows(read: _Text, last: int) -> bool:
    """`X, PDG de Nissan`, `X (the founder of Nissan)`, `X, who leads Nissan`, `X le roi de Moab`."""
    place = last + 1
    if not _PAUSES.search(read.after[last]):
        return (
            place < len(read.words) and read.words[place] in {"le", "la", "l", "the"} and _role(read, place)
        )
    if place < len(read.words) and read.words[place] in {"who", "qui"}:
        return _is(read, place, place)
    return _role(read, place) or _opens(read, place)


def _opens(read: _Text, place: int) -> bool:
    """Whether a role opens an apposition, however it goes on: `pilote moto connu pour`."""
    if read.words[place : place + 1] and read.words[place] in _AN:
        place += 1
    if place + 1 >= len(read.words) or not read.is_role(place):
        return False
    return not (read.is_verb(place + 1) or read.is_name(place + 1))


def _is(read: _Text, first: int, last: int) -> bool:
    """`X est un homme d'affaires`, `X was the chairman`, `X a fondé Nissan`."""
    place = _verb(read, last)
    if place is None or (first and read.words[first - 1] in _NO_SUBJECT):  # `l'avocat de X est`
        return False
    if read.words[place] in _IS and _role(read, place + 1):
        return True
    while place < len(read.words) and read.words[place] in _HAS and not read.after[place].strip():
        place += 1
    if place >= len(read.words):
        return False
    if read.words[place] in _LEADING:
        return True
    return read.words[place] in _BECAME and _role(read, place + 1)


def _verb(read: _Text, last: int) -> int | None:
    """Where the verb stands of which a name is the subject: after it, or after what stands in between.

    As in `X (1900 – 1994) est` or `X, né à Lyon, est`.
    """
    place = last + 1
    if place < len(read.words) and not read.after[last].strip():
        return place
    for at in range(place, min(place + _BETWEEN, len(read.words) - 1)):
        if _STOPS.search(read.after[at - 1]):
            return None
        if _CLOSES.search(read.after[at]) and read.words[at + 1] in _IS:
            return at + 1
    return None


def _role(read: _Text, place: int) -> bool:
    """Whether what somebody does or is stands here, and is not the title of somebody else."""
    plain = 0
    for at in range(place, min(place + _NEAR, len(read.words))):
        word = read.words[at]
        if read.is_role(at):
            return _closes(read, at)
        if read.is_verb(at) or _PAUSES.search(read.after[at]) or _ENDS.search(read.after[at]):
            return False
        plain += not (read.is_name(at) or word in _JOINS or word in _OPENS)
        if plain > _PLAIN:
            return False
    return False


def _closes(read: _Text, at: int) -> bool:
    """Whether after a role a pause, its organisation or place follows: not `le président Macron a dit`."""
    for place in range(at, min(at + 1 + _PLAIN, len(read.words) - 1)):
        if read.after[place].strip():
            return True
        after = read.words[place + 1]
        if after in _JOINS and read.written[place + 1] != "a":
            return True
        if after in _VERBS or (read.is_name(place + 1) and not read.is_role(place + 1)):
            return False
    return at + 1 + _PLAIN >= len(read.words) - 1


def _precedes(read: _Text, first: int) -> bool:
    """`le PDG de Nissan, X`, `Nissan's chairman X`, `OpenAI CEO X`."""
    between = read.after[first - 1].strip() if first else "."
    if between not in {"", ","} or read.words[first - 1] in _JOINS:
        return False
    plain = 0
    for at in range(first - 1, max(-1, first - 2 - _NEAR), -1):
        word = read.words[at]
        if at < first - 1 and read.after[at].strip(" -’'‑"):
            return False
        if read.is_role(at):
            return between == "" or _is_whose(read, at, first)
        if read.is_verb(at) and word not in _IS:
            break  # `le président a nommé X`
        small = word in _JOINS or word in _OPENS
        if plain and not small and read.is_name(at):
            break  # `Judge Alsup confirmed that X`
        plain += not (small or read.is_name(at))
        if plain > _PLAIN:
            break
    return False


def _is_whose(read: _Text, role: int, first: int) -> bool:
    """Whether the name behind a comma is that of who holds a role: not `le président Macron, X`."""
    return (role == first - 1 or not read.is_name(role + 1)) and not _is_source(read, role)


def _is_source(read: _Text, role: int) -> bool:
    """Whether who holds a role is only somebody who says or does it: `selon l'avocat de la famille, X`."""
    for at in range(role - 1, max(-1, role - 1 - _PLAIN), -1):
        if read.after[at].strip(" -’'‑"):
            return False
        if read.words[at] in _ACCORDING:
            return True
    return False
