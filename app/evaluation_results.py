"""Which results the Evaluation panel shows, which method of them, and which query: opened off the UI thread."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from app.background import Background, Question
from app.frames_cache import FrameCache
from app.widgets.method_table import ShownMethod
from app.widgets.worst_queries import WorstQuery
from engine.errors import BadInput
from engine.jobs import CancelToken, ignore
from engine.places.positions import Positions, positions_of
from engine.places.traverse import Traverse
from engine.places.workspace import Workspace
from engine.recognition.matches import Matches, PairFacts, worst_queries, wrong_queries
from engine.recognition.results import StoredResult, glance, open_result, results_of
from engine.recognition.scoring import match

if TYPE_CHECKING:
    from app.views.evaluation import EvaluationView

_KEPT = 3  # matrices in memory


@dataclass(frozen=True)
class _Places:
    """Where the frames of a result come from."""

    traverses: dict[str, Traverse]  # "reference", "query"
    every: int
    positions: dict[str, Positions]
    problem: str = ""


class ResultsControl(QObject):
    """Opens results and fills table, matrix, curves, gallery, route and inspector from them."""

    def __init__(self, view: "EvaluationView") -> None:
        super().__init__(view)
        self.setObjectName("evaluationResults")
        self._view = view
        self._background = Background(self)
        self._opened: dict[Path, StoredResult] = {}
        self._wanted: list[Path] = []
        self._folders: list[Path] = []
        self._words: dict[Path, str] = {}
        self._matrices: dict[tuple[Path, str, str], NDArray[Any]] = {}
        self._folders_asked = Question(self._background, "look for results")
        self._matrix_asked = Question(self._background, "read a matrix")
        self._places: dict[Path, _Places] = {}
        self.method: ShownMethod | None = None
        self.query: int | None = None
        self.frames = FrameCache(self)
        self.frames.frameReady.connect(self._on_frame)
        self.frames.frameFailed.connect(self._on_frame)

    def connect_parts(self) -> None:
        """Listen to the panel's parts; called once they are there."""
        parts = self._view.parts
        parts.results.shownChanged.connect(lambda: self.show(parts.results.shown))
        parts.results.openRequested.connect(lambda folder: self.show([folder]))
        parts.table.methodChosen.connect(self._on_method)
        parts.matrix.stageChanged.connect(self._show_matrix)
        parts.matrix.marksChanged.connect(self._show_marks)
        parts.matrix.view.cursorMoved.connect(lambda reference, query: self.show_query(query, reference))
        parts.worst.queryChosen.connect(self.show_query)
        parts.route.queryClicked.connect(self.show_query)
        parts.map.frameClicked.connect(self._on_map)
        parts.inspector.queryRequested.connect(self.show_query)
        parts.inspector.wrongRequested.connect(self.step_wrong)

    def stop(self) -> None:
        """The window closes."""
        self._background.stop()
        self.frames.close()
        self._view.parts.matrix.view.stop()

    # -- which results

    def list_folders(self) -> None:
        """Look for the results of the workspace."""
        workspace = self._view.tools.session.workspace
        self._folders_asked.give_up()  # they may be another workspace's
        if workspace is None:
            return
        known = dict(self._words)

        def look(cancel: CancelToken) -> tuple[list[Path], dict[Path, str]]:
            folders = results_of(workspace.root / "output")
            words = {}
            for folder in folders:
                cancel.check()
                words[folder] = known.get(folder) or glance(folder)
            return folders, words

        self._folders_asked.ask(look, self._on_folders, self._view.notify)

    def show(self, folders: Sequence[Path]) -> None:
        """Show these results, over each other where there are several."""
        self._wanted = list(dict.fromkeys(folders))
        self._view.parts.results.set_shown(self._wanted)
        missing = [folder for folder in self._wanted if folder not in self._opened]
        for folder in missing:
            self._background.run(
                f"open {folder.name}",
                lambda cancel, folder=folder: open_result(folder),  # type: ignore[misc]
                self._on_opened,
                lambda sentence, folder=folder: self._on_failed(folder, sentence),  # type: ignore[misc]
            )
        if not missing:
            self._fill()

    def forget(self) -> None:
        """Another workspace."""
        self._opened.clear()
        self._matrices.clear()
        self._places.clear()
        self._words.clear()
        self._folders = []
        self._view.parts.results.set_folders([], {})
        self.show([])

    @property
    def shown(self) -> list[StoredResult]:
        """The results that are shown."""
        return [self._opened[folder] for folder in self._wanted if folder in self._opened]

    def _on_folders(self, found: tuple[list[Path], dict[Path, str]]) -> None:
        self._folders, self._words = found
        self._view.parts.results.set_folders(self._folders, self._words)

    def _on_opened(self, result: StoredResult) -> None:
        self._opened[result.folder] = result
        if all(folder in self._opened for folder in self._wanted):
            self._fill()

    def _on_failed(self, folder: Path, sentence: str) -> None:
        self._view.notify(sentence)
        self.show([other for other in self._wanted if other != folder])

    def _fill(self) -> None:
        parts, results = self._view.parts, self.shown
        self._opened = {result.folder: result for result in results}  # the others would keep their ground truths in memory
        before = self.method
        methods = [(result, method) for result in results for method in result.methods]
        rows = [ShownMethod(result, method, number, len(results) > 1) for number, (result, method) in enumerate(methods)]
        keep = 0
        if before is not None:
            wanted = (before.result.folder, before.method.name)
            keep = next((row.number for row in rows if (row.result.folder, row.method.name) == wanted), 0)
        parts.table.set_methods(rows, keep)
        parts.bars.show_methods(rows)
        parts.curves.show_methods(rows)
        self._view.on_results()

    # -- which method

    def _on_method(self, shown: ShownMethod | None) -> None:
        parts = self._view.parts
        before, self.method = self.method, shown
        if shown is None:
            self.query = None
            parts.matrix.view.set_matrix(None)
            parts.worst.show_queries([])
            parts.inspector.clear()
            return
        if before is None or before.result.folder != shown.result.folder:
            self._find_places(shown.result)
        queries = shown.result.shape[1]
        parts.inspector.show_range(queries)
        self._show_matrix()
        self._show_worst()
        self._show_route()
        if self.query is None or self.query >= queries:
            wrong = self._wrong()
            self.query = int(wrong[0]) if len(wrong) else 0
        self.show_query(self.query)

    @property
    def matches(self) -> Matches | None:
        """The best matches of the chosen method."""
        return None if self.method is None else self.method.method.matches

    def _wrong(self) -> NDArray[np.int64]:
        return np.zeros(0, np.int64) if self.matches is None else wrong_queries(self.matches)

    def _show_matrix(self) -> None:
        shown, pane = self.method, self._view.parts.matrix
        self._matrix_asked.give_up()
        if shown is None:
            return
        stage = str(pane.stage.currentData())
        scores = shown.method.scores
        matched = stage == "matched" and scores is not None and scores.parameters.matching != "single frames"
        key = (shown.result.folder, shown.method.name, "matched" if matched else "similarity")
        if key in self._matrices:
            self._draw(key)
            return
        pane.note.say("Reading the matrix…")
        facts = self._facts()

        def load(cancel: CancelToken) -> NDArray[Any]:
            similarity = shown.method.similarity()
            if not matched or scores is None:
                return similarity
            return match(similarity, scores.parameters, facts, ignore, cancel).matrix

        def done(matrix: NDArray[Any]) -> None:
            while len(self._matrices) >= _KEPT:
                self._matrices.pop(next(iter(self._matrices)))
            self._matrices[key] = matrix
            self._draw(key)

        self._matrix_asked.ask(load, done, self._on_no_matrix)

    def _facts(self) -> PairFacts | None:
        """The positions of the reference, from which the forward filter learns how the robot moves."""
        places = self._here()
        if places is None or self.method is None:
            return None
        positions = places.positions.get(str(self.method.result.pair.get("reference")))
        if positions is None or not positions.known.any():
            return None
        return PairFacts(reference_xy=positions.xy[:: places.every][: self.method.result.shape[0]])

    def _on_no_matrix(self, sentence: str) -> None:
        self._view.parts.matrix.view.set_matrix(None)
        self._view.parts.matrix.note.say(sentence)

    def _draw(self, key: tuple[Path, str, str]) -> None:
        shown, pane = self.method, self._view.parts.matrix
        if shown is None or (shown.result.folder, shown.method.name) != key[:2]:
            return
        pane.view.set_matrix(self._matrices[key], keep_view=True)
        stage = "after sequence matching" if key[2] == "matched" else "before sequence matching"
        scores = shown.method.scores
        alike = scores is not None and scores.parameters.matching == "single frames"
        truth = "pink: true, white: right, red: wrong" if shown.result.truth is not None else "white: best matches"
        pane.note.say(f"{shown.label}, {'single frames' if alike else stage}. Light is alike; {truth}.")
        self._show_marks()
        if self.query is not None:
            self._show_cursor(self.query)

    def _show_marks(self) -> None:
        shown, pane = self.method, self._view.parts.matrix
        if shown is None or pane.view.matrix is None or pane.view.matrix.shape != shown.result.shape:
            return
        scores, matches = shown.method.scores, shown.method.matches
        tolerance = scores.parameters.GT_tolerance if scores is not None and scores.parameters.tolerance_m is None else 0
        drawn = pane.truth.isChecked() and shown.result.truth is not None
        pane.view.set_truth(shown.result.truth if drawn else None, shown.result.mask, tolerance)
        if pane.matches.isChecked() and matches is not None:
            right = matches.correct >= 0.5 if shown.result.truth is not None else None
            pane.view.set_matches(matches.place, right)
        else:
            pane.view.set_matches(None)

    def _show_worst(self) -> None:
        parts, matches = self._view.parts, self.matches
        if self.method is None or matches is None or self.method.method.scores is None:
            parts.worst.show_queries([])
            parts.worst_note.setText("Without a ground truth nothing can be called wrong.")
            return
        worst = worst_queries(matches)
        rows = []
        for query in worst.tolist():
            words = f"{matches.error_frames[query]:g} frames off"
            if np.isfinite(matches.error_m[query]):
                words += f", {matches.error_m[query]:.1f} m"
            rows.append(WorstQuery(query, int(matches.place[query]), int(matches.true_place[query]), words))
        parts.worst.show_queries(rows)
        many = len(self._wrong())
        name = self.method.label
        parts.worst_note.setText(
            f"{many} of {self.method.method.scores.queries} queries are matched wrongly by {name}, the furthest off first."
            if many
            else f"{name} matches every query rightly."
        )

    def _show_route(self) -> None:
        parts, shown, matches = self._view.parts, self.method, self.matches
        queries = shown.result.shape[1] if shown is not None else 0
        if shown is None or matches is None or shown.method.scores is None:
            nothing = np.full(queries, np.nan)
            parts.route.show_errors(nothing, nothing > 0, "frames", queries, empty="Without a ground truth no error is known")
            return
        metres = shown.method.scores.error_m is not None
        errors = np.where(matches.scored, matches.error_m if metres else matches.error_frames, np.nan)
        unit = "metres" if metres else "frames"
        parts.route.show_errors(errors, matches.correct >= 0.5, unit, queries, matches.lost)

    # -- which query

    def step_wrong(self, way: int) -> None:
        """To the next wrong match, or with -1 to the one before; from the last to the first."""
        wrong = self._wrong()
        if not len(wrong):
            self._view.notify("There is no wrong match to go to.")
            return
        here = -1 if self.query is None else self.query
        ahead = wrong[wrong > here] if way > 0 else wrong[wrong < here][::-1]
        self.show_query(int(ahead[0]) if len(ahead) else int(wrong[0] if way > 0 else wrong[-1]))

    def show_query(self, query: int, reference: int | None = None) -> None:
        """Show a query everywhere, with its best match, or with the place that was pointed at in the matrix."""
        shown = self.method
        if shown is None or not 0 <= query < shown.result.shape[1]:
            return
        self.query = query
        parts = self._view.parts
        words, role = self._words_on(query)
        parts.inspector.show_query(query, words, role)
        place = self._place_of(query) if reference is None else reference
        self._show_frames(query, place)
        if reference is None:
            self._show_cursor(query)
        parts.route.mark(query)
        self._mark_map(query, place)

    def _place_of(self, query: int) -> int:
        return -1 if self.matches is None else int(self.matches.place[query])

    def _true_of(self, query: int) -> int:
        return -1 if self.matches is None else int(self.matches.true_place[query])

    def _show_cursor(self, query: int) -> None:
        pane = self._view.parts.matrix
        if pane.view.matrix is not None:
            pane.view.set_cursor(max(0, self._place_of(query)), query)

    def _words_on(self, query: int) -> tuple[str, str]:
        matches = self.matches
        if self.method is None or matches is None:
            return " ", ""
        words, role = self._judged(matches, query)
        sure = matches.value[query]
        if matches.lost is not None and np.isfinite(sure):
            words += f". {'Lost, confidence' if matches.lost[query] else 'Confidence'} {sure:.2f}"
        return words, role

    def _judged(self, matches: Matches, query: int) -> tuple[str, str]:
        place, true = int(matches.place[query]), int(matches.true_place[query])
        if self.method is None or self.method.method.scores is None:
            return f"Place {place}" if place >= 0 else "No place", ""
        if not matches.scored[query]:
            return "Not scored: masked, or at an edge that this scoring leaves out", ""
        if true < 0:
            return f"Place {place}, but the query is nowhere on the reference", "warning"
        if matches.correct[query] >= 0.5:
            return f"Right: place {place}", ""
        metres = f" ({matches.error_m[query]:.1f} m)" if np.isfinite(matches.error_m[query]) else ""
        return f"Wrong: place {place} is {matches.error_frames[query]:g} frames from {true}{metres}", "error"

    # -- frames and map

    def _find_places(self, result: StoredResult) -> None:
        """Open the traverses of a result, for its frames and positions."""
        workspace = self._view.tools.session.workspace
        self._view.parts.map.set_routes({})
        if result.folder in self._places or workspace is None:
            self._use_places(result.folder)
            return

        def find(cancel: CancelToken) -> tuple[Path, _Places]:
            return result.folder, _places_of(workspace, result)

        def failed(sentence: str) -> None:
            self._view.notify(sentence)
            self._places[result.folder] = _Places({}, 1, {}, "The traverses of this result are not in this workspace.")
            self._use_places(result.folder)

        self._background.run("open the traverses of a result", find, self._on_places, failed)

    def _on_places(self, found: tuple[Path, _Places]) -> None:
        self._places[found[0]] = found[1]
        self._use_places(found[0])

    def _use_places(self, folder: Path) -> None:
        places = self._places.get(folder)
        if self.method is None or self.method.result.folder != folder or places is None:
            return
        known = {name: positions for name, positions in places.positions.items() if positions.known.any()}
        self._view.parts.map.set_routes(known)
        self._view.parts.worst.viewport().update()
        if self.query is not None:
            self.show_query(self.query)

    def _here(self) -> _Places | None:
        return None if self.method is None else self._places.get(self.method.result.folder)

    def frame_of(self, role: str, number: int) -> NDArray[np.uint8] | None:
        """A frame by its role (query, best match, true place) and number; None while it is not there."""
        places = self._here()
        traverse = None if places is None else places.traverses.get("query" if role == "query" else "reference")
        if places is None or traverse is None or not 0 <= number * places.every < len(traverse):
            return None
        return self.frames.frame(traverse, number * places.every)

    def _show_frames(self, query: int, place: int) -> None:
        parts, places = self._view.parts, self._here()
        true = self._true_of(query)
        problem = "" if places is None else places.problem
        best = place == self._place_of(query)
        scores = None if self.method is None else self.method.method.scores
        for view, role, number, words in (
            (parts.inspector.query, "query", query, "query"),
            (parts.inspector.match, "best match", place, "best match" if best else "pointed at"),
            (parts.inspector.true, "true place", true, "true place"),
        ):
            missing = "Not on the reference" if role == "true place" and scores is not None else " "
            if problem:
                missing = problem if role == "query" else " "
            frame = self.frame_of(role, number) if number >= 0 else None
            view.show_frame(frame, f"{words} {number}" if number >= 0 else "", empty=missing if number < 0 or problem else " ")

    def _on_frame(self, *ignored: object) -> None:
        self._view.parts.worst.viewport().update()
        if self.query is not None:
            cell = self._view.parts.matrix.view.cursor_cell
            place = self._place_of(self.query)
            if cell is not None and cell[1] == self.query:
                place = cell[0]
            self._show_frames(self.query, place)

    def _mark_map(self, query: int, place: int) -> None:
        places, map_ = self._here(), self._view.parts.map
        if places is None or self.method is None:
            return
        pair = self.method.result.pair
        map_.clear_marks()
        if not map_.routes:
            return
        for name, number, role in (
            (pair.get("query"), query, "query"),
            (pair.get("reference"), place, "match"),
            (pair.get("reference"), self._true_of(query), "true"),
        ):
            if isinstance(name, str) and number >= 0:
                map_.mark(name, number * places.every, role)  # type: ignore[arg-type]

    def _on_map(self, name: str, frame: int) -> None:
        places = self._here()
        if places is None or self.method is None:
            return
        if name == self.method.result.pair.get("query"):
            self.show_query(frame // places.every)
        elif self.query is not None:
            self.show_query(self.query, frame // places.every)


def _places_of(workspace: Workspace, result: StoredResult) -> _Places:
    pair = result.pair
    names = [pair.get(name) for name in ("dataset", "camera", "reference", "query")]
    if not all(isinstance(name, str) for name in names):
        return _Places({}, 1, {}, "A live session keeps events, not frames.")
    dataset, camera, reference, query = map(str, names)
    every = pair.get("filter", 1)
    traverses = {
        "reference": workspace.traverse(dataset, camera, reference),
        "query": workspace.traverse(dataset, camera, query),
    }
    every = every if isinstance(every, int) and every > 0 else 1
    return _Places(traverses, every, _positions(workspace, dataset, camera, (reference, query)))


def _positions(workspace: Workspace, dataset: str, camera: str, names: Sequence[str]) -> dict[str, Positions]:
    try:
        return positions_of(workspace, dataset, camera, list(dict.fromkeys(names)))
    except BadInput:  # the evaluation has said it; frames are shown all the same
        return {}
