"""`make demo`: the whole system, a scripted customer, and then a running system to look at."""

import itertools
import os
import subprocess
import sys
import time

import requests
from rich.console import Console

from dev import background, stack
from dev.administering import STAYING_JOBS, operator_command, operator_env
from dev.background import Failed
from dev.browser import NoForm
from dev.expecting import Disappointed
from dev.layout import FUNCTIONS, BadNumber, Layout
from dev.story import Story

JOB_EVERY_S = 30

console = Console(highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Print one line of the story."""
    console.print(f"   {text}", markup=False)


def tell(story: Story) -> bool:
    """Run the story; return whether every step gave what it promised."""
    steps = story.steps()
    for number, (title, step) in enumerate(steps, start=1):
        console.print(f"\n[bold]{number}. {title}[/bold]")
        try:
            step()
        except Disappointed as disappointment:
            console.print(f"   FAILED: {disappointment}", style="bold red", markup=False)
            return False
        except (requests.RequestException, NoForm, KeyError, ValueError) as problem:
            text = f"   FAILED: {type(problem).__name__}: {problem}"
            console.print(text, style="bold red", markup=False)
            return False
    console.print(f"\n[bold green]All {len(steps)} steps as promised.[/bold green]")
    return True


def show_doors(story: Story, layout: Layout) -> None:
    """Say where to look, and how to sign in."""
    env = story.env
    rows = [
        ("Open", f"{env['HUB_URL']}/app", "make an account there, or sign in as:"),
        ("Customer", story.email, f"password {story.password}"),
        ("Administrator", env["ADMIN_EMAIL"], f"password {env['ADMIN_PASSWORD']}"),
        ("For a shell", f"set -a; . {layout.env}", "every other address, every key"),
    ]
    console.print()
    for title, address, remark in rows:
        console.print(f"   {title:<15}{address}   ({remark})", markup=False)


def invite() -> None:
    """Say how a person can do by hand what the story did."""
    console.print(
        "\n   By hand: create an account (any e-mail), call a model in the playground until\n"
        "   it is refused, buy a top-up with 4242 4242 4242 4242 and see it arrive;\n"
        "   subscribe, then Manage subscription: change the plan, cancel, come back.",
        markup=False,
    )


def stay(layout: Layout, env: dict[str, str]) -> None:
    """Keep everything running until Ctrl-C, or until somebody ends the stack.

    Meanwhile the jobs are run that somebody who looks around waits for.
    """
    console.print("\nEverything stays up until Ctrl-C.")
    jobs = itertools.cycle(STAYING_JOBS)
    running: subprocess.Popen[bytes] | None = None
    due_at = time.monotonic() + JOB_EVERY_S
    try:
        while layout.state.is_file():
            if time.monotonic() >= due_at and (running is None or running.poll() is not None):
                running = subprocess.Popen(
                    operator_command("jobs", "run", next(jobs)),
                    cwd=FUNCTIONS,
                    env=operator_env(env),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                due_at = time.monotonic() + JOB_EVERY_S
            time.sleep(0.5)
        console.print("The stack was ended from elsewhere.")
    finally:
        if running is not None and running.poll() is None:
            running.terminate()
            running.wait()


def run(layout: Layout) -> int:
    """Start the stack, tell the story, stay; return the exit status."""
    values = stack.up(layout, is_bound_to_us=True, say=stack.speaker("up"))
    try:
        story = Story(values, say)
        if not tell(story):
            console.print(f"The logs are in {layout.logs}", markup=False)
            return 1
        if os.environ.get("DEMO_EXIT", "") != "1":
            show_doors(story, layout)
            invite()
            stay(layout, values)
        return 0
    finally:
        with background.undisturbed():
            if count := stack.down(layout):
                console.print(f"\nEnded {count} processes.")


def main() -> int:
    """Run the demo; return the exit status."""
    background.signals_end_the_program()
    try:
        return run(Layout.from_environment())
    except KeyboardInterrupt:
        return 0
    except (Failed, BadNumber) as problem:
        print(problem, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
