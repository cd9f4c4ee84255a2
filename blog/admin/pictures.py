"""Where pictures come in."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _

from .. import pictures
from ..models import Picture
from .desk import Desk


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
class PictureAdmin(Desk[Picture]):
    form = PictureForm
    list_display = ("thumbnail", "words", "size", "made", "credit")
    list_display_links = ("words",)
    search_fields = ("alt_cy", "alt_en", "caption_cy", "caption_en", "credit")
    fieldsets = (
        (None, {"fields": ("file", "thumbnail", "size", "files")}),
        (
            _("The part that must be seen"),
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
