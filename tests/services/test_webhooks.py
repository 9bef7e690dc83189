"""Webhooks against a real HTTPS receiver: it fails first, moves, sends elsewhere, and says too much."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app import webhook_sender
from app.domain.refusals import Forbidden, Invalid, NotFound, Refused
from app.domain.submissions import Choice
from app.domain.webhooks import Paused
from app.domain.words import Scope, SubmissionState
from app.services import audit_events, milestone_facts, receipts, triage, webhooks
from app.services.jobs import delete_old_records
from app.services.submissions import SubmissionKey
from app.services.webhooks import Delivered, Registered, deliver_due
from app.webhook_sender import NotDelivered, WebhookSender
from tests.factories import NHS, POLICE, World, key
from tests.receivers import NAME, Receiver, receiving

KEY = "a secret of the installation"
LOCAL = ("127.0.0.0/8",)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with receiving(tmp_path_factory.mktemp("receiver")) as receiver:
        yield receiver


@pytest.fixture
def receiver(running: Receiver) -> Receiver:
    running.came.clear()
    running.answering((204, {}, b""))
    running.sent = 0
    return running


def sender(receiver: Receiver, *addresses: str, networks: tuple[str, ...] = LOCAL) -> WebhookSender:
    """One for which the receiver's name leads to these addresses, one after the other."""
    found = list(addresses or ("127.0.0.1",))
    return WebhookSender(
        authority=receiver.authority,
        networks=networks,
        resolve=lambda *_: [found.pop(0) if len(found) > 1 else found[0]],
    )


def hook(world: World, url: str, *, organisation: str = POLICE, events: Any = None) -> Registered:
    given = {"organisation": organisation, "url": url, "events": events or ["submission.triaged", "evidence.reviewed"]}
    return world.write("petra", webhooks.create_webhook, slug=world.plan, secret_key=KEY, **given)


def run(world: World, by: WebhookSender) -> Delivered:
    return deliver_due(world.database, by, KEY, world.clock)


def page(world: World) -> webhooks.PlanWebhooks:
    return world.read("petra", webhooks.plan_webhooks, slug=world.plan)


def logged(world: World, *, organisation: str = POLICE) -> Any:
    """Correspondence of an agency, triaged."""
    program = world.key_actor(Scope.EVIDENCE_WRITE, organisation=organisation)
    sent = world.write(
        program, receipts.send_correspondence, slug=world.plan, title="Quillfeather", message="Quillfeather"
    )
    choice = Choice(SubmissionState.LOGGED, reason="Quillfeather")
    world.write("petra", triage.triage, submission=SubmissionKey(id=sent.id), choice=choice)
    return sent


def test_a_receiver_that_fails_first_is_told_again_and_can_check_who_tells_it(world: World, receiver: Receiver) -> None:
    made, by = hook(world, receiver.url), sender(receiver)
    view = world.milestone(supporting_organisations=[POLICE, NHS])
    item = world.attached(view, by=world.key_actor(Scope.EVIDENCE_WRITE))
    world.attached(view, by="nat")  # another agency's: told to nobody here
    receiver.answering((500, {}, b"no"), (204, {}, b""))
    world.accepted(view, item)
    logged(world, organisation=NHS)
    assert run(world, by) == Delivered(1, 1)
    first = receiver.came[0]
    assert run(world, by) == Delivered()  # not due before a minute has passed
    assert [one.error for one in page(world).deliveries if one.error] == ["it answered 500"]
    world.clock.forward(minutes=1)
    assert run(world, by) == Delivered(1, 0)
    again = receiver.came[2]
    # The same event, signed afresh.
    assert (again[2], again[1]["Waymark-Event-Id"]) == (first[2], first[1]["Waymark-Event-Id"])
    told = {json.loads(body)["event"]: json.loads(body) for _, _, body in receiver.came}
    assert told.keys() == {"evidence.reviewed", "submission.triaged"}
    assert told["evidence.reviewed"].keys() == {"id", "event", "at", "plan", "evidence"}
    assert told["submission.triaged"].keys() == {"id", "event", "at", "plan", "submission", "evidence"}
    assert {one["evidence"] for one in told.values()} == {item.id}
    path, headers, body = again
    moment, digest = (part.partition("=")[2] for part in headers["Waymark-Signature"].split(","))
    assert int(moment) == int(world.clock().timestamp())
    assert hmac.new(made.secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest() == digest
    assert (path, headers["Content-Type"]) == ("/hook?of=waymark", "application/json")
    assert run(world, by) == Delivered()
    assert all(one.sent_at for one in page(world).deliveries)
    # No secret stands in the database, and what arrived is not kept for ever.
    world.clock.forward(days=31)
    delete_old_records(world.database, world.clock())
    assert page(world).deliveries == ()


def test_what_fails_for_long_is_paused_kept_and_resumed_by_a_person(world: World, receiver: Receiver) -> None:
    made, by = hook(world, receiver.url), sender(receiver)
    receiver.answering((503, {}, b""))
    logged(world)
    for _ in range(8):
        assert run(world, by) == Delivered(0, 1)
        world.clock.forward(hours=13)
    [one] = page(world).webhooks
    assert (one.paused, one.waiting, run(world, by)) == (Paused.FAILING, 1, Delivered())
    with pytest.raises(Refused):
        world.write("petra", webhooks.ping, slug=world.plan, webhook=made.id)
    receiver.answering((200, {}, b"ok"))
    world.write("petra", webhooks.resume, slug=world.plan, webhook=made.id)
    world.write("petra", webhooks.ping, slug=world.plan, webhook=made.id)
    assert run(world, by) == Delivered(2, 0)
    world.write("petra", webhooks.pause, slug=world.plan, webhook=made.id)
    logged(world)
    assert (run(world, by), page(world).webhooks[0].waiting) == (Delivered(), 1)
    events, _ = world.read("petra", audit_events.list_events, slug=world.plan)
    assert [one.event for one in events if one.item_kind == "webhook"] == [
        "webhook_paused", "webhook_resumed", "webhook_paused", "webhook_registered",
    ]  # fmt: skip
    new = world.write("petra", webhooks.rotate_secret, slug=world.plan, webhook=made.id, secret_key=KEY)
    assert new.secret != made.secret
    world.write("petra", webhooks.remove, slug=world.plan, webhook=made.id)
    logged(world)
    assert (page(world).webhooks, page(world).deliveries) == ((), ())


def test_two_processes_do_not_tell_the_same_thing_twice(world: World, receiver: Receiver) -> None:
    hook(world, receiver.url)
    logged(world)
    meanwhile: list[Delivered] = []

    class Slow(WebhookSender):
        def send(self, url: str, body: bytes, headers: dict[str, str]) -> int:
            meanwhile.append(run(world, sender(receiver)))
            return super().send(url, body, headers)

    slow = Slow(authority=receiver.authority, networks=LOCAL, resolve=lambda *_: ["127.0.0.1"])
    assert (run(world, slow), meanwhile, len(receiver.came)) == (Delivered(1, 0), [Delivered()], 1)


def test_who_may_set_one_up_and_what_is_told_of_what_is_restricted(world: World) -> None:
    made = hook(world, "https://police.example/hook")
    for who, error in (("sam", Forbidden), ("pol", Forbidden), ("ada", Forbidden), ("zoe", NotFound)):
        with pytest.raises(error):
            world.read(who, webhooks.plan_webhooks, slug=world.plan)
        with pytest.raises(error):
            world.write(who, webhooks.pause, slug=world.plan, webhook=made.id)
    assert world.read("max", webhooks.plan_webhooks, slug=world.plan).webhooks[0].id == made.id
    with pytest.raises(NotFound):
        world.write("zoe", webhooks.remove, slug=world.other_plan, webhook=made.id)
    wrong: list[dict[str, Any]] = [{"url": "http://police.example/"}, {"organisation": "nobody"}, {"events": ["ping"]}]
    for given in wrong:
        with pytest.raises(Invalid):
            hook(world, **{"url": "https://police.example/", **given})
    view = world.milestone(supporting_organisations=[POLICE], owner=None)
    item = world.attached(view, by=world.key_actor(Scope.EVIDENCE_WRITE))
    world.write(
        "petra", milestone_facts.edit_milestone, milestone=key(view), changes={"restricted_to": [NHS]}, if_match=None
    )
    world.accepted(view, item)
    assert [one.event for one in page(world).deliveries] == ["submission.triaged"]


def test_a_name_is_looked_up_at_each_sending_and_only_what_was_checked_is_called(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    really = socket.create_connection

    def connect(address: Any, *rest: Any, **more: Any) -> Any:
        called.append(address[0])
        return really(address, *rest, **more)

    monkeypatch.setattr(socket, "create_connection", connect)
    # The first look-up is the only one: what the name says a moment later is nobody's business.
    moving = sender(receiver, "127.0.0.1", "127.0.0.2", networks=("127.0.0.1/32",))
    assert moving.send(receiver.url, b"{}", {}) == 204
    with pytest.raises(NotDelivered, match="not public"):
        moving.send(receiver.url, b"{}", {})
    assert called == ["127.0.0.1"]
    both = WebhookSender(networks=("127.0.0.1/32",), resolve=lambda *_: ["127.0.0.1", "10.0.0.1"])
    for refused in (
        both,
        sender(receiver, "::ffff:10.0.0.1"),
        sender(receiver, "fe80::1%eth0"),
        sender(receiver, networks=()),
    ):
        with pytest.raises(NotDelivered):
            refused.send(receiver.url, b"{}", {})
    assert (called, len(receiver.came)) == (["127.0.0.1"], 1)


def test_redirects_are_not_followed_replies_are_cut_and_certificates_checked(receiver: Receiver) -> None:
    by = sender(receiver)
    receiver.answering((307, {"Location": receiver.url.replace("hook", "elsewhere")}, b""))
    with pytest.raises(NotDelivered, match="redirects are not followed"):
        by.send(receiver.url, b"{}", {})
    assert [path for path, *_ in receiver.came] == ["/hook?of=waymark"]
    receiver.answering((200, {}, b"x" * (64 << 20)))
    assert by.send(receiver.url, b"{}", {}) == 200
    time.sleep(0.05)
    assert receiver.sent < 32 << 20  # what the machine's buffers took, and no more
    stranger = sender(replace(receiver, authority=""))
    for asked, url in ((by, receiver.url.replace(NAME, "another.test")), (stranger, receiver.url)):
        with pytest.raises(NotDelivered, match="certificate is not good"):
            asked.send(url, b"{}", {})


def test_who_answers_too_slowly_is_cut_off(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_sender, "WHOLE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        started = time.monotonic()
        with pytest.raises(NotDelivered, match="in time"):
            sender(receiver).send(f"https://{NAME}:{mute.getsockname()[1]}/", b"{}", {})
        assert time.monotonic() - started < 3
