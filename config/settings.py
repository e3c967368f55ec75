"""Every choice an installation can make, read from the environment; docs/operations.md explains each."""

import contextlib
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from config import logs

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# --- Where and as what this installation runs ---------------------------------------------------------------------

GATE_ENV = env.str("GATE_ENV", default="development")
if GATE_ENV not in ("development", "production"):
    raise ImproperlyConfigured(f"GATE_ENV is {GATE_ENV!r}; it must be development or production")
PRODUCTION = GATE_ENV == "production"
DEBUG = env.bool("GATE_DEBUG", default=False)

#: All state lives below this folder: a copy of it is a backup of an embedded installation.
GATE_DATA = Path(env.str("GATE_DATA", default=str(BASE_DIR / "var"))).resolve()
GATE_FILES = GATE_DATA / "files"
GATE_INDEX = GATE_DATA / "index"
#: Another fingerprint index than the folder: clickhouse://user:password@host:8123/database?cluster=name&tls=1
GATE_INDEX_URL = env.str("GATE_INDEX_URL", default="")
GATE_LOGS = GATE_DATA / "logs"
GATE_TMP = GATE_DATA / "tmp"
for _folder in (GATE_DATA, GATE_FILES, GATE_INDEX, GATE_LOGS, GATE_TMP):
    _folder.mkdir(mode=0o750, parents=True, exist_ok=True)

GATE_HOST = env.str("GATE_HOST", default="127.0.0.1")
GATE_PORT = env.int("GATE_PORT", default=8000)
GATE_PUBLIC_URL = env.str("GATE_PUBLIC_URL", default=f"http://localhost:{GATE_PORT}").rstrip("/")
#: The installation's own model of acoustic traces (``manage.py ai_train``); none by default.
GATE_LATTICE_MODEL = env.str("GATE_LATTICE_MODEL", default="")
GATE_POLICY_SHIPPED = BASE_DIR / "config" / "policy.toml"
GATE_TRANSPARENCY = env.bool("GATE_TRANSPARENCY", default=False)
GATE_POLICY = Path(env.str("GATE_POLICY", default=str(GATE_POLICY_SHIPPED)))

#: The certificate (with those that issued it) and the key that sign what was decided into copies of cleared files, as
#: paths of PEM files. Without them nothing is marked.
GATE_MARKING_CERTIFICATE = env.str("GATE_MARKING_CERTIFICATE", default="")
GATE_MARKING_KEY = env.str("GATE_MARKING_KEY", default="")

#: A user of the sandbox's own: decoders then run as a user that owns nothing. Takes CAP_SETUID, CAP_SETGID, CAP_KILL.
GATE_SANDBOX_USER = env.str("GATE_SANDBOX_USER", default="")

#: The largest file a label may deliver; an hour of 24-bit 192 kHz stereo is 4 GB.
GATE_MAX_FILE_BYTES = env.int("GATE_MAX_FILE_BYTES", default=4 * 1024**3)

#: Requests that one API key may make: 20/s, 1200/min, 10000/h, or off.
GATE_RATE_LIMIT = env.str("GATE_RATE_LIMIT", default="12000/min")

#: For so long a moderator can take a decision back; no webhook is sent before. 0: not at all.
GATE_UNDO_SECONDS = env.int("GATE_UNDO_SECONDS", default=10)
if not 0 <= GATE_UNDO_SECONDS <= 600:
    raise ImproperlyConfigured(f"GATE_UNDO_SECONDS is {GATE_UNDO_SECONDS}; it must be 0 to 600")

#: Partners on plain HTTP or on this very machine: for trying things out, never in production.
GATE_WEBHOOKS_ALLOW_LOCAL = not PRODUCTION

# --- Processes under `manage.py supervise` ------------------------------------------------------------------------

GATE_WEB_WORKERS = env.int("GATE_WEB_WORKERS", default=2)
#: Threads of each for requests; they never wait for a client.
GATE_WEB_THREADS = env.int("GATE_WEB_THREADS", default=16)
#: And for large bodies, each of which holds one for as long as it lasts.
GATE_WEB_UPLOADS = env.int("GATE_WEB_UPLOADS", default=16)
for _name, _number in (("GATE_WEB_THREADS", GATE_WEB_THREADS), ("GATE_WEB_UPLOADS", GATE_WEB_UPLOADS)):
    if _number < 4:
        raise ImproperlyConfigured(f"{_name} is {_number}; it must be at least 4, so that no single client fills it")
GATE_WORKERS = env.int("GATE_WORKERS", default=os.cpu_count() or 2)

# --- Secrets, hosts, HTTPS ----------------------------------------------------------------------------------------


def _kept_secret(path: Path) -> str:
    """The key of this embedded installation: drawn once, readable by its owner alone."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(64))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # of several processes at first start, exactly one wins
        draft.unlink()
    return path.read_text()


def _restrict_permissions(path: Path) -> None:
    """A database holds what labels deliver in confidence: no other account of the machine reads it. What SQLite writes
    beside it gets the same rights."""
    with contextlib.suppress(OSError):  # a folder that is not there, or another user's file: migrate says so
        path.touch(mode=0o640)
        path.chmod(0o640)


SECRET_KEY = env.str("GATE_SECRET_KEY", default="")
if not SECRET_KEY:
    if PRODUCTION:
        raise ImproperlyConfigured("GATE_ENV=production needs GATE_SECRET_KEY: at least 50 random characters")
    SECRET_KEY = _kept_secret(GATE_DATA / "secret_key")

# The loopback names stay allowed for health checks from inside the machine or container.
ALLOWED_HOSTS = [*env.list("GATE_ALLOWED_HOSTS", default=[]), "localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = [GATE_PUBLIC_URL]
_HTTPS = env.bool("GATE_HTTPS", default=PRODUCTION)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = env.int("GATE_HSTS_SECONDS", default=365 * 24 * 3600) if _HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _HTTPS
#: Whether a proxy in front always sets X-Forwarded-Proto, and adds the client's address to X-Forwarded-For.
GATE_TRUST_PROXY = env.bool("GATE_TRUST_PROXY", default=False)
if GATE_TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600  # a moderator's long day
#: Seconds after which an idle session ends.
GATE_SESSION_IDLE = env.int("GATE_SESSION_IDLE", default=1800)
#: Whether the desk requires one-time passwords.
GATE_OTP = env.bool("GATE_OTP", default=PRODUCTION)
OTP_TOTP_ISSUER = "Release intake gate"
#: The library's own limit doubles without end for all clients; services/people/login_throttle.py counts by client.
OTP_TOTP_THROTTLE_FACTOR = 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# --- Django -------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "intake",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "intake.api.request_id.request_id",
    "django.middleware.security.SecurityMiddleware",
    "config.csp.content_security",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = True
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # a few hundred small files, found at start: nothing to collect, nothing to forget
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

#: Text parts of a request; a release of 200 tracks with lyrics is below 2 MB. Files are never held in memory.
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024**2
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 1000
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
FILE_UPLOAD_TEMP_DIR = str(GATE_TMP)
FILE_UPLOAD_PERMISSIONS = 0o640

# --- Database -----------------------------------------------------------------------------------------------------

DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{GATE_DATA / 'gate.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    _restrict_permissions(Path(DATABASES["default"]["NAME"]))
    #: Eight writers at once: 200 of 200 with these, 191 of 200 and "database is locked" without.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;",
    }
    # Threads share a test database only when it is a file.
    DATABASES["default"]["TEST"] = {"NAME": str(GATE_TMP / "test.sqlite3")}
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True  # a restarted server costs no request
# Opening anew costs as much as a small request: a millisecond on SQLite, for its settings.
DATABASES["default"].setdefault("CONN_MAX_AGE", 600)

# --- Files --------------------------------------------------------------------------------------------------------


def _parse_storage_url(url: str) -> dict[str, object]:
    """file:///folder, or s3://key:secret@host:port/bucket?region=…&tls=0 (host left out: Amazon's own)."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": parts.path}}
    if parts.scheme != "s3":
        raise ImproperlyConfigured(f"STORAGE_URL: {parts.scheme}:// is not known; use file:// or s3://")
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    options: dict[str, object] = {
        "bucket_name": parts.path.strip("/"),
        "region_name": query.get("region"),
        "querystring_auth": True,
        "default_acl": None,
        "file_overwrite": True,  # content-addressed: the same name is the same bytes
    }
    if parts.hostname:
        scheme = "http" if query.get("tls") == "0" else "https"
        port = f":{parts.port}" if parts.port else ""
        options |= {"endpoint_url": f"{scheme}://{parts.hostname}{port}", "addressing_style": "path"}
    if parts.username:
        options |= {"access_key": unquote(parts.username), "secret_key": unquote(parts.password or "")}
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


STORAGES = {
    "default": _parse_storage_url(env.str("STORAGE_URL", default=GATE_FILES.as_uri())),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# --- API ----------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["intake.api.auth.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["intake.api.auth.HasScope"],
    "DEFAULT_PAGINATION_CLASS": "intake.api.pagination.Cursor",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "intake.api.problems.handle_api_exception",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Release intake gate",
    "DESCRIPTION": "Deliver releases, read findings, hear decisions.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "WEBHOOKS": ["intake.api.openapi.EVENT"],
    "POSTPROCESSING_HOOKS": ["intake.api.openapi.complete_schema"],  # enumerations stay where they are used
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"validatorUrl": None, "deepLinking": True},  # no request to other hosts
}

# --- Celery -------------------------------------------------------------------------------------------------------

_EMBEDDED_BROKER = "gatesql://"
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=env.str("REDIS_URL", default=_EMBEDDED_BROKER))
GATE_BROKER_EMBEDDED = CELERY_BROKER_URL == _EMBEDDED_BROKER

#: After this long an unacknowledged message is delivered again; every task must have ended before (seconds).
_VISIBILITY_TIMEOUT = 600
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any]
if GATE_BROKER_EMBEDDED:
    _restrict_permissions(GATE_DATA / "broker.sqlite3")
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "path": str(GATE_DATA / "broker.sqlite3"),
        "visibility_timeout": _VISIBILITY_TIMEOUT,
    }
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": _VISIBILITY_TIMEOUT,
        # Kombu's defaults look for abandoned messages every hundred seconds only.
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
        # A request may wait this long for a frozen server, and not much longer for a dead one (seconds).
        "socket_timeout": 3,
        "socket_connect_timeout": 3,
        "max_retries": 1,
        "interval_start": 0.1,
        "interval_max": 0.1,
    }
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # for ever: waiting for the broker loses nothing
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = not GATE_BROKER_EMBEDDED
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_SOFT_TIME_LIMIT = 480
CELERY_TASK_TIME_LIMIT = 540
CELERY_TASK_DEFAULT_QUEUE = "work"
#: Webhooks and the sweep do not queue behind an hour of audio.
CELERY_TASK_ROUTES = {
    f"intake.{name}": {"queue": "fast"} for name in ("deliver", "pump", "sweep", "start", "conclude", "carry_on")
}
#: A tick that no worker took in its own interval is worth nothing any more: the next one does the same.
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "intake.sweep", "schedule": 10.0, "options": {"expires": 10.0}},
    "pump": {"task": "intake.pump", "schedule": 2.0, "options": {"expires": 2.0}},
    "tidy": {"task": "intake.tidy", "schedule": 300.0, "options": {"expires": 300.0}},
}

# --- Logs ---------------------------------------------------------------------------------------------------------

LOGGING_CONFIG = "config.logs.configure_logging"
GATE_LOG_JSON = env.bool("GATE_LOG_JSON", default=PRODUCTION)
LOGGING = logs.build_logging_config(level=env.str("GATE_LOG_LEVEL", default="INFO"), json=GATE_LOG_JSON)
