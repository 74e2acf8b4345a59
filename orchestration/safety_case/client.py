"""A CDS client of the sandbox: listed with the service, with a key of its own, that signs a token for every call.

What does not belong here: what is wrong with a token (catalogue/serving).
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ISSUER, BASE_URL = "https://ehr.safety-case.example", "https://cds.safety-case.example"
KEY_ID, KEY_SET, ALGORITHM = "case", "case.jwks.json", "ES384"
LIVES_SECONDS = 300


@dataclass(frozen=True)
class TrustedClient:
    """The client's key; the service knows its public half."""

    key: ec.EllipticCurvePrivateKey
    base_url: str = BASE_URL

    @staticmethod
    def listed_in(home: Path) -> "TrustedClient":
        """Make a client and list it in `clients.json` of a home."""
        key = ec.generate_private_key(ec.SECP384R1())
        public = {**json.loads(ECAlgorithm.to_jwk(key.public_key())), "kid": KEY_ID, "use": "sig"}
        (home / KEY_SET).write_text(json.dumps({"keys": [public]}))
        listed = {"iss": ISSUER, "jwks_file": KEY_SET}
        document = {"schema": "pilothouse.clients/1", "base_url": BASE_URL, "clients": [listed]}
        (home / "clients.json").write_text(json.dumps(document))
        return TrustedClient(key)

    def claims(self, path: str) -> dict[str, Any]:
        """What a token for one call of an address says."""
        now = int(time.time())
        return {"iss": ISSUER, "aud": BASE_URL + path, "iat": now, "exp": now + LIVES_SECONDS, "jti": str(uuid4())}

    def token(self, path: str, key: ec.EllipticCurvePrivateKey | None = None) -> str:
        """A token for one call, signed with the client's key or with another."""
        return jwt.encode(self.claims(path), key or self.key, ALGORITHM, headers={"kid": KEY_ID})
