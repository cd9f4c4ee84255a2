from django.urls import path

from . import feeds, views

app_name = "comments"

urlpatterns = [
    path("privacy/", views.privacy, name="privacy"),
    path("comments/feed/", feeds.language_feed, name="feed"),
    path("<slug:slug>/comments/feed/", feeds.article_feed, name="article_feed"),
    path("<slug:slug>/comments/", views.post, name="post"),
    path("<slug:slug>/comments/received/", views.received, name="received"),
]
