"""What a user may take home: the Terraform of an app, with its state."""

import io
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from paas.domain.errors import Conflict
from paas.domain.permissions import Permission
from paas.domain.specs import Actor, GuestSpec
from paas.domain.states import GuestState
from paas.engine.platform import Platform
from paas.services.allowed import needs
from paas.services.listing import known_form
from paas.store import apps, guests
from paas.tools.terraform import Workspace

README = """\
# {name}: its infrastructure, yours to keep

This folder describes the guest of the app `{name}` as the platform made it.

- `main.tf` and `guest/` are the configuration,
- `terraform.tfvars.json` holds its values,
- `terraform.tfstate` says what was made. It may hold secrets: keep it to yourself.

To look after the guest yourself:

    terraform init
    terraform plan        # says "No changes"

OpenTofu reads the same files (`tofu init`, `tofu plan`). Run it where {where}.

From your first `terraform apply` on, the platform's own record of this guest is out of date.
Let one of the two look after it, not both: delete the app in the platform only if you want the
guest destroyed.
"""
PROXMOX = """\
the API of Proxmox can be reached, and say in the environment
how; no secret stands in these files:

    export PROXMOX_VE_ENDPOINT=https://pve.example.com:8006/
    export PROXMOX_VE_API_TOKEN='user@realm!name=secret'
    export SSL_CERT_FILE=pve-root-ca.pem    # where the cluster's own authority signed

The token needs the rights that docs/proxmox.md of the platform lists. On machines without a way to
the registry, the provider `bpg/proxmox` comes from a filesystem mirror"""
WHERE = {"local": "the platform runs", "proxmox_lxc": PROXMOX, "proxmox_vm": PROXMOX}


@needs(Permission.STATE_READ)
def terraform_zip(platform: Platform, actor: Actor, app_id: str) -> bytes:
    """Configuration, values, state and a README; raises ``Conflict`` while there is no guest."""
    with platform.store.read() as session:
        app = apps.find(session, actor, known_form(app_id))
        guest = guests.of_slot(session, app.id, 1)
        sealed = guests.latest_state(session, guest.id) if guest else None
        if guest is None or sealed is None or guest.state != GuestState.PRESENT:
            raise Conflict(
                "This deployment has no guest now, so there is no Terraform state to take home"
            )
        spec = guests.spec(session, guest, platform.installation)
        name = app.name
    return _zip(platform, spec, name, platform.store.vault.open(sealed))


def _zip(platform: Platform, spec: GuestSpec, name: str, state: bytes) -> bytes:
    target = platform.target(spec.target, spec.endpoint)
    buffer = io.BytesIO()
    with TemporaryDirectory(dir=platform.folder("run")) as temporary:
        folder = Path(temporary) / name
        Workspace.make(folder, target.module, target.values(spec), backend=False)
        # The row follows a guest that was moved at once, its state only at the next operation.
        (folder / "terraform.tfstate").write_bytes(target.moved_state(state, spec.node))
        text = README.format(name=name, where=WHERE[spec.target])
        (folder / "README.md").write_text(text)
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    archive.write(file, file.relative_to(temporary))
    return buffer.getvalue()
