"""Presets: LENS's own, and a person's, in files."""

from pathlib import Path

import pytest

from engine.errors import BadInput
from engine.frames.inputs import InputParameters
from engine.places.workspace import Workspace
from engine.training.parameters import PRESETS, LensTrainingParameters
from engine.training.plan import fitting_grid, fitting_grids, plan_network, plan_of
from engine.training.presets import presets_of, remove_preset, save_preset
from tests.training.helpers import reference_of, small_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "lab")


def test_own_presets_come_after_revisits(workspace: Workspace) -> None:
    inputs, training = InputParameters(dims=(14, 14), encoding="sqrt"), LensTrainingParameters(fire_h_feat=0.8)
    save_preset(workspace, "night drive", "lens", inputs, training)
    found, problems = presets_of("lens", workspace)
    assert [preset.name for preset in found] == [*PRESETS, "night drive"] and problems == []
    assert found[-1].training == training and InputParameters(**found[-1].inputs) == inputs
    assert found[1].inputs == {"dims": (7, 7)} and found[1].training == PRESETS["Brisbane"]
    with pytest.raises(BadInput, match="already"):
        save_preset(workspace, "night drive", "lens", inputs, training)
    save_preset(workspace, "night drive", "lens", inputs, LensTrainingParameters(), overwrite=True)
    assert presets_of("lens", workspace)[0][-1].training == LensTrainingParameters()
    remove_preset(found[-1])
    assert len(presets_of("lens", workspace)[0]) == len(PRESETS) == len(presets_of("lens", None)[0])
    with pytest.raises(BadInput, match="it stays"):
        remove_preset(found[0])


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 81, "LENS"])
def test_names_that_a_preset_cannot_have(workspace: Workspace, name: str) -> None:
    with pytest.raises(BadInput, match="preset"):
        save_preset(workspace, name, "lens", InputParameters(), LensTrainingParameters())


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"name": "x", "kind": "other", "inputs": {}, "training": {}}',
    '{"name": "x", "kind": "lens", "inputs": {"dims": "many"}, "training": {}}'])  # fmt: skip
def test_a_broken_preset_is_a_sentence_and_hides_no_other(workspace: Workspace, content: str) -> None:
    (workspace.root / "presets").mkdir()
    (workspace.root / "presets" / "broken.json").write_text(content)
    found, problems = presets_of("lens", workspace)
    assert len(found) == len(PRESETS) and len(problems) == 1 and "broken.json" in problems[0]


def test_what_will_be_built_is_known_before(tmp_path: Path) -> None:
    plan = plan_network("lens", (80, 80), 100, InputParameters(), LensTrainingParameters())
    assert [(layer.name, layer.neurons) for layer in plan.layers] == [("inputs", 100), ("features", 200), ("places", 100)]
    assert plan.parameters == 200 * 100 + 200 + 100 * 200 + 100 and plan.kilobytes == pytest.approx(plan.parameters * 4 / 1024)
    assert plan.kilobytes_8bit == pytest.approx(40_000 / 1024) and plan.chip.fits
    large = plan_network("lens", (128, 128), 5000, InputParameters(dims=(16, 16)), LensTrainingParameters())
    assert not large.chip.fits and large.chip.sentence
    made = plan_of(reference_of(small_workspace(tmp_path / "w")), "lens", InputParameters(dims=(8, 8)), LensTrainingParameters())
    assert made.frame == (16, 16) and made.layers[-1].neurons == 30
    for inputs, training, sentence in (
        (InputParameters(dims=(7, 7)), LensTrainingParameters(), "does not divide"),
        (InputParameters(dims=(1, 1)), LensTrainingParameters(feature_multiplier=0.5), "no feature neuron"),
    ):
        with pytest.raises(BadInput, match=sentence):
            plan_network("lens", (80, 80), 10, inputs, training)


def test_a_grid_that_divides_the_frames_is_found() -> None:
    assert fitting_grid((80, 80), (10, 10)) == (10, 10)
    assert fitting_grid((128, 128), (10, 10)) == (8, 8)
    assert fitting_grids((80, 80)) == ((5, 5), (8, 8), (10, 10), (16, 16), (20, 20))
    assert fitting_grids((7, 13)) == ((7, 1), (7, 13))
    assert fitting_grid((9, 15), (4, 4)) == (3, 5) and fitting_grid((7, 13), (10, 10)) == (7, 13)
