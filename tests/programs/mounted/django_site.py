"""A Django site with its admin, on a database in a file beside it, and a view with a form."""

from __future__ import annotations

from pathlib import Path

import django
from django.conf import settings
from django.contrib import admin
from django.contrib.staticfiles.views import serve
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path, reverse

settings.configure(
    DEBUG=True,
    SECRET_KEY="secret",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    STATIC_URL="/django/static/",
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).with_name("django.sqlite3")}},
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.staticfiles",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
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
)
django.setup()


def where(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{request.build_absolute_uri()} {reverse('admin:index')}")


urlpatterns = [path("admin/", admin.site.urls), path("where/", where), re_path(r"^static/(?P<path>.*)$", serve)]
application = get_wsgi_application()


def prepare() -> None:
    """Make the database, and the user who may log in."""
    from django.contrib.auth.models import User

    call_command("migrate", verbosity=0)
    User.objects.create_superuser("root", "root@example.org", "secret")


if __name__ == "__main__":
    prepare()
