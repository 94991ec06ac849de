"""The API reference has an entry for each public name."""

from __future__ import annotations

from pathlib import Path

from sphinx.util.inventory import InventoryFile

import dualapp
import dualapp.testing


def test_each_public_name_has_an_entry(site: Path) -> None:
    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="")
    described = {name for kind in inventory.data.values() for name in kind}
    public = {f"dualapp.{name}" for name in dualapp.__all__}
    public |= {"dualapp.testing.DualClient", "dualapp.gunicorn.post_worker_init", "dualapp.gunicorn.worker_exit"}
    assert public <= described
