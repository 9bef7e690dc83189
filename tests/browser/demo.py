"""The demo, and a few plans more, loaded once for all browser tests of a run.

Loading takes seconds, so the first worker that needs it does it and the others wait; what a test changes is a copy.
Everybody has a session already, and the tokens are kept beside the database: only the tests of signing in sign in.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import text

from app.db import Database, UnitOfWork
from app.domain.actors import Actor, system_actor
from app.domain.closing import Destination
from app.domain.words import Door, Role
from app.migrations import upgrade
from app.services import closing as plan_closing
from app.services import identity, milestones, people, plan_parts, plans, seeds
from app.services.identity import Limits
from app.storage import open_storage

T = TypeVar("T")

# When every test begins: a Thursday. From there the clock goes on as it does outside. So what a test finds does not
# depend on the day it runs on.
START = datetime(2026, 3, 12, 9, 30, tzinfo=UTC)

PLAN = "safeguarding-plan"
QUIET, DRAFT, CLOSED = "quiet-plan", "draft-plan", "closed-plan"

# Short names for the people of the demo who sign in. Noel has no part in any plan.
CAST = {
    "manager": "programme.manager@haringey.example",
    "officer": "senior.officer@haringey.example",
    "contributor": "contributor@haringey.example",
    "observer": "observer@haringey.example",
    "auditor": "auditor@haringey.example",
    "administrator": "administrator@haringey.example",
    "police": "analyst@police.example",
    "nhs": "lead@nhs.example",
    "noel": "newcomer@haringey.example",
}
LIMITS = Limits(idle=timedelta(hours=1), absolute=timedelta(hours=12))


@dataclass(frozen=True)
class Demo:
    """A loaded demo. `tokens` are session cookies, `passwords` what is typed, both by the short name.

    `waiting_id` is the milestone that waits for the partner whose `key` it is; `evidence` an item that was rejected,
    `change_request` one that nobody has decided on, `next_review` a day as addresses have it,
    `view` a saved one of the manager's own, `proposal` a redaction that nobody has decided on.
    """

    folder: Path
    key: str
    waiting_id: str
    waiting_ref: str
    invitation: str
    evidence: str
    change_request: str
    next_review: str
    meeting: str
    view: str
    proposal: str
    passwords: dict[str, str]
    tokens: dict[str, str]

    def copy_to(self, folder: Path) -> Database:
        """A database of one's own with all of it."""
        with (
            closing(sqlite3.connect(self.folder / "waymark.db")) as source,
            closing(sqlite3.connect(folder / "waymark.db")) as target,
        ):
            source.backup(target)
        return Database(f"sqlite:///{folder}/waymark.db")


def loaded_demo(folder: Path) -> Demo:
    """The demo in a folder that all workers of a run share; whoever comes first loads it."""
    folder.mkdir(exist_ok=True)
    about = folder / "demo.json"
    with _alone(folder / "lock"):
        if not about.exists():
            loaded = _load(folder)
            about.write_text(json.dumps({**asdict(loaded), "folder": str(folder)}))
    kept = json.loads(about.read_text())
    return Demo(**{**kept, "folder": folder})


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _load(folder: Path) -> Demo:
    url = f"sqlite:///{folder}/waymark.db"
    upgrade(url)
    database = Database(url)
    storage = open_storage(f"file://{folder}/evidence")
    credentials = seeds.load_demo(database, storage, folder=seeds.demo_folder(), now=START)
    passwords = {person.email: person.password for person in credentials.people}
    key = credentials.keys[0]

    def add(uow: UnitOfWork) -> tuple[str, dict[str, str], tuple[str, ...]]:
        invitation = people.create_person(
            uow, email=CAST["noel"], post_title="Newcomer", organisation="haringey-council"
        )
        _add_plans(uow)
        return invitation.token, {name: _session(uow, email) for name, email in CAST.items()}, _found(uow)

    invitation, tokens, found = database.write(add, actor=system_actor(Door.CLI), now=START)
    database.dispose()
    return Demo(
        folder=folder,
        key=key.secret,
        waiting_id=key.milestone_id,
        waiting_ref=key.milestone_ref,
        invitation=invitation,
        evidence=found[0],
        change_request=found[1],
        next_review=found[2],
        meeting=found[3],
        view=found[4],
        proposal=found[5],
        passwords={name: passwords.get(email, "") for name, email in CAST.items()},
        tokens=tokens,
    )


def _found(uow: UnitOfWork) -> tuple[str, ...]:
    """What has no name of its own: the rejected evidence E-017, the request that waits at M-02, the next review and its
    meeting, and the manager's own view.
    """
    next_review = _one(
        uow,
        "SELECT min(on_day) FROM review_meetings JOIN plans ON plans.id = plan_id"
        f" WHERE slug = '{PLAN}' AND on_day > '{uow.today}'",
    )
    return (
        _one(uow, "SELECT id FROM evidence WHERE ref = 'E-017'"),
        _one(
            uow,
            "SELECT change_requests.id FROM change_requests JOIN milestones ON milestones.id = milestone_id"
            " WHERE milestones.ref = 'M-02' AND state = 'requested'",
        ),
        next_review,
        _one(
            uow,
            "SELECT review_meetings.id FROM review_meetings JOIN plans ON plans.id = plan_id"
            f" WHERE slug = '{PLAN}' AND on_day = '{next_review}'",
        ),
        _one(uow, "SELECT id FROM saved_views WHERE NOT shared"),
        _one(uow, "SELECT id FROM record_proposals WHERE kind = 'redaction'"),
    )


def _one(uow: UnitOfWork, statement: str) -> str:
    return str(uow.session.connection().execute(text(statement)).scalar_one())


def _session(uow: UnitOfWork, email: str) -> str:
    return identity.open_session(uow, person_id=_person(uow, email), limits=LIMITS, browser="Browser test")


def _person(uow: UnitOfWork, email: str) -> str:
    return _one(uow, f"SELECT id FROM people WHERE email = '{email}'")


# --- the plans that the demo does not have ----------------------------------------------------------------------------


def _add_plans(uow: UnitOfWork) -> None:
    _plan(uow, QUIET, "A plan without exceptions", milestone="Far ahead", approved=True)
    _plan(uow, DRAFT, "A draft plan", milestone="Not agreed yet", approved=False)
    _plan(uow, CLOSED, "A closed plan", milestone="Handed on", approved=True)
    _as(uow, CAST["officer"], plan_closing.close_plan, slug=CLOSED, reason="It has done its work",
        rest=Destination("As it is", QUIET))  # fmt: skip


def _plan(uow: UnitOfWork, slug: str, title: str, *, milestone: str, approved: bool) -> None:
    """A plan with one milestone, far enough ahead to be no exception."""
    administrator = CAST["administrator"]
    _as(uow, administrator, plans.create_plan, slug=slug, title=title, organisation="haringey-council")
    members = {"manager": Role.PROGRAMME_MANAGER, "officer": Role.SENIOR_OFFICER, "contributor": Role.CONTRIBUTOR}
    for name, role in members.items():
        _as(uow, administrator, plan_parts.add_membership, slug=slug, person=CAST[name], role=role)
    manager, today = CAST["manager"], uow.today
    theme = _as(uow, manager, plan_parts.add_theme, slug=slug, title="All of it")
    action = _as(uow, manager, plan_parts.add_action, slug=slug, theme=theme.id, title="Do it")
    _as(
        uow, manager, milestones.add_milestone, slug=slug, action=action.id, title=milestone,
        owner=_person(uow, CAST["contributor"]), success_criterion="A file that shows it is done",
        start_date=today + timedelta(days=200), due_date=today + timedelta(days=300),
    )  # fmt: skip
    if approved:
        _as(uow, CAST["officer"], plans.approve_plan, slug=slug, body="Children's Trust", meeting="First meeting")


def _as(uow: UnitOfWork, email: str, service: Callable[..., T], **given: Any) -> T:
    """Do something as somebody, inside the one transaction."""
    found: Actor = identity.actor_from_session(uow, token=_session(uow, email), idle=LIMITS.idle).actor
    return uow.step(lambda part: service(part, **given), actor=found, now=uow.now)
