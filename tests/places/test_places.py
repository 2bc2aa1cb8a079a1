"""Workspaces, traverses, index files and ground truth on disk."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.frames.png import write_png
from engine.places.ground_truth import load_ground_truth, save_ground_truth, save_truth
from engine.places.index import IndexRow, index_of_folder, read_index, write_index
from engine.places.natural import natural_key
from engine.places.traverse import TraverseInfo, write_traverse
from engine.places.truth_details import TruthDetails, details_file, read_details
from engine.places.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "dataset").mkdir()
    return Workspace.open(tmp_path)


def fill(workspace: Workspace, name: str = "monday", count: int = 12) -> np.ndarray:
    frames = np.random.default_rng(1).integers(0, 256, (count, 16, 16), dtype=np.uint8)
    write_traverse(
        workspace.frames_folder("street", "dvs", name),
        workspace.index_file(name),
        frames,
        TraverseInfo(window_ms=1000, source="sim"),
    )
    return frames


@given(st.lists(st.integers(0, 10**12), unique=True))
def test_numbers_sort_as_numbers(numbers: list[int]) -> None:
    names = [f"image_{number}.png" for number in numbers]
    random.Random(0).shuffle(names)
    assert sorted(names, key=natural_key) == [f"image_{number}.png" for number in sorted(numbers)]


@given(st.lists(st.text(max_size=8), max_size=8))
def test_any_names_can_be_sorted(names: list[str]) -> None:
    assert sorted(sorted(names, key=natural_key)) == sorted(names)


def test_a_traverse_comes_back_as_it_went(workspace: Workspace) -> None:
    frames = fill(workspace)
    traverse = workspace.traverse("street", "dvs", "monday")
    assert traverse.indexed
    np.testing.assert_array_equal(traverse.frames(), frames)
    np.testing.assert_array_equal(traverse.frames(places=3, every=2), frames[:6:2])
    info = traverse.info()
    assert info is not None
    assert (info.window_ms, info.source) == (1000, "sim")
    assert workspace.traverses() == [("street", "dvs", "monday")]


def test_without_an_index_file_the_folder_is_counted(workspace: Workspace) -> None:
    frames = fill(workspace)
    workspace.index_file("monday").unlink()
    (workspace.frames_folder("street", "dvs", "monday") / "traverse.json").unlink()
    traverse = workspace.traverse("street", "dvs", "monday")
    assert not traverse.indexed
    assert traverse.info() is None
    np.testing.assert_array_equal(traverse.frames(), frames)


def test_nothing_is_overwritten(workspace: Workspace) -> None:
    fill(workspace)
    with pytest.raises(BadInput, match="exists already"):
        fill(workspace)
    workspace.index_file("monday").unlink()
    with pytest.raises(BadInput, match="exists already"):
        fill(workspace)


def test_a_traverse_that_fails_half_way_leaves_nothing(workspace: Workspace) -> None:
    def frames():
        yield np.zeros((8, 8), np.uint8)
        raise RuntimeError("the camera went away")

    with pytest.raises(RuntimeError):
        write_traverse(workspace.frames_folder("a", "b", "c"), workspace.index_file("c"), frames(), TraverseInfo())
    assert [path for path in workspace.data_dir.rglob("*") if path.is_file() or path.name == "c"] == []


def test_lens_example_opens_as_it_is(shared_data: Path) -> None:
    workspace = Workspace.open(shared_data / "lens-example")
    assert workspace.traverses() == [("example", "davis128", "example-query"), ("example", "davis128", "example-reference")]
    traverse = workspace.traverse("example", "davis128", "example-query")
    assert len(traverse) == 100
    assert traverse.indexed
    truth = load_ground_truth(
        workspace.ground_truth_file("example", "davis128", "example-reference", "example-query"), (100, 100), (100, 100)
    )
    np.testing.assert_array_equal(truth.matrix, np.eye(100))
    assert truth.notes == ()


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b"])
def test_names_do_not_leave_the_workspace(workspace: Workspace, name: str) -> None:
    with pytest.raises(BadInput, match="name of a folder"):
        workspace.traverse("street", "dvs", name)


def test_what_is_missing_is_named(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nowhere is not a folder"):
        Workspace.open(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="tuesday"):
        workspace.traverse("street", "dvs", "tuesday")
    fill(workspace)
    traverse = workspace.traverse("street", "dvs", "monday")
    with pytest.raises(BadInput, match="12 frames, fewer than the 13 places"):
        traverse.frames(places=13)
    with pytest.raises(BadInput, match="6 frames with filter 2, fewer than the 7 places"):
        traverse.frames(places=7, every=2)
    (traverse.folder / "image_0003.png").unlink()
    (traverse.folder / "image_0005.png").unlink()
    with pytest.raises(BadInput, match=r"names image_0003\.png and 1 more, which"):
        traverse.frames()


def test_the_index_is_made_as_lens_makes_it(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        write_png(tmp_path / f"image_{number}.png", np.zeros((4, 4), np.uint8))
    (tmp_path / "notes.txt").write_text("not a frame")
    write_index(tmp_path / "index.csv", index_of_folder(tmp_path))
    assert (tmp_path / "index.csv").read_text() == "Image_name,index\nimage_1.png,0\nimage_2.png,1\nimage_10.png,2\n"


names = (
    st.text(st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="/\\"), min_size=1)
    .map(str.strip)
    .filter(bool)
)
degrees = st.floats(-180, 180, allow_nan=False)


@given(
    st.lists(st.builds(IndexRow, names, st.integers(0, 10**9), st.none() | st.tuples(degrees, degrees)), min_size=1, max_size=20)
)
def test_an_index_comes_back_as_it_went(tmp_path_factory: pytest.TempPathFactory, rows: list[IndexRow]) -> None:
    path = tmp_path_factory.mktemp("index") / "index.csv"
    write_index(path, rows)
    assert read_index(path) == rows


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "needs the columns"),
        ("name,number\na.png,1\n", "needs the columns Image_name and index"),
        ("Image_name,index\n", "lists no frames"),
        ("Image_name,index\na.png,x\n", "line 2: index should be a whole number, but is 'x'"),
        ("Image_name,index\n../a.png,0\n", "line 2: Image_name should be the name of a file"),
        ("Image_name,index,gps_coordinate\na.png,0,north\n", "line 2: gps_coordinate should be"),
        ("Image_name,index\na.png\n", "line 2: index should be"),
    ],
)
def test_a_wrong_index_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "index.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match=words):
        read_index(path)


def test_coordinates_are_read_as_lens_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "index.csv"
    path.write_text('Image_name,index,gps_coordinate\na.png,0,"[-27.5, 153.01]"\nb.png,1,\nc.png,2,"(1e-3, -2)"\n')
    assert [row.coordinate for row in read_index(path)] == [(-27.5, 153.01), None, (0.001, -2.0)]


def test_ground_truth_is_turned_where_the_shape_tells(tmp_path: Path) -> None:
    matrix = np.zeros((7, 4), np.uint8)
    matrix[[0, 2, 4, 6], range(4)] = 1
    save_ground_truth(tmp_path / "GT.npy", matrix.T)
    truth = load_ground_truth(tmp_path / "GT.npy", (7, 7), (4, 4))
    np.testing.assert_array_equal(truth.matrix, matrix)
    assert any("turned" in note for note in truth.notes)


def test_a_square_ground_truth_that_is_not_symmetric_is_pointed_out(tmp_path: Path) -> None:
    matrix = np.eye(5, k=1, dtype=np.uint8)
    save_ground_truth(tmp_path / "GT.npy", matrix)
    truth = load_ground_truth(tmp_path / "GT.npy", (5, 5), (5, 5))
    np.testing.assert_array_equal(truth.matrix, matrix)
    assert any("orientation" in note for note in truth.notes)
    assert any("1 of 5 queries have no match" in note for note in truth.notes)


def test_a_square_ground_truth_of_our_own_lies_as_we_write_it(tmp_path: Path) -> None:
    path = tmp_path / "GT.npy"
    save_truth(path, np.eye(5, k=1, dtype=np.uint8), TruthDetails())
    assert not any("orientation" in note for note in load_ground_truth(path, (5, 5), (5, 5)).notes)
    save_ground_truth(path, np.eye(5, k=-1))
    assert any("orientation" in note for note in load_ground_truth(path, (5, 5), (5, 5)).notes)


def test_a_ground_truth_of_whole_traverses_is_cut_to_the_used_places(tmp_path: Path) -> None:
    save_ground_truth(tmp_path / "GT.npy", np.eye(12))
    truth = load_ground_truth(tmp_path / "GT.npy", (12, 5), (12, 4), every=2)
    np.testing.assert_array_equal(truth.matrix, np.eye(5, 4))


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.eye(6), "is 6 x 6, but there are 5 reference places and 5 queries"),
        (np.eye(5) * 2, "0 and 1 only"),
        (np.full((5, 5), np.nan), "0 and 1 only"),
        (np.zeros((5, 5)), "no query any match"),
        (np.zeros(5), "one matrix"),
        (np.zeros((5, 5), "U1"), "one matrix"),
    ],
)
def test_a_wrong_ground_truth_is_one_sentence(tmp_path: Path, array: np.ndarray, words: str) -> None:
    np.save(tmp_path / "GT.npy", array)
    with pytest.raises(BadInput, match=words):
        load_ground_truth(tmp_path / "GT.npy", (5, 5), (5, 5))


def test_pickles_and_broken_files_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "GT.npy", np.array([[print]], object))
    with pytest.raises(BadInput, match="cannot be read as a NumPy array"):
        load_ground_truth(tmp_path / "GT.npy", (1, 1), (1, 1))
    (tmp_path / "GT.npy").write_bytes(b"\x93NUMPY\x01\x00")
    with pytest.raises(BadInput, match="cannot be read"):
        load_ground_truth(tmp_path / "GT.npy", (1, 1), (1, 1))
    with pytest.raises(BadInput, match="does not exist"):
        load_ground_truth(tmp_path / "none.npy", (1, 1), (1, 1))


DETAILS = TruthDetails(
    references=7,
    queries=6,
    masked=(2, 5),
    anchors=((0, 0), (6, 5)),
    confirmed=(0, 1),
    tolerance=2,
    made=({"made": "from_anchors", "parameters": {"extrapolate": False}},),
)


def slanted() -> np.ndarray:
    matrix = np.zeros((7, 6), np.uint8)
    matrix[[0, 2, 3, 4, 6], [0, 1, 3, 4, 5]] = 1
    return matrix


def test_mask_and_anchors_are_kept_beside_lens_own_file(tmp_path: Path) -> None:
    path = tmp_path / "monday_tuesday_GT.npy"
    written = save_truth(path, slanted(), DETAILS)
    stored = np.load(path, allow_pickle=False)
    assert stored.dtype == np.int64 and sorted(p.name for p in tmp_path.iterdir()) == [
        "monday_tuesday_GT.json",
        "monday_tuesday_GT.npy",
    ]
    np.testing.assert_array_equal(stored, slanted())
    assert read_details(path) == written and written.anchors == DETAILS.anchors and written.sha256
    truth = load_ground_truth(path, (7, 7), (6, 6))
    np.testing.assert_array_equal(truth.mask, [False, False, True, False, False, True])
    assert truth.notes == ("2 of 6 queries are masked in monday_tuesday_GT.npy; they are not scored.",)
    cut = load_ground_truth(path, (7, 4), (6, 3), every=2)
    np.testing.assert_array_equal(cut.mask, [False, True, False])
    details_file(path).unlink()
    plain = load_ground_truth(path, (7, 7), (6, 6))
    assert not plain.mask.any() and plain.details is None


def test_a_mask_of_another_matrix_is_passed_over_and_a_changed_one_pointed_out(tmp_path: Path) -> None:
    path = tmp_path / "GT.npy"
    save_truth(path, slanted(), DETAILS)
    changed = slanted()
    changed[1, 0] = 1
    save_ground_truth(path, changed)
    truth = load_ground_truth(path, (7, 7), (6, 6))
    assert truth.mask.sum() == 2 and any("changed by another program" in note for note in truth.notes)
    save_ground_truth(path, np.eye(5))
    truth = load_ground_truth(path, (5, 5), (5, 5))
    assert not truth.mask.any() and any("GT.json tells of a matrix of 7 x 6" in note for note in truth.notes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "should be a JSON object"),
        ("{", "cannot be read as JSON"),
        ('{"schema_number": 99}', "newer Revisit"),
        ('{"references": 7, "queries": 6, "masked": [6]}', "masked should name queries of 0 to 5"),
        ('{"references": 7, "queries": 6, "anchors": [[7, 0]]}', "anchors should lie in a matrix of 7 x 6"),
        ('{"references": 7, "queries": 6, "masked": ["x"]}', "masked should be a valid integer"),
    ],
)
def test_wrong_details_are_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "GT.npy"
    save_ground_truth(path, slanted())
    details_file(path).write_text(text)
    with pytest.raises(BadInput, match=words):
        load_ground_truth(path, (7, 7), (6, 6))
