"""Proposals of feeds in the store."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from cryptography.fernet import Fernet

from bot.core.configuration.settings import Secret
from bot.core.models import Dispatch
from bot.core.preferences import Preference
from bot.core.reasons import Reason, SendProblem
from bot.core.user_errors import RequestRejected
from bot.store import Store, set_encryption_keys
from bot.store.people.proposals import MAX_OPEN_PER_SERVER, MAX_OPEN_PER_USER, MAX_PROPOSERS, OPEN_SECONDS
from bot.store.records.people_records import Proposal, ProposalDecision, ProposalDraft, ProposalRejection
from tests.store.crashing import END, crash_before_statements
from tests.support.samples import CHANNEL, SERVER, add_feed, deliver_pending, make_new_article, write_poll

ALERTS, PERSON, MANAGER, DIRECT = 3_000, 8_000, 9_000, 7_000


async def add_proposal(store: Store, name: str = "cables", **fields: Any) -> Proposal:
    """Add the proposal of a feed by a user."""
    values: dict[str, Any] = {
        "server_id": SERVER,
        "target_channel_id": CHANNEL,
        "url": f"https://{name}.example/feed",
        "title": name,
        "preview": "{}",
        "user_id": PERSON,
        "reason": "",
        "language": "en",
        "channel_id": CHANNEL,
        "message_id": None,
        "dm_channel_id": DIRECT + fields.get("user_id", PERSON) - PERSON,
    }
    proposal, _is_new = await store.proposals.add(ProposalDraft(**values | fields))
    return proposal


async def set_alert_channel(store: Store, channel: int = ALERTS) -> None:
    await store.preferences.change(Preference.ALERT_CHANNEL, channel, server_id=SERVER, user_id=MANAGER)


async def send_due(store: Store, channel: int = ALERTS) -> list[Dispatch]:
    """Process due proposals and deliver what is pending in a channel."""
    await store.proposals.process_due()
    return await deliver_pending(store, channel)


def get_rejection_code(error: pytest.ExceptionInfo[RequestRejected]) -> object:
    return error.value.reason.code


async def test_proposal_and_its_outcome_are_sent_once(store):
    await set_alert_channel(store)
    proposal = await add_proposal(store)
    assert await store.proposals.get_next_due_at() == 0
    (dispatch,) = await send_due(store)
    assert (dispatch.proposal_id, dispatch.proposer_id, dispatch.server_id) == (proposal.id, None, SERVER)
    assert await store.proposals.get_next_due_at() == proposal.closes_at
    assert await send_due(store) == []
    await store.proposals.decline(proposal.id, server_id=SERVER, user_id=MANAGER)
    assert await store.proposals.get_next_due_at() is None
    assert [due.id for due in await store.dispatches.list_dispatches_to_edit(store.clock.now(), 9)] == [dispatch.id]
    (notice,) = await send_due(store, DIRECT)
    assert (notice.proposal_id, notice.user_id, notice.server_id) == (proposal.id, PERSON, SERVER)
    assert notice.proposer_id == proposal.proposers[0].id
    assert await send_due(store, DIRECT) == []


async def test_only_one_of_concurrent_decisions_counts(store):
    await set_alert_channel(store)
    feed = await add_feed(store, "cables")
    await write_poll(store, feed, make_new_article(feed, "first"))
    for name in ("one", "two", "three"):
        proposal = await add_proposal(store, name, user_id=PERSON)

        async def approve(manager: int, proposal_id: int = proposal.id) -> object:
            return await store.proposals.approve(
                proposal_id,
                server_id=SERVER,
                channel_id=CHANNEL,
                feed_id=feed.id,
                first_article_id=None,
                user_id=manager,
            )

        outcomes = await asyncio.gather(
            *(approve(MANAGER + number) for number in range(4)),
            *(
                store.proposals.decline(proposal.id, server_id=SERVER, user_id=MANAGER + 10 + number)
                for number in range(4)
            ),
            return_exceptions=True,
        )
        losers = [outcome for outcome in outcomes if isinstance(outcome, RequestRejected)]
        assert len(losers) == 7
        decided = await store.proposals.get(proposal.id)
        assert decided is not None
        assert {loser.reason.code for loser in losers} == {ProposalRejection.ALREADY_DECIDED}
        assert {loser.reason.values["user"] for loser in losers} == {decided.decided_by}
        is_followed = bool(await store.subscriptions.load_feed_ids([CHANNEL]))
        assert is_followed is (decided.decision is ProposalDecision.APPROVED)
        await store.subscriptions.unfollow(CHANNEL, feed.id)
        assert len(await deliver_pending(store, DIRECT)) == 1


async def test_failed_approval_leaves_proposal_open(store):
    proposal = await add_proposal(store)
    with pytest.raises(Exception, match="feed is not there"):
        await store.proposals.approve(
            proposal.id, server_id=SERVER, channel_id=CHANNEL, feed_id=404, first_article_id=None, user_id=MANAGER
        )
    assert await store.proposals.list_open(SERVER) == [proposal]


async def test_limits_hold_for_concurrent_proposals(store):
    names = [f"paper{number}" for number in range(MAX_OPEN_PER_USER + 3)]
    results = await asyncio.gather(*(add_proposal(store, name) for name in names), return_exceptions=True)
    assert sum(isinstance(result, Proposal) for result in results) == MAX_OPEN_PER_USER
    results = await asyncio.gather(
        *(add_proposal(store, f"other{number}", user_id=number) for number in range(MAX_OPEN_PER_SERVER)),
        return_exceptions=True,
    )
    assert len(await store.proposals.list_open(SERVER)) == MAX_OPEN_PER_SERVER
    codes = {result.reason.code for result in results if isinstance(result, RequestRejected)}
    assert codes == {ProposalRejection.TOO_MANY_OF_SERVER}
    elsewhere = await add_proposal(store, server_id=SERVER + 1, target_channel_id=CHANNEL + 1, channel_id=CHANNEL + 1)
    assert await store.proposals.list_open(SERVER + 1) == [elsewhere]
    first = (await store.proposals.list_open(SERVER))[0]
    results = await asyncio.gather(
        *(add_proposal(store, first.title, user_id=5_000 + number) for number in range(MAX_PROPOSERS + 5)),
        return_exceptions=True,
    )
    joined = await store.proposals.get(first.id)
    assert joined is not None
    assert len(joined.proposers) == MAX_PROPOSERS


async def test_proposal_of_other_server_is_not_found(store):
    proposal = await add_proposal(store)
    for decide in (
        store.proposals.get_open(proposal.id, SERVER + 1),
        store.proposals.decline(proposal.id, server_id=SERVER + 1, user_id=MANAGER),
        store.proposals.set_channel(proposal.id, CHANNEL, server_id=SERVER + 1),
    ):
        with pytest.raises(RequestRejected) as error:
            await decide
        assert get_rejection_code(error) is ProposalRejection.GONE


async def test_proposal_waits_for_alert_channel_and_is_sent_once(store):
    proposal = await add_proposal(store)
    assert await store.proposals.get_next_due_at() == proposal.closes_at
    assert await send_due(store) == []
    await set_alert_channel(store)
    assert len(await send_due(store)) == 1
    await store.proposals.forget_alert_channel(ALERTS)
    assert await store.servers.get_alert_channel_id(SERVER) is None
    assert await send_due(store) == []
    await set_alert_channel(store, ALERTS + 1)
    assert len(await send_due(store, ALERTS + 1)) == 1
    await store.dispatches.block_channel(ALERTS + 1, Reason(SendProblem.CHANNEL_GONE), None)
    assert await store.proposals.get_next_due_at() == proposal.closes_at
    await set_alert_channel(store, ALERTS + 2)
    assert len(await send_due(store, ALERTS + 2)) == 1
    assert await send_due(store, ALERTS + 2) == []


async def test_alert_channel_chosen_again_gets_proposal_again(store):
    await set_alert_channel(store)
    proposal = await add_proposal(store)
    await send_due(store)
    await store.proposals.forget_alert_channel(ALERTS)
    await set_alert_channel(store)
    (dispatch,) = await send_due(store)
    assert dispatch.proposal_id == proposal.id
    assert await store.proposals.get_next_due_at() == proposal.closes_at


async def test_process_handles_only_proposals_of_its_shards(store, clock):
    await set_alert_channel(store)
    proposal = await add_proposal(store)
    store.shards.reset(2, owner_id=None)
    store.shards.set_served({1})  # The server is on the other shard.
    assert await store.proposals.get_next_due_at() is None
    clock.advance(OPEN_SECONDS)
    await store.proposals.process_due()
    assert await store.proposals.list_open(SERVER) == [proposal]
    store.shards.set_served({0, 1})
    assert await store.proposals.get_next_due_at() == 0
    await store.proposals.process_due()
    assert await store.proposals.list_open(SERVER) == []


async def test_undecided_proposal_expires(store, clock):
    await set_alert_channel(store)
    proposal = await add_proposal(store)
    await send_due(store)
    clock.advance(OPEN_SECONDS - 1)
    assert await send_due(store, DIRECT) == []
    clock.advance(1)
    assert len(await send_due(store, DIRECT)) == 1
    closed = await store.proposals.get(proposal.id)
    assert closed is not None
    assert (closed.decision, closed.decided_by) == (ProposalDecision.EXPIRED, None)
    with pytest.raises(RequestRejected) as error:
        await store.proposals.decline(proposal.id, server_id=SERVER, user_id=MANAGER)
    assert get_rejection_code(error) is ProposalRejection.ALREADY_DECIDED
    await store.proposals.purge(store.clock.now() + 1)
    assert await store.proposals.get(proposal.id) is None


async def test_purge_keeps_dm_channel_of_proposer_until_decision(store, clock):
    proposal = await add_proposal(store)
    await store.watches.purge(clock.now() + 1)
    await store.proposals.decline(proposal.id, server_id=SERVER, user_id=MANAGER)
    assert len(await deliver_pending(store, DIRECT)) == 1
    await store.proposals.purge(clock.now() + 1)
    await store.watches.purge(clock.now() + 1)
    second = await add_proposal(store, "second", dm_channel_id=None)
    await store.proposals.decline(second.id, server_id=SERVER, user_id=MANAGER)
    assert len(await deliver_pending(store, CHANNEL)) == 1


async def test_many_joining_proposers_delay_edit_by_a_second_at_most(store):
    await set_alert_channel(store)
    await add_proposal(store)
    await send_due(store)
    for number in range(MAX_PROPOSERS - 1):
        await add_proposal(store, user_id=5_000 + number)
    assert await store.dispatches.get_next_edit_due_at() <= store.clock.now() + 1


async def test_refused_direct_message_is_moved_to_channel(store):
    proposal = await add_proposal(store)
    await store.proposals.decline(proposal.id, server_id=SERVER, user_id=MANAGER)
    claimed = await store.dispatches.claim(DIRECT)
    assert claimed is not None
    await store.proposals.move_notice_to_channel(claimed.id)
    assert await store.dispatches.get(claimed.id) is None or await deliver_pending(store, DIRECT) == []
    (notice,) = await deliver_pending(store, CHANNEL)
    assert (notice.proposer_id, notice.user_id) == (proposal.proposers[0].id, None)
    await store.dispatches.block_channel(DIRECT, Reason(SendProblem.DMS_CLOSED), None)
    second = await add_proposal(store, "second")
    await store.proposals.decline(second.id, server_id=SERVER, user_id=MANAGER)
    assert len(await deliver_pending(store, CHANNEL)) == 1


async def test_proposal_url_with_secret_is_encrypted_and_reencrypted(store, settings):
    old_key, new_key = (Fernet.generate_key().decode() for _ in range(2))
    try:
        proposal = await add_proposal(store, url="https://paper.example/feed?token=hunter2hunter2")
        set_encryption_keys(Secret(old_key))
        assert await store.encrypt_feed_urls() == 1
        set_encryption_keys(Secret(f"{new_key},{old_key}"))
        assert await store.encrypt_feed_urls(reencrypt=True) == 1
        set_encryption_keys(Secret(new_key))
        assert await store.proposals.list_open(SERVER) == [proposal]
        with pytest.raises(RequestRejected) as error:
            await add_proposal(store, url=proposal.url)
        assert get_rejection_code(error) is ProposalRejection.ALREADY_PROPOSED
    finally:
        set_encryption_keys(None)


async def test_erasure_removes_user_from_proposals(store):
    await set_alert_channel(store)
    alone = await add_proposal(store, "alone", reason="because")
    shared = await add_proposal(store, "shared")
    await add_proposal(store, "shared", user_id=PERSON + 1)
    await send_due(store)
    await store.proposals.block_user(PERSON + 2, server_id=SERVER, user_id=MANAGER)
    assert (await store.erase_user(PERSON)).proposal_count == 2
    withdrawn = await store.proposals.get(alone.id)
    assert withdrawn is not None
    assert (withdrawn.decision, withdrawn.proposers) == (ProposalDecision.WITHDRAWN, ())
    (still_open,) = await store.proposals.list_open(SERVER)
    assert [proposer.user_id for proposer in still_open.proposers] == [PERSON + 1]
    assert len(await store.dispatches.list_dispatches_to_edit(store.clock.now(), 9)) == 2
    assert await deliver_pending(store, DIRECT) == []
    await store.proposals.decline(shared.id, server_id=SERVER, user_id=MANAGER)
    assert [proposal.decided_by for proposal in await store.proposals.list_by_user(MANAGER)] == [MANAGER]
    await store.erase_user(MANAGER)
    assert await store.proposals.list_by_user(MANAGER) == []
    await store.erase_user(PERSON + 2)
    assert await store.proposals.list_blocked_user_ids(SERVER) == []


async def test_killed_approval_is_stored_completely_or_not_at_all(tmp_path, clock):
    path = tmp_path / "telex.db"
    store = await Store.open(path, clock)
    await set_alert_channel(store)
    proposal = await add_proposal(store)
    await send_due(store)
    feed = await add_feed(store, "cables")
    await store.close()
    for statement, copy in crash_before_statements(path, "approve_proposal", clock.now(), [1, 3, 5, 7, 9, 12, END]):
        store = await Store.open(copy, clock)
        await store.check()
        is_decided = await store.proposals.list_open(SERVER) == []
        assert is_decided is (statement == END)
        assert (await store.subscriptions.load_feed_ids([CHANNEL]) == {feed.id}) is is_decided
        assert len(await store.dispatches.list_dispatches_to_edit(clock.now(), 9)) == is_decided
        assert len(await deliver_pending(store, DIRECT)) == is_decided
        assert await send_due(store) == []  # The managers have the message already.
        if not is_decided:
            await store.proposals.decline(proposal.id, server_id=SERVER, user_id=MANAGER)
            assert len(await deliver_pending(store, DIRECT)) == 1
        await store.close()
