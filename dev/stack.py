"""`make up` and `make down`: the whole system in the background, and its end.

The Firebase emulators (auth, functions, firestore, hosting), the local Stripe, and `meter` and
`gateway` once more as in production: functions-framework with gunicorn and threads, because the
functions emulator answers one request at a time. What is slow runs beside what waits.
"""

import contextlib
import fcntl
import functools
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from dev import app_check, background, env_file, firebase_project, firestore_emulator, probe
from dev.background import MARK, Failed, Program
from dev.layout import BIN, FUNCTIONS, FUNCTIONS_BIN, ROOT, BadNumber, Layout
from dev.stack_steps import (
    make_admin,
    push_catalog,
    push_rates,
    put_tiers,
    seed,
    settings_of,
)

START_WITHIN_S = 300
HURRIED_STOP_WITHIN_S = 4
"""While it loads the Auth emulator, the Firebase tools are deaf to signals for ten seconds."""
NEWS_EVERY_S = 10
DISCOVERY_WITHIN_S = 90
"""The Firebase tools give the functions ten seconds to load: too few on a busy machine."""
SERVED = ("meter", "gateway")
"""What runs once more as in production: what makes it fast lives in its process."""
SERVER_THREADS = 80
NO_UPSTREAM_KEYS = "{}"
STRIPE_SECRETS = ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET")
TOKEN_SECRET = "CUSTOMER_TOKEN_KEYS"  # noqa: S105 - the name of a secret
HIDDEN_FROM = {"meter": (*STRIPE_SECRETS, TOKEN_SECRET), "gateway": STRIPE_SECRETS}

Say = Callable[[str], None]


class Stack:
    """One stack while it starts: what was started, and who has to be told what."""

    def __init__(self, layout: Layout, *, is_bound_to_us: bool, say: Say) -> None:
        self.layout = layout
        self.say = say
        self.mark = background.fresh_mark()
        self.groups: dict[int, int] = {}
        self.is_bound_to_us = is_bound_to_us
        self.owner = os.getpid() if is_bound_to_us else 0
        self.webhook_secret = f"whsec_{secrets.token_hex(16)}"
        self.token_keys = f"local:{secrets.token_urlsafe(32)}"
        self.app_check_token = ""

    def settings(self) -> dict[str, str]:
        """Return the environment of every program of this stack, with all its secrets."""
        return settings_of(self.layout, self.webhook_secret, self.token_keys)

    def start(self, name: str, command: list[str], *, cwd: Path, **more: str) -> Program:
        """Start one program of the stack and remember it for `down`."""
        ends_by = signal.SIGINT if name == "firebase" else signal.SIGTERM
        env = {**self.settings(), **more, MARK: self.mark}
        # In production a function is not given what it does not declare.
        hidden = HIDDEN_FROM.get(name, ())
        env = {key: value for key, value in env.items() if key not in hidden}
        program = background.start(
            name,
            command,
            log=self.layout.logs / f"{name}.log",
            cwd=cwd,
            env=env,
            ends_with_us=ends_by if self.is_bound_to_us else 0,
        )
        self.groups[program.process.pid] = ends_by
        self.remember()
        return program

    def remember(self) -> None:
        """Write down what belongs to this stack."""
        self.layout.folder.mkdir(parents=True, exist_ok=True)
        state = {"mark": self.mark, "groups": self.groups, "owner": self.owner}
        self.layout.state.write_text(json.dumps(state))

    def wait(self, program: Program, what: str, is_ready: Callable[[], bool]) -> None:
        """Wait for something, saying now and then that we still do."""
        news_at = time.monotonic() + NEWS_EVERY_S

        def look() -> bool:
            nonlocal news_at
            if is_ready():
                return True
            if time.monotonic() > news_at:
                news_at += NEWS_EVERY_S
                self.say(f"  still waiting for {what}")
            return False

        background.wait_until(look, program=program, within_s=START_WITHIN_S, what=what)

    def start_firebase(self) -> Program:
        """Start the emulators."""
        self.say("starting the Firebase emulators: auth, functions, firestore, hosting")
        values = self.settings()
        secret_values = {name: values[name] for name in (*STRIPE_SECRETS, TOKEN_SECRET)}
        # Mail is written to the log; a secret without a value would be looked for at Google.
        secret_values["SMTP_URL"] = "unused"
        secret_values["UPSTREAM_KEYS"] = os.environ.get("UPSTREAM_KEYS", NO_UPSTREAM_KEYS)
        cwd = firebase_project.prepare(self.layout, secret_values, self.site_settings())
        command = [str(ROOT / "node_modules/.bin/firebase"), "emulators:start"]
        command += ["--project", self.layout.project, "--non-interactive"]
        command += ["--only", "auth,functions,firestore,hosting"]
        env = firestore_emulator.environment(os.environ)
        needed = ("PATH", "JAVA_HOME", "JAVA_TOOL_OPTIONS", "FIRESTORE_EMULATOR_BINARY_PATH")
        return self.start(
            "firebase",
            command,
            cwd=cwd,
            METADATA_SERVER_DETECTION="none",
            XDG_CONFIG_HOME=str(cwd / "config"),
            CI="true",
            FUNCTIONS_DISCOVERY_TIMEOUT=str(DISCOVERY_WITHIN_S),
            **{name: env[name] for name in needed},
        )

    def site_settings(self) -> dict[str, object]:
        """Return what the web app has to know of this stack."""
        return {
            "firebase": {
                "apiKey": "local",
                "projectId": self.layout.project,
                "appId": app_check.APP_ID,
            },
            "gatewayUrl": self.layout.url("gateway"),
            "local": {
                "authEmulator": self.layout.url("auth"),
                "firestoreEmulator": self.layout.url("firestore"),
                "appCheckToken": self.app_check_token,
            },
        }

    def start_keys(self) -> Program:
        """Publish the local App Check key: the verifier takes http addresses only."""
        folder = self.layout.folder / "keys"
        self.app_check_token = app_check.make(self.layout.project, folder / "app-check.json")
        command = [str(BIN / "python"), "-m", "http.server", str(self.layout.port("keys"))]
        command += ["--bind", "127.0.0.1", "--directory", str(folder)]
        return self.start("keys", command, cwd=ROOT)

    def start_stripe(self) -> Program:
        """Start the local Stripe, which delivers its events through Hosting."""
        command = [str(BIN / "python"), "-m", "stripe_local", "serve"]
        command += ["--port", str(self.layout.port("stripe"))]
        command += ["--webhook-url", f"{self.layout.url('hosting')}/billing/webhook"]
        command += ["--webhook-secret", self.webhook_secret, "--merchant", "Creditbase"]
        return self.start("stripe", command, cwd=ROOT)

    def start_served(self, name: str) -> Program:
        """Start a function as in production, on the emulated Firestore."""
        command = [str(FUNCTIONS_BIN / "functions-framework"), "--target", name]
        command += ["--host", "127.0.0.1", "--port", str(self.layout.port(name))]
        return self.start(name, command, cwd=FUNCTIONS, THREADS=str(SERVER_THREADS))

    def bring_up(self, then: Callable[[], None]) -> dict[str, str]:
        """Start everything, wait until everything answers, return the environment.

        Raises: Failed.
        """
        layout = self.layout
        layout.folder.mkdir(parents=True, exist_ok=True)
        layout.clock.write_text("0\n")
        keys = self.start_keys()
        firebase = self.start_firebase()
        stripe = self.start_stripe()
        self.wait(
            firebase,
            "the Firestore emulator",
            lambda: firestore_emulator.is_listening(layout.port("firestore")),
        )
        firestore_emulator.warm_up(layout.port("firestore"))
        then()
        self.say(
            f"Firestore answers; seeding plans and prices, starting {' and '.join(SERVED)}"
        )
        served = [self.start_served(name) for name in SERVED]
        env = {**self.settings(), MARK: self.mark}
        seeded = seed(layout, env)
        push_rates(layout, env)
        self.wait(stripe, "the local Stripe", lambda: probe.is_healthy(self.stripe_health))
        for name, program in zip(SERVED, served, strict=True):
            self.wait(program, name, functools.partial(probe.answers, layout.url(name)))
        self.wait(keys, "the App Check keys", lambda: probe.is_healthy(self.keys_url))
        self.say("all servers answer; waiting for the emulators")
        words = b"All emulators ready"
        self.wait(firebase, "the Auth emulator", lambda: words in firebase.log.read_bytes())
        self.warm_functions()
        # Stripe tells of each product and price: by now the webhook's process is there.
        push_catalog(layout, env)
        put_tiers(layout, env)
        self.say("the local Stripe sells plans and tiers, its portal changes the plans")
        for program in (firebase, stripe, keys, *served):
            program.require_alive()
        return {
            **self.addresses(),
            **make_admin(layout, self.app_check_token, env),
            **seeded,
        }

    @property
    def stripe_health(self) -> str:
        """Return where the local Stripe says that it is well."""
        return f"{self.layout.url('stripe')}/_sim/health"

    @property
    def keys_url(self) -> str:
        """Return where the local App Check key is published."""
        return settings_of(self.layout, "")["APP_CHECK_JWKS_URL"]

    def warm_functions(self) -> None:
        """Let each function start its process, one after the other."""
        found = probe.functions(self.layout)
        self.say(f"emulators ready; starting {len(found)} functions, one after the other")
        if not found:
            raise Failed(f"No function was loaded.\n{background.tail(self.log)}")
        for function in found:
            started_at = time.monotonic()
            probe.warm(function, self.layout)
            self.say(f"  {function.name}: answers after {time.monotonic() - started_at:.1f} s")

    @property
    def log(self) -> Path:
        """Return the log that tells why a function does not load."""
        return self.layout.logs / "firebase.log"

    def addresses(self) -> dict[str, str]:
        """Return what a client of the stack has to know."""
        layout = self.layout
        return {
            "HUB_URL": layout.url("hosting"),
            "RELAY_URL": f"{layout.url('hosting')}/api/v1",
            "METER_URL": layout.url("meter"),
            "GATEWAY_URL": layout.url("gateway"),
            "FUNCTIONS_URL": layout.functions_url,
            "STRIPE_URL": layout.url("stripe"),
            "STRIPE_WEBHOOK_SECRET": self.webhook_secret,
            "FIRESTORE_EMULATOR_HOST": layout.address("firestore"),
            "FIREBASE_AUTH_EMULATOR_HOST": layout.address("auth"),
            "GCLOUD_PROJECT": layout.project,
            "APP_CHECK_TOKEN": self.app_check_token,
            "CREDITBASE_CLOCK_FILE": str(layout.clock),
        }


@contextlib.contextmanager
def alone(layout: Layout) -> Iterator[None]:
    """Let one command at a time start this stack.

    Raises: Failed.
    """
    layout.folder.mkdir(parents=True, exist_ok=True)
    with (layout.folder / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(
                "Another command is starting this stack right now. Wait for it, or start "
                f"a second stack: CREDITBASE_STACK={layout.number + 1} make up"
            ) from None
        yield


def is_up(layout: Layout) -> bool:
    """Whether the stack belongs to a running command, or runs and answers at all its doors."""
    if not layout.state.is_file():
        return False
    owner = json.loads(layout.state.read_text())["owner"]
    if owner and psutil.pid_exists(owner):
        return True
    if not layout.env.is_file():
        return False
    health = f"{layout.url('stripe')}/_sim/health"
    doors = [layout.url(name) for name in ("hosting", "functions", *SERVED)]
    return probe.is_healthy(health) and all(probe.answers(url) for url in doors)


def up(
    layout: Layout, *, is_bound_to_us: bool, say: Say, then: Callable[[], None] = lambda: None
) -> dict[str, str]:
    """Start the stack; return its environment, which is then also in its file.

    `is_bound_to_us` ends the stack when this process ends, however it ends. Whatever goes
    wrong, nothing that was started stays behind. `then` is called once Firestore answers.

    Raises: Failed.
    """
    with alone(layout):
        if is_up(layout):
            raise Failed(
                f"A stack is up already on these ports. `{layout.prefix}make down` ends it; "
                f"CREDITBASE_STACK={layout.number + 1} before the command takes other ports."
            )
        if left := down(layout):
            say(f"a stack that did not answer was ended first ({left} processes)")
        if used := probe.users_of(layout.ports):
            raise Failed(
                "\n".join(used) + "\nEnd that program, or start this stack beside it on other "
                f"ports: CREDITBASE_STACK={layout.number + 1} make up"
            )
        stack = Stack(layout, is_bound_to_us=is_bound_to_us, say=say)
        stack.remember()
        try:
            values = stack.bring_up(then)
        except BaseException:
            with background.undisturbed():
                say("did not start; ending what was started")
                down(layout, within_s=HURRIED_STOP_WITHIN_S)
            raise
        env_file.write(layout.env, values)
        return values


def down(layout: Layout, *, within_s: float = background.STOP_WITHIN_S) -> int:
    """End all that belongs to the stack, and nothing else; return how many processes."""
    if not layout.state.is_file():
        return 0
    state = json.loads(layout.state.read_text())
    count = len(background.marked(state["mark"]))
    politely = {int(group): number for group, number in state["groups"].items()}
    background.end(state["mark"], politely=politely, within_s=within_s)
    layout.env.unlink(missing_ok=True)
    layout.state.unlink(missing_ok=True)
    return count


def down_if_ours(layout: Layout) -> int:
    """End the stack if this very process started it bound to itself."""
    if not layout.state.is_file():
        return 0
    owner: int = json.loads(layout.state.read_text())["owner"]
    return down(layout) if owner == os.getpid() else 0


def speaker(prefix: str) -> Say:
    """Return a function that prints lines with the time since now."""
    started_at = time.monotonic()

    def say(text: str) -> None:
        print(f"[{prefix} {time.monotonic() - started_at:5.1f} s] {text}", flush=True)

    return say


def command_up(layout: Layout) -> int:
    """Start the stack for a person, who then has a shell with everything in it."""
    file = layout.env.relative_to(ROOT)
    if is_up(layout):
        print(
            f"Already up: {layout.url('hosting')} (`{layout.prefix}make down` ends it; {file})"
        )
        return 0
    say = speaker("up")
    values = up(layout, is_bound_to_us=False, say=say)
    say(f"ready: {values['HUB_URL']}, meter {values['METER_URL']}, {values['STRIPE_URL']}")
    say(
        f"addresses and keys are in {file} (set -a; . {file}); {layout.prefix}make down ends it"
    )
    return 0


def command_down(layout: Layout) -> int:
    """End the stack for a person."""
    with background.undisturbed():
        count = down(layout)
    print(f"Ended {count} processes." if count else "Nothing was up.")
    return 0


def main(arguments: list[str]) -> int:
    """Run one of the two commands; return the exit status."""
    background.signals_end_the_program()
    try:
        layout = Layout.from_environment()
        return {"up": command_up, "down": command_down}[arguments[0]](layout)
    except KeyboardInterrupt:
        return 130
    except (Failed, BadNumber) as problem:
        print(problem, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
