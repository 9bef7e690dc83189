"""What a hostile program would try by raw SQL, and what the database must say to it.

Each attack is one statement and what is expected of it: refused, or carried out, in a transaction that is then rolled
back, after the gate was looked at once more. None: there is nothing to try in this state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from tests.machine.facts import Item, counts
from tests.machine.model import Model
from tests.machine.story import Story


@dataclass(frozen=True)
class Attack:
    statement: str
    values: tuple[Any, ...]
    is_refused: bool


@dataclass(frozen=True)
class Scene:
    """What an attack aims at. `stored` is the milestone's status as it is stored, `achieved_on` with it: an expiry may
    not have caught up. `ids` are the ids of the cast.
    """

    model: Model
    story: Story
    item: Item | None
    now: datetime
    stored: dict[str, Any]
    achieved: dict[str, date]  # milestones stored as achieved, and when
    ids: dict[str, str]
    dialect: str

    @property
    def today(self) -> date:
        return self.model.today

    @property
    def link(self) -> tuple[str, str] | None:
        """The ids of a link: the item with one of its milestones, this one if it can be."""
        if self.item is None:
            return None
        return self.item.id, self.story.id if self.story.id in self.item.links else min(self.item.links)

    def loses(self, story_id: str, without: Item, *, policy: str | None = None) -> bool:
        """Whether a milestone that is stored as achieved would have nothing that counts on its achieved date."""
        if story_id not in self.achieved:
            return False
        story = next(one for one in self.model.milestones if one.id == story_id)
        return not any(
            counts(
                item,
                story_id,
                policy=policy or self.model.terms.policy,
                on=self.achieved[story_id],
                reopened_at=story.reopened_at,
            )
            for item in self.model.linked(story)
            if item is not without
        )


def achieve(scene: Scene) -> Attack:
    is_ready = scene.stored["status"] in ("completed", "achieved") and scene.model.met_on(scene.story, scene.today)
    may = is_ready and scene.model.state == "approved"
    return Attack(
        "UPDATE milestones SET status = 'achieved', achieved_on = ? WHERE id = ?",
        (scene.today, scene.story.id),
        not may,
    )


def insert_achieved(scene: Scene) -> Attack | None:
    """A copy of a milestone, completed as it should be, under another id and reference, achieved from the start."""
    row = dict(scene.stored)
    row |= {"id": "an-achieved-copy", "ref": "M-99", "status": "achieved"}
    row |= {"achieved_on": scene.today, "completed_on": scene.today}
    marks = ", ".join("?" * len(row))
    return Attack(f"INSERT INTO milestones ({', '.join(row)}) VALUES ({marks})", tuple(row.values()), True)


def withdraw(scene: Scene) -> Attack | None:
    if scene.item is None or scene.item.withdrawn:
        return None
    refused = any(scene.loses(milestone, scene.item) for milestone in scene.item.links)
    return Attack(
        "UPDATE evidence SET withdrawn_at = ?, withdrawn_by = 'Nobody' WHERE id = ?",
        (scene.now, scene.item.id),
        refused,
    )


def give_back(scene: Scene) -> Attack | None:
    if scene.item is None or not scene.item.withdrawn:
        return None
    return Attack("UPDATE evidence SET withdrawn_at = NULL, withdrawn_by = NULL WHERE id = ?", (scene.item.id,), True)


def let_expire(scene: Scene) -> Attack | None:
    if scene.item is None:
        return None
    refused = any(scene.loses(milestone, scene.item) for milestone in scene.item.links)
    before = date(2000, 1, 1)
    return Attack("UPDATE evidence SET effective_to = ? WHERE id = ?", (before, scene.item.id), refused)


def accept_own(scene: Scene) -> Attack | None:
    """Accepted by who provided it."""
    if scene.item is None or scene.item.provider is None or scene.link is None:
        return None
    return _review(scene, "accepted", scene.item.provider, is_refused=True)


def accept_as_owner(scene: Scene) -> Attack | None:
    if scene.item is None or scene.link is None:
        return None
    owner = next(one.owner for one in scene.model.milestones if one.id == scene.link[1])
    return _review(scene, "accepted", owner, is_refused=True) if owner else None


def reject(scene: Scene) -> Attack | None:
    if scene.item is None or scene.link is None:
        return None
    owner = next(one.owner for one in scene.model.milestones if one.id == scene.link[1])
    refused = "ada" in (owner, scene.item.provider) or scene.loses(scene.link[1], scene.item)
    return _review(scene, "rejected", "ada", is_refused=refused)


def unreview(scene: Scene) -> Attack | None:
    if scene.item is None or scene.link is None or scene.item.links[scene.link[1]] is None:
        return None
    statement = (
        "UPDATE evidence_links SET outcome = NULL, reviewed_by = NULL, reviewed_at = NULL"
        " WHERE evidence_id = ? AND milestone_id = ?"
    )
    return Attack(statement, scene.link, True)


def relink(scene: Scene) -> Attack | None:
    other = next((one for one in scene.model.milestones if scene.item and one.id not in scene.item.links), None)
    if scene.link is None or other is None:
        return None
    how = "UPDATE OR REPLACE" if scene.dialect == "sqlite" else "UPDATE"
    statement = f"{how} evidence_links SET milestone_id = ? WHERE evidence_id = ? AND milestone_id = ?"
    return Attack(statement, (other.id, *scene.link), True)


def replace_link(scene: Scene) -> Attack | None:
    """A link with its review thrown out, and one without put in its place."""
    if scene.link is None or scene.dialect != "sqlite":
        return None
    statement = (
        "INSERT OR REPLACE INTO evidence_links (evidence_id, milestone_id, plan_id, linked_at, linked_by_title)"
        " SELECT evidence_id, milestone_id, plan_id, linked_at, linked_by_title FROM evidence_links"
        " WHERE evidence_id = ? AND milestone_id = ?"
    )
    return Attack(statement, scene.link, True)


def make_a_file(scene: Scene) -> Attack | None:
    if scene.item is None or scene.item.form == "file":
        return None
    statement = "UPDATE evidence SET form = 'file', sha256 = 'x', storage_name = 'x' WHERE id = ?"
    return Attack(statement, (scene.item.id,), True)


def change_policy(scene: Scene) -> Attack:
    policy = "accepted" if scene.model.terms.policy == "attached" else "attached"
    nothing = Item("", "", scene.now, "", None)
    refused = any(scene.loses(milestone, nothing, policy=policy) for milestone in scene.achieved)
    return Attack("UPDATE plans SET evidence_policy = ?", (policy,), refused)


def move_due(scene: Scene) -> Attack:
    day = scene.today + timedelta(days=999)
    return Attack(
        "UPDATE milestones SET due_date = ? WHERE id = ?", (day, scene.story.id), scene.model.state != "draft"
    )


def move_baseline(scene: Scene) -> Attack | None:
    if scene.story.baseline is None:
        return None
    statement = "UPDATE milestones SET baseline_date = ? WHERE id = ?"
    return Attack(statement, (scene.today + timedelta(days=999), scene.story.id), True)


def forget_reopening(scene: Scene) -> Attack | None:
    if scene.story.reopened_at is None:
        return None
    return Attack("UPDATE milestones SET reopened_at = NULL WHERE id = ?", (scene.story.id,), True)


def delete(table: str) -> Callable[[Scene], Attack]:
    """Refused row by row, so that it is nothing where there is no row yet."""
    return lambda scene: Attack(f"DELETE FROM {table}", (), table != "evidence_links" or scene.item is not None)


def rewrite_trail(scene: Scene) -> Attack:
    return Attack("UPDATE audit_events SET actor_title = 'Nobody'", (), True)


def cut_trail(scene: Scene) -> Attack:
    return Attack("UPDATE audit_heads SET seq = seq - 1", (), True)


def rewrite_text(scene: Scene) -> Attack:
    return Attack("UPDATE texts SET body = 'Something else'", (), True)


def back_to_draft(scene: Scene) -> Attack:
    return Attack("UPDATE plans SET state = 'draft' WHERE state <> 'draft'", (), scene.model.state != "draft")


def open_again(scene: Scene) -> Attack:
    return Attack("UPDATE plans SET state = 'approved' WHERE state = 'closed'", (), scene.model.state == "closed")


def take_back_who_set_the_date(scene: Scene) -> Attack:
    stands = scene.story.set_by != "plan" and scene.model.state != "draft"
    return Attack("UPDATE milestones SET due_set_by = 'plan' WHERE id = ?", (scene.story.id,), stands)


def decide_own_request(scene: Scene) -> Attack:
    """Refused row by row, so that it is nothing where nothing waits."""
    waits = any(request.state == "requested" for request in scene.model.every_request())
    statement = (
        "UPDATE change_requests SET state = 'declined', decided_by = requested_by, decided_at = ?"
        " WHERE state = 'requested'"
    )
    return Attack(statement, (scene.now,), waits)


def decide_again(scene: Scene) -> Attack:
    was_decided = any(request.state != "requested" for request in scene.model.every_request())
    return Attack("UPDATE change_requests SET state = 'requested' WHERE state <> 'requested'", (), was_decided)


def say_where_it_went(scene: Scene) -> Attack:
    is_said = scene.model.state == "closed" and any(
        story.status not in ("achieved", "cancelled") for story in scene.model.milestones
    )
    return Attack("UPDATE carried_over SET to_plan_id = plan_id", (), is_said)


def truncate(scene: Scene) -> Attack | None:
    """Without a row trigger to notice."""
    return None if scene.dialect == "sqlite" else Attack("TRUNCATE evidence_links", (), True)


def _review(scene: Scene, outcome: str, by: str, *, is_refused: bool) -> Attack | None:
    statement = (
        "UPDATE evidence_links SET outcome = ?, reviewed_by = ?, reviewed_at = ?"
        " WHERE evidence_id = ? AND milestone_id = ?"
    )
    return Attack(statement, (outcome, scene.ids[by], scene.now, *(scene.link or ())), is_refused)


ATTACKS: dict[str, Callable[[Scene], Attack | None]] = {
    made.__name__: made
    for made in (
        achieve, insert_achieved, withdraw, give_back, let_expire, accept_own, accept_as_owner, reject, unreview,
        relink, replace_link, make_a_file, change_policy, move_due, move_baseline, forget_reopening, rewrite_trail,
        cut_trail, rewrite_text, back_to_draft, open_again, take_back_who_set_the_date, decide_own_request,
        decide_again, say_where_it_went, truncate,
    )
}  # fmt: skip
ATTACKS |= {f"delete_{table}": delete(table) for table in ("evidence_links", "milestones", "audit_events")}
