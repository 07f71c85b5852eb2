"""The RQ dashboard at /rq."""

import re

from flask.testing import FlaskClient
from redis import Redis
from rq import Queue

from paas.engine.platform import Platform
from tests.web.support import form


def test_only_the_script_with_this_answer_s_nonce_may_run(client: FlaskClient) -> None:
    first, second = client.get("/rq/"), client.get("/rq/")
    policy = first.headers["Content-Security-Policy"]
    nonce = re.search(r"'nonce-([\w-]+)'", policy)
    assert nonce
    assert f'<script nonce="{nonce[1]}">' in first.text
    assert nonce[1] not in second.text
    assert "script-src 'self' 'nonce-" in policy
    assert "'unsafe-inline'" not in policy.partition("style-src")[0]


def test_data_comes_without_a_script_policy_of_its_own(client: FlaskClient) -> None:
    answer = client.get("/rq/0/data/queues.json")
    assert answer.mimetype == "application/json"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_a_job_is_shown_and_an_unknown_one_is_a_page(client: FlaskClient, core: Platform) -> None:
    queue = Queue("looked-at", connection=Redis.from_url(core.settings.redis_url))
    job = queue.enqueue("time.sleep", 0)
    try:
        assert client.get(f"/rq/0/view/job/{job.id}").status_code == 200
        assert "looked-at" in client.get("/rq/0/data/queues.json").text
    finally:
        queue.delete()
    assert client.get(f"/rq/0/view/job/{job.id}").status_code == 404


def test_it_is_for_looking_only(client: FlaskClient, core: Platform) -> None:
    queue = Queue("kept", connection=Redis.from_url(core.settings.redis_url))
    job = queue.enqueue("time.sleep", 0)
    token = form(client.get("/").text, "/").fields["csrf_token"]
    try:
        for path in (f"job/{job.id}/delete", f"job/{job.id}/requeue", "queue/kept/compact"):
            answer = client.post(f"/rq/{path}", headers={"X-CSRFToken": token})
            assert answer.status_code == 403
            assert "for looking only" in answer.text
        assert queue.get_job_ids() == [job.id]
    finally:
        queue.delete()
