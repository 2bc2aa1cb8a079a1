"""What the Capture panel does about the part of the sensor that is used: region of interest, grid, hot pixels."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from app.widgets.region import Region
from engine.errors import BadInput

if TYPE_CHECKING:
    from app.views.capture import CaptureView


class RegionControl(QObject):
    """Keeps the picture and the Region tab showing the same, and tells the engine."""

    def __init__(self, view: "CaptureView") -> None:
        super().__init__(view)
        self.setObjectName("regionControl")
        self._view = view
        self._hot: tuple[tuple[int, int], ...] = ()

    def begin(self) -> None:
        """Connect to the view's parts, which are there now."""
        parts = self._view.parts
        parts.live.picture.regionDragged.connect(parts.region.show_region)
        parts.live.picture.regionChosen.connect(self.choose)
        parts.live.picture.pixelClicked.connect(self._on_pixel)
        parts.region.regionChanged.connect(self.choose)
        parts.region.squareChanged.connect(self._on_square)
        parts.region.gridChanged.connect(self._on_grid)
        hot = parts.region.hot
        hot.findRequested.connect(self.find_hot)
        hot.clearRequested.connect(lambda: self._set_hot(()))
        hot.loadRequested.connect(self._on_load_hot)
        hot.saveRequested.connect(self._on_save_hot)
        self._view.tools.theme.changed.connect(self.draw_grid)

    def choose(self, region: Region | None) -> None:
        """Use this region from now on; None is the whole sensor."""
        if self._view.sensor is not None and region == (0, 0, *self._view.sensor):
            region = None
        self._view.parts.region.show_region(region)
        self._view.parts.live.picture.show_region(region)
        self.draw_grid()
        self._view.set_parameters(self._view.parameters.model_copy(update={"region": region}))

    def _on_square(self, on: bool) -> None:
        self._view.parts.live.picture.square = on
        self._view.save()

    def _on_grid(self) -> None:
        self.draw_grid()
        self._view.take_edits()
        self._view.save()

    def draw_grid(self) -> None:
        """Draw the grid over the region, and the pixels that the engine says the network selects."""
        picture, inputs = self._view.parts.live.picture, self._view.parts.region.inputs
        region = self._view.parameters.region if self._view.parts.region.region is None else self._view.parts.region.region
        if inputs is None or self._view.sensor is None or not self._view.parts.region.show_grid.isChecked():
            picture.show_grid(None, (1, 1), (), True)
            return
        region = region or (0, 0, *self._view.sensor)
        picture.multiples = inputs.dims[1], inputs.dims[0]
        pixels = [(region[0] + int(index) % region[2], region[1] + int(index) // region[2]) for index in inputs.selected_pixels()]
        picture.show_grid(region, inputs.dims, pixels, inputs.cell == "mean")

    # -- hot pixels

    @property
    def hot_pixels(self) -> tuple[tuple[int, int], ...]:
        """The pixels that are marked."""
        return self._hot

    def forget_hot(self) -> None:
        """Another source comes: its pixels are its own."""
        self._hot = ()
        self.show_hot()

    def _on_pixel(self, x: int, y: int) -> None:
        self._set_hot(tuple(pixel for pixel in self._hot if pixel != (x, y)) if (x, y) in self._hot else (*self._hot, (x, y)))

    def _set_hot(self, pixels: tuple[tuple[int, int], ...]) -> None:
        if self._view.runner.pipeline is not None:
            try:
                self._view.runner.pipeline.hot_pixels = pixels
            except BadInput as error:
                self._view.notify(str(error))
                return
        self._hot = tuple(sorted(pixels))
        self.show_hot()

    def show_hot(self) -> None:
        """Mark the hot pixels, and say how many there are."""
        self._view.parts.region.hot.show_pixels(self._hot, self._view.sensor is not None)
        self._view.parts.live.picture.show_hot(self._hot)

    def find_hot(self) -> None:
        """Look for hot pixels in what was seen last, and mark them too."""
        self._view.runner.find_hot_pixels(lambda found: self._set_hot(tuple({*self._hot, *found})), self._view.notify)

    def _on_load_hot(self) -> None:
        path = QFileDialog.getOpenFileName(
            self._view, "Load hot pixels", str(self._view.root() or Path.home()), "Text files (*.txt *.csv);;All files (*)"
        )[0]
        pipeline = self._view.runner.pipeline
        if path and pipeline is not None:
            try:
                pipeline.load_hot_pixels(Path(path))
            except BadInput as error:
                self._view.notify(str(error))
            else:
                self._hot = tuple(sorted(pipeline.hot_pixels))
                self.show_hot()

    def _on_save_hot(self) -> None:
        path = QFileDialog.getSaveFileName(
            self._view, "Save hot pixels", str((self._view.root() or Path.home()) / "hot_pixels.txt"), "Text files (*.txt)"
        )[0]
        if path and self._view.runner.pipeline is not None:
            try:
                self._view.runner.pipeline.save_hot_pixels(Path(path))
            except BadInput as error:
                self._view.notify(str(error))
