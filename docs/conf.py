"""How Sphinx builds the site: `make docs`. Nothing is fetched, neither while it is built nor by its pages."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

project = "parkwatt"
author = "The parkwatt developers"
copyright = author  # noqa: A001  the name that Sphinx reads
version = release = "0.1"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "parkwatt_docs",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "decisions/0000-template.md"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "parkwatt"
toc_object_entries = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True
html_static_path = ["_static"]
html_css_files = ["parkwatt.css"]
html_show_sphinx = False
html_copy_source = False
