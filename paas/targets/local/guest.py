"""The guest program: ``python -I -S guest.py VERB [--guest DIR] [--release N] ...``.

It stands on its own, without the platform: Terraform's provisioners and Ansible's tasks run it
by its path, and each supervisor is a copy of it that lives as long as its guest.

    create, destroy            make or remove a guest; values come as PAAS_GUEST_* variables
    exec ... -- ARGV           become the guest's user in a release's folder and run ARGV
    start-release              run a release beside the current one; prints its private port
    switch, retire             let a release serve; end one that does not and remove it
    stop, start, status        end or start the app, say how it is
    revive                     give a guest that lost its supervisor a new one
    serve                      be the supervisor (started by create and revive)

Exit codes: 0 done, 1 failed with a sentence on stderr, 2 wrong usage, 3 the guest is another's.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paas.targets.local.sandbox.verbs import main
else:
    # The platform's own package is not imported: its dependencies are not there, and are slow.
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from sandbox.verbs import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
