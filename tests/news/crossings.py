"""Questions in one language on the demo's stories in the other.

A line is a part of the story's title, the question, and words that answer it, any of them.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

STORIES = Path(__file__).resolve().parents[2] / "data" / "demo" / "stories.json"

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


@cache
def stories() -> list[dict[str, Any]]:
    """The demo's real stories with their language and the time they were published.

    Those without a time are made up and arrive during the demo.
    """
    content = json.loads(STORIES.read_text(encoding="utf-8"))
    languages = {outlet["name"]: outlet["language"] for outlet in content["outlets"]}
    return [
        story
        | {
            "language": languages[story["outlet"]],
            "time": int(datetime.fromisoformat(story["published"]).timestamp()),
        }
        for story in content["stories"]
        if "published" in story
    ]


def questions() -> list[tuple[str, str, list[str]]]:
    """Each question with the title of the story that answers it, and words any of which answer."""
    asked = []
    for lines, language in ((FRENCH, "en"), (ENGLISH, "fr")):
        for line in lines.strip().splitlines():
            part, question, answers = (each.strip() for each in line.split("|"))
            (title,) = [
                story["title"]
                for story in stories()
                if story["language"] == language and part in story["title"]
            ]
            asked.append((question, title, answers.split("/")))
    return asked
