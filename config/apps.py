"""The libraries' own names for their rooms at the desk are English only."""

from axes.apps import AppConfig as Axes
from django.utils.translation import gettext_lazy as _
from django_tasks_db.apps import TasksAppConfig as Tasks


class AxesConfig(Axes):
    verbose_name = _("Log-in attempts")


class TasksConfig(Tasks):
    verbose_name = _("Background tasks")  # type: ignore[assignment] # their type is too narrow
