"use strict";
// A small sketcher: atoms, bonds, elements, orders, charges. It knows no chemistry; the server reads what it draws.

const BOND_LENGTH = 46; // pixels of the viewBox
const ATOM_RADIUS = 14;
const MARGIN = 30; // around an opened molecule
const ELEMENTS = ["C", "N", "O", "S", "P", "F", "Cl", "Br", "I"];
const ELEMENT_KEYS = { c: "C", n: "N", o: "O", s: "S", p: "P", f: "F", l: "Cl", r: "Br", i: "I" };
const ELEMENT_COLOURS = { N: "#0064A3", O: "#B84A00", F: "#00755A", Cl: "#00755A", S: "#8A6500", P: "#A3477A", Br: "#7A3B1A", I: "#5B3A8C" };
const ORDER_NAMES = { 1: "single bond", 2: "double bond", 3: "triple bond" };
const SVG = "http://www.w3.org/2000/svg";

class Sketcher {
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.atoms = []; // { element, charge, x, y }
    this.bonds = []; // { from, to, order }
    this.past = [];
    this.element = "C";
    this.order = 1;
    this.tool = "draw"; // draw, erase, plus, minus
    this.chosen = null;
    this.press = null;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", () => { this.press = null; this.draw(); });
    canvas.addEventListener("keydown", (event) => this.key(event));
    this.draw();
  }

  // What was before, so that it can be taken back.
  remember() {
    this.past.push(JSON.stringify([this.atoms, this.bonds]));
    if (this.past.length > 200) this.past.shift();
  }

  undo() {
    if (this.past.length === 0) return;
    [this.atoms, this.bonds] = JSON.parse(this.past.pop());
    this.chosen = null;
    this.finish();
  }

  clear() {
    if (this.atoms.length === 0) return;
    this.remember();
    this.atoms = [];
    this.bonds = [];
    this.chosen = null;
    this.finish();
  }

  // Other atoms and bonds, with places in bond lengths and y upwards, as large as the canvas lets them be.
  open(atoms, bonds) {
    this.remember();
    const { width, height } = this.canvas.viewBox.baseVal;
    const range = (values) => [Math.min(...values), Math.max(...values)];
    const [left, right] = range(atoms.map(({ x }) => x));
    const [low, high] = range(atoms.map(({ y }) => y));
    const room = (size, span) => (size - 2 * MARGIN) / (span || 1);
    const scale = Math.min(BOND_LENGTH, room(width, right - left), room(height, high - low));
    this.atoms = atoms.map(({ element, charge, x, y }) => ({
      element, charge,
      x: width / 2 + scale * (x - (left + right) / 2),
      y: height / 2 - scale * (y - (low + high) / 2),
    }));
    this.bonds = bonds.map(({ from, to, order }) => ({ from, to, order }));
    this.chosen = null;
    this.draw();
  }

  finish() {
    this.draw();
    this.changed(this);
  }

  point(event) {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.canvas.getScreenCTM().inverse());
    return { x: at.x, y: at.y };
  }

  atomAt({ x, y }) {
    let best = null, least = ATOM_RADIUS;
    this.atoms.forEach((atom, index) => {
      const distance = Math.hypot(atom.x - x, atom.y - y);
      if (distance <= least) { best = index; least = distance; }
    });
    return best;
  }

  bondAt({ x, y }) {
    let best = null, least = 9;
    this.bonds.forEach((bond, index) => {
      const a = this.atoms[bond.from], b = this.atoms[bond.to];
      const dx = b.x - a.x, dy = b.y - a.y;
      const share = Math.min(1, Math.max(0, ((x - a.x) * dx + (y - a.y) * dy) / (dx * dx + dy * dy)));
      const distance = Math.hypot(a.x + share * dx - x, a.y + share * dy - y);
      if (distance <= least) { best = index; least = distance; }
    });
    return best;
  }

  down(event) {
    if (event.button !== 0) return;
    this.canvas.focus();
    const at = this.point(event);
    this.press = { at, now: at, atom: this.atomAt(at), dragged: false };
    this.canvas.setPointerCapture(event.pointerId);
  }

  move(event) {
    if (!this.press) return;
    this.press.now = this.point(event);
    const { at, now } = this.press;
    if (Math.hypot(now.x - at.x, now.y - at.y) > ATOM_RADIUS) this.press.dragged = true;
    this.draw();
  }

  up(event) {
    const press = this.press;
    this.press = null;
    if (!press) return;
    const at = this.point(event);
    if (this.tool === "draw" && press.dragged && press.atom !== null) this.drag(press.atom, at);
    else if (!press.dragged) this.click(at);
    else this.draw();
  }

  // From an atom to another, or to a new one in the direction of the pointer.
  drag(from, at) {
    const onto = this.atomAt(at);
    if (onto === from) return this.draw();
    this.remember();
    if (onto !== null) {
      this.join(from, onto);
      this.chosen = onto;
    } else {
      const start = this.atoms[from];
      const step = Math.PI / 12;
      const angle = Math.round(Math.atan2(at.y - start.y, at.x - start.x) / step) * step;
      this.chosen = this.addAtom(start.x + BOND_LENGTH * Math.cos(angle), start.y + BOND_LENGTH * Math.sin(angle));
      this.join(from, this.chosen);
    }
    this.finish();
  }

  click(at) {
    const atom = this.atomAt(at);
    const bond = atom === null ? this.bondAt(at) : null;
    if (this.tool === "erase") {
      if (atom !== null) this.eraseAtom(atom);
      else if (bond !== null) this.eraseBond(bond);
    } else if (this.tool === "plus" || this.tool === "minus") {
      if (atom !== null) this.charge(atom, this.tool === "plus" ? 1 : -1);
    } else if (atom !== null) {
      this.grow(atom);
    } else if (bond !== null) {
      this.remember();
      const { order } = this.bonds[bond];
      this.bonds[bond].order = order === this.order ? (order % 3) + 1 : this.order;
      this.finish();
    } else {
      this.remember();
      this.chosen = this.addAtom(at.x, at.y);
      this.finish();
    }
  }

  addAtom(x, y) {
    const { width, height } = this.canvas.viewBox.baseVal;
    const inside = (value, size) => Math.min(size - 20, Math.max(20, value));
    this.atoms.push({ element: this.element, charge: 0, x: inside(x, width), y: inside(y, height) });
    return this.atoms.length - 1;
  }

  join(from, to) {
    const old = this.bonds.find((bond) => (bond.from === from && bond.to === to) || (bond.from === to && bond.to === from));
    if (old) old.order = this.order;
    else this.bonds.push({ from, to, order: this.order });
  }

  // A neighbour in the direction that is most free.
  grow(from) {
    this.remember();
    const { x, y } = this.atoms[from];
    const taken = this.bonds
      .filter((bond) => bond.from === from || bond.to === from)
      .map((bond) => this.atoms[bond.from === from ? bond.to : bond.from])
      .map((atom) => Math.atan2(atom.y - y, atom.x - x));
    let best = -Math.PI / 6, most = -Infinity;
    for (let turn = 0; turn < 12; turn++) {
      const angle = -Math.PI / 6 + (turn * Math.PI) / 6;
      const end = { x: x + BOND_LENGTH * Math.cos(angle), y: y + BOND_LENGTH * Math.sin(angle) };
      const { width, height } = this.canvas.viewBox.baseVal;
      if (end.x < 20 || end.y < 20 || end.x > width - 20 || end.y > height - 20) continue;
      const apart = taken.map((other) => Math.abs(Math.atan2(Math.sin(angle - other), Math.cos(angle - other))));
      // 120 degrees is as good as it gets; other atoms are kept away from.
      const room = Math.min((2 * Math.PI) / 3, ...apart);
      const near = Math.min(BOND_LENGTH, ...this.atoms.map((atom) => Math.hypot(atom.x - end.x, atom.y - end.y)));
      const score = room + near / BOND_LENGTH;
      if (score > most + 1e-9) { most = score; best = angle; }
    }
    this.chosen = this.addAtom(x + BOND_LENGTH * Math.cos(best), y + BOND_LENGTH * Math.sin(best));
    this.join(from, this.chosen);
    this.finish();
  }

  eraseAtom(index) {
    this.remember();
    this.atoms.splice(index, 1);
    this.bonds = this.bonds.filter((bond) => bond.from !== index && bond.to !== index);
    for (const bond of this.bonds) {
      if (bond.from > index) bond.from--;
      if (bond.to > index) bond.to--;
    }
    this.chosen = this.atoms.length > 0 ? Math.max(0, index - 1) : null;
    this.finish();
  }

  eraseBond(index) {
    this.remember();
    this.bonds.splice(index, 1);
    this.finish();
  }

  charge(index, by) {
    this.remember();
    const atom = this.atoms[index];
    atom.charge = Math.min(3, Math.max(-3, atom.charge + by));
    this.finish();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    const chosen = this.chosen;
    if (ELEMENT_KEYS[key]) this.choose({ element: ELEMENT_KEYS[key] });
    else if (["1", "2", "3"].includes(key)) this.choose({ order: Number(key) });
    else if (key === "z") this.undo();
    else if (key === "ArrowLeft" || key === "ArrowRight") {
      if (this.atoms.length === 0) return;
      const step = key === "ArrowRight" ? 1 : -1;
      this.chosen = ((chosen ?? (step > 0 ? -1 : 0)) + step + this.atoms.length) % this.atoms.length;
      this.draw();
    } else if (key === "Enter") {
      if (chosen !== null) this.grow(chosen);
      else {
        const { width, height } = this.canvas.viewBox.baseVal;
        this.remember();
        this.chosen = this.addAtom(width / 3, height / 2);
        this.finish();
      }
    } else if (chosen === null) return;
    else if (key === " ") {
      this.remember();
      this.atoms[chosen].element = this.element;
      this.finish();
    } else if (key === "+" || key === "-") this.charge(chosen, key === "+" ? 1 : -1);
    else if (key === "Delete" || key === "Backspace") this.eraseAtom(chosen);
    else return;
    event.preventDefault();
  }

  // An element, an order or a tool; the buttons follow.
  choose({ element, order, tool }) {
    if (element) this.element = element;
    if (order) this.order = order;
    this.tool = tool ?? "draw";
    for (const button of document.querySelectorAll("#sketcher button[data-choice]")) {
      const choice = JSON.parse(button.dataset.choice);
      const pressed = choice.tool ? choice.tool === this.tool
        : this.tool === "draw" && (choice.element === this.element || choice.order === this.order);
      button.setAttribute("aria-pressed", String(pressed));
    }
  }

  // The drawing as a V2000 mol block; y points up there.
  molfile() {
    const three = (number) => String(number).padStart(3);
    const place = (number) => (number / BOND_LENGTH * 1.5).toFixed(4).padStart(10);
    const lines = ["", "  sketcher          2D", "", `${three(this.atoms.length)}${three(this.bonds.length)}  0  0  0  0  0  0  0  0999 V2000`];
    for (const { element, x, y } of this.atoms) {
      lines.push(`${place(x)}${place(-y)}${place(0)} ${element.padEnd(3)} 0  0  0  0  0  0  0  0  0  0  0  0`);
    }
    for (const { from, to, order } of this.bonds) lines.push(`${three(from + 1)}${three(to + 1)}${three(order)}  0`);
    this.atoms.forEach(({ charge }, index) => {
      if (charge !== 0) lines.push(`M  CHG  1${String(index + 1).padStart(4)}${String(charge).padStart(4)}`);
    });
    lines.push("M  END", "");
    return lines.join("\n");
  }

  draw() {
    const canvas = this.canvas;
    canvas.replaceChildren();
    const add = (name, attributes, text) => {
      const node = document.createElementNS(SVG, name);
      for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
      if (text !== undefined) node.textContent = text;
      canvas.append(node);
    };
    for (const { from, to, order } of this.bonds) {
      const a = this.atoms[from], b = this.atoms[to];
      const length = Math.hypot(b.x - a.x, b.y - a.y) || 1;
      const nx = (-(b.y - a.y) / length) * 5, ny = ((b.x - a.x) / length) * 5;
      const shifts = { 1: [0], 2: [-0.6, 0.6], 3: [-1, 0, 1] }[order];
      for (const shift of shifts) {
        add("line", { x1: a.x + nx * shift, y1: a.y + ny * shift, x2: b.x + nx * shift, y2: b.y + ny * shift });
      }
    }
    const { press } = this;
    if (press && press.dragged && press.atom !== null && this.tool === "draw") {
      const { x, y } = this.atoms[press.atom];
      add("line", { x1: x, y1: y, x2: press.now.x, y2: press.now.y, "stroke-dasharray": "4 5" });
    }
    const bonded = new Set(this.bonds.flatMap((bond) => [bond.from, bond.to]));
    this.atoms.forEach(({ element, charge, x, y }, index) => {
      const sign = { 0: "", 1: "+", "-1": "−" }[charge] ?? `${Math.abs(charge)}${charge > 0 ? "+" : "−"}`;
      const labelled = element !== "C" || charge !== 0 || !bonded.has(index);
      if (labelled) add("circle", { cx: x, cy: y, r: 11, class: "label" });
      if (index === this.chosen) add("circle", { cx: x, cy: y, r: ATOM_RADIUS, class: "chosen" });
      if (labelled) add("text", { x, y, fill: ELEMENT_COLOURS[element] ?? "#1A1A1A" }, element + sign);
    });
    if (this.atoms.length === 0) add("text", { x: 280, y: 170, class: "hint" }, "click to place an atom");
  }
}
