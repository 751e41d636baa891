# SPDX-License-Identifier: Apache-2.0
"""Django's test runner over models, forms, templates and views of a small application."""

import sys
import unittest

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="x",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[f"django.contrib.{name}" for name in ("contenttypes", "auth", "sessions")],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
)
django.setup()

from django import forms  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.template import engines  # noqa: E402
from django.test import TestCase  # noqa: E402
from django.test.runner import DiscoverRunner  # noqa: E402
from django.urls import path  # noqa: E402

PAGE = engines["django"].from_string(
    "{% for u in users %}<p>{{ u.username|upper }}</p>{% endfor %}"
)


def users(request):
    return HttpResponse(PAGE.render({"users": User.objects.order_by("username")}))


urlpatterns = [path("users", users)]


class UserForm(forms.Form):
    name = forms.CharField(max_length=20)
    age = forms.IntegerField(min_value=0)


class Tests(TestCase):
    @classmethod
    def setUpTestData(cls):
        for i in range(30):
            User.objects.create_user(f"user{i}", f"user{i}@example.org", "secret")


def add_test(number):
    def test(self):
        page = self.client.get("/users").content.decode()
        assert page.count("<p>") == 30
        assert self.client.login(username=f"user{number % 30}", password="secret")
        assert UserForm({"name": "a", "age": str(number)}).is_valid()
        assert not UserForm({"name": "a" * 30, "age": "-1"}).is_valid()

    setattr(Tests, f"test_{number}", test)


for number in range(60):
    add_test(number)


class Runner(DiscoverRunner):
    def build_suite(self, *args, **kwargs):
        return unittest.defaultTestLoader.loadTestsFromTestCase(Tests)


sys.exit(bool(Runner(verbosity=1).run_tests([])))
