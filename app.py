"""What a WSGI server loads: ``gunicorn app:app``."""

import paas

app = paas.create_app()
