"""Detection of languages."""

import gzip
import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bot.text.language import detect_language, parse_primary_subtag
from tests.support.cases import check_cases
from tests.support.shared_data import require_shared_path

SENTENCES = {
    "fr": "Le géant du web a annoncé lundi un nouveau téléphone qui arrivera sur le marché à l'automne.",
    "en": "The company announced on Monday a new phone that will reach the market in the autumn.",
    "de": "Der Konzern hat am Montag ein neues Gerät vorgestellt, das im Herbst auf den Markt kommen soll.",
    "it": "L'azienda ha annunciato lunedì un nuovo telefono che arriverà sul mercato in autunno.",
    "nl": "Het bedrijf heeft maandag een nieuwe telefoon aangekondigd die in de herfst op de markt komt.",
    "pt": "A empresa anunciou na segunda-feira um novo telefone que chegará ao mercado no outono.",
    "pl": "Firma zaprezentowała w poniedziałek nowy telefon, który trafi na rynek jesienią.",
    "ja": "同社は月曜日に新しい電話を発表した。",
    "zh": "该公司周一发布了一款新手机。",
    "ko": "회사는 월요일에 새 전화기를 공개했다.",
    "el": "Η εταιρεία παρουσίασε ένα νέο τηλέφωνο.",
}
OTHERS = [
    "Şirket pazartesi günü sonbaharda piyasaya çıkacak yeni bir telefon tanıttı.",
    "Ettevõte tutvustas esmaspäeval uut telefoni, mis jõuab turule sügisel.",
    "Enpresak astelehenean telefono berri bat aurkeztu zuen, udazkenean merkaturatuko dena.",
    "Kampuni hiyo ilizindua simu mpya siku ya Jumatatu.",
    "Компания представила в понедельник новый телефон.",
    "أعلنت الشركة يوم الاثنين عن هاتف جديد.",
]


@check_cases("language", SENTENCES)
def test_language_of_sentence_overrides_feed_hint(language):
    for hint in (None, "", "en-US", "fr", language.upper()):
        assert detect_language(SENTENCES[language], hint) == language


@check_cases("text", OTHERS)
def test_unknown_language_is_not_english_or_french(text):
    assert detect_language(text) not in {"en", "fr"}
    assert detect_language(text, "sw-KE") == "sw"


@check_cases("text", ["", "IBM", "Apple Vision Pro", "GPT-4o", "12345", "L'IA", "🎉", "...", "\ud800"])
def test_short_text_uses_feed_hint(text):
    assert detect_language(text) is None
    assert detect_language(text, "fr-FR") == "fr"
    assert detect_language(text, "nonsense") is None


@given(st.text(), st.none() | st.text())
def test_arbitrary_text_and_hint_give_code_or_none(text, hint):
    detected = detect_language(text, hint)
    assert detected is None or (len(detected) == 2 and detected.isalpha())


def test_primary_subtag_is_parsed():
    tags = ("fr-FR", "en_US", " FR ", "fra", "", None, "x-klingon", "Français")
    assert [parse_primary_subtag(tag) for tag in tags] == [
        "fr", "en", "fr", None, None, None, None, None,
    ]  # fmt: skip


@check_cases(("language", "min_share"), [("fr", 0.89), ("en", 0.92)])
def test_language_of_real_articles_is_detected(language, min_share):
    with gzip.open(require_shared_path(f"articles/{language}.jsonl.gz"), "rt", encoding="utf-8") as file:
        articles = [json.loads(line) for line in file][::10]
    titles = Counter(detect_language(article["title"]) for article in articles)
    article_languages = Counter(detect_language(f"{article['title']}\n{article['text']}") for article in articles)
    assert article_languages[language] == len(articles)
    assert titles[language] >= min_share * len(articles)
    assert titles[None] >= 0.97 * (len(articles) - titles[language]) - 0.01 * len(articles)
