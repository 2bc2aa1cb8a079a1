"""Speck boards in the Deploy panel: the driver is imported only when a person has read what that does, and asked for it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from engine.chip.speck import DRIVER_SENTENCE, NO_DRIVER, AttachedKit, attached_kits, driver_state, load_driver
from engine.chip.target import TargetFailed
from engine.errors import BadInput
from engine.events.sources import EventSource
from engine.jobs import CancelToken
from engine.live import make_target
from engine.live.speck import SpeckBoard, SpeckCamera
from engine.live.targets import MakeLiveTarget

if TYPE_CHECKING:
    from app.views.deploy import DeployView

Found = tuple[object, Sequence[AttachedKit]]
_NONE = "No Speck board is attached. Plug one in and look again, or take the virtual Speck, which needs none."


class BoardControl(QObject):
    """Shows what is needed where a Speck is chosen, and makes the run's targets with the board."""

    def __init__(self, view: "DeployView") -> None:
        super().__init__(view)
        self.setObjectName("boardControl")
        self._view = view
        self._driver: object = None
        self._boards: Sequence[AttachedKit] = ()
        self._looking = False
        self._camera_make: MakeLiveTarget | None = None
        setup = view.parts.setup
        setup.boardsRequested.connect(self.look)
        self.show()

    def show(self) -> None:
        """What there is to say about boards now."""
        setup = self._view.parts.setup
        if self._view.parameters.target != "speck" or self._looking:
            return
        if self._driver is not None:
            note = "" if self._boards else _NONE
            setup.show_boards(self._boards, note, "Look again")
            return
        state = driver_state()
        if state == "missing":
            setup.show_boards((), NO_DRIVER, "")
        elif state == "installer":
            setup.show_boards((), DRIVER_SENTENCE, "Download it and look for boards")
        else:
            setup.show_boards((), "The Speck's driver is installed.", "Look for boards")

    def look(self) -> None:
        """Import the driver, which the person has asked for by pressing the button under its sentence, and look for boards."""
        self._looking = True
        self._view.parts.setup.show_boards((), "Looking for boards…", "")

        def work(cancel: CancelToken) -> Found:
            try:
                driver = load_driver(lambda sentence: True)
                return driver, attached_kits(driver)
            except TargetFailed as failure:
                raise BadInput(str(failure)) from None

        self._view.runner.in_background("Look for Speck boards", work, self._on_found, self._on_failed)

    @property
    def own_camera(self) -> bool:
        """Whether events are to come from the chosen board's own camera."""
        return self._kit is not None and self._view.parts.setup.own_camera.isChecked()

    def open_camera(self) -> EventSource | None:
        """The chosen board's camera as a source, not started; targets are made with it from now on. None where it cannot be."""
        kit, model = self._kit, self._view.runner.model
        if kit is None or model is None:
            return None
        try:
            source, make = SpeckBoard(self._driver, kit).with_camera(model, self._view.parameters)
        except BadInput as wrong:
            self._view.notify(str(wrong))
            return None
        self._camera_make = make
        return source

    def prepare(self) -> None:
        """Before a run: targets are made with the chosen board, if a Speck is to run it."""
        kit = self._kit
        if isinstance(self._view.runner.capture.source, SpeckCamera) and self._camera_make is not None:
            self._view.runner.make = self._camera_make
        elif kit is not None:
            self._view.runner.make = SpeckBoard(self._driver, kit).maker()
        else:
            self._view.runner.make = make_target

    @property
    def _kit(self) -> AttachedKit | None:
        """The chosen board, if a Speck is to run the network."""
        board = self._view.parts.setup.board.currentData()
        return board if self._view.parameters.target == "speck" and isinstance(board, AttachedKit) else None

    def _on_found(self, found: Found) -> None:
        self._looking = False
        self._driver, self._boards = found
        self.show()

    def _on_failed(self, sentence: str) -> None:
        self._looking = False
        self._view.parts.setup.show_boards((), sentence, "Try again")
