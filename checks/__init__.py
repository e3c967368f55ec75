"""What the gate asks of a release: a pure library that knows music and nothing of the web."""

from types import MappingProxyType

from checks import artwork, audio, disclosure, fraud, identity, lattice, similarity
from checks.check import CHECK_FAILED, OWN_REASONS
from checks.files import CODES as FILE_CODES
from checks.metadata import IDENTIFIERS, METADATA

#: The catalogue, in the order a moderator reads it.
CHECKS = (
    similarity.CHECK,
    identity.CHECK,
    fraud.CHECK,
    disclosure.CHECK,
    lattice.CHECK,
    audio.CHECK,
    artwork.CHECK,
    IDENTIFIERS,
    METADATA,
)

#: Every kind of finding there is, by id.
CODES = MappingProxyType(
    {
        code.id: code
        for code in (
            *(code for check in CHECKS for code in check.codes),
            *FILE_CODES,
            CHECK_FAILED,
            *OWN_REASONS,
        )
    }
)
