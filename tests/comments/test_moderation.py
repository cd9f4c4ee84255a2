"""A person decides, and Akismet hears of it where it was wrong. (comments/moderation.py)"""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from comments import akismet as client
from comments import moderation
from comments.models import Comment, Decision, Policy, Report
from tests.cast import RHYS, SPAMMER, make_comment, make_moderator, work
from tests.standin import Standin

pytestmark = pytest.mark.django_db


def test_each_change_leaves_a_decision_with_who_and_why() -> None:
    mared, comment = make_moderator(), make_comment()
    moderation.approve(comment, mared)
    moderation.reject(comment, mared, reason="Not about this")
    moderation.mark_as_spam(comment, mared)
    left = Decision.objects.values_list(
        "from_status", "to_status", "by", "user__username", "reason"
    )
    assert list(left) == [
        ("unchecked", "approved", "person", "mared", ""),
        ("approved", "rejected", "person", "mared", "Not about this"),
        ("rejected", "spam", "person", "mared", ""),
    ]


def test_deciding_the_same_twice_changes_nothing() -> None:
    mared, comment = make_moderator(), make_comment()
    assert moderation.approve(comment, mared)
    assert moderation.approve(comment, mared) is None
    assert Decision.objects.count() == 1


def test_approving_spam_reports_ham_with_exactly_the_values_of_the_check(akismet: Standin) -> None:
    comment = make_comment(**SPAMMER)
    work()
    moderation.approve(comment, make_moderator())
    work()
    (told,) = akismet.reports
    assert (told.endpoint, told.identical) == ("submit-ham", True)
    assert Report.objects.get().delivered_at


def test_report_repeats_the_check_even_after_the_article_changed(akismet: Standin) -> None:
    comment = make_comment()
    work()
    comment.article.title = "Teitl arall"
    comment.article.slug = "arall"
    comment.article.save()
    moderation.mark_as_spam(comment, make_moderator())
    work()
    assert (akismet.reports[0].endpoint, akismet.reports[0].identical) == ("submit-spam", True)


def test_agreeing_with_akismet_reports_nothing(akismet: Standin) -> None:
    mared = make_moderator()
    ham, spam = make_comment(), make_comment(**SPAMMER)
    work()
    moderation.approve(ham, mared)
    moderation.reject(spam, mared)
    work()
    assert akismet.reports == []


def test_never_checked_reports_nothing(akismet: Standin) -> None:
    moderation.mark_as_spam(make_comment(), make_moderator())
    work()
    assert akismet.calls == []


def test_undo_takes_the_report_back(akismet: Standin) -> None:
    mared, comment = make_moderator(), make_comment()
    work()
    moderation.mark_as_spam(comment, mared)
    work()
    moderation.undo(comment, mared)
    work()
    comment.refresh_from_db()
    assert comment.status == "pending"
    assert [call.endpoint for call in akismet.reports] == ["submit-spam", "submit-ham"]


def test_report_not_sent_yet_is_withdrawn_by_the_opposite_decision(akismet: Standin) -> None:
    mared, comment = make_moderator(), make_comment()
    work()
    moderation.mark_as_spam(comment, mared)
    moderation.approve(comment, mared)
    work()
    moderation.sweep()
    assert akismet.reports == []
    assert Report.objects.get().was_withdrawn


def test_report_is_tried_until_it_is_thanked_for(akismet: Standin) -> None:
    comment = make_comment(**SPAMMER)
    work()
    akismet.behave("500")
    moderation.approve(comment, make_moderator())
    work()
    assert Report.objects.get().delivered_at is None
    akismet.behave(None)
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        moderation.sweep()
    assert Report.objects.get().delivered_at
    assert [call.identical for call in akismet.reports][-1] is True


def test_undo_of_a_decision_on_an_unchecked_comment_has_it_checked(akismet: Standin) -> None:
    mared, comment = make_moderator(), make_comment()
    moderation.approve(comment, mared)
    work()
    assert akismet.checks == []
    moderation.undo(comment, mared)
    work()
    comment.refresh_from_db()
    assert comment.status == "pending"


def test_machine_verdicts_are_not_undone_by_undo(akismet: Standin) -> None:
    comment = make_comment(**SPAMMER)
    work()
    assert moderation.undo(comment, make_moderator()) is None


def test_recheck_asks_again_and_follows_the_new_verdict(akismet: Standin) -> None:
    akismet.behave("discard")
    comment = make_comment()
    work()
    akismet.behave(None)
    assert moderation.recheck(comment)
    work()
    comment.refresh_from_db()
    assert comment.status == "pending"
    assert akismet.checks[-1].get("recheck_reason") == "recheck_queue"


def test_recheck_leaves_what_a_person_decided(akismet: Standin) -> None:
    comment = make_comment()
    moderation.reject(comment, make_moderator())
    assert not moderation.recheck(comment)


def status(comment: Comment) -> str:
    comment.refresh_from_db()
    return comment.status


def test_taking_back_twice_publishes_nothing(akismet: Standin) -> None:
    mared, comment = make_moderator(), make_comment(**SPAMMER)
    work()
    moderation.approve(comment, mared)
    moderation.undo(comment, mared)
    assert moderation.undo(comment, mared) is None
    assert status(comment) == "spam"
    assert moderation.recheck(comment)


def test_each_word_is_taken_back_in_turn(akismet: Standin) -> None:
    mared, comment = make_moderator(), make_comment()
    work()
    moderation.approve(comment, mared)
    moderation.reject(comment, mared)
    seen = []
    for _ in range(2):
        moderation.undo(comment, mared)
        seen.append(status(comment))
    assert seen == ["approved", "pending"]
    assert moderation.undo(comment, mared) is None


def test_report_that_failed_and_was_withdrawn_is_made_again_when_wanted_again(
    akismet: Standin,
) -> None:
    mared, comment = make_moderator(), make_comment()
    work()
    akismet.behave("503", calls=1)
    moderation.mark_as_spam(comment, mared)
    work()
    moderation.reject(comment, mared)
    moderation.mark_as_spam(comment, mared)
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        moderation.sweep()
    delivered = [call.endpoint for call in akismet.reports if call.status == 200]
    assert delivered == ["submit-spam"]


def test_refused_report_that_is_taken_back_needs_no_other(akismet: Standin) -> None:
    mared, comment = make_moderator(), make_comment()
    work()
    akismet.behave("429", calls=1)
    moderation.mark_as_spam(comment, mared)
    work()
    moderation.approve(comment, mared)
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        moderation.sweep()
    assert [call.endpoint for call in akismet.reports] == ["submit-spam"]


def test_report_whose_answer_was_lost_is_followed_by_its_opposite(
    akismet: Standin, settings: Any
) -> None:
    settings.AKISMET_TIMEOUT = 0.3
    mared, comment = make_moderator(), make_comment()
    work()
    akismet.behave("hang", calls=1)
    moderation.mark_as_spam(comment, mared)
    work()
    akismet.behave(None)
    moderation.approve(comment, mared)
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        moderation.sweep()
    assert [call.endpoint for call in akismet.reports] == ["submit-spam", "submit-ham"]


def test_newer_verdict_counts_for_more_than_older_reports(akismet: Standin) -> None:
    mared, comment = make_moderator(), make_comment()
    work()
    moderation.mark_as_spam(comment, mared)
    work()
    moderation.undo(comment, mared)
    work()
    akismet.behave("discard")
    moderation.recheck(comment)
    work()
    akismet.behave(None)
    moderation.approve(comment, mared)
    work()
    assert [call.endpoint for call in akismet.reports] == [
        "submit-spam",
        "submit-ham",
        "submit-ham",
    ]


def test_report_names_the_site_as_the_check_did(akismet: Standin, settings: Any) -> None:
    comment = make_comment(**SPAMMER)
    work()
    settings.SITE_URL = "https://elsewhere.example"
    moderation.approve(comment, make_moderator())
    work()
    assert akismet.reports[0].identical


def test_taking_back_keeps_the_second_look_at_provisional_ham(akismet: Standin) -> None:
    akismet.behave("recheck_after", seconds=120)
    mared, comment = make_moderator(), make_comment()
    work()
    moderation.approve(comment, mared)
    moderation.undo(comment, mared)
    work()
    assert akismet.checks[-1].get("recheck_reason") == "recheck"


def test_verdict_that_came_after_a_decision_counts_once_that_is_taken_back(
    akismet: Standin,
) -> None:
    mared, comment = make_moderator(), make_comment(**SPAMMER)
    asked_at, answer = timezone.now(), client.check(comment)
    moderation.approve(comment, mared)
    moderation.take_down(comment, asked_at, answer)
    moderation.undo(comment, mared)
    assert status(comment) == "spam"


def test_taking_back_what_a_rule_rejected_tells_akismet_nothing(akismet: Standin) -> None:
    Policy.objects.create(pk=1, reject_words="casino")
    mared, comment = make_moderator(), make_comment(body="casino")
    moderation.approve(comment, mared)
    moderation.undo(comment, mared)
    work()
    moderation.sweep()
    assert (status(comment), akismet.calls) == ("rejected", [])


def test_comment_without_an_address_is_not_asked_about(akismet: Standin) -> None:
    comment = make_comment(user_ip=None)
    work()
    assert (status(comment), akismet.calls) == ("unchecked", [])
    assert comment.verdict_in_words


def test_later_report_waits_for_the_one_under_way(akismet: Standin) -> None:
    mared, comment = make_moderator(), make_comment(**SPAMMER)
    work()
    moderation.approve(comment, mared)
    first = Report.objects.get()
    assert Report.objects.claim(first.pk, 60)
    moderation.mark_as_spam(comment, mared)
    work()
    moderation.sweep()
    assert akismet.reports == []


def test_reply_to_what_is_erased_meanwhile_is_kept() -> None:
    parent = make_comment(status="approved")
    reply = Comment(
        article=parent.article, parent=parent, language="cy", **RHYS | {"email": "b@x.example"}
    )
    Comment.objects.filter(pk=parent.pk).delete()
    assert status(moderation.receive(reply)) == "unchecked"
    assert reply.parent is None
