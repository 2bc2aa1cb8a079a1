"""Images and LENS's datasets become traverses; what was converted is said, what does not fit is refused."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.errors import BadInput, JobCancelled
from engine.jobs import CancelToken, ignore
from engine.places.ground_truth import save_ground_truth
from engine.places.imports import ImportParameters, import_images, import_tree, kind_of_folder
from engine.places.making import TraverseName
from engine.places.workspace import Workspace
from tests.places.made import CancelAfter, Said, fill, tree, workspace_at


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return workspace_at(tmp_path / "work")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


def save(path: Path, image: np.ndarray) -> None:
    ok, content = cv2.imencode(path.suffix, image)
    assert ok
    path.write_bytes(content.tobytes())


def test_gray_images_of_one_size_are_taken_as_they_are(workspace: Workspace, images: Path) -> None:
    frames = np.random.default_rng(1).integers(0, 256, (12, 6, 9), dtype=np.uint8)
    for number, frame in enumerate(frames):
        save(images / f"frame{number}.png", frame)
    (images / "notes.txt").write_text("not a frame")
    said = Said()
    made = import_images(workspace, images, ImportParameters(dataset="street", camera="dvs"), said, CancelToken())
    assert made.name == "photos" and said.notices == ""
    np.testing.assert_array_equal(made.frames(), frames)  # 2 before 10
    info = made.info()
    assert info is not None and info.window_starts_us == [] and "12 images of" in info.made_from


def test_colour_depth_and_size_are_converted_and_said(workspace: Workspace, images: Path) -> None:
    rng = np.random.default_rng(2)
    save(images / "1.jpg", rng.integers(0, 256, (40, 60, 3), dtype=np.uint8))
    save(images / "2.png", rng.integers(0, 256, (20, 20, 4), dtype=np.uint8))
    save(images / "3.tiff", np.full((10, 30), 512, np.uint16))
    save(images / "4.png", np.full((10, 10), 200, np.uint16))
    save(images / "5.bmp", np.full((20, 10), 7, np.uint8))
    said = Said()
    made = import_images(workspace, images, ImportParameters(size=(20, 10)), said, CancelToken())
    frames = made.frames()
    assert frames.shape == (5, 10, 20) and frames.dtype == np.uint8
    assert (frames[2] == 2).all() and (frames[3] == 200).all() and (frames[4] == 7).all()
    for text in (
        "2 colour images converted to 8-bit gray",
        "2 16-bit images made 8-bit",
        "5 images cut to the middle and scaled",
    ):
        assert text in said.notices


def test_crop_keeps_the_shape_and_stretch_the_whole(workspace: Workspace, images: Path) -> None:
    wide = np.zeros((10, 40), np.uint8)
    wide[:, :10] = 255  # outside of the middle
    save(images / "1.png", wide)
    crop = import_images(workspace, images, ImportParameters(name="a", size=(10, 10)), ignore, CancelToken())
    assert int(crop.frames().max()) == 0
    whole = import_images(workspace, images, ImportParameters(name="b", size=(10, 10), fit="stretch"), ignore, CancelToken())
    assert int(whole.frames().max()) == 255


def test_times_from_a_rate_and_from_names(workspace: Workspace, images: Path) -> None:
    for name in ("1587452582.35", "1587452583.1", "1587452584.6"):
        save(images / f"{name}.png", np.zeros((4, 4), np.uint8))
    rate = import_images(workspace, images, ImportParameters(name="a", times="rate", window_ms=250), ignore, CancelToken())
    assert rate.info().window_starts_us == [0, 250_000, 500_000]  # type: ignore[union-attr]
    names = import_images(workspace, images, ImportParameters(name="b", times="names"), ignore, CancelToken()).info()
    assert names is not None
    assert names.window_starts_us == [1_587_452_582_350_000, 1_587_452_583_100_000, 1_587_452_584_600_000]
    assert names.window_ms == pytest.approx(1125)


@pytest.mark.parametrize(
    ("name", "us"),
    [
        ("t_1587452582350123", 1_587_452_582_350_123),
        ("1587452582350123456", 1_587_452_582_350_123),
        ("1587452582350", 1_587_452_582_350_000),
        ("f12.5", 12_500_000),
    ],
)
def test_units_of_times_in_names(workspace: Workspace, images: Path, name: str, us: int) -> None:
    save(images / f"{name}.png", np.zeros((4, 4), np.uint8))
    made = import_images(workspace, images, ImportParameters(times="names", window_ms=1), ignore, CancelToken())
    assert made.info().window_starts_us == [us]  # type: ignore[union-attr]


def test_what_cannot_be_imported_is_a_sentence_and_leaves_nothing(workspace: Workspace, images: Path) -> None:
    def refused(sentence: str, **values: object) -> None:
        with pytest.raises(BadInput, match=sentence):
            import_images(workspace, images, ImportParameters(**values), ignore, CancelToken())

    before = tree(workspace.root)
    refused("has no images")
    save(images / "1.png", np.zeros((4, 4), np.uint8))
    save(images / "2.png", np.zeros((5, 4), np.uint8))
    refused(r"2\.png is 4x5 pixels, but 1\.png is 4x4: give the size")
    refused("rate needs window_ms", times="rate")
    save(images / "b.png", np.zeros((4, 4), np.uint8))
    refused(r"b\.png has no number", times="names")
    (images / "b.png").write_bytes(b"\x89PNG broken")
    refused(r"b\.png is no image", size=(4, 4))
    (images / "b.png").write_bytes(b"")
    refused(r"b\.png is no image", size=(4, 4))
    (images / "b.png").unlink()
    save(images / "1-1.png", np.zeros((4, 4), np.uint8))
    refused("is not later than", times="names")
    with pytest.raises(BadInput, match="is not a folder"):
        import_images(workspace, images / "none", ImportParameters(), ignore, CancelToken())
    assert tree(workspace.root) == before


def test_a_cancelled_import_leaves_nothing(workspace: Workspace, images: Path) -> None:
    for number in range(5):
        save(images / f"{number}.png", np.zeros((4, 4), np.uint8))
    before = tree(workspace.root)
    with pytest.raises(JobCancelled):
        import_images(workspace, images, ImportParameters(), ignore, CancelAfter(3))
    assert tree(workspace.root) == before and workspace.traverses() == []


# -- LENS's datasets


def test_another_workspace_is_copied_as_it_is(workspace: Workspace, tmp_path: Path) -> None:
    other = workspace_at(tmp_path / "lens")
    names = [fill(other, name) for name in ("monday", "tuesday")]
    save_ground_truth(other.ground_truth_file("street", "dvs", "monday", "tuesday"), np.eye(6))
    fill(workspace, "own")
    said = Said()
    assert import_tree(workspace, other.data_dir, said, CancelToken()) == names
    copied = tree(workspace.data_dir)
    assert tree(other.data_dir).items() <= copied.items()
    assert "2 traverses and 1 ground truth copied" in said.notices
    before = tree(workspace.root)
    with pytest.raises(BadInput, match="exists already"):
        import_tree(workspace, other.root, ignore, CancelToken())
    assert tree(workspace.root) == before


def test_lens_own_example(workspace: Workspace, shared_data: Path) -> None:
    copied = import_tree(workspace, shared_data / "lens-example", ignore, CancelToken())
    assert copied == [TraverseName("example", "davis128", name) for name in ("example-query", "example-reference")]
    assert len(copied[0].open(workspace)) == 100 and copied[0].open(workspace).indexed


def test_trees_that_are_none(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="has no traverses"):
        import_tree(workspace, tmp_path, ignore, CancelToken())
    with pytest.raises(BadInput, match="open workspace itself"):
        import_tree(workspace, workspace.root, ignore, CancelToken())


def test_what_a_dropped_folder_is(workspace: Workspace, images: Path, tmp_path: Path) -> None:
    assert kind_of_folder(images) == "nothing"
    (images / "a.aedat4").write_bytes(b"")
    assert kind_of_folder(images) == "recordings"
    save(images / "1.jpg", np.zeros((4, 4), np.uint8))
    assert kind_of_folder(images) == "images"
    fill(workspace)
    assert kind_of_folder(workspace.root) == kind_of_folder(workspace.data_dir) == "tree"
