// View: which part of the picture is on the canvas, and what lies under a point of it.

export const HANDLES = [[0, 0], [0.5, 0], [1, 0], [1, 0.5], [1, 1], [0.5, 1], [0, 1], [0, 0.5]];
const REACH = 8; // px of the screen

export class View {
  constructor() {
    this.scale = 1; // px of the screen for each px of the picture
    this.left = this.top = 0; // where the picture's corner lies, px of the screen
  }

  fit(width, height, wide, high) {
    this.scale = Math.min(wide / width, high / height);
    this.left = (wide - width * this.scale) / 2;
    this.top = (high - height * this.scale) / 2;
  }

  zoom(factor, x, y) {
    const scale = Math.min(60, Math.max(0.02, this.scale * factor));
    this.left = x - ((x - this.left) * scale) / this.scale;
    this.top = y - ((y - this.top) * scale) / this.scale;
    this.scale = scale;
  }

  toPicture(x, y) {
    return [(x - this.left) / this.scale, (y - this.top) / this.scale];
  }

  toScreen(x, y) {
    return [x * this.scale + this.left, y * this.scale + this.top];
  }

  handleAt([left, top, right, bottom], x, y) {
    return HANDLES.find(([across, down]) => {
      const [px, py] = this.toScreen(left + (right - left) * across, top + (bottom - top) * down);
      return Math.abs(px - x) <= REACH && Math.abs(py - y) <= REACH;
    });
  }

  // The smallest box at a point; one whose edge is a little beside it counts.
  boxAt(boxes, x, y) {
    const [px, py] = this.toPicture(x, y);
    const slack = 3 / this.scale;
    const area = ({ box: [left, top, right, bottom] }) => (right - left) * (bottom - top);
    const isUnder = ({ box: [left, top, right, bottom] }) => px >= left - slack && px <= right + slack && py >= top - slack && py <= bottom + slack;
    return boxes.filter(isUnder).sort((a, b) => area(a) - area(b))[0];
  }
}
