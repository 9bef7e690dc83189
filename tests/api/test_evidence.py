"""Evidence through the JSON door: files, links, statements, their content, review, withdrawal and links."""

import base64
import hashlib
from collections.abc import Iterator

from app.domain.words import Scope
from tests.api.conftest import Api, codes, made, on_sqlite, pointers, problem, shown
from tests.storage.samples import png

EVIDENCE_FIELDS = {
    "id", "title", "kind", "description", "file_name", "content_type", "size", "sha256", "received_at",
    "effective_from", "effective_to", "provided_by", "organisation", "marking", "state", "links", "submission",
    "personal_data", "version", "period_from", "period_to", "door", "restricted", "version_number", "supersedes",
    "versions", "retention",
}  # fmt: skip
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
REVIEW = {"outcome": "accepted", "relevance": 3, "robustness": 2, "reason": "It shows what was agreed"}


def test_a_partner_attaches_a_file_and_gets_a_receipt(api: Api) -> None:
    view = api.world.milestone(supporting_organisations=["metropolitan-police"])
    api.key("police", Scope.EVIDENCE_WRITE)
    response = api.attach(
        view, "police", files={"file": ("Minutes.pdf", PDF, "application/x-made-up")},
        data={"title": "Minutes, March", "kind": "minutes", "effective_from": "2026-03-01", "external_ref": "MPS/7"},
    )  # fmt: skip
    body = made(response)
    assert body.keys() == EVIDENCE_FIELDS | {"external_ref", "search"}
    assert response.headers["location"] == f"/api/v1/evidence/{body['id']}"
    assert body["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert (body["content_type"], body["size"], body["kind"]) == ("application/pdf", len(PDF), "minutes")
    notice = body["submission"].pop("notice")
    assert "not a way to refer a child" in notice
    assert "020 8489 0000" in notice
    assert body["submission"].keys() == {"id", "triage_due_at", "state"}
    assert body["submission"]["triage_due_at"] == "2026-03-04T09:00:00Z"
    assert body["organisation"] == {"slug": "metropolitan-police", "name": "Metropolitan Police"}
    [link] = body["links"]
    assert link.keys() == {
        "milestone", "outcome", "relevance", "robustness", "reviewed_by", "reviewed_at", "counts"
    }  # fmt: skip
    assert (link["milestone"], link["counts"]) == (view.row.id, True)
    assert shown(api.get(f"/evidence/{body['id']}", "police")) == body


def test_the_file_comes_back_as_it_was_sent_and_as_an_attachment(api: Api) -> None:
    view = api.world.milestone()
    item = made(api.attach(view, files={"file": ("Übersicht – März.pdf", PDF, "application/pdf")}))
    response = api.get(f"/evidence/{item['id']}/content", "ada")
    assert (response.status_code, response.content) == (200, PDF)
    digest = base64.b64encode(hashlib.sha256(PDF).digest()).decode()
    assert response.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert response.headers["content-disposition"].startswith("attachment;")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-length"] == str(len(PDF))
    problem(api.get(f"/evidence/{item['id']}/content", "nat"), 403)
    problem(api.get(f"/evidence/{item['id']}/content", "zoe"), 404)


def test_a_link_or_a_statement_counts_only_once_accepted(api: Api) -> None:
    view = api.world.milestone()
    path = f"/milestones/{view.row.id}/evidence"
    link = made(api.post(path, "connie", json={"title": "The rota online", "link": "https://haringey.example/rota"}))
    assert (link["link"], link["links"][0]["counts"], link["file_name"]) == (
        "https://haringey.example/rota",
        False,
        None,
    )
    said = made(api.post(path, "connie", json={"title": "It is so", "statement": "I have seen it"}))
    assert said["statement"] == "I have seen it"
    accepted = made(api.post(f"/evidence/{link['id']}/review", "sam", json=REVIEW))
    [review] = accepted["links"]
    assert (review["outcome"], review["counts"], review["reviewed_by"]) == ("accepted", True, "Director of Services")
    problem(api.get(f"/evidence/{link['id']}/content"), 404)


def test_an_item_supports_another_milestone_too_by_either_address(api: Api) -> None:
    first, second, third = (api.world.milestone(title=f"Number {number}") for number in range(3))
    item = made(api.attach(first))
    both = made(api.post(f"/milestones/{second.row.id}/evidence", "connie", json={"evidence": item["id"]}))
    assert {link["milestone"] for link in both["links"]} == {first.row.id, second.row.id}
    all_three = made(api.post(f"/evidence/{item['id']}/links", "connie", json={"milestone": third.row.id}))
    assert len(all_three["links"]) == 3
    again = api.post(f"/evidence/{item['id']}/links", "connie", json={"milestone": third.row.id})
    assert codes(again) == ["already_linked"]
    mixed = api.post(f"/milestones/{second.row.id}/evidence", "connie", json={"evidence": item["id"], "title": "Mine"})
    assert pointers(mixed) == ["/evidence"]
    ambiguous = api.post(f"/evidence/{item['id']}/review", "sam", json=REVIEW)
    assert ambiguous.status_code == 422
    made(api.post(f"/evidence/{item['id']}/review", "sam", json={**REVIEW, "milestone": second.row.id}))


@on_sqlite
def test_nobody_reviews_what_they_provided(api: Api) -> None:
    view = api.world.milestone()
    item = made(api.attach(view, "sam"))
    assert codes(api.post(f"/evidence/{item['id']}/review", "sam", json=REVIEW)) == ["own_evidence"]
    problem(api.post(f"/evidence/{item['id']}/review", "connie", json=REVIEW), 403)
    assert pointers(api.post(f"/evidence/{item['id']}/review", json={**REVIEW, "relevance": 4})) == ["/relevance"]


def test_withdrawing_what_an_achievement_stands_on_lowers_it_at_once(api: Api) -> None:
    view = api.world.completed()
    item = made(api.attach(view))
    made(api.post(f"/milestones/{view.row.id}/achievement"))
    withdrawn = made(api.post(f"/evidence/{item['id']}/withdrawal", "connie", json={"reason": "Wrong month"}))
    assert withdrawn["state"] == "withdrawn"
    body = shown(api.get(f"/milestones/{view.row.id}"))
    assert (body["status"], body["achieved_date"]) == ("completed", None)
    assert "evidence_lapsed" in [reason["code"] for reason in body["reasons"]]
    refs = [one["ref"] for one in shown(api.get("/plans/safeguarding-plan/exceptions"))["items"]]
    assert body["ref"] in refs
    again = api.post(f"/evidence/{item['id']}/withdrawal", "connie", json={"reason": "Again"})
    assert codes(again) == ["already_withdrawn"]


def test_the_log_is_newest_first_and_its_cursor_survives_inserts(api: Api) -> None:
    view = api.world.milestone()
    sent = [made(api.attach(view, data={"title": f"Rota {number}"}))["id"] for number in range(3)]
    path = f"/milestones/{view.row.id}/evidence"
    first = shown(api.get(path, params={"limit": 2}))
    made(api.attach(view, data={"title": "In between"}))
    rest = shown(api.get(path, params={"limit": 2, "cursor": first["next_cursor"]}))
    assert [one["id"] for one in [*first["items"], *rest["items"]]] == sent[::-1]


@on_sqlite
def test_what_is_wrong_with_a_file_is_said_and_nothing_stays(api: Api) -> None:
    view = api.world.milestone()
    lying = problem(api.attach(view, files={"file": ("rota.pdf", b"MZ\x90\x00 not a pdf", "application/pdf")}), 415)
    assert {"pdf", "docx", "csv"} <= set(lying["accepted"])
    problem(api.attach(view, files={"file": ("run.exe", b"MZ", "application/octet-stream")}), 415)
    assert pointers(api.attach(view, files={"file": ("rota.txt", b"", "text/plain")})) == ["/file"]
    assert pointers(api.attach(view, data={"effective_from": "2026-03-03"})) == ["/effective_from"]
    assert pointers(api.attach(view, data={"effective_from": "2026-02-30"})) == ["/effective_from"]
    assert pointers(api.attach(view, data={"marking": "secret", "surprise": "x"})) == ["/marking", "/surprise"]
    assert pointers(api.attach(view, data={"title": "x" * 201})) == ["/title"]
    path = f"/milestones/{view.row.id}/evidence"
    no_file = api.post(path, "connie", data={"title": "Rota"}, files={"other": (None, "x")})
    assert pointers(no_file) == ["/file"]
    problem(api.post(path, "connie", content=b"hello", headers={"Content-Type": "text/plain"}), 415)
    problem(api.post(path, "connie", content=b"{", headers={"Content-Type": "application/json"}), 400)
    assert pointers(api.post(path, "connie", json={"title": "Nothing at all"})) == ["/file"]
    assert pointers(api.post(path, "connie", json={"title": "Address", "link": "javascript:alert(1)"})) == ["/link"]
    assert api.stored == []
    assert shown(api.get(path))["items"] == []


@on_sqlite
def test_who_may_not_attach_is_told_before_the_body_is_read(api: Api) -> None:
    view = api.world.milestone()
    unread = _Unread()
    for who, status in (("zoe", 404), ("ada", 403), (None, 401)):
        response = api.post(
            f"/milestones/{view.row.id}/evidence", who, content=unread,
            headers={"Content-Type": "multipart/form-data; boundary=x"},
        )  # fmt: skip
        problem(response, status)


class _Unread:
    """A body that says so when it is read to its end."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"--x\r\nContent-Disposition: form-data; name=broken"
        yield b"\r\n" * 10


def test_bodies_have_their_limits(sqlite_api: Api) -> None:
    api = sqlite_api
    view = api.world.milestone()
    path = f"/milestones/{view.row.id}"
    huge = b'{"narrative": "' + b"x" * 1_000_001 + b'"}'
    problem(api.post(f"{path}/updates", content=huge, headers={"Content-Type": "application/json"}), 413)
    problem(api.post(f"{path}/evidence", content=huge, headers={"Content-Type": "application/json"}), 413)
    large = b"a,b\n" * 12_600_000
    problem(api.attach(view, files={"file": ("large.csv", large, "text/csv")}), 413)
    assert api.stored == []
    just = b"a,b\n" * 12_500_000
    assert made(api.attach(view, files={"file": ("just.csv", just, "text/csv")}))["size"] == 50_000_000


def test_a_key_that_only_sends_sees_what_its_organisation_sent(api: Api) -> None:
    view = api.world.milestone(supporting_organisations=["metropolitan-police"])
    api.key("police", Scope.EVIDENCE_WRITE)
    councils = made(api.attach(view))
    own = made(api.attach(view, "police"))
    listed = shown(api.get(f"/milestones/{view.row.id}/evidence", "police"))["items"]
    assert [one["id"] for one in listed] == [own["id"]]
    problem(api.get(f"/evidence/{councils['id']}", "police"), 404)


def test_a_file_with_personal_data_is_taken_once_that_is_declared(api: Api) -> None:
    view = api.world.milestone(supporting_organisations=["metropolitan-police"])
    api.key("police", Scope.EVIDENCE_WRITE)
    file = {"file": ("cases.csv", b"a,943 476 5919\nb,AB 12 34 56 C\n", "text/csv")}
    asked = api.attach(view, "police", files=file, data={"title": "Cases"})
    assert problem(asked, 409)["reasons"] == [
        {"code": "personal_data_found", "message": "It holds what looks like an NHS number",
         "kind": "nhs_number", "count": 1, "page": None},
        {"code": "personal_data_found", "message": "It holds what looks like a National Insurance number",
         "kind": "national_insurance_number", "count": 1, "page": None},
    ]  # fmt: skip
    assert api.stored == []
    assert codes(api.attach(view, "police", files=file, data={"title": "Cases", "personal_data": "none"}))
    both = api.attach(view, "police", files=file, data={"title": "Cases", "personal_data": ["none", "staff"]})
    assert pointers(both) == ["/personal_data"]
    declared = {"title": "Cases", "personal_data": ["service_user", "criminal_offence"]}
    body = made(api.attach(view, "police", files=file, data=declared))
    assert body["personal_data"] == declared["personal_data"]
    assert body["search"] == {
        "state": "searched", "detail": "Its text was searched for personal data",
        "findings": [{"kind": "nhs_number", "count": 1, "page": None},
                     {"kind": "national_insurance_number", "count": 1, "page": None}],
    }  # fmt: skip
    assert "search" not in shown(api.get(f"/evidence/{body['id']}", "nat"))  # who may not open it
    checked = {"title": "Cases", "personal_data": "none", "findings_checked": "true"}
    file = {"file": ("cases.csv", b"a,943 476 5919\n", "text/csv")}
    assert made(api.attach(view, "police", files=file, data=checked))["personal_data"] == ["none"]
    file = {"file": ("cases.csv", b"c,943 476 5919\n", "text/csv")}
    done = {"completed_date": "2026-03-01", "narrative": "Done"}
    path = f"/milestones/{view.row.id}/completion"
    assert "personal_data_found" in codes(api.post(path, "petra", data=done, files=file))
    assert api.post(path, "petra", data={**done, "personal_data": "staff"}, files=file).status_code == 201
    picture = made(api.attach(view, "police", files={"file": ("a.png", png(), "image/png")}, data={"title": "Scan"}))
    assert picture["search"]["state"] == "not_searched"


def test_a_newer_version_is_sent_and_the_older_one_counts_until_it_is_accepted(sqlite_api: Api) -> None:
    api = sqlite_api
    view = api.world.completed(supporting_organisations=["metropolitan-police"])
    api.key("police", Scope.EVIDENCE_WRITE)
    told = {
        "title": "Minutes", "period_from": "2026-01-01", "period_to": "2026-01-31", "marking": "official-sensitive",
        "personal_data": ["staff", "criminal_offence"],
    }  # fmt: skip
    first = made(api.attach(view, "police", data=told))
    assert (first["period_from"], first["period_to"], first["door"]) == ("2026-01-01", "2026-01-31", "api")
    assert first["personal_data"] == ["staff", "criminal_offence"]
    path, file = f"/evidence/{first['id']}/versions", {"file": ("minutes.pdf", PDF, "application/pdf")}
    sent = {"files": file, "data": {"title": "Minutes, corrected"}, "headers": {"Idempotency-Key": "again-1"}}

    answer = api.post(path, "police", **sent)
    second = made(answer)

    assert answer.headers["location"] == f"/api/v1/evidence/{second['id']}"
    assert (second["version_number"], second["supersedes"], second["marking"]) == (2, first["id"], "official-sensitive")
    assert second["submission"]["id"] != first["submission"]["id"]
    assert "not a way to refer a child" in second["submission"]["notice"]
    assert made(api.post(path, "police", **sent)) == second  # sent again for want of an answer
    shown_first = shown(api.get(f"/evidence/{first['id']}", "police"))
    assert [one["id"] for one in shown_first["versions"]] == [first["id"], second["id"]]
    assert shown_first["links"][0]["counts"]

    again = {"files": file, "data": {"title": "Minutes"}}
    assert codes(api.post(path, "police", **again)) == ["newer_version_exists"]
    same = problem(api.post(f"/evidence/{second['id']}/versions", "police", **again), 409)
    [reason] = same["reasons"]
    assert (reason["code"], reason["evidence"]) == ("evidence_already_attached", second["id"])
    newest = f"/evidence/{second['id']}/versions"
    assert pointers(api.post(newest, "police", files=file, data={"title": "M", "restricted_to": "x"})) == [
        "/restricted_to"
    ]
    problem(api.post(newest, "police", json={"title": "M"}), 415)
    made(api.post(f"/evidence/{second['id']}/review", "sam", json=REVIEW))
    assert shown(api.get(f"/evidence/{first['id']}", "police"))["state"] == "superseded"


@on_sqlite
def test_a_redaction_and_a_disposal_are_proposed_and_decided_through_the_api(api: Api) -> None:
    view = api.world.milestone()
    item = made(api.attach(view, data={"title": "Register", "description": "Jo Bloggs was there"}))
    events = shown(api.get("/plans/safeguarding-plan/audit-events"))["items"]
    text = next(one["text_ids"]["description"] for one in events if "Jo Bloggs was there" in one["texts"].values())
    path = "/plans/safeguarding-plan/record-proposals"
    asked = made(api.post(path, json={"kind": "redaction", "text": text, "reason": "It names somebody"}))
    assert (asked["state"], asked["wording"]) == ("proposed", "Jo Bloggs was there")
    decision = {"outcome": "approved", "reason": "Agreed"}
    problem(api.post(f"/record-proposals/{asked['id']}/decision", json=decision), 403)
    assert made(api.post(f"/record-proposals/{asked['id']}/decision", "sam", json=decision))["wording"] == "[redacted]"
    assert shown(api.get(f"/evidence/{item['id']}"))["description"] == "[redacted]"
    kept = made(api.post(f"/evidence/{item['id']}/retention", json={"retention": "working"}))["retention"]
    assert (kept["retention"], kept["legal_hold"], kept["disposed_at"]) == ("working", False, None)
    asked = {"kind": "disposal", "evidence": item["id"], "reason": "Its time is over"}
    assert codes(api.post(path, json=asked)) == ["not_due"]
    api.world.clock.forward(days=4 * 366)
    api.secrets.clear()
    disposal = made(api.post(path, json=asked))
    made(api.post(f"/record-proposals/{disposal['id']}/decision", "sam", json=decision))
    problem(api.get(f"/evidence/{item['id']}/content"), 410)
    assert [one["state"] for one in shown(api.get(path))["items"]] == ["approved", "approved"]
