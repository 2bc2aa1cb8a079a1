"""What a live run is made of: the network, the target, a ghost beside it, the sequence stage, and where the answers go."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.forms import ParameterForm
from app.widgets.editors import NumberBox
from app.widgets.play_bar import tool_button
from app.widgets.region_panel import heading
from engine.chip.speck import AttachedKit
from engine.live import TARGETS, LiveParameters, TargetKind
from engine.networks.library import NetworkEntry

_STAGES = (("none", "None"), ("diagonal", "Diagonal (LENS)"), ("filter", "Forward filter"))
_FORM = ("window_ms", "step_ms", "sequence_length", "lost_below", "seed")


class DeploySetup(QWidget):
    """Only asks; the view decides."""

    networkChosen = Signal(object)  # Path
    trainRequested = Signal()
    edited = Signal()
    boardsRequested = Signal()
    boardChosen = Signal(object)  # AttachedKit or None

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("deploySetup")
        self._entries: tuple[NetworkEntry, ...] = ()
        self._boards: tuple[AttachedKit, ...] = ()
        self.network = _combo("deployNetwork", "Network", "The network that says where the camera is")
        self.network.activated.connect(self._on_network)
        self.refresh = tool_button("deployNetworkRefresh", "refresh", "Look for networks again")
        self.about = _note("deployNetworkAbout")
        self.train = QPushButton("Train one now")
        self.train.setObjectName("deployTrain")
        self.train.setToolTip("Train a small LENS network on this workspace's reference traverse: less than a second")
        self.train.clicked.connect(self.trainRequested)
        self.target = _combo("deployTarget", "Target", "What runs the network")
        for kind, name in TARGETS.items():
            self.target.addItem("Speck dev kit" if kind == "speck" else name, kind)
        self.ghost = _combo("deployGhost", "Ghost", "A second target on the same events, to compare with")
        self.ghost.addItem("None", "none")
        for kind in get_args(TargetKind)[:2]:
            self.ghost.addItem(TARGETS[kind], kind)
        self.board_strip = self._board_strip()
        self.sequence = _combo("deploySequence", "Sequence", "What follows the network, from window to window")
        for value, text in _STAGES:
            self.sequence.addItem(text, value)
        for box in (self.target, self.ghost, self.sequence):
            box.activated.connect(self._on_edited)
        self.form: ParameterForm[LiveParameters] = ParameterForm(
            LiveParameters, skip=tuple(name for name in LiveParameters.model_fields if name not in _FORM), part=True
        )
        self.form.setObjectName("deployForm")
        window = self.form.editor("window_ms")
        if isinstance(window, NumberBox):
            window.lineEdit().setPlaceholderText("as trained")
        self.form.edited.connect(self.edited)
        self.session = QCheckBox("Write a session")
        self.session.setObjectName("deploySession")
        self.session.setToolTip("Places, spikes and similarity go to a folder of the workspace's output")
        self.events = QCheckBox("with the raw events")
        self.events.setObjectName("deployEvents")
        self.events.setToolTip("The session holds an AEDAT4 recording too")
        self.publish = QCheckBox("Publish over ZeroMQ")
        self.publish.setObjectName("deployPublish")
        self.publish.setToolTip("Each place as a line of JSON, for robots that subscribe")
        self.address = QLineEdit()
        self.address.setObjectName("deployAddress")
        self.address.setAccessibleName("Address to publish at")
        self.address.setToolTip("tcp://127.0.0.1:7780 serves this computer only, tcp://0.0.0.0:7780 the network")
        for switch in (self.session, self.events, self.publish):
            switch.clicked.connect(self._on_edited)
        self.address.editingFinished.connect(self.edited)
        self._assemble()
        self.show_networks((), None)
        self._show_depending()

    # -- what is chosen

    def values(self) -> dict[str, Any]:
        """Fields of LiveParameters as they are shown, unchecked."""
        return {
            **self.form.values(),
            "target": self.target.currentData(),
            "ghost": self.ghost.currentData(),
            "sequence": self.sequence.currentData(),
        }

    def show_parameters(self, parameters: LiveParameters) -> None:
        """Show what holds."""
        self.form.set_parameters(parameters)
        for box, value in (
            (self.target, parameters.target),
            (self.ghost, parameters.ghost),
            (self.sequence, parameters.sequence),
        ):
            box.setCurrentIndex(max(box.findData(value), 0))
        self._show_depending()

    def show_outputs(self, session: bool, events: bool, publish: bool, address: str) -> None:
        """Show where answers go."""
        self.session.setChecked(session)
        self.events.setChecked(events)
        self.publish.setChecked(publish)
        self.address.setText(address)
        self._show_depending()

    @property
    def path(self) -> Path | None:
        """The chosen network."""
        found: Path | None = self.network.currentData()
        return found

    # -- what there is

    def show_networks(self, entries: Sequence[NetworkEntry], chosen: Path | None) -> None:
        """List the workspace's networks."""
        self._entries = tuple(entries)
        self.network.clear()
        for entry in entries:
            self.network.addItem(entry.title, entry.path)
            self.network.setItemData(self.network.count() - 1, _told(entry), 3)  # tooltip
        at = next((index for index, entry in enumerate(entries) if entry.path == chosen), 0 if entries else -1)
        self.network.setCurrentIndex(at)
        self.network.setEnabled(bool(entries))
        self.train.setVisible(not entries)
        if entries:
            self.about.setText(_told(entries[at]))
        else:
            self.about.setText("This workspace has no network yet.")

    def tell_network(self, text: str, problem: bool = False) -> None:
        """A sentence on the chosen network."""
        self.about.setProperty("role", "error" if problem else "muted")
        self.about.style().unpolish(self.about)
        self.about.style().polish(self.about)
        self.about.setText(text)

    def show_boards(self, boards: Sequence[AttachedKit], note: str, button: str) -> None:
        """The boards that were found, a sentence, and what can be done."""
        self._boards = tuple(boards)
        self.board.clear()
        for kit in boards:
            self.board.addItem(f"{kit.name}  ({kit.id})", kit)
        self.board.setVisible(bool(boards))
        self.own_camera.setVisible(bool(boards))
        self.board_note.setText(note)
        self.board_note.setVisible(bool(note))
        self.board_look.setText(button)
        self.board_look.setVisible(bool(button))

    def lock(self, running: bool) -> None:
        """While a run is on, what it is made of stays."""
        for widget in (
            self.network, self.refresh, self.target, self.ghost, self.sequence, self.form, self.board_strip, self.session,
            self.publish, self.address, self.events,
        ):  # fmt: skip
            widget.setEnabled(not running)
        if not running:
            self._show_depending()

    # -- assembly

    def _board_strip(self) -> QWidget:
        strip = QFrame()
        strip.setObjectName("boardStrip")
        self.board = _combo("deployBoard", "Board", "The boards that are attached")
        self.board.activated.connect(lambda index: self.boardChosen.emit(self.board.currentData()))
        self.board_note = _note("deployBoardNote")
        self.board_look = QPushButton()
        self.board_look.setObjectName("deployBoardLook")
        self.board_look.setToolTip("Import the driver samna and look for boards")
        self.board_look.setProperty("compact", True)
        self.board_look.clicked.connect(self.boardsRequested)
        self.own_camera = QCheckBox("Look through its own camera")
        self.own_camera.setObjectName("deployOwnCamera")
        self.own_camera.setToolTip("Events come from the chip's camera; otherwise the source's events are sent to it")
        self.own_camera.setChecked(True)
        column = QVBoxLayout(strip)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.board_note)
        column.addWidget(self.board)
        column.addWidget(self.own_camera)
        column.addWidget(self.board_look)
        return strip

    def _assemble(self) -> None:
        network = QHBoxLayout()
        network.setSpacing(4)
        network.addWidget(self.network, 1)
        network.addWidget(self.refresh)
        rows = QFormLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setVerticalSpacing(8)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows.addRow("Target", self.target)
        rows.addRow("Ghost", self.ghost)
        rows.addRow("Sequence", self.sequence)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 14)
        layout.setSpacing(8)
        layout.addWidget(heading("Network"))
        layout.addLayout(network)
        layout.addWidget(self.about)
        layout.addWidget(self.train)
        layout.addSpacing(4)
        layout.addWidget(heading("Run"))
        layout.addLayout(rows)
        layout.addWidget(self.board_strip)
        layout.addWidget(self.form)
        layout.addSpacing(4)
        layout.addWidget(heading("Answers"))
        layout.addWidget(self.session)
        layout.addWidget(self.events)
        layout.addWidget(self.publish)
        layout.addWidget(self.address)
        layout.addStretch(1)

    # -- handlers

    def _on_network(self, index: int) -> None:
        if 0 <= index < len(self._entries):
            self.tell_network(_told(self._entries[index]))
            self.networkChosen.emit(self._entries[index].path)

    def _on_edited(self) -> None:
        self._show_depending()
        self.edited.emit()

    def _show_depending(self) -> None:
        self.board_strip.setVisible(self.target.currentData() == "speck")
        self.events.setEnabled(self.session.isChecked() and self.session.isEnabled())
        self.address.setEnabled(self.publish.isChecked() and self.publish.isEnabled())
        diagonal, filtered = self.sequence.currentData() == "diagonal", self.sequence.currentData() == "filter"
        self.form.editor("sequence_length").setEnabled(diagonal)
        self.form.editor("lost_below").setEnabled(not filtered)


def _told(entry: NetworkEntry) -> str:
    if entry.problem:
        return entry.problem
    places = f"{entry.places} places" if entry.places is not None else "an unknown number of places"
    reference = f" of {entry.reference}" if entry.reference else ""
    return f"{entry.kind}, {places}{reference}"


def _combo(name: str, label: str, tip: str) -> QComboBox:
    box = QComboBox()
    box.setObjectName(name)
    box.setAccessibleName(label)
    box.setToolTip(tip)
    box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    box.setMinimumHeight(box.fontMetrics().height() + 11)
    return box


def _note(name: str) -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    label.setProperty("role", "muted")
    label.setWordWrap(True)
    return label
