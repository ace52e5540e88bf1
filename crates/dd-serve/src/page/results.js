// What the server says, shown. Text goes in as text, never as markup.

const element = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
};

const card = (title, ...children) => element("div", { class: "card" }, element("h2", {}, title), ...children);

// Four digits that count, and no more zeros than needed.
const number = (value) => String(Number(value.toPrecision(4)));

const depiction = (smiles) => `/v1/depict?smiles=${encodeURIComponent(smiles)}`;

// Which classes of a binary target are not ruled out.
const SET_WORDS = { "0": "the set is 0", "1": "the set is 1", "0 or 1": "the set is 0 or 1: it cannot tell", neither: "the set is empty" };

function showPredictions(place, answers) {
  place.replaceChildren(...answers.map(({ model, targets, rows: [row] }) => {
    if (row.status !== "ok") return card(model, element("p", {}, row.error.message));
    const list = element("dl");
    for (const { name, unit, kind } of targets) {
      const value = kind === "binary" ? `${number(100 * row[name])} %` : number(row[name]);
      const shown = element("dd", {}, value);
      const interval = row.intervals?.[name];
      if (unit) shown.append(" ", element("small", {}, unit));
      const set = row.sets?.[name];
      if (set) shown.append(" ", element("small", {}, SET_WORDS[set] ?? set));
      if (interval) shown.append(" ", element("small", {}, `${number(interval[0])} to ${number(interval[1])}`));
      list.append(element("dt", {}, kind === "binary" ? `${name}, probability` : name), shown);
    }
    const unlike = row.in_domain === false && element("p", { class: "unlike" }, "Unlike the molecules that it learned from.");
    return card(model, list, ...(unlike ? [unlike] : []));
  }));
}

function showNeighbours(place, answer, choose) {
  if (!answer) return place.replaceChildren();
  const [row] = answer.rows;
  if (row.status !== "ok") return place.replaceChildren(card("Neighbours", element("p", {}, row.error.message)));
  const list = element("ol");
  for (const near of row.neighbours) {
    const button = element("button", { type: "button", title: near.input },
      element("img", { src: depiction(near.input), alt: near.input, loading: "lazy" }),
      near.name || `row ${near.row}`, element("small", {}, `${answer.metric} ${near.distance.toFixed(3)}`));
    button.addEventListener("click", () => choose(near.input));
    list.append(element("li", {}, button));
  }
  place.replaceChildren(card(`Neighbours by ${answer.model}`, list));
}

// The numbers of an embedding as bars: a fingerprint for the eye.
function showEmbedding(place, answer) {
  if (!answer || answer.rows[0].status !== "ok") return place.replaceChildren();
  const values = answer.rows[0].embedding;
  const peak = Math.max(...values.map(Math.abs)) || 1;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 -1 ${values.length} 2`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${values.length} numbers between ${number(-peak)} and ${number(peak)}`);
  values.forEach((value, index) => {
    const bar = document.createElementNS(SVG, "rect");
    const height = Math.abs(value) / peak;
    const attributes = { x: index, width: 0.8, y: value > 0 ? -height : 0, height };
    for (const [key, at] of Object.entries(attributes)) bar.setAttribute(key, at);
    bar.style.fill = value > 0 ? "var(--bar)" : "var(--bar-below)";
    svg.append(bar);
  });
  place.replaceChildren(card(`Embedding by ${answer.model}: ${values.length} numbers`, svg));
}
