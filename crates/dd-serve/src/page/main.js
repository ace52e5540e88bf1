// The page: a text field, a sketcher, and what the server says of them.

const $ = (id) => document.getElementById(id);
const WAIT = 150; // milliseconds after the last key

class Refused extends Error {
  constructor(error) { super(error.message); this.error = error; }
}

async function ask(address, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  };
  const response = await fetch(address, options);
  const answer = await response.json();
  if (!response.ok) throw new Refused(answer.error);
  return answer;
}

let served = null;
let latest = 0; // answers of older questions are dropped

function fault(message) {
  $("fault").textContent = message ?? "";
  $("fault").hidden = !message;
  $("smiles").setAttribute("aria-invalid", String(Boolean(message)));
}

function trouble(message) {
  $("trouble").textContent = message ?? "";
  $("trouble").hidden = !message;
}

function blank() {
  $("picture").hidden = true;
  for (const id of ["predictions", "neighbours", "embedding"]) $(id).replaceChildren();
}

async function show(smiles) {
  const question = ++latest;
  trouble(null);
  if (smiles.trim() === "") { fault(null); blank(); return; }
  try {
    served ??= await ask("/v1/models");
    const rows = { smiles: [smiles] };
    const predictors = served.models.filter((model) => model.targets.length > 0);
    const [embedding, neighbours, ...predictions] = await Promise.all([
      ask("/v1/embed", rows),
      served.index ? ask("/v1/neighbours", { ...rows, k: 6 }) : null,
      ...predictors.map((model) => ask("/v1/predict", { ...rows, model: model.name })),
    ]);
    if (question !== latest) return;
    const [row] = embedding.rows;
    fault(row.status === "ok" ? null : row.error.message);
    if (row.status !== "ok") { blank(); return; }
    const image = $("picture").querySelector("img");
    image.src = depiction(smiles);
    image.alt = `The molecule ${smiles}`;
    $("picture").hidden = false;
    showPredictions($("predictions"), predictions);
    showNeighbours($("neighbours"), neighbours, write);
    showEmbedding($("embedding"), predictions.length === 0 ? embedding : null);
    $("answer").dataset.shown = smiles;
  } catch (error) {
    if (question !== latest) return;
    blank();
    trouble(error instanceof Refused ? error.message : "The server does not answer.");
  }
}

let timer;
function write(smiles) {
  $("smiles").value = smiles;
  clearTimeout(timer);
  show(smiles);
}

$("smiles").addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(() => show($("smiles").value), WAIT);
});
for (const button of document.querySelectorAll("[data-smiles]")) {
  button.addEventListener("click", () => write(button.dataset.smiles));
}

const sketcher = new Sketcher($("canvas"), async (sketch) => {
  const question = ++latest;
  clearTimeout(timer);
  if (sketch.atoms.length === 0) { write(""); return; }
  try {
    const { smiles } = await ask("/v1/read", { molfile: sketch.molfile() });
    if (question === latest) write(smiles);
  } catch (error) {
    if (question !== latest) return;
    blank();
    $("smiles").value = "";
    fault(error instanceof Refused ? `The drawing cannot be read.\n${error.message}` : null);
    if (!(error instanceof Refused)) trouble("The server does not answer.");
  }
});

// What is typed, as a drawing to be changed.
$("open").addEventListener("click", async () => {
  const smiles = $("smiles").value;
  if (smiles.trim() === "") return;
  const question = latest;
  try {
    const drawing = await ask(`/v1/layout?smiles=${encodeURIComponent(smiles)}`);
    if (question !== latest) return;
    sketcher.open(drawing.atoms, drawing.bonds);
    trouble(drawing.same ? null : `The drawing has no stereochemistry, isotopes or radicals: a change makes this of ${drawing.smiles}.`);
    $("canvas").focus();
  } catch (error) {
    trouble(error instanceof Refused ? error.message : "The server does not answer.");
  }
});

function tool(place, text, choice, title) {
  const button = element("button", { type: "button", title, "aria-label": title }, text);
  if (choice) {
    button.dataset.choice = JSON.stringify(choice);
    button.addEventListener("click", () => sketcher.choose(choice));
  }
  $(place).append(button);
  return button;
}

for (const symbol of ELEMENTS) tool("elements", symbol, { element: symbol }, symbol);
[[1, "−"], [2, "="], [3, "≡"]].forEach(([order, text]) => tool("orders", text, { order }, ORDER_NAMES[order]));
tool("others", "⊕", { tool: "plus" }, "more positive");
tool("others", "⊖", { tool: "minus" }, "more negative");
tool("others", "erase", { tool: "erase" }, "erase atoms and bonds");
tool("others", "undo", null, "take back").addEventListener("click", () => sketcher.undo());
tool("others", "clear", null, "clear the drawing").addEventListener("click", () => sketcher.clear());
sketcher.choose({});

// A molecule in the address: /#CCO
if (location.hash.length > 1) write(decodeURIComponent(location.hash.slice(1)));
