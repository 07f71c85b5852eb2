"""A small FastAPI app: one page that says what it runs on, /health, and /docs of FastAPI."""

import html
import os
import platform
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

app = FastAPI(title="FastAPI sample")
PAGE = (Path(__file__).parent / "page.html").read_text()


@app.get("/", response_class=HTMLResponse)
async def index() -> str:
    facts = {
        "Release": os.environ.get("PAAS_RELEASE", "on this machine"),
        "FastAPI": version("fastapi"),
        "Python": platform.python_version(),
    }
    rows = (f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in facts.items())
    return PAGE.replace("<!-- facts -->", "".join(rows))


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "healthy"}
