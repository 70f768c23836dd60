"""Takes pictures of mentions by topic: `python -m tools.pictures.mention_pictures [FOLDER]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import discord

from bot.posting.sending.permissions import INVITE_PERMISSIONS
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.interactions import find_menu, get_last_reply
from tools.pictures.picture_stage import run, server_in, shoot, shoot_last

STAGES: dict[str, tuple[str, str, tuple[str, ...], str, str, str, tuple[tuple[str, str], ...]]] = {
    "": (
        "en",
        "The Circuit Post",
        ("AI", "Space"),
        "openai OR anthropic",
        "launch -stock",
        "Save this rule",
        (
            ("Anthropic publishes how its models cite sources", "Each claim carries the sentence that it comes from."),
            ("A rocket launch slips to Friday", "Fog is expected over the pad until noon."),
            ("OpenAI opens an office in Lyon", "Forty people are to work there by spring."),
            ("The ferry is back after the storm", "It leaves every hour, as before."),
            ("What OpenAI and libraries agreed on", "Readers keep the right to be forgotten."),
        ),
    ),
    "-fr": (
        "fr",
        "Le Fil numérique",
        ("IA", "Espace"),
        "openai OR anthropic",
        "fusée -bourse",
        "Enregistrer cette règle",
        (
            ("Anthropic explique comment ses modèles citent leurs sources", "Chaque phrase renvoie à son origine."),
            ("Le tir de la fusée est reporté à vendredi", "Du brouillard est attendu jusqu’à midi."),
            ("OpenAI s’installe à Lyon", "Quarante personnes doivent y travailler au printemps."),
            ("Le bac circule de nouveau", "Il part toutes les heures, comme avant."),
            ("Ce dont OpenAI et les bibliothèques sont convenus", "Les lecteurs gardent le droit à l’oubli."),
        ),
    ),
}


async def main(folder: Path) -> None:
    """Take pictures of the menu of roles, the trial, the list and a post, in each language and width."""
    for ending, (language, outlet, role_names, topic, other_topic, save_label, stories) in STAGES.items():
        async with server_in(language) as (world, server):
            rights = INVITE_PERMISSIONS.value | discord.Permissions(manage_roles=True).value
            backend_roles = world.env.backend.get_guild(world.guild.id).roles.values()
            bot_role = next(role for role in backend_roles if role.managed)
            world.env.backend.edit_role(world.guild.id, bot_role.id, {"permissions": rights})
            roles = [world.guild.create_role(name, mentionable=True) for name in role_names]
            for number, person_roles in enumerate([roles] * 3 + [roles[:1]] * 11):
                world.guild.add_member(world.env.create_user(f"person{number}"), roles=person_roles)
            feed = await world.follow(server.serve("/feed.xml", make_rss(title=outlet, language=language)))
            items: list[str] = []
            for number, (title, lead) in reversed(list(enumerate(stories[1:], 1))):
                published = world.clock.now() - 60
                items.insert(0, make_rss_item(number, title=title, body=lead, published=published))
                server.serve("/feed.xml", make_rss(*items, title=outlet, language=language))
                await world.poll(feed)
                await world.deliver()
                await world.advance(7_200)

            async def take(name: str, path: str = ending) -> None:
                def take_picture(page: Any) -> None:
                    shoot_last(page, folder / f"{name}{path}.png", {})

                await shoot(world, world.news, take_picture)

            panel = get_last_reply(await world.editor.slash(world.news, "settings mentions"))
            form = await world.editor.select(panel, [str(roles[0].id)], custom_id=find_menu(panel)[0])
            trial = await world.editor.submit_modal(form, {"topic": topic, "limit": "1"})
            await take("mention-trial")
            await world.editor.click(get_last_reply(trial), label=save_label)
            trial = await world.editor.slash(world.news, "settings mentions", role=roles[1], topic=other_topic, limit=5)
            await world.editor.click(get_last_reply(trial), label=save_label)
            published = world.clock.now() - 60
            for number, (title, lead) in enumerate(stories[:2], 9):
                items.insert(0, make_rss_item(number, title=title, body=lead, published=published + number))
                server.serve("/feed.xml", make_rss(*items, title=outlet, language=language))
                await world.poll(feed)
                await world.deliver()
            await take("mention-post")
            await world.editor.slash(world.news, "settings mentions")
            await take("mentions")


if __name__ == "__main__":
    run(main)
