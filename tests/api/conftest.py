"""The JSON door with the named cast at it: each of them with a token, partners with keys."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.domain.actors import system_actor
from app.domain.milestones import MilestoneView
from app.domain.words import Door, Scope
from app.services import keys
from tests.factories import CAST, POLICE, World
from tests.house import House

PREFIX = "/api/v1"
# For what is judged before a database is asked, or has been judged on both elsewhere.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
DOMAINS = {"haringey-council": "haringey", "metropolitan-police": "police", "nhs-haringey": "nhs"}


@dataclass
class Api:
    """The application over a world's database, and short ways to ask it as one of the cast."""

    app: FastAPI
    world: World
    folder: Path
    secrets: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client = TestClient(self.app, raise_server_exceptions=False)

    def system(self, service: Any, **given: Any) -> Any:
        return self.world.write(system_actor(Door.CLI), service, **given)

    def secret(self, who: str) -> str:
        """One of the cast's token, or a key that `key` made under that name."""
        if who not in self.secrets:
            mailbox, _, organisation, _ = CAST[who]
            address = f"{mailbox}@{DOMAINS[organisation]}.example"
            self.secrets[who] = self.system(keys.create_token, person=address, name="test").secret
        return self.secrets[who]

    def key(
        self, name: str, *scopes: Scope, organisation: str = POLICE, plans: tuple[str, ...] = (), days: int = 30
    ) -> str:
        """Issue a partner's key; it is used by its name from then on."""
        issued = self.system(
            keys.create_key, organisation=organisation, plans=plans or (self.world.plan,),
            scopes=[str(scope) for scope in scopes], days=days, name=name,
        )  # fmt: skip
        self.secrets[name] = issued.secret
        return name

    def ask(self, method: str, path: str, who: str | None = "petra", **given: Any) -> Any:
        headers = dict(given.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer {self.secret(who)}"
        return self.client.request(method, PREFIX + path, headers=headers, **given)

    def get(self, path: str, who: str | None = "petra", **given: Any) -> Any:
        return self.ask("GET", path, who, **given)

    def post(self, path: str, who: str | None = "petra", **given: Any) -> Any:
        return self.ask("POST", path, who, **given)

    def patch(self, path: str, who: str | None = "petra", **given: Any) -> Any:
        return self.ask("PATCH", path, who, **given)

    def attach(self, milestone: MilestoneView | str, who: str = "connie", **given: Any) -> Any:
        """Send a small file to a milestone: the same one when the same person sends it by the same title."""
        wanted = milestone if isinstance(milestone, str) else milestone.row.id
        data = {"title": "Rota", **given.pop("data", {})}
        sent = {"file": ("rota.txt", f"{data['title']}, sent by {who}\n".encode(), "text/plain")}
        return self.post(f"/milestones/{wanted}/evidence", who, files=given.pop("files", sent), data=data, **given)

    @property
    def stored(self) -> list[str]:
        """What lies in the evidence store, unfinished uploads too."""
        return sorted(str(file.relative_to(self.folder)) for file in self.folder.rglob("*") if file.is_file())


def open_api(world: World, folder: Path) -> Api:
    """The application over a world's database."""
    contact = "Haringey front door, 020 8489 0000"
    world.write(system_actor(Door.CLI), keys.set_front_door, contact=contact)
    house = House(world, folder, api_requests_per_minute=100_000)
    return Api(house.app, world, folder / "evidence")


@pytest.fixture
def api(world: World, tmp_path: Path) -> Api:
    return open_api(world, tmp_path)


def problem(response: Any, status: int) -> dict[str, Any]:
    """The problem document of an answer, which must be one of this status."""
    assert response.status_code == status, (response.status_code, response.text)
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert {"type", "title", "detail", "instance"} <= document.keys()
    return document


def codes(response: Any, status: int = 409) -> list[str]:
    """The reason codes of a refusal, or the error codes of a 422."""
    document = problem(response, status)
    return [one["code"] for one in document["reasons" if status == 409 else "errors"]]


def pointers(response: Any) -> list[str]:
    """Which fields a 422 points at."""
    return [one["pointer"] for one in problem(response, 422)["errors"]]


def made(response: Any) -> dict[str, Any]:
    """The body of a 201."""
    assert response.status_code == 201, (response.status_code, response.text)
    body: dict[str, Any] = response.json()
    return body


def shown(response: Any) -> dict[str, Any]:
    """The body of a 200."""
    assert response.status_code == 200, (response.status_code, response.text)
    body: dict[str, Any] = response.json()
    return body


@pytest.fixture
def sqlite_api(sqlite_world: World, tmp_path: Path) -> Api:
    """The same on SQLite alone: for what happens before a database is asked."""
    return open_api(sqlite_world, tmp_path)
