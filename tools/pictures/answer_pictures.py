"""Takes pictures of what /ask answers: `python -m tools.pictures.answer_pictures [FOLDER]`.

A sure answer, one that may be, none, and the news of a topic; in English and in French, wide and narrow.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tools.pictures.picture_stage import run, server_in, shoot, shoot_last

HOUR = 3600
STORIES = {
    "en": (
        (
            "Circuit Post",
            "Repair ship reaches the severed Baltic cable",
            (
                "The ship Ile de Batz reached the Nordwave cable on Thursday. Its crew expects the splice "
                "to take ten to fourteen days, weather permitting. Nordwave carries a third of the "
                "traffic between Gotland and Latvia."
            ),
        ),
        (
            "Socket Daily",
            "Who owns the Baltic’s seven cables",
            (
                "Nordwave belongs to Telia and to Latvia’s state network. Mending the Karlskrona line "
                "took eleven days in 2023. Most people in Gotland never noticed that Nordwave was gone."
            ),
        ),
        (
            "Kernel & Co.",
            "A cluster of old laptops, and its electricity bill",
            "Forty laptops heat a flat.",
        ),
        (
            "Circuit Post",
            "Passkeys: what to do when the telephone is lost",
            "Keep a second one at home.",
        ),
    ),
    "fr": (
        (
            "Le Fil numérique",
            "Le navire câblier est arrivé au-dessus du câble baltique",
            (
                "Le navire Île de Batz a atteint le câble Nordwave jeudi. L’équipage compte dix à "
                "quatorze jours pour l’épissure, si le temps le permet. Un tiers du trafic de l’île de "
                "Gotland passe par Nordwave."
            ),
        ),
        (
            "Le Paquet libre",
            "À qui sont les sept câbles de la Baltique",
            (
                "Le câble Nordwave appartient à Telia et à l’État letton. Réparer la ligne de Karlskrona "
                "avait pris onze jours en 2023. Sur l’île de Gotland, peu de gens ont vu que Nordwave "
                "était coupé."
            ),
        ),
        (
            "Le Paquet libre",
            "Clés d’accès : que faire quand on perd son téléphone",
            "Gardez-en une chez vous.",
        ),
        (
            "Le Fil numérique",
            "Un mois avec un téléphone sans géants",
            "Il marche, sans applications.",
        ),
    ),
}
QUESTIONS = {
    "en": {
        "ask": "How many days will the splice of the Nordwave cable take?",
        "ask-possible": "who pays to mend the cable in gotland",
        "ask-unknown": "How much does the new iPhone cost?",
        "ask-news": "what’s new with Nordwave?",
    },
    "fr": {
        "ask": "Combien de jours prendra l’épissure du câble Nordwave ?",
        "ask-possible": "qui paie le bateau qui répare internet à gotland",
        "ask-unknown": "Combien coûte le nouvel iPhone ?",
        "ask-news": "quoi de neuf sur Nordwave ?",
    },
}


async def publish_stories(world: World, server: FeedServer, language: str) -> None:
    """Let each outlet publish its stories, an hour apart."""
    outlets: dict[str, list[str]] = {}
    for number, (outlet, title, body) in enumerate(STORIES[language]):
        published = world.clock.now() - number * HOUR
        outlets.setdefault(outlet, []).append(make_rss_item(number, title=title, body=body, published=published))
    for number, (outlet, rss_items) in enumerate(outlets.items()):
        url = server.serve(f"/{number}", make_rss(*rss_items, title=outlet, language=language))
        await world.poll(await world.follow(url))
    await world.deliver()


async def main(folder: Path) -> None:
    for language, questions in QUESTIONS.items():
        async with server_in(language) as (world, server):
            await publish_stories(world, server, language)
            for name, question in questions.items():
                await world.advance(60)
                await world.editor.slash(world.news, "ask", question=question, public=True)
                path = folder / f"{name}{'-fr' if language == 'fr' else ''}.png"
                await shoot(world, world.news, partial(shoot_last, path=path, names={}))


if __name__ == "__main__":
    run(main)
