"""Functions in process, wired as functions-framework wires them in production."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import firebase_admin
import flask
import functions_framework
import pytest
from firebase_admin import _token_gen, _user_mgt, app_check
from flask.testing import FlaskClient
from functions_framework import execution_id

from creditbase.runtime.settings import settings
from tests.runtime.contract import watch
from tests.runtime.signing import Signer

framework: Any = functions_framework


def client_of(function: Any) -> FlaskClient:
    """Return a client of one decorated function; what it answers is held to its contract."""
    app = flask.Flask(function.__name__)
    middleware: Any = execution_id.WsgiMiddleware
    app.wsgi_app = middleware(app.wsgi_app)  # type: ignore[method-assign]
    framework._configure_app(app, function, "http")
    app.register_error_handler(500, framework.crash_handler)
    is_job = function.__module__.startswith("creditbase.jobs.")  # asked by the scheduler alone
    if function.__module__.startswith("creditbase.") and not is_job:
        watch(app, function.__name__)
    return app.test_client()


def forget_firebase() -> None:
    """End the Firebase app, so that the next request makes one from the environment."""
    admin: Any = firebase_admin
    for app in list(admin._apps.values()):
        admin.delete_app(app)


@contextmanager
def verified_by(signer: Signer) -> Iterator[pytest.MonkeyPatch]:
    """Verify every token for real, with the signer's public keys instead of Google's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FIREBASE_AUTH_EMULATOR_HOST", raising=False)
        patch.setenv("GCLOUD_PROJECT", signer.project)
        patch.setenv("APP_CHECK_JWKS_URL", f"{signer.url}/jwks")
        patch.setattr(_token_gen, "ID_TOKEN_CERT_URI", f"{signer.url}/certs")
        # Noted here, so that it is put back when the test has ended.
        service: Any = app_check._AppCheckService
        patch.setattr(service, "_JWKS_URL", service._JWKS_URL)
        patch.setattr(service, "_VERIFY_URL_FORMAT", f"{signer.url}/{{project_id}}:verify")
        patch.setattr(_user_mgt.UserManager, "ID_TOOLKIT_URL", signer.url)
        settings.cache_clear()
        forget_firebase()
        yield patch
    forget_firebase()
    settings.cache_clear()
