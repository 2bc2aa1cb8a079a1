"""The deploy job: who gets the places, how it ends, and what a cut does to it."""

from pathlib import Path

import pytest

from engine.events.sources import ReplaySource
from engine.events.sources.source import SourceFailed
from engine.jobs import CancelToken, JobEvent, Notice, ignore
from engine.live import Answer, LiveModel, LiveParameters
from engine.live.deploy import Deployed, DeployParameters, deploy
from tests.capture.helpers import HandSource
from tests.events.sources.helpers import FakeReader
from tests.live.helpers import SENSOR, make_model, place_events, route_events

LIVE = LiveParameters(step_ms=25, sequence="none")


@pytest.fixture
def model(tmp_path: Path) -> LiveModel:
    return make_model(tmp_path)


def run(source, model: LiveModel, parameters: DeployParameters | None = None, emit=ignore, each=None):  # type: ignore[no-untyped-def]
    places: list[Answer] = []
    cancel = CancelToken()

    def on_place(answer: Answer) -> None:
        places.append(answer)
        if each is not None:
            each(cancel, places)

    done: Deployed = deploy(source, model, LIVE, parameters or DeployParameters(), on_place, emit, cancel)
    return places, done


def test_a_cut_ends_the_run_with_its_sentence_or_is_tried_again(model: LiveModel) -> None:
    def source() -> HandSource:
        made = HandSource(SENSOR)
        cut = SourceFailed("It was cut: plug it in.")
        for item in (place_events(0, 0, 3), cut, place_events(1, 9_000_000, 3), "It is over."):
            made.give(item)
        return made

    places, done = run(source(), model)
    assert done.problem == "It was cut: plug it in."
    assert done.totals.places == len(places) >= 1
    assert done.totals.places + done.totals.skipped >= 8  # a busy machine may skip some, and take its own pauses for silence
    told: list[JobEvent] = []
    places, done = run(source(), model, DeployParameters(retry=True), told.append)
    assert done.problem == ""
    assert done.totals.places == len(places)
    assert done.totals.places + done.totals.skipped >= 16
    assert any(isinstance(event, Notice) and event.text == "It was cut: plug it in. Trying again." for event in told)


def test_whoever_cancels_gets_every_place_that_was_counted(model: LiveModel) -> None:
    source = ReplaySource(lambda: FakeReader(route_events(), SENSOR, 997), factor=None, loop=True)

    def each(cancel: CancelToken, places: list[Answer]) -> None:
        if len(places) == 7:
            cancel.cancel()

    places, done = run(source, model, each=each)
    assert 7 <= len(places) <= done.totals.places
    assert done.problem == ""


def test_hot_pixels_of_a_file_are_left_out_from_the_first_event_on(model: LiveModel, tmp_path: Path) -> None:
    events = place_events(0, 0, 4)
    events["x"][::2], events["y"][::2] = 20, 20
    hot = tmp_path / "hot.txt"
    hot.write_text("20,20\n")
    places, _ = run(ReplaySource(lambda: FakeReader(events, SENSOR, 997), factor=None), model, DeployParameters(hot_pixels=hot))
    assert places
    assert all(answer.frame[16, 12] == 0 for answer in places)
    with_them, _ = run(ReplaySource(lambda: FakeReader(events, SENSOR, 997), factor=None), model)
    assert all(answer.frame[16, 12] == 255 for answer in with_them)
