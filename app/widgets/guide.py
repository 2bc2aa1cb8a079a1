"""The guide pages beside the work: a list, a search over all of them, and the page."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt, QTimer, QUrl
from PySide6.QtGui import (
    QColor,
    QDesktopServices,
    QImage,
    QResizeEvent,
    QShowEvent,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QTextBrowser,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.theme import Theme
from engine.errors import BadInput
from engine.resource_files import resource

FIRST = "first-steps"
_ROWS = 6
_HEADINGS = {1: 2, 2: 1}  # Qt's steps above the text's size; Markdown alone gives 3, 2, 1


@dataclass(frozen=True)
class Page:
    """A guide page."""

    name: str
    title: str
    text: str


def read_pages(folder: Path | None = None) -> tuple[Page, ...]:
    """All guide pages: the first steps first, the others by title."""
    if folder is None:
        try:
            folder = resource("guide")
        except BadInput:
            return ()
    pages = []
    for path in sorted(folder.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        first = re.search(r"^#\s+(.+)$", text, re.MULTILINE)
        pages.append(Page(path.stem, first.group(1).strip() if first else path.stem.replace("-", " ").capitalize(), text))
    return tuple(sorted(pages, key=lambda page: (page.name != FIRST, page.title.lower())))


class _Browser(QTextBrowser):
    """A page; its pictures are no wider than itself."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("guidePage")
        self.setOpenLinks(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(150)
        self._drawn = 0

    def loadResource(self, kind: int, name: QUrl | str) -> Any:
        """A picture beside the page, scaled to fit."""
        name = QUrl(name)
        if kind == QTextDocument.ResourceType.ImageResource.value and name.isRelative():
            path = resource("guide") / name.path()
            picture = QImage(str(path)) if path.is_file() else QImage()
            room = self.viewport().width() - 2 * int(self.document().documentMargin()) - 4
            if not picture.isNull() and picture.width() > room > 0:
                return picture.scaledToWidth(room, Qt.TransformationMode.SmoothTransformation)
            return picture
        return super().loadResource(kind, name)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Scale the pictures anew once the width rests."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._later.start()


class Guide(QWidget):
    """The content of the guide's dock."""

    def __init__(self, theme: Theme, folder: Path | None = None, read_last: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("guide")
        self._theme, self._folder, self._read_last = theme, folder, read_last
        self._pages: tuple[Page, ...] | None = None
        self._page: Page | None = None
        self._panel: str | None = None
        self.search = QLineEdit()
        self.search.setObjectName("guideSearch")
        self.search.setPlaceholderText("Search the guide")
        self.search.setClearButtonEnabled(True)
        self.list = QListWidget()
        self.list.setObjectName("guideList")
        self.browser = _Browser()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 10)
        layout.setSpacing(8)
        layout.addWidget(self.search)
        layout.addWidget(self.list)
        layout.addWidget(self.browser, 1)
        self.setMinimumWidth(300)
        self.search.textChanged.connect(self._fill)
        self.list.currentItemChanged.connect(self._on_chosen)
        self.browser.anchorClicked.connect(self._on_link)
        self.browser._later.timeout.connect(self._draw)
        theme.changed.connect(self._draw)

    def sizeHint(self) -> QSize:
        """Wide enough for a comfortable line."""
        return QSize(420, 500)

    @property
    def pages(self) -> tuple[Page, ...]:
        """The pages, read when first asked for."""
        if self._pages is None:
            self._pages = read_pages(self._folder)
        return self._pages

    @property
    def page(self) -> Page | None:
        """The page that is shown."""
        return self._page

    def showEvent(self, event: QShowEvent) -> None:
        """Have a page to show also where a restored layout, and nobody's click, brings the guide up: the one read last."""
        super().showEvent(event)
        if self._page is None:
            self.open(self._read_last)

    def open(self, name: str = "") -> None:
        """Show a page; "" keeps the present one, or shows the first."""
        if self.search.text() and name:
            self.search.clear()
        if not self.list.count():
            self._fill(self.search.text())
        wanted = name or (self._page.name if self._page is not None else "")
        for row in range(self.list.count()):
            if self.list.item(row).data(Qt.ItemDataRole.UserRole) == wanted:
                self.list.setCurrentRow(row)
                return
        if self.list.count() and self.list.currentRow() < 0:
            self.list.setCurrentRow(0)

    def open_for(self, panel: str, name: str) -> None:
        """Show the page of a panel; asked again from the same panel, the page that was read there meanwhile."""
        self.open(name if panel != self._panel else "")
        self._panel = panel

    def _fill(self, query: str) -> None:
        words = query.lower().split()
        self.list.blockSignals(True)
        self.list.clear()
        found = []
        for page in self.pages:
            text = page.text.lower()
            if all(word in text or word in page.title.lower() for word in words):
                hits = sum(text.count(word) for word in words)
                found.append((-sum(word in page.title.lower() for word in words), -hits, page, hits))
        for _, _, page, hits in sorted(found, key=lambda entry: entry[:2]) if words else found:
            item = QListWidgetItem(f"{page.title}   ({hits})" if words else page.title)
            item.setData(Qt.ItemDataRole.UserRole, page.name)
            self.list.addItem(item)
            if self._page is not None and page.name == self._page.name:
                self.list.setCurrentItem(item)
        if not self.list.count():
            nothing = QListWidgetItem("Nothing found" if words else "No pages in this installation")
            nothing.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(nothing)
        self.list.blockSignals(False)
        self.list.setFixedHeight(min(self.list.count(), _ROWS) * self.list.sizeHintForRow(0) + 6)
        if words and found and (self._page is None or self.list.currentRow() < 0):
            self.list.setCurrentRow(0)
        else:
            self._mark()

    def _on_chosen(self, item: QListWidgetItem | None) -> None:
        name = None if item is None else item.data(Qt.ItemDataRole.UserRole)
        page = next((page for page in self.pages if page.name == name), None)
        if page is not None and page is not self._page:
            self._page = page
            self._draw()
            self.browser.verticalScrollBar().setValue(0)
        self._mark()

    def _on_link(self, url: QUrl) -> None:
        if url.isRelative():
            self.open(Path(url.path()).stem)
        else:
            QDesktopServices.openUrl(url)

    def _draw(self) -> None:
        if self._page is None:
            return
        place = self.browser.verticalScrollBar().value()
        document = self.browser.document()
        document.setDocumentMargin(6)
        document.setMarkdown(self._page.text, QTextDocument.MarkdownFeature.MarkdownDialectGitHub)
        _set_rhythm(document)
        self.browser.verticalScrollBar().setValue(place)
        self._mark()

    def _mark(self) -> None:
        """Mark what is searched for."""
        marks = []
        for word in self.search.text().split():
            cursor = self.browser.document().find(word)
            while not cursor.isNull():
                mark = QTextEdit.ExtraSelection()
                shade = QColor(self._theme.colours.warning)
                shade.setAlpha(90)
                form = QTextCharFormat()
                form.setBackground(shade)
                mark.cursor, mark.format = cursor, form
                marks.append(mark)
                cursor = self.browser.document().find(word, cursor)
        self.browser.setExtraSelections(marks)


def _set_rhythm(document: QTextDocument) -> None:
    """Air between lines and above headings, and headings of a modest size, which Markdown alone does not give."""
    cursor = QTextCursor(document)
    block = document.begin()
    while block.isValid():
        form = block.blockFormat()
        if not form.nonBreakableLines():  # not a block of code
            form.setLineHeight(135, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        cursor.setPosition(block.position())
        if form.headingLevel():
            form.setTopMargin(16 if block.blockNumber() else 0)
            form.setBottomMargin(8)
            words = QTextCharFormat()
            words.setProperty(QTextCharFormat.Property.FontSizeAdjustment, _HEADINGS.get(form.headingLevel(), 0))
            cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
            cursor.mergeCharFormat(words)
        elif block.textList() is None and not form.nonBreakableLines():
            form.setBottomMargin(8)
        cursor.setBlockFormat(form)
        block = block.next()
