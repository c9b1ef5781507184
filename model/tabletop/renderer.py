"""Renderer: draws a scene with MuJoCo off screen, and returns the picture with exact boxes."""

# MuJoCo comes without types.
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import atexit
import functools
import math
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import mujoco
import numpy as np
from numpy.typing import NDArray

from .assets import compile_assets
from .objects import Rgb, Vector
from .scene import HEIGHT_PX, WIDTH_PX, Camera, Light, Scene, Thing

_NEAR_M, _FAR_M = 0.03, 14.0


@dataclass(frozen=True, slots=True)
class Rendering:
    """A picture and its objects; row i is the i-th visible object that has a pair.

    Args:
        image: (480, 640, 3) uint8 RGB.
        rows: (n,) index of the thing in the scene.
        boxes_xyxy: (n, 4) px, around the visible pixels.
        visible: (n,) visible pixels / pixels without occlusion and without the picture's edges.
        labels: (480, 640) int16, the scene's thing at each pixel, -1 elsewhere: a mask is `labels == rows[i]`.
    """

    image: NDArray[np.uint8]
    rows: NDArray[np.int64]
    boxes_xyxy: NDArray[np.float32]
    visible: NDArray[np.float32]
    labels: NDArray[np.int16]


def draw(scene: Scene) -> Rendering:
    """Render a scene in a worker process, with one cached renderer: creating it is slow."""
    return _own_renderer().render(scene)


def draw_with_depth(scene: Scene) -> tuple[Rendering, NDArray[np.float32]]:
    """The same, with each pixel's distance along the camera's axis: (480, 640) metres."""
    renderer = _own_renderer()
    return renderer.render(scene), renderer.depth_m()


@functools.cache
def _own_renderer() -> SceneRenderer:
    renderer = SceneRenderer()
    atexit.register(renderer.close)
    return renderer


class RendererError(RuntimeError):
    """Scenes cannot be rendered on this machine; the text says what is missing."""


class SceneRenderer:
    """Renders scenes with one MuJoCo model of all meshes, placing its geoms for each scene.

    OSMesa loads its own LLVM into the process: a process that renders and then imports triton, as torch may do at any
    time, crashes. So a program that also runs a network renders in worker processes, by `draw`.

    Args:
        backend: the OpenGL context, named here so that no environment variable decides it.
        samples: multisampling; with 0 edges are smoothed by downscaling, which is three times faster.

    Raises:
        RendererError: the OpenGL library is missing.
    """

    def __init__(self, backend: Literal["osmesa", "egl"] = "osmesa", samples: int = 0) -> None:
        self._assets = compile_assets(WIDTH_PX, HEIGHT_PX)
        self._gl = _make_gl(backend)
        self._gl.make_current()
        self._labels = self._make_context(0)
        self._colours = self._make_context(samples) if samples else self._labels
        self._scene = mujoco.MjvScene(self._assets.model, maxgeom=200)

    def render(self, scene: Scene) -> Rendering:
        """Render a scene."""
        self._gl.make_current()
        self._set_camera(scene.camera)
        self._set_lights(scene)
        self._scene.ngeom = 0
        self._add_slabs(scene)
        firsts = []
        for i, thing in enumerate(scene.things):
            firsts.append(self._scene.ngeom)
            self._add_thing(thing, i)
        image = self._draw(shadows=any(light.shadow for light in scene.lights))
        labels = self._draw_labels()
        rows: list[int] = []
        boxes: list[tuple[int, int, int, int]] = []
        visible: list[float] = []
        counts = np.bincount(labels.ravel() + 1, minlength=len(scene.things) + 1)[1:]
        for i, thing in enumerate(scene.things):
            if thing.pair is None or counts[i] == 0:
                continue
            rows.append(i)
            boxes.append(_box_around(labels == i))
            hidden = _may_be_hidden(labels, i, boxes[-1])
            cut = _touches_edge(boxes[-1])
            if hidden or cut:
                alone = self._count_alone(firsts[i], len(thing.body.parts), scene.camera, zoom=0.5 if cut else 1.0)
                visible.append(min(1.0, counts[i] / alone))
            else:
                visible.append(1.0)
        return Rendering(
            image,
            np.array(rows, np.int64),
            np.array(boxes, np.float32).reshape(-1, 4),
            np.array(visible, np.float32),
            labels,
        )

    def depth_m(self) -> NDArray[np.float32]:
        """(480, 640) metres along the camera's axis, of the scene that was rendered last; no noise, no holes."""
        self._gl.make_current()
        self._draw(shadows=False)
        context, rect = self._colours, mujoco.MjrRect(0, 0, WIDTH_PX, HEIGHT_PX)
        context.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZERONEAR
        depth = np.empty((HEIGHT_PX, WIDTH_PX), np.float32)
        mujoco.mjr_readPixels(None, depth, rect, context)
        return np.ascontiguousarray((_NEAR_M * _FAR_M / (_FAR_M - depth * (_FAR_M - _NEAR_M)))[::-1], np.float32)

    def _make_context(self, samples: int) -> mujoco.MjrContext:
        self._assets.model.vis.quality.offsamples = samples
        context = mujoco.MjrContext(self._assets.model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, context)
        return context

    def close(self) -> None:
        """Free the context; the renderer cannot be used afterwards."""
        with self._gl.as_current():
            self._labels.free()
            if self._colours is not self._labels:
                self._colours.free()
        self._gl.free()

    def __enter__(self) -> SceneRenderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _set_camera(self, camera: Camera, zoom: float = 1.0) -> None:
        _, down, forward = camera.camera_from_table
        top = _NEAR_M * math.tan(camera.fovy_rad / 2) / zoom
        for eye in self._scene.camera:
            eye.pos, eye.forward, eye.up = camera.position, forward, -down
            eye.frustum_center, eye.frustum_bottom, eye.frustum_top = 0.0, -top, top
            eye.frustum_width = top * WIDTH_PX / HEIGHT_PX
            eye.frustum_near, eye.frustum_far, eye.orthographic = _NEAR_M, _FAR_M, 0

    def _set_lights(self, scene: Scene) -> None:
        """The ambient light is a separate lamp: a lamp that casts shadows would remove its own ambient part in them."""
        everywhere = Light(np.array([0.0, 0.0, -1.0]), (0.0, 0.0, 0.0), shadow=False)
        self._scene.nlight = 1 + len(scene.lights)
        for i, lamp in enumerate((everywhere, *scene.lights)):
            light = self._scene.lights[i]
            light.id, light.texid, light.headlight = i, -1, 0
            light.type = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
            light.pos, light.dir = -2.0 * lamp.direction, lamp.direction
            light.attenuation, light.cutoff, light.exponent = (1, 0, 0), 90, 0
            light.ambient = scene.ambient if i == 0 else (0, 0, 0)
            light.diffuse, light.castshadow = lamp.rgb, lamp.shadow
            light.specular = np.asarray(lamp.rgb) * 0.5
            light.bulbradius, light.intensity, light.range = 0.02, 0, 10

    def _add(
        self, kind: mujoco.mjtGeom, size: Vector, position: Vector, matrix: Vector, rgb: Rgb, segid: int
    ) -> mujoco.MjvGeom:
        geom = self._scene.geoms[self._scene.ngeom]
        self._scene.ngeom += 1
        colour = np.array([*rgb, 1], np.float32)
        mujoco.mjv_initGeom(geom, kind, size, position, np.eye(3).ravel(), colour)
        geom.mat = np.asarray(matrix, np.float32)
        # mjv_initGeom leaves these fields uninitialised.
        geom.objtype, geom.objid, geom.category = mujoco.mjtObj.mjOBJ_UNKNOWN, -1, mujoco.mjtCatBit.mjCAT_DYNAMIC
        geom.camdist, geom.transparent, geom.castshadow, geom.segid = 0.0, 0, 1, segid
        return geom

    def _add_slabs(self, scene: Scene) -> None:
        for slab in scene.slabs:
            c, s = math.cos(slab.yaw_rad), math.sin(slab.yaw_rad)
            turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
            geom = self._add(mujoco.mjtGeom.mjGEOM_BOX, slab.half, slab.centre, turn, slab.rgb, -1)
            geom.specular, geom.shininess = 0.1, 0.2
            if slab.texture >= 0:
                geom.matid, geom.texid, geom.texuniform = slab.texture, slab.texture, 0
                geom.texrepeat = (slab.repeat, slab.repeat)

    def _add_thing(self, thing: Thing, label: int) -> None:
        for part in thing.body.parts:
            row, own, middle = self._assets.meshes[part.mesh]
            world = thing.table_from_body @ part.matrix
            position = thing.position + thing.table_from_body @ part.offset + world @ middle
            geom = self._add(mujoco.mjtGeom.mjGEOM_MESH, np.ones(3), position, world @ own, part.rgb, label)
            geom.dataid = 2 * row
            geom.specular, geom.shininess = part.gloss, 0.2 + 0.6 * part.gloss

    def _draw(self, shadows: bool) -> NDArray[np.uint8]:
        self._scene.flags[:] = 0
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = shadows
        return self._read(self._colours)

    def _draw_labels(self) -> NDArray[np.int16]:
        self._scene.flags[:] = 0
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SEGMENT] = self._scene.flags[mujoco.mjtRndFlag.mjRND_IDCOLOR] = 1
        return self._read(self._labels)[:, :, 0].astype(np.int16) - 1

    def _read(self, context: mujoco.MjrContext) -> NDArray[np.uint8]:
        image = np.empty((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
        rect = mujoco.MjrRect(0, 0, WIDTH_PX, HEIGHT_PX)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, context)  # both contexts share one GL state
        mujoco.mjr_render(rect, self._scene, context)
        mujoco.mjr_readPixels(image, None, rect, context)
        return np.ascontiguousarray(image[::-1])

    def _count_alone(self, first: int, count: int, camera: Camera, zoom: float) -> float:
        """The number of pixels of an object rendered alone; zoomed out, those beyond the picture's edges count too."""
        geoms = list(self._scene.geoms)[: self._scene.ngeom]
        before = [geom.segid for geom in geoms]
        for i, geom in enumerate(geoms):
            if not first <= i < first + count:
                geom.segid = -1
        self._set_camera(camera, zoom)
        alone = int(np.count_nonzero(self._draw_labels() >= 0)) / zoom**2
        self._set_camera(camera)
        for geom, segid in zip(geoms, before, strict=True):
            geom.segid = segid
        return alone


def _make_gl(backend: Literal["osmesa", "egl"]) -> Any:
    """An OpenGL context of the backend, which its import selects."""
    try:
        if backend == "egl":
            from mujoco.egl import GLContext
        else:
            from mujoco.osmesa import GLContext
        return GLContext(WIDTH_PX, HEIGHT_PX)
    except (
        ImportError,
        AttributeError,
        RuntimeError,
        OSError,
    ) as error:  # PyOpenGL raises any of these if the library is missing
        remedy = "install Debian's libosmesa6" if backend == "osmesa" else "install the GPU's driver"
        raise RendererError(f"scenes cannot be drawn with {backend} ({error}): {remedy}") from error


def _may_be_hidden(labels: NDArray[np.int16], row: int, box: tuple[int, int, int, int]) -> bool:
    """Whether another thing touches it in the picture, without which it cannot be occluded."""
    x0, y0, x1, y1 = max(box[0] - 2, 0), max(box[1] - 2, 0), box[2] + 2, box[3] + 2
    window = labels[y0:y1, x0:x1]
    around = cv2.dilate((window == row).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return bool(((window >= 0) & (window != row) & around).any())


def _touches_edge(box: tuple[int, int, int, int]) -> bool:
    return box[0] == 0 or box[1] == 0 or box[2] == WIDTH_PX or box[3] == HEIGHT_PX


def _box_around(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
