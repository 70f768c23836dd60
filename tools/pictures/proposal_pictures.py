"""Takes pictures of proposals: `python -m tools.pictures.proposal_pictures [FOLDER]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simcord.builders import ChannelHandle

from bot.core.preferences import PROPOSALS_FROM_EVERYONE, Preference
from bot.posting.emoji import tile_drawing
from tests.support.discord_world import World
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.interactions import get_last_reply
from tools.pictures.picture_stage import run, server_in, shoot, shoot_last

SITES = {
    "": (
        "The Long Cable",
        "en",
        (
            ("Nordwave: how a splice is made at sea", "Two ends, eight fibres and a tent on a moving deck."),
            ("The cable maps that nobody updates", "A third of the lines drawn there were lifted years ago."),
        ),
        "This is a lovely read: {link}",
        ("Propose", "the only ones who talk to the crews", "Follow"),
    ),
    "-fr": (
        "Le Long Câble",
        "fr",
        (
            ("Nordwave : comment on fait une épissure en mer", "Deux bouts, huit fibres et une tente sur un pont."),
            ("Les cartes de câbles que personne ne corrige", "Un tiers des lignes tracées ont été relevées."),
        ),
        "Très bel article : {link}",
        ("Proposer", "les seuls qui parlent aux équipages", "Suivre"),
    ),
}


async def main(folder: Path) -> None:
    """Take pictures of a proposal, of its decision, of /feeds and of the panel, in each language and width."""
    for ending, (title, language, articles, text, (propose_label, reason, follow_label)) in SITES.items():
        async with server_in(language) as (world, server):
            now = world.clock.now()
            items = [
                make_rss_item(number, title=headline, body=lead, published=now - number * 300_000 - 10_800)
                for number, (headline, lead) in enumerate(articles)
            ]
            icon_url = "https://cable.example/icon.png"
            image = f"<image><url>{icon_url}</url></image><item>"
            server.serve("/feed.xml", make_rss(*items, title=title).replace("<item>", image, 1))
            world.pictures[icon_url] = ("icon.png", tile_drawing.draw_initial_tile("C", 0x2E7D8C).png)
            page = "<html><head><link rel=alternate type=application/rss+xml href=/feed.xml></head></html>"
            link = server.serve("/a-story", page, content_type="text/html")
            alerts = world.guild.create_text_channel("alerts")
            await world.env.settle()
            await world.set_preference(Preference.ALERT_CHANNEL, alerts.id)
            await world.set_preference(Preference.PROPOSER_POLICY, PROPOSALS_FROM_EVERYONE)
            names = {server.origin.removeprefix("http://"): "cable.example", "@reader": "@Bram", "@editor": "@Ada"}
            message = await world.reader.send(world.news, text.format(link=link))
            editors = world.guild.roles["Editors"]
            world.env.backend.edit_role(world.guild.id, editors.id, {"permissions": 0})  # They see it as members do.
            await world.editor.context_menu(world.news, "Follow this source", message)
            await _shoot(world, world.news, folder / f"propose{ending}.png", names)
            world.env.backend.edit_role(world.guild.id, editors.id, {"permissions": 1 << 5})  # They manage the server.
            card = await world.reader.context_menu(world.news, "Follow this source", message)
            modal = await world.reader.click(get_last_reply(card), label=propose_label)
            await world.reader.submit_modal(modal, {"line": reason})
            await world.deliver()
            await _shoot(world, alerts, folder / f"proposal{ending}.png", names)
            await world.editor.click(world.posts(alerts)[0], label=follow_label)
            await world.deliver()
            await _shoot(world, alerts, folder / f"proposal-decided{ending}.png", names, number=-2)
            for outlet in ("Wired", "Numerama"):
                await world.poll(await world.follow(server.serve(f"/{outlet}", make_rss(*items, title=outlet))))
            world.env.backend.edit_role(world.guild.id, editors.id, {"permissions": 0})
            await world.editor.slash(world.news, "feeds")
            await _shoot(world, world.news, folder / f"feeds{ending}.png", names)
            world.env.backend.edit_role(world.guild.id, editors.id, {"permissions": 1 << 5})
            await world.store.proposals.block_user(world.reader.id, server_id=world.guild.id, user_id=world.editor.id)
            await world.editor.slash(world.news, "settings proposals")
            await _shoot(world, world.news, folder / f"settings-proposals{ending}.png", names)


async def _shoot(world: World, channel: ChannelHandle, path: Path, names: dict[str, str], *, number: int = -1) -> None:
    def take(page: Any) -> None:
        shoot_last(page, path, names, number)

    await shoot(world, channel, take)


if __name__ == "__main__":
    run(main)
