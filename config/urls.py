"""Every address of the site, by room."""

from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import include, path

from blog import sitemaps
from blog.views import card

from . import views

urlpatterns = [
    path("", views.home),
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("admin/language/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
    path("robots.txt", views.robots),
    path(".well-known/security.txt", views.security, name="security"),
    path("sitemap.xml", sitemaps.index, name="sitemap"),
    path("sitemap-lists.xml", sitemaps.lists, name="sitemap_of_lists"),
    path("sitemap-<int:part>.xml", sitemaps.articles, name="sitemap_of_articles"),
    path("cards/<int:pk>/<str:form>-<str:digest>.jpg", card, name="card"),
    path("cards/<int:pk>/<int:position>/<str:form>-<str:digest>.jpg", card, name="section_card"),
    path("media/<path:path>", views.media),
    *i18n_patterns(path("", include("comments.urls")), path("", include("blog.urls"))),
]

handler400 = "config.views.bad_request"
handler403 = "config.views.forbidden"
handler404 = "config.views.not_found"
handler500 = "config.views.server_error"
