"""The rows. No logic here changes other rows; that is what ``intake.services`` is for."""

from intake.models.accounts import ApiKey, Label, Language, Partner
from intake.models.blocklist import Block
from intake.models.desk import AcceptedConsent, Appeal, AppealFile, Note, Proposal, Viewing
from intake.models.files import Analysis, Blob, Picture
from intake.models.hosts import SelfTest
from intake.models.idempotency import IdempotencyKey
from intake.models.images import ImageBand, ImageMeasurement
from intake.models.lattice import SpeedTest, VerifiedRecording
from intake.models.marked import MarkedFile
from intake.models.messages import DdexMessage
from intake.models.people import LoginThrottle, RecoveryCode
from intake.models.policies import PolicyChange, PolicyTrial
from intake.models.portraits import Portrait
from intake.models.reference import CatalogueChange, KnownRecording
from intake.models.registry import (
    ArtistIdentifier,
    ArtistKey,
    Authorisation,
    KeyUse,
    NameKey,
    ProtectedArtist,
    ProtectedName,
)
from intake.models.statements import Statement
from intake.models.staydown import StayDown
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
from intake.models.trust import TrustRoot
from intake.models.waiting import Presence, Reason, SavedFilter
from intake.models.webhooks import Attempt, Delivery, Endpoint
from intake.models.work import Status

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
