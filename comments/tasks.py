"""Work done behind the reader's back. Safe to run twice: the rows say what is still to be done."""

from django.tasks import task

from . import moderation, privacy


@task
def check(comment_pk: int) -> None:
    moderation.check(comment_pk)


@task
def report(report_pk: int) -> None:
    moderation.report(report_pk)


@task
def retain() -> None:
    privacy.retain()
