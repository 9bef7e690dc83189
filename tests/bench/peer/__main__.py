"""Serves the admin with the same server as ours: `python -m tests.bench.peer`."""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn


def main() -> None:
    """Set Django up, sign a superuser in, and serve until stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    _configure(given.database, given.data)

    import django
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    settings.BENCH_SESSION = f"sessionid={_session()}"
    uvicorn.run(
        get_asgi_application(), host="127.0.0.1", port=given.port, access_log=False, log_config=None, lifespan="off"
    )


def _configure(database: Path, data: Path) -> None:
    from django.conf import settings

    kept = {"ENGINE": "django.db.backends.sqlite3"}
    contrib = ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles")
    settings.configure(
        DEBUG=False,
        SECRET_KEY="only-for-measuring",
        ALLOWED_HOSTS=["127.0.0.1"],
        DATABASES={"default": {**kept, "NAME": data / "django.db"}, "waymark": {**kept, "NAME": database}},
        DATABASE_ROUTERS=["tests.bench.peer.routing.Router"],
        INSTALLED_APPS=[*(f"django.contrib.{name}" for name in contrib), "tests.bench.peer"],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        ROOT_URLCONF="tests.bench.peer.urls",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        STATIC_URL="/static/",
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )


def _session() -> str:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
    from django.contrib.sessions.backends.db import SessionStore

    user = get_user_model().objects.create_superuser("bench", password="bench")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


main()
