"""Robot cell: a six-axis arm with a gripper and a wrist camera, at a table with tabletop's objects, for MuJoCo."""

# MuJoCo comes without types.
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from ...model.tabletop.objects import Body, make_body, make_meshes, paint
from ...model.tabletop.shapes import Mesh
from ...model.tabletop.words import COLOURS

WIDTH_PX, HEIGHT_PX = 640, 480
FOVY_DEG = 62.0
STEP_S = 0.002
TABLE = (0.42, 0.0)  # the middle of the objects' area, m in the base frame
HALF_AREA = (0.11, 0.16)
CAMERA_PLACE = (0.13, 0.0, -0.06)  # in the flange's frame
MAX_RADIUS_M, MAX_HEIGHT_M = 0.045, 0.092  # of what fits between the fingers
GRIP_OPEN_M = 0.055  # of each finger from the middle
FINGERS_M = 0.085  # the open gripper needs so much room around its middle
TARGET_KINDS = ("cube", "ball", "can", "mug")
OTHER_KINDS = ("cube", "ball", "can", "mug", "cone", "bottle")
HOME_M = (0.30, 0.0, 0.38)  # of the tip

_ARM = """
<mujoco model="arm">
  <compiler angle="radian" autolimits="true"/>
  <option timestep="0.002" integrator="implicitfast" cone="elliptic" impratio="10"/>
  <default>
    <default class="link"><geom rgba="0.86 0.87 0.89 1" contype="0" conaffinity="0" mass="0.6"/></default>
    <default class="joint"><geom rgba="0.20 0.24 0.30 1" contype="0" conaffinity="0" mass="0.3"/></default>
    <joint damping="4" armature="0.1"/>
  </default>
  <worldbody>
    <geom name="table" type="box" size="0.55 0.55 0.02" pos="0.45 0 -0.02" rgba="0.72 0.66 0.58 1"
      friction="0.9 0.01 0.001"/>
    <geom name="floor" type="plane" size="4 4 0.1" pos="0 0 -0.75" rgba="0.55 0.57 0.60 1" contype="0" conaffinity="0"/>
    <body name="base" gravcomp="1">
      <geom class="joint" type="cylinder" size="0.075 0.05" pos="0 0 0.05"/>
      <body name="link1" pos="0 0 0.10" gravcomp="1">
        <joint name="yaw" axis="0 0 1" range="-2.9 2.9"/>
        <geom class="link" type="cylinder" size="0.06 0.07" pos="0 0 0.07"/>
        <body name="link2" pos="0 0 0.18" gravcomp="1">
          <joint name="shoulder" axis="0 1 0" range="-2.0 2.0"/>
          <geom class="joint" type="cylinder" size="0.058 0.075" euler="1.5708 0 0"/>
          <geom class="link" type="capsule" size="0.045" fromto="0 0 0 0 0 0.36"/>
          <body name="link3" pos="0 0 0.36" gravcomp="1">
            <joint name="elbow" axis="0 1 0" range="-2.7 2.7"/>
            <geom class="joint" type="cylinder" size="0.052 0.065" euler="1.5708 0 0"/>
            <geom class="link" type="capsule" size="0.038" fromto="0 0 0 0 0 0.20"/>
            <body name="link4" pos="0 0 0.20" gravcomp="1">
              <joint name="roll" axis="0 0 1" range="-2.9 2.9"/>
              <geom class="link" type="capsule" size="0.034" fromto="0 0 0.02 0 0 0.13"/>
              <body name="link5" pos="0 0 0.14" gravcomp="1">
                <joint name="pitch" axis="0 1 0" range="-2.6 2.6"/>
                <geom class="joint" type="cylinder" size="0.036 0.042" euler="1.5708 0 0"/>
                <body name="flange" pos="0 0 0.06" gravcomp="1">
                  <joint name="flange" axis="0 0 1" range="-3.1 3.1" damping="2" armature="0.05"/>
                  <geom class="link" type="cylinder" size="0.034 0.02"/>
                  <geom class="joint" type="box" size="0.022 0.070 0.018" pos="0 0 0.040"/>
                  <geom class="joint" type="box" size="0.060 0.010 0.006" pos="0.080 0 -0.070"/>
                  <geom class="joint" type="box" size="0.012 0.045 0.012" pos="0.138 0 -0.076" euler="0 -0.35 0"/>
                  <site name="flange" size="0.004" rgba="0 0 0 0"/>
                  <site name="tip" pos="0 0 0.150" size="0.004" rgba="0 0 0 0"/>
                  <camera name="wrist" pos="0.13 0 -0.06" fovy="62" mode="fixed"/>
                  <body name="left" pos="0 0.055 0.058" gravcomp="1">
                    <joint name="left" type="slide" axis="0 1 0" range="-0.055 0.0" damping="20" armature="0.1"/>
                    <geom name="left" type="box" size="0.020 0.005 0.048" pos="0 0.005 0.048" rgba="0.25 0.27 0.30 1"
                      mass="0.08" friction="2.2 0.08 0.002" condim="6" solref="0.004 1" solimp="0.95 0.99 0.001"/>
                  </body>
                  <body name="right" pos="0 -0.055 0.058" gravcomp="1">
                    <joint name="right" type="slide" axis="0 -1 0" range="-0.055 0.0" damping="20" armature="0.1"/>
                    <geom name="right" type="box" size="0.020 0.005 0.048" pos="0 -0.005 0.048" rgba="0.25 0.27 0.30 1"
                      mass="0.08" friction="2.2 0.08 0.002" condim="6" solref="0.004 1" solimp="0.95 0.99 0.001"/>
                  </body>
                </body>
              </body>
            </body>
          </body>
        </body>
      </body>
    </body>
    <camera name="outside" pos="1.25 -0.85 0.75" xyaxes="0.60 0.80 0 -0.36 0.27 0.89" fovy="42"/>
    <light pos="0.3 0.4 2.2" dir="0.05 -0.1 -1" diffuse="0.40 0.40 0.40" castshadow="true"/>
    <light pos="0.6 -1.5 1.6" dir="-0.1 0.8 -0.8" diffuse="0.22 0.22 0.22" castshadow="false"/>
  </worldbody>
  <actuator>
    <position joint="yaw" kp="12000" kv="240"/>
    <position joint="shoulder" kp="14000" kv="280"/>
    <position joint="elbow" kp="12000" kv="240"/>
    <position joint="roll" kp="4000" kv="80"/>
    <position joint="pitch" kp="4000" kv="80"/>
    <position joint="flange" kp="2000" kv="40"/>
    <position name="left" joint="left" kp="900" kv="30" forcerange="-25 25"/>
    <position name="right" joint="right" kp="900" kv="30" forcerange="-25 25"/>
  </actuator>
</mujoco>
"""


@dataclass(frozen=True, slots=True)
class CellObject:
    """One object on the table.

    Args:
        name: of its body in the model.
        phrase: such as "red mug".
        radius_m, height_m: of a cylinder around it.
    """

    name: str
    phrase: str
    radius_m: float
    height_m: float


@dataclass(frozen=True, slots=True)
class Cell:
    """A compiled cell.

    Args:
        model: MuJoCo's.
        objects: the first one is the target.
    """

    model: Any
    objects: tuple[CellObject, ...]


def build_cell(seed: int) -> Cell:
    """The cell of a seed: one object to pick, and three to five others, each phrase once."""
    rng = np.random.default_rng([seed, 15])
    spec = mujoco.MjSpec.from_string(_ARM)
    _look(spec, rng)
    objects: list[CellObject] = []
    placed: list[tuple[float, float, float]] = []
    target = (str(rng.choice(COLOURS)), str(rng.choice(TARGET_KINDS)))
    pairs = [target]
    while len(pairs) < int(rng.integers(4, 7)):
        pair = (str(rng.choice(COLOURS)), str(rng.choice(OTHER_KINDS)))
        if pair not in pairs and pair[0] != target[0]:
            pairs.append(pair)
    for pair in pairs:
        body = _graspable(pair[1], paint(pair[0], rng), rng)
        radius, height = _extent(body)
        spot = _free_spot(rng, placed, radius)
        if spot is not None:
            placed.append((*spot, radius))
            name = f"object{len(objects)}"
            _add_object(spec, name, pair[1], body, spot, float(rng.uniform(0, 2 * math.pi)), radius, height)
            objects.append(CellObject(name, " ".join(pair), radius, height))
    return Cell(spec.compile(), tuple(objects))


def _free_spot(
    rng: np.random.Generator, placed: list[tuple[float, float, float]], radius_m: float
) -> tuple[float, float] | None:
    """A place with room for the fingers around the first object, and a little around the others."""
    for _ in range(80):
        x = TABLE[0] + float(rng.uniform(-HALF_AREA[0], HALF_AREA[0]))
        y = TABLE[1] + float(rng.uniform(-HALF_AREA[1], HALF_AREA[1]))
        free = [
            math.hypot(x - px, y - py) > radius_m + (FINGERS_M if row == 0 else r + 0.012)
            for row, (px, py, r) in enumerate(placed)
        ]
        if all(free):
            return x, y
    return None


def _graspable(kind: str, rgb: tuple[float, float, float], rng: np.random.Generator) -> Body:
    """A body that fits between the fingers, in any direction."""
    while True:
        body = make_body(kind, rgb, rng)
        radius, height = _extent(body)
        if height <= (MAX_HEIGHT_M if kind in TARGET_KINDS else 0.15) and radius <= MAX_RADIUS_M:
            return body


def _extent(body: Body) -> tuple[float, float]:
    """The radius of the body around its axis, without a handle, and its height."""
    meshes = _meshes()
    parts = [part for part in body.parts if part.mesh != "handle"]
    points = np.concatenate([meshes[p.mesh].vertices @ p.matrix.T + p.offset for p in parts])
    return float(np.linalg.norm(points[:, :2], axis=1).max()), float(points[:, 2].max())


@functools.cache
def _meshes() -> dict[str, Mesh]:
    return make_meshes()


def _look(spec: Any, rng: np.random.Generator) -> None:
    spec.visual.global_.offwidth, spec.visual.global_.offheight = WIDTH_PX, HEIGHT_PX
    spec.visual.quality.shadowsize = 1024
    spec.visual.quality.offsamples = 0
    spec.visual.map.znear, spec.visual.map.zfar = 0.02, 8.0
    spec.visual.headlight.ambient = [0.38, 0.38, 0.38]
    spec.visual.headlight.diffuse = [0.10, 0.10, 0.10]
    spec.stat.extent, spec.stat.center = 1.0, [0.4, 0.0, 0.2]
    camera = spec.camera("wrist")
    # The camera looks from beside the gripper past its tip, which is in the upper part of the picture.
    place, target = np.array(CAMERA_PLACE), np.array([0.0, 0.0, 0.340])
    forward = (target - place) / np.linalg.norm(target - place)
    right = np.array([0.0, -1.0, 0.0])
    up = np.cross(-forward, right)
    turn = np.stack([right, up, -forward], axis=1)
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, turn.ravel())
    camera.quat = quat
    tone = rng.uniform(0.40, 0.75)
    spec.geom("table").rgba = [*np.clip(tone + rng.normal(0, 0.04, 3), 0.2, 0.95), 1.0]


def _add_object(
    spec: Any, name: str, kind: str, body: Body, xy: tuple[float, float], yaw: float, radius: float, height: float
) -> None:
    """Meshes to be seen, and one simple shape to be touched."""
    thing = spec.worldbody.add_body(name=name, pos=[*xy, 0.002], quat=[math.cos(yaw / 2), 0, 0, math.sin(yaw / 2)])
    thing.add_freejoint()
    meshes = _meshes()
    for number, part in enumerate(body.parts):
        mesh = meshes[part.mesh]
        item = spec.add_mesh(name=f"{name}-{number}", inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL)
        corners = np.stack([mesh.faces.ravel(), mesh.face_normals.ravel()], 1)
        pairs, rows = np.unique(corners, axis=0, return_inverse=True)
        normals = mesh.normals[pairs[:, 1]] @ np.linalg.inv(part.matrix)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        item.uservert = (mesh.vertices[pairs[:, 0]] @ part.matrix.T + part.offset).ravel()
        item.userface, item.usernormal, item.userfacenormal = rows.ravel(), normals.ravel(), rows.ravel()
        thing.add_geom(
            type=mujoco.mjtGeom.mjGEOM_MESH,
            meshname=f"{name}-{number}",
            contype=0,
            conaffinity=0,
            mass=0.0,
            rgba=[*part.rgb, 1.0],
            group=1,
        )
    half = height / 2
    solid = {"group": 3, "rgba": [0, 0, 0, 0], "mass": 0.08, "friction": [1.2, 0.02, 0.001], "condim": 6}
    if kind == "ball":
        thing.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[radius, 0, 0], pos=[0, 0, radius], **solid)
    elif kind == "cube":
        side = radius / math.sqrt(2)
        thing.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=[side, side, half], pos=[0, 0, half], **solid)
    else:
        thing.add_geom(type=mujoco.mjtGeom.mjGEOM_CYLINDER, size=[radius, half, 0], pos=[0, 0, half], **solid)
