"""Where articles are written: one article, its sections and all about it on one screen."""

from typing import Any

from admin_ordering.admin import OrderableAdmin
from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from . import pictures
from .models import Article, Author, Category, Picture, Section

admin.site.site_header = _("Sgwrs: the desk")
admin.site.site_title = _("Sgwrs")
admin.site.index_title = _("The desk")


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


class ArticleForm(forms.ModelForm[Article]):
    translation_of: forms.ModelChoiceField[Article] = forms.ModelChoiceField(
        Article.objects.all(),
        label=_("Translation of"),
        required=False,
        widget=forms.NumberInput,
        help_text=_("The number of the article this one is a translation of."),
    )

    class Meta:
        model = Article
        fields = ("slug",)  # the admin asks for those of its fieldsets
        widgets = {
            "standfirst": forms.Textarea(attrs={"rows": 5, "cols": 80}),
            **{
                name: forms.TextInput(attrs={"class": "vLargeTextField"})
                for name in ("title", "slug", "closing_question")
            },
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if original := data.get("translation_of"):
            self.instance.translation_key = original.translation_key
        same = Article.objects.filter(
            translation_key=self.instance.translation_key, language=data.get("language")
        )
        if same.exclude(pk=self.instance.pk).exists():
            where = "translation_of" if original else "language"
            self.add_error(where, _("There is already a translation into this language."))
        return data

    def clean_tags(self) -> list[str]:
        """A tag has an address of its own, so it needs a letter or a digit."""
        tags: list[str] = self.cleaned_data["tags"]
        if wrong := [tag for tag in tags if not slugify(tag, allow_unicode=True)]:
            raise forms.ValidationError(
                _("A tag needs a letter or a digit: %(tag)s"), params={"tag": wrong[0]}
            )
        return tags


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("published", _("published")), ("scheduled", _("scheduled")), ("draft", _("draft"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Article]) -> QuerySet[Article]:
        match self.value():
            case "published":
                return queryset.filter(published_at__lte=timezone.now())
            case "scheduled":
                return queryset.filter(published_at__gt=timezone.now())
            case "draft":
                return queryset.filter(published_at=None)
        return queryset


@admin.register(Article)
class ArticleAdmin(admin.ModelAdmin[Article]):
    form = ArticleForm
    inlines = (SectionInline,)
    list_display = ("title", "language", "state", "published_at", "author", "category")
    list_filter = (StateFilter, "language", "category", "author")
    list_select_related = ("author", "category")
    search_fields = ("title", "standfirst", "sections__heading", "sections__body")
    date_hierarchy = "published_at"
    autocomplete_fields = ("author", "category", "picture")
    save_on_top = True
    # The slug is made on the server: the admin's script would drop the letters ŵ and ŷ.
    fieldsets = (
        (None, {"fields": ("title", "slug", ("language", "origin", "translation_of"))}),
        (_("Opening"), {"fields": ("standfirst", "picture")}),
        (_("Sections"), {"fields": ("section_label", "closing_question")}),
        (_("Where it belongs"), {"fields": ("author", "category", "tags")}),
        (_("Publishing"), {"fields": ("published_at", "comments_open", "in_other_languages")}),
    )
    readonly_fields = ("in_other_languages",)

    @admin.display(description=_("state"))
    def state(self, article: Article) -> str | Promise:
        if article.published_at is None:
            return _("draft")
        return _("published") if article.is_published else _("scheduled")

    @admin.display(description=_("in other languages"))
    def in_other_languages(self, article: Article) -> str:
        """Each other language: the way to its version, or to writing it."""
        if not article.pk:
            return "-"
        there = {other.language: other for other in article.same_piece()}
        links = []
        for code, name in settings.LANGUAGES:
            if code in there:
                url = reverse("admin:blog_article_change", args=[there[code].pk])
                links.append((url, there[code].title))
            elif code != article.language:
                url = reverse(
                    "admin:blog_article_add",
                    query={"translation_of": article.pk, "language": code},
                )
                links.append((url, _("Write it in this language: %s") % name))
        return format_html_join(", ", '<a href="{}">{}</a>', links)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A translation begins with what it has in common with its original."""
        asked: dict[str, Any] = super().get_changeform_initial_data(request)
        # Nothing else from the address: the widgets break on what is no number.
        wanted = ("translation_of", "language")
        initial: dict[str, Any] = {name: asked[name] for name in wanted if name in asked}
        original = Article.objects.filter(pk=whole(initial.get("translation_of")) or 0).first()
        if original:
            initial |= {
                "title": original.title,
                "standfirst": original.standfirst,
                "closing_question": original.closing_question,
                "author": original.author_id,
                "category": original.category_id,
                "picture": original.picture_id,
                "origin": Article.Origin.PERSON,
            }
        return initial


def whole(text: Any) -> int | None:
    return int(text) if str(text).isdecimal() else None


@admin.register(Author)
class AuthorAdmin(admin.ModelAdmin[Author]):
    list_display = ("name", "slug")
    search_fields = ("name",)


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin[Category]):
    list_display = ("name_cy", "name_en", "slug")
    search_fields = ("name_cy", "name_en")


class PictureForm(forms.ModelForm[Picture]):
    class Meta:
        model = Picture
        fields = ("file",)  # the admin asks for those of its fieldsets
        field_classes = {"file": pictures.UploadField}
        widgets = {
            name: forms.TextInput(attrs={"class": "vLargeTextField"})
            for name in ("alt_cy", "alt_en", "caption_cy", "caption_en")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in {"focus_x", "focus_y"} & set(self.fields):
            self.fields[name].required = False
            self.fields[name].empty_value = Picture.Across.MIDDLE  # type: ignore[attr-defined]


@admin.register(Picture)
class PictureAdmin(admin.ModelAdmin[Picture]):
    form = PictureForm
    list_display = ("thumbnail", "words", "size", "made", "credit")
    list_display_links = ("words",)
    search_fields = ("alt_cy", "alt_en", "caption_cy", "caption_en", "credit")
    fieldsets = (
        (None, {"fields": ("file", "thumbnail", "size", "files")}),
        (
            _("Where it may be cropped"),
            {
                "fields": (("focus_x", "focus_y"),),
                "description": _(
                    "Lists show a wide strip of a picture. Say where in the picture the part is "
                    "that must be seen."
                ),
            },
        ),
        (_("What it says"), {"fields": ("alt_cy", "alt_en", "caption_cy", "caption_en", "credit")}),
    )
    readonly_fields = ("thumbnail", "size", "files")

    def get_fieldsets(self, request: HttpRequest, obj: Picture | None = None) -> Any:
        """A new one has nothing to show yet."""
        first, *others = super().get_fieldsets(request, obj)
        return [first if obj else (None, {"fields": ("file",)}), *others]

    @admin.display(description=_("picture"))
    def thumbnail(self, picture: Picture) -> str:
        small = picture.best(1)
        return format_html(
            '<img class="desk-thumbnail" src="{}" width="{}" height="{}" alt="" loading="lazy">',
            *(small.url, small.width, small.height),
        )

    @admin.display(description=_("alternative text"))
    def words(self, picture: Picture) -> str:
        return picture.alt

    @admin.display(description=_("size in pixels"))
    def size(self, picture: Picture) -> str:
        return f"{picture.width} × {picture.height}"

    @admin.display(description=_("widths"))
    def made(self, picture: Picture) -> str | Promise:
        """In which widths it is there."""
        if widths := sorted({one.width for one in picture.files}):
            return ", ".join(map(str, widths))
        return _("still to be made") if picture.renditions_due_at else _("only its own")

    @admin.display(description=_("sizes"))
    def files(self, picture: Picture) -> str | Promise:
        """Each width with its files and how long they are."""
        if not picture.files:
            return self.made(picture)
        widths: dict[tuple[int, int], list[str]] = {}
        for one in picture.files:
            told = f"{one.format.upper()} {filesizeformat(one.bytes)}"
            widths.setdefault((one.width, one.height), []).append(told)
        lines = [
            (f"{width} × {height}", ", ".join(told)) for (width, height), told in widths.items()
        ]
        return format_html_join(mark_safe("<br>"), "{}: {}", lines)
