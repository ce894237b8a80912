"""The documentation site: `make docs` builds it into docs/_build/html, warnings as errors.

Pages are Markdown beside this file, the gallery is run from ../examples, the reference is read from docstrings.
Nothing is fetched from outside while it is built.
"""

import shutil
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
KEPT = ("full-space", "gradient-noise")
"""Studies whose measurements are part of the repository."""
sys.path.insert(0, str(HERE.parent))

import fpsim  # noqa: E402 (found by the line above)

project = "fpsim"
author = "fpsim developers"
copyright = "2026, fpsim developers"
version = release = fpsim.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_staged"]
templates_path = ["_templates"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = [
    "config.cache",  # the gallery's scraper is a function
    "ref.python",  # attributes of one name in several classes
]

autodoc_typehints = "none"  # docstrings give shapes and units, which say more
autosummary_imported_members = False
napoleon_google_docstring, napoleon_numpy_docstring = True, False
napoleon_use_ivar = True

html_theme = "pydata_sphinx_theme"
html_title = f"fpsim {release}"
html_static_path: list[str] = []
html_theme_options = {
    "show_toc_level": 2,
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
}
html_show_sourcelink = False


def staged() -> Path:
    """The examples as the gallery wants them: their question as a title, and a last cell that draws a picture."""
    home, cells = HERE / "_staged", tomllib.loads((HERE / "gallery.toml").read_text(encoding="utf-8"))
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    (home / "GALLERY_HEADER.rst").write_text(
        "Gallery\n=======\n\nShort programs, each with a question and a number that is known by other means.\n",
        encoding="utf-8",
    )
    for program in sorted((HERE.parent / "examples").glob("ex*.py")):
        question, text = program.read_text(encoding="utf-8").removeprefix('"""').split("\n", 1)
        cell = cells.get(program.stem[:4])
        drawn = f"\n# %%\n# {cell['says']}\n{cell['draws'].strip()}\n" if cell else ""
        told, code = text.split('"""', 1)
        title = f"{question}\n{'=' * len(question)}"
        text = f'r"""{title}\n{bars_escaped(told)}"""{code}{drawn}'
        (home / program.name).write_text(text, encoding="utf-8")
    return home


def bars_escaped(text: str) -> str:
    """The bars of |H| escaped, which reStructuredText takes for a substitution; not in ``literals``."""
    parts = text.split("``")
    return "``".join(part.replace("|", r"\|") if i % 2 == 0 else part for i, part in enumerate(parts))


def escaped(app, what, name, item, options, lines: list[str]) -> None:
    """Docstrings as reStructuredText, where bars are absolute values."""
    lines[:] = [bars_escaped(line) for line in lines]


def setup(app) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", escaped)


def reports() -> None:
    """Reports of the studies whose measurements are kept here, judged and drawn anew from them."""
    from fpsim.storage import read
    from validation import experiment

    for name in KEPT:
        data = HERE.parent / "validation" / "data" / f"{name.replace('-', '_')}.nc"
        experiment(name).of_data(read(data)).save(HERE / "_studies" / name)


def figures(block: tuple, block_vars: dict, gallery_conf: dict) -> str:
    """Every new figure that a cell's variables hold; fpsim's own are made without pyplot."""
    from matplotlib.figure import Figure
    from sphinx_gallery.scrapers import figure_rst

    kept, files = block_vars.setdefault("_drawn", set()), []
    for value in list(block_vars["example_globals"].values()):
        if isinstance(value, Figure) and id(value) not in kept:
            kept.add(id(value))
            file = next(block_vars["image_path_iterator"])
            value.savefig(file, dpi=120)
            files.append(file)
    return figure_rst(files, gallery_conf["src_dir"])


reports()
sphinx_gallery_conf = {
    "examples_dirs": [str(staged())],
    "gallery_dirs": ["gallery"],
    "filename_pattern": r"/ex\d\d",
    "image_scrapers": (figures,),
    "capture_repr": (),
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,
    "reset_modules": (),
    "remove_config_comments": True,
}
