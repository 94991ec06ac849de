"""A Django site with its admin, on a database in a file beside it, and views for uploads."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.contrib import admin
from django.contrib.staticfiles.views import serve
from django.core.asgi import get_asgi_application
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path, re_path, reverse
from django.views.decorators.csrf import csrf_exempt

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


@csrf_exempt
def upload(request: HttpRequest) -> HttpResponse:
    """Tell what has come, and where Django keeps it: in memory, or in a file above FILE_UPLOAD_MAX_MEMORY_SIZE."""
    file: Any = request.FILES.get("file")
    if file is None:
        return HttpResponse("no file")
    kept = "in a file" if hasattr(file, "temporary_file_path") else "in memory"
    digest = hashlib.sha256(b"".join(file.chunks())).hexdigest()
    return JsonResponse({"name": file.name, "title": request.POST["title"], "digest": digest, "kept": kept})


@csrf_exempt
def body(request: HttpRequest) -> HttpResponse:
    """Tell the size of a body, which may be as large as DATA_UPLOAD_MAX_MEMORY_SIZE."""
    return HttpResponse(str(len(request.body)))


@csrf_exempt
def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Send a body back, read piece by piece."""
    return StreamingHttpResponse(iter(lambda: request.read(65536), b""))


urlpatterns = [
    path("admin/", admin.site.urls),
    path("where/", where),
    path("upload/", upload),
    path("body/", body),
    path("stream/", stream),
    re_path(r"^static/(?P<path>.*)$", serve),
]
application = get_wsgi_application()
asgi_application = get_asgi_application()


def prepare() -> None:
    """Make the database, and the user who may log in."""
    from django.contrib.auth.models import User

    call_command("migrate", verbosity=0)
    User.objects.create_superuser("root", "root@example.org", "secret")


if __name__ == "__main__":
    prepare()
