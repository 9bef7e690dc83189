"""Real servers to be killed: this process loads the application once, and forks a server of its own for each line that
it is given. Run as `python -m tests.crash.nursery PORT` with Waymark's settings in the environment; it says the process
id of each server that it has begun.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from datetime import timedelta

import uvicorn

from app import main
from app.main import application
from app.services import evidence_export_building, jobs

# Often enough that a server is killed in the middle of them.
main.EXPORT_SECONDS = main.SCAN_SECONDS = 0.01  # type: ignore[assignment]
jobs.EVERY = timedelta(milliseconds=10)
evidence_export_building.TOLD_EVERY = 0.0


def serve(port: int) -> None:
    """What `waymark serve` runs. The socket is its own: who comes when it is dead is turned away at once."""
    listening = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(application, factory=True, proxy_headers=False, access_log=False, log_config=None)
    uvicorn.Server(config).run(sockets=[listening])


def run() -> None:
    port = int(sys.argv[1])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who was killed needs nobody to wait for it
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            with open(os.devnull) as nothing:  # noqa: PTH123 - a file descriptor is wanted
                os.dup2(nothing.fileno(), 0)
            os.dup2(2, 1)
            serve(port)
            os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    run()
