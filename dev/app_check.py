"""App Check for development: a key made here, its public half as a key set, and a token.

The token is a real one, RS256, and the functions verify it as they verify Google's; they are
only told that the public keys are on a server of ours (`APP_CHECK_JWKS_URL`).
"""

import json
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

KEY_ID = "local"
APP_ID = "1:210000000000:web:creditbase"
PROJECT_NUMBER = "210000000000"
VALID_FOR_S = 7 * 24 * 3600


def make(project: str, keys: Path) -> str:
    """Make a key, publish its public half in `keys`, and return a token signed by it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    keys.parent.mkdir(parents=True, exist_ok=True)
    published = {**public, "kid": KEY_ID, "use": "sig", "alg": "RS256"}
    keys.write_text(json.dumps({"keys": [published]}))
    issued_at = int(time.time())
    claims = {
        "iss": f"https://firebaseappcheck.googleapis.com/{PROJECT_NUMBER}",
        "aud": [f"projects/{PROJECT_NUMBER}", f"projects/{project}"],
        "sub": APP_ID,
        "iat": issued_at,
        "exp": issued_at + VALID_FOR_S,
    }
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": KEY_ID, "typ": "JWT"})
