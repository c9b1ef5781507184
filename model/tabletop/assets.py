"""Assets: the MuJoCo model of every mesh and texture of the scenes, without bodies."""

# MuJoCo comes without types.
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from .objects import Vector, make_meshes
from .textures import TEXTURE_SIZE_PX, make_textures


@dataclass(frozen=True, slots=True)
class Assets:
    """A compiled model.

    Args:
        model: its material i shows texture i.
        meshes: each mesh's index in the model, and the (3, 3) rotation and (3,) offset from its own frame to the one it
            was defined in: the compiler moves a mesh to its centre and principal axes.
    """

    model: Any
    meshes: dict[str, tuple[int, Vector, Vector]]


def compile_assets(width_px: int, height_px: int) -> Assets:
    """Compile all meshes and textures into one model, for pictures of this size."""
    spec = mujoco.MjSpec()
    spec.visual.global_.offwidth, spec.visual.global_.offheight = width_px, height_px
    spec.visual.quality.shadowsize = 1024
    spec.visual.map.shadowclip = 1.2
    spec.stat.extent = 1.0
    spec.stat.center = [0.0, 0.0, 0.0]
    _add_meshes(spec)
    _add_textures(spec)
    model = spec.compile()
    meshes: dict[str, tuple[int, Vector, Vector]] = {}
    for name in make_meshes():
        row = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_MESH, name)
        matrix = np.zeros(9)
        mujoco.mju_quat2Mat(matrix, model.mesh_quat[row])
        meshes[name] = (row, matrix.reshape(3, 3), model.mesh_pos[row].copy())
    return Assets(model, meshes)


def _add_meshes(spec: Any) -> None:
    for name, mesh in make_meshes().items():
        item = spec.add_mesh(name=name, inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL)
        corners = np.stack([mesh.faces.ravel(), mesh.face_normals.ravel()], 1)
        # The compiler confuses separately indexed normals, so each vertex is stored with its one normal.
        pairs, rows = np.unique(corners, axis=0, return_inverse=True)
        item.uservert, item.userface = mesh.vertices[pairs[:, 0]].ravel(), rows.ravel()
        item.usernormal, item.userfacenormal = mesh.normals[pairs[:, 1]].ravel(), rows.ravel()


def _add_textures(spec: Any) -> None:
    size = TEXTURE_SIZE_PX
    for i, picture in enumerate(make_textures()):
        kind = mujoco.mjtTexture.mjTEXTURE_2D
        texture = spec.add_texture(name=f"t{i}", type=kind, width=size, height=size, nchannel=3)
        texture.data = picture.tobytes()
        material = spec.add_material(name=f"m{i}")
        material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = f"t{i}"
