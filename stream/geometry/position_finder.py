"""Position finder: gives the tracks of one source their positions in metres, or the reason why they have none."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..frame import Frame
from ..geometry_options import GeometryOptions
from ..position import CameraPose, Covariance, Position
from ..track import Track
from .box_position import Reason
from .camera_model import CameraModel, CameraModelError
from .depth_grid import DepthGrid, DepthGridMaker
from .frame_geometry import FrameGeometry, SeenBox, sizes_of
from .pose_buffer import CaptureMoment
from .position_kalman import PositionKalman
from .rigid_transform import RigidTransform, Vector
from .sensors import Sensors
from .stereo import Sighting, Sightings, sight
from .uncertainty import CameraPlace, Measured, fixed_place, moving_place

_MAX_STEP_S = 3600.0


@dataclass(frozen=True, slots=True)
class Placed:
    """The tracks of a frame with their positions.

    Args:
        tracks: as given, each with `position` or `no_position`.
        pose: where the camera was; None where that is not known.
        calibration: changes with the camera's calibration.
    """

    tracks: tuple[Track, ...]
    pose: CameraPose | None
    calibration: str


@dataclass(slots=True, eq=False)
class _TrackFilter:
    """A track's filter, what was last measured with it, and why a later frame measured nothing."""

    kalman: PositionKalman
    last: Measured
    reason: Reason = "not_seen"


class PositionFinder:
    """Positions of one source's tracks. For the node's loop; other threads fill `sensors`.

    Attributes:
        sensors: takes poses and depth pictures as they arrive.

    Args:
        source: the source's name.
        options: its geometry.
        sightings: what all sources of the node saw last, for two cameras.
        sensors: those of an earlier finder of the same source, which may already have poses.

    Raises:
        CameraModelError, TransformError: a camera or a place that cannot be.
    """

    def __init__(
        self, source: str, options: GeometryOptions, sightings: Sightings, sensors: Sensors | None = None
    ) -> None:
        self.options = options
        self.sensors = sensors or Sensors(options)
        self._source = source
        self._sightings = sightings
        self._calibrated = CameraModel(options.camera)
        self._calibration = _version_of(options)
        self._fixed: CameraPlace | None = None
        if options.base_from_camera is not None:
            self._fixed = fixed_place(RigidTransform.from_placement(options.base_from_camera), options.noise)
        self._mount = RigidTransform.from_placement(options.flange_from_camera) if options.flange_from_camera else None
        self._camera: CameraModel | None = None
        self._size_warning: str | None = None
        self._grids = DepthGridMaker(options.depth) if options.depth else None
        self._filters: dict[str, _TrackFilter] = {}
        self._time_s: float | None = None

    @property
    def warning(self) -> str | None:
        """What is wrong with the calibration, the poses or the depth now; None where nothing is."""
        texts = (self._size_warning, self.sensors.warning, self._grids.warning if self._grids else None)
        return "; ".join(f"geometry: {text}" for text in texts if text) or None

    def awaits(self, frame: Frame, latency_ms: float) -> bool:
        """Whether a pose for the frame is on its way."""
        moment = _moment_of(frame, latency_ms)
        return self._mount is not None and moment is not None and self.sensors.poses.awaits(moment)

    def place(self, frame: Frame, tracks: Sequence[Track], latency_ms: float) -> Placed:
        """Give each track of a frame its position.

        Args:
            frame: the frame, with its depth picture where one was sent with it.
            tracks: as the tracker gives them for this very frame.
            latency_ms: the source's `camera_latency_ms`, which the sender's own stamp does not hold.
        """
        moment = _moment_of(frame, latency_ms)
        step_s = self._step_s(frame.time_s)
        place = self._place_of(moment)
        measured = self._measure(frame, moment, tracks, place)
        placed = tuple(self._filtered(track, one, step_s) for track, one in zip(tracks, measured, strict=True))
        alive = {track.uid for track in tracks}
        self._filters = {uid: one for uid, one in self._filters.items() if uid in alive}
        return Placed(placed, self._pose_of(place), self._calibration)

    def _step_s(self, time_s: float) -> float:
        last, self._time_s = self._time_s, time_s
        step_s = 0.0 if last is None else time_s - last
        return min(_MAX_STEP_S, max(0.0, step_s)) if math.isfinite(step_s) else 0.0

    def _place_of(self, moment: CaptureMoment | None) -> CameraPlace | Reason:
        if self._mount is None:
            return self._fixed or "no_pose"
        if moment is None:
            return "no_capture_time"
        flange = self.sensors.poses.at(moment)
        if isinstance(flange, str):
            return flange
        return moving_place(flange, self._mount, self.options.noise, moment.error_ms)

    def _pose_of(self, place: CameraPlace | Reason) -> CameraPose | None:
        if isinstance(place, str):
            return None
        one = place.base_from_camera.placement
        gap_ms = None if place.moving is None else place.moving.gap_ms
        return CameraPose(self.options.frame, one.translation_m, one.quaternion_xyzw, gap_ms)

    def _measure(
        self, frame: Frame, moment: CaptureMoment | None, tracks: Sequence[Track], place: CameraPlace | Reason
    ) -> list[Measured | Reason]:
        """What this very frame says about each track."""
        camera = self._camera_of(frame)
        if camera is None or isinstance(place, str):
            why: Reason = place if isinstance(place, str) else "no_calibration"
            return [why] * len(tracks)
        noise = self.options.noise
        seen: list[Sighting | None] = [
            track.detected_xyxy and sight(track.detected_xyxy, track.phrase, camera, place, noise) for track in tracks
        ]
        others: tuple[Sighting, ...] = ()
        if moment is not None:
            self._sightings.put(self._source, self.options.frame, moment.monotonic_ns, filter(None, seen))
            if (stereo := self.options.stereo) is not None:
                others = self._sightings.of(stereo, self.options.frame, moment.monotonic_ns)
        boxes = tuple(track.detected_xyxy for track in tracks if track.detected_xyxy is not None)
        geometry = FrameGeometry(self.options, camera, place, self._grid_of(frame, moment, camera), others, boxes)
        sizes = sizes_of(self.options, [track.phrase for track in tracks])
        asked = [
            SeenBox(track.detected_xyxy, size, sighting)
            for track, size, sighting in zip(tracks, sizes, seen, strict=True)
            if track.detected_xyxy is not None
        ]
        answers = iter(geometry.measure(asked))
        return ["not_seen" if track.detected_xyxy is None else next(answers) for track in tracks]

    def _camera_of(self, frame: Frame) -> CameraModel | None:
        """The camera model at the frame's size; None where the calibration does not fit."""
        if self._camera is None or self._camera.size != (frame.width, frame.height):
            try:
                self._camera, self._size_warning = self._calibrated.scaled_to(frame.width, frame.height), None
            except CameraModelError as error:
                self._camera, self._size_warning = None, str(error)
        return self._camera

    def _grid_of(self, frame: Frame, moment: CaptureMoment | None, camera: CameraModel) -> DepthGrid | None:
        if self._grids is None:
            return None
        depth = frame.depth or (None if moment is None else self.sensors.depth_at(moment))
        return None if depth is None else self._grids.make(depth, camera)

    def _filtered(self, track: Track, measured: Measured | Reason, step_s: float) -> Track:
        """The track with the position of its filter after this frame; or the reason why it has none."""
        one = self._filters.get(track.uid)
        if one is not None:
            one.kalman.predict(step_s)
        if isinstance(measured, str):
            if one is None:
                return replace(track, no_position=measured)
            one.reason = measured
        elif one is None or one.last.method != measured.method:  # each method measures another point of the thing
            kalman = PositionKalman(measured.point_m, measured.noise_m2, self.options.noise.acceleration_m_s2)
            one = self._filters[track.uid] = _TrackFilter(kalman, measured)
        elif one.kalman.update(measured.point_m, measured.noise_m2, measured.bias_m2):
            one.last = measured
        else:
            one.reason = "uncertain"
        if one.kalman.predicted_s > self.options.coast_s:
            del self._filters[track.uid]
            return replace(track, no_position=one.reason)
        return self._with_position(track, one)

    def _with_position(self, track: Track, one: _TrackFilter) -> Track:
        kalman, last = one.kalman, one.last
        covariance = kalman.covariance_m2 + last.bias_m2
        predicted_s = kalman.predicted_s or None
        position = Position(
            frame=self.options.frame,
            xyz_m=_triple(kalman.point_m),
            covariance_m2=_packed(covariance),
            method=last.method,
            velocity_m_s=None if kalman.velocity_m_s is None else _triple(kalman.velocity_m_s),
            valid_share=last.valid_share if predicted_s is None else None,
            predicted_s=predicted_s,
        )
        if not math.isfinite(sum(position.xyz_m) + sum(position.covariance_m2)):
            del self._filters[track.uid]
            return replace(track, no_position="uncertain")
        if not position.sigma_m <= self.options.max_sigma_m:
            return replace(track, no_position=one.reason if predicted_s else "uncertain")
        return replace(track, position=position)


def _moment_of(frame: Frame, latency_ms: float) -> CaptureMoment | None:
    """When the frame was taken; None where that is not known."""
    if frame.captured_monotonic_ns is None or frame.captured_unix_ns is None:
        return None
    sender_ns: int | None = None
    if frame.clock == "push":
        sent_ns = frame.captured_sent_unix_ns
        sender_ns = frame.captured_unix_ns if sent_ns is None else sent_ns - int(latency_ms * 1e6)
    return CaptureMoment(frame.captured_monotonic_ns, sender_ns, frame.captured_error_ms or 0.0)


def _version_of(options: GeometryOptions) -> str:
    """A text that is equal for equal calibrations."""
    calibrated = (options.camera, options.base_from_camera, options.flange_from_camera, options.plane)
    depth = None if options.depth is None else (options.depth.camera, options.depth.colour_from_depth)
    return hashlib.sha256(repr((calibrated, depth)).encode()).hexdigest()[:16]


def _triple(vector: Vector) -> tuple[float, float, float]:
    x, y, z = vector.tolist()
    return x, y, z


def _packed(covariance: Vector) -> Covariance:
    (xx, xy, xz), (_, yy, yz), (_, _, zz) = covariance.tolist()
    return xx, xy, xz, yy, yz, zz
