"""The settings of a training: on which traverse, which network, how it is carried out."""

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.forms import ParameterForm
from app.pieces import Pieces
from app.theme import Theme
from app.widgets.network_picture import NetworkPicture
from app.widgets.play_bar import tool_button
from app.widgets.reference_list import ReferenceList, Triple, combo
from app.widgets.region_panel import heading
from app.widgets.splitting import scrolled
from engine.frames.inputs import InputParameters
from engine.networks.library import NetworkKind
from engine.parameters import Parameters
from engine.places.selection import TrainingSelection
from engine.training.kinds import KINDS
from engine.training.presets import Preset
from engine.training.run import RunParameters
from engine.training.validation import ValidationParameters

__all__ = ["NONE", "OWN", "WIDTH", "TrainingSetup", "Triple"]

WIDTH = 340
NONE = "None"
OWN = "own settings"
_OF_THE_LIST = ("data_dir", "dataset", "camera", "reference", "further", "route", "radius_m")


class TrainingSetup(QWidget):
    """Three tabs of settings over the drawing of what they build."""

    edited = Signal()
    referenceChosen = Signal(object)  # Triple
    furtherChosen = Signal()
    queryChosen = Signal(str)  # a traverse, or ""
    presetChosen = Signal(object)  # Preset
    savePresetRequested = Signal()
    removePresetRequested = Signal(object)  # Preset
    truthRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("trainingSetup")

    def fill(self, theme: Theme) -> Pieces[None]:
        """Make the forms one by one."""
        self.references = ReferenceList()
        self.reference = self.references.first
        self.references.firstChosen.connect(self.referenceChosen)
        self.references.edited.connect(self.furtherChosen)
        self.query = combo("validationQuery", "Query traverse on which the network is judged while it trains")
        self.query.activated.connect(self._on_query)
        self.selection_form = ParameterForm(TrainingSelection, skip=_OF_THE_LIST, part=True)
        self.selection_form.setObjectName("selectionForm")
        self.validation_form = ParameterForm(ValidationParameters, skip=("validation_query",), part=True)
        self.validation_form.setObjectName("validationForm")
        self.truth = QLabel()
        self.truth.setObjectName("validationTruth")
        self.truth.setWordWrap(True)
        self.make_truth = QPushButton("Make a ground truth")
        self.make_truth.setObjectName("makeTruth")
        self.make_truth.setProperty("compact", "true")
        self.make_truth.setToolTip("Open the Ground truth panel on these two traverses")
        self.make_truth.clicked.connect(self.truthRequested)
        self.kind = combo("networkKind", "Kind of network")
        for entry in KINDS.values():
            self.kind.addItem(entry.title, entry.name)
        self.kind.activated.connect(lambda index: self._on_kind())
        self.preset = combo("preset", "Settings that are kept under a name")
        self.preset.activated.connect(self._on_preset)
        self.save_preset = tool_button("presetSave", "new_folder", "Keep these settings under a name, in the workspace")
        self.save_preset.clicked.connect(self.savePresetRequested)
        self.remove_preset = tool_button("presetRemove", "close", "Forget this preset of your own")
        self.remove_preset.clicked.connect(lambda: self.removePresetRequested.emit(self.preset.currentData()))
        yield
        self.inputs_form = ParameterForm(InputParameters, skip=("query_encoding",), part=True)
        self.inputs_form.setObjectName("inputsForm")
        self.training_forms: dict[NetworkKind, ParameterForm[Any]] = {}
        self._stack = QStackedWidget()
        for entry in KINDS.values():
            form = ParameterForm(entry.parameters, groups=entry.groups, part=True)
            form.setObjectName(f"{entry.name}Form")
            form.edited.connect(self.edited)
            self.training_forms[entry.name] = form
            self._stack.addWidget(form)
            yield
        self.run_form = ParameterForm(
            RunParameters,
            groups={
                "Run": ("name", "seeds"),
                "Where it goes besides": ("place", "overwrite"),
                "Carrying it out": ("threads", "plots_share", "checkpoint"),
                "Other logs": ("tensorboard", "wandb"),
            },
            part=True,
        )
        self.run_form.setObjectName("runForm")
        for one in (self.selection_form, self.validation_form, self.inputs_form, self.run_form):
            one.edited.connect(self.edited)
        yield
        self.picture = NetworkPicture(theme)
        self._assemble()
        self.set_presets([])
        self.show_truth("", False)

    # -- values

    @property
    def chosen_kind(self) -> NetworkKind:
        """The chosen kind of network."""
        kind: NetworkKind = self.kind.currentData()
        return kind

    @property
    def training_form(self) -> ParameterForm[Any]:
        """The form of the chosen kind."""
        return self.training_forms[self.chosen_kind]

    @property
    def valid(self) -> bool:
        """Whether the engine accepts what all forms hold."""
        forms = (
            self.references.radius_form,
            self.selection_form,
            self.validation_form,
            self.inputs_form,
            self.run_form,
            self.training_form,
        )
        return all(form.valid for form in forms)

    def choose_kind(self, kind: NetworkKind) -> None:
        """Show a kind's form."""
        self.kind.setCurrentIndex(self.kind.findData(kind))
        self._stack.setCurrentWidget(self.training_form)
        # A stack is as high as its highest page: the others must not make room.
        for form in self.training_forms.values():
            form.setSizePolicy(
                QSizePolicy.Policy.Preferred,
                QSizePolicy.Policy.Preferred if form is self.training_form else QSizePolicy.Policy.Ignored,
            )

    def set_queries(self, names: Sequence[str], chosen: str) -> None:
        """What can be chosen as validation query."""
        self.query.clear()
        self.query.addItem(NONE, "")
        for name in names:
            self.query.addItem(name, name)
        self.query.setCurrentIndex(max(0, self.query.findData(chosen)))

    def show_truth(self, sentence: str, missing: bool) -> None:
        """What is known of the ground truth of the pair."""
        self.truth.setProperty("role", "warning" if missing else "muted")
        self.truth.style().unpolish(self.truth)
        self.truth.style().polish(self.truth)
        self.truth.setText(sentence)
        self.truth.setVisible(bool(sentence))
        self.make_truth.setVisible(missing)

    def set_presets(self, presets: Sequence[Preset], chosen: str = "") -> None:
        """What can be chosen as preset; none is chosen where the settings are no preset's."""
        self.preset.clear()
        for preset in presets:
            self.preset.addItem(preset.name, preset)
        self.preset.addItem(OWN, None)
        index = self.preset.findText(chosen) if chosen else -1
        self.show_preset(index if index >= 0 else self.preset.count() - 1)

    @property
    def presets(self) -> list[Preset]:
        """Those that can be chosen."""
        found = (self.preset.itemData(index) for index in range(self.preset.count()))
        return [preset for preset in found if isinstance(preset, Preset)]

    def show_preset(self, index: int) -> None:
        """Show which preset the settings are."""
        self.preset.setCurrentIndex(index)
        preset = self.preset.currentData()
        self.remove_preset.setEnabled(isinstance(preset, Preset) and preset.path is not None)

    def match_preset(self) -> None:
        """Find the preset that the forms' values are."""
        inputs, training = self.inputs_form.values(), self.training_form.values()
        for index in range(self.preset.count()):
            preset = self.preset.itemData(index)
            if isinstance(preset, Preset) and _same(preset.inputs, inputs) and _same(preset.training.model_dump(), training):
                self.show_preset(index)
                return
        self.show_preset(self.preset.count() - 1)

    def show_training(self, inputs: Mapping[str, Any], training: Parameters) -> None:
        """Show a network's settings."""
        self.inputs_form.set_values(dict(inputs))
        self.training_form.set_parameters(training)
        self.match_preset()

    def show_tab(self, title: str) -> None:
        """Bring a tab to the front."""
        for index in range(self.tabs.count()):
            if self.tabs.tabText(index) == title:
                self.tabs.setCurrentIndex(index)

    # -- assembly

    def _assemble(self) -> None:
        presets = QHBoxLayout()
        presets.setSpacing(4)
        presets.addWidget(self.preset, 1)
        presets.addWidget(self.save_preset)
        presets.addWidget(self.remove_preset)
        self.tabs = QTabWidget()
        self.tabs.setObjectName("trainingSetupTabs")
        self.tabs.setDocumentMode(True)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.tabBar().setExpanding(True)
        pages = (
            (
                "Data",
                (
                    heading("Reference traverse"),
                    self.references,
                    self.selection_form,
                    heading("Validation"),
                    self.query,
                    self.truth,
                    self.make_truth,
                    self.validation_form,
                ),
            ),
            (
                "Network",
                (
                    heading("Kind"),
                    self.kind,
                    heading("Preset"),
                    presets,
                    heading("Inputs"),
                    self.inputs_form,
                    self._stack,
                ),
            ),
            ("Run", (self.run_form,)),
        )
        for title, parts in pages:
            self.tabs.addTab(_page(parts, f"trainingTab{title}"), title)
        rule = QFrame()
        rule.setObjectName("rule")
        rule.setFixedHeight(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(rule)
        layout.addWidget(self.picture)
        self.setMinimumWidth(WIDTH)  # with the scroll bar, a narrower column would cut its boxes

    # -- handlers

    def _on_kind(self) -> None:
        self.choose_kind(self.chosen_kind)
        self.edited.emit()

    def _on_query(self, index: int) -> None:
        self.queryChosen.emit(self.query.itemData(index))

    def _on_preset(self, index: int) -> None:
        preset = self.preset.itemData(index)
        if isinstance(preset, Preset):
            self.presetChosen.emit(preset)
        self.match_preset()


def _same(wanted: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether values are as wanted; the seed is no matter of taste, and pairs may be lists."""
    pairs = ((value, values.get(name)) for name, value in wanted.items() if name not in ("seed", "roi_dim", "query_encoding"))
    return all(a == b or (isinstance(a, tuple | list) and list(a) == list(b or ())) for a, b in pairs)


def _page(parts: Sequence[Any], name: str) -> QScrollArea:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(16, 14, 16, 14)
    layout.setSpacing(8)
    for part in parts:
        if isinstance(part, QWidget):
            layout.addWidget(part, 0, Qt.AlignmentFlag.AlignLeft) if isinstance(part, QPushButton) else layout.addWidget(part)
        else:
            layout.addLayout(part)
    layout.addStretch(1)
    return scrolled(page, name)
