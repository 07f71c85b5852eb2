"""The platform's web process and Redis without workers, for what only they should do.

``python -m bench.web_only`` serves the instance of the environment's settings.
"""

import subprocess
from dataclasses import replace

from paas.running.listening import listen
from paas.running.web import serve
from paas.settings import Settings
from paas.store.setup import prepare
from paas.tools import redis_server


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings.read()
    prepare(settings)
    folder = redis_server.make_socket_folder(settings.instance)
    command = redis_server.arguments(settings.instance / "redis", folder / "redis.sock")
    redis = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        with listen(settings.host, settings.port) as listener:
            serve(replace(settings, redis_url=redis_server.url(settings.instance)), listener)
    finally:
        redis.terminate()
        redis.wait()
        redis_server.remove_socket_folder(settings.instance)


if __name__ == "__main__":
    main()
