"""The desk, where we write. What readers said has its own in comments/admin.py."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from ..models import Author, Category
from .articles import ArticleAdmin
from .desk import Desk
from .pictures import PictureAdmin

__all__ = ["ArticleAdmin", "AuthorAdmin", "CategoryAdmin", "PictureAdmin"]

admin.site.site_header = _("Sgwrs: the desk")
admin.site.site_title = _("Sgwrs")
admin.site.index_title = _("The desk")


@admin.register(Author)
class AuthorAdmin(Desk[Author]):
    list_display = ("name", "slug")
    search_fields = ("name",)


@admin.register(Category)
class CategoryAdmin(Desk[Category]):
    list_display = ("name_cy", "name_en", "slug")
    search_fields = ("name_cy", "name_en")
