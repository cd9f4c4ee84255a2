from django.urls import path, register_converter
from django.urls.converters import IntConverter

from . import feeds, views

app_name = "blog"


class YearConverter(IntConverter):
    """With one address for each: 2026, not 02026."""

    regex = r"[1-9]\d{3}"


class MonthConverter(IntConverter):
    regex = r"[1-9]|1[0-2]"


class PositionConverter(IntConverter):
    regex = r"[1-9]\d{0,8}"


register_converter(YearConverter, "year")
register_converter(MonthConverter, "month")
register_converter(PositionConverter, "position")

urlpatterns = [
    path("", views.ArticleList.as_view(), name="index"),
    path("feed/", feeds.Feed.as_view(), name="feed"),
    path("feed/json/", feeds.json_feed, name="json_feed"),
    path("category/<slug:slug>/", views.CategoryList.as_view(), name="category"),
    path("category/<slug:slug>/feed/", feeds.CategoryFeed.as_view(), name="category_feed"),
    path("tag/<str:slug>/", views.TagList.as_view(), name="tag"),
    path("tag/<str:slug>/feed/", feeds.TagFeed.as_view(), name="tag_feed"),
    path("author/<slug:slug>/", views.AuthorList.as_view(), name="author"),
    path("author/<slug:slug>/feed/", feeds.AuthorFeed.as_view(), name="author_feed"),
    path("archive/", views.archive, name="archive"),
    path("archive/<year:year>/", views.PeriodList.as_view(), name="year"),
    path("archive/<year:year>/<month:month>/", views.PeriodList.as_view(), name="month"),
    path("search/", views.search, name="search"),
    path("search/opensearch.xml", views.opensearch, name="opensearch"),
    path("<slug:slug>/", views.article, name="article"),
    path("<slug:slug>/section/<position:position>/", views.article, name="section"),
]
