from django.urls import path

from . import views

app_name = "comments"

urlpatterns = [
    path("privacy/", views.privacy, name="privacy"),
    path("<slug:slug>/comments/", views.post, name="post"),
    path("<slug:slug>/comments/received/", views.received, name="received"),
]
