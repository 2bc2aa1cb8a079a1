"""Choosing where events come from: a recording, a camera, a stream over the network, the synthetic camera."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QPushButton, QSizePolicy, QStackedWidget, QWidget

from app.widgets.play_bar import tool_button

Kind = Literal["recording", "camera", "stream", "synthetic"]
KINDS: tuple[tuple[Kind, str, str], ...] = (
    ("recording", "Recording", "recording"),
    ("camera", "Camera", "capture"),
    ("stream", "Network stream", "deploy"),
    ("synthetic", "Synthetic camera", "demo"),
)
PROTOCOLS = (("revisit", "Revisit"), ("dv", "DV"))


@dataclass(frozen=True)
class Chosen:
    """What the person chose; the fields of the other kinds are empty."""

    kind: Kind
    path: Path | None = None
    size: tuple[int, int] | None = None  # of the sensor, for a recording that does not say it
    serial: str = ""
    address: str = ""
    protocol: str = "revisit"


class SourceBar(QWidget):
    """Only asks; `show_state` mirrors the source."""

    openRequested = Signal(object)  # Chosen
    closeRequested = Signal()
    browseRequested = Signal()
    refreshRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("sourceBar")
        self.kind = QComboBox()
        self.kind.setObjectName("sourceKind")
        self.kind.setAccessibleName("Source")
        self.kind.setToolTip("Where the events come from")
        for value, text, _ in KINDS:
            self.kind.addItem(text, value)
        self.kind.currentIndexChanged.connect(self._on_kind)
        self.pages = QStackedWidget()
        self.pages.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for page in (self._recording_page(), self._camera_page(), self._stream_page(), self._synthetic_page()):
            self.pages.addWidget(page)
        self.open = QPushButton("Start")
        self.open.setObjectName("sourceOpen")
        self.open.setProperty("role", "primary")
        self.open.setToolTip("Open the source and show its events")
        self.open.clicked.connect(lambda: self.openRequested.emit(self.chosen))
        self.close_button = QPushButton("Stop")
        self.close_button.setObjectName("sourceClose")
        self.close_button.setToolTip("Close the source")
        self.close_button.clicked.connect(self.closeRequested)
        for box in (self.kind, self.path, self.sensor, self.camera, self.address, self.protocol):
            box.setMinimumHeight(box.fontMetrics().height() + 11)
        for button in (self.open, self.close_button):
            button.setMinimumWidth(button.fontMetrics().horizontalAdvance("Starting…") + 34)
        line = QHBoxLayout(self)
        line.setContentsMargins(24, 10, 16, 10)
        line.setSpacing(8)
        line.addWidget(self.kind)
        line.addWidget(self.pages, 1)
        line.addWidget(self.open)
        line.addWidget(self.close_button)
        self.show_cameras([])
        self.show_running(False)

    @property
    def chosen(self) -> Chosen:
        """What is chosen now."""
        kind: Kind = self.kind.currentData()
        if kind == "recording":
            text = self.path.text().strip()
            return Chosen(kind, path=Path(text).expanduser() if text else None, size=_size(self.sensor.text()))
        if kind == "camera":
            return Chosen(kind, serial=self.camera.currentData() or "")
        if kind == "stream":
            return Chosen(kind, address=self.address.text().strip(), protocol=self.protocol.currentData())
        return Chosen(kind)

    def choose(self, chosen: Chosen) -> None:
        """Show a choice."""
        self.kind.setCurrentIndex(max(self.kind.findData(chosen.kind), 0))
        if chosen.path is not None:
            self.path.setText(str(chosen.path))
        if chosen.address:
            self.address.setText(chosen.address)
            self.protocol.setCurrentIndex(max(self.protocol.findData(chosen.protocol), 0))
        if chosen.serial:
            self.camera.setCurrentIndex(max(self.camera.findData(chosen.serial), 0))
        self._check()

    def show_cameras(self, cameras: list[tuple[str, str]], looking: bool = False, problem: str = "") -> None:
        """Show the cameras that are attached, as (model, serial); none is a normal answer."""
        before = self.camera.currentData()
        self.camera.clear()
        for model, serial in cameras:
            self.camera.addItem(f"{model}  {serial}".strip(), serial)
        self.camera.setCurrentIndex(max(self.camera.findData(before), 0) if cameras else -1)
        self.camera.setVisible(bool(cameras))
        if looking:
            text = "Looking for cameras…"
        else:
            text = problem or ("" if cameras else "No camera is attached. Plug one in and look again.")
        self.camera_note.setText(text)
        self.camera_note.setToolTip(text)
        self.camera_note.setVisible(bool(text))
        self.refresh.setEnabled(not looking)
        self._check()

    def show_running(self, running: bool) -> None:
        """While a source runs, it is stopped before another is chosen."""
        self.open.setVisible(not running)
        self.close_button.setVisible(running)
        self.kind.setEnabled(not running)
        self.pages.setEnabled(not running)

    # -- pages

    def _recording_page(self) -> QWidget:
        self.path = QLineEdit()
        self.path.setObjectName("recordingPath")
        self.path.setAccessibleName("Recording")
        self.path.setPlaceholderText("A recording: AEDAT, EVT2, EVT3, DAT, HDF5, rosbag, npz, text, …")
        self.path.textChanged.connect(self._check)
        self.path.returnPressed.connect(self._on_return)
        self.browse = tool_button("recordingBrowse", "folder", "Choose a recording")
        self.browse.clicked.connect(self.browseRequested)
        self.sensor = QLineEdit()
        self.sensor.setObjectName("recordingSensor")
        self.sensor.setAccessibleName("Sensor")
        self.sensor.setPlaceholderText("sensor")
        self.sensor.setToolTip("Width × height of the sensor, such as 346 × 260: only for a recording that does not say it")
        self.sensor.setFixedWidth(self.sensor.fontMetrics().horizontalAdvance("1280 × 720") + 18)
        self.sensor.returnPressed.connect(self._on_return)
        return _page(self.path, self.browse, self.sensor)

    def _camera_page(self) -> QWidget:
        self.camera = QComboBox()
        self.camera.setObjectName("camera")
        self.camera.setAccessibleName("Camera")
        self.camera.setToolTip("The cameras that are attached, by model and serial number")
        self.camera.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.camera_note = QLabel()
        self.camera_note.setObjectName("cameraNote")
        self.camera_note.setProperty("role", "muted")
        self.camera_note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.refresh = tool_button("cameraRefresh", "refresh", "Look for cameras again")
        self.refresh.clicked.connect(self.refreshRequested)
        page = _page(self.camera, self.camera_note, self.refresh)
        page.layout().setStretch(1, 1)  # type: ignore[union-attr]
        return page

    def _stream_page(self) -> QWidget:
        self.address = QLineEdit("127.0.0.1:7777")
        self.address.setObjectName("streamAddress")
        self.address.setAccessibleName("Address of the stream")
        self.address.setToolTip("Host and port of the sender")
        self.address.setPlaceholderText("host:port")
        self.address.textChanged.connect(self._check)
        self.address.returnPressed.connect(self._on_return)
        self.protocol = QComboBox()
        self.protocol.setObjectName("streamProtocol")
        self.protocol.setAccessibleName("Protocol")
        self.protocol.setToolTip("What the sender speaks: Revisit's own stream, or that of DV and dv-processing")
        for value, text in PROTOCOLS:
            self.protocol.addItem(text, value)
        return _page(self.address, self.protocol)

    def _synthetic_page(self) -> QWidget:
        label = QLabel("A drive along a synthetic street, filmed by a simulated camera.")
        label.setProperty("role", "muted")
        label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        return _page(label)

    # -- handlers

    def _on_kind(self, index: int) -> None:
        self.pages.setCurrentIndex(index)
        self._check()
        if KINDS[index][0] == "camera":
            self.refreshRequested.emit()

    def _on_return(self) -> None:
        if self.open.isEnabled() and self.open.isVisible():
            self.open.click()

    def _check(self) -> None:
        if not hasattr(self, "open"):
            return
        chosen = self.chosen
        self.open.setEnabled(
            {
                "recording": chosen.path is not None,
                "camera": self.camera.count() > 0,
                "stream": bool(chosen.address),
                "synthetic": True,
            }[chosen.kind]
        )


def _size(text: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"\s*(\d{1,5})\s*[x×*, ]\s*(\d{1,5})\s*", text)
    return (int(found[1]), int(found[2])) if found else None


def _page(*widgets: QWidget) -> QWidget:
    page = QWidget()
    line = QHBoxLayout(page)
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(6)
    line.addWidget(widgets[0], 1)
    for widget in widgets[1:]:
        line.addWidget(widget)
    line.setAlignment(Qt.AlignmentFlag.AlignVCenter)
    return page
