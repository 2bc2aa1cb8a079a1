"""Edits of a ground truth: what they do, that they can be taken back, and that none is lost."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.places.ground_truth import load_ground_truth
from engine.places.truth.change import Change
from engine.places.truth.document import TruthDocument, band_cells, line_cells, one_each
from engine.places.truth.journal import Journal, discard, journal_file, recover, state_hash, unsaved_edits
from engine.places.truth.make import AnchorsTruthParameters, truth_from_anchors
from engine.places.truth_details import read_details


@pytest.fixture
def document() -> TruthDocument:
    return TruthDocument(np.eye(8, 6, dtype=np.uint8), np.zeros(6, bool))


def ones(document: TruthDocument) -> set[tuple[int, int]]:
    return {(int(row), int(column)) for row, column in zip(*np.nonzero(document.matrix), strict=True)}


def test_painting_gives_a_query_one_match_or_several(document: TruthDocument) -> None:
    where = document.apply(document.paint([(4, 2), (5, 3)]))
    assert ones(document) == {(0, 0), (1, 1), (4, 2), (5, 3), (4, 4), (5, 5)}
    assert where == (2, 2, 6, 4)
    document.apply(document.paint([(7, 2), (4, 2)], alone=False))
    assert document.matches(2).tolist() == [4, 7]
    assert not document.paint([(4, 4)])  # nothing changes
    assert not document.paint([(-1, 0), (8, 0), (0, 6)])  # outside


def test_a_band_replaces_all_matches_of_its_queries(document: TruthDocument) -> None:
    document.apply(document.paint(band_cells((3, 1), (3, 2), 3)))
    assert document.matches(1).tolist() == document.matches(2).tolist() == [2, 3, 4]
    assert document.matches(3).tolist() == [3]


def test_erasing_moving_shifting(document: TruthDocument) -> None:
    document.apply(document.erase([(1, 1), (1, 2)]))
    assert document.matches(1).tolist() == [] and document.matches(2).tolist() == [2]
    document.apply(document.move_match(2, 1))
    assert document.matches(2).tolist() == [3]
    assert not document.move_match(0, -1) and not document.move_match(1, 1)
    before = ones(document)
    document.apply(document.shift(-1))
    assert ones(document) == {(row - 1, column) for row, column in before if row >= 1}
    document.apply(document.shift(7))
    assert ones(document) == {(row + 6, column) for row, column in before if 1 <= row <= 1}


def test_masking_confirming_and_rejecting_exclude_each_other(document: TruthDocument) -> None:
    document.apply(document.confirm([1, 2]))
    document.apply(document.reject(2))
    assert document.matches(2).tolist() == [] and document.mask[2] and document.rejected[2] and not document.confirmed[2]
    document.apply(document.paint([(3, 2)]))  # given a match, it is scored again
    assert not document.mask[2] and not document.rejected[2]
    document.apply(document.set_mask(range(4), True))
    assert document.mask.tolist() == [True] * 4 + [False] * 2
    change = document.set_mask([0, 5, 99, -1], False)
    assert change.text == "Unmask 1 query"
    document.apply(change)
    assert document.mask.tolist() == [False, True, True, True, False, False]


def test_a_square_matrix_can_be_turned(document: TruthDocument) -> None:
    with pytest.raises(BadInput, match="8 x 6 cannot be turned"):
        document.turn()
    square = TruthDocument(np.eye(5, k=1, dtype=np.uint8), np.zeros(5, bool))
    square.apply(square.add_anchor(1, 3))
    square.apply(square.confirm([2]))
    square.apply(square.turn())
    np.testing.assert_array_equal(square.matrix, np.eye(5, k=-1))
    assert square.anchors == ((3, 1),) and not square.confirmed.any()


def test_anchors_are_kept_in_order_one_a_query(document: TruthDocument) -> None:
    for reference, query in ((5, 4), (0, 0), (6, 4)):
        document.apply(document.add_anchor(reference, query))
    assert document.anchors == ((0, 0), (6, 4))
    document.apply(document.remove_anchors([0]))
    assert document.anchors == ((6, 4),)
    assert not document.remove_anchors([3])


def test_a_proposal_leaves_what_a_person_confirmed(document: TruthDocument) -> None:
    document.apply(document.confirm([1]))
    document.apply(document.set_mask([1, 5], True))
    proposal = truth_from_anchors(AnchorsTruthParameters(anchors=((7, 0), (3, 4))), 8, 6)
    change = document.replace(proposal)
    document.apply(change)
    assert ones(document) == {(7, 0), (1, 1), (5, 2), (4, 3), (3, 4)}
    assert document.mask.tolist() == [False, True, False, False, False, True] and document.confirmed[1]
    assert document.anchors == ((7, 0), (3, 4)) and document.made[-1]["made"] == "from-anchors"
    document.apply(change.undone())
    document.apply(document.replace(proposal, keep_confirmed=False))
    assert document.matches(1).tolist() == [6] and not document.confirmed.any() and len(document.made) == 1
    with pytest.raises(BadInput, match="proposal is 5 x 6, but the ground truth is 8 x 6"):
        document.replace(truth_from_anchors(AnchorsTruthParameters(anchors=((0, 0), (3, 4))), 5, 6))


def test_lines_have_one_cell_a_query(document: TruthDocument) -> None:
    assert line_cells((0, 0), (2, 4)) == [(0, 0), (1, 1), (1, 2), (2, 3), (2, 4)]
    assert line_cells((4, 3), (1, 0)) == [(4, 3), (3, 2), (2, 1), (1, 0)]
    assert line_cells((4, 3), (2, 3)) == [(4, 3), (3, 3), (2, 3)]
    assert line_cells((4, 3), (4, 3)) == [(4, 3)]
    assert band_cells((5, 0), (5, 0), 4) == [(4, 0), (5, 0), (6, 0), (7, 0)]
    assert one_each([(1, 0), (2, 1), (3, 0)]) == [(3, 0), (2, 1)]


def random_change(document: TruthDocument, rng: np.random.Generator) -> Change:
    rows, columns = document.shape
    row, column, other, last = (int(rng.integers(0, top)) for top in (rows, columns, rows, columns))
    return [
        lambda: document.paint(line_cells((row, column), (other, last)), bool(rng.random() < 0.5)),
        lambda: document.paint(band_cells((row, column), (other, last), 3)),
        lambda: document.erase(band_cells((row, column), (other, last), 2)),
        lambda: document.move_match(column, int(rng.integers(-3, 4))),
        lambda: document.shift(int(rng.integers(-4, 5))),
        lambda: document.set_mask(range(column, last), bool(rng.random() < 0.5)),
        lambda: document.confirm([column]),
        lambda: document.reject(column),
        lambda: document.add_anchor(row, column),
        lambda: document.remove_anchors([column]),
        lambda: document.set_tolerance(row),
    ][int(rng.integers(0, 11))]()


@settings(deadline=None, max_examples=60)
@given(rows=st.integers(1, 12), columns=st.integers(1, 12), seed=st.integers(0, 2**32))
def test_every_edit_can_be_taken_back_merged_and_written(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    document = TruthDocument((rng.random((rows, columns)) < 0.3).astype(np.uint8), rng.random(columns) < 0.2)
    states, changes, whole = [state_hash(document)], [], Change()
    start = document.copy()
    for _ in range(8):
        before = document.matrix.copy()
        change = random_change(document, rng)
        where = document.apply(change)
        changed = np.argwhere(before != document.matrix)
        if where is None:
            assert not len(changed)
        else:
            assert (changed.min(axis=0) == where[:2]).all() and (changed.max(axis=0) + 1 == where[2:]).all()
        assert bool(change) == (state_hash(document) != states[-1])
        states.append(state_hash(document))
        changes.append(Change.from_json(change.to_json(), document.shape))
        whole = whole.then(change)
        assert not (document.confirmed & document.rejected).any()
    for change, state in zip(reversed(changes), reversed(states[:-1]), strict=True):
        document.apply(change.undone())
        assert state_hash(document) == state
    start.apply(whole)
    assert state_hash(start) == states[-1]


def test_saving_writes_lens_file_and_everything_comes_back(document: TruthDocument, tmp_path: Path) -> None:
    path = tmp_path / "a_b_GT.npy"
    for change in (document.add_anchor(1, 1), document.confirm([0]), document.set_tolerance(3)):
        document.apply(change)
    document.apply(document.reject(4))
    document.save(path)
    np.testing.assert_array_equal(np.load(path), document.matrix)
    again = TruthDocument.open(path, 8, 6)
    assert state_hash(again) == state_hash(document)
    assert load_ground_truth(path, (8, 8), (6, 6)).mask.tolist() == document.mask.tolist()
    assert TruthDocument.open(tmp_path / "none.npy", 8, 6).matrix.sum() == 0
    with pytest.raises(BadInput, match="is 8 x 6, but there are 9"):
        TruthDocument.open(path, 9, 6)
    details = read_details(path)
    assert details is not None and details.rejected == (4,)


def test_a_ground_truth_that_cannot_be_written_is_one_sentence(document: TruthDocument, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        document.save(tmp_path / "file" / "a_b_GT.npy")


# -- the journal


def edited(path: Path, count: int = 3) -> tuple[TruthDocument, Journal]:
    document = TruthDocument.open(path, 8, 6)
    journal = Journal(path, document)
    for query in range(count):
        change = document.paint([(query + 2, query)])
        document.apply(change)
        journal.append(change)
    return document, journal


def test_unsaved_edits_come_back(tmp_path: Path) -> None:
    path = tmp_path / "a_b_GT.npy"
    document, journal = edited(path)
    undo = document.paint([(7, 0)])
    document.apply(undo)
    journal.append(undo)
    document.apply(undo.undone())
    journal.append(undo.undone())
    journal.close()
    fresh = TruthDocument.open(path, 8, 6)
    unsaved = unsaved_edits(path, fresh)
    assert unsaved is not None and unsaved.fits and not unsaved.damaged and len(unsaved.changes) == 5
    assert unsaved.text().startswith("5 edits of 20") and unsaved.text().endswith("were not saved when Revisit last ended.")
    fresh.apply(recover(unsaved, fresh))
    assert state_hash(fresh) == state_hash(document)
    # Editing goes on where it stopped, and a second crash loses nothing either.
    going_on = Journal(path, TruthDocument.open(path, 8, 6))
    going_on.resume(len(unsaved.changes))
    more = fresh.confirm([5])
    fresh.apply(more)
    going_on.append(more)
    going_on.close()
    later = unsaved_edits(path, TruthDocument.open(path, 8, 6))
    assert later is not None and len(later.changes) == 6
    assert state_hash(fresh) != state_hash(document)


def test_after_saving_there_is_no_journal(tmp_path: Path) -> None:
    path = tmp_path / "a_b_GT.npy"
    document, journal = edited(path)
    assert journal_file(path).exists() and journal.changes == 3
    document.save(path)
    journal.begin_again(document)
    assert not journal_file(path).exists()
    change = document.confirm([1])
    document.apply(change)
    journal.append(change)
    journal.close()
    unsaved = unsaved_edits(path, TruthDocument.open(path, 8, 6))
    assert unsaved is not None and unsaved.fits and len(unsaved.changes) == 1


def test_a_journal_cut_anywhere_gives_the_strokes_that_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "a_b_GT.npy"
    edited(path)[1].close()
    whole = journal_file(path).read_bytes()
    fresh = TruthDocument.open(path, 8, 6)
    for length in range(len(whole)):
        journal_file(path).write_bytes(whole[:length])
        unsaved = unsaved_edits(path, fresh)
        count = max(whole[:length].count(b"\n") - 1, 0)
        if unsaved is None:
            assert count == 0
        else:
            assert len(unsaved.changes) == count and unsaved.fits == (whole[:length].count(b"\n") > 0)


def test_a_journal_of_another_version_is_not_applied(tmp_path: Path) -> None:
    path = tmp_path / "a_b_GT.npy"
    edited(path)[1].close()
    TruthDocument(np.eye(8, 6, dtype=np.uint8), np.zeros(6, bool)).save(path)
    fresh = TruthDocument.open(path, 8, 6)
    unsaved = unsaved_edits(path, fresh)
    assert unsaved is not None and not unsaved.fits and "do not fit it any more" in unsaved.text()
    with pytest.raises(BadInput, match="another version"):
        recover(unsaved, fresh)
    kept = discard(unsaved, tmp_path / ".trash")
    assert kept.exists() and not journal_file(path).exists()
    assert unsaved_edits(path, fresh) is None


@pytest.mark.parametrize("damage", [b'{"cells":"AAAA"}\n', b'{"cells":5}\n', b'{"anchors":[[[99,0]],[]]}\n', b"[]\n", b"\xff\n"])
def test_a_damaged_line_ends_the_recovery(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "a_b_GT.npy"
    edited(path)[1].close()
    with journal_file(path).open("ab") as file:
        file.write(damage + b'{"confirmed":""}\n')
    unsaved = unsaved_edits(path, TruthDocument.open(path, 8, 6))
    assert unsaved is not None and unsaved.damaged and len(unsaved.changes) == 3


def test_a_journal_of_a_newer_version_or_no_file_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a_b_GT.npy"
    fresh = TruthDocument.open(path, 8, 6)
    journal_file(path).write_text('{"schema_number": 9}\n')
    with pytest.raises(BadInput, match="newer Revisit"):
        unsaved_edits(path, fresh)
    journal_file(path).unlink()
    journal_file(path).mkdir()
    with pytest.raises(BadInput, match="cannot be read"):
        unsaved_edits(path, fresh)
    with pytest.raises(BadInput, match="cannot be written"):
        Journal(path, fresh).append(fresh.confirm([0]))


_CHILD = """
import sys, time
from pathlib import Path
from engine.places.truth.document import TruthDocument
from engine.places.truth.journal import Journal
path = Path(sys.argv[1])
document = TruthDocument.open(path, 500, 400)
journal = Journal(path, document)
number = 0
while True:
    change = document.paint([(number % 500, number % 400)])
    document.apply(change)
    journal.append(change)
    number += 1
    print(number, flush=True)
"""


def test_kill_9_loses_no_finished_stroke(tmp_path: Path) -> None:
    path = tmp_path / "a_b_GT.npy"
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    )
    assert child.stdout is not None
    told = 0
    while told < 25:
        told = int(child.stdout.readline())
    os.kill(child.pid, signal.SIGKILL)
    told += len(child.stdout.read().splitlines())
    child.wait(30)
    child.stdout.close()
    fresh = TruthDocument.open(path, 500, 400)
    unsaved = unsaved_edits(path, fresh)
    assert unsaved is not None and unsaved.fits and len(unsaved.changes) >= told
    fresh.apply(recover(unsaved, fresh))
    for number in range(told):
        assert fresh.matrix[number % 500, number % 400] == 1
