"""The rooms of the four floors: what each is for, and which rooms of its floor it may import. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable

# Files that lie flat on a floor and that every room of it may import. The other flat files are its front doors.
NOUNS = {
    "launch": {"exits", "log_setup", "memory", "printable", "standard_streams"},
    "stream": {
        "clock",
        "depth_image",
        "detector_protocol",
        "mask_protocol",
        "frame",
        "geometry_options",
        "latency",
        "options",
        "position",
        "rate",
        "source_url",
        "stats",
        "track",
        "track_mask",
        "watch_options",
        "event",
        "zone",
    },
    "model": {"config", "detections", "image", "prompt", "query"},
    "cuda": set[str](),
}
MAX_FILES = 25  # Python files in one folder

# A room: what it is for, and the rooms that it may import beside its floor's nouns. "doors" are the front doors.
ROOMS: dict[str, tuple[str, set[str]]] = {
    "launch": ("the commands that a person starts, one file each", {"*"}),
    "launch/api": (
        "`groundcast serve`: pictures over HTTP, in its own shape and in those that other tools send",
        {"settings", "survey", "web"},
    ),
    "launch/arm": ("`groundcast demo arm`: a simulated arm that picks by a node's messages", {"node", "show"}),
    "launch/bench": ("`groundcast bench`: parity first, then speed and memory", {"node", "settings"}),
    "launch/bridge": ("`groundcast bridge`: a node's messages to other systems", {"node", "settings", "show"}),
    "launch/calibrate": ("`groundcast calibrate`: a camera, its place on a robot, the table", {"settings", "show"}),
    "launch/control": ("`groundcast ctl`: requests to a running node", {"node", "settings", "show"}),
    "launch/edit": (
        "`groundcast edit`: what a prompt names in a picture, replaced or removed",
        {"node", "settings", "show"},
    ),
    "launch/evaluate": ("`groundcast eval`: average precision against ground truth", {"report", "settings", "show"}),
    "launch/events": ("`groundcast events`: what a node has stored", {"node", "report", "settings", "show"}),
    "launch/label": (
        "`groundcast label` and `dataset`: pictures become a data set to look through and to train on",
        {"report", "review", "settings", "show", "survey", "web"},
    ),
    "launch/node": ("builds a node from its settings and runs it", {"service", "settings", "show", "web"}),
    "launch/photos": (
        "`groundcast search`, `count`, `crop` and `filter`: what a shop or an editor does with photos",
        {"label", "report", "settings", "show", "survey"},
    ),
    "launch/report": ("what a training or an evaluation leaves to look at: plots, samples, a page", {"show"}),
    "launch/review": ("the page on which a person corrects the labels of a data set", {"web"}),
    "launch/service": ("what surrounds a node that runs as a service: health, metrics, reload", {"settings"}),
    "launch/settings": ("what a user can set, from YAML and from flags", set()),
    "launch/show": ("tables, drawings, videos and files that a person looks at", {"settings"}),
    "launch/survey": (
        "`groundcast detect` over whole folders, in the formats of the field",
        {"node", "settings", "show"},
    ),
    "launch/train": (
        "`groundcast train`: from pictures or scenes to weights",
        {"evaluate", "report", "settings", "show"},
    ),
    "launch/verify": (
        "`groundcast verify`: published weights answer here as where they were published",
        {"bench", "settings", "show"},
    ),
    "launch/web": ("what a browser or an HTTP client talks to: the page, and the guard in front of it", set()),
    "stream": ("the front doors: pipeline, subscriber, controller, pusher", {"*"}),
    "stream/bridges": (
        "subscribers that speak on: to ROS 2, Foxglove, MQTT and webhooks",
        {"doors", "sockets", "wire"},
    ),
    "stream/capture": (
        "a URL becomes frames",
        {"clips", "decode", "decoder_process", "geometry", "motion", "sockets", "timing", "wire"},
    ),
    "stream/clips": ("clips of events, copied from undecoded packets or encoded", {"wire"}),
    "stream/control": ("requests to a running node", {"geometry", "node", "sockets", "wire"}),
    "stream/decode": (
        "what FFmpeg opens and decodes, within limits, and what it means",
        {"clips", "sockets", "timing", "wire"},
    ),
    "stream/decoder_process": (
        "decoding in a process of its own, without a file system",
        {"decode", "sockets", "timing", "wire"},
    ),
    "stream/geometry": ("pixels become metres: camera model, poses, depth, covariance", set()),
    "stream/events": ("tracks become events and counts, which a file remembers", {"wire"}),
    "stream/motion": ("whether to detect in a picture: what moves in it, and the time of day", set()),
    "stream/node": (
        "what the node's loop owns",
        {"capture", "clips", "events", "geometry", "publish", "tracking", "wire"},
    ),
    "stream/publish": ("messages out", {"sockets", "wire"}),
    "stream/recording": ("MCAP files, written and played back", {"events", "publish", "sockets", "subscribe", "wire"}),
    "stream/sockets": ("ZeroMQ addresses, keys, and which clients get in", {"wire"}),
    "stream/subscribe": ("messages in", {"sockets", "wire"}),
    "stream/timing": ("when a picture was taken, how often, and whether the source lives", set()),
    "stream/tracking": ("boxes become tracks", set()),
    "stream/wire": ("messages to bytes and back", set()),
    "model": ("the front door: detector", {"*"}),
    "model/datasets": (
        "labelled pictures from and to the files of COCO, YOLO, VOC, ODVG, Label Studio and CVAT",
        {"masks", "pictures"},
    ),
    "model/dino": ("Grounding DINO, one file per box of the paper's figure", set()),
    "model/editing": (
        "parts of a picture painted anew by a diffusers pipeline, the rest left as it is",
        {"runtime", "weights"},
    ),
    "model/embeddings": (
        "pictures and texts as vectors of one space, and the search among them",
        {"runtime", "weights"},
    ),
    "model/evaluation": (
        "how good detections, masks and tracks are, against ground truth",
        {"datasets", "masks", "tabletop"},
    ),
    "model/masks": ("the pixels of the objects in boxes", {"runtime", "weights"}),
    "model/pictures": ("still pictures of any kind and orientation, decoded to RGB", set()),
    "model/pretraining": (
        "a detector's backbone learns to tell crops of annotated objects apart",
        {"datasets", "dino", "runtime", "training", "weights"},
    ),
    "model/runtime": ("a loaded network at work: prompts, pictures, threads, devices", {"dino", "weights"}),
    "model/tabletop": ("the embedded model's weights and words, and the scenes that it learnt from", {"masks"}),
    "model/training": (
        "teaching a model",
        {"datasets", "dino", "doors", "evaluation", "masks", "runtime", "tabletop", "weights"},
    ),
    "model/weights": ("weights from and to files, in every published spelling", set()),
    "cuda": ("kernels, each beside the plain version that defines it, and transfer to the GPU", {"*"}),
}


def room_of(module: str) -> str:
    """The room of a module such as "stream.capture.reader"; "stream" for a noun, "stream/doors" for a front door."""
    floor, *inside = module.split(".")
    if len(inside) > 1 or (inside and f"{floor}/{inside[0]}" in ROOMS):
        return f"{floor}/{inside[0]}"
    return floor if not inside or inside[0] in NOUNS.get(floor, set()) else f"{floor}/doors"


def may_import(importer: str, imported: str) -> bool:
    """Whether one room may import another of the same floor. Nouns may be imported from everywhere."""
    floor = imported.split("/", 1)[0]
    if imported in (floor, importer):
        return True
    if importer == floor:  # a noun
        return False
    if importer == f"{floor}/doors":
        return "*" in ROOMS[floor][1]
    return imported.split("/", 1)[1] in ROOMS[importer][1]


def room_circles(arrows: Iterable[tuple[str, str]]) -> list[str]:
    """The circles among rooms: each as "a -> b -> a", from arrows (importer, imported) between rooms."""
    graph: dict[str, set[str]] = {}
    for importer, imported in arrows:
        graph.setdefault(importer, set()).add(imported)
    found: set[str] = set()

    def walk(room: str, trail: tuple[str, ...]) -> None:
        if room in trail:
            circle = trail[trail.index(room) :]
            if room == min(circle):
                found.add(" -> ".join((*circle, room)))
            return
        for target in sorted(graph.get(room, ())):
            walk(target, (*trail, room))

    for room in sorted(graph):
        walk(room, ())
    return sorted(found)
