"""``path("sequere/", include("sequere.urls"))``: a route for each view, such as ``sequere:follow``."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "sequere"

urlpatterns = [
    path("follow/", views.follow, name="follow"),
    path("unfollow/", views.unfollow, name="unfollow"),
    path("cancel/", views.cancel, name="cancel"),
    path("accept/", views.accept, name="accept"),
    path("deny/", views.deny, name="deny"),
    path("remove-follower/", views.remove_follower, name="remove_follower"),
    path("block/", views.block, name="block"),
    path("unblock/", views.unblock, name="unblock"),
    path("mute/", views.mute, name="mute"),
    path("unmute/", views.unmute, name="unmute"),
]
