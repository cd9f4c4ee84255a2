from django.urls import path

from . import views

app_name = "blog"

urlpatterns = [
    path("", views.ArticleList.as_view(), name="index"),
    path("category/<slug:slug>/", views.CategoryList.as_view(), name="category"),
    path("tag/<str:slug>/", views.TagList.as_view(), name="tag"),
    path("author/<slug:slug>/", views.AuthorList.as_view(), name="author"),
    path("archive/", views.archive, name="archive"),
    path("archive/<int:year>/", views.PeriodList.as_view(), name="year"),
    path("archive/<int:year>/<int:month>/", views.PeriodList.as_view(), name="month"),
    path("search/", views.search, name="search"),
    path("search/opensearch.xml", views.opensearch, name="opensearch"),
    path("<slug:slug>/", views.article, name="article"),
]
