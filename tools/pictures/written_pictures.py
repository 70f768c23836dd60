"""Takes pictures of what a model writes: `python -m tools.pictures.written_pictures [FOLDER]`.

A stand-in for the model writes the sentences below. In both languages.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

from bot.core import setting_registry
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import get_last_reply
from tests.support.model_service import ModelService
from tools.pictures.picture_stage import run, server_in, shoot, shoot_last


class WrittenArticle(NamedTuple):
    """An article, and what the stand-in writes of it."""

    outlet: str
    language: str
    title: str
    text: str
    summary: str
    translation: str
    question: str
    answer: str


ENGLISH = WrittenArticle(
    "The Verge",
    "en",
    "Amazon bans police use of its facial recognition for a year",
    "Amazon said on Wednesday that it bans the police from using Rekognition, its facial recognition "
    "software, for one year. The company wants lawmakers to write rules for how the police may use the "
    "technology. Rekognition was launched in 2016. About a hundred employees signed a petition against it "
    "on 10 June 2018, and 1,500 people marched in Seattle. The police of two cities had used the software "
    "to search for suspects, and researchers found that it was wrong more often for women.",
    "Amazon bans the police from using Rekognition for one year. The company wants lawmakers to write rules "
    "for how the police may use the technology.",
    "Amazon interdit pendant un an à la police d’utiliser sa reconnaissance faciale\n"
    "Amazon a déclaré mercredi qu’elle interdit à la police d’utiliser Rekognition, son logiciel de "
    "reconnaissance faciale, pendant un an. L’entreprise veut que les législateurs écrivent des règles sur "
    "la façon dont la police peut utiliser la technologie.",
    "How long does Amazon’s ban last, and who protested?",
    "Amazon bans the police from using Rekognition for one year [{text}]. About a hundred employees signed a petition "
    "against it, and 1,500 people marched in Seattle [{text}]. The ban was reported on Wednesday [{title}].",
)
FRENCH = WrittenArticle(
    "Numerama",
    "fr",
    "La CNIL inflige 150 millions d’euros d’amende à Google",
    "La CNIL a infligé lundi une amende de 150 millions d’euros à Google. L’entreprise devra aussi changer "
    "la façon dont elle demande l’accord des internautes. Google a 3 mois pour s’y conformer. Au-delà, "
    "l’amende augmente de 100 000 euros par jour. La décision concerne les cookies de son moteur de "
    "recherche et de YouTube, qui se refusent moins facilement qu’ils ne s’acceptent. Des internautes "
    "avaient porté plainte, et l’autorité a contrôlé les deux sites en juin.",
    "La CNIL a infligé une amende de 150 millions d’euros à Google. L’entreprise a 3 mois pour changer la "
    "façon dont elle demande l’accord des internautes.",
    "CNIL fines Google 150 million euros\n"
    "The CNIL fined Google 150 million euros on Monday. The company will also have to change how it asks "
    "for the consent of internet users.",
    "Combien doit payer Google, et pour quand ?",
    "Google doit payer une amende de 150 millions d’euros [{text}]. L’entreprise a trois mois pour se conformer, sinon "
    "l’amende augmente de 100 000 euros par jour [{text}].",
)
ARTICLES = {"": (ENGLISH, FRENCH), "-fr": (FRENCH, ENGLISH)}
"""The article that is summed up, and the one that is translated."""


async def post_article(world: World, server: FeedServer, article: WrittenArticle, number: int) -> None:
    """Post an article."""
    path = f"/{number}"
    server.serve(
        path,
        make_rss(make_rss_item(number, title=article.outlet), title=article.outlet, language=article.language),
    )
    feed = await world.follow(f"{server.origin}{path}")
    await world.poll_and_deliver(feed)
    await world.advance(60)
    news = make_rss_item(number + 10, title=article.title, body=article.text, published=world.clock.now() - 60)
    server.serve(path, make_rss(news, title=article.outlet, language=article.language))
    await world.poll_and_deliver(feed)


async def take_pictures(world: World, server: FeedServer, folder: Path, ending: str) -> None:
    """All of them in one language."""
    own, foreign = ARTICLES[ending]
    service = ModelService(server)
    service.answer_with("NO ANSWER")
    await post_article(world, server, own, 1)
    service.answer_with(own.summary)
    menu = get_last_reply(await world.editor.click(world.posts()[-1], label="Plus" if ending else "More"))
    await world.editor.click(menu, label="Résumer" if ending else "Summarize")
    take = partial(shoot_last, path=folder / f"summary{ending}.png", names={})
    await shoot(world, world.news, take)
    service.answer_with(foreign.translation)
    await world.set_channel_setting(setting_registry.TRANSLATE, True, world.news)
    await post_article(world, server, foreign, 2)
    for _ in range(3):  # The first article of the feed is translated, too.
        await world.deliver()
    take = partial(shoot_last, path=folder / f"translation{ending}.png", names={})
    await shoot(world, world.news, take)
    await take_answer_picture(world, service, own, folder, ending)


async def take_answer_picture(
    world: World, service: ModelService, article: WrittenArticle, folder: Path, ending: str
) -> None:
    """An answer that a model wrote."""
    service.answer_with(lambda prompt: cite_article(article, prompt))
    await world.editor.slash(world.news, "ask", question=article.question)
    take = partial(shoot_last, path=folder / f"answer-written{ending}.png", names={})
    await shoot(world, world.news, take)


def cite_article(article: WrittenArticle, prompt: str) -> str:
    """The answer, which cites the first passage of its article."""
    number = next(line for line in prompt.splitlines() if "passage [" in line and article.title[:30] in line)
    return article.answer.replace("{text}", number.partition("[")[2].partition("]")[0]).replace("{title}", "1")


async def main(folder: Path) -> None:
    for ending in ARTICLES:
        async with server_in(ending.removeprefix("-") or "en") as (world, server):
            await take_pictures(world, server, folder, ending)


if __name__ == "__main__":
    run(main)
