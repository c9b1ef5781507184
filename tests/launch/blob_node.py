"""`groundcast` with the plain colour detector in the place of the model: python -m tests.launch.blob_node run ..."""

from __future__ import annotations

from groundcast.launch import cli
from groundcast.launch.node import node

from .commands import BlobModel

if __name__ == "__main__":
    node.load_detector = lambda model: BlobModel()  # type: ignore[assignment]
    cli.main()
