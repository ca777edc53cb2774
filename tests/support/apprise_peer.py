"""Sends one message by apprise, with whatever host it chose replaced by that of a server on this machine.

apprise_peer.py ORIGIN APPRISE-URL TITLE BODY. The host it chose goes into a header of the request.
"""

import sys
from urllib.parse import urlsplit

import apprise
import requests

ORIGIN, URL, TITLE, BODY = sys.argv[1:]
request = requests.Session.request


def to_origin(session, method, url, **options):
    parts = urlsplit(url)
    options["headers"] = {**(options.get("headers") or {}), "X-Host": parts.netloc.rsplit("@")[-1]}
    return request(session, method, ORIGIN + url.split(parts.netloc, 1)[1], **options)


requests.Session.request = to_origin
sender = apprise.Apprise()
if not sender.add(URL):
    sys.exit("apprise does not know this URL")
# Whether it takes the answer for a delivery is its own matter.
sender.notify(title=TITLE, body=BODY)
