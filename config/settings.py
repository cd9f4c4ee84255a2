"""Django's settings. What differs between two sites comes from the environment."""

from urllib.parse import urlsplit

from django.utils.csp import CSP

from . import environment
from .environment import BASE_DIR, DATA_DIR, DEBUG, SITE_URL

__all__ = ["DEBUG", "SITE_URL"]

SECRET_KEY = environment.SECRET_KEY
ALLOWED_HOSTS = environment.ALLOWED_HOSTS
TRUSTED_PROXIES = environment.TRUSTED_PROXIES

INSTALLED_APPS = [
    "config",
    "blog",
    "comments",
    "pagecache",
    "admin_ordering",
    "config.apps.AxesConfig",
    "crispy_forms",
    "crispy_bootstrap5",
    "config.apps.TasksConfig",
    "taggit",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "config.proxies.VisitorAddressMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "config.refusals.ImpossibleValuesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"
TAGGIT_CASE_INSENSITIVE = True

# Where things are kept

DATABASES = {"default": environment.DATABASE}
if environment.DATABASE_REPLICA:
    DATABASES["replica"] = environment.DATABASE_REPLICA
    DATABASE_ROUTERS = ["pagecache.replica.Router"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": environment.CACHE}
PAGE_EXPORT = environment.PAGE_EXPORT
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
MAILERS = {"default": environment.MAILER}
DEFAULT_FROM_EMAIL = SERVER_EMAIL = f"sgwrs@{urlsplit(SITE_URL).hostname}"

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_URL = "media/"
MEDIA_ROOT = DATA_DIR / "media"
FIXTURE_DIRS = [BASE_DIR / "fixtures"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

# Languages: Welsh first

LANGUAGE_CODE = "cy"
LANGUAGES = [("cy", "Cymraeg"), ("en", "English")]
# The second folder holds what Django's own Welsh catalogues lack.
LOCALE_PATHS = [BASE_DIR / "locale", BASE_DIR / "locale" / "django"]
# "6 October 2026" in English too, as readers in Wales write it.
FORMAT_MODULE_PATH = ["config.formats"]
TIME_ZONE = "Europe/London"
USE_TZ = True

# Who may do what

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_COOLOFF_TIME = 1  # hours
AXES_FAILURE_LIMIT = 5
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ACCESS_FAILURE_LOG = False
LOGIN_URL = "admin:login"

# What the browser is told

SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF, CSP.NONCE],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "manifest-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
}
SECURITY_CONTACT = environment.SECURITY_CONTACT
PERMISSIONS_POLICY: dict[str, list[str]] = {
    feature: [] for feature in ("camera", "geolocation", "microphone", "payment", "usb")
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CSRF_TRUSTED_ORIGINS = [SITE_URL]
SESSION_COOKIE_HTTPONLY = True

OVER_HTTPS = SITE_URL.startswith("https:")
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = OVER_HTTPS
SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$"]
SECURE_HSTS_SECONDS = 365 * 86400 if OVER_HTTPS else 0
# The names below ours and the browsers' preload list are the owner's business, not the blog's.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

# Comments and Akismet

AKISMET_API_KEY = environment.AKISMET_API_KEY
AKISMET_API_URL = environment.AKISMET_API_URL
AKISMET_TIMEOUT = environment.AKISMET_TIMEOUT
AKISMET_RETRY_FIRST = environment.AKISMET_RETRY_FIRST
AKISMET_RETRY_MAX = environment.AKISMET_RETRY_MAX
COMMENT_RATE = environment.COMMENT_RATE

# What is written down: no address, name, key or query string of a visitor

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # httpx writes each address it asks, and some of Akismet's carry the key.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        # axes writes user names and addresses.
        "axes": {"level": "CRITICAL"},
        "django_tasks_db": {"level": "WARNING"},
        "django.tasks": {"level": "WARNING"},
        "django": {"handlers": [], "propagate": True},
    },
}
