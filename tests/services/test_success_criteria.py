"""Proof agreed in advance: agreed in a draft or by change request, ticked off by what is sent and by reviewers."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.evidence import RELEVANCE_ANCHORS, ROBUSTNESS_ANCHORS
from app.domain.refusals import Invalid, NotFound, Refused
from app.domain.success_criteria import AgreedProof, Sent, is_what_was_agreed, may_be_what_was_agreed, proof_words
from app.domain.words import ChangeKind, EvidenceKind, ReviewOutcome, Role, Scope
from app.services import change_requests, evidence, milestones
from tests.factories import COUNCIL, POLICE, World, key, members
from tests.house import House

EXTRACTS = AgreedProof(number=2, kind=EvidenceKind.DATA_EXTRACT, organisation=POLICE)
MINUTES = AgreedProof(kind=EvidenceKind.MINUTES)


def test_an_item_is_what_was_agreed_by_its_kind_its_organisation_and_its_period(world: World) -> None:
    today = world.clock.today
    quarter = AgreedProof(organisation=POLICE, period_from=today, period_to=today + timedelta(days=90))
    month = Sent(
        kind=EvidenceKind.MINUTES, organisation=POLICE, period_from=today, period_to=today + timedelta(days=30)
    )
    undated = Sent(kind=EvidenceKind.MINUTES, organisation=POLICE)

    assert is_what_was_agreed(quarter, month)
    assert is_what_was_agreed(MINUTES, undated)
    assert not is_what_was_agreed(EXTRACTS, undated)
    assert not is_what_was_agreed(AgreedProof(organisation=COUNCIL), undated)
    assert (is_what_was_agreed(quarter, undated), may_be_what_was_agreed(quarter, undated)) == (False, True)
    late = Sent(kind=EvidenceKind.MINUTES, organisation=POLICE, period_from=today, period_to=today + timedelta(days=91))
    assert not may_be_what_was_agreed(quarter, late)
    assert proof_words(EXTRACTS, "Metropolitan Police") == "2 data extracts from Metropolitan Police"
    assert proof_words(AgreedProof()) == "1 item of evidence"


def test_what_is_sent_is_ticked_off_and_counts_as_long_as_it_does(world: World) -> None:
    view = world.milestone(criteria=[EXTRACTS, MINUTES], supporting_organisations=[POLICE])
    police = world.key_actor(Scope.EVIDENCE_WRITE)

    def standing() -> list[tuple[int, int, bool]]:
        return [(one.counting, len(one.ticked), one.is_met) for one in world.seen(view).criteria]

    assert standing() == [(0, 0, False), (0, 0, False)]
    first = world.attached(view, by=police, kind=EvidenceKind.DATA_EXTRACT)
    kept = world.milestone(criteria=[MINUTES])
    world.attached(kept, kind=EvidenceKind.MINUTES, restricted_to=[COUNCIL])
    assert world.seen(kept).criteria[0].is_met
    assert world.seen(kept, by="nat").criteria[0].ticked == (), "what is kept from somebody does not exist for them"
    world.attached(view, kind=EvidenceKind.DATA_EXTRACT)
    assert standing() == [(1, 1, False), (0, 0, False)], "what the council sends is not from the police"
    world.attached(view, by=police, kind=EvidenceKind.DATA_EXTRACT, effective_to=world.clock.today)
    world.attached(view, kind=EvidenceKind.MINUTES)
    assert standing() == [(2, 2, True), (1, 1, True)]
    world.accepted(view, first, outcome="rejected")
    assert standing()[0] == (1, 2, False)
    world.clock.forward(days=1)
    assert standing()[0] == (0, 2, False), "what was valid until yesterday counts no more"


def test_after_approval_proof_is_agreed_by_change_request_and_what_has_come_is_ticked_off_then(world: World) -> None:
    view = world.milestone(criteria=[EXTRACTS])
    world.attached(view, kind=EvidenceKind.MINUTES)
    text = view.success_criterion
    with pytest.raises(Invalid) as elsewhere:
        world.write("petra", milestones.edit_milestone, milestone=key(view), changes={"criteria": [MINUTES]},
                    if_match=None)  # fmt: skip
    assert "change-requests" in elsewhere.value.errors[0].message
    given = {"milestone": key(view), "kind": ChangeKind.CRITERIA, "reason": "The police send none"}
    with pytest.raises(Refused) as same:
        world.write("petra", change_requests.request_change, **given, success_criterion=text, criteria=[EXTRACTS])
    assert same.value.codes == ("same_criterion",)

    asked = world.write("petra", change_requests.request_change, **given, success_criterion=text, criteria=[MINUTES])
    assert asked.criteria == ("1 set of minutes",)
    assert [one.words for one in world.seen(view).criteria] == ["2 data extracts from Metropolitan Police"]
    world.write("sam", change_requests.decide_change, change_request=asked.id, outcome="approved", reason="So be it")

    [one] = world.seen(view).criteria
    assert (one.words, one.is_met, one.counting) == ("1 set of minutes", True, 1)
    [changed] = [line for line in world.seen(view).audit if line.event == "criteria_changed"]
    assert changed.facts["criteria"] == ["2 data extracts from Metropolitan Police", "1 set of minutes"]


def test_a_reviewer_says_what_an_item_meets_where_the_item_does_not_say_its_period(world: World) -> None:
    today = world.clock.today
    march = AgreedProof(kind=EvidenceKind.MINUTES, period_from=today, period_to=today + timedelta(days=28))
    view = world.milestone(criteria=[march, EXTRACTS])
    item = world.attached(view, kind=EvidenceKind.MINUTES)
    agreed, extracts = world.seen(view).criteria
    assert agreed.ticked == ()
    given = {"evidence": item.id, "milestone": view.row.id, "outcome": ReviewOutcome.ACCEPTED, "relevance": 2,
             "robustness": 2, "reason": "It is of March"}  # fmt: skip
    for wrong in (extracts.id, "nothing"):
        with pytest.raises(Invalid):
            world.write("sam", evidence.review_evidence, **given, meets=[wrong])
    world.write("sam", evidence.review_evidence, **given, meets=[agreed.id])

    agreed, _ = world.seen(view).criteria
    assert (agreed.is_met, [one.ref for one in agreed.ticked]) == (True, [item.ref])


@pytest.mark.parametrize(
    ("proof", "field"),
    [
        (AgreedProof(number=0), "/criteria/0/number"),
        (AgreedProof(organisation="nobody"), "/criteria/0/organisation"),
    ],
)
def test_proof_that_nobody_could_send_is_not_agreed(sqlite_world: World, proof: AgreedProof, field: str) -> None:
    with pytest.raises(Invalid) as wrong:
        sqlite_world.milestone(criteria=[proof])
    assert [error.pointer for error in wrong.value.errors] == [field]


def test_what_a_key_sent_is_not_reviewed_by_its_own_organisation(world: World) -> None:
    members(world, {"pol": (Role.PROGRAMME_MANAGER,)}, world.plan_id)
    view = world.milestone(supporting_organisations=[POLICE])
    item = world.attached(view, by=world.key_actor(Scope.EVIDENCE_WRITE))
    pol = world.actor("pol")

    with pytest.raises(Refused) as refused:
        world.accepted(view, item, by="pol")
    assert refused.value.codes == ("own_organisation",)
    assert not world.read(pol, evidence.get_evidence, evidence=item.id).may_review
    with pytest.raises(NotFound):
        world.accepted(view, item, by="zoe")
    world.accepted(view, item, by="petra")


def test_both_doors_agree_proof_and_show_what_has_come(sqlite_world: World, tmp_path: Path) -> None:
    world, house = sqlite_world, House(sqlite_world, tmp_path)
    api, page = house.api("petra"), house.browser("petra")
    body = {"action": world.action, "title": "Rota", "criteria": [{"number": 1, "kind": "minutes"}]}
    made = api.post(f"/api/v1/plans/{world.plan}/milestones", json=body).json()
    view = world.read("petra", milestones.get_milestone, milestone=milestones.MilestoneKey(id=made["id"]))
    world.attached(view, by="petra", kind=EvidenceKind.MINUTES)

    [agreed] = api.get(f"/api/v1/milestones/{made['id']}").json()["criteria"]
    assert (agreed["words"], agreed["met"], agreed["evidence"][0]["counts"]) == ("1 set of minutes", True, True)
    shown = page.get(f"/plans/{world.plan}/milestones/{made['ref']}")
    assert "Proof agreed in advance: 1 of 1 in place" in shown.text
    form = page.get(f"/plans/{world.plan}/milestones/{made['ref']}/change-requests/new?kind=criteria").text
    assert 'name="criteria.0.number"' in form
    assert 'name="criteria.2.number"' in form
    sent = {"kind": "criteria", "success_criterion": "A rota", "reason": "More is needed", "criteria.0.number": "2",
            "criteria.0.kind": "minutes", "criteria.1.number": "", "criteria.2.number": ""}  # fmt: skip
    answer = page.post(f"/plans/{world.plan}/milestones/{made['ref']}/change-requests", data=sent)
    assert answer.status_code == 303
    [asked] = api.get(f"/api/v1/milestones/{made['id']}/change-requests").json()["items"]
    assert asked["criteria"] == ["2 sets of minutes"]
    wrong = api.post(f"/api/v1/plans/{world.plan}/milestones", json={**body, "criteria": [{"number": 0}]})
    assert wrong.status_code == 422


def test_what_each_score_means_stands_in_the_guide_and_in_the_documentation_of_the_api() -> None:
    pages = [Path("docs/guides/programme-manager.md"), Path("docs/api.md"), Path("docs/openapi.json")]
    for page in pages:
        said = page.read_text("utf-8")
        for anchors in (RELEVANCE_ANCHORS, ROBUSTNESS_ANCHORS):
            assert all(words in said for words in anchors.values()), page
