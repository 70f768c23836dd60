"""What words of the news mean in the other language: a question in one finds articles in the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cache

from bot.text import terms

# An English word or several, then their French ones; nouns and verbs of one family share a line.
_PAIRS = """
access | accès accéder
accuse accusation | accuser accusation
acquire acquisition buy buyout takeover purchase | acquérir acquisition acheter achat rachat racheter
agency | agence
agree agreement deal | accord entente
aim goal | but objectif
allow authorize permit | autoriser permettre autorisation
announce announcement | annoncer annonce
answer reply | réponse répondre
appeal | appel recours
app | application appli
approve approval | approuver approbation
arrest | arrêter arrestation interpeller
attack | attaque attaquer
author writer | auteur écrivain
bank | banque
ban forbid prohibit prohibition | interdire interdiction bannir
battery | batterie pile
birth born | naissance né
blackout outage | panne coupure
block | bloquer blocage
book | livre
brain | cerveau
breach leak | fuite faille violation
browser | navigateur
build building | construire bâtiment
camera | caméra appareil
cancel | annuler annulation
car vehicle | voiture véhicule automobile
cell phone smartphone mobile | téléphone portable smartphone
chief head leader boss | chef patron dirigeant
child children kid | enfant
chip semiconductor processor | puce semiconducteur processeur
choose choice | choisir choix
citizen | citoyen
city town | ville
claim | affirmer revendiquer
climate | climat climatique
close closure shut | fermer fermeture
cloud | nuage cloud
company firm business | entreprise société compagnie firme
compete competition competitor | concurrence concurrent concurrencer
complaint complain | plainte plaindre
computer | ordinateur informatique
computing | informatique
control | contrôle contrôler
cost | coût coûter
country nation | pays nation
court judge | tribunal cour juge
create creation | créer création
crime criminal | crime criminel
customer client | client clientèle
cut reduce reduction | réduire réduction baisse
cyberattack | cyberattaque
damage | dégât dommage
danger dangerous | danger dangereux
data | données
date | date
day | jour
death die dead | mort mourir décès décéder
decide decision | décider décision
delay postpone | retard retarder reporter report
demand ask | demander demande
deny | nier démentir
design | conception concevoir
developer develop development | développeur développer développement
device | appareil dispositif
disease illness | maladie
doctor | médecin docteur
drug medicine | médicament drogue
earn income revenue sales | revenu recette chiffre
earth | terre
election elect vote | élection élire vote voter
electric electricity | électrique électricité
employee worker staff | employé salarié travailleur personnel
end | fin finir terminer
energy power | énergie puissance
engine search | moteur recherche
engineer | ingénieur
europe european | europe européen
expensive | cher
experiment trial test | expérience essai test
explain explanation | expliquer explication
face | visage
factory plant | usine
fall drop decline | chute tomber baisse
fake | faux
fine penalty | amende
fire layoff dismiss | licencier licenciement
flight plane aircraft | vol avion
food | nourriture alimentation aliment
forbid | interdire
foreign | étranger
found founder | fonder fondateur
free | gratuit libre
game | jeu
government | gouvernement
ground | sol
grow growth | croissance croître
hack hacker | pirate pirater piratage
harm | nuire
hate | haine
health | santé
help aid | aider aide
hire | embaucher embauche recruter
hospital | hôpital
house home | maison domicile
human | humain
image picture photo | image photo
increase rise raise | augmenter augmentation hausse
industry | industrie
inhabitant | habitant
inquiry investigate investigation probe | enquête enquêter
intelligence | intelligence renseignement
internet web | internet toile
invent inventor invention | inventer inventeur invention
invest investment investor | investir investissement investisseur
job | emploi travail poste
join | rejoindre
journalist reporter | journaliste
kill | tuer
language | langue langage
last | durer dernier
launch | lancer lancement
law bill legislation | loi législation
lawsuit sue trial | procès poursuivre poursuite
lawyer | avocat
lead | mener diriger
learning | apprentissage
leave quit | quitter départ partir
library | bibliothèque
light | lumière
lose loss | perdre perte
machine | machine
maker manufacturer | fabricant constructeur
market | marché
measure | mesure mesurer
meeting | réunion rencontre
member | membre
merge merger | fusion fusionner
message | message
million | million
minister | ministre
minority | minorité
model | modèle
money | argent
month | mois
moon | lune
moratorium | moratoire
movie film | film
name | nom nommer
network | réseau
news | nouvelle actualité
number | nombre numéro
office | bureau
oil | pétrole
open | ouvrir ouverture ouvert
order | ordre commande ordonner
own owner | propriétaire posséder
parliament | parlement
partner partnership | partenaire partenariat
patent | brevet
pay payment | payer paiement
peace | paix
people | gens personne
petition | pétition
pilot | pilote
plan project | plan projet prévoir
platform | plateforme
police | police policier
pollution | pollution
population | population
president | président
press | presse
pressure | pression
price | prix tarif
prison jail | prison
privacy private | confidentialité privé
profit | bénéfice profit
protect protection | protéger protection
protest demonstration | manifestation manifester protester protestation
prove proof evidence | prouver preuve
publish | publier publication
pull withdraw withdrawal | retirer retrait
question | question
racism racist | racisme raciste
recall | rappel rappeler
recognition recognize | reconnaissance reconnaître
record | record enregistrer
refuse refusal | refuser refus
region area | région zone
regulate regulation regulator | réguler régulation régulateur réglementation règlement
release | sortie sortir publier
remove delete | supprimer suppression retirer
replace | remplacer remplacement
report study survey | rapport étude enquête sondage
request | requête demande
research researcher scientist | recherche chercheur scientifique
resign resignation | démissionner démission
responsible | responsable
return | retour revenir
right | droit
risk | risque
rocket | fusée
rule | règle
satellite | satellite
school | école
science scientific | science scientifique
screen | écran
secret | secret
security safety secure | sécurité sûreté sécuriser
sell sale seller | vendre vente vendeur
send | envoyer
shareholder investor | actionnaire
share stock | action part
ship boat | navire bateau
shop store | magasin boutique
sign | signer
size | taille
social | social
software | logiciel
soldier army military | soldat armée militaire
space | espace spatial
speak speech | parler discours
speed fast | vitesse rapide
spend | dépenser
spy surveillance | espion espionner surveillance surveiller
start begin | commencer début démarrer
startup | startup
state | état
steal theft | voler vol
stop halt suspend | arrêter stopper suspendre arrêt
storage | stockage
strike | grève
student | étudiant élève
support | soutenir soutien
target | cible cibler viser
tax | taxe impôt
team | équipe
technology tech | technologie technique
threat threaten | menace menacer
time | temps
train | train
translate translation | traduire traduction
treaty | traité
trust | confiance
union | syndicat union
university | université
update | actualisation
user | utilisateur usager
vaccine vaccination | vaccin vaccination
version | version
victim | victime
video | vidéo
violence violent | violence violent
virus | virus
voice | voix vocal
vulnerability flaw | vulnérabilité faille
wage salary | salaire
war | guerre
warn warning | avertir avertissement
watch | montre
water | eau
weapon | arme
weather | météo temps
website site | site
win winner victory | gagner gagnant vainqueur victoire
wind | vent éolien
woman women | femme
work | travail travailler
world | monde mondial
year | an année
young youth | jeune jeunesse
"""


@cache
def _table() -> dict[str, frozenset[str]]:
    """From an index term of one language to those of the other."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for line in _PAIRS.strip().splitlines():
        english, french = line.split("|")
        one, other = terms.stems(english, "en"), terms.stems(french, "fr")
        for stem in one:
            found[stem].update(other)
        for stem in other:
            found[stem].update(one)
    return {stem: frozenset(others - {stem}) for stem, others in found.items()}


def translations(forms: Iterable[str]) -> frozenset[str]:
    """Index terms of the other language that mean about the same as these, where the table knows any."""
    table = _table()
    return frozenset().union(*(table.get(form, ()) for form in forms))
