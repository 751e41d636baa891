# SPDX-License-Identifier: Apache-2.0
"""Django in one file, by WSGI, with a thread for each connection."""

from __future__ import annotations

import itertools
import socketserver
import threading
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import held
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.urls import re_path

PAGE = "{{ path }} {% for row in rows %}<li>{{ row.number }} {{ row.text|upper }}</li>{% endfor %}"
COUNT = itertools.count()


def page(request: HttpRequest) -> HttpResponse:
    next(COUNT)
    rows = [{"number": number, "text": f"row {number}"} for number in range(30)]
    return HttpResponse(Template(PAGE).render(Context({"path": request.path, "rows": rows})))


urlpatterns = [re_path(r"^.*$", page)]


class Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 100


class Handler(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


def main() -> None:
    settings.configure(
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="none",
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    )
    server = Server(("127.0.0.1", 0), Handler)
    server.set_app(get_wsgi_application())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    held.ready(server.server_address[1])
    held.wait()
    server.shutdown()
    held.say(next(COUNT))


main()
