// Dropped, picked and pasted pictures: one card for each, a few requests at a time.

import { ask, bars, make, percent, sentence, verdict } from "./show.js";

/** Requests under way at one time. */
const AT_ONCE = 3;
/** How often a picture is sent again while the program is busy. */
const ATTEMPTS = 30;

const $ = (id) => document.getElementById(id);

/** Asks for one picture; waits and asks again while the program is busy. */
export async function classify(picture, signal) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask("/api/classify", { method: "POST", body: picture, signal });
    } catch (error) {
      if (error.status !== 503 || attempt === ATTEMPTS) throw error;
      await new Promise((wake) => setTimeout(wake, 1000 * error.retrySeconds));
    }
  }
}

/** Sets up the page's first view. `facts` is what /api/model said. */
export function start(facts) {
  const queue = [];
  let running = 0;
  let done = 0;
  let total = 0;
  let generation = 0;

  function add(files) {
    const pictures = [...files];
    if (pictures.length === 0) return;
    $("results").hidden = false;
    for (const file of pictures) {
      const job = { file, card: waiting(file), generation };
      $("cards").append(job.card);
      queue.push(job);
    }
    total += pictures.length;
    tell();
    work();
  }

  function work() {
    while (running < AT_ONCE && queue.length > 0) {
      running += 1;
      settle(queue.shift()).finally(() => {
        running -= 1;
        work();
      });
    }
  }

  async function settle(job) {
    let spoken;
    try {
      const answer = await send(job.file);
      finish(job, answered(answer));
      spoken = answer.reason
        ? `${job.file.name}: unknown, most likely ${answer.ranked[0].colour}`
        : `${job.file.name}: ${answer.colour}, ${percent(answer.score)}`;
    } catch (error) {
      refuse(job, error.message);
      spoken = `${job.file.name}: ${error.message}`;
    }
    if (job.generation !== generation) return;
    done += 1;
    $("spoken").textContent = spoken;
    tell();
  }

  async function send(file) {
    if (file.size === 0) throw new Error("the file is empty");
    if (file.size > facts.max_upload_bytes) {
      throw new Error(`it is larger than ${facts.max_upload_bytes / 2 ** 20} MiB, the most that is read`);
    }
    // Read first: a folder or a file that has gone is told apart from a program that has gone.
    const bytes = await file.arrayBuffer().catch(() => {
      throw new Error("the browser cannot read it; is it a folder, or was it moved?");
    });
    return classify(new Blob([bytes]));
  }

  function waiting(file) {
    const thumb = make("img", { class: "thumb", alt: "", ".src": URL.createObjectURL(file) });
    return make("li", { class: "card waiting" }, thumb,
      make("div", { class: "card-body" },
        make("p", { class: "file", title: file.name }, file.name),
        make("p", { class: "quiet" }, "Waiting …")));
  }

  function answered(answer) {
    const facts_ = `${answer.width} × ${answer.height} pixels, ${answer.milliseconds.toFixed(1)} ms`;
    return [...verdict(answer, facts.model.reject_below), bars(answer.ranked),
      make("p", { class: "quiet small" }, facts_)];
  }

  function finish(job, content) {
    job.card.classList.remove("waiting");
    const name = make("p", { class: "file", title: job.file.name }, job.file.name);
    job.card.querySelector(".card-body").replaceChildren(name, ...content);
  }

  function refuse(job, message) {
    finish(job, [make("p", { class: "reason" }, sentence(message))]);
    job.card.classList.add("refused");
    release(job.card);
    job.card.querySelector(".thumb").replaceWith(
      make("div", { class: "thumb none", "aria-hidden": "true" }, "!"));
  }

  function release(card) {
    const picture = card.querySelector("img.thumb");
    if (picture) URL.revokeObjectURL(picture.src);
  }

  function tell() {
    $("progress").textContent = done < total ? `${done} of ${total}` : `${total} ${total === 1 ? "picture" : "pictures"}`;
    $("results").dataset.done = String(done === total);
  }

  function clear() {
    [...$("cards").children].forEach(release);
    $("cards").replaceChildren();
    $("results").hidden = true;
    $("spoken").textContent = "";
    queue.length = 0;
    done = 0;
    total = 0;
    generation += 1;
    $("files").focus();
  }

  $("files").addEventListener("change", (event) => {
    add(event.target.files);
    // The same file may be picked again.
    event.target.value = "";
  });
  $("clear").addEventListener("click", clear);
  document.addEventListener("paste", (event) => {
    if (!$("classify").hidden) add(event.clipboardData?.files ?? []);
  });
  // On the whole window: a picture dropped beside the frame would replace the page.
  let depth = 0;
  const over = (change) => {
    depth = change === 0 ? 0 : Math.max(0, depth + change);
    $("drop").classList.toggle("over", depth > 0);
  };
  window.addEventListener("dragenter", () => over(1));
  window.addEventListener("dragleave", () => over(-1));
  window.addEventListener("dragover", (event) => event.preventDefault());
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    over(0);
    if (!$("classify").hidden) add(event.dataTransfer?.files ?? []);
  });
}
