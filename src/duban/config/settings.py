"""Every setting of an installation comes from the environment; docs/running.md lists them with their defaults."""

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.utils.translation import gettext_lazy as _

from duban.core.keys import read_or_make_key

PACKAGE = Path(__file__).resolve().parent.parent
CHECKOUT = PACKAGE.parent.parent


def _flag(name: str, default: bool) -> bool:
    return os.environ.get(name, str(int(default))).lower() in {"1", "true", "yes", "on"}


def _words(name: str, default: str) -> list[str]:
    return [word for word in os.environ.get(name, default).replace(",", " ").split() if word]


DUBAN_DATA = Path(os.environ.get("DUBAN_DATA", CHECKOUT / "var")).resolve()
DUBAN_DATA.mkdir(parents=True, exist_ok=True)
DEBUG = _flag("DUBAN_DEBUG", False)
SECRET_KEY = os.environ.get("DUBAN_SECRET_KEY") or read_or_make_key(DUBAN_DATA / "keys" / "web").hex()
ALLOWED_HOSTS = _words("DUBAN_HOSTS", "localhost 127.0.0.1 [::1]")
CSRF_TRUSTED_ORIGINS = _words("DUBAN_ORIGINS", "")
DUBAN_SITE_URL = os.environ.get("DUBAN_SITE_URL", "http://localhost:8000").rstrip("/")
DUBAN_OFFICE = os.environ.get("DUBAN_OFFICE", "")
DUBAN_TOUR = os.environ.get("DUBAN_TOUR", "0") == "1"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
    "duban.core",
    "duban.places",
    "duban.access",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "axes",
    "duban.evidence",
    "duban.venues",
    "duban.decisions",
    "duban.ledger",
    "duban.patrol",
    "duban.outbreak",
    "duban.commons",
    "duban.bulletin",
    "duban.web",
    "duban.config",
    "duban.demo",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "duban.core.middleware.SecurityPolicy",
    "duban.core.middleware.ErrorPages",
    "duban.access.middleware.OneTimePassword",
    "duban.access.middleware.SecondFactor",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "duban.config.urls"
WSGI_APPLICATION = "duban.config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


def _database(url: str) -> dict:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path) if parts.path not in {"", "/"} else DUBAN_DATA / "duban.sqlite3",
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-64000;",
            },
        }
    if parts.scheme in {"postgres", "postgresql"}:
        query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": unquote(query.get("host", parts.hostname or "")),
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
        }
    raise ValueError(f"DUBAN_DATABASE_URL must start with sqlite:// or postgresql://, not {url!r}")


DATABASES = {"default": _database(os.environ.get("DUBAN_DATABASE_URL", "sqlite://"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "access.Person"
LOGIN_URL = "access:login"
LOGIN_REDIRECT_URL = "web:desk"
LOGOUT_REDIRECT_URL = "web:home"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]

# Nobody signs up and no mail is asked for: an administrator makes the accounts, people log in by their user name.
ACCOUNT_ADAPTER = "duban.access.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
MFA_ADAPTER = "duban.access.adapters.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = DUBAN_OFFICE or "Duban"
MFA_TOTP_TOLERANCE = 1
DUBAN_REQUIRE_MFA = _flag("DUBAN_REQUIRE_MFA", False)

# Wrong passwords are counted by user name and address together, so that nobody locks a colleague out from elsewhere.
ALLAUTH_TRUSTED_PROXY_COUNT = int(os.environ.get("DUBAN_PROXIES", "0"))
AXES_CLIENT_IP_CALLABLE = "duban.access.lockout.client_address"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "duban.access.lockout.too_many"
AXES_FAILURE_LIMIT = int(os.environ.get("DUBAN_LOGIN_TRIES", "5"))
AXES_COOLOFF_TIME = timedelta(minutes=int(os.environ.get("DUBAN_LOGIN_COOL_OFF_MINUTES", "15")))
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Chinese")), ("en", _("English"))]
LOCALE_PATHS = [PACKAGE / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = os.environ.get("DUBAN_TIME_ZONE", "Asia/Shanghai")

STATIC_URL = "/static/"
STATIC_ROOT = DUBAN_DATA / "static"
NODE_MODULES = Path(os.environ.get("DUBAN_NODE_MODULES", CHECKOUT / "node_modules"))
STATICFILES_DIRS = [
    (f"vendor/{name}", NODE_MODULES / path)
    for name, path in {
        "tabler": "@tabler/core/dist/css",
        "tabler-js": "@tabler/core/dist/js",
        "htmx": "htmx.org/dist",
        "maplibre": "maplibre-gl/dist",
        "slider": "img-comparison-slider/dist",
        "echarts": "echarts/dist",
    }.items()
    if (NODE_MODULES / path).is_dir()
]
WHITENOISE_USE_FINDERS = True

# A photo of the field is at most this large; the request that carries several may be larger.
DUBAN_MAX_UPLOAD = int(os.environ.get("DUBAN_MAX_UPLOAD_MB", "32")) * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * DUBAN_MAX_UPLOAD
# A page of a bulletin has at most 200 blocks of five texts, beside what else stands in its form.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
# An import brings its photos as single files too.
DATA_UPLOAD_MAX_NUMBER_FILES = 2000
FILE_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
FILE_UPLOAD_PERMISSIONS = 0o640


# Presences older than the newest by so many days are dropped; 0 keeps them until somebody drops them.
DUBAN_SPARK_MASTER = os.environ.get("DUBAN_SPARK_MASTER", "")
DUBAN_PRESENCE_DAYS = int(os.environ.get("DUBAN_PRESENCE_DAYS", "60"))
# So many whole days after a shift the contacts of its volunteers are deleted.
DUBAN_VOLUNTEER_DAYS = int(os.environ.get("DUBAN_VOLUNTEER_DAYS", "30"))


def _email(url: str) -> dict:
    """Django's settings of a mail server: `smtp://` (STARTTLS with ?tls=1), `smtps://`, `console:`; empty is none."""
    parts = urlsplit(url)
    if not url:
        return {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    if parts.scheme == "console":
        return {"BACKEND": "django.core.mail.backends.console.EmailBackend"}
    if parts.scheme in {"smtp", "smtps"} and parts.hostname:
        return {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "HOST": parts.hostname,
            "PORT": parts.port or (465 if parts.scheme == "smtps" else 25),
            "HOST_USER": unquote(parts.username or ""),
            "HOST_PASSWORD": unquote(parts.password or ""),
            "USE_SSL": parts.scheme == "smtps",
            "USE_TLS": parts.scheme == "smtp" and "tls=1" in parts.query.split("&"),
        }
    # The address holds a password, so it is not repeated.
    raise ValueError("DUBAN_EMAIL_URL must be smtp://user:password@host:port, smtps://... or console:")


DUBAN_EMAIL_URL = os.environ.get("DUBAN_EMAIL_URL", "")
globals().update({f"EMAIL_{name}": value for name, value in _email(DUBAN_EMAIL_URL).items()})
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = os.environ.get("DUBAN_EMAIL_FROM", "duban@localhost")

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
if DUBAN_SITE_URL.startswith("https://"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 31536000

# What follows these in an address opens something without an account; no log shows it.
SECRET_ADDRESSES = [
    "/care/",
    "/talk/",
    "/vote/",
    "/needs/mine/",
    "/volunteer/mine/",
    "/volunteer/here/",
    "/organisations/applications/",
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {"secrets": {"()": "duban.core.quiet.HideSecrets", "below": SECRET_ADDRESSES}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["secrets"]}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("DUBAN_LOG_LEVEL", "WARNING")},
}
