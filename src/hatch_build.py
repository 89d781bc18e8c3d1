"""Hatchling's hook: makes the typed services of each Liferay version where the package is built. No part of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class TypedServices(BuildHookInterface[Any]):
    """Writes `aioliferay/services/v62` and its like beside the sources: for wheels, and for editable installs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Generate them, from the catalogs that come with the library."""
        source = Path(self.root) / "src"
        sys.path.insert(0, str(source))
        try:
            from aioliferay import codegen  # noqa: PLC0415 - it is no installed package, but what is being built
            from aioliferay.catalogs import KNOWN, shipped  # noqa: PLC0415 - as above
        finally:
            sys.path.remove(str(source))
        for known in KNOWN:
            folder = source / "aioliferay" / "services" / f"v{known.replace('.', '')}"
            codegen.write(codegen.generate(shipped(known), version=known), folder)
