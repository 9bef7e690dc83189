"""A POST with an Idempotency-Key is carried out once, however often it is sent."""

from typing import Any

import pytest

from app import db
from app.api.deps import body_fingerprint
from app.db import IdempotencySlot, UnitOfWork
from app.domain.refusals import Refused
from app.domain.words import Scope
from app.services import updates
from app.services.updates import add_update
from tests.api.conftest import PREFIX, Api, codes, made, pointers, problem, shown

KEY = {"Idempotency-Key": "0b5e9b3c-first"}


def test_the_same_request_again_gets_the_same_answer_and_does_nothing(api: Api) -> None:
    view = api.world.milestone()
    path = f"/milestones/{view.row.id}/updates"
    first = api.post(path, "connie", json={"narrative": "Once", "issue": None}, headers=KEY)
    spelt_otherwise = '{"issue":null,  "narrative":"Once"}'
    again = api.post(path, "connie", content=spelt_otherwise, headers={**KEY, "Content-Type": "application/json"})
    assert made(first) == made(again)
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert again.headers["content-type"] == "application/json"
    assert len(shown(api.get(path))["items"]) == 1


def test_a_replay_carries_location_and_version(sqlite_api: Api) -> None:
    api = sqlite_api
    facts = {"action": api.world.action, "title": "Once only"}
    first, again = (api.post("/plans/safeguarding-plan/milestones", json=facts, headers=KEY) for _ in range(2))
    assert made(first)["id"] == made(again)["id"]
    for name in ("location", "etag"):
        assert first.headers[name] == again.headers[name]


def test_another_request_with_the_key_is_invalid(sqlite_api: Api) -> None:
    api = sqlite_api
    view = api.world.milestone()
    path = f"/milestones/{view.row.id}/updates"
    made(api.post(path, "connie", json={"narrative": "Once"}, headers=KEY))
    assert pointers(api.post(path, "connie", json={"narrative": "Twice"}, headers=KEY)) == ["/Idempotency-Key"]


def test_keys_are_per_caller_and_address(sqlite_api: Api) -> None:
    api = sqlite_api
    view, other = api.world.milestone(), api.world.milestone()
    for who, milestone in (("connie", view), ("petra", view), ("connie", other)):
        response = api.post(f"/milestones/{milestone.row.id}/updates", who, json={"narrative": "Once"}, headers=KEY)
        made(response)
        assert "idempotency-replayed" not in response.headers


def test_a_refusal_is_not_kept_and_judged_afresh(sqlite_api: Api) -> None:
    api = sqlite_api
    view = api.world.completed()
    path = f"/milestones/{view.row.id}/achievement"
    assert codes(api.post(path, headers=KEY)) == ["evidence_required"]
    made(api.attach(view))
    achieved = api.post(path, headers=KEY)
    assert made(achieved)["status"] == "achieved"
    again = api.post(path, headers=KEY)
    assert made(again) == made(achieved)
    assert again.headers["idempotency-replayed"] == "true"


def test_a_second_request_while_the_first_runs_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    view = api.world.milestone()
    path = f"/milestones/{view.row.id}/updates"
    second: list[tuple[str, ...]] = []

    def add_update_slowly(uow: UnitOfWork, **given: Any) -> Any:
        """While this one runs, a client that lost patience sends its request again, to another worker."""
        if not second:
            second.append(_claim(api, uow, path))
        return add_update(uow, **given)

    monkeypatch.setattr(updates, "add_update", add_update_slowly)
    made(api.post(path, "connie", json={"narrative": "Once"}, headers=KEY))
    assert second == [("in_progress",)]
    assert len(shown(api.get(path))["items"]) == 1


def _claim(api: Api, uow: UnitOfWork, path: str) -> tuple[str, ...]:
    slot = IdempotencySlot(
        caller=f"person:{uow.actor.id}", path=f"POST {PREFIX}{path}", key=KEY["Idempotency-Key"],
        fingerprint=body_fingerprint(b'{"narrative":"Once"}'),
    )  # fmt: skip
    with pytest.raises(Refused) as refused:
        api.world.database.read(lambda other: db._reserve(other, slot), actor=uow.actor, now=uow.now)
    return refused.value.codes


def test_an_upload_sent_again_with_another_boundary_is_the_same_request(api: Api) -> None:
    view = api.world.milestone(supporting_organisations=["metropolitan-police"])
    api.key("police", Scope.EVIDENCE_WRITE)
    first = api.attach(view, "police", headers={**KEY, "Content-Type": "multipart/form-data; boundary=one"})
    stored = api.stored
    again = api.attach(view, "police", headers={**KEY, "Content-Type": "multipart/form-data; boundary=two"})
    assert made(first) == made(again)
    assert again.headers["idempotency-replayed"] == "true"
    assert api.stored == stored
    other = {"file": ("rota.txt", b"Tuesday: somebody else\n", "text/plain")}
    assert pointers(api.attach(view, "police", files=other, headers=KEY)) == ["/Idempotency-Key"]
    assert api.stored == stored
    assert len(shown(api.get(f"/milestones/{view.row.id}/evidence"))["items"]) == 1


def test_a_completion_sent_again_is_answered_although_it_is_completed_by_now(sqlite_api: Api) -> None:
    api = sqlite_api
    view = api.world.milestone()
    sent = {
        "files": {"file": ("rota.txt", b"Monday\n", "text/plain")},
        "data": {"completed_date": str(api.world.clock.today), "narrative": "Done"},
    }
    first, again = (api.post(f"/milestones/{view.row.id}/completion", "connie", headers=KEY, **sent) for _ in range(2))
    assert made(first) == made(again)
    assert again.headers["idempotency-replayed"] == "true"


def test_answers_are_kept_for_a_day(sqlite_api: Api) -> None:
    api = sqlite_api
    view = api.world.milestone()
    path = f"/milestones/{view.row.id}/updates"
    made(api.post(path, "connie", json={"narrative": "Once"}, headers=KEY))
    api.world.clock.forward(hours=24)
    response = api.post(path, "connie", json={"narrative": "Once"}, headers=KEY)
    made(response)
    assert "idempotency-replayed" not in response.headers


def test_a_key_has_a_length(sqlite_api: Api) -> None:
    view = sqlite_api.world.milestone()
    for key in ("", "x" * 256):
        response = sqlite_api.post(
            f"/milestones/{view.row.id}/updates", "connie", json={"narrative": "Once"}, headers={"Idempotency-Key": key}
        )
        assert pointers(response) == ["/Idempotency-Key"]


def test_a_patch_takes_no_idempotency_key(sqlite_api: Api) -> None:
    view = sqlite_api.world.milestone()
    headers = {**KEY, "If-Match": f'"{view.row.version}"'}
    shown(sqlite_api.patch(f"/milestones/{view.row.id}", json={"title": "Mine"}, headers=headers))
    problem(sqlite_api.patch(f"/milestones/{view.row.id}", json={"title": "Mine"}, headers=headers), 412)
