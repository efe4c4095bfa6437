// Events as they come, and the state every two seconds.
"use strict";

const MOST_SHOWN = 30;
const byId = (id) => document.getElementById(id);

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

// Why a colour is unknown, for people.
const REASONS = {
  shape: "not a vehicle's shape here", small: "too small", dark: "too dark", blurred: "too blurred",
  disagree: "views disagree", unsure: "not sure enough", failed: "the network failed",
};
const ARROWS = { left: "←", right: "→", up: "↑", down: "↓" };

function painted(tag, className, colour) {
  // Hatched, because grey and silver are colours.
  const element = make(tag, colour === "unknown" ? `${className} hatched` : className);
  if (colour !== "unknown") element.style.background = paint(colour);
  return element;
}

const swatch = (colour) => painted("span", "swatch", colour);

function when(event) {
  if (event.time) return new Date(event.time).toLocaleTimeString();
  const s = Math.floor(event.last_t_ms / 1000);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")} into the recording`;
}

function show(event) {
  const item = make("li");
  const crop = make("img", "crop");
  crop.src = `crops/${event.sequence}.jpg`;
  crop.alt = "";
  crop.width = 88;
  crop.height = 58;
  crop.addEventListener("error", () => (crop.hidden = true));
  const text = make("div");
  const first = make("div");
  const score = event.reason ? `· ${REASONS[event.reason] ?? event.reason}` : percent(event.score);
  first.append(swatch(event.colour), make("span", "name", event.colour), ` ${score}`);
  const lane = event.lane === null ? null : event.lane_name ?? `lane ${event.lane}`;
  const way = ARROWS[event.direction] && `${ARROWS[event.direction]} ${event.direction}`;
  const wrong = event.wrong_way ? "wrong way" : null;
  const rest = [way, lane, when(event), wrong].filter(Boolean).join(" · ");
  text.append(first, make("div", "quiet small", rest));
  item.append(crop, text);
  const list = byId("events");
  list.querySelector(".none")?.remove();
  list.prepend(item);
  while (list.children.length > MOST_SHOWN) list.lastChild.remove();
}

function bar(name, parts, most) {
  const row = make("div", "bar");
  const rail = make("div", "rail");
  let total = 0;
  for (const [colour, count] of parts) {
    const fill = painted("span", "fill", colour);
    fill.style.width = `${(100 * count) / most}%`;
    fill.title = `${colour}: ${count}`;
    rail.append(fill);
    total += count;
  }
  row.append(name, rail, make("span", "number", String(total)));
  return row;
}

function showCounts(counts, hours) {
  const told = Object.entries(counts).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
  if (!told.length) {
    // So it is again after a start.
    byId("total").textContent = "";
    for (const name of ["counts", "hours"]) byId(name).replaceChildren(make("p", "quiet", "None yet"));
    return;
  }
  const total = told.reduce((sum, [, count]) => sum + count, 0);
  byId("total").textContent = `· ${total} since the start`;
  byId("counts").replaceChildren(...told.map(([colour, count]) => {
    const name = make("span");
    name.append(swatch(colour), colour);
    return bar(name, [[colour, count]], told[0][1]);
  }));
  const sum = (hour) => Object.values(hour.counts).reduce((a, b) => a + b, 0);
  const most = Math.max(...hours.map(sum));
  byId("hours").replaceChildren(...hours.toReversed().map((hour) => {
    const date = new Date(hour.hour * 3600000);
    const format = { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    const name = make("span", "", date.toLocaleTimeString([], format));
    return bar(name, Object.entries(hour.counts).sort((a, b) => b[1] - a[1]), most);
  }));
}

function span(seconds) {
  const [d, h, m] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (d) return `${d} d ${h} h`;
  return h ? `${h} h ${m} min` : m ? `${m} min` : `${Math.floor(seconds)} s`;
}

const size = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(0)} MB`);

function facts(state) {
  const { camera, host } = state;
  const rows = [];
  const add = (name, text, bad) => rows.push(make("dt", "", name), make("dd", bad ? "bad" : "", text));
  const lost = camera.losses ? `, lost ${camera.losses} times` : "";
  const [width, height] = camera.size_px;
  add("Camera", camera.up ? `${width} × ${height}${lost}` : camera.problem, !camera.up);
  add("Frames", `${camera.frames.toLocaleString()} (${camera.dropped.toLocaleString()} dropped), ${state.frame_ms.toFixed(1)} ms each`);
  for (const sink of state.sinks) {
    const parts = [`${sink.delivered.toLocaleString()} delivered`];
    if (sink.waiting) parts.push(`${sink.waiting} waiting`);
    if (sink.spooled) parts.push(`${sink.spooled} on disk`);
    if (sink.lost) parts.push(`${sink.lost} lost`);
    if (sink.closed) parts.push("its reader went away");
    add("Events to", `${sink.name}: ${parts.join(", ")}`, sink.lost > 0 || sink.closed);
  }
  for (const [folder, free, all] of host.disks) {
    add("Disk", `${folder}: ${size(free)} free of ${size(all)}`, free < 0.05 * all);
  }
  add("Clock", state.clock_synced ? "follows a time server" : "follows no time server", !state.clock_synced);
  for (const [, kind, celsius] of host.temperatures) add("Temperature", `${kind} ${celsius.toFixed(1)} °C`, celsius >= 80);
  const complaints = host.throttled.filter(([, now, ever]) => now || ever);
  for (const [what, now] of complaints) add("Power", `${what.replaceAll("_", " ")} ${now ? "now" : "since its start"}`, now);
  if (host.resident_bytes) add("Memory", `${size(host.resident_bytes)}, ${host.descriptors} descriptors`);
  add("Running", span(state.uptime_s));
  return rows;
}

async function refresh() {
  const health = byId("health");
  try {
    const answer = await fetch("state");
    if (!answer.ok) throw new Error((await answer.text()).trim());
    const state = await answer.json();
    live.scene = state.scene;
    live.gap = state.live_gap_ms;
    byId("camera").textContent = state.camera.name;
    document.title = `${state.camera.name} · car colours`;
    health.textContent = state.camera.up ? "Frames come" : state.camera.problem;
    health.className = `pill ${state.camera.up ? "good" : "bad"}`;
    byId("state").replaceChildren(...facts(state));
    byId("build").textContent = `edge-agent ${state.version}, bundle ${state.bundle}`;
    showCounts(state.counts, state.hours);
  } catch {
    health.textContent = "The agent does not answer";
    health.className = "pill bad";
  }
  setTimeout(refresh, 2000);
}

// By their ids: an agent that was started again counts from one.
const shown = new Set();

function fresh(event) {
  if (shown.has(event.id)) return;
  shown.add(event.id);
  if (shown.size > 4 * MOST_SHOWN) shown.delete(shown.values().next().value);
  show(event);
}

async function begin() {
  // Those of before first, then what comes; what comes in between is told by both.
  const stream = new EventSource("events/stream");
  const early = [];
  let take = (event) => early.push(event);
  stream.onmessage = (message) => take(JSON.parse(message.data));
  stream.onerror = () => {
    // The browser comes back by itself after a broken connection, not after a refusal, such as
    // while others have all places.
    if (stream.readyState === EventSource.CLOSED) setTimeout(begin, 2000);
  };
  try {
    const answer = await fetch(`events?n=${MOST_SHOWN}`);
    for (const event of await answer.json()) fresh(event);
  } catch {
    // The stream connects again.
  }
  early.forEach(fresh);
  take = fresh;
}

begin();
refresh();
