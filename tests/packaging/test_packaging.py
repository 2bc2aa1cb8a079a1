"""What goes into a bundle and a package: files that are there, names and versions that agree, a package that lies right."""

import ast
import configparser
import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from app.panels import PANELS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "packaging"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is missing here")


@pytest.fixture
def deb(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("deb")


@pytest.fixture
def smoke(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("smoke")


def desktop_entry() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys have capitals
    parser.read(FOLDER / "revisit.desktop", encoding="utf-8")
    return parser["Desktop Entry"]


# -- the recipe


def test_the_recipe_is_python_and_names_files_that_are_there() -> None:
    text = (FOLDER / "revisit.spec").read_text(encoding="utf-8")
    ast.parse(text)
    paths = [re.findall(r'"([^"]+)"', found) for found in re.findall(r"ROOT((?: / \"[^\"]+\")+)", text)]
    assert len(paths) >= 5
    for parts in paths:
        assert ROOT.joinpath(*parts).exists(), parts


def test_the_recipe_leaves_the_drivers_installer_out() -> None:
    tree = ast.parse((FOLDER / "revisit.spec").read_text(encoding="utf-8"))
    lists = {
        node.targets[0].id: [part.value for part in ast.walk(node.value) if isinstance(part, ast.Constant)]
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert {"samna", "sinabs"} <= set(lists["LEFT_OUT"])
    assert not {"samna", "sinabs"} & set(lists["LAZY"])
    (call,) = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Analysis")
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    assert isinstance(given["excludes"], ast.Name) and given["excludes"].id == "LEFT_OUT"


def test_the_extra_and_the_pin_name_pyinstaller() -> None:
    assert any(name.startswith("pyinstaller") for name in PROJECT["optional-dependencies"]["bundle"])
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert re.search(r"^pyinstaller==6\.\d+", pins, re.MULTILINE) and "pyinstaller-hooks-contrib==" in pins


def test_programs_of_the_desktop_do_not_get_the_bundles_libraries() -> None:
    code = "import os, runpy, sys; runpy.run_path(sys.argv[1]); print(sorted(k for k in os.environ if k[0] in 'L_'), end='')"
    before = {"LD_LIBRARY_PATH": "/opt/revisit/_internal", "_PYI_ARCHIVE_FILE": "/opt/revisit/revisit"}
    for given, left in (({}, "[]"), ({"LD_LIBRARY_PATH_ORIG": "/mine"}, "['LD_LIBRARY_PATH']")):
        command = [sys.executable, "-I", "-c", code, str(FOLDER / "hook_environment.py")]
        done = subprocess.run(command, env={**before, **given, "PYTHONUTF8": "1"}, capture_output=True, text=True, timeout=300)
        assert done.stdout.replace("'LC_CTYPE', ", "").replace("'LC_CTYPE'", "") == left, done.stderr


# -- what the desktop reads


def test_the_desktop_entry_agrees_with_the_project() -> None:
    entry = desktop_entry()
    assert entry["Name"] == "Revisit" and entry["Type"] == "Application"
    assert entry["Exec"] == "revisit %f" and "revisit" in PROJECT["scripts"]
    assert entry["Icon"] == "revisit" and entry["Terminal"] == "false"
    for line in ("MimeType", "Categories", "Keywords"):
        assert entry[line].endswith(";")
    main = (ROOT / "app/__main__.py").read_text(encoding="utf-8")
    assert 'setDesktopFileName("revisit")' in main, "the window belongs to this entry"


def test_the_types_of_the_entry_are_declared_with_what_our_readers_look_for() -> None:
    name = "{http://www.freedesktop.org/standards/shared-mime-info}"
    tree = ElementTree.parse(FOLDER / "revisit-mime.xml").getroot()
    types = {found.attrib["type"]: found for found in tree.iter(f"{name}mime-type")}
    assert set(types) == set(desktop_entry()["MimeType"].rstrip(";").split(";"))
    from engine.events.formats import find_format

    for found in types.values():
        for match in found.iter(f"{name}match"):
            head = match.attrib["value"].encode()
            version = {b"2": b".0", b"3": b".1", b"4": b".0"}[head[-1:]]
            assert "AEDAT" in find_format(head + version + b"\r\n", Path("walk")).TITLE.upper()


def test_the_metainfo_agrees_with_the_project(deb: ModuleType) -> None:
    root = ElementTree.fromstring(deb.metainfo(0))
    assert root.attrib["type"] == "desktop-application"
    assert root.findtext("name") == "Revisit" == desktop_entry()["Name"]
    assert root.findtext("project_license") == PROJECT["license"]
    assert root.findtext("launchable") == "revisit.desktop"
    assert root.findtext("summary") == desktop_entry()["Comment"]
    assert {part.text for part in root.iter("binary")} == set(PROJECT["scripts"])
    assert ";".join(part.text or "" for part in root.iter("mediatype")) + ";" == desktop_entry()["MimeType"]
    (release,) = root.iter("release")
    assert release.attrib == {"version": PROJECT["version"], "date": "1970-01-01"}


@pytest.mark.skipif(shutil.which("desktop-file-validate") is None, reason="desktop-file-validate is missing here")
def test_desktop_file_validate_is_content() -> None:
    done = subprocess.run(["desktop-file-validate", FOLDER / "revisit.desktop"], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(shutil.which("appstreamcli") is None, reason="appstreamcli is missing here")
def test_appstreamcli_finds_nothing_but_that_we_have_no_domain(tmp_path: Path, deb: ModuleType) -> None:
    path = tmp_path / "revisit.metainfo.xml"
    path.write_text(deb.metainfo(1_700_000_000), encoding="utf-8")
    done = subprocess.run(["appstreamcli", "validate", "--no-net", path], capture_output=True, text=True, timeout=300)
    found = re.findall(r"^[EW]: .*?: ([\w-]+)", done.stdout, re.MULTILINE)
    assert set(found) <= {"cid-desktopapp-is-not-rdns", "cid-is-not-rdns"}, done.stdout


# -- the package


def fake_bundle(folder: Path) -> Path:
    """Two programs and a library."""
    (folder / "_internal").mkdir(parents=True)
    for name in ("revisit", "revisit-cli"):
        (folder / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (folder / name).chmod(0o700)
    (folder / "_internal/library.so").write_bytes(b"\x7fELF")
    (folder / "_internal/library.so").chmod(0o640)
    (folder / "_internal/other.so").symlink_to("library.so")
    return folder


def listed(package: Path) -> dict[str, tuple[str, str, str]]:
    """What is in a package: name -> mode, owner, time and link."""
    done = subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True, check=True, timeout=300)
    found = {}
    for line in done.stdout.splitlines():
        mode, owner, _, day, hour, name, *link = line.split()
        found[name.removeprefix(".")] = (mode, owner, " ".join([day, hour, *link]))
    return found


@needs_dpkg
def test_a_package_lies_right(tmp_path: Path, deb: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    monkeypatch.setenv("TZ", "UTC")
    package = deb.build(fake_bundle(tmp_path / "bundle"), tmp_path / "out")
    assert re.fullmatch(rf"revisit_{re.escape(PROJECT['version'])}_\w+\.deb", package.name)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [package.name], "nothing is left beside it"
    found = listed(package)
    assert {owner for _, owner, _ in found.values()} == {"root/root"}
    assert {when[:10] for _, _, when in found.values()} == {"1970-01-02"}
    assert found["/opt/revisit/revisit"][0] == found["/opt/revisit/revisit-cli"][0] == "-rwxr-xr-x"
    assert found["/opt/revisit/_internal/library.so"][0] == "-rw-r--r--"
    assert found["/opt/revisit/_internal/other.so"][2].endswith("-> library.so")
    assert {mode for name, (mode, _, _) in found.items() if name.endswith("/")} == {"drwxr-xr-x"}
    for program in ("revisit", "revisit-cli"):
        assert found[f"/usr/bin/{program}"][2].endswith(f"-> /opt/revisit/{program}")
    for name in (
        "applications/revisit.desktop",
        "metainfo/revisit.metainfo.xml",
        "mime/packages/revisit.xml",
        "doc/revisit/copyright",
        "icons/hicolor/16x16/apps/revisit.png",
        "icons/hicolor/512x512/apps/revisit.png",
        "icons/hicolor/scalable/apps/revisit.svg",
    ):
        assert found[f"/usr/share/{name}"][0] == "-rw-r--r--"
    assert "/usr/lib/udev/rules.d/65-revisit.rules" in found
    again = deb.build(tmp_path / "bundle", tmp_path / "again")
    assert again.read_bytes() == package.read_bytes(), "the same bundle gives the same bytes"


@needs_dpkg
def test_a_packages_control_file(tmp_path: Path, deb: ModuleType) -> None:
    package = deb.build(fake_bundle(tmp_path / "bundle"), tmp_path)
    done = subprocess.run(["dpkg-deb", "-f", package], capture_output=True, text=True, check=True, timeout=300)
    fields = dict(re.findall(r"^(\S+): (.*)$", done.stdout, re.MULTILINE))
    assert (fields["Package"], fields["Version"]) == ("revisit", PROJECT["version"])
    assert fields["Maintainer"].startswith(PROJECT["authors"][0]["name"])
    assert int(fields["Installed-Size"]) > 10
    wanted = fields["Depends"].split(", ")
    assert re.fullmatch(r"libc6 \(>= 2\.\d+\)", wanted[0])
    for name in re.findall(r"lib\S+", " ".join(re.findall(r"apt-get install (.*)", (ROOT / "README.md").read_text()))):
        assert name in wanted, "a library that the README names"
    main = subprocess.run(["dpkg-deb", "--ctrl-tarfile", package], capture_output=True, check=True, timeout=300).stdout
    assert b"md5sums" in main
    assert not re.search(rb"\./(pre|post)(inst|rm)", main), "nothing runs as root at an installation"


@needs_dpkg
def test_what_is_no_bundle_is_one_sentence(tmp_path: Path, deb: ModuleType) -> None:
    with pytest.raises(SystemExit, match="make bundle makes it"):
        deb.build(tmp_path / "nothing", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match="has no revisit: it is not a bundle"):
        deb.build(tmp_path / "empty", tmp_path)


def test_the_launchers_icon_is_drawn_in_all_sizes(tmp_path: Path, deb: ModuleType) -> None:
    import cv2

    files = deb.icons.render(tmp_path)
    assert ElementTree.parse(tmp_path / "scalable/apps/revisit.svg").getroot().attrib["viewBox"] == "0 0 24 24"
    assert len(files) == len(deb.icons.SIZES) + 1
    for size in deb.icons.SIZES:
        picture = cv2.imread(str(tmp_path / f"{size}x{size}/apps/revisit.png"), cv2.IMREAD_UNCHANGED)
        assert picture.shape == (size, size, 4)
        assert picture[0, 0, 3] < 128 < picture[size // 2, 1, 3], "corners are round"
        ink = (picture[:, :, :3].min(2) > 150) & (picture[:, :, 3] > 200)
        assert 0.03 < ink.mean() < 0.3, "there is a white drawing on the tile"


def test_the_rules_name_numbers_and_open_nothing_to_everybody() -> None:
    lines = (FOLDER / "65-revisit.rules").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert re.findall(r'idVendor}=="([^"]+)"', "\n".join(rules)) == ["152a|337d|04b4"]
    assert not any("0666" in line for line in rules) and any('TAG+="uaccess"' in line for line in rules)


# -- the bundle's own test


def test_the_bundles_test_shows_all_panels(smoke: ModuleType) -> None:
    assert tuple(entry.name for entry in PANELS) == smoke.PANELS


def test_a_blank_picture_is_found(tmp_path: Path, smoke: ModuleType) -> None:
    import cv2

    width, height = smoke._SIZE
    cv2.imwrite(str(tmp_path / "blank.png"), np.full((height, width, 3), 240, np.uint8))
    with pytest.raises(SystemExit, match="blank"):
        smoke.check_picture(tmp_path / "blank.png")
    with pytest.raises(SystemExit, match="is no picture"):
        smoke.check_picture(tmp_path / "none.png")
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "full.png"), noise)
    assert smoke.check_picture(tmp_path / "full.png") > 1000


def test_a_program_that_fails_or_runs_without_its_loops_is_found(tmp_path: Path, smoke: ModuleType) -> None:
    for name, script in (("revisit", "exit 3"), ("revisit-cli", "echo RuntimeWarning: no loops >&2")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    bundle = smoke.Bundle(tmp_path, tmp_path)
    with pytest.raises(SystemExit, match="ended with 3"):
        bundle.run("revisit")
    with pytest.raises(SystemExit, match="no loops"):
        bundle.run("revisit-cli")
    assert set(bundle.environment) - set(os.environ) <= {"HOME", "QT_QPA_PLATFORM"}
