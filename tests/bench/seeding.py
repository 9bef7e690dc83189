"""Plans as large as a benchmark needs: consistent with every rule, the same every time, and the gate has judged them.

Milestones go in with the moments that `settling.work_out` gives them, none as achieved; evidence, its links and its
reviews follow; then, with the triggers back in place, those that have been achieved are marked so.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

from app.domain.days import start_of_day
from app.domain.evidence import LinkedEvidence
from app.domain.rag import PlanSettings
from app.domain.secrets import SecretKind, secret_hash
from app.domain.words import (
    ChangeKind,
    ChangeState,
    DelayCause,
    Door,
    EvidenceForm,
    EvidenceKind,
    EvidencePolicy,
    LeftBecause,
    Marking,
    PlanState,
    Rag,
    ReviewOutcome,
    Role,
    ScanState,
    Status,
    SubmissionKind,
    SubmissionState,
)
from app.migrations import upgrade
from app.models import (
    Action,
    ChangeRequest,
    Evidence,
    EvidenceLink,
    Membership,
    Milestone,
    MilestoneRestriction,
    MilestoneSupporter,
    Organisation,
    Person,
    PersonalToken,
    Plan,
    PlanCounter,
    ProgressUpdate,
    ReviewMeeting,
    Submission,
    Text,
    Theme,
    UserSession,
)
from app.services.cases import Case
from app.services.settling import work_out
from tests.bench.loading import Loader, analyse, loading

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday; the benchmark's clock stands still
TODAY = NOW.date()
APPROVED = date(2024, 9, 2)

THOUSAND, LARGE, POOL = "plan-of-a-thousand", "large-plan", "waiting-for-confirmation"
SHARED = (THOUSAND, LARGE, POOL)

MANAGER_SESSION = f"{SecretKind.SESSION.value}{'m' * 43}"
CHIEF_SESSION = f"{SecretKind.SESSION.value}{'c' * 43}"
OWNER_SESSION = f"{SecretKind.SESSION.value}{'o' * 43}"
MANAGER_TOKEN = f"{SecretKind.TOKEN.value}{'m' * 43}"

THEMES, ACTIONS, OWNERS, ORGANISATIONS = 8, 24, 12, 20


@dataclass(frozen=True)
class Size:
    """How many milestones each plan has. The first three are there in every size, so that pages can be compared."""

    name: str
    plans: tuple[tuple[str, int], ...]

    @property
    def milestones(self) -> int:
        return sum(number for _, number in self.plans)


def size_of(milestones: int, *, plans: int = 300) -> Size:
    """A plan of 1,000, one with a tenth of all, a pool for the writing cases, and the rest spread over other plans."""
    large, pool = milestones // 10, milestones // 15
    rest = milestones - 1_000 - large - pool
    if rest <= 0:
        return Size(f"{milestones}", ((THOUSAND, milestones), (LARGE, 20), (POOL, 20)))
    others = max(1, min(plans, rest // 100))
    each, over = divmod(rest, others)
    spread = tuple((f"plan-{number:03}", each + (number <= over)) for number in range(1, others + 1))
    return Size(f"{milestones}", ((THOUSAND, 1_000), (LARGE, large), (POOL, pool), *spread))


def seed(url: str, size: Size, *, say: Callable[[str], None] = lambda _: None) -> None:
    """Fill an empty database: about 3.4 evidence items a milestone."""
    upgrade(url)
    with loading(url) as load:
        load.without_guards()
        _people(load, size)
        for number, (slug, milestones) in enumerate(size.plans):
            _PlanSeed(load, number, slug, milestones).write()
            if number % 25 == 0:
                say(f"{number + 1} of {len(size.plans)} plans")
        load.with_guards()
    analyse(url)
    say("marking as achieved")
    with loading(url) as load:
        # Written as completed, with the day on which it passed the gate: now the gate has the last word.
        load.execute("UPDATE milestones SET status = 'achieved' WHERE status = 'completed' AND achieved_on IS NOT NULL")
    analyse(url)


def _id(kind: str, plan: int, number: int) -> str:
    return f"{kind}{plan:06}{number:013}"


THOUSAND_ID, LARGE_ID, POOL_ID = (_id("p", number, 0) for number in range(3))


def pool_milestone(number: int) -> str:
    """A milestone of the pool: completed, its evidence in place."""
    return _id("m", SHARED.index(POOL), number)


def pool_evidence(number: int) -> tuple[str, str, str]:
    """Its three evidence items: accepted, not reviewed yet, rejected."""
    first, second, third = (_id("e", SHARED.index(POOL), 3 * number + place) for place in (1, 2, 3))
    return first, second, third


def organisation_id(number: int) -> str:
    return _id("a", 0, number)


MANAGER, CHIEF, REVIEWER = (_id("h", 0, number) for number in range(3))
OWNER = _id("h", 1, 0)  # owns milestones of the first plan among others; not everything is for their eyes


def _people(load: Loader, size: Size) -> None:
    names = ["Haringey Council", *(f"Agency {number}" for number in range(1, ORGANISATIONS))]
    load.add(
        Organisation,
        (
            {"id": organisation_id(n), "slug": name.lower().replace(" ", "-"), "name": name,
             "kind": "council" if n == 0 else "agency", "created_at": NOW}
            for n, name in enumerate(names)
        ),
    )  # fmt: skip
    people = [(MANAGER, "Programme Manager"), (CHIEF, "Director of Services"), (REVIEWER, "Head of Quality")]
    people += [(_id("h", 1, number), f"Head of Service {number}") for number in range(200)]
    load.add(
        Person,
        (
            {"id": person, "email": f"{person}@haringey.example", "post_title": title, "created_at": NOW,
             "organisation_id": organisation_id(0 if n < 50 else n % ORGANISATIONS)}
            for n, (person, title) in enumerate(people)
        ),
    )  # fmt: skip
    for person, token in ((MANAGER, MANAGER_SESSION), (CHIEF, CHIEF_SESSION), (OWNER, OWNER_SESSION)):
        load.add(
            UserSession,
            [{"id": person, "person_id": person, "token_hash": secret_hash(token), "created_at": NOW,
              "last_seen_at": NOW, "expires_at": NOW + timedelta(hours=12), "password_at": NOW, "browser": "bench"}],
        )  # fmt: skip
    load.add(
        PersonalToken,
        [{"id": MANAGER, "person_id": MANAGER, "name": "bench", "token_hash": secret_hash(MANAGER_TOKEN),
          "created_at": NOW, "expires_at": NOW + timedelta(days=30), "last_used_at": NOW}],
    )  # fmt: skip


@dataclass
class _PlanSeed:
    """One plan with all that is in it. Chance is seeded by the plan's name alone."""

    load: Loader
    number: int
    slug: str
    milestones: int
    evidence_written: int = 0
    rows: dict[type[Any], list[dict[str, Any]]] = field(default_factory=dict)

    def write(self) -> None:
        self.chance = random.Random(self.slug)
        self.id = _id("p", self.number, 0)
        accepted = self.number >= len(SHARED) and self.number % 3 == 0
        self.policy = EvidencePolicy.ACCEPTED if accepted else EvidencePolicy.ATTACHED
        self.owners = [_id("h", 1, (self.number * 7 + n) % 200) for n in range(OWNERS)]
        self._write_plan()
        for made, milestone in enumerate(self._milestone_rows(), start=1):
            self._put(Milestone, milestone)
            if made % 2_000 == 0:
                self._flush()
        self._put(PlanCounter, {"plan_id": self.id, "noun": "milestone", "last": self.milestones})
        self._put(PlanCounter, {"plan_id": self.id, "noun": "evidence", "last": self.evidence_written})
        self._flush()

    def _put(self, model: type[Any], row: dict[str, Any]) -> None:
        self.rows.setdefault(model, []).append(row)

    def _flush(self) -> None:
        """In the order in which rows refer to each other."""
        for model in (PlanCounter, Milestone, MilestoneSupporter, MilestoneRestriction, ChangeRequest, ProgressUpdate,
                      Text, Evidence, EvidenceLink, Submission):  # fmt: skip
            self.load.add(model, self.rows.pop(model, []))

    def _write_plan(self) -> None:
        self.load.add(
            Plan,
            [{"id": self.id, "slug": self.slug, "title": f"Improvement plan {self.number:03}", "purpose": "A purpose",
              "lead_organisation_id": organisation_id(0), "state": PlanState.APPROVED, "evidence_policy": self.policy,
              "approved_on": APPROVED, "approved_by": CHIEF, "approved_body": "Cabinet",
              "approved_meeting": "September", "created_at": start_of_day(APPROVED)}],
        )  # fmt: skip
        meetings = tuple(TODAY - timedelta(days=4) + timedelta(days=14 * n) for n in range(-10, 10))
        self.load.add(
            ReviewMeeting,
            ({"id": _id("w", self.number, n), "plan_id": self.id, "on_day": day} for n, day in enumerate(meetings)),
        )
        self.settings = PlanSettings(
            state=PlanState.APPROVED, policy=self.policy, meetings=meetings, approved_on=APPROVED
        )
        members = [(CHIEF, Role.SENIOR_OFFICER), (REVIEWER, Role.SENIOR_OFFICER)]
        members += [(owner, Role.CONTRIBUTOR) for owner in self.owners]
        members += [(MANAGER, Role.PROGRAMME_MANAGER)] if self.slug in SHARED else []
        self.load.add(
            Membership,
            ({"id": _id("r", self.number, n), "person_id": person, "plan_id": self.id, "role": role, "created_at": NOW}
             for n, (person, role) in enumerate(members)),
        )  # fmt: skip
        self.load.add(
            Theme,
            ({"id": _id("t", self.number, n), "plan_id": self.id, "ref": f"T-{n + 1:02}",
              "title": f"Theme {n + 1}: what the inspection asked for", "position": n} for n in range(THEMES)),
        )  # fmt: skip
        self.load.add(
            Action,
            ({"id": _id("k", self.number, n), "plan_id": self.id, "theme_id": _id("t", self.number, n % THEMES),
              "ref": f"A-{n + 1:02}", "title": f"Action {n + 1} of the plan", "position": n} for n in range(ACTIONS)),
        )  # fmt: skip
        for n in range(3):
            received = NOW - timedelta(hours=20 + 20 * n, minutes=5)
            self._put(
                Submission,
                {"id": _id("s", self.number, n), "plan_id": self.id, "ref": f"S-{n + 1:03}",
                 "kind": SubmissionKind.CORRESPONDENCE, "organisation_id": organisation_id(1 + n),
                 "title": f"Letter {n + 1} about the plan", "received_at": received,
                 "triage_due_at": received + timedelta(hours=48), "amber_from": received + timedelta(hours=24),
                 "red_from": received + timedelta(hours=48), "changed_at": received},
            )  # fmt: skip
        self._put(PlanCounter, {"plan_id": self.id, "noun": "submission", "last": 10_000_000})

    # --- milestones ---------------------------------------------------------------------------------------------------

    def _milestone_rows(self) -> Iterator[dict[str, Any]]:
        for n in range(self.milestones):
            record = self._record(n)
            if self.slug == POOL:
                evidence = _waits_for_confirmation(self, record)
            else:
                evidence = self.chance.choices(_SCENES, _WEIGHTS)[0](self, record)
            self._settle(record, evidence)
            yield vars(record)

    def _record(self, n: int) -> SimpleNamespace:
        action = n % ACTIONS
        due = TODAY + timedelta(days=self.chance.randint(20, 400))
        record = SimpleNamespace(
            **{name: one.default for name, one in Milestone.model_fields.items() if not one.is_required()}
        )
        record.__dict__.update(
            id=_id("m", self.number, n),
            plan_id=self.id,
            theme_id=_id("t", self.number, action % THEMES),
            action_id=_id("k", self.number, action),
            ref=f"M-{n + 1:02}",
            title=f"Milestone {n + 1}: a dated, checkable point of the plan that was agreed",
            description="What will be done, by whom and by when, in the words that were agreed.",
            success_criterion="A record that shows that it was done, checked by somebody who did not do it.",
            owner_id=self.chance.choice(self.owners),
            lead_organisation_id=organisation_id(self.chance.choice((0, 0, 0, 1, 2, 3))),
            marking=self.chance.choices((Marking.OFFICIAL, Marking.OFFICIAL_SENSITIVE), (19, 1))[0],
            position=n,
            added_at=start_of_day(APPROVED),
            start_date=due - timedelta(days=120),
            due_date=due,
            baseline_date=due,
        )
        if self.chance.random() < 0.3:
            self._put(MilestoneSupporter, {"milestone_id": record.id, "organisation_id": organisation_id(5 + n % 10)})
        if self.chance.random() < 0.01:
            record.restricted = True
            self._put(
                MilestoneRestriction,
                {"id": _id("g", self.number, n), "milestone_id": record.id, "organisation_id": organisation_id(3)},
            )
        return record

    def _settle(self, record: SimpleNamespace, evidence: list[LinkedEvidence]) -> None:
        owner: Any = SimpleNamespace(left_on=None) if record.owner_id else None
        case = Case(
            milestone=record,  # type: ignore[arg-type]  # what a case needs of a milestone stands on this record
            plan=SimpleNamespace(id=self.id),  # type: ignore[arg-type]
            settings=self.settings,
            organisations=frozenset(),
            owner=owner,
            evidence=evidence,
        )
        achieved = record.achieved_on is not None
        record.status = Status.ACHIEVED if achieved else record.status
        work_out(case, TODAY, LeftBecause.BACK_ON_TRACK)
        if record.position % 40 == 0 and not achieved and record.amber_from is not None and record.amber_from <= NOW:
            self._accept(record)
            work_out(case, TODAY, LeftBecause.BACK_ON_TRACK)
        record.status = Status.COMPLETED if achieved else record.status

    def _accept(self, record: SimpleNamespace) -> None:
        record.acceptance_ends_on, record.accepted_by = TODAY + timedelta(days=45), CHIEF
        record.accepted_until = start_of_day(record.acceptance_ends_on)

    def update(self, record: SimpleNamespace, *, days_ago: int, **said: str) -> None:
        """Its latest progress update, with what was typed."""
        chance, update = self.chance, _id("d", self.number, record.position)
        at = NOW - timedelta(days=days_ago)
        waits = chance.random() < 0.25
        record.last_update_id, record.last_update_on = update, at.date()
        record.in_progress_since = record.in_progress_since or at.date() - timedelta(days=30)
        record.support_required = "support_required" in said
        record.cause = chance.choice(tuple(DelayCause)) if said else None
        record.waiting_on = "Agency 3" if waits else None
        record.waiting_on_since = at.date() if waits else None
        self._put(
            ProgressUpdate,
            {"id": update, "plan_id": self.id, "milestone_id": record.id, "at": at, "by_id": record.owner_id or CHIEF,
             "by_title": "Head of Service", "by_organisation": "Haringey Council", "waiting_on": record.waiting_on,
             "forecast_date": record.forecast_date, "declared_rag": record.declared_rag, "cause": record.cause},
        )  # fmt: skip
        said = {"narrative": "Two of the three teams have moved over; the third follows next month.", **said}
        for n, (name, body) in enumerate(said.items()):
            self._put(
                Text,
                {"id": _id("x", self.number, record.position * 8 + n), "plan_id": self.id, "item_kind": "milestone",
                 "item_id": update, "field": name, "body": body, "salt": f"{n:032}", "written_at": at},
            )  # fmt: skip

    def evidence(self, record: SimpleNamespace, outcomes: tuple[ReviewOutcome | None, ...]) -> list[LinkedEvidence]:
        """One item for each outcome: files, and beside a counting file a link or statement now and then."""
        return [self._evidence(record, place, outcome) for place, outcome in enumerate(outcomes)]

    def _evidence(self, record: SimpleNamespace, place: int, outcome: ReviewOutcome | None) -> LinkedEvidence:
        self.evidence_written += 1
        n, chance = self.evidence_written, self.chance
        form = EvidenceForm.LINK if place and chance.random() < 0.15 else EvidenceForm.FILE
        received = NOW - timedelta(days=chance.randint(3, 300), minutes=chance.randint(0, 600))
        reviewed = received + timedelta(days=2) if outcome else None
        digest = sha256(f"{self.number}/{n}".encode()).hexdigest()
        is_file = form is EvidenceForm.FILE
        item, ref, title = _id("e", self.number, n), f"E-{n:03}", f"Record {n} of what was done"
        self._put(
            Evidence,
            {"id": item, "plan_id": self.id, "ref": ref, "form": form, "title": title, "received_at": received,
             "kind": EvidenceKind.DOCUMENT if is_file else EvidenceKind.LINK,
             "link": None if is_file else "https://intranet.example/record",
             "file_name": f"record-{n}.pdf" if is_file else None,
             "content_type": "application/pdf" if is_file else None, "size": 20_000 + n % 9_000 if is_file else None,
             "sha256": digest if is_file else None,
             "storage_name": f"{digest[:2]}/{digest[2:4]}/{digest}" if is_file else None,
             "provided_by": record.owner_id or CHIEF, "provided_by_title": "Head of Service",
             "organisation_id": organisation_id(0 if n % 10 else 4), "door": Door.PAGE, "scan": ScanState.UNSCANNED},
        )  # fmt: skip
        self._put(
            EvidenceLink,
            {"evidence_id": item, "milestone_id": record.id, "plan_id": self.id, "linked_at": received,
             "linked_by_title": "Head of Service", "outcome": outcome, "relevance": 3 if outcome else None,
             "robustness": 2 if outcome else None, "reviewed_by": REVIEWER if outcome else None,
             "reviewed_at": reviewed},
        )  # fmt: skip
        if n % 10 == 0:
            self._was_triaged(item, n, received)
        return LinkedEvidence(
            item, form, ScanState.UNSCANNED, received, None, None, outcome, reviewed, received.date(), ref, title
        )

    def _was_triaged(self, item: str, n: int, received: datetime) -> None:
        """It came from outside: its submission was logged the next day."""
        self._put(
            Submission,
            {"id": _id("s", self.number, 1_000 + n), "plan_id": self.id, "ref": f"S-{1_000 + n}",
             "kind": SubmissionKind.EVIDENCE, "organisation_id": organisation_id(4), "evidence_id": item,
             "title": f"Record {n} of what was done", "received_at": received,
             "triage_due_at": received + timedelta(hours=48), "state": SubmissionState.LOGGED,
             "triaged_at": received + timedelta(hours=20), "triaged_by": MANAGER,
             "changed_at": received + timedelta(hours=20)},
        )  # fmt: skip


_ACCEPTED, _REJECTED = ReviewOutcome.ACCEPTED, ReviewOutcome.REJECTED
_SAID = {
    "issue": "Two posts are vacant, and the cover that was promised has not come; the backlog grows by ten a week.",
    "support_required": "Agreement of the partnership board to second one worker until the summer.",
    "path_to_green": "Interviews are on the twelfth; the new start dates bring the work back by the end of next month.",
}


def _finish(seed: _PlanSeed, record: SimpleNamespace, *, reported: int, due: int) -> None:
    """Reported completed some days ago; due some days from today."""
    record.status = Status.COMPLETED
    record.reported_on = record.completed_on = TODAY - timedelta(days=reported)
    record.reported_by = record.owner_id
    record.due_date = record.baseline_date = TODAY + timedelta(days=due)
    record.start_date = record.completed_on - timedelta(days=90)
    record.in_progress_since = record.start_date


def _achieved(seed: _PlanSeed, record: SimpleNamespace) -> list[LinkedEvidence]:
    reported = seed.chance.randint(10, 400)
    _finish(seed, record, reported=reported, due=seed.chance.randint(-5, 60) - reported)
    record.due_date = record.baseline_date = max(record.due_date, record.start_date)
    record.achieved_on = record.policy_met_on = record.reported_on + timedelta(days=7)
    record.achieved_by = MANAGER if seed.slug in SHARED else CHIEF
    outcomes = (_ACCEPTED, _ACCEPTED, _ACCEPTED, None, _REJECTED, _ACCEPTED)[: seed.chance.randint(4, 6)]
    return seed.evidence(record, outcomes)


def _cancelled(seed: _PlanSeed, record: SimpleNamespace) -> list[LinkedEvidence]:
    record.status = Status.CANCELLED
    return []


def _not_due(seed: _PlanSeed, record: SimpleNamespace) -> list[LinkedEvidence]:
    record.start_date = TODAY + timedelta(days=seed.chance.randint(3, 200))
    record.due_date = record.baseline_date = record.start_date + timedelta(days=100)
    return []


def _in_progress(seed: _PlanSeed, record: SimpleNamespace) -> list[LinkedEvidence]:
    record.status = Status.IN_PROGRESS
    record.forecast_date = record.due_date
    seed.update(record, days_ago=seed.chance.randint(0, 9))
    return seed.evidence(record, (None, None, _ACCEPTED, None)[: seed.chance.randint(1, 4)])


def _troubled(seed: _PlanSeed, record: SimpleNamespace, *, days_ago: int = 5) -> list[LinkedEvidence]:
    record.status = Status.IN_PROGRESS
    record.start_date = TODAY - timedelta(days=300)
    said = {name: text for name, text in _SAID.items() if seed.chance.random() < 0.6}
    seed.update(record, days_ago=days_ago, **said)
    return seed.evidence(record, (None, _REJECTED, None)[: seed.chance.randint(0, 3)])


def _overdue(seed: _PlanSeed, record: SimpleNamespace) -> list[LinkedEvidence]:
    record.due_date = record.baseline_date = TODAY - timedelta(days=seed.chance.randint(1, 200))
    record.forecast_date = TODAY + timedelta(days=seed.chance.randint(5, 60))
    record.forecast_late_on = record.forecast_beyond_on = record.due_date - timedelta(days=10)
    if seed.chance.random() < 0.4:
        _was_moved(seed, record)
    return _troubled(seed, record)


def _was_moved(seed: _PlanSeed, record: SimpleNamespace) -> None:
    """Its due date was moved once, by an approved change request."""
    record.baseline_date = record.due_date - timedelta(days=28)
    record.moves, record.first_moved_on = 1, record.baseline_date - timedelta(days=5)
    decided = start_of_day(record.first_moved_on)
    seed._put(
        ChangeRequest,
        {"id": _id("q", seed.number, record.position), "plan_id": seed.id, "milestone_id": record.id,
         "kind": ChangeKind.DUE_DATE, "state": ChangeState.APPROVED, "requested_by": record.owner_id,
         "requested_at": decided - timedelta(days=2), "due_date": record.due_date, "due_was": record.baseline_date,
         "decided_by": CHIEF, "decided_at": decided},
    )  # fmt: skip


def _outstanding(seed: _PlanSeed, record: SimpleNamespace) -> list[LinkedEvidence]:
    _finish(seed, record, reported=seed.chance.randint(15, 60), due=seed.chance.randint(-40, 10))
    record.start_date = min(record.start_date, record.due_date)
    seed.update(record, days_ago=14)
    return seed.evidence(record, (_REJECTED, _REJECTED)[: seed.chance.randint(0, 2)])


def _waits_for_confirmation(seed: _PlanSeed, record: SimpleNamespace) -> list[LinkedEvidence]:
    """Completed a week ago with its evidence in place: it can be marked achieved at once."""
    _finish(seed, record, reported=7, due=10)
    record.policy_met_on = record.reported_on
    return seed.evidence(record, (_ACCEPTED, None, _REJECTED))


def _forecast_late(seed: _PlanSeed, record: SimpleNamespace) -> list[LinkedEvidence]:
    late = seed.chance.choice((10, 20, 40, 60))
    record.forecast_date = record.due_date + timedelta(days=late)
    record.forecast_late_on = TODAY - timedelta(days=seed.chance.randint(1, 90))
    record.forecast_beyond_on = record.forecast_late_on + timedelta(days=1) if late > 28 else None
    return _troubled(seed, record)


def _declared(seed: _PlanSeed, record: SimpleNamespace) -> list[LinkedEvidence]:
    record.declared_rag = seed.chance.choice((Rag.AMBER, Rag.RED))
    record.declared_on = TODAY - timedelta(days=seed.chance.randint(1, 60))
    record.declared_by = record.owner_id
    return _troubled(seed, record)


def _late_start(seed: _PlanSeed, record: SimpleNamespace) -> list[LinkedEvidence]:
    record.start_date = TODAY - timedelta(days=seed.chance.randint(2, 80))
    return []


def _silent(seed: _PlanSeed, record: SimpleNamespace) -> list[LinkedEvidence]:
    if seed.chance.random() < 0.3:
        record.owner_id, record.no_owner_on = None, TODAY - timedelta(days=seed.chance.randint(1, 40))
    return _troubled(seed, record, days_ago=seed.chance.randint(40, 90))


_SCENES = (_achieved, _cancelled, _not_due, _in_progress, _overdue, _outstanding, _forecast_late, _declared,
           _late_start, _silent)  # fmt: skip
_WEIGHTS = (60, 3, 9, 13, 5, 2, 3, 2, 2, 1)
