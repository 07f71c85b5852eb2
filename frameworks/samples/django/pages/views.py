import os
import platform

import django
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from pages.models import Visit


def index(request: HttpRequest) -> HttpResponse:
    Visit.objects.create()
    facts = {
        "Release": os.environ.get("PAAS_RELEASE", "on this machine"),
        "Django": django.get_version(),
        "Python": platform.python_version(),
        "Visits": Visit.objects.count(),
    }
    return render(request, "index.html", {"facts": facts})


def health(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "healthy"})
