"""A scripted day before a camera: wind, clouds, rain and night, and visits of animals whose times are known."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Plane = NDArray[np.float32]
WIDE, HIGH = 320, 180


@dataclass(frozen=True)
class Visit:
    """An animal that walks through the picture: when, how large (px), how fast (px/s), how dark (-1..1)."""

    begin_s: float
    end_s: float
    size_px: float
    y_px: float
    speed_px_s: float
    contrast: float
    texture: int

    def is_there(self, time_s: float) -> bool:
        return self.begin_s <= time_s < self.end_s


class Day:
    """A day of `length_s` seconds: its second half is night.

    Args:
        seed: of everything that is drawn at random.
        visits: how many animals come.
    """

    def __init__(self, seed: int, length_s: float, visits: int, rate_hz: float = 5.0) -> None:
        self.random = np.random.default_rng(seed)
        self.length_s, self.rate_hz = length_s, rate_hz
        self.scene = self._scene()
        self.leaves = self._leaves()
        self.visits = self._visits(visits)
        self.clouds = self._clouds()
        self.steps_s = sorted(self.random.uniform(20, length_s, 30).tolist())  # the sun goes, or exposure jumps
        self.gains = [1.0, *self.random.uniform(0.6, 1.4, 30).tolist()]

    def frames(self) -> Iterator[tuple[float, Grey, bool]]:
        """Time, picture, and whether a visitor is there."""
        rows, columns = np.mgrid[0:HIGH, 0:WIDE].astype(np.float32)
        for number in range(int(self.length_s * self.rate_hz)):
            time_s = number / self.rate_hz
            wind = self._wind(time_s)
            phase = self.leaves[..., 1]
            amount = wind * self.leaves[..., 0]
            shift_x = amount * np.sin(2.6 * time_s + phase) + 0.3 * amount * np.sin(7.1 * time_s + 3 * phase)
            shift_y = 0.5 * amount * np.cos(1.9 * time_s + 2 * phase)
            picture = np.asarray(cv2.remap(self.scene, columns + shift_x, rows + shift_y, cv2.INTER_LINEAR), np.float32)
            here = [visit for visit in self.visits if visit.is_there(time_s)]
            for visit in here:
                self._draw(picture, visit, time_s)
            yield time_s, self._exposed(picture, time_s), bool(here)

    def _exposed(self, picture: Plane, time_s: float) -> Grey:
        night = min(1.0, max(0.0, (time_s / self.length_s - 0.45) / 0.1))
        gain = self.gains[int(np.searchsorted(self.steps_s, time_s))]
        at = int(time_s * 4) % (self.clouds.shape[1] - WIDE)
        cloudy = 0.55 + 0.45 * self.clouds[:, at : at + WIDE]
        lit = (
            picture * (1 + night * (0.22 * gain - 1)) if night == 1.0 else picture * gain * cloudy * (1 - 0.75 * night)
        )
        if self._rains(time_s):
            lit = self._rain(lit)
        noise = self.random.normal(0, 1.5 + 3.0 * night, (HIGH, WIDE)).astype(np.float32)
        return np.clip(lit + noise, 0, 255).astype(np.uint8)

    def _wind(self, time_s: float) -> float:
        gust = max(0.0, np.sin(time_s / 47) + 0.6 * np.sin(time_s / 13))
        return 0.4 + 2.2 * gust * (0.5 + 0.5 * np.sin(time_s / 311))

    def _rains(self, time_s: float) -> bool:
        return 0.25 < time_s / self.length_s < 0.4 or 0.7 < time_s / self.length_s < 0.8

    def _rain(self, picture: Plane) -> Plane:
        streaks = np.zeros((HIGH, WIDE), np.float32)
        for _ in range(60):
            x, y = int(self.random.integers(WIDE)), int(self.random.integers(HIGH))
            length = int(self.random.integers(6, 22))
            cv2.line(streaks, (x, y), (x - length // 6, y + length), (float(self.random.uniform(10, 45)),), 1)
        return picture + streaks

    def _draw(self, picture: Plane, visit: Visit, time_s: float) -> None:
        passed_s = time_s - visit.begin_s
        pause = min(max(passed_s - 2.0, 0.0), 1.5)  # it stops to look
        x = visit.speed_px_s * (passed_s - pause)
        x = x - visit.size_px if visit.speed_px_s > 0 else WIDE + visit.size_px + x
        body = np.zeros((HIGH, WIDE), np.uint8)
        bob = visit.y_px + 0.06 * visit.size_px * np.sin(9 * time_s)
        half = visit.size_px / 2
        cv2.ellipse(body, (int(x), int(bob)), (int(half), int(half * 0.55)), 0, 0, 360, (255,), -1)
        cv2.circle(
            body, (int(x + np.sign(visit.speed_px_s) * half), int(bob - half * 0.5)), int(half * 0.4), (255,), -1
        )
        for leg in (-0.5, 0.4):
            swing = 0.25 * np.sin(8 * time_s + leg)
            foot = int(x + (leg + swing) * half), int(bob + visit.size_px * 0.5)
            cv2.line(body, (int(x + leg * half), int(bob)), foot, (255,), max(1, int(half * 0.15)))
        mask = cv2.GaussianBlur(body, (3, 3), 0).astype(np.float32) / 255
        fur = 1 + 0.25 * cv2.resize(
            np.random.default_rng(visit.texture).normal(0, 1, (45, 80)).astype(np.float32), (WIDE, HIGH)
        )
        coat = (110 + 90 * visit.contrast) * fur
        picture[:] = picture * (1 - mask) + coat * mask

    def _scene(self) -> Plane:
        ground = cv2.resize(
            self.random.normal(0, 1, (12, 20)).astype(np.float32), (WIDE, HIGH), interpolation=cv2.INTER_CUBIC
        )
        fine = cv2.resize(self.random.normal(0, 1, (90, 160)).astype(np.float32), (WIDE, HIGH))
        slope = np.linspace(150, 90, HIGH, dtype=np.float32)[:, None]
        picture = slope + 14 * ground + 9 * fine
        for _ in range(6):  # trunks
            x = int(self.random.integers(WIDE))
            cv2.line(
                picture,
                (x, 0),
                (x + int(self.random.integers(-8, 8)), int(self.random.integers(70, 150))),
                (float(self.random.uniform(40, 75)),),
                int(self.random.integers(3, 9)),
            )
        return picture.astype(np.float32)

    def _leaves(self) -> Plane:
        """How far each place sways, and its phase."""
        amount = np.zeros((HIGH, WIDE), np.float32)
        for _ in range(10):
            centre = int(self.random.integers(WIDE)), int(self.random.integers(HIGH * 2 // 3))
            cv2.circle(amount, centre, int(self.random.integers(12, 40)), (float(self.random.uniform(0.4, 1.6)),), -1)
        amount = cv2.GaussianBlur(amount, (21, 21), 0)
        phase = cv2.resize(self.random.uniform(0, 6.28, (9, 16)).astype(np.float32), (WIDE, HIGH))
        return np.dstack([amount, phase]).astype(np.float32)

    def _clouds(self) -> Plane:
        wide = WIDE + 4 * int(self.length_s)
        sky = cv2.resize(
            self.random.normal(0, 1, (6, wide // 60)).astype(np.float32), (wide, HIGH), interpolation=cv2.INTER_CUBIC
        )
        return np.clip(0.5 + 0.5 * sky, 0, 1).astype(np.float32)

    def _visits(self, count: int) -> list[Visit]:
        """Visits that do not overlap, spread over the day."""
        slot_s = (self.length_s - 60) / count
        visits: list[Visit] = []
        for number in range(count):
            size = float(self.random.uniform(14, 60))
            speed = float(self.random.uniform(20, 70)) * (1 if self.random.random() < 0.5 else -1)
            lasts_s = (WIDE + 2 * size) / abs(speed) + 1.5
            begin_s = 60 + slot_s * number + float(self.random.uniform(0, max(1.0, slot_s - lasts_s - 5)))
            contrast = float(self.random.uniform(0.35, 0.9)) * (1 if self.random.random() < 0.4 else -1)
            visits.append(
                Visit(begin_s, begin_s + lasts_s, size, float(self.random.uniform(90, 160)), speed, contrast, number)
            )
        return visits
