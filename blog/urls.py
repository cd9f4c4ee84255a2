from django.urls import path

from . import feeds, views

app_name = "blog"

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
    path("archive/<int:year>/", views.PeriodList.as_view(), name="year"),
    path("archive/<int:year>/<int:month>/", views.PeriodList.as_view(), name="month"),
    path("<slug:slug>/", views.article, name="article"),
]
