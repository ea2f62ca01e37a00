"""What we stand on is pinned and listed, and no secret is under version control."""

import json
import zlib

import pytest

from creditbase.kernel.ids import API_KEY_PREFIX, credential
from dev import pins, supply_chain
from dev.supply_chain import ROOT

DIGEST = "sha256:" + "0a" * 32
BASE64 = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIB"


def test_no_secret_is_under_version_control() -> None:
    """Whoever clones has it for ever, and scanners of others find it within minutes."""
    found = [
        flaw
        for name, text in supply_chain.tracked()
        for flaw in supply_chain.secrets_in(name, text)
    ]

    assert found == []


@pytest.mark.parametrize(
    "secret",
    [
        "sk_" + "live_51HxAbCdEfGhIjKlMnOp",
        "rk_" + "test_51HxAbCdEfGhIjKlMnOpQrStUv",
        "whsec_" + "q" * 40,
        "AIza" + "x" * 35,
        "ghp_" + "a" * 36,
        "AKIA" + "B" * 16,
        "sk-" + "ant-" + "c" * 40,
        "-----BEGIN " + f"PRIVATE KEY-----\n{BASE64}",
        "-----BEGIN RSA " + f"PRIVATE KEY-----\\n{BASE64}",
        credential(API_KEY_PREFIX, bytes(32)),
    ],
)
def test_a_secret_is_seen(secret: str) -> None:
    """Made up here of two halves, so that this file is clean itself."""
    assert list(supply_chain.secrets_in("a.py", f'key = "{secret}"\n'))


def test_a_credential_of_ours_that_cannot_be_real_is_none() -> None:
    """Examples in documents need not look broken: their checksum does not hold."""
    real = credential(API_KEY_PREFIX, bytes(32))
    fake = real[:-6] + f"{zlib.crc32(b'no') % 10**6:06}"

    assert list(supply_chain.secrets_in("a.md", fake)) == []


@pytest.mark.parametrize("name", supply_chain.REQUIREMENTS)
def test_every_requirement_is_an_exact_pin(name: str) -> None:
    """No range, no host, no option, and the digest of each file: it is the same tomorrow."""
    assert supply_chain.pins_of((ROOT / name).read_text())


def test_what_is_developed_with_is_what_is_deployed() -> None:
    """The tests run on the very versions that customers will."""
    developed = supply_chain.pins_of((ROOT / "requirements-dev.txt").read_text())
    deployed = supply_chain.pins_of((ROOT / supply_chain.DEPLOYED).read_text())

    assert deployed.items() <= developed.items()


@pytest.mark.parametrize(
    ("name", "options"), [(f"{name}.txt", options) for name, options in pins.FILES]
)
def test_pins_are_made_again_as_they_are(name: str, options: tuple[str, ...]) -> None:
    """By one command, without a registry's address, and each `.in` file names what it pins."""
    asked = pins.command(name.removesuffix(".txt"), options, [])
    wanted = (ROOT / asked[asked.index("compile") + 1]).read_text().splitlines()
    names = {
        line.partition("=")[0].lower() for line in wanted if line[:1] not in {"#", "-", ""}
    }

    assert name in supply_chain.REQUIREMENTS
    assert "--generate-hashes" in asked
    assert not any("://" in word or "index" in word for word in asked)
    assert names <= supply_chain.pins_of((ROOT / name).read_text()).keys()


@pytest.mark.parametrize(
    "line",
    [
        *("stripe>=16", "stripe", "stripe @ https://a.example/x.whl", "--index-url https://a"),
        *("-r other.txt", "stripe==16.*", f"stripe --hash={DIGEST}", f"--hash={DIGEST}"),
    ],
)
def test_what_is_no_pin_is_refused(line: str) -> None:
    """Each of these lets somebody else decide what is deployed."""
    with pytest.raises(ValueError, match="no exact pin"):
        supply_chain.pins_of(f"a==1 --hash={DIGEST} # good\n{line}\n")


@pytest.mark.parametrize(
    "line",
    [
        "stripe==16.1.0",
        "stripe==16.1.0 ; python_version > '3'",
        "stripe==16.1.0 \\\n    --hash=md5:0123",
        f"stripe==16.1.0 --hash={DIGEST[:-1]}",
        f"stripe==16.1.0 --hash={DIGEST} --extra-index-url https://a.example",
    ],
)
def test_a_pin_without_a_digest_is_refused(line: str) -> None:
    """A version's name says nothing of what is in it; and pip asks for all digests or none."""
    with pytest.raises(ValueError, match="no digest"):
        supply_chain.pins_of(line)


def test_every_npm_package_has_its_digest_and_no_host() -> None:
    """Another registry may serve it, but nothing else under its name."""
    lock = json.loads((ROOT / "package-lock.json").read_text())

    assert list(supply_chain.flaws_of_lock(lock)) == []


def test_a_lock_that_was_loosened_is_seen() -> None:
    """Both ways."""
    lock = {"packages": {"": {}, "node_modules/a": {"resolved": "https://a.example/a.tgz"}}}

    assert len(list(supply_chain.flaws_of_lock(lock))) == 2


def test_the_bill_names_what_is_deployed_and_nothing_else() -> None:
    """Stripe's SDK and the site's framework are; the emulators and the tests' tools are not."""
    found = supply_chain.written_bill()

    names = {part["name"] for part in found["components"]}
    assert {"stripe", "google-cloud-firestore", "preact", "firebase"} <= names
    assert not names & {"pytest", "hypothesis", "firebase-tools", "vitest", "typescript"}
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    refs = [part["bom-ref"] for part in found["components"]]
    assert refs == sorted(set(refs))


def test_a_package_is_looked_for_as_npm_does() -> None:
    """In the folder of who needs it first: two versions of one name are two parts."""
    lock = {
        "packages": {
            "": {},
            "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "*"}},
            "node_modules/a/node_modules/b": {"version": "2.0.0"},
            "node_modules/b": {"version": "1.0.0"},
            "node_modules/c": {"version": "1.0.0"},
        }
    }

    found = supply_chain.bundled(lock, ['import { x } from "a/part";\nimport "./own";'])

    assert sorted(found.values()) == ["a@1.0.0", "b@2.0.0"]
