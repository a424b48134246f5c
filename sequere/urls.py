"""``path("sequere/", include("sequere.urls"))``: the routes ``sequere:follow`` and ``sequere:unfollow``."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "sequere"

urlpatterns = [
    path("follow/", views.follow, name="follow"),
    path("unfollow/", views.unfollow, name="unfollow"),
]
