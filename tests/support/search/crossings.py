"""Questions in one language on the demo's stories in the other.

A line is a part of the story's title, the question, and words that answer it, any of them.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

STORIES = Path(__file__).resolve().parents[3] / "data" / "demo" / "stories.json"

FRENCH = """
Rekognition for a year | Qui interdit pour un an sa reconnaissance faciale aux policiers ? | Amazon
Log4Shell | Quelle faille d'une bibliothèque Java permet d'exécuter du code sur un serveur ? | Log4j
Apple will move | Quand le Mac abandonnera-t-il les processeurs d'Intel ? | two years/end of the year
CrowdStrike | Quelle mise à jour défectueuse a fait planter des ordinateurs Windows partout dans le monde ? | CrowdStrike
backdoor in xz | Comment a été découverte la porte dérobée dans un outil de compression ? | login/half a second
USB-C | Quel chargeur devient obligatoire pour les téléphones vendus en Europe ? | USB-C
Linux 6.1 | Quelle version du noyau accepte un deuxième langage de programmation ? | 6.1
ChatGPT | Quel nouvel agent conversationnel écrit des dissertations et reconnaît ses erreurs ? | ChatGPT
Python 3.12 | Quelles nouveautés apporte la nouvelle version du langage Python ? | language’s own grammar/short syntax
illegal monopoly | Quel juge a décidé que le moteur de recherche est un monopole illégal ? | Mehta
OpenTofu | Quel projet libre prend la suite de Terraform après le changement de licence ? | OpenTofu
Activision | Combien a coûté le rachat de l'éditeur de jeux vidéo Activision ? | 68.7
Microsoft won’t sell | Qui refuse de vendre la reconnaissance faciale à la police sans loi nationale ? | Microsoft
Nvidia passes | Quelle entreprise de puces est devenue la plus chère en bourse ? | Nvidia
Broadcom | Que craignent les clients après le rachat de VMware ? | price/cost/subscription
"""
ENGLISH = """
Amazon interdit | Who bans the police from using its facial recognition for twelve months? | Amazon
AI Act | What did the European Parliament vote on artificial intelligence? | règlement
Debian 12 | How long will the new Debian release be maintained? | ans
CNIL | How much was Google fined because refusing cookies was too difficult? | millions
OVHcloud | Where did a fire destroy a data centre? | Strasbourg
Privacy Shield | Which court struck down the agreement on transfers of personal data to the United States? | Cour de justice
LockBit | Which ransomware group had its servers seized by police forces of ten countries? | LockBit
1,2 milliard | Which company received the largest privacy fine ever for sending data to America? | Meta
Facebook, Instagram et WhatsApp | Why did social networks vanish from the internet for six hours? | maintenance/BGP
Wikipédia | Which free encyclopedia celebrates its birthday? | Wikipédia
Mistral AI | How much money did the young Paris company raise four weeks after it was founded? | millions
Pegasus | Which spyware was used against journalists and opponents? | Pegasus
IBM | Which company gives up facial recognition software? | IBM
Let’s Encrypt | Who issued a billion certificates? | Encrypt
DMA | Which tech giants must obey the new European rules on digital markets? | Alphabet/Apple/Meta
"""

# No weight was fitted on these.
HELD_OUT_FRENCH = """
what to do when the telephone is lost | Combien de temps faut-il pour retrouver son compte après avoir perdu son téléphone ? | forty minutes
RISC-V boards compared | Combien de cartes RISC-V sont assez rapides pour travailler ? | two are quick
map every bench | Combien de bancs des bénévoles ont-ils ajoutés à la carte ? | 412
RISC-V in the classroom | Sur combien de pages tient la description du processeur ? | forty pages
Passkeys without a cloud | Où un gestionnaire de mots de passe garde-t-il les clés d'accès ? | encrypted file
kitchen scales | Que pèse-t-on avec un capteur et quarante lignes de Python ? | bread
porting a small operating system | Combien de semaines la mémoire a-t-elle demandées lors du portage d'un système ? | took two
Linux on the desks | Combien de bureaux de la mairie sont passés à Linux ? | Nineteen
A cluster of old laptops | Combien de vieilles machines calculent autant qu'une neuve ? | Eleven
history of the floppy disk | Quelle disquette du collectionneur peut encore être lue ? | oldest
How screen readers | Combien de pages d'accueil sont utilisables avec l'écran éteint ? | Four
How to read a licence | Combien de questions se poser avant de copier du code ? | Four
terminal fonts | Combien de polices de caractères ont été comparées ? | twelve
Rust in a program from 1994 | Combien de temps a pris le passage d'un programme de 1994 à Rust ? | winter
versions that live longest | Pendant combien d'années certaines versions de Linux sont-elles maintenues ? | ten years
Git for writers | Qui garde trois fins de son roman avec Git ? | author
Python start-up time | À quoi Python passe-t-il son temps au démarrage ? | looking for files
Messenger Pelikan | Qui cherche un acheteur pour sa messagerie libre ? | makers
Aldery | Quelle bibliothèque prête des ordinateurs portables remis à neuf ? | Aldery
keyboard built in three evenings | Combien de touches a le clavier fabriqué en trois soirées ? | Sixty-one
"""
HELD_OUT_ENGLISH = """
les banques hésitent | Why do banks hesitate over passkeys? | secours
apprendre l’assembleur | How many instructions are enough to learn assembly language? | Quarante-sept
quartier cartographié | How many objects did two school classes add to the map? | objets
déplacer d’un appareil | How long did it take to move passkeys between two phones? | trois minutes
vieux portable | How many more years can a ten-year-old laptop serve? | dix ans
dix réglages | Where are the ten privacy settings of the browser? | préférences
écoles d’ingénieurs | How many engineering schools let their students design a processor? | Quatre
corriger sa rue | What mistakes on the map of a street can be corrected from the browser? | sens interdit
pistes cyclables | How many kilometres of cycle paths did an association ride? | 640
serveur familial | How much time a month does a family server need? | une heure
trois copies | How many of the backup copies were readable? | deux copies
hameçonnage | How can a phishing mail be recognised in ten seconds? | L’adresse
Réparer son téléphone | How long does it take to replace a phone's battery and screen? | une heure
règles absurdes | Which rules make passwords weaker? | majuscule
chambre du fond | What often helps against bad Wi-Fi in the back room? | relais
sans coupure | How long was the database down during the upgrade? | quatre secondes
bibliothèque municipale | What runs on free software at the town library? | Catalogue
dix gigaoctets | How many ways are there to read a huge file in Python? | quatre façons
guide des administrateurs | What should a company plan before it removes the first password? | Inventaire
choisir sa distribution | Which questions help to choose a Linux distribution? | matériel
"""


@cache
def _load_stories() -> list[dict[str, Any]]:
    """The demo's stories with their language."""
    content = json.loads(STORIES.read_text(encoding="utf-8"))
    languages = {outlet["name"]: outlet["language"] for outlet in content["outlets"]}
    return [story | {"language": languages[story["outlet"]]} for story in (*content["stories"], *content["backlog"])]


@cache
def load_stories() -> list[dict[str, Any]]:
    """The demo's stories of which `questions` ask."""
    asked_titles = {title for _, title, _ in load_questions()}
    return [story for story in _load_stories() if story["title"] in asked_titles]


@cache
def load_further_stories() -> list[dict[str, Any]]:
    """The demo's other stories."""
    asked_titles = {title for _, title, _ in load_questions()}
    return [story for story in _load_stories() if story["title"] not in asked_titles]


Question = tuple[str, str, list[str]]
"""A question, the title of the story that answers it, and words any of which answer."""


def load_questions() -> list[Question]:
    """The questions that weights were fitted on."""
    return [*_parse_questions(FRENCH, "en"), *_parse_questions(ENGLISH, "fr")]


def load_held_out_questions() -> list[Question]:
    """Questions that no weight was fitted on, on other stories."""
    return [
        *_parse_questions(HELD_OUT_FRENCH, "en"),
        *_parse_questions(HELD_OUT_ENGLISH, "fr"),
    ]


def _parse_questions(lines: str, language: str) -> list[Question]:
    parsed_questions = []
    for line in lines.strip().splitlines():
        part, question, answers = (column.strip() for column in line.split("|"))
        title, *_ = [
            story["title"] for story in _load_stories() if story["language"] == language and part in story["title"]
        ]
        parsed_questions.append((question, title, answers.split("/")))
    return parsed_questions
