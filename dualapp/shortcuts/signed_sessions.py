"""Flask's own signed sessions, with a serializer that is cached by its settings.

Flask makes a serializer for each cookie that it reads or writes, and derives the key for each signature. Both depend on
a few settings only. A session interface that is subclassed or modified is used as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import flask
from flask import current_app
from flask.json.provider import DefaultJSONProvider
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionInterface
from itsdangerous import Signer, TimestampSigner, URLSafeTimedSerializer
from werkzeug.http import dump_cookie

from ..wrappers.response import Response
from .plain_response import json_encoder
from .switches import is_on

FLASKS_INTERFACE = SecureCookieSessionInterface
FLASKS_METHODS = FLASKS_INTERFACE.get_signing_serializer, FLASKS_INTERFACE.save_session

#: The most serializers that are cached: an app has one set of keys, or a few while keys are rotated.
MOST_KEYS = 64


class CachingSigner(TimestampSigner):
    """A signer that derives its keys once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._derived = {key: super(CachingSigner, self).derive_key(key) for key in self.secret_keys}

    def derive_key(self, secret_key: Any = None) -> bytes:
        """Return the derived key of a secret key."""
        key = self.secret_keys[-1] if secret_key is None else secret_key
        return self._derived.get(key) or super().derive_key(key)


class CachingSerializer(URLSafeTimedSerializer):
    """A serializer with one signer, where itsdangerous makes one for each cookie."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, signer=CachingSigner, **kwargs)
        self._signer = super().make_signer()

    def make_signer(self, salt: Any = None) -> Signer:
        """Return the cached signer, or a new one for another salt."""
        return self._signer if salt is None or salt == self.salt else super().make_signer(salt)


class CachingJSON:
    """Flask's tagged JSON serializer, with one encoder where Flask makes one for each value."""

    def __init__(self, flasks: TaggedJSONSerializer) -> None:
        self.loads = flasks.loads
        self._flasks = flasks
        # The settings and the encoder for them, in one tuple that is replaced at once: many threads read it.
        self._known: tuple[tuple[Any, ...], Callable[[Any], str]] = ((), str)

    def dumps(self, value: Any) -> str:
        """Encode a value, with Flask's tags for types that JSON does not have."""
        provider: Any = current_app.json
        if type(provider) is not DefaultJSONProvider or "dumps" in vars(provider):
            return self._flasks.dumps(value)
        settings = (provider.default, provider.ensure_ascii, provider.sort_keys)
        known, encode = self._known
        if settings != known:
            encode = json_encoder(*settings, debug=False)
            self._known = settings, encode
        return encode(self._flasks.tag(value))


class SignedSessions(FLASKS_INTERFACE):
    """Flask's session interface with cached serializers; one instance serves all apps."""

    def __init__(self) -> None:
        self._serializers: dict[tuple[Any, ...], CachingSerializer] = {}

    def get_signing_serializer(self, app: flask.Flask) -> URLSafeTimedSerializer | None:
        """Return a serializer with Flask's settings, cached if possible; None without a secret key."""
        fallbacks = app.config["SECRET_KEY_FALLBACKS"]
        settings = (
            app.secret_key,
            tuple(fallbacks) if fallbacks else None,
            self.salt,
            self.serializer,
            self.key_derivation,
            self.digest_method,
        )
        try:
            known = self._serializers.get(settings)
        except TypeError:  # a secret key that is not hashable
            return super().get_signing_serializer(app)
        return known or self._keep(settings, super().get_signing_serializer(app))

    def _keep(
        self, settings: tuple[Any, ...], serializer: URLSafeTimedSerializer | None
    ) -> URLSafeTimedSerializer | None:
        if type(serializer) is not URLSafeTimedSerializer:
            return serializer
        kept = CachingSerializer(
            serializer.secret_keys,
            salt=serializer.salt,
            serializer=caching_json(serializer.serializer),
            signer_kwargs=serializer.signer_kwargs,
        )
        if len(self._serializers) >= MOST_KEYS:
            self._serializers.clear()
        self._serializers[settings] = kept
        return kept

    def save_session(self, app: flask.Flask, session: Any, response: flask.Response) -> None:
        """Set the cookie of a modified session; leave all other cases to Flask."""
        if not (type(response) is Response and is_just_written(session)) or "Vary" in response.headers:
            super().save_session(app, session, response)
            return
        response.headers["Vary"] = "Cookie"
        value: str = self.get_signing_serializer(app).dumps(dict(session))  # type: ignore[union-attr]  # the session was opened with it
        start, end = around_value(
            self.get_cookie_name(app),
            self.get_cookie_domain(app),
            self.get_cookie_path(app),
            self.get_cookie_secure(app),
            self.get_cookie_httponly(app),
            self.get_cookie_samesite(app),
            self.get_cookie_partitioned(app),
        )
        cookie = f"{start}{value}{end}"
        if 0 < response.max_cookie_size < len(cookie):  # Werkzeug warns of it
            super().save_session(app, session, response)
            return
        response.headers.add("Set-Cookie", cookie)


def is_just_written(session: Any) -> bool:
    """Tell whether a session is modified, not empty and not permanent: its cookie needs no expiry date."""
    return bool(
        type(session) is SecureCookieSession
        and session.accessed
        and session.modified
        and session
        and not session.permanent
    )


@lru_cache(64, typed=True)
def around_value(
    name: str, domain: str | None, path: str, secure: bool, httponly: bool, samesite: str | None, partitioned: bool
) -> tuple[str, str]:
    """Return the text before and after the value of a cookie; a signed value needs no quoting."""
    cookie = dump_cookie(
        name,
        "VALUE",
        domain=domain,
        path=path,
        secure=secure,
        httponly=httponly,
        samesite=samesite,
        partitioned=partitioned,
        max_size=0,
    )
    start, _, end = cookie.partition("=VALUE")
    return f"{start}=", end


def caching_json(serializer: Any) -> Any:
    """Return a faster equivalent of Flask's own serializer, any other serializer as it is."""
    return CachingJSON(serializer) if type(serializer) is TaggedJSONSerializer else serializer


signed_sessions = SignedSessions()


def is_flasks(interface: SessionInterface) -> bool:
    """Tell whether a session interface is Flask's own, neither subclassed nor modified."""
    return (
        type(interface) is FLASKS_INTERFACE
        and not vars(interface)
        and (FLASKS_INTERFACE.get_signing_serializer, FLASKS_INTERFACE.save_session) == FLASKS_METHODS
    )


def fast_interface(app: flask.Flask) -> SessionInterface:
    """Return a faster equivalent if the app's session interface is Flask's own, else that interface."""
    interface = app.session_interface
    return signed_sessions if is_flasks(interface) and is_on(app, "sessions") else interface
