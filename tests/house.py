"""The whole application over a test's world, and clients that come through its doors: a browser, a program, a stranger.

    def test_something(house: House) -> None:
        answer = house.browser("petra").get("/plans")

No lifespan runs, so nothing happens behind a test's back; `house.app.state.last_seen.flush(...)` is called by hand.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from app.domain.actors import system_actor
from app.domain.words import Door, Scope
from app.main import bare_app, configure_logging, furnish
from app.pages.deps import cookie_name
from app.services import identity, keys
from app.services.identity import Limits
from app.settings import Settings
from tests.factories import POLICE, World

FRONT_DOOR = "Call the referral team on 020 7946 0000"
LIMITS = Limits(idle=timedelta(hours=1), absolute=timedelta(hours=12))


class House:
    """An application, the world it serves, and ways in."""

    def __init__(self, world: World, folder: Path, **settings: Any) -> None:
        configure_logging()
        self.world = world
        self.settings = Settings(data=folder, database_url=world.database.url, **settings)
        self.app: FastAPI = _routes(**settings)
        furnish(self.app, self.settings, database=world.database, storage=None, clock=world.clock)

    def stranger(self, *, address: str = "203.0.113.5", **headers: str) -> TestClient:
        """A browser that nobody has signed in with."""
        return self._client(address, {"Sec-Fetch-Site": "same-origin", "User-Agent": "Test browser", **headers})

    def browser(self, who: str) -> TestClient:
        """A browser in which one of the cast is signed in."""
        client = self.stranger()
        client.cookies.set(cookie_name(self.settings), self.session(who))
        return client

    def program(self, secret: str = "", *, address: str = "203.0.113.9") -> TestClient:
        """A program that sends a key or token, or nothing."""
        return self._client(address, {"Authorization": f"Bearer {secret}"} if secret else {})

    def api(self, who: str) -> TestClient:
        """A program that acts with the token of one of the cast."""
        return self.program(self.token(who))

    def partner(self, *scopes: Scope, organisation: str = POLICE, plans: tuple[str, ...] = ()) -> TestClient:
        """A program of a partner, with a key of these scopes for the plan."""
        return self.program(self.key(*scopes, organisation=organisation, plans=plans))

    def session(self, who: str) -> str:
        """The token of a session that one of the cast has just begun."""
        person_id = self.world.people[who].id
        return str(self._as_system(identity.open_session, person_id=person_id, limits=LIMITS, browser="Test browser"))

    def token(self, who: str, *, days: int = 30) -> str:
        """A personal token of one of the cast."""
        return self.world.write(who, keys.create_token, name="test", days=days).secret

    def key(
        self, *scopes: Scope, organisation: str = POLICE, plans: tuple[str, ...] = (), days: int = 30,
        needs_release: bool = False,
    ) -> str:  # fmt: skip
        """An organisation's key for the plan, or for other ones (slugs)."""
        self._as_system(keys.set_front_door, contact=FRONT_DOOR)
        issued = self._as_system(
            keys.create_key, organisation=organisation, plans=plans or (self.world.plan,), scopes=scopes, days=days,
            needs_release=needs_release,
        )  # fmt: skip
        return str(issued.secret)

    def _as_system(self, service: Any, **given: Any) -> Any:
        return self.world.write(system_actor(Door.CLI), service, **given)

    def _client(self, address: str, headers: dict[str, str]) -> TestClient:
        return TestClient(
            self.app,
            base_url=self.settings.public_origin,
            headers=headers,
            client=(address, 50000),
            follow_redirects=False,
            raise_server_exceptions=False,
        )


@cache
def _routes(**settings: Any) -> FastAPI:
    """Routes and layers, made once for all tests with the same settings; each house furnishes them anew."""
    return bare_app(Settings(**settings))
