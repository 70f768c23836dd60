"""Questions in one language on the demo's stories in the other: the story's slug begins a line."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

STORIES = Path(__file__).resolve().parents[2] / "data" / "demo" / "stories.json"

FRENCH = """
Rekognition for a year | Qui interdit pour un an sa reconnaissance faciale aux policiers ?
Log4Shell | Quelle faille d'une bibliothèque Java permet d'exécuter du code sur un serveur ?
Apple will move | Quand le Mac abandonnera-t-il les processeurs d'Intel ?
CrowdStrike | Quelle mise à jour défectueuse a fait planter des ordinateurs Windows partout dans le monde ?
backdoor in xz | Comment a été découverte la porte dérobée dans un outil de compression ?
USB-C | Quel chargeur devient obligatoire pour les téléphones vendus en Europe ?
Linux 6.1 | Quelle version du noyau accepte un deuxième langage de programmation ?
ChatGPT | Quel nouvel agent conversationnel écrit des dissertations et reconnaît ses erreurs ?
Python 3.12 | Quelles nouveautés apporte la nouvelle version du langage Python ?
illegal monopoly | Quel juge a décidé que le moteur de recherche est un monopole illégal ?
OpenTofu | Quel projet libre prend la suite de Terraform après le changement de licence ?
Activision | Combien a coûté le rachat de l'éditeur de jeux vidéo Activision ?
Microsoft won’t sell | Qui refuse de vendre la reconnaissance faciale à la police sans loi nationale ?
Nvidia passes | Quelle entreprise de puces est devenue la plus chère en bourse ?
Broadcom | Que craignent les clients après le rachat de VMware ?
"""
ENGLISH = """
Amazon interdit | Who bans the police from using its facial recognition for twelve months?
AI Act | What did the European Parliament vote on artificial intelligence?
Debian 12 | How long will the new Debian release be maintained?
CNIL | How much was Google fined because refusing cookies was too difficult?
OVHcloud | Where did a fire destroy a data centre?
Privacy Shield | Which court struck down the agreement on transfers of personal data to the United States?
LockBit | Which ransomware group had its servers seized by police forces of ten countries?
1,2 milliard | Which company received the largest privacy fine ever for sending data to America?
Facebook, Instagram et WhatsApp | Why did social networks vanish from the internet for six hours?
Wikipédia | Which free encyclopedia celebrates its birthday?
Mistral AI | How much money did the young Paris company raise four weeks after it was founded?
Pegasus | Which spyware was used against journalists and opponents?
IBM | Which company gives up facial recognition software?
Let’s Encrypt | Who issued a billion certificates?
DMA | Which tech giants must obey the new European rules on digital markets?
"""


@cache
def stories() -> list[dict[str, Any]]:
    """The demo's stories with their language and the time they were published."""
    content = json.loads(STORIES.read_text(encoding="utf-8"))
    languages = {outlet["name"]: outlet["language"] for outlet in content["outlets"]}
    return [
        story
        | {
            "language": languages[story["outlet"]],
            "time": int(datetime.fromisoformat(story["published"]).timestamp()),
        }
        for story in content["stories"]
    ]


def questions() -> list[tuple[str, str]]:
    """Each question with the title of the story that answers it."""
    asked = []
    for lines, language in ((FRENCH, "en"), (ENGLISH, "fr")):
        for line in lines.strip().splitlines():
            part, question = (half.strip() for half in line.split("|"))
            (title,) = [
                story["title"]
                for story in stories()
                if story["language"] == language and part in story["title"]
            ]
            asked.append((question, title))
    return asked
