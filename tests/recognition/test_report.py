"""The report's files are whole, readable, and say what was scored."""

import io
import json
from xml.etree import ElementTree

import numpy as np
import pytest

from engine.errors import BadInput
from engine.recognition.matrix_image import colour_scale, similarity_image
from engine.recognition.plots_svg import COLOURS, Axis, Series, line_plot
from engine.recognition.report import MethodResult, terminal_table, write_report
from engine.recognition.scoring import ScoringParameters, score

SVG = "{http://www.w3.org/2000/svg}"


def result(name, seed=0, synops=None, compat="revisit"):
    similarity = np.random.default_rng(seed).random((30, 40)) + 0.4 * np.eye(30, 40)
    scores = score(similarity, np.eye(30, 40), ScoringParameters(compat=compat, resamples=100))
    return MethodResult(name, similarity, scores, 0.25, synops)


def picture_of(png):
    import cv2

    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)[:, :, ::-1]


def test_a_report_has_all_files_and_the_figures(tmp_path):
    results = [result("LENS", 0, 1234.5), result("SAD 8×8 <pooled>", 1)]
    written = write_report(tmp_path / "output", results, truth=np.eye(30, 40), extra={"reference": "morning"})
    names = {path.name for path in (tmp_path / "output").iterdir()}
    assert names == {path.name for path in written} == {
        "lens_similarity.npy", "lens_similarity.png", "sad-8-8-pooled_similarity.npy", "sad-8-8-pooled_similarity.png",
        "precision_recall.svg", "recall.svg", "error.svg", "along_route.svg", "cold_start.svg", "report.json", "report.html",
        "scores.csv", "matches.csv", "ground_truth.npy",
    }  # fmt: skip
    content = json.loads((tmp_path / "output" / "report.json").read_text(encoding="utf-8"))
    assert content["reference"] == "morning"
    first, second = content["methods"]
    assert first["recall_at"] == results[0].scores.to_json()["recall_at"]
    assert first["synops_per_query"] == 1234.5 and "synops_per_query" not in second
    assert second["seconds"] == 0.25
    stored = np.load(tmp_path / "output" / second["similarity"], allow_pickle=False)
    np.testing.assert_array_equal(stored, results[1].similarity)


def test_plots_are_xml_with_a_line_and_a_legend_entry_a_method(tmp_path):
    write_report(tmp_path, [result("LENS"), result("A & B <c>", 1)])
    for name in ("recall.svg", "precision_recall.svg"):
        root = ElementTree.parse(tmp_path / name).getroot()
        texts = [text.text for text in root.iter(f"{SVG}text")]
        assert any(text.startswith("LENS (") for text in texts) and any(text.startswith("A & B <c> (") for text in texts)
        lines = list(root.iter(f"{SVG}polyline"))
        assert [line.get("stroke") for line in lines] == list(COLOURS[:2])


def test_a_plot_puts_points_where_the_axes_say():
    drawing = line_plot([Series("a", (0, 5, 10), (0, 1, 0.5))], Axis("x", 0, 10, (0, 10)), Axis("y", 0, 1, (0, 1)), "t")
    root = ElementTree.fromstring(drawing)
    frame = next(rect for rect in root.iter(f"{SVG}rect") if rect.get("fill") == "none")
    left, top, width, height = (float(frame.get(key)) for key in ("x", "y", "width", "height"))
    points = [tuple(map(float, point.split(","))) for point in next(root.iter(f"{SVG}polyline")).get("points").split()]
    assert points == [(left, top + height), (left + width / 2, top), (left + width, top + height / 2)]
    legend = next(text for text in root.iter(f"{SVG}text") if text.text == "a")
    assert float(legend.get("x")) > left + width
    assert float(root.get("width")) > float(legend.get("x"))


def test_more_lines_than_colours_differ_in_their_dash():
    lines = [Series(str(number), (0, 1), (0, 1)) for number in range(16)]
    root = ElementTree.fromstring(line_plot(lines, Axis("x", 0, 1, (0, 1)), Axis("y", 0, 1, (0, 1)), "t"))
    looks = [(line.get("stroke"), line.get("stroke-dasharray")) for line in root.iter(f"{SVG}polyline")]
    assert len(set(looks)) == 16


def test_the_colour_scale_rises_evenly_in_lightness():
    linear = (colour_scale() / 255.0).clip(1e-9)
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    lightness = 116 * np.cbrt(luminance) - 16
    steps = np.diff(lightness[::15])
    assert (np.diff(lightness) > 0).mean() > 0.99
    assert steps.min() > 0.6 * steps.mean() and steps.max() < 1.5 * steps.mean()


def test_a_picture_shows_larger_as_lighter_and_outlines_the_truth():
    similarity = np.array([[0.0, 1.0], [2.0, 3.0]])
    picture = picture_of(similarity_image(similarity))
    half = len(picture) // 2
    middles = picture[half // 2 :: half, half // 2 :: half].reshape(-1, 3)
    np.testing.assert_array_equal(middles, colour_scale()[[0, 85, 170, 255]])
    marked = picture_of(similarity_image(similarity, np.array([[1, 0], [0, 0]])))
    changed = (marked != picture).any(axis=2)
    assert changed[0, 0] and changed[0, half - 1] and not changed[half // 2, half // 2] and not changed[half:].any()


def test_a_large_matrix_is_thinned_without_losing_its_line():
    similarity = np.zeros((4000, 2500), np.float32)
    similarity[np.arange(2500), np.arange(2500)] = 1
    picture = picture_of(similarity_image(similarity, np.zeros_like(similarity)))
    assert max(picture.shape) <= 1800
    light = (picture == colour_scale()[255]).all(axis=2)
    assert light[: light.shape[1]].any(axis=0).all()


def test_a_flat_matrix_is_drawn():
    assert len(np.unique(picture_of(similarity_image(np.full((3, 5), 7.0))).reshape(-1, 3), axis=0)) == 1


@pytest.mark.parametrize("width", [80, 140])
def test_the_table_shows_every_figure_in_the_width_given(width):
    from rich.console import Console

    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    first = result("LENS [200 features]", 0, 43210.0)
    console.print(terminal_table([first, result("SAD", 1)]))
    text = console.file.getvalue()
    assert "…" not in text
    assert all(len(line.rstrip()) <= width for line in text.splitlines())
    for figure in (f"{first.scores.recall_at[1]:.2f}", f"{first.scores.auc_pr:.2f}", "43k", "250 ms", "[200"):
        assert figure in text


def test_names_make_file_names(tmp_path):
    write_report(tmp_path, [result("a/b"), result("a b", 1), result("../..", 2), result("Grüße", 3)])
    matrices = {path.name for path in tmp_path.glob("*.npy")}
    assert matrices == {"a-b_similarity.npy", "a-b-2_similarity.npy", "method_similarity.npy", "grüße_similarity.npy"}


def test_two_methods_of_one_name_and_no_method_are_told(tmp_path):
    with pytest.raises(BadInput, match="Two methods are called 'SAD'"):
        write_report(tmp_path / "new", [result("SAD"), result("SAD", 1)])
    with pytest.raises(BadInput, match="no result"):
        write_report(tmp_path / "new", [])
    assert not (tmp_path / "new").exists()
