"""What every process of a guest is given: where tools lie, caches, certificates, proxies."""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

LET_THROUGH = frozenset(
    """
    SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE REQUESTS_CA_BUNDLE NODE_EXTRA_CA_CERTS
    GIT_SSL_CAINFO PIP_CERT npm_config_cafile NPM_CONFIG_CAFILE COMPOSER_CAFILE
    HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy no_proxy
    PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_NO_INDEX PIP_TRUSTED_HOST
    UV_INDEX UV_DEFAULT_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_FIND_LINKS UV_NO_INDEX
    UV_OFFLINE UV_INDEX_STRATEGY UV_INSECURE_HOST UV_NATIVE_TLS UV_SYSTEM_CERTS UV_HTTP_TIMEOUT
    npm_config_registry NPM_CONFIG_REGISTRY npm_config_strict_ssl
    GOPROXY GOSUMDB GONOSUMDB GONOPROXY GOPRIVATE GOINSECURE GOFLAGS
    COMPOSER_REPO_PACKAGIST TZ
    """.split()  # noqa: SIM905 (readable as it is)
)
"""What guests see of the platform's own environment, by name."""

FIXED = {
    "COMPOSER_NO_INTERACTION": "1",
    # A version that the host lacks is refused in words, never downloaded behind one's back.
    "GOTOOLCHAIN": "local",
    "UV_PYTHON_DOWNLOADS": "never",
    "NEXT_TELEMETRY_DISABLED": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "npm_config_audit": "false",
    "npm_config_fund": "false",
    "npm_config_update_notifier": "false",
}
CACHES = {
    "XDG_CACHE_HOME": "xdg",
    "UV_CACHE_DIR": "uv",
    "PIP_CACHE_DIR": "pip",
    "npm_config_cache": "npm",
    "YARN_CACHE_FOLDER": "yarn",
    "GOPATH": "go",
    "GOMODCACHE": "go/pkg/mod",
    "GOCACHE": "go-build",
    "COMPOSER_HOME": "composer",
}


def environment(given: Mapping[str, str], cache: Path, *, is_shared: bool) -> dict[str, str]:
    """The variables for builds and apps; ``is_shared`` when they run as another user."""
    allowed = {
        name: value
        for name, value in given.items()
        if name in LET_THROUGH and not (is_shared and _is_out_of_reach(value))
    }
    caches = {name: str(cache / folder) for name, folder in CACHES.items()}
    return {**caches, **FIXED, **allowed}


def _is_out_of_reach(value: str) -> bool:
    """Whether the value is a path that other users cannot enter: it would only break them."""
    return value.startswith("/") and not is_reachable(Path(value))


def is_reachable(path: Path) -> bool:
    """Whether other users may enter every folder above a path and use what is there."""
    try:
        real = path.resolve(strict=True)
        return all(part.stat().st_mode & 0o001 for part in real.parents) and bool(
            real.stat().st_mode & 0o005
        )
    except OSError:
        return False


def provide(folder: Path, programs: Iterable[Path], *, is_shared: bool) -> None:
    """Put the platform's tools where guests find them and nothing else of the platform.

    Links serve guests of the same user; other users cannot follow them, so they get copies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755 if is_shared else 0o700)
    for program in programs:
        place = folder / program.name
        if is_shared:
            _copy(program, place)
        elif not place.is_symlink() or place.readlink() != program:
            draft = folder / f".{program.name}.{os.getpid()}"
            draft.unlink(missing_ok=True)
            draft.symlink_to(program)
            draft.replace(place)


def _copy(program: Path, place: Path) -> None:
    wanted = program.stat()
    if place.is_file():
        present = place.stat()
        if (present.st_size, present.st_mtime_ns) == (wanted.st_size, wanted.st_mtime_ns):
            return
    draft = place.with_name(f".{place.name}.{os.getpid()}")
    shutil.copy2(program, draft)
    draft.chmod(0o755)
    draft.replace(place)
