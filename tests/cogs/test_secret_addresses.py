"""Whether URLs with a password or key are stored encrypted, and what the preview says about it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet

from bot.core.configuration.settings import Secret
from bot.store import set_encryption_keys
from tests.support.feed_server import make_rss
from tests.support.interactions import get_button_custom_id, get_last_reply, read_reply_text
from tests.support.scenario import make_three_rss_items


@pytest.fixture(autouse=True)
def reset_encryption_keys() -> Iterator[None]:
    yield
    set_encryption_keys(None)


@pytest.mark.parametrize(
    ("has_key", "language", "sentence"),
    [
        (False, "en-US", "It’s stored unencrypted."),
        (False, "fr", "Elle n’est pas chiffrée."),
        (True, "en-US", "It’s stored encrypted."),
        (True, "fr", "Elle est chiffrée dans la base de données."),
    ],
)
async def test_preview_says_whether_secret_url_is_encrypted(telex, feed_server, has_key, language, sentence):
    set_encryption_keys(Secret(Fernet.generate_key().decode()) if has_key else None)
    telex.locales[telex.editor.id] = language
    feed_server.serve("/rss", make_rss(*make_three_rss_items(), title="Paper"))
    preview = await telex.run_as_editor("feed add", url=f"{feed_server.origin}/rss?token=hunter2")
    assert sentence in read_reply_text(preview)
    await telex.editor.click(
        get_last_reply(preview),
        custom_id=get_button_custom_id(get_last_reply(preview), "Suivre" if language == "fr" else "Follow"),
    )
    path = telex.newsroom.settings.database
    database_bytes = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*") if file.is_file())
    assert (b"hunter2" in database_bytes) is not has_key
    assert len(await telex.store.feeds.list_all()) == 1
