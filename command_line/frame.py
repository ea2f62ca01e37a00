"""The frame of every command: its options, its target, and how failures end."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError

from command_line.answers import NOT_REACHED, NOT_UNDERSTOOD, STOPPED, Answer, Failure, Session
from command_line.target import NoTarget, Target, take_target
from creditbase.catalog.shipped import CatalogFault
from creditbase.kernel.errors import BillingError, Unavailable
from creditbase.payments.selling import StripeUnfinished
from creditbase.runtime.emulator import UnsafeEnvironment, refuse_unsafe_environment
from creditbase.runtime.settings import BadSettings, SecretMissing

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, nothing else.")]
IsSure = Annotated[bool, typer.Option("--yes", help="Change a real project without asking.")]
OfProject = Annotated[
    str, typer.Option("--project", help="The Firebase project (the local stack).")
]
COMMON: dict[str, tuple[Any, Any]] = {
    "project": (OfProject, ""),
    "as_json": (AsJson, False),
    "is_sure": (IsSure, False),
}

Command = Callable[..., Answer]


def command(
    app: typer.Typer, name: str, *, needs_target: bool = True
) -> Callable[[Command], Command]:
    """Return what makes a command of a function; the function's first parameter is the session.

    Every command has the same options beside its own, and ends in the same ways.
    """

    def register(run: Command) -> Command:
        @wraps(run)
        def typed(**given: Any) -> None:
            common = {option: given.pop(option) for option in COMMON}
            prefix = f"{app.info.name} " if isinstance(app.info.name, str) else ""
            session = Session(
                f"{prefix}{name}",
                is_json=common["as_json"],
                is_sure=common["is_sure"],
                project=common["project"],
            )
            raise typer.Exit(_run(session, run, given, needs_target))

        own = list(inspect.signature(run).parameters.values())[1:]
        shared = [
            inspect.Parameter(
                key, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=value
            )
            for key, (kind, value) in COMMON.items()
        ]
        # Typer would read the signature of what is wrapped.
        del typed.__wrapped__
        typed.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [it.replace(kind=inspect.Parameter.KEYWORD_ONLY) for it in own] + shared
        )
        typed.__annotations__ = {it.name: it.annotation for it in (*own, *shared)}
        app.command(name)(typed)
        return run

    return register


def _run(session: Session, run: Command, given: dict[str, Any], needs_target: bool) -> int:
    try:
        if needs_target:
            session.target = take_target(session.project)
            refuse_unsafe_environment()
        return session.close(run(session, **given))
    except KeyboardInterrupt:
        return session.fail(Failure("STOPPED", "stopped; what is done stays", "", STOPPED))
    except Failure as failure:
        return session.fail(failure)
    except NoTarget as problem:
        fix = "make up (the local stack), or --project ID (a real one)"
        return session.fail(Failure("NO_TARGET", str(problem), fix, NOT_UNDERSTOOD))
    except (
        BillingError,
        BadSettings,
        UnsafeEnvironment,
        GoogleAPIError,
        GoogleAuthError,
    ) as it:
        return session.fail(failure_of(it, session.target))


def failure_of(problem: Exception, target: Target | None) -> Failure:
    """Return a refusal of the product's, or of Google's, as what to do about it."""
    where = target or "nowhere"
    match problem:
        case CatalogFault():
            return Failure("CATALOG_FAULT", f"the file cannot be taken: {problem.message}")
        case StripeUnfinished():
            text = "Stripe did not do all of it; what is done stays"
            return Failure("STRIPE_UNFINISHED", text, "type it again to go on", NOT_REACHED)
        case SecretMissing():
            name = problem.secret_name
            return Failure("SECRET_MISSING", f"{name} is not set", f"export {name}=…")
        case Unavailable():
            text = f"no answer ({where}); nothing is known to be done"
            return Failure(problem.code, text, "creditbase doctor", NOT_REACHED)
        case BillingError():
            return Failure(problem.code, problem.message)
        case GoogleAuthError():
            fix = "gcloud auth application-default login"
            return Failure("NO_CREDENTIALS", f"no credentials for {where}", fix)
        case GoogleAPIError():
            text = f"Google refused ({where}): {type(problem).__name__}"
            return Failure("GOOGLE_REFUSED", text, "creditbase doctor", NOT_REACHED)
        case _:
            return Failure("UNSAFE", str(problem), "creditbase doctor")
