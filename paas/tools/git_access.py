"""How git reads a private repository: with a token over https, or a key over ssh.

Neither stands in an argument list or an environment: git and ssh read them from files that only
this user can read, in a folder that lives as long as the attempt.
"""

import base64
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from paas.tools.ansible import write_secret
from paas.tools.git_cache import TRUSTED
from paas.tools.git_commands import Remote

TOKEN, KEY = "token", "key"


@dataclass(frozen=True)
class Access:
    """``kind`` is ``token`` or ``key``, ``secret`` the token or the private key in OpenSSH's form.

    It is shown to the host of ``repository`` alone. ``owner`` tells its caches from those that
    others have of the same repository. ``port`` is ssh's.
    """

    kind: str
    repository: str
    owner: str
    secret: str = field(repr=False)
    username: str = ""
    port: int = 22

    @property
    def host(self) -> str:
        """The one host that may see it, with its port where https has another."""
        return urlsplit(self.repository).netloc

    def remote(self, url: str) -> Remote | None:
        """Where a repository is read by ssh; None when it is read as all others are."""
        parts = urlsplit(url)
        if self.kind != KEY or parts.netloc != self.host:
            return None
        return Remote(f"ssh://git@{parts.hostname}:{self.port}{parts.path}.git", ("ssh",))

    def write(self, folder: Path, known_hosts: Path) -> Path:
        """Write git's configuration, and what it names, into the folder; returns its path.

        The host's key is kept at the first contact, and must be the same ever after.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        config = folder / "git.config"
        if self.kind == KEY:
            write_secret(folder / "key", self.secret.rstrip("\n") + "\n")
            write_secret(folder / "ssh.config", _ssh_config(folder / "key", known_hosts))
            command = f'ssh -F \\"{folder / "ssh.config"}\\"'
            write_secret(config, f'{TRUSTED}[core]\n\tsshCommand = "{command}"\n')
        else:
            pair = f"{self.username or 'git'}:{self.secret}".encode()
            header = f"Authorization: Basic {base64.b64encode(pair).decode()}"
            write_secret(
                config,
                f'{TRUSTED}[http "https://{self.host}/"]\n\textraHeader = "{header}"\n'
                # What is shown to this host must not follow to another.
                "\tfollowRedirects = false\n",
            )
        return config


def _ssh_config(key: Path, known_hosts: Path) -> str:
    lines = {
        "IdentityFile": f'"{key}"',
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "BatchMode": "yes",
        "StrictHostKeyChecking": "accept-new",
        "UserKnownHostsFile": f'"{known_hosts}"',
        "GlobalKnownHostsFile": "none",
        "UpdateHostKeys": "no",
        "ForwardAgent": "no",
        "ConnectTimeout": "20",
        "ServerAliveInterval": "15",
        "LogLevel": "ERROR",
    }
    return "Host *\n" + "".join(f"  {name} {value}\n" for name, value in lines.items())
