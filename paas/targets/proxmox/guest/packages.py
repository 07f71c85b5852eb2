"""Where a guest's packages come from: a mirror of the site's, or the template's own sources."""

import base64
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from paas.targets.local.sandbox.layout import GuestError

from . import files

APT = Path("/etc/apt")
LISTS = Path("/var/lib/apt/lists")
DISABLED = ".paas.disabled"
MIRROR_PATIENCE = 15.0
REFUSED = (401, 403, 407)


def choose(mirror: str, proxy: str) -> None:
    """Let apt use the mirror and nothing else, or its own sources when there is none."""
    lines = [f'Acquire::{kind}::Proxy "{proxy}";' for kind in ("http", "https") if proxy]
    text = "\n".join([*lines, 'Acquire::Retries "2";', 'Acquire::Languages "none";', ""])
    files.write(APT / "apt.conf.d" / "90paas", text)
    own = APT / "sources.list.d" / "paas.list"
    _write_login(APT / "auth.conf.d" / "paas.conf", _login_line(mirror))
    if not mirror:
        own.unlink(missing_ok=True)
        for path in _sources():
            if path.name.endswith(DISABLED):
                path.rename(path.with_name(path.name.removesuffix(DISABLED)))
        return
    for path in _sources():
        if path != own and path.suffix in (".list", ".sources"):
            path.rename(path.with_name(path.name + DISABLED))
    if files.write(own, source_line(mirror, _codename(), proxy)):
        # Lists of other sources would hide that this one's have not been fetched yet.
        for path in LISTS.glob("*_Packages*"):
            path.unlink()


def _write_login(file: Path, line: str) -> None:
    """Keep the mirror's password where apt looks for it and the app cannot."""
    if not line:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(exist_ok=True)
    file.touch(mode=0o600)
    file.chmod(0o600)
    files.write(file, line)


def _sources() -> list[Path]:
    return [
        *APT.glob("sources.list*.disabled"),
        *APT.glob("sources.list"),
        *(APT / "sources.list.d").glob("*"),
    ]


def source_line(mirror: str, codename: str, proxy: str = "") -> str:
    """How apt is told of a mirror: Debian's layout when it has that, else a flat repository.

    A name and password in the URL are left out here: apt reads them from ``auth.conf.d``.
    """
    base, login = split_login(mirror.rstrip("/"))
    if _is_there(f"{base}/dists/{codename}/Release", login, proxy):
        return f"deb {base} {codename} main\n"
    # A flat repository of one's own has seldom a signature; who may write there decides anyway.
    return f"deb [trusted=yes] {base}/ ./\n"


def split_login(url: str) -> tuple[str, tuple[str, str] | None]:
    """A URL without its name and password, and those two."""
    parts = urllib.parse.urlsplit(url)
    login, mark, host = parts.netloc.rpartition("@")
    if not mark:
        return url, None
    name, _, password = login.partition(":")
    plain = parts._replace(netloc=host).geturl()
    return plain, (urllib.parse.unquote(name), urllib.parse.unquote(password))


def _login_line(mirror: str) -> str:
    """The mirror's name and password as apt wants them; empty when it needs none."""
    base, login = split_login(mirror.rstrip("/"))
    if login is None:
        return ""
    if any(len(word.split()) != 1 for word in login):
        raise GuestError(
            f"The name or the password of the package mirror {base} is empty or holds a space, "
            "which apt cannot be told. Set another one and put it into PAAS_GUEST_APT_MIRROR."
        )
    return f"machine {base} login {login[0]} password {login[1]}\n"


def _is_there(url: str, login: tuple[str, str] | None, proxy: str) -> bool:
    proxies = {"http": proxy, "https": proxy} if proxy else {}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(proxies))
    request = urllib.request.Request(url)  # noqa: S310 (the settings allow http and https alone)
    if login:
        proof = base64.b64encode(":".join(login).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {proof}")
    try:
        with opener.open(request, timeout=MIRROR_PATIENCE):
            return True
    except urllib.error.HTTPError as error:
        if error.code not in REFUSED:
            return False
        raise GuestError(
            f"The package mirror {url} refuses the guest: {error.code} {error.reason}. Look at the "
            "name and the password in PAAS_GUEST_APT_MIRROR and PAAS_GUEST_PROXY."
        ) from None
    except OSError as error:
        raise GuestError(
            f"The guest cannot reach the package mirror {url}: {error}. Look at "
            "PAAS_GUEST_APT_MIRROR and at what the network lets guests reach."
        ) from None


def _codename() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        name, _, value = line.partition("=")
        if name == "VERSION_CODENAME":
            return value.strip('"')
    raise GuestError("This guest's template is no Debian: it does not say its VERSION_CODENAME.")
