"""The arrows between the packages, read from the source and from a fresh interpreter.

landscapes  <-  fpsim  <-  validation  <-  animations        (imports point left only)
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("landscapes", "fpsim", "validation", "animations")  # left to right
COMMAND_LINE = "fpsim.cli"  # stands on top of all four, with its imports inside its commands

NEVER = {"landscapes": {"numba", "llvmlite"}, "fpsim": {"manim"}}
NOT_AT_MODULE_LEVEL = {"landscapes": {"matplotlib"}, "fpsim": {"torch", "matplotlib"}}
HEAVY = (
    "torch", "matplotlib", "manim", "xarray", "numba", "sympy", "scipy", "dask", "pyamg", "h5py", "starlette",
    "uvicorn",
)  # fmt: skip

FLOORS: tuple[frozenset[str], ...] = tuple(
    frozenset(names.split())
    for names in (
        "fields",
        "assumption digits memory numbers papers route storage targets walls statistics",
        "lengths",
        "valleys",
        "noise kernels plotting",
        "sde cuda",
        "schedules",
        "exact",
        "paths",
        "escape_time description",
        "results",
        "sgd",
        "action",
        "networks",
        "splitting",
        "density",
        "routes",
        "escape",
        "survival batch_sizes",
        "sweeps words",
        "explore",
        "cli",
    )
)
"""Rooms of fpsim (its folders, and the files beside them), low to high: each imports from the floors below it only."""
ENTRANCES = {"fpsim", "fpsim.__main__", "fpsim.roof"}  # the package's own doors, which open on every floor

# import name -> distribution, where the two differ
DISTRIBUTIONS = {"PIL": "pillow", "cairo": "pycairo", "distributed": "dask", "llvmlite": "numba"}


@dataclass(frozen=True)
class Import:
    """One import statement: who imports what, and whether it runs when the module loads."""

    importer: str
    imported: str
    line: int
    when_loaded: bool

    @property
    def root(self) -> str:
        return self.imported.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.importer}, line {self.line}: imports {self.imported}"


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def find_imports(tree: ast.AST, module: str, package: str, when_loaded: bool = True) -> Iterator[Import]:
    """Every import below `tree`; `package` is what a relative import starts from."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, node.lineno, when_loaded)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            above = parents[: len(parents) - node.level + 1] if node.level else []
            base = ".".join([*above, node.module or ""]).rstrip(".")
            files = {f"{base}.{alias.name}" for alias in node.names}
            files = {name for name in files if (ROOT / name.replace(".", "/")).with_suffix(".py").is_file()}
            for name in files or {base}:  # ``from folder import file`` is about the file
                yield Import(module, name, node.lineno, when_loaded)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from find_imports(node, module, package, when_loaded=False)
        elif is_type_checking(node):
            assert isinstance(node, ast.If)
            for part, loaded in ((node.body, False), (node.orelse, when_loaded)):
                yield from find_imports(ast.Module(part, []), module, package, loaded)
        else:
            yield from find_imports(node, module, package, when_loaded)


@cache
def imports_of(package: str) -> list[Import]:
    found = []
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        home = ".".join(parts[:-1])
        module = home if parts[-1] == "__init__" else ".".join(parts)
        found += find_imports(ast.parse(path.read_text(encoding="utf-8"), str(path)), module, home)
    return found


def listing(imports: list[Import]) -> str:
    return "\n" + "\n".join(map(str, imports))


def test_walker_sees_every_kind_of_import():
    source = """
import a.b
from TOP import c
if TYPE_CHECKING:
    import only_types
else:
    import otherwise
try:
    import d
except ImportError:
    pass
class C:
    import e
    def method(self):
        from . import f
        from ..g import h
"""
    found = list(find_imports(ast.parse(source), "top.middle.module", "top.middle"))
    assert {i.imported for i in found if i.when_loaded} == {"a.b", "TOP", "otherwise", "d", "e"}
    assert {i.imported for i in found if not i.when_loaded} == {"only_types", "top.middle", "top.g"}


@pytest.mark.parametrize("package", PACKAGES)
def test_arrows_point_left(package: str):
    to_the_right = set(PACKAGES[PACKAGES.index(package) + 1 :])
    wrong = [i for i in imports_of(package) if i.root in to_the_right]
    wrong = [i for i in wrong if i.when_loaded or not i.importer.startswith(COMMAND_LINE)]
    assert not wrong, listing(wrong)


def room_of(module: str) -> str:
    """The folder of fpsim that a module lies in, or the file itself where it lies in none."""
    return module.split(".")[1]


def wrong_floors(imports: list[Import]) -> list[Import]:
    """Imports from the same floor or a higher one; what is imported inside a function or for types counts too."""
    floor = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
    inside = [i for i in imports if i.root == "fpsim" and i.importer not in ENTRANCES and i.imported != "fpsim"]
    between = [i for i in inside if room_of(i.importer) != room_of(i.imported)]
    return [i for i in between if floor[room_of(i.imported)] >= floor[room_of(i.importer)]]


def test_every_room_has_a_floor():
    rooms = {p.stem for p in (ROOT / "fpsim").glob("*.py")} | {p.parent.name for p in ROOT.glob("fpsim/*/__init__.py")}
    doors = {"__init__", *(name.rpartition(".")[2] for name in ENTRANCES - {"fpsim"})}
    assert rooms - doors == set().union(*FLOORS)
    assert len(set().union(*FLOORS)) == sum(map(len, FLOORS))
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"```\n(fields .*?)```", page, flags=re.S)
    assert tuple(frozenset(floor.split()) for floor in told.split("<")) == FLOORS


def test_floors_see_every_kind_of_arrow_up():
    source = "if TYPE_CHECKING:\n    import fpsim.escape\ndef f():\n    from fpsim.paths.exits import exit_times\n"
    up = list(find_imports(ast.parse(source), "fpsim.sde.gates", "fpsim.sde"))
    assert wrong_floors(up) == up and len(up) == 2
    down = Import("fpsim.paths.exits", "fpsim.sde.sde", 1, False)
    beside = Import("fpsim.noise.model", "fpsim.kernels.walk", 1, True)
    assert wrong_floors([down, beside]) == [beside]


@pytest.mark.parametrize("package", PACKAGES)
def test_folders_make_no_circle(package: str):
    """What a folder needs, through whatever others, never needs that folder; doors of a package are left out."""
    rooms: dict[str, set[str]] = {}
    for i in imports_of(package):
        inner = i.root == package and "." in i.importer and "." in i.imported and i.importer not in ENTRANCES
        if inner and room_of(i.importer) != room_of(i.imported):
            rooms.setdefault(room_of(i.importer), set()).add(room_of(i.imported))
    assert tuple(TopologicalSorter(rooms).static_order())  # a CycleError names the circle


FOLDERS = sorted({".".join(p.relative_to(ROOT).parts[:-1]) for k in PACKAGES for p in (ROOT / k).rglob("*.py")})


def has_circle(folder: str) -> bool:
    """Whether files of one folder need each other, functions and types included."""
    files: dict[str, set[str]] = {}
    for i in imports_of(folder.partition(".")[0]):
        if {i.importer.rpartition(".")[0], i.imported.rpartition(".")[0]} == {folder} and i.importer != i.imported:
            files.setdefault(i.importer, set()).add(i.imported)
    try:
        return not list(TopologicalSorter(files).static_order()) and bool(files)
    except CycleError:
        return True


def test_files_of_a_folder_make_no_circle():
    assert not [folder for folder in FOLDERS if has_circle(folder)]


def test_studies_and_films_share_what_lies_below_them():
    shared = {"validation": {"study"}, "animations": {"film", "stage"}}
    wrong = [
        i
        for package, rooms in shared.items()
        for i in imports_of(package)
        if i.root == package and "." in i.importer and room_of(i.importer) in rooms
        if room_of(i.imported) not in rooms
    ]
    assert not wrong, listing(wrong)


def test_fpsim_imports_from_floors_below_only():
    wrong = wrong_floors(imports_of("fpsim"))
    assert not wrong, listing(wrong)


@pytest.mark.parametrize("package", PACKAGES)
def test_forbidden_libraries(package: str):
    wrong = [i for i in imports_of(package) if i.root in NEVER.get(package, ())]
    late = NOT_AT_MODULE_LEVEL.get(package, set())
    wrong += [i for i in imports_of(package) if i.when_loaded and i.root in late]
    assert not wrong, listing(wrong)


def test_every_library_is_declared():
    """A package that only an extra brings must not be needed by the core, nor one that nothing brings."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def names(requirements: list[str]) -> set[str]:
        return {"".join(c if c.isalnum() or c in "-_" else " " for c in r).split()[0] for r in requirements}

    extras = {key: names(value) for key, value in project["optional-dependencies"].items()}
    core = names(project["dependencies"])
    may_load_late = core | extras["network"] | extras["cluster"] | extras["explore"]
    undeclared = []
    for package in PACKAGES:
        on_load = core | (extras["animation"] if package == "animations" else set())
        on_load |= extras["network"] if package in ("landscapes", "validation") else set()
        for i in imports_of(package):
            name = DISTRIBUTIONS.get(i.root, i.root)
            if name in PACKAGES or name in sys.stdlib_module_names:
                continue
            if name not in (on_load if i.when_loaded else on_load | may_load_late):
                undeclared.append(i)
    assert not undeclared, listing(undeclared)


POSIX_ONLY = {
    "crypt", "curses", "fcntl", "grp", "nis", "posix", "pty", "pwd", "readline", "resource", "spwd", "syslog",
    "termios", "tty",
}  # fmt: skip
"""Modules that Windows lacks."""
POSIX_NAMES = {
    "os": {
        "chown", "fork", "getegid", "geteuid", "getgid", "getloadavg", "getpgid", "getuid", "kill", "killpg", "mkfifo",
        "nice", "register_at_fork", "sched_getaffinity", "setsid", "statvfs", "sysconf", "uname", "WNOHANG",
    },
    "signal": {"SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGQUIT", "SIGUSR1", "SIGUSR2", "alarm", "setitimer"},
}  # fmt: skip
"""What ``os`` and ``signal`` do not have, or not the same, on Windows (``sched_getaffinity`` on macOS neither)."""


def posix_only(source: str) -> list[str]:
    """Names of POSIX that a source uses without asking for them or the system, or catching that they are missing."""
    used = any(f"{module}.{name}" in source for module, names in POSIX_NAMES.items() for name in names)
    if not used or 'os.name == "nt"' in source:
        return []  # most files, without parsing them
    tree = ast.parse(source)
    caught: set[ast.AST] = set()
    for node in ast.walk(tree):
        kinds = [ast.unparse(h.type or node) for h in node.handlers] if isinstance(node, ast.Try) else []
        if isinstance(node, ast.Try) and "AttributeError" in "".join(kinds):
            caught |= {inner for part in node.body for inner in ast.walk(part)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node not in caught:
            module, name = node.value.id, node.attr
            if name in POSIX_NAMES.get(module, ()) and f'hasattr({module}, "{name}")' not in source:
                found.append(f"{module}.{name}")
    return found


def test_the_search_for_posix_sees_what_is_not_asked_for():
    assert posix_only("import os\nos.fork()\nos.getpid()") == ["os.fork"]
    assert posix_only('import os\nif hasattr(os, "fork"):\n    os.fork()') == []
    assert posix_only("try:\n    os.sysconf('x')\nexcept AttributeError:\n    pass") == []


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_needs_posix(package: str):
    """macOS and Windows have what is imported, and what is called of ``os`` and ``signal``."""
    wrong = [i for i in imports_of(package) if i.root in POSIX_ONLY]
    assert not wrong, listing(wrong)
    files = {path: posix_only(path.read_text(encoding="utf-8")) for path in (ROOT / package).rglob("*.py")}
    assert not {path.name: names for path, names in files.items() if names}


HELP = """
import sys
sys.argv = ["fpsim", "--help"]
from fpsim.cli import main
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
"""


@pytest.mark.parametrize(
    "program",
    ["import fpsim", "import landscapes", "import validation", "import animations", HELP],
    ids=["fpsim", "landscapes", "validation", "animations", "fpsim --help"],
)
def test_loads_nothing_heavy(program: str):
    report = f"import sys; print('LOADED', *sorted(set(sys.modules) & set({HEAVY!r})))"
    run = subprocess.run(
        [sys.executable, "-c", f"{program}\n{report}"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1].split() == ["LOADED"]
