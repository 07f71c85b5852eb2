"""Letters, sent to a real server on loopback."""

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from paas.domain.errors import Unavailable
from paas.domain.mail_server import MailServer
from paas.tools import mail
from tests.tools.smtp import Post, serving

LETTER = mail.Letter(
    "Paas <paas@example.com>", "ada@example.org", "Grüße", "A line\nwith ünï and a dot:\n.\nend\n"
)


def server_of(post: Post, **about: object) -> MailServer:
    return MailServer("127.0.0.1", post.port, **about)  # type: ignore[arg-type]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A file with a key and a certificate of its own for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_letter_arrives_as_it_was_written() -> None:
    with serving(Post()) as post:
        mail.send(server_of(post), LETTER)
    (got,) = post.letters
    assert got["From"] == "Paas <paas@example.com>"
    assert (got["To"], got["Subject"]) == ("ada@example.org", "Grüße")
    assert got["Message-ID"].endswith("@example.com>")
    assert got.get_content().splitlines() == LETTER.text.splitlines()
    assert post.recipients == ["TO:<ada@example.org>"]


def test_the_password_opens_the_server() -> None:
    with serving(Post(login=("me", "pass word"))) as post:
        mail.send(server_of(post, user="me", password="pass word"), LETTER)
        with pytest.raises(Unavailable, match="PAAS_SMTP_URL"):
            mail.send(server_of(post, user="me", password="wrong"), LETTER)
    assert len(post.letters) == 1


def test_a_server_with_tls_is_spoken_to_over_tls(certificate: Path) -> None:
    with serving(Post(tls=server_context(certificate))) as post:
        trusting = ssl.create_default_context(cafile=certificate)
        mail.send(MailServer("localhost", post.port), LETTER, context=trusting)
        assert post.over_tls == [True]
        with pytest.raises(Unavailable, match="certificate"):
            mail.send(MailServer("localhost", post.port), LETTER)
    assert len(post.letters) == 1


def test_no_password_goes_to_another_machine_without_tls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(Post(login=("me", "secret"))) as post:
        monkeypatch.setattr(MailServer, "is_here", False)
        with pytest.raises(Unavailable, match="no TLS"):
            mail.send(server_of(post, user="me", password="secret"), LETTER)
    assert post.letters == []


def test_what_goes_wrong_is_said_in_words() -> None:
    with serving(Post(refuses="ada@")) as post, pytest.raises(Unavailable, match="550 nobody"):
        mail.send(server_of(post), LETTER)
    with pytest.raises(Unavailable, match="refused"):
        mail.send(server_of(post), LETTER)
    with (
        serving(Post(silent=True)) as post,
        pytest.raises(Unavailable, match="timed out"),
    ):
        mail.send(server_of(post), LETTER, patience=0.2)


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("smtp://mail.example.com", MailServer("mail.example.com", 587)),
        ("smtps://mail.example.com", MailServer("mail.example.com", 465, True)),
        ("smtp://[::1]:25/", MailServer("::1", 25)),
        ("smtp://me%40x:p%3Aw@h:2525", MailServer("h", 2525, False, "me@x", "p:w")),
    ],
)
def test_a_url_names_the_server(url: str, meant: MailServer) -> None:
    assert MailServer.parse(url) == meant


@pytest.mark.parametrize(
    "url",
    ["mail.example.com", "http://h", "smtp://", "smtp://h:99999", "smtp://h/x", "smtp://me@h"],
)
def test_a_url_that_names_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        MailServer.parse(url)


def test_a_server_here_is_known() -> None:
    assert all(MailServer(host, 25).is_here for host in ("localhost", "127.0.0.2", "::1"))
    assert not MailServer("mail.example.com", 25).is_here
