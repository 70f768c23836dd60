"""Takes pictures of the panel of /owner: `python -m tools.pictures.owner_pictures [FOLDER]`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from unittest.mock import AsyncMock

from simcord.actors import MemberActor
from simcord.builders import ChannelHandle
from simcord.results import InteractionResult

from bot.core.limits import Limit
from bot.core.preferences import Preference
from bot.operating import server_decisions, server_erasures
from bot.posting.wording.alert_texts import build_source_block_texts
from bot.store.records.operating_records import ServerProfile
from bot.text.source_patterns import SourcePattern
from tests.support.discord_world import World
from tests.support.interactions import get_button_custom_id, get_last_reply, select_option
from tools.pictures.picture_stage import run, server_in, shoot, shoot_last

OWNER_SERVER_ID = 1_234_567_890_123_456_789
PAGE_MENU = "Page"
SERVERS = ("Chess Club", "Les amis du câble", "Retro Computing", "Salon du rail", "Night Shift", "Linux 35")
LABELS = {"en": ("Block", "Audit log"), "fr": ("Bloquer", "Journal")}
LIMIT_LABELS = {
    "en": ("Limits…", "Blocked sources", "Block…"),
    "fr": ("Limites…", "Sources bloquées", "Bloquer…"),
}
NOTICE_LABELS = {
    "en": ("Notices", "Write a notice…", "Send", "Maintenance", "Turn on…"),
    "fr": ("Avis", "Écrire un avis…", "Envoyer", "Maintenance", "Activer…"),
}
DATA_LABELS = {
    "en": ("Data…", "Erase…", "Erase permanently", "Refresh"),
    "fr": ("Données…", "Effacer…", "Effacer définitivement", "Actualiser"),
}
NOTICE_TEXTS = {
    "en": "Telex moves to another machine tonight at 22:00 UTC.\n\nNothing is lost: posts follow half an hour later.",
    "fr": "Telex change de machine ce soir à 22 h UTC.\n\nRien n’est perdu : les publications suivront.",
}


async def main(folder: Path) -> None:
    """Take pictures of the servers, one of them and its data, of questions, of the log, notices and maintenance."""
    for language, (block_label, audit_title) in LABELS.items():
        async with server_in(language, owner_server=OWNER_SERVER_ID) as (world, _feed_server):
            ending = "" if language == "en" else f"-{language}"
            office = world.env.create_guild("Office", id=OWNER_SERVER_ID)
            desk = office.create_text_channel("desk")
            world.editor = operator = office.add_member(world.editor.user)
            await world.env.settle()
            application = SimpleNamespace(team=None, owner=operator.user)
            world.bot.application_info = AsyncMock(return_value=application)  # type: ignore[method-assign]
            await _add_servers(world)
            panel = await operator.slash(desk, "owner")
            await _shoot(world, desk, folder / f"owner-servers{ending}.png")
            server_page = await select_option(operator, get_last_reply(panel), SERVERS[0])
            await _shoot(world, desk, folder / f"owner-server{ending}.png")
            question = await _press(operator, server_page, block_label)
            await _shoot(world, desk, folder / f"owner-block{ending}.png")
            await select_option(operator, get_last_reply(question), audit_title)
            await _shoot(world, desk, folder / f"owner-audit{ending}.png")
            await _shoot_limits(world, desk, operator, folder, language)
            await _shoot_data(world, desk, operator, folder, language)
            await _shoot_notices(world, desk, operator, folder, language)


async def _shoot_limits(world: World, desk: ChannelHandle, operator: MemberActor, folder: Path, language: str) -> None:
    """Take pictures of the limits of a server, of the blocked sources, and of the question before a block."""
    ending = "" if language == "en" else f"-{language}"
    limits_label, sources_title, block_label = LIMIT_LABELS[language]
    page = await select_option(operator, get_last_reply(await operator.slash(desk, "owner")), SERVERS[0])
    page = await _press(operator, page, limits_label)
    await _shoot(world, desk, folder / f"owner-limits{ending}.png")
    page = await select_option(operator, get_last_reply(page), sources_title, PAGE_MENU)
    await _shoot(world, desk, folder / f"owner-sources{ending}.png")
    modal = await _press(operator, page, block_label)
    await operator.submit_modal(modal, {"source": "www.reddit.com/r/rumours"})
    await _shoot(world, desk, folder / f"owner-source{ending}.png")


async def _shoot_data(world: World, desk: ChannelHandle, operator: MemberActor, folder: Path, language: str) -> None:
    """Take pictures of the data of a server, of the question before its erasure, and of what is left afterwards."""
    ending = "" if language == "en" else f"-{language}"
    data_label, ask_label, erase_label, refresh_label = DATA_LABELS[language]
    page = await select_option(operator, get_last_reply(await operator.slash(desk, "owner")), SERVERS[0])
    page = await _press(operator, page, data_label)
    await _shoot(world, desk, folder / f"owner-data{ending}.png")
    question = await _press(operator, page, ask_label)
    await _shoot(world, desk, folder / f"owner-erase{ending}.png")
    page = await _press(operator, question, erase_label)
    await world.store.servers.mark_left(1_300_000_000_000_000_000)
    await server_erasures.erase_requested_servers(world.store, is_bot_running=False)
    await _press(operator, page, refresh_label)
    await _shoot(world, desk, folder / f"owner-erased{ending}.png")


async def _shoot_notices(world: World, desk: ChannelHandle, operator: MemberActor, folder: Path, language: str) -> None:
    """Take pictures of the preview of a notice, of the list with it, and of the maintenance mode while it is on."""
    ending = "" if language == "en" else f"-{language}"
    notices_title, write_label, send_label, maintenance_title, turn_on_label = NOTICE_LABELS[language]
    await world.set_preference(Preference.ALERT_CHANNEL, world.news.id)
    page = await select_option(operator, get_last_reply(await operator.slash(desk, "owner")), notices_title, PAGE_MENU)
    modal = await _press(operator, page, write_label)
    preview = await operator.submit_modal(modal, NOTICE_TEXTS)
    await _shoot(world, desk, folder / f"owner-notice{ending}.png")
    notices = await _press(operator, preview, send_label)
    await _shoot(world, desk, folder / f"owner-notices{ending}.png")
    page = await select_option(operator, get_last_reply(notices), maintenance_title)
    modal = await _press(operator, page, turn_on_label)
    await operator.submit_modal(modal, {"minutes": "30"})
    await _shoot(world, desk, folder / f"owner-maintenance{ending}.png")


async def _press(operator: MemberActor, answer: InteractionResult, label: str) -> InteractionResult:
    message = get_last_reply(answer)
    return await operator.click(message, custom_id=get_button_custom_id(message, label))


async def _shoot(world: World, channel: ChannelHandle, path: Path) -> None:
    await shoot(world, channel, lambda page: shoot_last(page, path, {}))


async def _add_servers(world: World) -> None:
    store, settings = world.store, world.newsroom.settings
    profiles = {
        1_300_000_000_000_000_000 + number: ServerProfile(name, 9_000 // (number * number + 1))
        for number, name in enumerate(SERVERS * 2)
    }
    for server_id in profiles:
        await store.servers.mark_joined(server_id)
    await store.servers.record_profiles(profiles)
    blocked_id, allowed_id, left_id = list(profiles)[1:4]
    user_id = world.editor.id
    await server_decisions.change_access(store, settings, blocked_id, is_allowed=False, user_id=None)
    world.clock.advance(7_200)
    await server_decisions.change_access(store, settings, allowed_id, is_allowed=True, user_id=user_id)
    await server_decisions.request_leave(store, settings, left_id, user_id=user_id)
    await store.servers.record_use(allowed_id)
    await store.server_limits.set_limits(next(iter(profiles)), {Limit.FEEDS_PER_SERVER: 500}, user_id=user_id)
    feed = await store.feeds.add("https://www.reddit.com/r/rumours/.rss")
    await store.subscriptions.follow(server_id=OWNER_SERVER_ID, channel_id=1, feed_id=feed.id, first_article_id=None)
    for source in ("spam.example", "news.example/horoscopes", "youtube.com/feeds/videos.xml?channel_id=UC4k3"):
        texts = build_source_block_texts(source, settings, is_blocked=True)
        await store.blocked_sources.block(SourcePattern.parse(source), texts, user_id=user_id)


if __name__ == "__main__":
    run(main)
