from django.urls import path, register_converter
from django.urls.converters import IntConverter

from . import views

app_name = "blog"


class YearConverter(IntConverter):
    """With one address for each: 2026, not 02026."""

    regex = r"[1-9]\d{3}"


class MonthConverter(IntConverter):
    regex = r"[1-9]|1[0-2]"


register_converter(YearConverter, "year")
register_converter(MonthConverter, "month")

urlpatterns = [
    path("", views.ArticleList.as_view(), name="index"),
    path("category/<slug:slug>/", views.CategoryList.as_view(), name="category"),
    path("tag/<str:slug>/", views.TagList.as_view(), name="tag"),
    path("author/<slug:slug>/", views.AuthorList.as_view(), name="author"),
    path("archive/", views.archive, name="archive"),
    path("archive/<year:year>/", views.PeriodList.as_view(), name="year"),
    path("archive/<year:year>/<month:month>/", views.PeriodList.as_view(), name="month"),
    path("<slug:slug>/", views.article, name="article"),
]
