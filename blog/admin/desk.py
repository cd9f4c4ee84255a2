"""What all lists of the desk have in common."""

from django.contrib import admin
from django.contrib.admin import ActionLocation
from django.core.exceptions import BadRequest
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

from config.numbers import row_number


class Desk[M: Model](admin.ModelAdmin[M]):
    """What an action is about is picked by its number."""

    def response_action(
        self,
        request: HttpRequest,
        queryset: QuerySet[M],
        action_location: ActionLocation = ActionLocation.CHANGE_LIST,
    ) -> HttpResponse | None:
        if None in map(row_number, request.POST.getlist("_selected_action")):
            raise BadRequest
        return super().response_action(request, queryset, action_location)
