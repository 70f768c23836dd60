"""Inflections that the Snowball stemmers leave apart, brought to one form before a word is stemmed.

Words are folded by then, and the French stemmer knows many endings by their accents.
"""

from __future__ import annotations

import re

from bot.text import spellings
from bot.text.irregular import IRREGULAR
from bot.text.tables import table

__all__ = ["IRREGULAR", "WHOLE", "base"]

_ACRONYMS = re.compile(r"[b-df-hj-np-tvwxz]{2,}(?<!s)s")  # LLMs: the stemmer wants a vowel
_NO_ACRONYMS = table(
    """
    bbs bms bps cbs cms cns cnrs cps css dhs dns dtls fds fps fws gbps gps gts hbs hhs https kbps lhs mbps mls
    mms nhs nps ntfs nws pbs rcs rms rts sls sms sns srs tls tps vfs vhs vps xps zfs
    """
)
"""Acronyms and units that end in s."""

_FEWEST = 5  # letters of a French word that a rule changes

_NOUNS = table(
    """
    appetit attrait bandit cancer conflit credit danger debit deficit delit distrait erudit esprit extrait
    fils foyer gabarit hiver imparfait inedit insoumis leader loyer master maudit mepris parfait petit
    petition portrait precis profit recit satisfait souhait super voire voirie
    """
)
"""French words that end like verbs, or like inflections of others."""
WHOLE = _NOUNS | frozenset(IRREGULAR[True].values())
"""French words that are terms as they are: less of them might be another's (`loyer` is no `loi`)."""

_NO_PARTICIPLES = table(
    "addressee amputee appointee attendee coffee committee detainee escapee guarantee interviewee licensee"
    " nominee referee toffee trainee trustee"
)
"""English words that end like French participles of other English words."""
_PARTICIPLE = re.compile(r"(?<=\w\w)ees?$")  # annoncée(s): annoncé

_PLURAL = re.compile(r"(?<=\w\w[aou])s$|(?<=\w\w\w[b-df-hj-np-rtz])(?<!ver)s$")  # élus, petits, not divers
_PLURALS_IN_IS = table(
    "abris amis appuis balais convois cris defis delais emplois ennuis envois essais fourmis lois minerais"
    " oublis quais rois tournois unis vrais"
)
_NO_PLURALS = table("abus carlos clos confus diffus dispos intrus obtus perclus reclus tiers")
"""French words that without their s would be others, or of which it is part (`confuse`)."""

_NO_VERBS_IN_ENT = table(
    """
    absent accent accident adherent adolescent affluent agent ambivalent antecedent apparent ardent argent
    astringent belligerent client coefficient coherent competent concurrent confident confluent conscient
    consent consequent content continent contingent convalescent couvent decadent decent deficient delinquent
    dependent detergent different diligent dissident divergent effervescent efficient eloquent eminent
    equivalent escient event evident excellent expedient fervent florent frequent immanent imminent impatient
    impertinent impotent imprudent incandescent incident incoherent incompetent inconscient inconsequent
    incontinent inconvenient indecent independent indifferent indolent indulgent influent ingredient inherent
    innocent insolent insurgent intelligent intermittent latent laurent lorient mecontent negligent nogent
    occident omnipresent onguent opulent orient paravent parent patent patient penitent permanent pertinent
    phosphorescent polyvalent pourcent precedent preeminent present president prudent purulent quotient recent
    recipient recurrent referent regent repent resident ressent reticent sergent serpent souvent strident
    subsequent succulent talent torrent transparent trident turbulent urgent vincent violent virulent
    """
)
_KNOWN_IN_ENT = re.compile(r"aient$|[^aeiouy]issent$")  # to the stemmer
_VERBS_IN_MENT = table(
    """
    abiment acclament affirment aiment alarment animent arment assument blament calment clament confirment
    consomment consument depriment desarment diffament dorment enferment enflamment entament enveniment
    estiment exhument expriment ferment filment forment fument gomment impriment informent legitiment
    nomment oppriment paument priment proclament programment raniment reaffirment reclament recriment
    reforment renferment reniment repriment resument rythment sement sublimment summent suppriment surnomment
    trament transforment
    """
)
_IN_IE = re.compile(r"(\w+i)es?")  # identifie, identifié(s): identifier; but finie is finir
_OF_VERBS_IN_IER = table(
    """
    affili alli apparenti appreci appropri asphyxi associ atrophi autopsi benefici calomni concili contrari
    convi copi decri dedi differenci dissoci domicili envi etudi euthanasi expedi humili inappropri incendi
    initi injuri inventori licenci multipli negoci oubli parodi privilegi publi radi ralli rapatri reconcili
    refugi reli remani remerci reni repertori salari souci spoli suppli vari
    """
)
_ADJECTIVES_IN_EUSE = table(
    """
    aqueuse belliqueuse boiteuse boueuse calamiteuse capiteuse comateuse cotonneuse couteuse crasseuse
    douteuse facheuse graisseuse hasardeuse hideuse honteuse laiteuse miteuse mousseuse muqueuse necessiteuse
    osseuse paresseuse pateuse piteuse poisseuse pompeuse pulpeuse rocheuse sirupeuse vaniteuse venteuse
    visqueuse
    """
)
_WORKERS_IN_EUSE = table(
    """
    blogueuse bruleuse coureuse entraineuse footballeuse joggeuse livreuse nageuse patineuse programmeuse
    promeneuse serveuse skieuse travailleuse tueuse voleuse
    """
)
_WORKER = re.compile(r"(?:ch|[dfpst]|[oq]u)euse$")  # chercheuse, chanteuse, joueuse
_RULES = (
    (re.compile(r"(?<=\w\w)ieres?$"), "ier"),  # première(s): premier
    (re.compile(r"(?<=\w\w)trices?$"), "teur"),  # directrice(s): directeur
    (re.compile(r"(?<=[eo]nd|.rd)r(?:a|aient|ait|ont)$"), ""),  # vendra, perdrait: vend, perd
    (re.compile(r"(?<=[nr]d)(?:res?|ue?s?)$"), ""),  # vendre, vendu(e)(s): vend
    (re.compile(r"(?<=\w[oau]y)es?$"), "er"),  # employé(s): employer
    (re.compile(r"(?<=\w\w\w)ifs?$"), "ive"),  # actif(s): active
)


def base(word: str, *, french: bool) -> str:
    """The form of a folded word that the stemmer of a language is given; with `é` where it needs one."""
    return _french(word) if french else _english(word)


def _english(word: str) -> str:
    if word not in _NO_ACRONYMS and _ACRONYMS.fullmatch(word):
        return word[:-1]
    word = spellings.unified(word)
    return IRREGULAR[False].get(word, word)


def _french(word: str) -> str:
    singular = word[:-1] if _is_plural(word) else word
    known = IRREGULAR[True].get(word) or IRREGULAR[True].get(singular)
    if known or singular in WHOLE:
        return known or singular
    if singular not in _NO_PARTICIPLES and _PARTICIPLE.search(singular):
        return _PARTICIPLE.sub("ée", singular)
    return singular if len(singular) < _FEWEST else _regular(singular)


def _regular(singular: str) -> str:
    if (match := _IN_IE.fullmatch(singular)) and (match[1].endswith("fi") or match[1] in _OF_VERBS_IN_IER):
        return f"{match[1]}er"
    if singular.endswith("ent"):
        return f"{singular[:-3]}er" if _is_verb_in_ent(singular) else singular
    if singular.endswith(("euse", "euses")):
        return _masculine(singular.removesuffix("s"))
    changed = (rule.sub(ending, singular) for rule, ending in _RULES if rule.search(singular))
    return next(changed, singular)


def _is_plural(word: str) -> bool:
    if word in _PLURALS_IN_IS:
        return True
    return word not in _NO_PLURALS and word not in WHOLE and bool(_PLURAL.search(word))


def _is_verb_in_ent(word: str) -> bool:
    """Whether it is what they do, as `annoncent`, and not a noun or an adverb."""
    if word.endswith("ment"):
        return word in _VERBS_IN_MENT
    return word not in _NO_VERBS_IN_ENT and not _KNOWN_IN_ENT.search(word)


def _masculine(word: str) -> str:
    """That of a word in -euse, where it is in -eur; the stemmer knows the other one."""
    is_worker = _WORKER.search(word) and word not in _ADJECTIVES_IN_EUSE
    return f"{word[:-3]}ur" if is_worker or word in _WORKERS_IN_EUSE else word
