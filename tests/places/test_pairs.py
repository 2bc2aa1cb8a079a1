"""Pairs of traverses with a ground truth are found by its name."""

from pathlib import Path

import numpy as np

from engine.places.pairs import pairs_with_truth
from engine.places.workspace import Workspace


def test_only_files_that_name_two_traverses_of_their_camera_count(tmp_path: Path) -> None:
    camera = tmp_path / "dataset" / "street" / "dvs"
    camera.mkdir(parents=True)
    for name in ("a_b", "b_c_d", "früh_spät", "a_a", "a_z", "stray"):
        np.save(camera / f"{name}_GT.npy", np.eye(2))
    traverses = [("street", "dvs", name) for name in ("a", "b", "b_c", "d", "früh", "spät")] + [("street", "other", "z")]
    found = pairs_with_truth(Workspace(tmp_path / "dataset"), traverses)
    assert found == [("street", "dvs", *pair) for pair in (("a", "b"), ("b_c", "d"), ("früh", "spät"))]
