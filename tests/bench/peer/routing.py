"""Which database a model lives in: Django's own tables in a file of their own, ours where they are."""

from typing import Any


class Router:
    """Reads the application's tables from its database."""

    def db_for_read(self, model: Any, **_: Any) -> str:
        return "waymark" if model._meta.app_label == "peer" else "default"

    def db_for_write(self, model: Any, **_: Any) -> str:
        return "default"

    def allow_relation(self, *_: Any, **__: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool:
        return db == "default" and app_label != "peer"
