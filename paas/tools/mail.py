"""Sends a letter by SMTP."""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr

from paas.domain.errors import Unavailable
from paas.domain.mail_server import MailServer

PATIENCE = 10.0
"""Seconds that the server may take for each of its answers."""


@dataclass(frozen=True)
class Letter:
    """One letter to one person. ``sender`` may have a name: ``Paas <paas@example.com>``."""

    sender: str
    to: str
    subject: str
    text: str


def send(
    server: MailServer,
    letter: Letter,
    *,
    patience: float = PATIENCE,
    context: ssl.SSLContext | None = None,
) -> None:
    """Hand a letter to the server; raises ``Unavailable`` with a sentence when it does not take it.

    TLS is used wherever the server has it, and its certificate must hold. A password is sent to
    another machine over TLS alone.
    """
    context = context or ssl.create_default_context()
    try:
        with _connected(server, patience, context) as smtp:
            if server.user:
                smtp.login(server.user, server.password)
            smtp.send_message(_message(letter), to_addrs=[letter.to])
    except (OSError, smtplib.SMTPException) as error:
        raise Unavailable(
            f"The mail server {server.host}:{server.port} did not take the letter to "
            f"{letter.to}: {_reason(error)}"
        ) from error


def _connected(server: MailServer, patience: float, context: ssl.SSLContext) -> smtplib.SMTP:
    if server.tls:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=patience, context=context)
    smtp = smtplib.SMTP(server.host, server.port, timeout=patience)
    try:
        smtp.ehlo()
        if smtp.has_extn("starttls"):
            smtp.starttls(context=context)
            smtp.ehlo()
        elif server.user and not server.is_here:
            raise smtplib.SMTPNotSupportedError(
                "it offers no TLS, and the password is not sent without"
            )
    except BaseException:
        smtp.close()
        raise
    return smtp


def _message(letter: Letter) -> EmailMessage:
    message = EmailMessage()
    message["From"] = letter.sender
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=parseaddr(letter.sender)[1].rpartition("@")[2])
    # Holiday notes and the like would answer a program.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "it does not know the user and password of PAAS_SMTP_URL"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        return f"it refused the address ({code} {text.decode(errors='replace')})"
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        if isinstance(said, bytes):
            said = said.decode(errors="replace")
        return f"{error.smtp_code} {said}"
    return str(error) or type(error).__name__
