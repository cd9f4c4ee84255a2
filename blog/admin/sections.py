"""The sections of an article, within the article's own form."""

from typing import Any

from admin_ordering.admin import OrderableAdmin
from django import forms
from django.contrib import admin
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest

from config.numbers import row_number

from ..models import Article, Section


class SectionForm(forms.ModelForm[Section]):
    class Meta:
        model = Section
        fields = ("position", "heading", "body")
        widgets = {
            "heading": forms.TextInput(attrs={"class": "vLargeTextField"}),
            "body": forms.Textarea(attrs={"rows": 10, "cols": 80}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["position"].required = False

    def _get_validation_exclusions(self) -> set[str]:
        """Two sections may change places, so a position is judged with all others (below)."""
        return super()._get_validation_exclusions() | {"position"}  # type: ignore[misc]


class SectionFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """Sections in the order their numbers say, whatever the numbers are; stored as 1, 2, 3 …"""

    def save(self, commit: bool = True) -> list[Section]:
        unused = [form for form in self.extra_forms if not form.has_changed()]
        kept = [form for form in self.forms if form not in [*unused, *self.deleted_forms]]
        kept.sort(key=lambda form: form.cleaned_data.get("position") or Section.OUT_OF_THE_WAY)
        for spare, form in enumerate(kept, start=2 * Section.OUT_OF_THE_WAY):
            form.instance.position = spare
        saved = super().save(commit=commit)
        self.instance.arrange([form.instance for form in kept])
        return saved


class SectionInline(OrderableAdmin, admin.StackedInline):  # type: ignore[type-arg]
    model = Section
    form = SectionForm
    formset = SectionFormSet
    ordering_field = "position"
    extra = 0
    fields = ("position", "heading", "body")

    def get_extra(self, request: HttpRequest, obj: Article | None = None, **kwargs: Any) -> int:
        """Those of the original, in a translation; in a new article one, for want of a script."""
        return len(sections_of(asked_for(request))) or (1 if obj is None else 0)


def asked_for(request: HttpRequest) -> Article | None:
    """The article whose translation is about to be written."""
    if request.method != "GET" or not request.path.endswith("/add/"):
        return None
    number = row_number(request.GET.get("translation_of"))
    return Article.objects.filter(pk=number).first() if number else None


def sections_of(article: Article | None) -> list[dict[str, Any]]:
    sections = article.sections.all() if article else ()
    return [{name: getattr(one, name) for name in SectionInline.fields} for one in sections]
