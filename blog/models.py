"""What we publish: articles made of ordered sections."""

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.functional import cached_property
from django.utils.html import strip_tags
from django.utils.text import slugify
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from taggit.managers import TaggableManager
from taggit.models import TaggedItemBase

from . import markup, pictures
from .querysets import ArticleQuerySet, PictureQuerySet, SearchQuerySet
from .translations import Version

logger = logging.getLogger(__name__)

# The first part of an article's address must not be one of our own pages.
RESERVED_SLUGS = frozenset(
    {"archive", "author", "category", "comments", "feed", "privacy", "search", "tag"}
)

SINGLE = 1280  # pixels wide: the picture for those who take no choice
RELATED = 3  # articles that a page names at its foot


def in_language(instance: models.Model, field: str, language: str | None = None) -> str:
    """The text of `field` in a language (default: the active one), else in the other one."""
    return str(getattr(instance, f"{field}_{language_of(instance, field, language)}"))


def language_of(instance: models.Model, field: str, language: str | None = None) -> str:
    wanted = (language or get_language() or settings.LANGUAGE_CODE)[:2]
    codes = sorted((code for code, _name in settings.LANGUAGES), key=lambda code: code != wanted)
    return next((code for code in codes if getattr(instance, f"{field}_{code}")), wanted)


def in_other_language(instance: models.Model, field: str) -> str:
    """The language of what `in_language` says, where it is not the active one, else nothing.

    A page has to tell it to whoever reads it aloud.
    """
    found = language_of(instance, field)
    return "" if found == get_language() else found


def uri(kind: str, pk: int) -> str:
    """What a row is called wherever it goes, whatever becomes of its address (RFC 4151).

    The year says whose the site's name was then; it never changes.
    """
    return f"tag:{urlsplit(settings.SITE_URL).hostname},2026:{kind}-{pk}"


def on_one_line(html: str) -> str:
    """HTML as plain text."""
    return " ".join(unescape(strip_tags(html)).split())


class Author(models.Model):
    """Who signs articles. Apart from accounts: a guest author needs none."""

    name = models.CharField(_("name"), max_length=100)
    slug = models.SlugField(_("slug"), unique=True, max_length=100)
    about_cy = models.TextField(_("about (Welsh)"), blank=True)
    about_en = models.TextField(_("about (English)"), blank=True)

    class Meta:
        ordering = ("name",)
        verbose_name = _("author")
        verbose_name_plural = _("authors")

    def __str__(self) -> str:
        return self.name

    @property
    def about(self) -> str:
        return in_language(self, "about")


class Category(models.Model):
    name_cy = models.CharField(_("name (Welsh)"), max_length=100)
    name_en = models.CharField(_("name (English)"), max_length=100)
    slug = models.SlugField(_("slug"), unique=True, max_length=100)

    class Meta:
        ordering = ("slug",)
        verbose_name = _("category")
        verbose_name_plural = _("categories")

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return in_language(self, "name")


class Picture(models.Model):
    """A picture with the words that stand for it, in each language it is used in.

    It is shown from its own file until a worker has made the sizes that `renditions` lists.
    """

    class Across(models.IntegerChoices):
        LEFT = 0, _("left")
        LEFT_OF_MIDDLE = 25, _("left of the middle")
        MIDDLE = 50, _("in the middle")
        RIGHT_OF_MIDDLE = 75, _("right of the middle")
        RIGHT = 100, _("right")

    class Down(models.IntegerChoices):
        TOP = 0, _("top")
        ABOVE_MIDDLE = 25, _("above the middle")
        MIDDLE = 50, _("in the middle")
        BELOW_MIDDLE = 75, _("below the middle")
        BOTTOM = 100, _("bottom")

    file = models.ImageField(
        _("file"),
        upload_to=f"{pictures.FOLDER}/",
        width_field="width",
        height_field="height",
        help_text=_(
            "JPEG, PNG, WebP, AVIF or GIF, of at most 16 MB. What the camera wrote into it, such "
            "as the place, is removed; what is transparent becomes white, and of an animation the "
            "first picture stays."
        ),
    )
    width = models.PositiveIntegerField(_("width"), editable=False)
    height = models.PositiveIntegerField(_("height"), editable=False)
    alt_cy = models.CharField(
        _("alternative text (Welsh)"),
        max_length=300,
        blank=True,
        help_text=_("What the picture says, for those who do not see it."),
    )
    alt_en = models.CharField(
        _("alternative text (English)"),
        max_length=300,
        blank=True,
        help_text=_("What the picture says, for those who do not see it."),
    )
    caption_cy = models.CharField(_("caption (Welsh)"), max_length=300, blank=True)
    caption_en = models.CharField(_("caption (English)"), max_length=300, blank=True)
    credit = models.CharField(_("credit"), max_length=200, blank=True)
    focus_x = models.PositiveSmallIntegerField(
        _("across"), choices=Across, default=Across.MIDDLE
    )  # in hundredths, as CSS has it
    focus_y = models.PositiveSmallIntegerField(_("down"), choices=Down, default=Down.MIDDLE)
    renditions = models.JSONField(_("sizes"), default=list, editable=False)
    renditions_due_at = models.DateTimeField(null=True, default=timezone.now, editable=False)

    objects = PictureQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        indexes = (
            models.Index(
                fields=["renditions_due_at"],
                condition=Q(renditions_due_at__isnull=False),
                name="picture_due",
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=~Q(alt_cy="") | ~Q(alt_en=""),
                name="picture_has_alternative_text",
                violation_error_message=_(
                    "Write the alternative text in at least one language: readers who do not "
                    "see the picture depend on it."
                ),
            ),
        )

    def __str__(self) -> str:
        return self.alt

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Another file is another picture: its sizes are to be made, and those of the old one go.

        What is known of the sizes is never this row's to say, as a worker may have written it since
        it was read.
        """
        with transaction.atomic():
            before = Picture.objects.select_for_update().filter(pk=self.pk).first()
            if before and before.file == self.file:
                self.renditions = before.renditions
                self.renditions_due_at = before.renditions_due_at
            else:
                self.renditions, self.renditions_due_at = [], timezone.now()
            super().save(*args, **kwargs)
            # After all else that is to be done then: by now no page shows them.
            if before and before.file != self.file:
                transaction.on_commit(before.remove_files, robust=True)

    def clean(self) -> None:
        if self.pk:
            languages = Article.objects.filter(picture=self.pk).values_list("language", flat=True)
            if bare := [one for one in set(languages) if not getattr(self, f"alt_{one}")]:
                told = _("An article in this language shows this picture.")
                raise ValidationError({f"alt_{one}": told for one in bare})

    @property
    def alt(self) -> str:
        return in_language(self, "alt")

    @property
    def caption(self) -> str:
        return in_language(self, "caption")

    @property
    def focus(self) -> tuple[float, float]:
        """What must be seen where it is cut, as parts of its width and height."""
        return self.focus_x / 100, self.focus_y / 100

    @property
    def files(self) -> list[pictures.Rendition]:
        """The files it was made into, the widest first; none until a worker has."""
        return [pictures.Rendition(*one) for one in self.renditions]

    @property
    def srcsets(self) -> dict[str, str]:
        """What a browser may choose from, by format, the best format first."""
        found: dict[str, list[str]] = {}
        for one in self.files:
            found.setdefault(one.format, []).append(f"{one.url} {one.width}w")
        return {format: ", ".join(files) for format, files in found.items()}

    def best(self, width: int, format: str = "jpeg") -> pictures.Rendition:
        """The smallest file of a format that is so many pixels wide, else the widest.

        Its own file, of whatever format, where there is none.
        """
        files = [one for one in self.files if one.format == format]
        if not files:
            return pictures.Rendition("", self.width, self.height, str(self.file))
        enough = [one for one in files if one.width >= width]
        return enough[-1] if enough else files[0]

    @property
    def single(self) -> pictures.Rendition:
        """The file for those who take no choice: feeds, sitemaps, other sites."""
        return self.best(SINGLE)

    def make_renditions(self) -> bool:
        """Make its files in all sizes, for whoever has claimed it. False: it cannot be read.

        The row is told once, so that pages change once.
        """
        try:
            made = pictures.make(self.file)
        except OSError as error:
            logger.warning("Picture %d has no file just now: %s", self.pk, type(error).__name__)
            return False  # it stays due
        except ValidationError as error:
            logger.warning("Picture %d is shown as it is: %s", self.pk, error.code)
            made = []
        told = Picture.objects.filter(pk=self.pk, file=str(self.file)).update(
            renditions=made, renditions_due_at=None
        )
        # Those before, or these: it was deleted meanwhile, or got another file.
        new, old = {one.name for one in made}, {one.name for one in self.files}
        pictures.remove(old - new if told else new)
        self.renditions = made
        return bool(made)

    @property
    def names(self) -> set[str]:
        """All its files."""
        return {str(self.file), *(one.name for one in self.files)}

    def remove_files(self) -> None:
        """Once nobody shows it any longer."""
        if not Picture.objects.filter(file=str(self.file)).exists():
            pictures.remove(self.names - in_texts(self.names))


@receiver(pre_delete, sender=Picture)
def remove_files(instance: Picture, using: str, **_: Any) -> None:
    """Its files go with it, also those a worker has made since it was read."""
    if there := Picture.objects.using(using).select_for_update().filter(pk=instance.pk).first():
        transaction.on_commit(there.remove_files, using=using, robust=True)


class TaggedArticle(TaggedItemBase):
    content_object = models.ForeignKey(
        "Article",
        on_delete=models.CASCADE,
        related_name="tagged",
        db_index=False,  # the index below begins with it
        verbose_name=_("article"),
    )

    class Meta:
        verbose_name = _("tagged article")
        verbose_name_plural = _("tagged articles")
        indexes = (models.Index(fields=["content_object", "tag"], name="article_has_tag"),)


class Article(models.Model):  # type: ignore[django-manager-missing] # taggit has no types
    """One post in one language. Those that share a translation_key are the same piece."""

    class Origin(models.TextChoices):
        ORIGINAL = "original", _("written in this language")
        PERSON = "person", _("translated by a person")
        MACHINE = "machine", _("translated by a machine")
        CHECKED = "checked", _("translated by a machine, checked by a person")

    language = models.CharField(_("language"), max_length=5, choices=settings.LANGUAGES)
    translation_key = models.UUIDField(_("translation key"), default=uuid.uuid4, editable=False)
    origin = models.CharField(
        _("origin of the text"), max_length=10, choices=Origin, default=Origin.ORIGINAL
    )
    title = models.CharField(_("title"), max_length=200)
    slug = models.SlugField(
        _("slug"),
        max_length=100,
        blank=True,
        help_text=_("The last part of the address. Made from the title when left empty."),
    )
    standfirst = models.TextField(
        _("standfirst"), help_text=_("The opening, before the sections. Markdown.")
    )
    section_label = models.CharField(
        _("section label"),
        max_length=100,
        blank=True,
        help_text=_(
            "Stands before each section's number: “Misconception” gives “Misconception #1”."
        ),
    )
    closing_question = models.CharField(_("closing question"), max_length=300, blank=True)
    picture = models.ForeignKey(
        Picture, models.PROTECT, null=True, blank=True, verbose_name=_("picture")
    )
    author = models.ForeignKey(
        Author,
        models.PROTECT,
        related_name="articles",
        db_index=False,  # an index below begins with it
        verbose_name=_("author"),
    )
    category = models.ForeignKey(
        Category,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="articles",
        db_index=False,  # an index below begins with it
        verbose_name=_("category"),
    )
    tags = TaggableManager(_("tags"), blank=True, through=TaggedArticle)
    published_at = models.DateTimeField(
        _("published at"),
        null=True,
        blank=True,
        db_index=True,
        help_text=_("Empty: a draft. In the future: appears by itself when the hour comes."),
    )
    modified_at = models.DateTimeField(_("modified at"), auto_now=True)
    comments_open = models.BooleanField(_("open for comments"), default=True)

    objects = ArticleQuerySet.as_manager()

    content: str  # the whole of it as HTML, where a feed has added it
    lacks: list[tuple[str, str]]  # codes and names of languages it is not in, where the desk asked
    words: str  # what a translator translates, where a query has added it

    class Meta:
        ordering = ("-published_at", "-pk")
        verbose_name = _("article")
        verbose_name_plural = _("articles")
        # Each list is a stretch of one of these, from the newest on.
        indexes = (
            models.Index(fields=["language", "published_at", "id"], name="article_in_list"),
            models.Index(
                fields=["category", "language", "published_at", "id"],
                name="article_in_category_list",
            ),
            models.Index(
                fields=["author", "language", "published_at", "id"], name="article_in_author_list"
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("language", "slug"),
                name="article_address_once",
                violation_error_message=_("Another article already has this address."),
            ),
            models.UniqueConstraint(
                fields=("translation_key", "language"),
                name="article_once_in_a_language",
                violation_error_message=_("There is already a translation into this language."),
            ),
        )

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.slug:
            self.slug = self.free_slug()
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        with translation.override(self.language):
            return reverse("blog:article", args=[self.slug])

    @property
    def address(self) -> str:
        """The whole of it, as others name the article."""
        return settings.SITE_URL + self.get_absolute_url()

    @property
    def uri(self) -> str:
        return uri("article", self.pk)

    def clean(self) -> None:
        errors = {}
        if self.slug in RESERVED_SLUGS:
            errors["slug"] = _("This address belongs to another page of the site.")
        if self.picture and self.language and not getattr(self.picture, f"alt_{self.language}"):
            errors["picture"] = _("This picture has no alternative text in the article’s language.")
        if errors:
            raise ValidationError(errors)

    def free_slug(self) -> str:
        """A slug from the title that no other article in the language has."""
        stem = slugify(self.title)[:90].strip("-") or "article"
        others = Article.objects.in_language(self.language).exclude(pk=self.pk)
        taken = RESERVED_SLUGS | set(
            others.filter(slug__startswith=stem).values_list("slug", flat=True)
        )
        number = 1
        while (slug := stem if number == 1 else f"{stem}-{number}") in taken:
            number += 1
        return slug

    @property
    def is_published(self) -> bool:
        return self.published_at is not None and self.published_at <= timezone.now()

    @property
    def is_updated(self) -> bool:
        """Whether the page should give a second date."""
        return self.published_at is not None and self.modified_at.date() > self.published_at.date()

    @property
    def updated_at(self) -> datetime:
        """When what readers see of it last changed: being published is a change, too."""
        return max(self.modified_at, self.published_at or self.modified_at)

    @property
    def standfirst_html(self) -> str:
        return markup.article(self.standfirst)

    @property
    def summary(self) -> str:
        """The standfirst as plain text on one line."""
        return on_one_line(self.standfirst_html)

    @cached_property
    def translations(self) -> list["Article"]:
        """The same piece in other languages, as far as it is published."""
        return [one for one in self.others if one.translation_key == self.translation_key]

    @property
    def related(self) -> list["Article"]:
        """The newest others of its category, newest first."""
        return [one for one in self.others if one.language == self.language]

    @cached_property
    def others(self) -> list["Article"]:
        """What is published besides and has to do with it, in one query.

        The newest stand two steps deep, as SQLite takes no limit in a part of a union.
        """
        found = self.same_piece().published().values("pk")
        if self.category_id:
            published = Article.objects.published().in_language(self.language)
            alike = published.filter(category=self.category_id).exclude(pk=self.pk)
            newest = Article.objects.filter(pk__in=alike.newest_first().values("pk")[:RELATED])
            found = found.union(newest.values("pk"), all=True)
        return list(Article.objects.filter(pk__in=found).newest_first())

    def same_piece(self) -> ArticleQuerySet:
        """The same piece in other languages."""
        return Article.objects.filter(translation_key=self.translation_key).exclude(pk=self.pk)

    @cached_property
    def original(self) -> "Article | None":
        """What it was translated from, if that can be read."""
        if self.origin == self.Origin.ORIGINAL:
            return None
        source = getattr(self, "source", None)
        known = [one for one in self.translations if source and one.pk == source.original_id]
        known += [one for one in self.translations if one.origin == self.Origin.ORIGINAL]
        return next(iter(known), None)

    def find_original(self) -> "Article | None":
        """What it was translated from, published or not; where that is unknown or gone, the first
        of the same piece that was written in its language."""
        if self.origin == self.Origin.ORIGINAL:
            return None
        source = getattr(self, "source", None)
        written = self.same_piece().filter(origin=self.Origin.ORIGINAL).order_by("pk")
        return (source and source.original) or written.first()

    def followers(self) -> list["Article"]:
        """What is a translation with a known original: it, or else what was translated from it."""
        if self.origin != self.Origin.ORIGINAL:
            return [self] if self.find_original() else []
        return [one for one in self.same_piece().translated() if one.find_original() == self]

    @cached_property
    def is_stale(self) -> bool:
        """Whether what it was translated from says something else now."""
        return Article.objects.filter(pk=self.pk).stale().exists()

    def version(self) -> Version:
        """What it says now. Of what is still to appear, readers of a translation learn no hour."""
        said = Article.objects.filter(pk=self.pk).with_words().get()
        return Version(said.pk, said.words, min(said.updated_at, timezone.now()))

    def follow(self, version: Version) -> None:
        """Note that this translation says what its original said in a version."""
        SourceVersion.objects.update_or_create(translation=self, defaults=version._asdict())

    def arrange(self, sections: Sequence["Section"]) -> None:
        """Number the sections 1, 2, 3 … in the given order.

        Those not given (somebody else added one meanwhile) follow. Positions are unique at every
        moment, so all move out of the way first.
        """
        with transaction.atomic():
            Article.objects.select_for_update(no_key=True).get(pk=self.pk)
            given = {section.pk for section in sections}
            others = [section for section in self.sections.all() if section.pk not in given]
            self.sections.update(position=F("position") + Section.OUT_OF_THE_WAY)
            for position, section in enumerate([*sections, *others], start=1):
                section.position = position
                section.save(update_fields=["position"])


class Section(models.Model):
    """An ordered part of an article, with its own number and address."""

    OUT_OF_THE_WAY = 100_000

    article = models.ForeignKey(
        Article, models.CASCADE, related_name="sections", verbose_name=_("article")
    )
    position = models.PositiveIntegerField(_("position"), validators=[MinValueValidator(1)])
    heading = models.CharField(_("heading"), max_length=200)
    body = models.TextField(_("text"), help_text=_("Markdown."))

    class Meta:
        ordering = ("position",)
        verbose_name = _("section")
        verbose_name_plural = _("sections")
        constraints = (
            models.UniqueConstraint(
                fields=("article", "position"), name="section_position_once_in_an_article"
            ),
        )

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return f"{self.article.get_absolute_url()}#{self.anchor}"

    @property
    def anchor(self) -> str:
        return f"section-{self.position}"

    @property
    def label(self) -> str:
        """`Misconception #1`, or just `#1` where the article names no label."""
        return f"{self.article.section_label} #{self.position}".strip()

    @property
    def title(self) -> str:
        return f"{self.label}: {self.heading}"

    @property
    def html(self) -> str:
        return markup.article(self.body, self.anchor)

    @property
    def summary(self) -> str:
        """The text without its form, on one line."""
        return on_one_line(self.html)

    @property
    def page(self) -> str:
        """The article once more, at an address where machines are told of this section.

        What follows a number sign is never sent to them.
        """
        with translation.override(self.article.language):
            return settings.SITE_URL + reverse(
                "blog:section", args=[self.article.slug, self.position]
            )

    @property
    def address(self) -> str:
        """The whole of it, as others share the section: that page, opened at the section."""
        return f"{self.page}#{self.anchor}"


def in_texts(names: set[str]) -> set[str]:
    """Those files that some text shows by itself, as Markdown can."""
    folder = f"{settings.MEDIA_URL}{pictures.FOLDER}/"
    standfirsts = Article.objects.filter(standfirst__contains=folder).values_list("standfirst")
    bodies = Section.objects.filter(body__contains=folder).values_list("body")
    return {
        name
        for (text,) in [*standfirsts, *bodies]
        for name in names
        if name.removeprefix(f"{pictures.FOLDER}/") in text
    }


class SourceVersion(models.Model):
    """What the original of a translation said when the translation was last true to it."""

    translation = models.OneToOneField(
        Article, models.CASCADE, related_name="source", verbose_name=_("translation")
    )
    original = models.ForeignKey(
        Article, models.SET_NULL, null=True, related_name="+", verbose_name=_("original")
    )
    words = models.TextField(_("words"))
    dated = models.DateTimeField(_("version of"))

    class Meta:
        verbose_name = _("version of an original")
        verbose_name_plural = _("versions of originals")

    def __str__(self) -> str:
        return f"{self.translation} ({self.dated:%Y-%m-%d})"


class SearchEntry(models.Model):
    """What search knows of an article or of a comment. Only blog.index writes it.

    Its number is its place: a greater one is newer (`place_of`). `parts` are [link, heading, text]
    in plain text, where the link follows the article's address. `words` are the tokens of all of
    them, which the database searches.
    """

    id = models.BigIntegerField(primary_key=True)
    # No more than numbers to the database, which must not have to wait for their owners.
    article = models.ForeignKey(
        Article, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    source = models.CharField(max_length=10)
    number = models.BigIntegerField()
    parts = models.JSONField()
    words = models.TextField()

    objects = SearchQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("source", "number"), name="search_entry_once"),
        )

    def __str__(self) -> str:
        return f"{self.source} {self.number}"


class SearchMark(models.Model):
    """Something that changed since search took it in. Only the database's triggers write it."""

    source = models.CharField(max_length=10)
    number = models.BigIntegerField()

    class Meta:
        indexes = (models.Index(fields=["source", "number"], name="search_mark"),)

    def __str__(self) -> str:
        return f"{self.source} {self.number}"
