// Building blocks of the page: elements, numbers, colours, bars. Asks nothing of the server.

/** An element with attributes, properties (a name that starts with `.`) and children. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith(".")) element[name.slice(1)] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** An SVG element. */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const PAINT = {
  beige: "#d8c7a3", black: "#17181a", blue: "#2563c4", brown: "#7a4a2a", cyan: "#27b5c4",
  gold: "#c9a13b", gray: "#7d8288", green: "#2e8b3d", grey: "#7d8288", orange: "#ef7d1a",
  pink: "#f08db5", purple: "#7b3fa8", red: "#cf2a24", silver: "#c3c8ce", tan: "#c8a97e",
  white: "#ffffff", yellow: "#f3cf1f",
};

/** A round spot of a class's own paint; striped for what is no colour. */
export function swatch(label) {
  const spot = make("span", { class: "swatch", "aria-hidden": "true" });
  paint(spot, label);
  if (label === "unknown") spot.classList.add("none");
  return spot;
}

function paint(element, label) {
  const colour = PAINT[label.toLowerCase()];
  if (colour) element.style.setProperty("--swatch", colour);
}

/** A probability as people read it, on one line. */
export function percent(probability) {
  return `${(100 * probability).toFixed(1)}\u00a0%`;
}

/** A share as the trainer prints it. */
export function share(value) {
  return value === null || value === undefined ? "–" : value.toFixed(4);
}

/** Every class with a bar, in the order given. */
export function bars(ranked) {
  const rows = ranked.map(({ colour, score }) => {
    const fill = make("span", { class: "fill" });
    fill.style.setProperty("--share", `${100 * score}%`);
    paint(fill, colour);
    return make("li", {},
      make("span", { class: "label", title: colour }, colour),
      make("span", { class: "track", "aria-hidden": "true" }, fill),
      make("span", { class: "share", title: String(score) }, percent(score)));
  });
  return make("ol", { class: "bars", "aria-label": "Probability of each class" }, rows);
}

/** The answer in large letters, and what an "unknown" would have been. */
export function verdict(answer, rejectBelow) {
  const head = make("p", { class: "best" },
    swatch(answer.colour), make("span", {}, answer.colour),
    answer.reason ? null : make("span", { class: "share" }, percent(answer.score)));
  if (!answer.reason) return [head];
  const best = answer.ranked[0];
  return [head, make("p", { class: "unsure" },
    `Most likely ${best.colour}, but ${percent(best.score)} is below the ${percent(rejectBelow)} it takes.`)];
}

/** Asks the server; throws an Error with its own words. */
export async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The program behind this page does not answer. Is host-trainer serve still running?");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const error = new Error(answer.error ?? `The program answered with status ${response.status}.`);
  error.status = response.status;
  error.retrySeconds = Number(response.headers.get("Retry-After") ?? 1);
  throw error;
}

/** One sentence with a capital letter and a full stop. */
export function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
