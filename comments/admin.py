"""The moderator's desk."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin import ActionLocation
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import truncatechars
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, ngettext_lazy

from blog.admin.desk import Desk

from . import breaker, moderation, privacy, rules, status
from .accuracy import accuracy
from .models import Account, Comment, Decision, Policy, Report, SpamCheck, Status

APPROVED = ngettext_lazy("One comment is approved.", "%(n)s comments are approved.", "n")
SPAM = ngettext_lazy("One comment is marked as spam.", "%(n)s comments are marked as spam.", "n")
REJECTED = ngettext_lazy("One comment is rejected.", "%(n)s comments are rejected.", "n")
ASKED = ngettext_lazy(
    "Akismet will be asked about one comment.", "Akismet will be asked about %(n)s comments.", "n"
)
TAKEN_BACK = ngettext_lazy(
    "The last decision on one comment is taken back.",
    "The last decision on %(n)s comments is taken back.",
    "n",
)
LEFT = ngettext_lazy("One comment was left as it is.", "%(n)s comments were left as they are.", "n")


def moderator_action(one: Any, many: Any) -> Callable[[Any], Any]:
    """An action for those who may moderate, on the list and on the comment's own page."""
    return admin.action(
        permissions=["moderate"],
        location=[ActionLocation.CHANGE_LIST, ActionLocation.CHANGE_FORM],
        description=one,
        description_plural=many,
    )


class Evidence[M: Model](Desk[M]):
    """What happened is looked at, never added to, changed or taken away by hand."""

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """The story is on the row's own page; the admin's log knows nothing of it."""
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return redirect(name, object_id)

    def has_add_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False


@admin.register(Comment)
class CommentAdmin(Evidence[Comment]):
    list_display = ("excerpt", "who", "about", "state", "verdict", "submitted_at")
    list_display_links = ("excerpt",)
    list_filter = ("status", "held_by", "language", "submitted_at")
    list_per_page = 50
    search_fields = ("body", "name", "email", "website", "article__title")
    search_help_text = _("Searches text, name, e-mail, website and the article’s title.")
    show_facets = admin.ShowFacets.ALWAYS
    date_hierarchy = "submitted_at"
    actions = ("approve", "mark_as_spam", "reject", "recheck", "undo", "erase")
    actions_selection_counter = True
    fieldsets = (
        (None, {"fields": ("text", "article", "section", "parent")}),
        (
            _("Who"),
            {"fields": ("name", "email", "website", "user", "user_ip", "network", "user_agent")},
        ),
        (_("Where it stands"), {"fields": ("status", "held", "verdict", "story")}),
    )
    readonly_fields = ("text", "network", "held", "verdict", "story")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Comment]:
        found = super().get_queryset(request).select_related("article", "section__article", "user")
        return found.prefetch_related("checks")

    @admin.display(description=_("comment"), ordering="body")
    def excerpt(self, comment: Comment) -> SafeString:
        words = truncatechars(comment.body, 160)
        return format_html('<span lang="{}">{}</span>', comment.language, words)

    @admin.display(description=_("comment"))
    def text(self, comment: Comment) -> SafeString:
        return format_html('<div lang="{}">{}</div>', comment.language, comment.body)

    @admin.display(description=_("who"), ordering="name")
    def who(self, comment: Comment) -> SafeString:
        return format_html("{}<br><small>{}</small>", comment.name, comment.email)

    @admin.display(description=_("article"), ordering="article__title")
    def about(self, comment: Comment) -> SafeString:
        where = comment.section or comment.article
        url = (
            comment.get_absolute_url()
            if comment.status == Status.APPROVED
            else (comment.article.get_absolute_url())
        )
        return format_html('<a href="{}">{}</a>', url, where)

    @admin.display(description=_("status"), ordering="status")
    def state(self, comment: Comment) -> SafeString:
        return format_html(
            '<span class="state state-{}">{}</span> <small>{}</small>',
            comment.status,
            comment.get_status_display(),
            comment.get_held_by_display(),
        )

    @admin.display(description=_("Akismet says"))
    def verdict(self, comment: Comment) -> str:
        return comment.verdict_in_words

    @admin.display(description=_("held by"), empty_value="-")
    def held(self, comment: Comment) -> str:
        if not comment.held_by:
            return ""
        return f"{comment.get_held_by_display()} ({comment.held_because})"

    @admin.display(description=_("what happened"))
    def story(self, comment: Comment) -> SafeString:
        return render_to_string(
            "admin/comments/comment/_story.html",
            {"comment": comment, "events": comment.story()},
        )

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("comments.moderate_comment")

    @moderator_action(_("Approve"), _("Approve the selected comments"))
    def approve(self, request: HttpRequest, queryset: QuerySet[Comment]) -> None:
        self.do(request, queryset, lambda one: moderation.approve(one, request.user), APPROVED)

    @moderator_action(_("Mark as spam"), _("Mark the selected comments as spam"))
    def mark_as_spam(self, request: HttpRequest, queryset: QuerySet[Comment]) -> None:
        self.do(request, queryset, lambda one: moderation.mark_as_spam(one, request.user), SPAM)

    @moderator_action(_("Reject"), _("Reject the selected comments"))
    def reject(self, request: HttpRequest, queryset: QuerySet[Comment]) -> None:
        self.do(request, queryset, lambda one: moderation.reject(one, request.user), REJECTED)

    @moderator_action(_("Ask Akismet again"), _("Ask Akismet about the selected comments again"))
    def recheck(self, request: HttpRequest, queryset: QuerySet[Comment]) -> None:
        self.do(request, queryset, moderation.recheck, ASKED)

    @moderator_action(
        _("Take the last decision back"), _("Take the last decision on the selected comments back")
    )
    def undo(self, request: HttpRequest, queryset: QuerySet[Comment]) -> None:
        self.do(request, queryset, lambda one: moderation.undo(one, request.user), TAKEN_BACK)

    def do(
        self,
        request: HttpRequest,
        queryset: QuerySet[Comment],
        act: Callable[[Comment], Any],
        said: Any,
    ) -> None:
        """Act on each comment by itself; say what was done, and that the rest stays as it is."""
        done = sum(bool(act(comment)) for comment in queryset)
        if done:
            self.message_user(request, said % {"n": done}, messages.SUCCESS)
        if left := len(queryset) - done:
            self.message_user(request, LEFT % {"n": left}, messages.WARNING)

    @admin.action(
        permissions=["erase"],
        location=[ActionLocation.CHANGE_LIST, ActionLocation.CHANGE_FORM],
        description=_("Erase this person"),
        description_plural=_("Erase the people who wrote the selected comments"),
    )
    def erase(self, request: HttpRequest, queryset: QuerySet[Comment]) -> HttpResponse:
        """Asks first: it takes all comments under the same e-mail, and there is no way back."""
        emails = sorted({comment.email.casefold() for comment in queryset})
        if "confirmed" not in request.POST:
            context = self.admin_site.each_context(request) | {
                "title": _("Erase this person"),
                "opts": self.opts,
                "people": [(email, privacy.written_by(email).count()) for email in emails],
                "picked": queryset,
                "checkbox": ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, "admin/comments/comment/erase.html", context)
        try:
            with transaction.atomic():
                gone = sum((privacy.erase(email) for email in emails), Counter[str]())
        except privacy.TeamMemberError:
            refusal = _("One of them is a member of the team. Nothing was erased.")
            self.message_user(request, refusal, messages.ERROR)
        else:
            number = gone[Comment._meta.label]
            said = ngettext(
                "One comment was erased, with everything that was kept about it.",
                "%(n)s comments were erased, with everything that was kept about them.",
                number,
            )
            self.message_user(request, said % {"n": number}, messages.SUCCESS)
        return redirect("admin:comments_comment_changelist")

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("comments.delete_comment")


class PolicyForm(forms.ModelForm[Policy]):
    """The rules. New words are tried against approved comments before they are saved."""

    held_languages = forms.MultipleChoiceField(
        label=_("Languages in which spam is held"),
        choices=settings.LANGUAGES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    confirmed = forms.BooleanField(
        label=_("Save these words although they strike approved comments"), required=False
    )

    class Meta:
        model = Policy
        fields = ("mode",)  # the admin asks for those of its fieldsets

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for field in ("hold_words", "reject_words"):
            before = set(rules.listed(self.initial.get(field, "")))
            new = [word for word in rules.listed(data.get(field, "")) if word not in before]
            if new and not data.get("confirmed"):
                self.try_out(field, "\n".join(new))
        return data

    def try_out(self, field: str, words: str) -> None:
        struck, total, samples = rules.tried(words)
        if struck:
            said = _("This would have struck %(struck)s of %(total)s approved comments, such as:")
            lines = [said % {"struck": struck, "total": total}]
            lines += [f"{one.name}: {truncatechars(one.body, 100)}" for one in samples]
            self.add_error(field, lines)


@admin.register(Policy)
class PolicyAdmin(admin.ModelAdmin[Policy]):
    """One row, so the list leads straight to it."""

    form = PolicyForm
    fieldsets = (
        (_("Akismet"), {"fields": ("mode", "held_languages", "give_up_days")}),
        (
            _("Local rules"),
            {
                "fields": (
                    "max_links",
                    "hold_words",
                    "reject_words",
                    "confirmed",
                    "known_commenter",
                )
            },
        ),
        (_("How long things are kept"), {"fields": ("spam_days", "blatant_days", "evidence_days")}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Policy | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        policy, _new = Policy.objects.get_or_create(pk=1)
        return redirect("admin:comments_policy_change", policy.pk)


@admin.register(SpamCheck)
class SpamCheckAdmin(Evidence[SpamCheck]):
    ordering = ("-asked_at", "-pk")
    list_display = ("asked_at", "comment", "in_words", "trouble", "attempt", "duration")
    list_filter = ("outcome", "trouble")
    list_select_related = ("comment",)
    date_hierarchy = "asked_at"


@admin.register(Decision)
class DecisionAdmin(Evidence[Decision]):
    ordering = ("-decided_at", "-pk")
    list_display = ("decided_at", "comment", "from_status", "to_status", "who", "reason")
    list_filter = ("by", "to_status")
    list_select_related = ("comment", "user")
    date_hierarchy = "decided_at"


@admin.register(Report)
class ReportAdmin(Evidence[Report]):
    ordering = ("-pk",)
    list_display = ("comment", "verdict", "delivered_at", "attempts", "trouble")
    list_filter = ("verdict", "trouble")
    list_select_related = ("comment",)


# --- how it stands with Akismet: /admin/comments/akismet/ ------------------------------------


def akismet_page(request: HttpRequest) -> HttpResponse:
    """All there is to know about the connection to Akismet; a POST verifies the key."""
    if not request.user.has_perm("comments.moderate_comment"):
        raise PermissionDenied
    if request.method == "POST":
        verify(request)
        return redirect("admin:akismet")
    context = admin.site.each_context(request) | {
        "title": _("How it stands with Akismet"),
        "facts": status.facts(),
        "accuracy": accuracy(),
    }
    return TemplateResponse(request, "admin/comments/status.html", context)


def verify(request: HttpRequest) -> None:
    account = Account.objects.in_use()
    if account is None:
        messages.warning(request, _("There is no key: set AKISMET_API_KEY."))
    elif breaker.verify():
        status.refresh_usage(every=timedelta(0))
        messages.success(request, _("The key is good."))
    else:
        account.refresh_from_db()
        messages.error(request, account.get_trouble_display())


def with_akismet_page(
    urls: Callable[[], list[URLPattern | URLResolver]],
) -> Callable[[], list[URLPattern | URLResolver]]:
    page = admin.site.admin_view(akismet_page)
    return lambda: [path("comments/akismet/", page, name="akismet"), *urls()]


admin.site.get_urls = with_akismet_page(admin.site.get_urls)  # type: ignore[method-assign]
