"""What guests are told of the site they live in: mirrors, proxies, certificates."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from paas.settings import Settings
from paas.targets.local import surroundings
from paas.targets.proxmox.guest import places

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
BUNDLE_VARIABLES = (
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
    "npm_config_cafile",
    "GIT_SSL_CAINFO",
    "COMPOSER_CAFILE",
)
HELPERS = {"PAAS_STATIC_SERVER": "static_server.py", "PAAS_PHP_ROUTER": "php_router.php"}
NOT_PROXIED = "localhost,127.0.0.1,::1"


@dataclass(frozen=True)
class Surroundings:
    """URLs, each empty where guests use what everybody uses; ``ca`` is PEM text."""

    apt_mirror: str = ""
    pip_index: str = ""
    pip_find_links: str = ""
    npm_registry: str = ""
    goproxy: str = ""
    proxy: str = ""
    ca: str = ""

    @classmethod
    def of(cls, settings: Settings) -> "Surroundings":
        """What the settings say; reads the file with the certificates."""
        file = settings.guest_ca_file
        return cls(
            apt_mirror=settings.guest_apt_mirror,
            pip_index=settings.guest_pip_index,
            pip_find_links=settings.guest_pip_find_links,
            npm_registry=settings.guest_npm_registry,
            goproxy=settings.guest_goproxy,
            proxy=settings.guest_proxy,
            ca=Path(file).read_text() if file else "",
        )

    @property
    def certificates(self) -> list[str]:
        """The certificates one by one: a system's store wants one in a file."""
        return [f"{text}\n" for text in CERTIFICATE.findall(self.ca)]

    def environment(self) -> dict[str, str]:
        """The variables of every process of the app."""
        given = {**self._indexes(), **self._network()}
        helpers = {name: str(places.helpers() / file) for name, file in HELPERS.items()}
        cache = places.HOME / "cache"
        return {**surroundings.environment(given, cache, is_shared=False), **helpers}

    def _indexes(self) -> dict[str, str]:
        values = {
            "PIP_INDEX_URL": self.pip_index,
            "UV_DEFAULT_INDEX": self.pip_index,
            "PIP_FIND_LINKS": self.pip_find_links,
            "UV_FIND_LINKS": self.pip_find_links,
            "npm_config_registry": self.npm_registry,
            "GOPROXY": self.goproxy,
        }
        if self.pip_find_links and not self.pip_index:
            # A folder of wheels alone is a site without an index: asking for one only takes time.
            values |= {"PIP_NO_INDEX": "1", "UV_NO_INDEX": "1"}
        plain = [
            urlsplit(url).hostname or ""
            for url in (self.pip_index, self.pip_find_links)
            if url.startswith("http://")
        ]
        values["PIP_TRUSTED_HOST"] = " ".join(dict.fromkeys(plain))
        return {name: value for name, value in values.items() if value}

    def _network(self) -> dict[str, str]:
        values: dict[str, str] = {}
        if self.proxy:
            for name in ("HTTP_PROXY", "HTTPS_PROXY"):
                values |= {name: self.proxy, name.lower(): self.proxy}
            values |= {"NO_PROXY": NOT_PROXIED, "no_proxy": NOT_PROXIED}
        if self.ca:
            values |= dict.fromkeys(BUNDLE_VARIABLES, BUNDLE)
            values["UV_SYSTEM_CERTS"] = "1"
        return values
