"""Sections of the page of figures: each is empty where its part was not measured."""

from collections.abc import Mapping
from typing import Any

from dev.bench import hot
from dev.bench.targets import TIMES

Json = Mapping[str, Any]


def line(text: str) -> str:
    """Return a text that is written in several lines as one."""
    return " ".join(text.split())


def simulated(report: Json) -> list[str]:
    """Return the section about ways of sharing a hot customer, if they were simulated."""
    if not report.get("hot"):
        return []
    return [
        "## Ways of sharing one hot customer, simulated",
        "",
        line(
            f"""
            `python -m dev.bench.hot`: {hot.CALLERS} callers in all, who call again as soon as
            they are answered, for {hot.SECONDS:.0f} s; the worst of {hot.SEEDS} seeds. Least:
            the charges of the process that did least; lost: the share of commits that were in
            vain. Why the product does as it does: [0042](../decisions/0042-hot-customers.md).
            """
        ),
        "",
        *hot.table(report["hot"]),
        "",
    ]


def cpu(report: Json) -> list[str]:
    """Return the section about CPU, if it was measured."""
    if not report.get("cpu_us"):
        return []
    rows = [f"| {name} | {took_us:,} |" for name, took_us in report["cpu_us"].items()]
    return [
        "## CPU by layer",
        "",
        line(
            """
            One commit of two documents again and again by one thread, raw (`python -m
            dev.bench.layers`): the client's CPU, in microseconds.
            """
        ),
        "",
        "| layer | µs |",
        "|---|--:|",
        *rows,
        "",
    ]


def cold(report: Json) -> list[str]:
    """Return the section about cold starts, if it was measured."""
    cold = report.get("cold")
    if not cold:
        return []
    rows = sorted(cold["functions"].items(), key=lambda row: -row[1]["ratio_percent"])
    return [
        "## Cold start",
        "",
        line(
            f"""
            CPU time of a function's server from its start to its first answer, against a
            function that imports `firebase_functions` and `google.cloud.firestore` and nothing
            else ({cold["bare_cpu_ms"]} ms; `python -m dev.bench.cold`, median of
            {cold["rounds"]}).
            """
        ),
        "",
        "| function | ms | times |",
        "|---|--:|--:|",
        *(
            f"| `{name}` | {row['cpu_ms']} | {row['ratio_percent'] / 100:.2f} |"
            for name, row in rows
        ),
        "",
    ]


def doors(report: Json) -> list[str]:
    """Return the section about reading and calling models, if it was measured."""
    doors = report.get("doors")
    if not doors:
        return []
    usage, gateway = doors["usage_me"], doors["gateway"]
    return [
        "## Reading, and calling models",
        "",
        line(
            f"""
            `GET /usage/me` of a signed-in user, {usage["calls"]} times in the process, without
            added latency: p50 {usage["p50_ms"]} ms; a bare read of the published balance with
            the same client, in turns with it: {usage["read_p50_ms"]} ms.
            """
        ),
        "",
        line(
            f"""
            A model call through the gateway, {gateway["calls"]} times, with latency put in: p50
            {gateway["p50_ms"]} ms, of which the model's server took {gateway["upstream_ms"]}
            ms; a commit takes {gateway["rpc_ms"]} ms, so what the gateway adds is
            {gateway["added_ms"] / gateway["rpc_ms"]:.2f} RPC times. The first byte of a stream
            came {gateway["first_byte_rpc_times"]} RPC times later than from the model's server.
            """
        ),
        "",
    ]


def load(report: Json) -> list[str]:
    """Return the section about the load run, if there was one."""
    load = report.get("load")
    if not load:
        return []
    statuses = ", ".join(
        f"{count:,} {TIMES} {code}" for code, count in load["statuses"].items()
    )
    exact = "are" if load["is_exact"] else "are NOT"
    return [
        "## Under load",
        "",
        line(
            f"""
            `make load`: {load["clients"]} clients for {load["minutes"]:g} minutes against
            `meter` under functions-framework with production settings ({load["threads"]}
            threads), mixed traffic: charges by amount and by model, holds that are captured or
            voided, repeats of a key, refusals, quotes, a hot customer among
            {load["customers"]}. {load["requests"]:,} requests, {load["per_s"]} a second,
            clients on the same machine: {statuses}; p50 {load["p50_ms"]} ms, p99
            {load["p99_ms"]} ms. All wallets {exact} what was answered.
            Commit `{load["commit"]}`, {load["started_at"]}.
            """
        ),
        "",
        line(
            f"""
            Memory of the server in MiB, {len(load["rss_mib"])} times:
            {", ".join(map(str, load["rss_mib"]))}; the last fifth is
            {load["grown_percent"]:+} % of the second.
            """
        ),
        "",
    ]
