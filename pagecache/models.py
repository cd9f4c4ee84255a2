"""Which state of the public site is out."""

from django.db import models
from django.db.models import Q


class Edition(models.Model):
    """One row, whose name is new after every change that readers could see.

    Nobody writes it but the database's own triggers (see triggers.py), in the transaction of the
    change itself: whoever sees the change sees the new name, and the other way round. A name is a
    random word, so that it never comes back, not even when a backup is restored.
    """

    name = models.CharField(max_length=32)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(pk=1), name="there_is_one_edition"),)

    def __str__(self) -> str:
        return self.name
