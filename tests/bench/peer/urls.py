"""The admin, and whether the server is there."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpResponse
from django.urls import path


def ready(_: Any) -> Any:
    """The cookie of a session that is signed in."""
    return HttpResponse(settings.BENCH_SESSION)


urlpatterns = [path("ready", ready), path("admin/", admin.site.urls)]
