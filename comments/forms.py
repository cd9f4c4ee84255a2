"""The reader's form and its cheap guards. Nothing here ever asks the network."""

import unicodedata
from typing import Any, cast

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Div, Layout
from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from blog.models import Article, Section

from .akismet import HONEYPOT
from .models import MAX_LENGTH, Comment

# Unicode's control and format characters say nothing, turn the direction of text, or make a name
# or a link look like another. The two joiners some scripts need are left in.
SAYS_NOTHING = {"Cc", "Cf"}
NEEDED = {"\n", "\r", "\t", "\u200c", "\u200d"}


def visible(text: str) -> str:
    """The text without what nobody sees; empty if nothing is left to see."""
    kept = "".join(c for c in text if c in NEEDED or unicodedata.category(c) not in SAYS_NOTHING)
    return kept.strip() if kept.strip("\u200c\u200d \n\r\t\u3000\xa0") else ""


class IfThere(forms.ModelChoiceField[Any]):
    """A choice that has gone meanwhile counts as none: nobody's comment waits for that."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except forms.ValidationError:
            return None


class CommentForm(forms.ModelForm[Comment]):
    """What a reader fills in below `article`.

    The decoy field is for machines. What they write in it is kept and told to Akismet; it never
    turns anybody away, since a browser's helpfulness could fill it in too.
    """

    section = IfThere(Section.objects.none(), required=False, widget=forms.HiddenInput)
    parent = IfThere(Comment.objects.none(), required=False, widget=forms.HiddenInput)
    honeypot = forms.CharField(
        label=_("Leave this field empty"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"}),
    )

    class Meta:
        model = Comment
        fields = ("name", "email", "website", "body", "section", "parent", "honeypot")
        labels = {"body": _("Your comment"), "website": _("Website (optional)")}
        error_messages = {
            "website": {"invalid": _("Enter a web address such as https://example.com.")}
        }
        help_texts = {"email": _("Never shown on the page.")}
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "name"}),
            "email": forms.EmailInput(attrs={"autocomplete": "email"}),
            "website": forms.TextInput(attrs={"autocomplete": "url", "inputmode": "url"}),
            "body": forms.Textarea(attrs={"rows": 8, "maxlength": MAX_LENGTH}),
        }

    def __init__(self, article: Article, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.article = article
        self.offer("section", Section.objects.filter(article=article))
        self.offer("parent", Comment.objects.approved().filter(article=article))

    @cached_property
    def helper(self) -> FormHelper:
        """How it is laid out; most that are sent are never shown again."""
        helper = FormHelper()
        helper.form_tag = False
        helper.disable_csrf = True
        helper.layout = Layout(
            "section",
            "parent",
            "body",
            Div("name", "email", css_class="form-row"),
            "website",
            Div("honeypot", css_class="decoy", aria_hidden="true"),
        )
        return helper

    def offer(self, name: str, choices: QuerySet[Any]) -> None:
        cast(IfThere, self.fields[name]).queryset = choices

    def add_prefix(self, field_name: str) -> str:
        """The decoy's name on the page is the one Akismet is told."""
        return super().add_prefix(HONEYPOT if field_name == "honeypot" else field_name)

    def clean_honeypot(self) -> str:
        return self.cleaned_data["honeypot"][:500]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for name in ("name", "body", "honeypot"):
            if name in data:
                data[name] = visible(data[name])
        if "body" in data and not data["body"]:
            self.add_error("body", _("Write something first."))
        if "name" in data and not data["name"]:
            self.add_error("name", _("Tell us your name."))
        return data


def comment_from(form: CommentForm, request: HttpRequest) -> Comment:
    """The comment a valid form makes, with what the request says about its sender."""
    comment = form.save(commit=False)
    comment.article = form.article
    comment.language = get_language() or form.article.language
    comment.user = request.user if request.user.is_staff else None
    comment.user_ip = request.META.get("REMOTE_ADDR") or None
    comment.user_agent = request.headers.get("User-Agent", "")[:500]
    comment.referrer = request.headers.get("Referer", "")[:500]
    return comment
