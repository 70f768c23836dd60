"""Names that are written otherwise in the other language: countries, languages, acronyms, peoples."""

from __future__ import annotations

from functools import cache

from babel import Locale

from bot.text import terms

_OTHERS = """
AI | IA
EU | UE
UN | ONU
NATO | OTAN
GDPR | RGPD
WHO | OMS
WTO | OMC
IMF | FMI
UK | Royaume-Uni
UK | Grande-Bretagne
Britain | Grande-Bretagne
US | États-Unis
USA | États-Unis
US | Américain américaine américains
American Americans | américain américaine américains
America | Amérique États-Unis
British | britannique britanniques anglais
European Europeans | européen européenne européens
Asia Asian | Asie asiatique
Africa African | Afrique africain
Belgian | belge
Swiss | suisse
Canadian | canadien canadienne
Indian | indien indienne
Brazilian | brésilien brésilienne
Mexican | mexicain mexicaine
Israeli | israélien israélienne
Iranian | iranien iranienne
Taiwanese | taïwanais taïwanaise
Saudi | saoudien saoudienne
Australian | australien australienne
Austrian | autrichien autrichienne
London | Londres
Brussels | Bruxelles
Geneva | Genève
Moscow | Moscou
Beijing | Pékin
Seoul | Séoul
Vienna | Vienne
Lisbon | Lisbonne
Warsaw | Varsovie
Parliament | Parlement
Congress | Congrès
Senate | Sénat
Court | Cour tribunal
Minister Ministry | ministre ministère
President | président
"""


def also(found: frozenset[str]) -> frozenset[str]:
    """The terms of the other language's names for what is named among these terms (of `alternatives`)."""
    others: set[str] = set()
    for one, other in _names():
        if one <= found:
            others |= other
        if other <= found:
            others |= one
    return frozenset(others)


@cache
def _names() -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    """Pairs of the terms of a name in English and in French."""
    english, french = Locale("en"), Locale("fr")
    pairs = [
        (str(names[code]), str(others[code]))
        for names, others in (
            (english.territories, french.territories),
            (english.languages, french.languages),
        )
        for code in names
        if code in others and not str(code).isdigit()
    ]
    for line in _OTHERS.strip().splitlines():
        one, other = (side.split() for side in line.split("|"))
        pairs += [(name, namesake) for name in one for namesake in other]
    found = [(frozenset(terms.stems(one, "en")), frozenset(terms.stems(other, "fr"))) for one, other in pairs]
    return tuple((one, other) for one, other in found if one and other and one != other)
