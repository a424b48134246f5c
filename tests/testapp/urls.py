from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from . import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("projects/<int:pk>/", views.show_project, name="project"),
    path("", include("sequere.urls")),
]
