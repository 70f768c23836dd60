"""Questions about a period, or about all that is known of a topic: what they ask to be told."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, tzinfo
from typing import NamedTuple

from bot.answers import time_expressions
from bot.text import terms
from bot.text.periods import Period

WORDS = 6  # of a topic at the most: more of them ask for something else,
FEW_WORDS = 3  # and sooner where no period is named, or a date

_POLITE = r"^(?:(?:and|so|hey|hi|hello|ok|okay|please|et|alors|dis|bonjour|salut|donc)[ ,]+)*"
_WHAT_IS = r"what(?:'s| is| are| has been|s)"
_NEWS = r"(?:news|headlines|updates)"
_NOUVELLES = r"(?:nouveautes?|nouvelles?|actus?|actualites?|news|infos?|informations|annonces|titres)"
_DONE = (
    r"(?:announc|launch|releas|publish|present|unveil|introduc|reveal|happen|report|do\b|doing|done|say\b|said"
    r"|annonc|lanc|present|sorti|publi|devoil|fait(?:e|es|s)?\b|dit\b|revel)\w*"
)
_AUX = r"(?:did|has|have|had|does|is|are|was|were)"
# What asks for news by itself.
_NEW = re.compile(
    rf"{_POLITE}(?:{_WHAT_IS} (?:the )?(?:new|newest|latest|happening|going on)"
    r"(?: (?:with|in|about|at|on|from|for|to)\b|$)"
    rf"|(?:{_WHAT_IS} |is there |are there |show me |give me |got |summari[sz]e |recap )?(?:the |any |some )?"
    rf"(?:latest |newest |recent |last |top |breaking |important )*{_NEWS}\b"
    rf"|(?:{_WHAT_IS} )?(?:the )?(?:latest|newest|recent) (?:developments|announcements)\b"
    r"|(?:the )?latest (?:on|about|from|in|with)\b|(?:an? |any |the |latest )*update (?:on|about|regarding)\b"
    r"|(?:what|anything) (?:new|important)(?: (?:with|in|about|at|on|from|for)\b|$)"
    r"|what (?:did i|have i|i) miss|catch me up|fill me in|what(?:'s| is) up (?:with|at)\b"
    r"|que devien(?:t|nent)\b"
    r"|(?:(?:il )?y a )?(?:quoi de (?:neuf|nouveau|beau)|du (?:neuf|nouveau) )"
    r"|qu'y a-t-il de (?:neuf|nouveau)|y a-t-il du (?:neuf|nouveau) "
    r"|quelles? (?:sont|est) (?:les |la |l')(?:toutes )?(?:dernieres? |recentes |grandes |principales )*"
    rf"{_NOUVELLES}\b"
    r"|(?:(?:donnez?|montrez?|dis|dites)-moi |(?:resumez?(?:-moi)?|c'est quoi) (?=les |l'))?"
    r"(?:les |l'|la |des )?(?:toutes )?"
    rf"(?:dernieres? |recentes |grandes |principales )*{_NOUVELLES}\b"
    r"|que se passe-t-il|qu'est-ce (?:qui|qu'il) se passe|qu'(?:ai-je|est-ce que j'ai) (?:rate|manque|loupe))"
)
# What asks for news where it names a period,
_HAPPENED = re.compile(
    rf"{_POLITE}(?:(?:so )?what (?:(?:has|have|had) )?(?:just )?(?:happened|took place|went on)\b"
    rf"|{_WHAT_IS} been (?:happening|going on)"
    r"|(?:summari[sz]e|recap|(?:an? |the )?(?:summary|recap|round-?up|digest|overview) of)\b"
    r"|(?:tell me|what|how) about\b|tell me what\b"
    r"|que s'est-il (?:passe|produit)|qu'est-(?:ce qui s'est (?:passe|produit)|il arrive)|ce qui s'est passe"
    r"|(?:le |un )?(?:resume|recapitulatif|recap|bilan)[ -](?:de|des|du|d'|moi)|parlez?-moi|racontez?-moi)"
)
# and where that period is counted from now: of a date it is a question like others.
_DID = re.compile(
    rf"{_POLITE}(?:what {_AUX} .{{1,60}} (?:{_DONE}|been up to)"
    rf"|(?:what|which) (?:\w+ ){{1,3}}(?:happened|took place|(?:was|were|has been|have been) {_DONE})"
    rf"|(?:qu'(?:a|ont)|qu'est-ce qu(?:e |')\S.{{0,60}} (?:a|ont)) (?:\S+ ){{0,4}}?{_DONE}"
    r"|quelles? (?:\S+ ){1,3}(?:a|ont) ete \w+)"
)
# What asks for somebody's fate.
_BEFELL = re.compile(
    rf"{_POLITE}(?:(?:so )?what (?:has |have |had )?(?:ever )?(?:happened (?:to|with)|became of|become of)\b"
    r"|qu'(?:est-il|est-elle) arrive (?:a|au|aux)\b|que s'est-il passe (?:avec|pour|chez)\b"
    r"|qu(?:e |')(?:est|sont) devenue?s?\b|que devien(?:t|nent)\b)"
)
# What asks to be told of something, of whatever time.
_ABOUT = re.compile(
    rf"{_POLITE}(?:(?:can you |could you )?(?:tell me|talk|talk to me) (?:\w+ )?about\b"
    r"|what (?:do|can|could) (?:you|we) (?:know|say|tell me) (?:about|of|on)\b|what is known (?:about|of)\b"
    r"|(?:any|some)?(?:thing|info|information) (?:about|on)\b"
    r"|parlez?-moi (?:un peu )?(?:(?:de|du|des)\b|d')|racontez?-moi\b|(?:dis|dites)-moi (?:\S+ ){0,4}?sur\b"
    r"|que (?:sait[- ]on|sais[- ]tu|savez-vous|savons-nous|peux-tu (?:me )?dire|pouvez-vous (?:me )?dire)"
    r" (?:(?:de|du|des|sur)\b|d'|a propos (?:du|des?)\b|a propos d')"
    r"|qu'est-ce (?:que l'on|qu'on|que tu|que vous) (?:sait|sais|savez) (?:(?:de|du|des|sur)\b|d')"
    r"|(?:des )?infos? sur\b"
    r"|(?:(?:can|could) you )?(?:(?:give|get) me |i (?:want|need) )?"
    r"(?:(?:summari[sz]e|recap)\b"
    r"|(?:an? |the )?(?:\w+ )?(?:summary|recap|round-?up|digest|overview) (?:of|on|about)\b)"
    r"|resumez?(?:-(?:moi|nous))?(?= (?:le|la|les|un|une|des?|du|ce|cette|ces)\b| [ld]')"
    r"|(?:(?:fais|faites|donnez?)-(?:moi|nous) )?(?:le |un )?(?:petit )?(?:(?:resume|recap|recapitulatif) "
    r"(?:(?:de|du|des|sur)\b|d')|point sur\b))"
)
_STORY = frozenset("affair affaire case deal dossier issue matter saga situation story".split())
_NO_STORY = frozenset("cold green new test use".split())
"""With these before them they are something else: the green deal, cold cases, use cases."""
_THIS = frozenset("article articles page post text texte".split())
"""What is at hand, of which no other article tells: `summarize the article`."""
_IT_IS = re.compile(r"\b(?:j['’]ai|c['’]est)\b", re.IGNORECASE)  # no AI, no C
_INTERROGATIVE = re.compile(
    r"\b(?:what|which|who|whom|whose|when|where|why|how|combien|comment|pourquoi|quand|ou|qui|que|quoi|quels?"
    r"|quelles?|lequel|laquelle|lesquel\w+|did|does|do|is|are|was|were|has|have|will|can)\b|\bqu'|-t-(?:il|elle|on)"
)
_NEWS_LAST = re.compile(rf"^(?:\S+ ){{1,4}}{_NEWS}$")
_SAYING = re.compile(
    rf"(?:{_DONE}|updates?|happen\w*|happened|take|took|place|going|new|newest|latest|recent|recently|{_NEWS}|{_NOUVELLES}"
    r"|top|breaking|important|quoi|neuf|nouveau|beau|miss|missed|catch|fill|rate|manque|loupe|passe|produit|arrive"
    r"|developments|announcements|summar\w+|recap\w*|roundup|digest|overview|resume\w*|bilan|tell|show|give|anything|got|please|hello|bonjour"
    r"|salut|parlez?|racontez?|donnez?|montrez?|dites?|dernieres?|derniers|recentes|grandes|principales|toutes"
    r"|devien(?:t|nent)|sont|world|monde|tech|technologies?|technology|topic|sujet|propos|side|cote|moi|up)"
)


class Happening(NamedTuple):
    """What a question wants told: what happened in a period about some words of its own.

    The period is `stated`, or else implied by the question ("what's new"); a `dated` one names a date, in
    which what happened may as well be told by articles of another time.
    """

    period: Period
    topic: tuple[str, ...]
    stated: bool
    dated: bool = False


def asked(text: str, now: int, zone: tzinfo = UTC) -> Happening | None:
    """What happened when a question asks about, or None when it asks for something else.

    `now` is in seconds since 1970 in UTC; days begin at midnight in `zone`.
    """
    folded = folded_of(text)
    moment = time_expressions.find(folded, now, zone)
    rest = folded if moment is None else f"{folded[: moment.start]} {folded[moment.end :]}".strip()
    rest = " ".join(rest.split()).strip(" ?!.,;:")
    short = len(rest.split()) <= WORDS and not _INTERROGATIVE.search(rest)
    if not (
        _NEW.search(rest)
        or _NEWS_LAST.search(rest)
        or (moment and _HAPPENED.search(rest))
        or (moment and moment.relative and (short or _DID.search(rest)))
    ):
        return None
    said = dict.fromkeys(terms.words(_IT_IS.sub(" ", _without(text, moment))))
    topic = _telling(word for word in said if not _SAYING.fullmatch(terms.fold(word)))
    dated = moment is not None and not moment.relative
    if len(topic) > (WORDS if moment and not dated else FEW_WORDS):
        return None
    if moment is None:
        return Happening(Period(now - time_expressions.LATELY, now + 1), topic, stated=False)
    return Happening(moment.period, topic, stated=True, dated=dated)


def befallen(text: str) -> tuple[str, ...]:
    """What a question of no period asks the fate of (`what happened to Pelikan?`), or ()."""
    folded = folded_of(text).strip(" ?!.,;:")
    return _topic_after(_BEFELL.match(folded), folded)


def topic_of(text: str) -> tuple[str, ...]:
    """What a question asks to be told of (`tell me about Pelikan`, `que sait-on de Pelikan ?`), or ()."""
    folded = folded_of(text).strip(" ?!.,;:")
    asking = _ABOUT.match(folded)
    if asking is None or _INTERROGATIVE.search(folded, asking.end()):
        return ()
    return _topic_after(asking, folded)


def _topic_after(asking: re.Match[str] | None, folded: str) -> tuple[str, ...]:
    """The few words that follow on what asks for them."""
    if asking is None:
        return ()
    topic = _telling(dict.fromkeys(terms.words(folded[asking.end() :])))
    return topic if len(topic) <= FEW_WORDS and not _THIS.issuperset(topic) else ()


def _telling(words: Iterable[str]) -> tuple[str, ...]:
    """Those of some words that the stories of a topic have: not all of them call it an affair, or a deal."""
    found = tuple(word for word in words if terms.alternatives(word))
    after = zip(("", *found), found, strict=False)
    kept = tuple(word for before, word in after if word not in _STORY or before in _NO_STORY)
    return kept or found


def folded_of(text: str) -> str:
    """A question in folded words, one space apart."""
    return " ".join(terms.fold(text).split())


def _without(text: str, moment: time_expressions.Moment | None) -> str:
    """A question without its expression of time, its capitals kept."""
    if moment is None:
        return text
    kept: list[str] = []
    position = 0
    for piece in text.split():
        folded = folded_of(piece)
        if position + len(folded) <= moment.start or position >= moment.end:
            kept.append(piece)
        position += len(folded) + 1 if folded else 0
    return " ".join(kept)
