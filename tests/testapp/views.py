from __future__ import annotations

from django.shortcuts import get_object_or_404, render

from .models import Project


def show_project(request, pk):
    return render(request, "testapp/project.html", {"project": get_object_or_404(Project, pk=pk)})
