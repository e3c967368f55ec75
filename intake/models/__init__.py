"""The rows. No logic here changes other rows; that is what ``intake.services`` is for."""

from intake.models.accounts import ApiKey, Label, Language, Partner
from intake.models.ai_declarations import Statement
from intake.models.artwork import ImageBand, ImageMeasurement
from intake.models.blocklist import Block
from intake.models.ddex_messages import DdexMessage
from intake.models.files import Analysis, Blob, Picture
from intake.models.hosts import SelfTest
from intake.models.idempotency import IdempotencyKey
from intake.models.known_recordings import CatalogueChange, KnownRecording
from intake.models.leased_work import Status
from intake.models.login_security import LoginThrottle, RecoveryCode
from intake.models.policies import PolicyChange, PolicyTrial
from intake.models.registry import (
    ArtistIdentifier,
    ArtistKey,
    Authorisation,
    KeyUse,
    NameKey,
    ProtectedArtist,
    ProtectedName,
)
from intake.models.review import AcceptedConsent, Appeal, AppealFile, Note, Proposal, Viewing
from intake.models.review_queue import Presence, Reason, SavedFilter
from intake.models.signed_copies import MarkedFile
from intake.models.stay_down import StayDown
from intake.models.submissions import (
    CheckRun,
    Claim,
    Decision,
    Event,
    Finding,
    Resource,
    Submission,
    Track,
)
from intake.models.trust_roots import TrustRoot
from intake.models.verified_recordings import SpeedTest, VerifiedRecording
from intake.models.waveforms import Portrait
from intake.models.webhooks import Attempt, Delivery, Endpoint

__all__ = [
    "AcceptedConsent",
    "Analysis",
    "ApiKey",
    "Appeal",
    "AppealFile",
    "ArtistIdentifier",
    "ArtistKey",
    "Attempt",
    "Authorisation",
    "Blob",
    "Block",
    "CatalogueChange",
    "CheckRun",
    "Claim",
    "DdexMessage",
    "Decision",
    "Delivery",
    "Endpoint",
    "Event",
    "Finding",
    "IdempotencyKey",
    "ImageBand",
    "ImageMeasurement",
    "KeyUse",
    "KnownRecording",
    "Label",
    "Language",
    "LoginThrottle",
    "MarkedFile",
    "NameKey",
    "Note",
    "Partner",
    "Picture",
    "PolicyChange",
    "PolicyTrial",
    "Portrait",
    "Presence",
    "Proposal",
    "ProtectedArtist",
    "ProtectedName",
    "Reason",
    "RecoveryCode",
    "Resource",
    "SavedFilter",
    "SelfTest",
    "SpeedTest",
    "Statement",
    "Status",
    "StayDown",
    "Submission",
    "Track",
    "TrustRoot",
    "VerifiedRecording",
    "Viewing",
]
