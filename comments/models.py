"""What readers say, what Akismet answered about it, and what was decided."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from blog import markup
from blog.models import Article, Section, uri

from .querysets import (
    PLACE,
    AccountQuerySet,
    CommentQuerySet,
    PolicyQuerySet,
    ReportQuerySet,
)

MAX_LENGTH = 10_000
FRESH = timedelta(seconds=30)  # a worker gives a sign of life every few


class Status(models.TextChoices):
    UNCHECKED = "unchecked", _("not checked yet")
    PENDING = "pending", _("waiting for a person")
    APPROVED = "approved", _("approved")
    SPAM = "spam", _("spam")
    REJECTED = "rejected", _("rejected")


class Rule(models.TextChoices):
    """The local rules that can hold, refuse or publish a comment, by name."""

    LINKS = "links", _("too many links")
    HOLD_WORDS = "hold_words", _("words that hold")
    REJECT_WORDS = "reject_words", _("words that reject")
    HONEYPOT = "honeypot", _("the decoy field was filled in")
    KNOWN_COMMENTER = "known_commenter", _("known commenter")


WAITING = (Status.UNCHECKED, Status.PENDING)


class Comment(models.Model):
    """What a reader said about an article, perhaps about one section or in reply to somebody.

    `status` is where it stands; only comments.moderation changes it. `check_due_at` is the whole
    truth about the question to Akismet: when it should next be asked, or None for no question.
    `claimed_until`: a worker is asking now, and until then nobody else may.
    """

    article = models.ForeignKey(
        Article, models.PROTECT, related_name="comments", verbose_name=_("article")
    )
    section = models.ForeignKey(
        Section,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="comments",
        verbose_name=_("section"),
    )
    parent = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="replies",
        verbose_name=_("in reply to"),
    )
    # The comment that began the conversation `parent` is part of: replies are shown one level deep.
    thread = models.ForeignKey(
        "self", models.SET_NULL, null=True, editable=False, related_name="thread_replies"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("team member"),
    )
    name = models.CharField(_("name"), max_length=100)
    email = models.EmailField(_("e-mail"))
    website = models.URLField(_("website"), blank=True)
    body = models.TextField(_("comment"), max_length=MAX_LENGTH)
    language = models.CharField(_("language"), max_length=5, choices=settings.LANGUAGES)
    status = models.CharField(
        _("status"), max_length=10, choices=Status, default=Status.UNCHECKED, db_index=True
    )
    submitted_at = models.DateTimeField(_("submitted at"), default=timezone.now, db_index=True)

    # What Akismet is told about the visitor besides what they typed.
    user_ip = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    # All that comments.privacy leaves of the address. Akismet is never told it as if it were one.
    network = models.CharField(_("network"), max_length=45, blank=True, editable=False)
    user_agent = models.CharField(_("browser"), max_length=500, blank=True)
    referrer = models.CharField(_("referring page"), max_length=500, blank=True)
    honeypot = models.CharField(_("decoy field"), max_length=500, blank=True)

    # The local rule that struck it (comments.rules).
    held_by = models.CharField(_("held by the rule"), max_length=20, choices=Rule, blank=True)
    held_because = models.CharField(_("because"), max_length=100, blank=True)

    check_due_at = models.DateTimeField(null=True, blank=True, editable=False)
    claimed_until = models.DateTimeField(null=True, blank=True, editable=False)
    check_attempts = models.PositiveIntegerField(default=0, editable=False)
    check_reason = models.CharField(max_length=20, blank=True, editable=False)

    objects = CommentQuerySet.as_manager()

    # What CommentQuerySet and the conversation add for the page.
    answered: str | None
    total: int
    is_preceded: bool
    about: Section | None
    content: str  # by comments.feeds

    class Meta:
        ordering = ("-submitted_at", "-pk")
        verbose_name = _("comment")
        verbose_name_plural = _("comments")
        permissions = (("moderate_comment", _("Can moderate comments")),)
        indexes = (
            models.Index(Lower("email"), name="comment_by_person"),
            models.Index(
                fields=["article", "submitted_at", "id"],
                condition=Q(status=Status.APPROVED),
                name="comment_newest_on_article",
            ),
            models.Index(
                fields=["language", "submitted_at", "id"],
                condition=Q(status=Status.APPROVED),
                name="comment_newest_in_language",
            ),
            models.Index(
                "article",
                PLACE,
                condition=Q(status=Status.APPROVED),
                name="comment_in_reading_order",
            ),
            models.Index(
                fields=["check_due_at"],
                condition=Q(check_due_at__isnull=False),
                name="comment_to_check",
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="comment_has_a_known_status"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name}: {self.body[:60]}"

    def get_absolute_url(self) -> str:
        """The part of the conversation that begins with it: it may be on any page."""
        return f"{self.article.get_absolute_url()}?from={self.pk}#{self.anchor}"

    @property
    def anchor(self) -> str:
        return f"comment-{self.pk}"

    @property
    def uri(self) -> str:
        return uri("comment", self.pk)

    @property
    def html(self) -> str:
        return markup.comment(self.body)

    @property
    def is_from_team(self) -> bool:
        return self.user_id is not None

    @property
    def is_decided(self) -> bool:
        """Whether a person has the last word on it, so that no machine may move it."""
        return self.standing_decision is not None

    @property
    def standing_decision(self) -> "Decision | None":
        """The last word of a person that has not been taken back."""
        spoken = self.decisions.filter(by=Decision.By.PERSON, undoes=None, undone_by=None)
        return spoken.order_by("pk").last()

    @property
    def verdict_in_words(self) -> str:
        """What Akismet said of it last, or why it has not said anything."""
        last = self.last_check
        if last is None:
            return str(_("not checked"))
        if last.is_verdict:
            return last.in_words
        if self.last_verdict:
            return f"{self.last_verdict.in_words} ({last.get_trouble_display()})"
        return str(_("not checked: %(why)s") % {"why": last.get_trouble_display()})

    def story(self) -> list[Any]:
        """All that happened to it, in order: questions, decisions and reports."""
        events = [*self.checks.all(), *self.decisions.select_related("user"), *self.reports.all()]
        return sorted(events, key=lambda event: (event.happened_at, event.pk))

    @property
    def last_check(self) -> "SpamCheck | None":
        """The newest question that was put to Akismet (prefetched by with_checks())."""
        return max(self.checks.all(), key=lambda check: check.pk, default=None)

    @property
    def last_verdict(self) -> "SpamCheck | None":
        """The newest question that Akismet answered with a verdict."""
        answered = (check for check in self.checks.all() if check.is_verdict)
        return max(answered, key=lambda check: check.pk, default=None)


class Outcome(models.TextChoices):
    """What an answer of Akismet comes to: a `false` may be UNKNOWN, as headers are read first."""

    HAM = "ham", _("not spam")
    PROVISIONAL = "provisional", _("not spam so far")
    SPAM = "spam", _("spam")
    UNKNOWN = "unknown", _("no verdict")


class Trouble(models.TextChoices):
    """Why a call to Akismet came to nothing."""

    TIMEOUT = "timeout", _("Akismet took too long to answer")
    UNREACHABLE = "unreachable", _("Akismet could not be reached")
    STATUS = "status", _("Akismet answered with an error status")
    NONSENSE = "nonsense", _("Akismet's answer made no sense")
    INVALID = "invalid", _("Akismet does not accept the key")
    ACCOUNT = "account", _("Akismet reports trouble with the account")
    NO_ADDRESS = "no_address", _("the visitor's address is not known, and Akismet needs it")


class Exchange(models.Model):
    """What one call to Akismet said and got: evidence, never edited.

    `sent` is the list of [name, value] pairs as they went out, without the key.
    """

    sent = models.JSONField(_("what was sent"), default=list, blank=True)
    duration = models.FloatField(_("seconds"), default=0)
    trouble = models.CharField(_("trouble"), max_length=12, choices=Trouble, blank=True)
    http_status = models.PositiveIntegerField(_("HTTP status"), null=True, blank=True)
    debug_help = models.CharField(_("Akismet's hint"), max_length=300, blank=True)
    guid = models.CharField(_("Akismet's number"), max_length=64, blank=True)
    pro_tip = models.CharField(_("Akismet's tip"), max_length=64, blank=True)
    alert_code = models.CharField(_("alert code"), max_length=16, blank=True)
    alert_message = models.CharField(_("alert"), max_length=300, blank=True)

    class Meta:
        abstract = True


class SpamCheck(Exchange):
    """One question put to Akismet about a comment, and its answer."""

    comment = models.ForeignKey(
        Comment, models.CASCADE, related_name="checks", verbose_name=_("comment")
    )
    attempt = models.PositiveIntegerField(_("attempt"), default=1)
    asked_at = models.DateTimeField(_("asked at"), default=timezone.now)
    outcome = models.CharField(_("outcome"), max_length=12, choices=Outcome)
    recheck_after = models.PositiveIntegerField(
        _("ask again after (seconds)"), null=True, blank=True
    )

    class Meta:
        ordering = ("asked_at", "pk")
        verbose_name = _("question to Akismet")
        verbose_name_plural = _("questions to Akismet")

    def __str__(self) -> str:
        return self.in_words

    kind = "check"

    @property
    def happened_at(self) -> datetime:
        return self.asked_at

    @property
    def is_verdict(self) -> bool:
        return self.outcome != Outcome.UNKNOWN

    @property
    def is_blatant(self) -> bool:
        return self.outcome == Outcome.SPAM and self.pro_tip == "discard"

    @property
    @admin.display(description=_("Akismet says"))
    def in_words(self) -> str:
        if self.is_blatant:
            return str(_("blatant spam"))
        return str(Outcome(self.outcome).label)


class Decision(models.Model):
    """One change of a comment's status: by whom, why and when. Only ever added."""

    class By(models.TextChoices):
        PERSON = "person", _("a person")
        AKISMET = "akismet", _("Akismet")
        RULE = "rule", _("a rule")

    comment = models.ForeignKey(
        Comment, models.CASCADE, related_name="decisions", verbose_name=_("comment")
    )
    from_status = models.CharField(_("status before"), max_length=10, choices=Status)
    to_status = models.CharField(_("status after"), max_length=10, choices=Status)
    by = models.CharField(_("decided by"), max_length=10, choices=By)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("person"),
    )
    spam_check = models.ForeignKey(
        SpamCheck,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="decisions",
        verbose_name=_("question to Akismet"),
    )
    undoes = models.OneToOneField(
        "self",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="undone_by",
        verbose_name=_("takes back"),
    )
    rule = models.CharField(_("rule"), max_length=20, choices=Rule, blank=True)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    decided_at = models.DateTimeField(_("decided at"), default=timezone.now)
    # It contradicts Akismet, but the values to report are kept no longer.
    came_too_late = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ("decided_at", "pk")
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")

    def __str__(self) -> str:
        return f"{self.get_from_status_display()} → {self.get_to_status_display()}"

    kind = "decision"

    @property
    def happened_at(self) -> datetime:
        return self.decided_at

    @property
    @admin.display(description=_("decided by"))
    def who(self) -> str:
        if self.by == self.By.PERSON:
            return self.user.get_username() if self.user else str(_("somebody"))
        return self.get_rule_display() if self.rule else self.get_by_display()


class Report(Exchange):
    """A person's verdict that contradicts Akismet's, told to it with the values of the check."""

    class Verdict(models.TextChoices):
        HAM = "ham", _("not spam")
        SPAM = "spam", _("spam")

    comment = models.ForeignKey(
        Comment, models.CASCADE, related_name="reports", verbose_name=_("comment")
    )
    decision = models.ForeignKey(
        Decision, models.CASCADE, related_name="reports", verbose_name=_("decision")
    )
    # The question whose values are replayed.
    spam_check = models.ForeignKey(
        SpamCheck,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="reports",
        verbose_name=_("question to Akismet"),
    )
    verdict = models.CharField(_("reported as"), max_length=4, choices=Verdict)
    due_at = models.DateTimeField(null=True, blank=True, default=timezone.now, editable=False)
    claimed_until = models.DateTimeField(null=True, blank=True, editable=False)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    tried_at = models.DateTimeField(_("last tried"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)

    objects = ReportQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        verbose_name = _("report to Akismet")
        verbose_name_plural = _("reports to Akismet")
        indexes = (
            models.Index(
                fields=["due_at"], condition=Q(due_at__isnull=False), name="report_to_send"
            ),
        )

    def __str__(self) -> str:
        return f"submit-{self.verdict}"

    kind = "report"

    @property
    def happened_at(self) -> datetime:
        return self.delivered_at or self.decision.decided_at

    @property
    def may_have_arrived(self) -> bool:
        """It went out, and whether Akismet took it in is not known."""
        lost = {Trouble.TIMEOUT, Trouble.UNREACHABLE}
        return self.delivered_at is None and (
            self.claimed_until is not None or self.trouble in lost
        )

    @property
    def was_withdrawn(self) -> bool:
        """Overtaken by another decision before it was delivered."""
        return self.delivered_at is None and self.due_at is None


class Account(models.Model):
    """What we know of the Akismet account behind one key, shared by all processes.

    While there is trouble, `paused_until` keeps every worker from calling; when it has passed,
    one of them tries, and the pause grows with each failure.
    """

    fingerprint = models.CharField(max_length=64, unique=True, editable=False)
    trouble = models.CharField(_("trouble"), max_length=12, choices=Trouble, blank=True)
    trouble_since = models.DateTimeField(_("trouble since"), null=True, blank=True)
    http_status = models.PositiveIntegerField(_("HTTP status"), null=True, blank=True)
    alert_code = models.CharField(_("alert code"), max_length=16, blank=True)
    alert_message = models.CharField(_("alert"), max_length=300, blank=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    paused_until = models.DateTimeField(_("paused until"), null=True, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    # When it last answered a question or took a report, which a good key alone does not promise.
    proven_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_call_at = models.DateTimeField(_("last call"), null=True, blank=True)
    last_answer_at = models.DateTimeField(_("last answer"), null=True, blank=True)

    # The plan, as Akismet told it at `usage_at`; no `checks_allowed` is no limit.
    checks_used = models.PositiveBigIntegerField(_("checks this month"), null=True, blank=True)
    checks_allowed = models.PositiveBigIntegerField(_("checks a month"), null=True, blank=True)
    is_throttled = models.BooleanField(_("throttled"), default=False)
    usage_at = models.DateTimeField(_("usage as of"), null=True, blank=True)
    usage_asked_at = models.DateTimeField(null=True, blank=True, editable=False)

    # What the owner was last mailed about; both are empty again once its end was mailed too.
    mailed_at = models.DateTimeField(_("mailed at"), null=True, blank=True)
    mailed_about = models.CharField(_("mailed about"), max_length=12, choices=Trouble, blank=True)
    mail_paused_until = models.DateTimeField(null=True, blank=True, editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("Akismet account")
        verbose_name_plural = _("Akismet accounts")

    def __str__(self) -> str:
        return str(Trouble(self.trouble).label if self.trouble else _("in order"))

    @property
    def may_be_asked(self) -> bool:
        return self.paused_until is None or self.paused_until <= timezone.now()

    @property
    def needs_verifying(self) -> bool:
        """The trouble is with the key or the account: asking about comments will not end it."""
        return self.trouble in {Trouble.INVALID, Trouble.ACCOUNT}


class Heartbeat(models.Model):
    """When a worker last gave a sign of life: one row for all of them."""

    seen_at = models.DateTimeField()

    class Meta:
        verbose_name = _("sign of life")
        verbose_name_plural = _("signs of life")

    def __str__(self) -> str:
        return str(self.seen_at)

    @classmethod
    def beat(cls) -> None:
        cls.objects.update_or_create(pk=1, defaults={"seen_at": timezone.now()})

    @property
    def is_fresh(self) -> bool:
        """Whether a worker is alive, as far as its signs tell."""
        return timezone.now() - self.seen_at < FRESH


class Policy(models.Model):
    """What the owner has settled about comments: one row, edited at the desk as “Rules”."""

    class Mode(models.TextChoices):
        OFF = "off", _("off: Akismet is not asked")
        OBSERVE = "observe", _("observe: ask and record, change nothing")
        HOLD = "hold", _("hold: what Akismet calls spam waits for a person")
        ENFORCE = "enforce", _("enforce: what Akismet calls spam goes to the spam folder")

    mode = models.CharField(
        _("what Akismet's verdict does"), max_length=10, choices=Mode, default=Mode.ENFORCE
    )
    held_languages = models.JSONField(
        _("languages in which spam is held"),
        default=list,
        blank=True,
        help_text=_(
            "In these languages, what Akismet calls spam waits for a person. The table of accuracy "
            "by language says whether one needs it."
        ),
    )
    max_links = models.PositiveIntegerField(
        _("links allowed"),
        null=True,
        blank=True,
        default=3,
        help_text=_("More links than this hold a comment for a person. Empty: no limit."),
    )
    hold_words = models.TextField(
        _("words that hold"),
        blank=True,
        help_text=_("One word or phrase on each line; whole words, in upper or lower case."),
    )
    reject_words = models.TextField(
        _("words that reject"),
        blank=True,
        help_text=_("One on each line. The comment is rejected unseen, and Akismet is not asked."),
    )
    known_commenter = models.BooleanField(
        _("known commenters need no approval"),
        default=False,
        help_text=_(
            "Somebody with an approved comment under the same e-mail is published as soon as "
            "Akismet has said that it is not spam. Whoever knows that address can then publish "
            "under any name."
        ),
    )
    give_up_days = models.PositiveIntegerField(
        _("days to go on asking Akismet"),
        default=15,
        validators=[MaxValueValidator(3650)],
        help_text=_("After these the comment stays “not checked yet”, in plain sight."),
    )
    spam_days = models.PositiveIntegerField(
        _("days to keep spam"),
        default=15,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text=_("Counted from the day it was marked as spam."),
    )
    blatant_days = models.PositiveIntegerField(
        _("days to keep blatant spam"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text=_("Empty: as long as other spam."),
    )
    evidence_days = models.PositiveIntegerField(
        _("days to keep what was sent to Akismet"),
        default=15,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text=_("Then IP addresses are shortened too. Verdicts and decisions stay."),
    )

    objects = PolicyQuerySet.as_manager()

    class Meta:
        verbose_name = _("rules")
        verbose_name_plural = _("rules")
        constraints = (models.CheckConstraint(condition=Q(pk=1), name="there_is_one_policy"),)

    def __str__(self) -> str:
        return str(_("Rules"))

    @classmethod
    def is_off(cls) -> bool:
        """Whether the owner wants nothing sent to Akismet."""
        return cls.objects.current().mode == cls.Mode.OFF


class PastDecisions(models.Model):
    """How people decided on comments that are gone, so that accuracy does not forget them."""

    month = models.DateField()
    language = models.CharField(max_length=5)
    verdict = models.CharField(max_length=4)
    decision = models.CharField(max_length=10)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("past decisions")
        verbose_name_plural = _("past decisions")
        constraints = (
            models.UniqueConstraint(
                fields=("month", "language", "verdict", "decision"), name="past_decisions_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.language} {self.verdict}/{self.decision}: {self.count}"


class PostCount(models.Model):
    """How often one address or e-mail has posted in one stretch of time (see comments.rules)."""

    key = models.CharField(max_length=64)
    slot = models.BigIntegerField()
    count = models.PositiveIntegerField()

    pk = models.CompositePrimaryKey("key", "slot")

    class Meta:
        verbose_name = _("count of posts")
        verbose_name_plural = _("counts of posts")

    def __str__(self) -> str:
        return f"{self.count} in {self.slot}"


class Chore(models.Model):
    """Work that comes round by itself: when it is next due, whichever worker does it."""

    name = models.CharField(max_length=20, primary_key=True)
    due_at = models.DateTimeField()

    class Meta:
        verbose_name = _("regular work")
        verbose_name_plural = _("regular work")

    def __str__(self) -> str:
        return self.name
