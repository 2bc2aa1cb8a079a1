"""Forms for every type of parameter, driven by keys and clicks; and the same from a shell."""

import argparse
import shlex
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import model_validator
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QWheelEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from app.forms import ParameterForm, label_of
from app.widgets.editors import ChoiceEditor, JsonEditor, ListEditor, NumberBox, PathEditor, SwitchEditor, TextEditor, TupleEditor
from engine.cli.options import add_options, command_line, from_options
from engine.frames.inputs import InputParameters
from engine.parameters import Parameters, parameter, problems
from engine.simulation.pair import PairParameters
from engine.simulation.parameters import CameraParameters


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Everything(Parameters):
    """One field of each kind."""

    window_ms: float = parameter(1000.0, "Length of a window.", unit="ms", ge=0.001, le=3.6e6)
    count: int = parameter(50, "Number of windows.", ge=1, le=100)
    seed: int = parameter(0, "Seed.", ge=0, le=2**64 - 1)
    step_ms: float | None = parameter(None, "Step; left out: the window.", unit="ms", gt=0)
    places: int | None = parameter(None, "Places.", ge=1)
    loop: bool = parameter(False, "Begin anew at the end.")
    name: str = parameter("route", "A name.")
    note: str | None = parameter(None, "A note.")
    mode: Literal["time", "count"] = parameter("time", "Kind of window.")
    side: Literal["left", "right"] | None = parameter(None, "A side.")
    colour: Colour = parameter(Colour.RED, "A colour.")
    data_dir: Path | None = parameter(None, "A folder.")
    file: Path = parameter(Path("a.aedat4"), "A file.")
    region: tuple[int, int, int, int] | None = parameter(None, "A region.", unit="pixels")
    size: tuple[int, int] = parameter((10, 10), "A size.")
    gains: tuple[float, ...] = parameter((1.0, 2.5), "Gains.")
    either: int | str = parameter("auto", "A number or a word.")
    extra: dict[str, Any] = parameter({}, "Anything.")

    @model_validator(mode="after")
    def _check(self) -> "Everything":
        if self.step_ms is not None and self.step_ms > self.window_ms:
            raise ValueError("step_ms should be at most window_ms")
        return self


@pytest.fixture
def form(qtbot: QtBot, theme: object) -> ParameterForm[Everything]:
    made = ParameterForm(Everything, command="revisit-cli bin")
    qtbot.addWidget(made)
    made.resize(420, 900)
    made.show()
    return made


def type_into(qtbot: QtBot, editor: QWidget, text: str) -> None:
    line = editor if isinstance(editor, QLineEdit) else editor.findChild(QLineEdit)
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, text) if text else qtbot.keyClick(line, Qt.Key.Key_Delete)


def test_a_form_begins_with_the_defaults(form: ParameterForm[Everything]) -> None:
    assert form.parameters() == Everything()
    assert form.command_line() == "revisit-cli bin"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("window_ms", NumberBox), ("places", NumberBox), ("loop", SwitchEditor), ("name", TextEditor), ("mode", ChoiceEditor),
        ("side", ChoiceEditor), ("colour", ChoiceEditor), ("data_dir", PathEditor), ("region", TupleEditor),
        ("size", TupleEditor), ("gains", ListEditor), ("either", JsonEditor), ("extra", JsonEditor),
    ],
)  # fmt: skip
def test_each_type_has_its_editor(form: ParameterForm[Everything], name: str, kind: type) -> None:
    assert type(form.editor(name)) is kind


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("window_ms", "12.5", 12.5), ("window_ms", "1e3 ms", 1000.0), ("count", "7", 7), ("seed", str(2**64 - 1), 2**64 - 1),
        ("step_ms", "5", 5.0), ("step_ms", "", None), ("places", "9", 9), ("name", "", ""), ("note", "wet road", "wet road"),
        ("note", "", None), ("data_dir", "/data", Path("/data")), ("data_dir", "", None), ("file", "b.dat", Path("b.dat")),
        ("gains", "3, 4.5 5", (3.0, 4.5, 5.0)), ("either", "12", 12), ("either", "auto", "auto"), ("extra", '{"a": 1}', {"a": 1}),
    ],
)  # fmt: skip
def test_what_is_typed_arrives(qtbot: QtBot, form: ParameterForm[Everything], name: str, typed: str, value: object) -> None:
    with qtbot.waitSignal(form.edited):
        type_into(qtbot, form.editor(name), typed or "x")
        type_into(qtbot, form.editor(name), typed)
    parameters = form.parameters()
    assert parameters is not None and getattr(parameters, name) == value


def test_tuples_are_typed_part_by_part(qtbot: QtBot, form: ParameterForm[Everything]) -> None:
    parts = form.editor("region").findChildren(NumberBox)
    for part, text in zip(parts, ("0", "8", "80", ""), strict=True):
        if text:
            type_into(qtbot, part, text)
    assert form.parameters() is None and "region" in form._rows["region"].error.text()
    type_into(qtbot, parts[3], "60")
    assert form.values()["region"] == (0, 8, 80, 60) and form.valid
    for part in parts:
        part.clear()
    parts[0].edited.emit()
    assert form.values()["region"] is None and form.valid


def test_choices_and_switches_by_keys(qtbot: QtBot, form: ParameterForm[Everything]) -> None:
    mode, side, colour, loop = (form.editor(name) for name in ("mode", "side", "colour", "loop"))
    for editor in (mode, side, colour):
        editor.setFocus()
        qtbot.keyClick(editor, Qt.Key.Key_Down)
    qtbot.mouseClick(loop, Qt.MouseButton.LeftButton, pos=QPoint(8, loop.height() // 2))
    parameters = form.parameters()
    assert parameters is not None
    assert (parameters.mode, parameters.side, parameters.colour, parameters.loop) == ("count", "left", Colour.BLUE, True)


@pytest.mark.parametrize(
    ("name", "typed"), [("window_ms", "0"), ("window_ms", "long"), ("count", "101"), ("count", "2.5"), ("extra", "nonsense")]
)
def test_the_engines_own_sentence_stands_beside_the_field(
    qtbot: QtBot, form: ParameterForm[Everything], name: str, typed: str
) -> None:
    with qtbot.waitSignal(form.validityChanged) as signal:
        type_into(qtbot, form.editor(name), typed)
    assert signal.args == [False]
    label = form._rows[name].error
    assert label.isVisible() and label.text() == problems(Everything, form.values())[name]
    assert name in label.text()
    assert form.parameters() is None and form.command_line() == "" and not form.copy.isEnabled()
    others = [row.error.isVisible() for other, row in form._rows.items() if other != name]
    assert not any(others)
    qtbot.mouseClick(form._rows[name].reset, Qt.MouseButton.LeftButton)
    assert form.valid and not label.isVisible()


def test_a_rule_over_two_fields_is_shown_at_the_one_it_names(qtbot: QtBot, form: ParameterForm[Everything]) -> None:
    type_into(qtbot, form.editor("step_ms"), "2000")
    assert form._rows["step_ms"].error.text() == "step_ms should be at most window_ms."


def test_nothing_typed_is_changed_unasked(qtbot: QtBot, form: ParameterForm[Everything]) -> None:
    box = form.editor("count")
    type_into(qtbot, box, "5000")
    qtbot.keyClick(box.findChild(QLineEdit), Qt.Key.Key_Return)
    assert box.value() == 5000 and not form.valid


def test_arrows_step_by_a_tenth_and_stay_within_the_bounds(qtbot: QtBot, form: ParameterForm[Everything]) -> None:
    count, window = form.editor("count"), form.editor("window_ms")
    qtbot.keyClick(count, Qt.Key.Key_Up)
    qtbot.keyClick(window, Qt.Key.Key_Up)
    assert count.value() == 51 and window.value() == 1100.0
    count.set_value(100)
    qtbot.keyClick(count, Qt.Key.Key_Up)
    assert count.value() == 100
    window.set_value(0.001)
    qtbot.keyClick(window, Qt.Key.Key_Down)
    assert window.value() == 0.001
    places = form.editor("places")
    qtbot.keyClick(places, Qt.Key.Key_Up)
    assert places.value() == 1, "from left out to the lowest"


def test_units_and_help_are_shown(form: ParameterForm[Everything]) -> None:
    box = form.editor("window_ms")
    assert box.findChild(QLineEdit).text() == "1000 ms"
    for fact in ("window_ms", "Length of a window.", "from 0.001 to 3600000.0 ms", "default 1000.0"):
        assert fact in box.toolTip()
    labels = {label.text() for label in form.findChildren(QLabel)}
    assert {"Window", "Count", "Data dir", "Step"} <= labels
    assert label_of("speed_m_s", "m/s") == "Speed" and label_of("field_of_view_deg", "°") == "Field of view"


def test_turning_the_wheel_over_a_form_changes_nothing(qtbot: QtBot, form: ParameterForm[Everything]) -> None:
    form.editor("name").setFocus()
    for name in ("count", "mode"):
        event = QWheelEvent(
            QPointF(5, 5), QPointF(5, 5), QPoint(0, 120), QPoint(0, 120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(form.editor(name), event)
    assert form.parameters() == Everything()


def test_reset_one_and_all(qtbot: QtBot, form: ParameterForm[Everything]) -> None:
    row = form._rows["count"]
    assert not row.reset.isVisible()
    type_into(qtbot, form.editor("count"), "7")
    type_into(qtbot, form.editor("name"), "night")
    width = form.editor("count").width()
    assert row.reset.isVisible() and form.editor("count").width() == width
    qtbot.mouseClick(row.reset, Qt.MouseButton.LeftButton)
    assert form.values()["count"] == 50 and form.values()["name"] == "night" and not row.reset.isVisible()
    with qtbot.waitSignal(form.edited):
        qtbot.mouseClick(form.reset_all, Qt.MouseButton.LeftButton)
    assert form.parameters() == Everything()


def test_copy_as_command_line(qtbot: QtBot, form: ParameterForm[Everything]) -> None:
    form.set_parameters(Everything(window_ms=66, loop=True, name="wet road", region=(0, 8, 80, 60), step_ms=5))
    qtbot.mouseClick(form.copy, Qt.MouseButton.LeftButton)
    expected = "revisit-cli bin --window_ms 66.0 --step_ms 5.0 --loop --name 'wet road' --region 0 8 80 60"
    assert QGuiApplication.clipboard().text() == expected


def test_a_folder_is_chosen_by_click(qtbot: QtBot, form: ParameterForm[Everything], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *rest: "/data/lens")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *rest: ("", ""))
    with qtbot.waitSignal(form.edited):
        qtbot.mouseClick(form.editor("data_dir").browse, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(form.editor("file").browse, Qt.MouseButton.LeftButton)
    assert form.values()["data_dir"] == Path("/data/lens") and form.values()["file"] == Path("a.aedat4")


def test_skipped_fields_keep_what_the_view_set(qtbot: QtBot) -> None:
    form = ParameterForm(Everything, skip=("seed", "name"), groups={"Window": ("window_ms", "step_ms")})
    qtbot.addWidget(form)
    form.set_values({"seed": 5, "name": "night"})
    assert "seed" not in form._rows and form.parameters() == Everything(seed=5, name="night")
    headings = [label.text() for label in form.findChildren(QLabel) if label.property("role") == "heading"]
    assert headings == ["Window"]


def test_the_engines_real_models_have_forms(qtbot: QtBot) -> None:
    form = ParameterForm(InputParameters)
    qtbot.addWidget(form)
    assert form.parameters() == InputParameters()
    parts = form.editor("dims").findChildren(NumberBox)
    type_into(qtbot, parts[0], "0")
    assert form._rows["dims"].error.text() == "dims should be one or two numbers from 1 to 8192, but is 0 10."


def test_a_model_within_a_model_is_a_form_within_the_form(qtbot: QtBot) -> None:
    form = ParameterForm(PairParameters, command="revisit-cli simulate")
    qtbot.addWidget(form)
    form.show()
    assert form.parameters() == PairParameters()
    world = form._parts["world"]
    with qtbot.waitSignal(form.edited):
        type_into(qtbot, world.editor("seed"), "-3")
    assert not form.valid and "seed" in world._rows["seed"].error.text() and form._general.text() == ""
    type_into(qtbot, world.editor("seed"), "9")
    parameters = form.parameters()
    assert parameters is not None and parameters.world.seed == 9
    assert form.command_line() == "revisit-cli simulate --seed 9"
    form.set_parameters(PairParameters(camera=CameraParameters(width=64)))
    assert form._parts["camera"].editor("width").value() == 64
    qtbot.mouseClick(form.reset_all, Qt.MouseButton.LeftButton)
    assert form.parameters() == PairParameters()


def all_models() -> list[type[Parameters]]:
    """Every parameter model of the engine in which each field has a default."""
    import importlib
    import pkgutil

    import engine

    for module in pkgutil.walk_packages(engine.__path__, "engine."):
        if not module.name.endswith("__main__") and "_native" not in module.name:
            importlib.import_module(module.name)
    found = [Parameters]
    for model in found:
        found += [child for child in model.__subclasses__() if child.__module__.startswith("engine.")]
    return [model for model in found[1:] if not any(field.is_required() for field in model.model_fields.values())]


@pytest.mark.parametrize("model", all_models(), ids=lambda model: model.__name__)
def test_every_model_of_the_engine_has_a_form(qtbot: QtBot, model: type[Parameters]) -> None:
    form = ParameterForm(model, command="revisit-cli")
    qtbot.addWidget(form)
    assert form.valid and form.parameters() == model()
    assert form.command_line() == "revisit-cli"
    assert not any(row.reset.isVisibleTo(form) for row in form._rows.values())


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=12)


@given(
    st.builds(
        Everything,
        window_ms=st.floats(0.001, 3.6e6),
        count=st.integers(1, 100),
        seed=st.integers(0, 2**64 - 1),
        places=st.none() | st.integers(1, 10**9),
        loop=st.booleans(),
        name=TEXT,
        mode=st.sampled_from(["time", "count"]),
        size=st.tuples(st.integers(0, 9999), st.integers(0, 9999)),
    )
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_command_line_leads_back_to_the_same_parameters(parameters: Everything) -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_options(parser, Everything, "all")
    words = shlex.split(command_line("bin", parameters))[1:]
    assert from_options(parser.parse_args(words), Everything) == parameters
