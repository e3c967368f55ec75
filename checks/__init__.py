"""What the gate asks of a release: a pure library that knows music and nothing of the web."""

from types import MappingProxyType

from checks.model.check import CHECK_FAILED, OWN_REASONS
from checks.rules import artwork, audio, disclosure, fraud, identity
from checks.rules.artefacts import generator_artefacts
from checks.rules.delivered_files import CODES as FILE_CODES
from checks.rules.metadata import IDENTIFIERS, METADATA
from checks.rules.similarity import recording_matches

#: The catalogue, in the order a moderator reads it.
CHECKS = (
    recording_matches.CHECK,
    identity.CHECK,
    fraud.CHECK,
    disclosure.CHECK,
    generator_artefacts.CHECK,
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
