// The page's views and which of them is shown.

import * as classify from "./classify.js";
import * as runs from "./runs.js";
import * as webcam from "./webcam.js";
import { ask, percent, sentence } from "./show.js";

const $ = (id) => document.getElementById(id);
const VIEWS = ["classify", "runs", "run"];

function trouble(error) {
  $("trouble").textContent = error ? sentence(error.message) : "";
  $("trouble").hidden = !error;
}

/** Shows what the address asks for. `moved` is false when the page opens. */
async function route(moved) {
  const [, first, name] = location.hash.split("/");
  const view = first !== "runs" ? "classify" : name ? "run" : "runs";
  for (const other of VIEWS) $(other).hidden = other !== view;
  for (const link of document.querySelectorAll("[data-page]")) {
    const here = link.dataset.page === (view === "classify" ? "classify" : "runs");
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  trouble(null);
  try {
    if (view === "runs") await runs.list();
    if (view === "run") await runs.show(decodeURIComponent(name));
  } catch (error) {
    if (view === "run") $("run-body").replaceChildren();
    trouble(error);
  }
  const title = $(`${view}-title`);
  document.title = view === "classify" ? "Car colours" : `${title.textContent} · Car colours`;
  if (moved) {
    title.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
}

function introduce(facts) {
  const { model } = facts;
  const parts = [
    `Answered by ${model.title}, ${model.labels.length} classes`,
    model.accuracy ? `accuracy ${model.accuracy}` : null,
    `“unknown” below ${percent(model.reject_below)}`,
    model.source === "run" ? `temperature ${model.temperature.toFixed(2)}, ${model.calibration}` : null,
  ];
  $("model").textContent = sentence(parts.filter(Boolean).join("; "));
  $("program").textContent = `${facts.program}; ${model.source} ${model.origin}`;
}

async function open() {
  window.addEventListener("hashchange", () => route(true));
  const routed = route(false);
  try {
    const facts = await ask("/api/model");
    introduce(facts);
    classify.start(facts);
    webcam.start(facts);
    document.body.dataset.ready = "true";
  } catch (error) {
    trouble(error);
  }
  await routed;
}

open();
