// Labelling: one picture, one key. Each answer is in the file before the next picture comes.

import { ask, make, sentence, swatch } from "./show.js";

const $ = (id) => document.getElementById(id);
/** Keys of the classes, in their order; n, s and z have another meaning. */
const KEYS = "1234567890qwertyuiopdfghjklxcvbm";

let desk;
/** Pictures that wait, the most doubtful first, and those that were answered or skipped. */
let waiting = [];
let past = [];
let busy = false;

function trouble(error) {
  $("trouble").textContent = error ? sentence(error.message) : "";
  $("trouble").hidden = !error;
}

function address(crop) {
  return `/api/crops/${encodeURIComponent(crop.id)}`;
}

function show() {
  const crop = waiting[0];
  const labelled = Object.keys(desk.labels).length;
  $("count").textContent = `${labelled} labelled, ${waiting.length} to go`;
  $("undo").disabled = $("back").disabled = past.length === 0;
  $("ask").hidden = !crop;
  $("done").hidden = Boolean(crop);
  if (!crop) {
    $("next").textContent = `${labelled} labels are in ${desk.file}. Next: host-trainer adapt --crops DIR --out BUNDLE`;
    return;
  }
  $("picture").src = `${address(crop)}/picture`;
  $("about").textContent = [crop.camera, crop.time, crop.id].filter(Boolean).join(" · ");
  const coming = waiting[1];
  if (coming) new Image().src = `${address(coming)}/picture`;
}

/** Sends a label, or takes one back with null. */
async function send(crop, label) {
  const body = JSON.stringify({ label });
  await ask(`${address(crop)}/label`, { method: "POST", body, headers: { "Content-Type": "application/json" } });
  if (label === null) delete desk.labels[crop.id];
  else desk.labels[crop.id] = label;
}

/** Runs one answer at a time: a key that is held down labels nothing unseen. */
async function once(work) {
  if (busy) return;
  busy = true;
  try {
    await work();
    trouble(null);
  } catch (error) {
    trouble(error);
  }
  busy = false;
  show();
}

function label(name) {
  return once(async () => {
    const [crop] = waiting;
    if (!crop) return;
    await send(crop, name);
    past.push(waiting.shift());
  });
}

function skip() {
  return once(async () => {
    if (waiting.length) past.push(waiting.shift());
  });
}

function undo() {
  return once(async () => {
    const crop = past.at(-1);
    if (!crop) return;
    if (crop.id in desk.labels) await send(crop, null);
    waiting.unshift(past.pop());
  });
}

function press(event) {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.toLowerCase();
  const place = KEYS.indexOf(key);
  const name = key.length === 1 && place >= 0 ? desk.classes[place] : undefined;
  if (name !== undefined) label(name);
  else if (key === "n") label(desk.not_a_vehicle);
  else if (key === "s") skip();
  else if (key === "z" || key === "backspace") undo();
  else return;
  event.preventDefault();
}

async function open() {
  try {
    desk = await ask("/api/crops");
  } catch (error) {
    $("count").textContent = "";
    trouble(error);
    return;
  }
  waiting = desk.crops.filter((crop) => !(crop.id in desk.labels));
  const buttons = desk.classes.map((name, place) =>
    make("button", { type: "button", class: "button", ".onclick": () => label(name) },
      KEYS[place] ? make("kbd", {}, KEYS[place]) : null, swatch(name), name));
  $("choices").replaceChildren(...buttons);
  $("nothing").onclick = () => label(desk.not_a_vehicle);
  $("skip").onclick = skip;
  $("undo").onclick = $("back").onclick = undo;
  document.addEventListener("keydown", press);
  show();
  document.body.dataset.ready = "true";
}

open();
