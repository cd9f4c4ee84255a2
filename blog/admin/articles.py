"""Where articles are written: one article, its sections and all about it on one screen."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .. import translations
from ..models import Article
from ..querysets import ArticleQuerySet
from .desk import Desk
from .sections import SectionInline, asked_for, sections_of


class ArticleForm(forms.ModelForm[Article]):
    translation_of: forms.ModelChoiceField[Article] = forms.ModelChoiceField(
        Article.objects.all(),
        label=_("Translation of"),
        required=False,
        widget=forms.NumberInput,
        help_text=_("The number of the article this one is a translation of."),
    )
    is_brought_up_to_date = forms.BooleanField(
        label=_("It says what the original says now"),
        required=False,
        help_text=_(
            "Tick this when you have brought the translation up to date, or when what changed in "
            "the original does not concern it."
        ),
    )
    concerns_no_translation = forms.BooleanField(
        label=_("What I change does not concern the translations"),
        required=False,
        help_text=_("Those that were up to date stay so."),
    )
    version = forms.CharField(required=False, widget=forms.HiddenInput)

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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.unconcerned: list[Article] = []
        original = self.instance.find_original() if self.instance.pk else None
        if original and not self.is_bound:
            self.initial["version"] = original.version().sealed()
            if source := getattr(self.instance, "source", None):
                self.initial["translation_of"] = source.original_id

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("concerns_no_translation") and self.instance.pk:
            followers = Article.objects.get(pk=self.instance.pk).followers()
            current = Article.objects.filter(pk__in=[one.pk for one in followers]).up_to_date()
            self.unconcerned = list(current)
        if original := data.get("translation_of"):
            if original.pk == self.instance.pk:
                self.add_error("translation_of", _("An article is no translation of itself."))
            self.instance.translation_key = original.translation_key
            # Whoever else translates it just now waits, and is then told that it is done.
            Article.objects.select_for_update(no_key=True).get(pk=original.pk)
        same = Article.objects.filter(
            translation_key=self.instance.translation_key, language=data.get("language")
        )
        if same.exclude(pk=self.instance.pk).exists():
            where = "translation_of" if original else "language"
            self.add_error(where, _("There is already a translation into this language."))
        return data

    def follow_original(self) -> None:
        """Note which version a translation follows now, if this was said.

        That is the one its translator had before him: if the original moved on meanwhile, the
        translation is stale from the beginning, and what changed can be seen.
        """
        given, article = self.cleaned_data["translation_of"], self.instance
        if article.origin == Article.Origin.ORIGINAL:
            for translation in self.unconcerned:
                translation.follow(article.version())
            return
        known = article.find_original()
        is_new = given and getattr(getattr(article, "source", None), "original", None) != given
        original = given if is_new else known
        if original and (is_new or self.cleaned_data.get("is_brought_up_to_date")):
            seen = translations.Version.opened(self.cleaned_data["version"])
            article.follow(seen if seen and seen.original_id == original.pk else original.version())

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


class TranslationFilter(admin.SimpleListFilter):
    title = _("translation")
    parameter_name = "translation"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            *((code, _("lacks: %s") % name) for code, name in settings.LANGUAGES),
            ("stale", _("stale")),
            ("current", _("up to date")),
            ("original", _("original")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Article]) -> QuerySet[Article]:
        found: ArticleQuerySet = queryset  # type: ignore[assignment]
        match self.value():
            case "stale":
                return found.stale()
            case "current":
                return found.up_to_date()
            case "original":
                return found.filter(origin=Article.Origin.ORIGINAL)
            case code if code in dict(settings.LANGUAGES):
                return found.lacking(code)
        return found


@admin.register(Article)
class ArticleAdmin(Desk[Article]):
    form = ArticleForm
    inlines = (SectionInline,)
    list_display = (
        "title",
        "number",
        "language",
        "state",
        "in_list",
        "published_at",
        "author",
        "category",
    )
    list_filter = (StateFilter, TranslationFilter, "language", "category", "author")
    actions = ("up_to_date",)
    search_fields = ("title", "standfirst", "sections__heading", "sections__body")
    date_hierarchy = "published_at"
    autocomplete_fields = ("picture",)
    save_on_top = True
    # The slug is made on the server: the admin's script would drop the letters ŵ and ŷ.
    fieldsets = (
        (None, {"fields": ("title", "slug", ("language", "origin", "translation_of"))}),
        (_("Opening"), {"fields": ("standfirst", "picture")}),
        (_("Sections"), {"fields": ("section_label", "closing_question")}),
        (_("Where it belongs"), {"fields": ("author", "category", "tags")}),
        (_("Publishing"), {"fields": ("published_at", "comments_open", "in_other_languages")}),
    )
    readonly_fields = ("in_other_languages", "translation", "what_changed")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Article]:
        found: ArticleQuerySet = super().get_queryset(request)  # type: ignore[assignment]
        return found.select_related("author", "category", "source").defer("source__words")

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Words are compared and translations looked for only for what the page shows."""
        changes = super().get_changelist_instance(request)
        shown = list(changes.result_list)
        articles = Article.objects.filter(pk__in=[one.pk for one in shown])
        stale = set(articles.stale().values_list("pk", flat=True))
        pieces = Article.objects.filter(translation_key__in=[one.translation_key for one in shown])
        there = set(pieces.values_list("translation_key", "language"))
        for article in shown:
            article.is_stale = article.pk in stale
            article.lacks = [
                (code, name)
                for code, name in settings.LANGUAGES
                if (article.translation_key, code) not in there
            ]
        return changes

    def get_fieldsets(self, request: HttpRequest, obj: Article | None = None) -> Any:
        """Where a translation stands comes first: that is why its page is opened."""
        first, *others = super().get_fieldsets(request, obj)
        if obj is None:
            return [first, *others, (None, {"fields": ("version",)})]
        may_change = self.has_change_permission(request, obj)
        if obj.origin == Article.Origin.ORIGINAL:
            if obj.followers() and may_change:
                others += [(None, {"fields": ("concerns_no_translation",)})]
            return [first, *others]
        fields = ["translation", "what_changed"]
        if may_change and obj.find_original():
            fields += ["is_brought_up_to_date", "version"]
        return [first, (_("The original"), {"fields": fields}), *others]

    @admin.display(description=_("number"), ordering="pk")
    def number(self, article: Article) -> int:
        """By which “Translation of” knows it."""
        return article.pk

    @admin.display(description=_("state"))
    def state(self, article: Article) -> str | Promise:
        if article.published_at is None:
            return _("draft")
        return _("published") if article.is_published else _("scheduled")

    @admin.display(description=_("translation"))
    def in_list(self, article: Article) -> SafeString:
        """How it stands, and the way to writing it in each language that lacks it."""
        lacking = [
            (self.address_to_translate(article, code), _("lacks: %s") % name)
            for code, name in article.lacks
        ]
        links = format_html_join("", '<br><a href="{}">{}</a>', lacking)
        return format_html("{}{}", self.translation(article), links)

    @admin.display(description=_("translation"))
    def translation(self, article: Article) -> str | Promise:
        if article.origin == Article.Origin.ORIGINAL:
            return _("original")
        source = getattr(article, "source", None)
        if source is None:
            return _("of an unknown version")
        if source.original_id is None:
            return _("its original was deleted")
        return _("stale") if article.is_stale else _("up to date")

    @admin.display(description=_("What changed in the original"))
    def what_changed(self, article: Article) -> SafeString:
        original, source = article.find_original(), getattr(article, "source", None)
        changes = (
            translations.changes(source.words, original.version().words)
            if (original and source)
            else ()
        )
        context = {"original": original, "source": source, "changes": list(changes)}
        return render_to_string("admin/blog/article/_changes.html", context)

    @admin.display(description=_("in other languages"))
    def in_other_languages(self, article: Article) -> str:
        """Each other language: the way to its version, or to writing it."""
        if not article.pk:
            return "-"
        there = {other.language: other for other in article.same_piece().with_source()}
        links = []
        for code, name in settings.LANGUAGES:
            if code in there:
                url = reverse("admin:blog_article_change", args=[there[code].pk])
                links.append((url, f"{there[code].title} ({self.translation(there[code])})"))
            elif code != article.language:
                url = self.address_to_translate(article, code)
                links.append((url, _("Write it in this language: %s") % name))
        return format_html_join(", ", '<a href="{}">{}</a>', links)

    def address_to_translate(self, article: Article, language: str) -> str:
        query = {"translation_of": article.pk, "language": language}
        return reverse("admin:blog_article_add", query=query)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A translation begins with what it has in common with its original."""
        asked: dict[str, Any] = super().get_changeform_initial_data(request)
        # Nothing else from the address: the widgets break on what is no number.
        wanted = ("translation_of", "language")
        initial: dict[str, Any] = {name: asked[name] for name in wanted if name in asked}
        if original := asked_for(request):
            initial |= {
                "title": original.title,
                "standfirst": original.standfirst,
                "section_label": original.section_label,
                "closing_question": original.closing_question,
                "author": original.author_id,
                "category": original.category_id,
                "picture": original.picture_id,
                "tags": original.tags.all(),
                "comments_open": original.comments_open,
                "origin": Article.Origin.PERSON,
                "version": original.version().sealed(),
            }
        return initial

    def get_formset_kwargs(
        self, request: HttpRequest, obj: Article, inline: Any, prefix: str
    ) -> dict[str, Any]:
        """The original's sections stand in the new form, to be overwritten."""
        kwargs: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        return kwargs | {"initial": sections_of(asked_for(request))}

    def save_related(
        self, request: HttpRequest, form: ArticleForm, formsets: Any, change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        form.follow_original()

    @admin.action(
        permissions=["change"],
        description=_("The selected translations are up to date"),
    )  # not on an article's own page: there Enter in a field would run it, and save nothing
    def up_to_date(self, request: HttpRequest, queryset: QuerySet[Article]) -> None:
        """On an original it is said of all that was translated from it."""
        picked = {article.pk: article.followers() for article in queryset}
        translated = {one.pk: one for followers in picked.values() for one in followers}
        for translation in translated.values():
            if original := translation.find_original():
                translation.follow(original.version())
        if done := len(translated):
            said = ngettext(
                "One translation is marked as up to date.",
                "%(n)s translations are marked as up to date.",
                done,
            )
            self.message_user(request, said % {"n": done}, messages.SUCCESS)
        if left := sum(not followers for followers in picked.values()):
            said = ngettext(
                "One article has no translation, or none whose original is known.",
                "%(n)s articles have no translation, or none whose original is known.",
                left,
            )
            self.message_user(request, said % {"n": left}, messages.WARNING)
