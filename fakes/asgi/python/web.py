"""A whole Django site in one file: its settings, its URLs, its views and its ASGI application."""

import asyncio
import os

from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import re_path

import behave

os.environ.setdefault("DJANGO_SETTINGS_MODULE", __name__)

SECRET_KEY = "no secret: nothing here is signed"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = __name__
TIME_ZONE = "UTC"
USE_TZ = True


def view(django):
    """Django runs it in a thread, beside the event loop."""
    request = came(django)
    if request.path == "/work":
        behave.burn(request.milliseconds("cpu"))
    if request.path == "/shared":
        behave.share(request)
    return answer(request)


async def slow(django):
    """On the event loop, which goes on meanwhile."""
    request = came(django)
    await asyncio.sleep(request.milliseconds("ms"))
    return answer(request)


async def stuck(django):
    """Django runs it on the event loop."""
    request = came(django)
    behave.stick(request.milliseconds("ms"))
    return answer(request)


def came(django):
    headers = {name.lower(): value for name, value in django.headers.items()}
    request = behave.Request(django.method, django.path, django.META["QUERY_STRING"], headers)
    request.began()
    return request


def answer(request):
    response = HttpResponse(request.body(), status=behave.status_of(request.path))
    for name, value in request.headers_out().items():
        response[name] = value
    request.ended(response.status_code, len(response.content))
    return response


urlpatterns = [re_path("^slow$", slow), re_path("^stuck$", stuck), re_path("", view)]
application = get_asgi_application()
