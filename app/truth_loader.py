"""Brings what the Ground truth panel shows: traverses to choose from, a pair with its ground truth, how alike its frames look."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.background import Background, Question
from app.jobs import Job, JobRunner, State
from engine.jobs import CancelToken, Emit
from engine.places.selection import PairSelection
from engine.places.truth.jobs import Pair, pair_similarity
from engine.places.truth.opening import Names, likely_pair, open_for_editing
from engine.places.workspace import Workspace

_CACHE_BYTES = 600 << 20
Key = tuple[PairSelection, str]


@dataclass(frozen=True)
class Listing:
    """What a workspace has to choose from: traverses, networks as (path, name, reference), and the pair that is likely meant."""

    traverses: tuple[tuple[str, str, str], ...]
    networks: tuple[tuple[str, str, str], ...]
    likely: Names | None


class TruthLoader(QObject):
    """Reads and computes off the UI thread; an answer that nobody waits for any more is dropped."""

    listed = Signal(object)  # Listing
    opened = Signal(object)  # Opened
    failed = Signal(str)
    similarityReady = Signal(object)  # (references, queries)
    similarityFailed = Signal(str)
    similarityStarted = Signal(object)  # Job

    def __init__(self, jobs: JobRunner, parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName("truthLoader")
        self._jobs = jobs
        self.background = Background(self)
        self._pair_asked = Question(self.background, "Open the ground truth")
        self._wanted: Key | None = None
        self._job: Job | None = None
        self._matrices: OrderedDict[Key, NDArray[Any]] = OrderedDict()

    def list(self, workspace: Workspace) -> None:
        """Look for traverses and networks; `listed` follows."""

        def work(cancel: CancelToken) -> Listing:
            from engine.networks.library import networks_of

            traverses = tuple(workspace.traverses())
            networks = tuple((str(entry.path), entry.title, entry.reference) for entry in networks_of(workspace))
            return Listing(traverses, networks, likely_pair(workspace, traverses))

        self.background.run("Look for traverses", work, self.listed.emit, self.failed.emit)

    def open(self, selection: PairSelection, anew: bool = False) -> None:
        """Open a pair; `opened` or `failed` follows."""
        self.forget_wishes()
        self._pair_asked.ask(lambda cancel: open_for_editing(selection, anew), self.opened.emit, self.failed.emit)

    def similarity(self, pair: Pair, method: str) -> NDArray[Any] | None:
        """How alike the frames look; None where a job computes it, then similarityReady or similarityFailed follows."""
        key = (pair.selection, method)
        found = self._matrices.get(key)
        if found is not None:
            self._wanted = None
            self._matrices.move_to_end(key)
            return found
        if key == self._wanted:
            return None
        if self._job is not None:
            self._job.cancel()
        self._wanted = key
        title = f"Compare {pair.reference.name} and {pair.query.name}"

        def work(emit: Emit, cancel: CancelToken) -> NDArray[Any]:
            return pair_similarity(pair, method, emit, cancel)

        job = self._jobs.start(title, work)
        self._job = job
        job.ended.connect(lambda state: self._on_similarity(key, job))
        self.similarityStarted.emit(job)
        return None

    @property
    def busy(self) -> bool:
        """Whether a similarity is being computed."""
        return self._wanted is not None

    def forget_wishes(self) -> None:
        """Nobody waits for what is being opened or computed any more."""
        self._pair_asked.give_up()
        if self._job is not None:
            self._job.cancel()
        self._wanted = None

    def forget_matrices(self) -> None:
        """The frames may have changed."""
        self._matrices.clear()

    def stop(self) -> None:
        """The window closes."""
        self.forget_wishes()
        self.background.stop()

    def _on_similarity(self, key: Key, job: Job) -> None:
        if self._job is job:
            self._job = None
        if key != self._wanted:
            return
        self._wanted = None
        if job.state is State.FINISHED:
            self._keep(key, job.result)
            self.similarityReady.emit(job.result)
        else:
            self.similarityFailed.emit(job.error if job.state is State.FAILED else "Comparing the frames was cancelled.")
        job.result = None  # the matrix lives here, not in the list of jobs

    def _keep(self, key: Key, matrix: NDArray[Any]) -> None:
        self._matrices[key] = matrix
        while len(self._matrices) > 1 and sum(part.nbytes for part in self._matrices.values()) > _CACHE_BYTES:
            self._matrices.popitem(last=False)
