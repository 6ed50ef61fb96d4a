"""What two_towns.py holds of deliberation: one of each of its things, made by a town's community worker."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.core.files.uploadedfile import SimpleUploadedFile
from tests.commons.building import make_households

from duban.access.models import Person
from duban.commons.deliberation import actions, comments, places, problems, tasks
from duban.decisions import actions as decisions
from duban.decisions.actions import Attendee
from duban.demo.builders import make_photo
from duban.ledger import jobs


def furnish(by: Person, town: str, words: str, now: datetime) -> tuple[dict[str, str], set[str]]:
    """Keys by the part of an address they stand for, and what betrays them."""
    began = now - timedelta(days=5)
    estate = places.make_place(by=by, now=began, kind="estate", name=f"{words} 小区", jurisdiction=f"{town}001")
    place = places.make_place(by=by, now=began, kind="entrance", name=f"{words} 楼门", within_id=estate.pk)
    household, secret = make_households(place, 1)[0]
    topic = actions.open_topic(by=by, now=began, place_id=place.pk, title=f"{words} 议题", text=f"{words} 说明")
    photo = make_photo(9000 + int(town[-3:]), by=by)
    problem = problems.list_problem(by=by, now=began, topic_id=topic.pk, text=f"{words} 问题", photo=photo)
    met = began + timedelta(days=1)
    actions.invite_topic(by=by, now=began, topic_id=topic.pk, at=met, place=f"{words} 活动室")
    people = [Attendee("chair", f"{words} 主持"), Attendee("member", f"{words} 居民", resident=True)]
    held = actions.hold_topic(by=by, now=met, topic_id=topic.pk, attendance=people)
    decisions.write_minutes(by=by, now=met, meeting_id=actions.meeting_of(held).pk, minutes=f"{words} 纪要")
    said = comments.comment(by=household, now=met, topic_id=topic.pk, text=f"{words} 留言", pen_name=f"{words} 笔名")
    job = _import(by, str(topic.pk), words, now)
    keys = {
        "<place_id>": str(place.pk),
        "<place_token>": place.token,
        "<topic_id>": str(topic.pk),
        "<public_topic>": str(topic.pk),
        "<problem_id>": str(problem.pk),
        "<problem_photo>": photo,
        "<comment_id>": str(said.pk),
        "<thread_id>": str(said.pk),
        "<comments_job>": job.id,
        "<talk_secret>": secret,
        "<talk_topic>": str(topic.pk),
    }
    return keys, {str(estate.pk), str(place.pk), place.token, str(topic.pk), str(said.pk), job.id, photo}


def _import(by: Person, topic: str, words: str, now: datetime) -> jobs.Job:
    """A table that was taken in, of which a row was refused."""
    rows = f"id,parent,text,at\na,,{words} 导入,2021-01-20 10:00\nb,nobody,{words} 无主,2021-01-20 11:00\n"
    table = SimpleUploadedFile(f"{words}.csv", rows.encode())
    job = jobs.make_job(by=by, now=now, language="en", table=table, kind=tasks.COMMENTS)
    jobs.save(replace(job, stage="taking", query=topic))
    return tasks.import_job(job.id)
