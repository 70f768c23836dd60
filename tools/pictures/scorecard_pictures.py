"""Takes pictures of the scorecard of feeds: `python -m tools.pictures.scorecard_pictures [FOLDER]`.

The report, its monthly message with the setting for it, its menu drawn open, a remedy that is asked about and what was
done, in English and in French, wide and narrow.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from playwright.sync_api import Page

from tests.support.discord_world import World
from tests.support.interactions import get_last_reply, select_option
from tests.support.posted_feeds import PostHistory
from tools.pictures.page_camera import MESSAGE, wait_for_images
from tools.pictures.picture_stage import resize_to_widths, run, server_in, shoot, shoot_last

PEOPLE = tuple(range(91, 97))
NOISY_POSTS, SAVED_POSTS = 168, 4
LABELS = {
    "en": ("", ("never post", "Do it", "Send it every month"), ("The Daily Socket", "Patch Tuesday"), "deal"),
    "fr": (
        "-fr",
        ("jamais", "Le faire", "L’envoyer chaque mois"),
        ("The Daily Socket", "Mardi des correctifs"),
        "promo",
    ),
}
"""Ending of the pictures’ names, labels that are pressed, feeds to decide on, and the word of most of their titles."""


async def build_server(world: World, noisy_name: str, muted_name: str, word: str) -> None:
    """Two feeds to decide on, four that people keep, and one that is new."""
    history = PostHistory(world.store, world.guild.id)
    security = world.guild.create_text_channel("security")
    titles = [f"{word.capitalize()} {number}" for number in range(107)]
    noisy = await history.add_feed(noisy_name, world.news.id, [*titles, *(f"Chip {number}" for number in range(61))])
    history.react(noisy, "saved", [*[[]] * 107, *[[person] for person in PEOPLE[:SAVED_POSTS]]])
    history.react(noisy, "liked", [PEOPLE[:1]])
    await history.mute(noisy, PEOPLE[:5])
    muted = await history.add_feed(muted_name, security.id, [f"Bulletin {number}" for number in range(31)])
    await history.mute(muted, PEOPLE[:3])
    for name, post_count, saved_count, liked_count in (
        ("Kernel & Co.", 44, 12, 6),
        ("The Circuit Post", 86, 18, 7),
        ("Le Fil numérique", 60, 9, 3),
        ("Le Paquet libre", 23, 3, 0),
    ):
        feed = await history.add_feed(name, world.news.id, [f"{name} {number}" for number in range(post_count)])
        savers = [[PEOPLE[number % 3]] for number in range(saved_count)]
        likers = [[PEOPLE[number % 3]] for number in range(liked_count)]
        history.react(feed, "saved", savers)
        if likers:
            history.react(feed, "liked", [*[[]] * saved_count, *likers])
    await history.add_feed("The Long Cable", world.news.id, ["First words"] * 6, followed_days=9, span_days=8)


def shoot_open_menu(page: Page, path: Path) -> None:
    """Pictures of the report with its menu open."""
    for width_path in resize_to_widths(page, path):
        page.locator(MESSAGE).last.locator("button[aria-haspopup], select, [role=combobox]").first.click()
        page.wait_for_timeout(600)
        wait_for_images(page.locator("#channel-timeline"))
        page.screenshot(path=width_path)
        page.keyboard.press("Escape")


async def main(folder: Path) -> None:
    for language, (ending, (remedy_start, apply_label, monthly_label), names, word) in LABELS.items():
        async with server_in(language) as (world, _server):
            await build_server(world, *names, word)
            channel_names = {world.news.mention: "#news"}

            async def shoot_message(name: str) -> None:
                take = partial(shoot_last, path=folder / f"{name}{ending}.png", names=channel_names)  # noqa: B023
                await shoot(world, world.news, take, height=1800)

            report = get_last_reply(await world.editor.slash(world.news, "feed report"))
            await shoot_message("scorecard")
            await world.editor.slash(world.news, "feed alerts", channel=world.news)
            await world.editor.click(report, label=monthly_label)
            await world.editor.slash(world.news, "settings server")
            await shoot_message("scorecard-settings")
            due_at = await world.store.monthly_reports.get_next_due_at()
            assert due_at is not None
            world.clock.advance(due_at - world.clock.now())
            await world.deliver()
            await shoot_message("scorecard-message")
            report = get_last_reply(await world.editor.slash(world.news, "feed report"))
            await shoot(
                world, world.news, partial(shoot_open_menu, path=folder / f"scorecard-menu{ending}.png"), height=1800
            )
            remedy = get_last_reply(
                await select_option(world.editor, report, f"{names[0]}{' ' if ending else ''}: {remedy_start}")
            )
            await shoot_message("scorecard-remedy")
            await world.editor.click(remedy, label=apply_label)
            await shoot_message("scorecard-done")


if __name__ == "__main__":
    run(main)
