"""What a measurement stands on: a Firestore emulator of its own, with a hub that sells."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from dev import background, env_file, firestore_emulator
from dev.background import Failed
from dev.layout import FUNCTIONS, FUNCTIONS_BIN, Layout
from dev.stack_steps import settings_of

START_WITHIN_S = 90


@contextlib.contextmanager
def emulator(folder: Path) -> Iterator[Mapping[str, str]]:
    """Run a Firestore emulator with the hub's catalog; yield the environment that finds it.

    Raises: Failed.
    """
    port = firestore_emulator.free_port()
    program = firestore_emulator.start_bare(
        port, log=folder / "firestore.log", ends_with_us=signal.SIGTERM
    )
    try:
        background.wait_until(
            lambda: firestore_emulator.is_listening(port),
            program=program,
            within_s=START_WITHIN_S,
            what="the Firestore emulator",
        )
        firestore_emulator.warm_up(port)
        env = settings_of(Layout.from_environment(), "whsec_bench")
        env["FIRESTORE_EMULATOR_HOST"] = f"127.0.0.1:{port}"
        yield {**env, **_seeded(env, folder)}
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.process.pid, signal.SIGTERM)
        program.process.wait(timeout=60)


def _seeded(env: Mapping[str, str], folder: Path) -> Mapping[str, str]:
    command = [str(FUNCTIONS_BIN / "python"), "-m", "creditbase.admin", "seed"]
    done = subprocess.run(
        command, cwd=FUNCTIONS, env=dict(env), capture_output=True, text=True, check=False
    )
    (folder / "seed.log").write_text(done.stderr)
    if done.returncode != 0:
        raise Failed(f"Seeding failed: {done.stderr[-600:]}")
    return env_file.parse(done.stdout)
