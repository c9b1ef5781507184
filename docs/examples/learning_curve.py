"""How much would more photographs help? Train on 25, 50 and 100 % of them for as many steps, and compare AP50.

    python docs/examples/learning_curve.py train.json photos/ --validate val.json --steps 3000 -- --from-nothing

What stands behind `--` goes to each `groundcast train detector`. The photographs are put in an order with a seed, and
each share takes the first of them: a smaller share is part of a larger one. Run the same again after an interruption.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Figures = dict[str, float]


def main() -> None:
    """Train once for each share, then print a table and plot it."""
    given, training = _arguments()
    folder: Path = given.folder
    folder.mkdir(parents=True, exist_ok=True)
    content = json.loads(given.annotations.read_text(encoding="utf-8"))
    shares = [float(share) for share in given.shares.split(",")]
    points: list[Figures] = []
    for share, part in zip(shares, subsets(content, shares, given.seed), strict=True):
        name = f"{share:g}"
        (folder / f"train-{name}.json").write_text(json.dumps(part), encoding="utf-8")
        groundcast(
            *("train", "detector", folder / f"train-{name}.json", given.pictures, "--folder", folder / name),
            *("--validate", given.validate, "--steps", str(given.steps), "--checkpoint-every", str(given.steps)),
            *("--seed", str(given.seed), *training),
            *(("--validate-pictures", given.validate_pictures) if given.validate_pictures is not None else ()),
        )
        last = json.loads((folder / name / "validation.jsonl").read_text(encoding="utf-8").splitlines()[-1])
        points.append({"share": share, "pictures": len(part["images"]), "AP": last["AP"], "AP50": last["AP50"]})
        (folder / "learning_curve.json").write_text(json.dumps(points, indent=1) + "\n", encoding="utf-8")
    print(table(points))
    plot(points, folder / "learning_curve.png")
    print(f"plot: {folder / 'learning_curve.png'}")


def subsets(content: dict[str, Any], shares: Sequence[float], seed: int) -> list[dict[str, Any]]:
    """Data sets in COCO's format with parts of the photographs; a smaller one is in each larger one.

    Args:
        content: of the whole data set.
        shares: in percent.
        seed: of the order of the photographs.
    """
    order = [image["id"] for image in content["images"]]
    random.Random(seed).shuffle(order)
    parts: list[dict[str, Any]] = []
    for share in shares:
        kept = set(order[: max(1, round(len(order) * share / 100))])
        images = [image for image in content["images"] if image["id"] in kept]
        annotations = [one for one in content["annotations"] if one["image_id"] in kept]
        parts.append({**content, "images": images, "annotations": annotations})
    return parts


def table(points: Sequence[Figures]) -> str:
    """The figures of each share, and what each doubling of the photographs added."""
    lines = [f"{'share':>6} {'photographs':>12} {'AP':>7} {'AP50':>7}"]
    for before, one in zip((None, *points), points, strict=False):
        gain = "" if before is None else f"  {one['AP50'] - before['AP50']:+.3f}"
        lines.append(f"{one['share']:>5g}% {one['pictures']:>12,.0f} {one['AP']:>7.3f} {one['AP50']:>7.3f}{gain}")
    return "\n".join(lines)


def plot(points: Sequence[Figures], path: Path) -> None:
    """AP50 over the number of photographs, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 4), dpi=110, layout="constrained")
    axes = figure.subplots()
    pictures = [one["pictures"] for one in points]
    axes.plot(pictures, [one["AP50"] for one in points], "o-", label="AP50")
    axes.plot(pictures, [one["AP"] for one in points], "o-", label="AP")
    axes.set_xscale("log", base=2)
    axes.set_xticks(pictures, [f"{count:,.0f}" for count in pictures])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("photographs learnt from, for as many steps")
    axes.set_title("on held-out pictures", fontsize=10, loc="left")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    figure.savefig(path)


def groundcast(*arguments: str | Path) -> None:
    """Run one of groundcast's commands; end with it where it fails."""
    command = shutil.which("groundcast", path=str(Path(sys.executable).parent)) or "groundcast"
    print(">", "groundcast", *arguments, flush=True)
    if subprocess.run([command, *map(str, arguments)], check=False).returncode:
        sys.exit(1)


def _arguments() -> tuple[argparse.Namespace, list[str]]:
    """The script's own, and those of each training."""
    words = sys.argv[1:]
    own, training = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotations", type=Path, help="a file in COCO's format")
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--validate", type=Path, required=True)
    parser.add_argument("--validate-pictures", type=Path)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--shares", default="25,50,100", help="percent of the photographs, separated by commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("runs/learning-curve"))
    return parser.parse_args(own), training


if __name__ == "__main__":
    main()
