"""A small plan and a named cast, made through the same services that doors use.

The cast: Petra manages the programme, Sam is a senior officer, Connie contributes for the council, Pol for the police,
Nat for the NHS (Nora is a senior officer there), Olive observes, Ada audits, Max administers;
Zoe is in another plan only.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import insert, select

from app.db import Database, UnitOfWork
from app.domain.actors import Actor, system_actor
from app.domain.closing import Destination
from app.domain.evidence import EvidenceView, Upload
from app.domain.ids import new_id
from app.domain.milestones import MilestoneKey, MilestoneView
from app.domain.words import Door, EvidencePolicy, ReviewOutcome, Role, Scope
from app.models import Membership, Organisation, OrganisationKey, OrganisationKeyPlan, Person, Plan
from app.services import closing, evidence, evidence_versions, milestones, plan_parts, plans
from app.services.evidence_intake import Offer

T = TypeVar("T")

COUNCIL, POLICE, NHS = "haringey-council", "metropolitan-police", "nhs-haringey"
MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday

CAST = {
    "petra": ("programme.manager", "Programme Manager", COUNCIL, (Role.PROGRAMME_MANAGER,)),
    "sam": ("senior.officer", "Director of Services", COUNCIL, (Role.SENIOR_OFFICER,)),
    "connie": ("contributor", "Head of Assessment", COUNCIL, (Role.CONTRIBUTOR,)),
    "pol": ("analyst", "Police Analyst", POLICE, (Role.CONTRIBUTOR,)),
    "nat": ("lead", "NHS Safeguarding Lead", NHS, (Role.CONTRIBUTOR,)),
    "nora": ("officer", "NHS Director", NHS, (Role.SENIOR_OFFICER,)),
    "olive": ("observer", "Panel Member", COUNCIL, (Role.OBSERVER,)),
    "ada": ("auditor", "Internal Auditor", COUNCIL, (Role.AUDITOR,)),
    "max": ("administrator", "System Administrator", COUNCIL, ()),
    "zoe": ("stranger", "Programme Manager Elsewhere", COUNCIL, ()),
}


@dataclass
class Clock:
    """The only thing that is mocked. Call it for now; move it by hand."""

    now: datetime = MORNING

    def __call__(self) -> datetime:
        return self.now

    @property
    def today(self) -> date:
        return self.now.date()

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class World:
    """A database with the cast in it, and short ways to act as one of them."""

    database: Database
    clock: Clock
    organisations: dict[str, str] = field(default_factory=dict)
    people: dict[str, Actor] = field(default_factory=dict)
    plan: str = ""
    plan_id: str = ""
    other_plan: str = ""
    theme: str = ""
    action: str = ""

    def moved_to(self, database: Database, clock: Clock) -> "World":
        """The same world in a copy of its database."""
        return replace(
            self, database=database, clock=clock, organisations=dict(self.organisations), people=dict(self.people)
        )

    def write(self, who: str | Actor, service: Callable[..., T], **given: Any) -> T:
        return self.database.write(lambda uow: service(uow, **given), actor=self.actor(who), now=self.clock())

    def read(self, who: str | Actor, service: Callable[..., T], **given: Any) -> T:
        return self.database.read(lambda uow: service(uow, **given), actor=self.actor(who), now=self.clock())

    def actor(self, who: str | Actor) -> Actor:
        return who if isinstance(who, Actor) else self.people[who]

    def milestone(self, *, by: str = "petra", **facts: Any) -> MilestoneView:
        """A milestone in the plan, owned by Connie and due in four weeks unless said otherwise."""
        given: dict[str, Any] = {
            "slug": self.plan,
            "action": self.action,
            "title": "Duty rota published",
            "success_criterion": "A rota that covers every shift",
            "owner": self.people["connie"].id,
            "start_date": self.clock.today - timedelta(days=7),
            "due_date": self.clock.today + timedelta(days=28),
            **facts,
        }
        return self.write(by, milestones.add_milestone, **given)

    def completed(self, view: MilestoneView | None = None, *, by: str = "connie", **facts: Any) -> MilestoneView:
        """A milestone that its owner reports completed today."""
        view = view or self.milestone(**facts)
        self.write(
            by, milestones.report_completed, milestone=key(view), completed_date=self.clock.today, narrative="All done"
        )
        return self.seen(view, by=by)

    def attached(self, view: MilestoneView, *, by: str | Actor = "connie", **given: Any) -> EvidenceView:
        """A file attached to it, another at each call. The bytes are in no store: for rules, not for doors."""
        file = upload(f"rota {new_id()}".encode())
        return self.write(
            by, evidence.attach_evidence, milestone=key(view), **{"title": "Rota", "upload": file, **given}
        )

    def version_of(self, item: EvidenceView, *, by: str | Actor = "connie", **given: Any) -> EvidenceView:
        """A newer version of it: another file."""
        offer = Offer(**{"title": "Rota, again", "upload": upload(f"rota {new_id()}".encode()), **given})
        return self.write(by, evidence_versions.add_version, evidence=item.id, offer=offer)

    def accepted(
        self, view: MilestoneView, item: EvidenceView, *, by: str = "sam", outcome: str = "accepted"
    ) -> EvidenceView:
        return self.write(
            by,
            evidence.review_evidence,
            evidence=item.id,
            milestone=view.row.id,
            outcome=ReviewOutcome(outcome),
            relevance=3,
            robustness=2,
            reason="It shows what was agreed",
        )

    def achieved(self, view: MilestoneView | None = None, **facts: Any) -> MilestoneView:
        view = self.completed(view, **facts)
        self.attached(view)
        self.write("petra", milestones.mark_achieved, milestone=key(view))
        return self.seen(view)

    def close(self, *, by: str = "sam", to: str = "The next plan") -> None:
        """Close the plan; everything that is open goes to the same place."""
        self.write(by, closing.close_plan, slug=self.plan, reason="It has done its work", rest=Destination(to))

    def seen(self, view: MilestoneView, *, by: str = "petra") -> MilestoneView:
        """The milestone as it stands now."""
        return self.read(by, milestones.get_milestone, milestone=key(view))

    def key_actor(
        self, *scopes: Scope, organisation: str = POLICE, plans: tuple[str, ...] = (), needs_release: bool = False
    ) -> Actor:
        """A partner's key, written as the key service would write it, and the actor it makes."""
        key_id = new_id()

        def add(uow: UnitOfWork) -> None:
            uow.session.execute(
                insert(OrganisationKey).values(
                    id=key_id,
                    organisation_id=self.organisations[organisation],
                    name="test key",
                    token_hash=hashlib.sha256(key_id.encode()).hexdigest(),
                    scopes=" ".join(scopes),
                    needs_release=needs_release,
                    created_at=uow.now,
                    expires_at=uow.now + timedelta(days=30),
                )
            )
            for plan in plans or (self.plan_id,):
                uow.session.execute(insert(OrganisationKeyPlan).values(key_id=key_id, plan_id=plan))

        self.database.write(add, actor=system_actor(Door.CLI), now=self.clock())
        return Actor(
            kind="key",
            id=key_id,
            title="test key",
            organisation_id=self.organisations[organisation],
            organisation=organisation,
            organisation_slug=organisation,
            door=Door.API,
            scopes=frozenset(scopes),
            plans=frozenset(plans or (self.plan_id,)),
            needs_release=needs_release,
        )


def key(view: MilestoneView) -> MilestoneKey:
    return MilestoneKey(id=view.row.id)


def upload(content: bytes = b"rota", name: str = "rota.txt") -> Upload:
    digest = hashlib.sha256(content).hexdigest()
    return Upload(name, "text/plain", len(content), digest, f"{digest[:2]}/{digest[2:4]}/{digest}")


def make_world(
    database: Database,
    clock: Clock | None = None,
    *,
    policy: EvidencePolicy = EvidencePolicy.ATTACHED,
    approved: bool = True,
) -> World:
    """The cast, two organisations beside the council, an approved plan with one milestone, and another plan."""
    world = World(database, clock or Clock())
    database.write(lambda uow: _people(uow, world), actor=system_actor(Door.CLI), now=world.clock())
    admin = world.people["max"]
    world.plan, world.plan_id = _plan(world, admin, "safeguarding-plan", "Safeguarding Plan", policy)
    world.other_plan, other_id = _plan(world, admin, "other-plan", "Another plan", policy)
    members(world, {name: CAST[name][3] for name in CAST}, world.plan_id)
    members(world, {"zoe": (Role.PROGRAMME_MANAGER,)}, other_id)
    world.theme = world.write("petra", plan_parts.add_theme, slug=world.plan, title="Child protection practice").id
    world.action = world.write(
        "petra", plan_parts.add_action, slug=world.plan, theme=world.theme, title="Run the rota"
    ).id
    if approved:
        world.milestone(title="First milestone")
        world.write("sam", plans.approve_plan, slug=world.plan, body="Children's Trust", meeting="March meeting")
    return world


def _people(uow: UnitOfWork, world: World) -> None:
    for slug in (COUNCIL, POLICE, NHS):
        world.organisations[slug] = new_id()
        name = {COUNCIL: "Haringey Council", POLICE: "Metropolitan Police", NHS: "NHS Haringey"}[slug]
        kind = {COUNCIL: "council", POLICE: "police", NHS: "nhs"}[slug]
        uow.session.execute(
            insert(Organisation).values(
                id=world.organisations[slug], slug=slug, name=name, kind=kind, created_at=uow.now
            )
        )
    for name, (mailbox, title, organisation, _) in CAST.items():
        domain = {COUNCIL: "haringey", POLICE: "police", NHS: "nhs"}[organisation]
        person_id = new_id()
        uow.session.execute(
            insert(Person).values(
                id=person_id,
                email=f"{mailbox}@{domain}.example",
                post_title=title,
                administrator=name == "max",
                organisation_id=world.organisations[organisation],
                created_at=uow.now,
            )
        )
        world.people[name] = Actor(
            kind="person",
            id=person_id,
            title=title,
            organisation_id=world.organisations[organisation],
            organisation=organisation,
            organisation_slug=organisation,
            administrator=name == "max",
        )


def _plan(world: World, admin: Actor, slug: str, title: str, policy: EvidencePolicy) -> tuple[str, str]:
    view = world.write(admin, plans.create_plan, slug=slug, title=title, organisation=COUNCIL, evidence_policy=policy)
    return view.slug, view.id


def members(world: World, roles: dict[str, tuple[Role, ...]], plan_id: str) -> None:
    def add(uow: UnitOfWork) -> None:
        for name, held in roles.items():
            for role in held:
                ends_on = uow.today + timedelta(days=90) if role is Role.AUDITOR else None
                uow.session.execute(
                    insert(Membership).values(
                        id=new_id(),
                        person_id=world.people[name].id,
                        plan_id=plan_id,
                        role=role,
                        ends_on=ends_on,
                        created_at=uow.now,
                    )
                )

    world.database.write(add, actor=system_actor(Door.CLI), now=world.clock())
    for name, held in roles.items():
        if held:
            _grant(world, name, plan_id, frozenset(held))


def _grant(world: World, name: str, plan_id: str, held: frozenset[Role]) -> None:
    """The actor as identity would build it: roles, and whether its organisation leads the plan."""
    before = world.people[name]
    lead = world.database.read(
        lambda uow: uow.session.execute(select(Plan.lead_organisation_id).where(Plan.id == plan_id)).scalar_one(),  # type: ignore[call-overload]
        actor=before,
        now=world.clock(),
    )
    led = before.led_plans | ({plan_id} if lead == before.organisation_id else frozenset())
    world.people[name] = Actor(
        kind=before.kind,
        id=before.id,
        title=before.title,
        organisation_id=before.organisation_id,
        organisation=before.organisation,
        organisation_slug=before.organisation_slug,
        administrator=before.administrator,
        roles={**before.roles, plan_id: held},
        led_plans=led,
    )
