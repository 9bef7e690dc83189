"""The demo, loaded and written back: `waymark init --demo` and `waymark seeds export`.

Loading replays the history in the order of time, each step as the person and at the moment it names, through the
services that pages and API use, and in one transaction. So what a visitor finds, trail included, is what would have
come about.
"""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import select

from app.db import Database, UnitOfWork
from app.domain.actors import Actor, system_actor
from app.domain.evidence import Upload
from app.domain.refusals import WaymarkError
from app.domain.words import (
    DateSetter,
    Door,
    EvidencePolicy,
    EvidenceState,
    Marking,
    MeetingState,
    MovedRule,
    Role,
    Status,
    ViewOf,
)
from app.file_types import check_content
from app.models import Milestone, Plan, Setting
from app.services import (
    evidence_export_building,
    evidence_exports,
    identity,
    keys,
    meetings,
    milestone_facts,
    passwords,
    people,
    personal_data,
    plan_parts,
    plans,
    saved_views,
    seeds_partners,
)
from app.services.seeds_export import Exported, export_demo
from app.services.seeds_format import BadSeeds, Calendar, Demo, Record, first_day_for, read_demo, write_json
from app.services.seeds_proof import proofs_of
from app.services.seeds_replay import Stage, play
from app.storage import Storage, incoming_from_bytes

FIRST_DAY = "demo_first_day"

WORDS = (
    "acorn", "anchor", "apple", "arrow", "autumn", "bakery", "barley", "basket", "beacon", "birch", "blanket",
    "bridge", "bucket", "button", "candle", "canvas", "carrot", "castle", "cedar", "cherry", "chimney",
    "clover", "cobble", "copper", "cotton", "cricket", "crystal", "daisy", "dolphin", "elder", "ember",
    "falcon", "feather", "fennel", "ferry", "garden", "ginger", "granite", "harbour", "hazel", "heather",
    "ivory", "jigsaw", "juniper", "kettle", "ladder", "lantern", "lavender", "lemon", "linen", "magpie",
    "maple", "marble", "meadow", "mustard", "nutmeg", "orchard", "otter", "paddle", "pebble", "pepper",
    "quilt", "ribbon", "rocket", "saddle", "saffron", "sandal", "silver", "spruce", "thimble", "thistle",
    "timber", "trumpet", "tunnel", "velvet", "walnut", "willow", "window", "winter", "yarrow",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody who can sign in to the demo. The password is kept nowhere but where this is written to."""

    email: str
    post_title: str
    password: str


@dataclass(frozen=True, slots=True)
class DemoKey:
    """A partner's key, and a milestone that waits for evidence from that partner."""

    organisation: str
    name: str
    secret: str
    milestone_id: str
    milestone_ref: str


@dataclass(frozen=True, slots=True)
class Credentials:
    people: tuple[DemoPerson, ...]
    keys: tuple[DemoKey, ...]


# --- loading ----------------------------------------------------------------------------------------------------------


def demo_folder() -> Path:
    """Where the Haringey demo is: beside the package in a checkout, inside it once installed."""
    package = Path(__file__).resolve().parent.parent
    beside = package.parent / "seeds" / "haringey"
    return beside if beside.is_dir() else package / "seeds" / "haringey"


def load_demo(
    database: Database,
    storage: Storage,
    *,
    folder: Path,
    now: datetime,
    first_day: date | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Credentials:
    """Load a demo into an empty, migrated database, all of it or nothing, and make its passwords and keys.

    `first_day` is the day its days are counted from (default: the Thursday on or before `now`); `progress` is told how
    many steps are done, of how many. Raises BadSeeds for files that cannot be used and for a database in use.
    """
    system = system_actor(Door.CLI)
    demo = read_demo(folder)

    def load(uow: UnitOfWork) -> Credentials:
        if uow.session.execute(select(Plan.id).limit(1)).first():  # type: ignore[call-overload]
            raise BadSeeds("There are plans in this database already: the demo is loaded into an empty one only.")
        calendar = Calendar(first_day or first_day_for(uow.today))
        uow.session.add(Setting(name=FIRST_DAY, value=calendar.first_day.isoformat(), changed_on=uow.today))
        uploads = {name: _upload(storage, path) for name, path in demo.files.items()}
        return _Loading(uow, demo, calendar, uploads).run(progress)

    credentials = database.write(load, actor=system, now=now)
    _make_export(database, storage, demo, now)
    return credentials


def _make_export(database: Database, storage: Storage, demo: Demo, now: datetime) -> None:
    """The programme manager of the largest plan finds a finished export of its evidence log."""
    plan = max(demo.plans, key=lambda plan: len(plan["milestones"]))
    can_sign_in = {person["email"] for person in demo.people if person.get("signs_in")}

    def ask(uow: UnitOfWork) -> None:
        for one in plan["memberships"]:
            account = identity.find_account(uow, email=one["person"])
            if one["role"] == Role.PROGRAMME_MANAGER and account is not None and one["person"] in can_sign_in:
                uow.actor = identity.actor_of_person(uow, person_id=account.person_id, door=Door.CLI)
                evidence_exports.ask_export(uow, slug=plan["facts"]["slug"])
                return

    database.write(ask, actor=system_actor(Door.CLI), now=now)
    evidence_export_building.build_waiting(database, storage, now)


def _upload(storage: Storage, path: Path) -> Upload:
    """Put an evidence file into the store, ready for its row. A file whose transaction fails is swept away later."""
    with path.open("rb") as handle:
        content_type = check_content(handle, file_name=path.name)
    incoming = incoming_from_bytes(storage, file_name=path.name, content_type=content_type, content=path.read_bytes())
    stored = incoming.keep()
    return Upload(path.name, content_type, stored.size, stored.sha256, stored.name)


@dataclass(frozen=True, slots=True)
class _Step:
    """Something that happens at a moment. `by` is an e-mail address, "key: " and a key's name, or empty for Waymark.

    `what` names it in a message.
    """

    at: datetime
    by: str
    what: str
    act: Callable[[UnitOfWork], None]


class _Loading:
    """One load: what has been made so far, by the names the files use."""

    def __init__(self, uow: UnitOfWork, demo: Demo, calendar: Calendar, uploads: dict[str, Upload]) -> None:
        self._uow, self._demo, self._calendar = uow, demo, calendar
        self._stages = {plan["facts"]["slug"]: Stage(plan["facts"]["slug"], calendar, uploads) for plan in demo.plans}
        self._actors: dict[str, Actor] = {"": system_actor(Door.CLI)}
        self._keys: list[tuple[Record, keys.Issued]] = []
        self._ids: dict[str, str] = {}

    def run(self, progress: Callable[[int, int], None]) -> Credentials:
        steps = sorted(self._steps(), key=lambda step: step.at)
        signing_in = [
            DemoPerson(record["email"], record["post_title"], new_password())
            for record in self._demo.people
            if record.get("signs_in")
        ]
        # Hashing is slow on purpose and needs no database: it goes on beside the replay.
        with ThreadPoolExecutor(max_workers=1) as beside:
            hashes = [beside.submit(passwords.hash_password, person.password) for person in signing_in]
            for done, step in enumerate(steps):
                progress(done, len(steps))
                self._take(step)
            for person, hashed in zip(signing_in, hashes, strict=True):
                identity.set_password(self._uow, person_id=self._ids[person.email], password_hash=hashed.result())
        progress(len(steps), len(steps))
        return Credentials(tuple(signing_in), tuple(self._demo_key(*issued) for issued in self._keys))

    def _take(self, step: "_Step") -> None:
        if step.by not in self._actors:
            raise BadSeeds(f"{step.what}: nobody is called {step.by}.")
        try:
            self._uow.step(step.act, actor=self._actors[step.by], now=step.at)
        except KeyError as missing:
            raise BadSeeds(f"{step.what}: {missing} is missing.") from missing
        except WaymarkError as answer:
            raise BadSeeds(f"{step.what}: {answer.message}") from answer

    def _steps(self) -> Iterator[_Step]:
        """Everything that is to happen. Of what happens at one moment, what is listed first happens first."""
        opening = min(self._calendar.moment(plan["facts"]["created"]) for plan in self._demo.plans)
        yield _Step(opening, "", "organisations and people", self._open)
        for plan in self._demo.plans:
            yield self._at(plan["facts"]["created"], self._create_plan, plan)
            yield self._at(plan["facts"]["written"], self._write_plan, plan)
            for milestone in plan["milestones"]:
                if "added" in milestone:
                    yield self._at(milestone["added"], self._add_milestone, plan, milestone)
            for step in plan["history"]:
                yield self._at(step, self._play, plan, step)
            yield from self._of_partners(plan)
            for view in plan.get("views", ()):
                yield self._at(view["saved"], self._save_view, plan, view)
        for key in self._demo.keys:
            yield self._at(key["created"], self._issue_key, key)
        for person in self._demo.people:
            if "left" in person:
                yield self._at(person["left"], self._leave, person)

    def _of_partners(self, plan: Record) -> Iterator[_Step]:
        for held in plan.get("held", ()):
            yield self._at(held["sent"], self._hold, plan, held)
        for hook in plan.get("webhooks", ()):
            yield self._at(hook["set_up"], self._set_up_webhook, plan, hook)
            if "paused" in hook:
                yield self._at(hook["paused"], self._pause_webhook, plan, hook)

    def _at(self, when: Record, act: Callable[..., None], *records: Record) -> _Step:
        return _Step(
            self._calendar.moment(when), when.get("by", ""), _said(when, records[0]), lambda uow: act(uow, *records)
        )

    def _open(self, uow: UnitOfWork) -> None:
        """The day the administrator set Waymark up: its settings, organisations and people."""
        if keys.FRONT_DOOR in self._demo.settings:
            keys.set_front_door(uow, contact=self._demo.settings[keys.FRONT_DOOR])
        organisations = {}
        for record in self._demo.organisations:
            made = people.create_organisation(uow, slug=record["slug"], name=record["name"], kind=record["kind"])
            organisations[made.slug] = made
            if "case_pattern" in record:
                personal_data.set_case_pattern(uow, organisation=made.slug, pattern=record["case_pattern"])
        for record in self._demo.people:
            person = people.create_person(
                uow,
                email=record["email"],
                post_title=record["post_title"],
                organisation=record["organisation"],
                administrator=record.get("administrator", False),
            )
            self._ids[person.email] = person.person_id
            organisation = organisations[record["organisation"]]
            self._actors[person.email] = Actor(
                kind="person",
                id=person.person_id,
                title=record["post_title"],
                organisation_id=organisation.id,
                organisation=organisation.name,
                organisation_slug=organisation.slug,
                administrator=record.get("administrator", False),
            )

    def _create_plan(self, uow: UnitOfWork, plan: Record) -> None:
        facts, settings = plan["facts"], plan["settings"]
        made = plans.create_plan(
            uow,
            slug=facts["slug"],
            title=facts["title"],
            organisation=facts["organisation"],
            purpose=facts["purpose"],
            evidence_policy=EvidencePolicy(settings["evidence_policy"]),
            tolerance_days=settings["tolerance_days"],
            overdue_limit_days=settings["overdue_limit_days"],
            moved_rule=MovedRule(settings["moved_rule"]),
            cycle_days=settings["cycle_days"],
            triage_hours=settings["triage_hours"],
            illustrative=True,
        )
        for record in plan["memberships"]:
            plan_parts.add_membership(
                uow,
                slug=made.slug,
                person=record["person"],
                role=Role(record["role"]),
                ends_on=self._calendar.day(record.get("ends_day")),
            )
            self._give_role(record["person"], made.id, Role(record["role"]), leads=made.organisation.slug)

    def _give_role(self, email: str, plan_id: str, role: Role, *, leads: str) -> None:
        actor = self._actors[email]
        roles = {**actor.roles, plan_id: actor.roles_in(plan_id) | {role}}
        led = actor.led_plans | {plan_id} if actor.organisation_slug == leads else actor.led_plans
        self._actors[email] = replace(actor, roles=roles, led_plans=led)

    def _write_plan(self, uow: UnitOfWork, plan: Record) -> None:
        """Everything that stood in the draft: meetings, themes, actions and the first milestones."""
        slug = plan["facts"]["slug"]
        listed = [(self._calendar.date_of(one["day"]), MeetingState(one["state"])) for one in plan["meetings"]]
        meetings.add_meetings(uow, slug=slug, meetings=listed)
        for theme in plan["themes"]:
            made = plan_parts.add_theme(uow, slug=slug, title=theme["title"], source=theme.get("source"))
            self._named(slug, theme, made.ref, made.id)
        for action in plan["actions"]:
            under = self._ids[f"{slug} {action['theme']}"]
            added = plan_parts.add_action(
                uow, slug=slug, theme=under, title=action["title"], source=action.get("source")
            )
            self._named(slug, action, added.ref, added.id)
        for milestone in plan["milestones"]:
            if "added" not in milestone:
                self._add_milestone(uow, plan, milestone)

    def _named(self, slug: str, record: Record, ref: str, item_id: str) -> None:
        if record["ref"] != ref:
            raise BadSeeds(f"{slug}: {record['title']} became {ref}, not {record['ref']}: list it in order.")
        self._ids[f"{slug} {ref}"] = item_id

    def _add_milestone(self, uow: UnitOfWork, plan: Record, record: Record) -> None:
        slug = plan["facts"]["slug"]
        made = milestone_facts.add_milestone(
            uow,
            slug=slug,
            action=self._ids[f"{slug} {record['action']}"],
            title=record["title"],
            description=record.get("description", ""),
            success_criterion=record.get("success_criterion", ""),
            owner=self._ids[record["owner"]] if "owner" in record else None,
            organisation=record["organisation"],
            supporting_organisations=record.get("supporting_organisations", ()),
            start_date=self._calendar.day(record.get("start_day")),
            due_date=self._calendar.day(record.get("due_day")),
            due_set_by=DateSetter(record.get("due_set_by", DateSetter.PLAN)),
            marking=Marking(record.get("marking", Marking.OFFICIAL)),
            restricted_to=[self._ids.get(name, name) for name in record.get("restricted_to", ())],
            source=record.get("source"),
            criteria=proofs_of(record.get("criteria", ()), self._calendar),
        )
        self._named(slug, record, made.row.ref, made.row.id)
        self._stages[slug].milestones[made.row.ref] = made.row.id

    def _play(self, uow: UnitOfWork, plan: Record, step: Record) -> None:
        play(uow, self._stages[plan["facts"]["slug"]], step)

    def _hold(self, uow: UnitOfWork, plan: Record, held: Record) -> None:
        seeds_partners.hold(uow, self._stages[plan["facts"]["slug"]], held)

    def _set_up_webhook(self, uow: UnitOfWork, plan: Record, hook: Record) -> None:
        seeds_partners.set_up_webhook(uow, self._stages[plan["facts"]["slug"]], hook)

    def _pause_webhook(self, uow: UnitOfWork, plan: Record, hook: Record) -> None:
        seeds_partners.pause_webhook(uow, self._stages[plan["facts"]["slug"]], hook)

    def _save_view(self, uow: UnitOfWork, plan: Record, view: Record) -> None:
        """Themes stand in the files by reference, owners by e-mail address."""
        slug = plan["facts"]["slug"]
        named = {"theme": f"{slug} {view['filters'].get('theme')}", "owner": view["filters"].get("owner")}
        filters = {name: self._ids[named[name]] if name in named else value for name, value in view["filters"].items()}
        saved_views.save_view(
            uow, slug=slug, of=ViewOf(view["of"]), name=view["name"], filters=filters, shared=view.get("shared", False)
        )

    def _issue_key(self, uow: UnitOfWork, key: Record) -> None:
        issued = keys.create_key(
            uow,
            organisation=key["organisation"],
            plans=key["plans"],
            scopes=key["scopes"],
            days=key["expires_after_days"],
            name=key["name"],
            needs_release=key.get("needs_release", False),
        )
        self._keys.append((key, issued))
        self._actors[f"key: {key['name']}"] = identity.actor_from_bearer(uow, token=issued.secret).actor

    def _leave(self, uow: UnitOfWork, person: Record) -> None:
        people.record_leaving(uow, email=person["email"])

    def _demo_key(self, key: Record, issued: keys.Issued) -> DemoKey:
        """With the milestone to try it on: one the partner leads that is reported completed, and nothing sent yet."""
        leads = next(actor for name, actor in self._actors.items() if name == f"key: {key['name']}")
        waiting = self._uow.session.execute(
            select(Milestone.id, Milestone.ref)  # type: ignore[call-overload]
            .where(
                Milestone.lead_organisation_id == leads.organisation_id,
                Milestone.status == Status.COMPLETED,
                Milestone.evidence_state == EvidenceState.NOTHING_SENT,
            )
            .order_by(Milestone.ref)
            .limit(1)
        ).one_or_none()
        item_id, ref = waiting or ("", "")
        return DemoKey(leads.organisation, key["name"], issued.secret, item_id, ref)


def _said(when: Record, record: Record) -> str:
    """How a message names a step: "safeguarding-plan, day -8 at 11:05, withdrawal"."""
    about = record.get("facts", record)
    name = next((str(about[field]) for field in ("slug", "email", "name") if field in about), "")
    return ", ".join(filter(None, [name, f"day {when['day']} at {when['time']}", when.get("does")]))


def new_password() -> str:
    """A random password that can be read out: four words and two digits, some 31 bits. For demo people only."""
    return "-".join([*(secrets.choice(WORDS) for _ in range(4)), f"{secrets.randbelow(90) + 10}"])


# --- what is shown of it ----------------------------------------------------------------------------------------------


def credentials_text(credentials: Credentials, *, origin: str) -> str:
    """Who can sign in, and each partner's key with a command that uses it."""
    width = max((len(person.email) for person in credentials.people), default=0)
    lines = [f"Sign in at {origin}", ""]
    lines += [
        f"  {person.email:<{width}}  {person.password}\n  {'':<{width}}  {person.post_title}"
        for person in credentials.people
    ]
    for key in credentials.keys:
        lines += ["", f"A key of the {key.organisation} ({key.name}):", "", f"  {key.secret}"]
        if key.milestone_id:
            lines += ["", f"Send evidence for {key.milestone_ref} with it:", "", _command(key, origin)]
    return "\n".join(lines) + "\n"


def _command(key: DemoKey, origin: str) -> str:
    return (
        "  printf 'week,discussions,held_in_time\\n1,9,9\\n2,11,11\\n3,8,8\\n4,10,10\\n' | \\\n"
        f"  curl --fail-with-body -H 'Authorization: Bearer {key.secret}' \\\n"
        "    -F 'title=Strategy discussion log' -F 'file=@-;filename=strategy-discussion-log.csv;type=text/csv' \\\n"
        f"    {origin}/api/v1/milestones/{key.milestone_id}/evidence"
    )


def keep_credentials(path: Path, text: str) -> None:
    """Write the credentials where only their owner can read them. Replaces what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text, "utf-8")


# --- writing back -----------------------------------------------------------------------------------------------------


def export_seeds(database: Database, storage: Storage, *, folder: Path, now: datetime) -> Exported:
    """Write everything in the database as a demo's plain data files. Loaded again they make the same.

    Days are counted from the day the demo was loaded with; without a demo, from the Thursday on or before `now`.
    """

    def read(uow: UnitOfWork) -> Exported:
        kept = uow.session.get(Setting, FIRST_DAY)
        return export_demo(uow, first_day=date.fromisoformat(kept.value) if kept else first_day_for(uow.today))

    exported = database.read(read, actor=system_actor(Door.CLI), now=now)
    for name in ("settings", "organisations", "people", "keys"):
        write_json(folder / f"{name}.json", getattr(exported, name))
    for slug, plan in exported.plans.items():
        write_json(folder / "plans" / f"{slug}.json", plan)
    for name, stored in exported.files.items():
        target = folder / "files" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"".join(storage.open(stored).chunks))
    return exported
