"""The workspace's traverses as a tree of datasets, cameras and traverses, with a line to find some of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRectF,
    QSize,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QGuiApplication, QKeyEvent, QPainter, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QLineEdit, QTreeView, QVBoxLayout, QWidget

from app.session import Selection
from app.theme import Colours, Theme
from engine.places.catalogue import CatalogueEntry
from engine.places.making import TraverseName

Index = QModelIndex | QPersistentModelIndex
ENTRY = int(Qt.ItemDataRole.UserRole)
_COLUMNS = ("Traverse", "Frames")


@dataclass
class _Node:
    """A dataset, a camera, or a traverse."""

    text: str
    parent: "_Node | None" = None
    children: list["_Node"] = field(default_factory=list)
    entry: CatalogueEntry | None = None

    @property
    def row(self) -> int:
        return 0 if self.parent is None else next(i for i, node in enumerate(self.parent.children) if node is self)

    def child(self, text: str) -> "_Node":
        found = next((node for node in self.children if node.text == text), None)
        if found is None:
            found = _Node(text, self)
            self.children.append(found)
        return found


class TraverseModel(QAbstractItemModel):
    """Datasets, under them cameras, under them traverses."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._root = _Node("")
        self._selection = Selection()

    def set_entries(self, entries: Sequence[CatalogueEntry]) -> None:
        """Show these traverses."""
        self.beginResetModel()
        self._root = _Node("")
        for entry in entries:
            camera = self._root.child(entry.name.dataset).child(entry.name.camera)
            camera.children.append(_Node(entry.name.traverse, camera, entry=entry))
        self.endResetModel()

    def set_selection(self, selection: Selection) -> None:
        """Mark the reference and the query."""
        if selection != self._selection:
            self._selection = selection
            for node in self._leaves():
                index = self.createIndex(node.row, 0, node)
                self.dataChanged.emit(index, index)

    def index_of(self, name: TraverseName) -> QModelIndex:
        """Where a traverse is; an index that is not valid where it is not."""
        for node in self._leaves():
            if node.entry is not None and node.entry.name == name:
                return self.createIndex(node.row, 0, node)
        return QModelIndex()

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        """Qt's own way down."""
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, self._node(parent).children[row])

    def parent(self, index: Index = QModelIndex()) -> Any:  # noqa: B008
        """Qt's own way up."""
        node = self._node(index).parent
        return QModelIndex() if node is None or node is self._root else self.createIndex(node.row, 0, node)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Children of an item."""
        return 0 if parent.column() > 0 else len(self._node(parent).children)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Name and number of frames."""
        return len(_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """The columns' names."""
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return _COLUMNS[section]
        return None

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """What is shown of an item; ENTRY gives a traverse's catalogue entry."""
        node = self._node(index)
        entry = node.entry
        if role == ENTRY:
            return entry
        if role == Qt.ItemDataRole.DisplayRole:
            return node.text if index.column() == 0 else ("" if entry is None else f"{entry.frames:,}".replace(",", " "))
        if role == Qt.ItemDataRole.ToolTipRole and entry is not None:
            role_text = self._role(entry)
            return (f"The {role_text.replace(',', ' and the')}.\n" if role_text else "") + (entry.problem or _tip(entry))
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == 1:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.DecorationRole and entry is not None and index.column() == 0:
            return badge(self._role(entry), self._theme.colours)
        if role == Qt.ItemDataRole.ForegroundRole:
            if entry is not None and entry.problem:
                return QColor(self._theme.colours.error)
            if entry is None or index.column() == 1:
                return QColor(self._theme.colours.muted)
        return None

    def _node(self, index: Index) -> _Node:
        node = index.internalPointer() if index.isValid() else None
        return node if isinstance(node, _Node) else self._root

    def _leaves(self) -> list[_Node]:
        return [leaf for dataset in self._root.children for camera in dataset.children for leaf in camera.children]

    def _role(self, entry: CatalogueEntry) -> str:
        chosen, name = self._selection, entry.name
        if (name.dataset, name.camera) != (chosen.dataset, chosen.camera):
            return ""
        roles = [role for role in ("reference", "query") if getattr(chosen, role) == name.traverse]
        return ", ".join(roles)


class _Tree(QTreeView):
    """A tree whose Delete key and context menu are wishes."""

    deleteRequested = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete:
            self.deleteRequested.emit()
        else:
            super().keyPressEvent(event)


class TraverseTree(QWidget):
    """The tree and its filter. Several traverses can be chosen; the one with the focus is the current one."""

    currentChanged = Signal(object)  # TraverseName, or None
    chosenChanged = Signal()
    menuRequested = Signal(QPoint)  # in the screen's coordinates
    deleteRequested = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("traverseTreePart")
        self._quiet = False
        self.model = TraverseModel(theme, self)
        self.proxy = QSortFilterProxyModel(self)
        self.proxy.setSourceModel(self.model)
        self.proxy.setRecursiveFilteringEnabled(True)
        self.proxy.setAutoAcceptChildRows(True)
        self.proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.search = QLineEdit()
        self.search.setObjectName("traverseFind")
        self.search.setPlaceholderText("Find traverses")
        self.search.setAccessibleName("Find traverses")
        self.search.setToolTip("Show only what has these letters in its name")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._on_find)
        self.tree = _Tree()
        self.tree.setObjectName("traverseTree")
        self.tree.setAccessibleName("Traverses")
        self.tree.setModel(self.proxy)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.tree.setUniformRowHeights(True)
        self.tree.setIndentation(12)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(lambda at: self.menuRequested.emit(self.tree.viewport().mapToGlobal(at)))
        self.tree.deleteRequested.connect(self.deleteRequested)
        self.tree.setHeaderHidden(True)
        header = self.tree.header()
        header.setObjectName("traverseTreeHeader")
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(20)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        self.tree.selectionModel().currentChanged.connect(self._on_current)
        self.tree.selectionModel().selectionChanged.connect(self._on_chosen)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.search)
        layout.addWidget(self.tree, 1)

    def show_entries(self, entries: Sequence[CatalogueEntry]) -> None:
        """Show these traverses; what was current stays so if it is still there."""
        current, chosen = self.current, self.chosen
        self._quiet = True
        self.model.set_entries(entries)
        self.tree.expandAll()
        widest = max((self.fontMetrics().horizontalAdvance(f"{entry.frames:,}") for entry in entries), default=0)
        self.tree.header().resizeSection(1, widest + 22)
        there = {entry.name for entry in entries}
        if current is not None and current in there:
            self.choose(current, *(name for name in chosen if name in there))
        self._quiet = False
        if current not in there:
            self.currentChanged.emit(None)
        self.chosenChanged.emit()

    def choose(self, name: TraverseName, *others: TraverseName) -> bool:
        """Make a traverse the current one (and choose others with it); False where it is not shown."""
        index = self.proxy.mapFromSource(self.model.index_of(name))
        if not index.isValid():
            return False
        flags = self.tree.selectionModel().SelectionFlag
        self.tree.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        for other in others:
            more = self.proxy.mapFromSource(self.model.index_of(other))
            if more.isValid():
                self.tree.selectionModel().select(more, flags.Select | flags.Rows)
        self.tree.scrollTo(index)
        return True

    @property
    def current(self) -> TraverseName | None:
        """The traverse with the focus."""
        entry = self._entry(self.tree.currentIndex())
        return None if entry is None else entry.name

    @property
    def chosen(self) -> list[TraverseName]:
        """The chosen traverses, in the tree's order; of a chosen dataset or camera all."""
        found: dict[TraverseName, None] = {}
        for index in self.tree.selectionModel().selectedRows():
            for entry in self._entries_under(index):
                found[entry.name] = None
        return sorted(found)

    def _entries_under(self, index: QModelIndex) -> list[CatalogueEntry]:
        entry = self._entry(index)
        if entry is not None:
            return [entry]
        return [e for row in range(self.proxy.rowCount(index)) for e in self._entries_under(self.proxy.index(row, 0, index))]

    def _entry(self, index: QModelIndex) -> CatalogueEntry | None:
        entry = index.data(ENTRY) if index.isValid() else None
        return entry if isinstance(entry, CatalogueEntry) else None

    def _on_current(self, now: QModelIndex, before: QModelIndex) -> None:
        if not self._quiet:
            self.currentChanged.emit(self.current)

    def _on_chosen(self) -> None:
        if not self._quiet:
            self.chosenChanged.emit()

    def _on_find(self, text: str) -> None:
        self.proxy.setFilterFixedString(text.strip())
        self.tree.expandAll()


def badge(role: str, colours: Colours) -> QPixmap | None:
    """R for the reference, Q for the query, both for both; None for neither."""
    letters = "".join(part.strip()[0].upper() for part in role.split(",") if part)
    if not letters:
        return None
    ratio = max((screen.devicePixelRatio() for screen in QGuiApplication.screens()), default=1.0)
    size = QSize(17 if len(letters) == 1 else 26, 17)
    picture = QPixmap(size * ratio)
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colours.accent))
    area = QRectF(0, 0, size.width(), size.height())
    painter.drawRoundedRect(area, 4, 4)
    font = QFont(painter.font())
    font.setPixelSize(12)
    font.setBold(True)
    painter.setFont(font)
    painter.setPen(QColor(colours.on_accent))
    painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), letters)
    painter.end()
    return picture


def _tip(entry: CatalogueEntry) -> str:
    parts = [str(entry.name), f"{entry.frames} frames"]
    info = entry.info
    if info is not None and info.window_ms is not None:
        parts.append(f"window {info.window_ms:g} ms")
    if entry.poses:
        parts.append(f"poses: {entry.poses}")
    if info is not None and info.made_from:
        parts.append(f"made of {info.made_from}")
    if info is not None and info.source:
        parts.append(f"from {info.source}")
    return "\n".join(parts)
