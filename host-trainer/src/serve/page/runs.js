// The list of runs and a run's own view: numbers, curve, plots, report, mistakes.

import { ask, bars, draw, make, percent, sentence, share, swatch } from "./show.js";

/** Pictures that the gallery asks for at a time. */
const AT_ONCE = 60;
/** Pairs of classes shown as buttons. */
const PAIRS = 10;

const $ = (id) => document.getElementById(id);
const path = (name) => `/api/runs/${encodeURIComponent(name)}`;

/** Shows the list. */
export async function list() {
  const { folder, runs } = await ask("/api/runs");
  $("runs-place").textContent = folder;
  if (runs.length === 0) {
    $("runs-list").replaceChildren(make("p", { class: "notice" },
      "There are no runs yet. host-trainer train makes one."));
    return;
  }
  $("runs-list").replaceChildren(make("ul", { class: "run-list" }, runs.map(row)));
}

function row(run) {
  if (run.problem) {
    return make("li", {}, make("div", { class: "card run-card" }, make("div", {},
      make("span", { class: "run-name" }, `Run ${run.name}`),
      make("p", { class: "quiet small" }, sentence(`It cannot be shown: ${run.problem}`)))));
  }
  return make("li", {}, make("a", { class: "card run-card", href: `#/runs/${encodeURIComponent(run.name)}` },
    make("div", {},
      make("span", { class: "run-name" }, `Run ${run.name}`),
      make("p", { class: "quiet small" }, `${run.model}: ${run.recipe}`)),
    make("dl", { class: "numbers" },
      number("accuracy", share(run.accuracy)),
      number("macro F1", share(run.macro_f1)),
      number("best epoch", epoch(run)))));
}

function number(name, value) {
  return make("div", {}, make("dt", {}, name), make("dd", {}, value));
}

function epoch(run) {
  return run.best_epoch ? `${run.best_epoch} of ${run.epochs}` : "none yet";
}

/** Shows one run. */
export async function show(name) {
  $("run-title").textContent = `Run ${name}`;
  $("run-body").replaceChildren(make("p", { class: "quiet" }, "Loading …"));
  const run = await ask(path(name));
  const body = [facts(run)];
  if (run.report) {
    body.push(make("p", { class: "block" }, make("a", {
      class: "button", href: `${path(name)}/report.html`, target: "_blank", rel: "noopener",
    }, "Open the full report")));
  }
  if (run.epochs_done.length > 1) body.push(curve(run));
  if (run.plots.length > 0) body.push(plots(name, run.plots));
  const gallery = make("section", { class: "block", "aria-labelledby": "mistakes-title" });
  body.push(gallery);
  $("run-body").replaceChildren(...body);
  if (run.answers) await mistakes(gallery, name, run.classes);
  else {
    gallery.append(make("h2", { id: "mistakes-title" }, "Mistakes"), make("p", { class: "notice" },
      "This run has no answers.jsonl, the list of what each held-out picture was taken for; host-trainer report makes it."));
  }
}

function facts(run) {
  const fact = (name, value, width) =>
    make("div", { class: width }, make("dt", {}, name), make("dd", {}, value));
  return make("dl", { class: "card facts" },
    fact("Validation accuracy", share(run.accuracy)),
    fact("Macro F1", share(run.macro_f1)),
    fact("Best epoch", epoch(run)),
    fact("Network", run.model.replaceAll("_", "_\u200b")),
    fact("Input", `${run.input} pixels`),
    fact("Training pictures", String(run.pictures)),
    fact("Recipe", run.recipe, "wide"),
    fact("Weights to start from", run.pretrained, "wide"),
    fact(`Classes (${run.classes.length})`, run.classes.join(", "), "wide"));
}

/** Accuracy over the epochs. */
function curve(run) {
  // Drawn at the size it will have, so that its letters are as large as the page's.
  const width = Math.max(280, $("run-body").clientWidth - 32);
  const height = width < 500 ? 200 : 260;
  const edge = { left: 44, right: 12, top: 10, bottom: 28 };
  const epochs = run.epochs_done;
  const values = epochs.flatMap((e) => [e.train_accuracy, e.valid_accuracy]);
  const low = Math.floor(10 * Math.min(...values)) / 10;
  const last = epochs.at(-1).epoch;
  const x = (e) => edge.left + (width - edge.left - edge.right) * (e - 1) / Math.max(1, last - 1);
  const y = (v) => height - edge.bottom - (height - edge.top - edge.bottom) * (v - low) / Math.max(0.1, 1 - low);
  const line = (of, name) => draw("polyline", {
    class: name, points: epochs.map((e) => `${x(e.epoch).toFixed(1)},${y(e[of]).toFixed(1)}`).join(" "),
  });
  const chart = draw("svg", {
    viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `Accuracy over ${last} epochs; validation ends at ${share(epochs.at(-1).valid_accuracy)}`,
  });
  const steps = 5;
  for (let step = 0; step <= steps; step += 1) {
    const value = low + (1 - low) * step / steps;
    chart.append(
      draw("line", { class: "grid", x1: edge.left, x2: width - edge.right, y1: y(value), y2: y(value) }),
      draw("text", { x: edge.left - 8, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(2)));
  }
  const every = Math.max(1, Math.ceil(last / 10));
  for (let e = 1; e <= last; e += every) {
    chart.append(draw("text", { x: x(e), y: height - 8, "text-anchor": "middle" }, String(e)));
  }
  chart.append(line("train_accuracy", "line-train"), line("valid_accuracy", "line-valid"));
  const best = epochs.find((e) => e.epoch === run.best_epoch);
  if (best) chart.append(draw("circle", { cx: x(best.epoch), cy: y(best.valid_accuracy), r: 5 }));
  const key = (name, text) => make("span", {},
    draw("svg", { viewBox: "0 0 32 8", "aria-hidden": "true" }, draw("polyline", { class: name, points: "1,4 31,4" })), text);
  return make("section", { class: "block", "aria-labelledby": "curve-title" },
    make("h2", { id: "curve-title" }, "Accuracy by epoch"),
    make("div", { class: "card chart" }, chart, make("p", { class: "legend" },
      key("line-valid", "validation pictures"), key("line-train", "training pictures, changed at random"))));
}

function plots(name, names) {
  const one = (plot) => {
    const source = `${path(name)}/plots/${encodeURIComponent(plot)}`;
    const title = plot.replace(/\.svg$/, "").replaceAll(/[_-]+/g, " ");
    return make("li", { class: "card" },
      make("a", { href: source, target: "_blank", rel: "noopener" },
        make("img", { src: source, alt: `Plot: ${title}`, loading: "lazy" })),
      make("p", {}, title));
  };
  return make("section", { class: "block", "aria-labelledby": "plots-title" },
    make("h2", { id: "plots-title" }, "Plots"), make("ul", { class: "plots" }, names.map(one)));
}

/** The gallery with its filters. */
async function mistakes(section, name, classes) {
  const wanted = { show: "wrong", order: "sure", truth: "", answer: "", part: "" };
  const summary = make("p", { class: "quiet" });
  const chips = make("ul", { class: "chips", "aria-label": "Most frequent mistakes" });
  const pictures = make("ul", { class: "gallery" });
  const more = make("button", { class: "button more", type: "button", hidden: true }, "Show more");
  const selects = {};
  let latest = 0;

  const select = (key, label, options) => {
    selects[key] = make("select", {}, options.map(([value, text]) => make("option", { value }, text)));
    selects[key].addEventListener("change", () => {
      wanted[key] = selects[key].value;
      refresh();
    });
    return make("label", { class: "field" }, label, selects[key]);
  };
  const anyClass = [["", "any"], ...classes.map((label) => [label, label])];
  const filters = make("div", { class: "filters", role: "group", "aria-label": "Filter" },
    select("show", "Show", [["wrong", "mistakes"], ["right", "right answers"], ["all", "both"]]),
    select("truth", "True class", anyClass),
    select("answer", "Taken for", anyClass),
    select("part", "Part", [["", "all held out"]]),
    select("order", "Order", [["sure", "most confident first"], ["unsure", "least confident first"]]));
  section.append(make("h2", { id: "mistakes-title" }, "Mistakes"), summary, chips, filters, pictures, more);

  async function refresh(offset = 0) {
    latest += 1;
    const mine = latest;
    const query = new URLSearchParams({ offset: String(offset), limit: String(AT_ONCE) });
    for (const [key, value] of Object.entries(wanted)) if (value) query.set(key, value);
    let found;
    try {
      found = await ask(`${path(name)}/answers?${query}`);
    } catch (error) {
      summary.textContent = sentence(error.message);
      return;
    }
    // A later choice may have been answered first.
    if (mine !== latest) return;
    if (offset === 0) pictures.replaceChildren();
    pictures.append(...found.answers.map((answer) => picture(name, answer)));
    const held = `${found.mistakes} of ${found.pictures} held-out pictures are mistakes.`;
    const all = wanted.show === "wrong" && found.found === found.mistakes;
    summary.textContent = all ? held : `${held} ${found.found} pass the filter.`;
    more.hidden = offset + found.answers.length >= found.found;
    more.onclick = () => refresh(offset + found.answers.length);
    if (selects.part.length === 1) selects.part.append(...found.parts.map((part) => make("option", { value: part }, part)));
    chips.replaceChildren(...found.confused.slice(0, PAIRS).map(chip));
    section.dataset.found = String(found.found);
  }

  function chip({ truth, answer, count }) {
    const pressed = wanted.truth === truth && wanted.answer === answer;
    const button = make("button", { class: "chip", type: "button", "aria-pressed": String(pressed) },
      swatch(truth), truth, make("span", { "aria-label": "taken for" }, "→"), swatch(answer), answer,
      make("span", { class: "count", title: `${count} times` }, String(count)));
    button.addEventListener("click", () => {
      Object.assign(wanted, pressed ? { truth: "", answer: "" } : { show: "wrong", truth, answer });
      for (const key of ["show", "truth", "answer"]) selects[key].value = wanted[key];
      refresh();
    });
    return make("li", {}, button);
  }

  await refresh();
}

function picture(name, answer) {
  const query = new URLSearchParams({ part: answer.part, path: answer.path });
  const source = `${path(name)}/picture?${query}`;
  const image = make("img", { class: "thumb", src: source, loading: "lazy", alt: `A ${answer.truth} car` });
  image.addEventListener("error", () => image.replaceWith(
    make("div", { class: "thumb gone" }, "The picture is no longer there.")));
  const of = (label) => answer.ranked.find((ranked) => ranked.colour === label)?.score ?? 0;
  const line = (label, kind) => [swatch(label),
    make("span", { class: kind }, kind === "is" ? `is ${label}` : label),
    make("span", { class: "share" }, percent(of(label)))];
  const right = answer.truth === answer.answer;
  const details = make("details", {}, make("summary", { class: "small quiet" }, "All classes"));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(bars(answer.ranked));
  });
  return make("li", { class: "card" }, image, make("div", { class: "card-body" },
    make("div", { class: "pair" },
      line(answer.answer, "said"),
      right ? [] : line(answer.truth, "is")),
    make("p", { class: "file", title: answer.path }, answer.path), details));
}
