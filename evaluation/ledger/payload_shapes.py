"""What payloads of the ledger's entries have in common: plain types, what stands behind an actor, where it happened.

What each kind of entry holds belongs in ``payloads.py``.
"""

from datetime import datetime
from typing import Annotated, Literal, cast

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, PlainSerializer, StringConstraints

from evaluation.ledger.approval import NAME, PERSON
from evaluation.ledger.entry import instant_text

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Signature = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]
Name = Annotated[str, StringConstraints(pattern=f"^{NAME.pattern}$")]
Person = Annotated[str, StringConstraints(pattern=f"^{PERSON.pattern}$")]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Instant = Annotated[AwareDatetime, PlainSerializer(lambda at: instant_text(cast("datetime", at)), return_type=str)]


class Payload(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Claimed(Payload):
    proof: Literal["none"]


class Signed(Payload):
    proof: Literal["signature"]
    signed_at: Instant
    public_key: Digest
    signature: Signature


ActorProof = Annotated[Claimed | Signed, Field(discriminator="proof")]
"""What stands behind the actor of an entry (``act.py``); entries from before there were proofs have none."""


class Acted(Payload):
    actor_proof: ActorProof | None = None


class Operational(Acted):
    use_case: Name
    site: Name
    detail: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
