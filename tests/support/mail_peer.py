"""A mail server on 127.0.0.1 that wants TLS and a login, and writes each mail that it takes to mail.txt.

mail_peer.py PORT smtps|smtp+starttls PASSWORD PLAIN|LOGIN, in a folder with cert.pem and key.pem.
"""

import email
import email.policy
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

PORT, SCHEME, PASSWORD, MECHANISM = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
OTHER = {"PLAIN": "LOGIN", "LOGIN": "PLAIN"}[MECHANISM]


class Handler:
    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        if mail.defects:
            return "554 5.6.0 defects: %s" % mail.defects
        with open("mail.txt", "w", encoding="utf-8") as out:
            print("from", envelope.mail_from, "to", ",".join(envelope.rcpt_tos), file=out)
            print(mail["Subject"], file=out)
            for part in mail.walk():
                print(part.get_content_type(), file=out)
                if not part.is_multipart():
                    print(part.get_content(), file=out)
        return "250 2.0.0 taken"


def login(server, session, envelope, mechanism, data):
    # Without `handled=False` a wrong password gets no reply at all.
    is_right = data.login == b"a@b.example" and data.password == PASSWORD.encode()
    return AuthResult(success=is_right and mechanism == MECHANISM, handled=False)


context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain("cert.pem", "key.pem")
options = dict(hostname="127.0.0.1", port=PORT, authenticator=login, auth_required=True, auth_exclude_mechanism=[OTHER])
if SCHEME == "smtps":
    # The library knows of TLS only what it began itself.
    controller = Controller(Handler(), ssl_context=context, auth_require_tls=False, **options)
else:
    controller = Controller(Handler(), tls_context=context, require_starttls=True, **options)
controller.start()
threading.Event().wait()
