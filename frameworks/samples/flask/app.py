"""A small Flask app: one page that says what it runs on, and /health."""

import os
import platform
from importlib.metadata import version

from flask import Flask, render_template

app = Flask(__name__)
app.config["SECRET_KEY"] = os.environ.get("SECRET_KEY", "only for development")


@app.get("/")
def index() -> str:
    facts = {
        "Release": os.environ.get("PAAS_RELEASE", "on this machine"),
        "Flask": version("flask"),
        "Python": platform.python_version(),
    }
    return render_template("index.html", facts=facts)


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "healthy"}
