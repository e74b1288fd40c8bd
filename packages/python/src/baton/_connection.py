"""Connections to NATS, and where they go."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import ssl
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from ._checks import NAME, invalid
from .errors import BatonError, NotConnectedError, PermissionDeniedError

_log = logging.getLogger("baton.nats")

_NAMESPACE = re.compile(r"[A-Z][A-Z0-9_]{0,31}")
_INBOX_PREFIX = re.compile(r"_INBOX[A-Za-z0-9_-]{0,64}(?:\.[A-Za-z0-9_-]{1,64}){0,2}")
_SCHEMES = ("nats", "tls", "ws", "wss")
_OWN_TYPES = "baton."
_SECURE = ("tls", "wss")
# The same fault comes with every request and every try.
_SAID_AGAIN_AFTER = 60.0
_CLOSED_WITHIN = 5.0
_CONNECT_WITHIN = 5.0


def _of_environment(name: str) -> Callable[[], str | None]:
    """An empty variable is one that is not set."""
    return lambda: os.environ.get(name) or None


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where NATS is and who we are there. What is not given is read from the environment, as all of Baton does."""

    servers: str | list[str] = field(default_factory=lambda: os.environ.get("NATS_URL") or "nats://127.0.0.1:4222")
    namespace: str = field(default_factory=lambda: os.environ.get("BATON_NAMESPACE") or "BATON")
    user: str | None = field(default_factory=_of_environment("NATS_USER"))
    password: str | None = field(default_factory=_of_environment("NATS_PASSWORD"), repr=False)
    credentials: str | None = field(default_factory=_of_environment("NATS_CREDS"))
    """Path of a credentials file; needs the extra `creds`."""
    ca: str | None = field(default_factory=_of_environment("NATS_CA"))
    """Path of the certificates of whoever signs those of nats-server. TLS or no connection, as with ``tls://``."""
    certificate: str | None = field(default_factory=_of_environment("NATS_CERT"))
    """Path of our own, for servers that ask for one; with ``key``."""
    key: str | None = field(default_factory=_of_environment("NATS_KEY"))
    gateway: str | None = field(default_factory=_of_environment("BATON_GATEWAY_URL"))
    """Address of a gateway, ``https://…``: results beyond 700 KiB are left there."""
    inbox_prefix: str = field(default_factory=lambda: os.environ.get("NATS_INBOX_PREFIX") or "_INBOX")

    @property
    def root(self) -> str:
        """What subjects begin with."""
        return self.namespace.lower()

    @property
    def _list(self) -> list[str]:
        if isinstance(self.servers, list):
            return self.servers
        return [each.strip() for each in self.servers.split(",") if each.strip()]

    @property
    def must_be_secure(self) -> bool:
        """One server with ``tls://`` makes TLS a must for all of them."""
        named = any(each.partition("://")[0] in _SECURE for each in self._list)
        return named or any((self.ca, self.certificate, self.key))

    def tls(self) -> ssl.SSLContext:
        """Read anew for every connection, so that certificates may be replaced meanwhile."""
        context = ssl.create_default_context(cafile=self.ca)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context

    def check(self) -> None:
        """Raises BatonError, CONFIG_INVALID, with all that cannot be used."""
        faults = self.faults()
        if faults:
            raise BatonError("CONFIG_INVALID", "; ".join(faults))

    def faults(self) -> list[str]:
        """What cannot be used, each by the name of its variable."""
        return [*self._address_faults(), *self._name_faults(), *self._credential_faults()]

    def _address_faults(self) -> list[str]:
        if not isinstance(self.servers, str) and not (
            isinstance(self.servers, list) and all(isinstance(each, str) for each in self.servers)
        ):
            return ["NATS_URL must be text, or a list of text"]
        if not self._list:
            return ["NATS_URL names no server"]
        for each in self._list:
            scheme, found, _ = each.partition("://")
            if found and scheme not in _SCHEMES:
                return ["NATS_URL must begin with nats:// or tls:// or ws:// or wss://"]
            if not _is_address(each if found else f"nats://{each}"):
                return ["NATS_URL must be an address such as nats://127.0.0.1:4222, several with commas between"]
        return []

    def _name_faults(self) -> list[str]:
        faults = []
        if not isinstance(self.namespace, str) or _NAMESPACE.fullmatch(self.namespace) is None:
            faults.append("BATON_NAMESPACE must be 1 to 32 of A-Z, 0-9 and _, a letter first")
        if not isinstance(self.inbox_prefix, str) or _INBOX_PREFIX.fullmatch(self.inbox_prefix) is None:
            faults.append("NATS_INBOX_PREFIX must be _INBOX, perhaps letters, digits, _ and - behind it, and up to two more tokens, "
                "such as _INBOX_publisher.billing")
        if self.gateway is not None and not str(self.gateway).startswith(("http://", "https://")):
            faults.append("BATON_GATEWAY_URL must begin with http:// or https://")
        return faults

    def _credential_faults(self) -> list[str]:
        faults = []
        for one, other in (("user", "password"), ("password", "user"), ("certificate", "key"), ("key", "certificate")):
            if getattr(self, one) is not None and getattr(self, other) is None:
                faults.append(f"{_VARIABLES[other]} is missing beside {_VARIABLES[one]}")
        for name in ("credentials", "ca", "certificate", "key"):
            path = getattr(self, name)
            if path is not None and not os.access(path, os.R_OK):
                faults.append(f"{_VARIABLES[name]}: {path} cannot be read")
        if self.credentials is not None and find_spec("nkeys") is None:
            faults.append("NATS_CREDS needs the package nkeys, which is the extra `creds` of this one")
        return faults

    async def connect(self, name: str) -> Client:
        """
        Raises within seconds: NotConnectedError, or BatonError for settings that cannot be used (CONFIG_INVALID), credentials
        that are not accepted (AUTHORIZATION_FAILED) and certificates that do not fit (TLS_FAILED). Later the connection is made
        again for as long as it takes.
        """
        self.check()
        heard = _Heard()
        options: dict[str, Any] = {
            "servers": self._list,
            "name": name,
            "inbox_prefix": self.inbox_prefix,
            "connect_timeout": _CONNECT_WITHIN,
            "reconnect_time_wait": 0.25,
            "ping_interval": 2,
            "max_outstanding_pings": 2,
            "allow_reconnect": True,
            # The client would try for ever, also at first.
            "max_reconnect_attempts": 2,
            # What is sent without a connection is not kept for one to come: every request is asked again.
            "pending_size": 2 * 1024 * 1024,
            "error_cb": heard.error,
            "disconnected_cb": heard.lost,
            "reconnected_cb": heard.back,
        }
        if self.user is not None:
            options |= {"user": self.user, "password": self.password}
        if self.credentials is not None:
            options["user_credentials"] = self.credentials
        connection = _Connection(self)
        try:
            # The library gives each try its time; a port where nobody says anything would have it three times over.
            async with asyncio.timeout(_CONNECT_WITHIN * len(self._list)):
                await connection.connect(**options)
        except (OSError, nats.errors.Error) as error:
            await closed(connection)
            # Without its cause: the library's own stack says nothing more, and is what a user would read first.
            raise self._refusal([*heard.errors, error]) from None
        connection.options["max_reconnect_attempts"] = -1
        heard.connected(connection)
        return connection

    def _refusal(self, errors: list[Exception]) -> BatonError:
        """What all tries have come to: the first one with a reason, since the last says only that they are over."""
        for error in errors:
            text = str(error)
            if isinstance(error, ssl.SSLError) or isinstance(error, _NoTls):
                return BatonError("TLS_FAILED", f"no TLS with nats-server at {self.servers}: {text} (NATS_CA, NATS_CERT, NATS_KEY)")
            if "authorization" in text.lower() or "authentication" in text.lower():
                hint = "check NATS_USER and NATS_PASSWORD, or NATS_CREDS"
                return BatonError("AUTHORIZATION_FAILED", f"nats-server does not accept these credentials: {hint}")
        reason = next((error for error in errors if not isinstance(error, nats.errors.NoServersError)), errors[-1])
        words = str(reason) or f"no answer within {_CONNECT_WITHIN:g} s"
        return NotConnectedError(f"no nats-server at {self.servers} ({words}); is it running?")


def server_in(value: Server | None) -> Server:
    """Raises InvalidArgumentError."""
    if value is not None and not isinstance(value, Server):
        raise invalid('server: is Server(...), such as Server(servers="nats://127.0.0.1:4222")')
    return value or Server()


async def request(
    connection: Client, subject: str, body: bytes, *, timeout: float, headers: dict[str, str] | None = None
) -> Msg:
    """
    As the library's, whose wait lets a cancel pass that comes in the same moment as the answer, or as the end of its time:
    a time limit around it would never be over (Python 3.11).
    """
    current = asyncio.current_task()
    before = 0 if current is None else current.cancelling()
    try:
        return await connection.request(subject, body, timeout=timeout, headers=headers)
    finally:
        if current is not None and current.cancelling() > before:
            raise asyncio.CancelledError


async def allowed(
    connection: Client, subject: str, timeout: float, body: bytes, headers: dict[str, str]
) -> Msg:
    """A request; raises PermissionDeniedError as soon as nats-server says that it does not allow it: nothing was sent on."""
    if not isinstance(connection, _Connection):
        return await connection.request(subject, body, timeout=timeout, headers=headers)
    here = (subject.lower(), asyncio.Event())
    connection.publishing.add(here)
    asked = asyncio.create_task(connection.request(subject, body, timeout=timeout, headers=headers))
    refused = asyncio.create_task(here[1].wait())
    both: set[asyncio.Task[Any]] = {asked, refused}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not asked.done():
            raise PermissionDeniedError("PERMISSION_DENIED", f"nats-server does not let these credentials publish to {subject}")
        return asked.result()
    finally:
        connection.publishing.discard(here)
        for each in both:
            each.cancel()


def unheard(connection: Client) -> str:
    """Why there may be no answer, where that is known."""
    is_deaf = isinstance(connection, _Connection) and connection.is_deaf
    return "; nats-server lets nobody here subscribe to answers: set NATS_INBOX_PREFIX" if is_deaf else ""


async def closed(connection: Client) -> None:
    """Closes it, whatever state it is in: without a server there is nobody to take leave of."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(_CLOSED_WITHIN):
            await connection.close()


_VARIABLES = {
    "user": "NATS_USER",
    "password": "NATS_PASSWORD",
    "credentials": "NATS_CREDS",
    "ca": "NATS_CA",
    "certificate": "NATS_CERT",
    "key": "NATS_KEY",
}


def _is_address(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0) and re.search(r"\s", url) is None
    except ValueError:
        return False


class _NoTls(nats.errors.Error):
    def __str__(self) -> str:
        return "it has no TLS, and tls:// or one of the files asks for it"


class _Connection(Client):
    """The client takes ``tls://`` for ``nats://``, and sends its password to whoever says that there is no TLS."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server
        self.disconnects = 0
        # Subjects, in lower case as the library tells them, and who waits to hear that they are refused.
        self.publishing: set[tuple[str, asyncio.Event]] = set()
        self.is_deaf = False

    @property
    def ssl_context(self) -> ssl.SSLContext:
        return self._server.tls()

    async def _process_connect_init(self) -> None:
        try:
            await super()._process_connect_init()
        except (OSError, asyncio.TimeoutError):
            # After a handshake that failed the library waits for the end of a socket which it has lost sight of: for ever.
            transport: Any = self._transport
            if transport is not None:
                transport.close()
                self._transport = None
            raise

    def heard(self, refusal: str) -> None:
        """nats-server does not allow it."""
        if "for subscription" in refusal and "_inbox" in refusal:
            self.is_deaf = True
        for subject, refused in self.publishing:
            if f'publish to "{subject}"' in refusal:
                refused.set()

    def _connect_command(self) -> bytes:
        if self._server.must_be_secure and not self._server_info.get("tls_required"):
            raise _NoTls
        command: bytes = super()._connect_command()
        return command


class _Heard:
    """What the library tells of a connection."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self._connection: _Connection | None = None
        self._said: dict[str, float] = {}

    def connected(self, connection: _Connection) -> None:
        self._connection = connection
        self.errors.clear()

    async def error(self, error: Exception) -> None:
        """Every request finds out by itself; what nats-server does not allow nobody else would hear of."""
        if self._connection is None:
            self.errors.append(error)
        text = str(error)
        if "permissions violation" not in text.lower():
            return
        if self._connection is not None:
            self._connection.heard(text.lower())
        if not self._is_news(text):
            return
        inbox = " (NATS_INBOX_PREFIX says where answers come)" if "_inbox" in text.lower() else ""
        _log.warning("nats-server does not allow it: %s%s", text.removeprefix("nats: "), inbox)

    async def lost(self) -> None:
        if self._connection is not None and not self._connection.is_closed:
            self._connection.disconnects += 1
            _log.warning("the connection to NATS was lost")

    async def back(self) -> None:
        _log.info("the connection to NATS is back")

    def _is_news(self, text: str) -> bool:
        # Of an inbox the end is another one each time.
        subject = text.lower().partition("_inbox")[0]
        now = time.monotonic()
        if now - self._said.get(subject, -_SAID_AGAIN_AFTER) < _SAID_AGAIN_AFTER:
            return False
        self._said[subject] = now
        return True


def check_type(name: str) -> str:
    """The name, which stands in subjects. Raises BatonError, INVALID_ARGUMENT."""
    says, holds = NAME
    if not holds(name):
        raise invalid(f"{name!r} is no type: that {says}")
    if name.startswith(_OWN_TYPES):
        raise invalid(f"{name!r}: types that begin with {_OWN_TYPES} are Baton's own")
    return name


def token(name: str) -> str:
    """A type as one token of a subject."""
    return name.replace(".", "=")
