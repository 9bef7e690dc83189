"""A real server in a thread of the test process, on a port that the system chooses.

One server serves a whole worker; what it works on (database, files, clock) is changed between tests, which takes a
hundredth of the time that starting it takes.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from app.db import Database
from app.main import bare_app, configure_logging, furnish
from app.settings import Settings


@dataclass
class Clock:
    """A clock that goes on as time does, `ahead` of the one outside."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def forward(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@dataclass
class Server:
    """A running server. `furnish` before the first request."""

    app: FastAPI
    settings: Settings
    clock: Clock = field(default_factory=Clock)

    @property
    def origin(self) -> str:
        return self.settings.public_origin

    def furnish(self, database: Database, *, data: Path, at: datetime, **settings: Any) -> None:
        """Serve this database from the moment `at` on, with the evidence files below `data`, and what else is set."""
        self.clock = Clock(at - datetime.now(UTC))
        chosen = self.settings.model_copy(update={"data": data, **settings})
        furnish(self.app, chosen, database=database, storage=None, clock=lambda: self.clock())


@contextmanager
def running_server(database: Database, *, data: Path, at: datetime) -> Iterator[Server]:
    """A server that answers at `.origin` as long as the context lasts."""
    configure_logging()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(100)
        settings = Settings(port=listening.getsockname()[1], run_jobs_in_process=False)
        server = Server(bare_app(settings), settings)
        server.furnish(database, data=data, at=at)
        config = uvicorn.Config(
            server.app, proxy_headers=False, access_log=False, server_header=False, log_config=None, lifespan="on"
        )
        inner = uvicorn.Server(config)
        thread = threading.Thread(target=inner.run, kwargs={"sockets": [listening]}, name="server")
        thread.start()
        try:
            yield server  # the socket listens already: who comes before the server is ready waits there
        finally:
            inner.should_exit = True
            thread.join(timeout=30)
            assert not thread.is_alive(), "the server did not stop"
