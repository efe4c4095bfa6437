// The live picture: asks for one after the other, and draws what is known of it on top.
"use strict";

const PAINT = {
  black: "#26282b", blue: "#2456c8", brown: "#7a4a25", green: "#23803f", grey: "#84888d",
  orange: "#f07d17", pink: "#ee7fb2", purple: "#7a3da8", red: "#cf2424", silver: "#c3c8cd",
  white: "#fbfbfb", yellow: "#f2cb1d", gold: "#c9a227", unknown: "#9aa0a6",
};
// A bundle may have any colours: what the browser knows by that name is painted so.
const paint = (colour) => PAINT[colour] ?? (CSS.supports("color", colour) ? colour : PAINT.unknown);
const percent = (score) => `${Math.round(score * 100)} %`;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

const live = { scene: {}, gap: 200, paused: false };

function outline(pen, corners, colour, dash) {
  if (!corners?.length) return;
  pen.beginPath();
  corners.forEach(([x, y], index) => (index ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.closePath();
  pen.setLineDash(dash);
  pen.strokeStyle = colour;
  pen.stroke();
  pen.setLineDash([]);
}

const corners = ({ x, y, width, height }) =>
  [[x, y], [x + width, y], [x + width, y + height], [x, y + height]];

function label(pen, text, x, y, size, ground) {
  pen.font = `600 ${size}px system-ui, sans-serif`;
  const width = pen.measureText(text).width + size * 0.8;
  const left = Math.max(0, Math.min(x, pen.canvas.width - width));
  const top = y < size * 1.5 ? y + 2 : y - size * 1.5;
  pen.fillStyle = ground;
  pen.fillRect(left, top, width, size * 1.5);
  pen.fillStyle = "#fff";
  pen.fillText(text, left + size * 0.4, top + size * 1.1);
}

function draw(canvas, picture, told) {
  canvas.width = told.width;
  canvas.height = told.height;
  const pen = canvas.getContext("2d");
  pen.drawImage(picture, 0, 0, told.width, told.height);
  // Lines and letters keep their size on the screen, whatever the picture's is.
  const unit = told.width / Math.max(1, canvas.clientWidth);
  pen.lineWidth = 1.5 * unit;
  outline(pen, live.scene.region_px, "#ffe27a", [8 * unit, 6 * unit]);
  for (const rect of live.scene.ignore_px ?? []) outline(pen, corners(rect), "#ff9d8a", [3 * unit, 4 * unit]);
  if (live.scene.place_px) outline(pen, corners(live.scene.place_px), "#ffe27a", [8 * unit, 6 * unit]);
  for (const lane of live.scene.lanes ?? []) {
    outline(pen, lane.polygon_px, "#7fd4ff", [8 * unit, 6 * unit]);
    const [x, y] = lane.polygon_px[0];
    label(pen, lane.name ?? `lane ${lane.number}`, x, y + 20 * unit, 11 * unit, "rgb(10 60 90 / 0.75)");
  }
  for (const { box, colour, score } of told.tracks) {
    pen.lineWidth = 5 * unit;
    pen.strokeStyle = "rgb(0 0 0 / 0.55)";
    pen.strokeRect(box.x, box.y, box.width, box.height);
    pen.lineWidth = 3 * unit;
    pen.strokeStyle = colour ? paint(colour) : "#ffffff";
    pen.strokeRect(box.x, box.y, box.width, box.height);
    if (colour) label(pen, `${colour} ${percent(score)}`, box.x, box.y, 13 * unit, "rgb(0 0 0 / 0.75)");
  }
}

async function watch() {
  const canvas = document.getElementById("picture");
  const away = document.getElementById("away");
  const now = document.getElementById("now");
  const pause = document.getElementById("pause");
  pause.addEventListener("click", () => {
    live.paused = !live.paused;
    pause.textContent = live.paused ? "Go on" : "Pause";
    pause.setAttribute("aria-pressed", String(live.paused));
  });
  for (;;) {
    if (live.paused || document.hidden) {
      if (live.paused) now.textContent = "Paused";
      await sleep(200);
      continue;
    }
    const begun = performance.now();
    try {
      const answer = await fetch("live.jpg");
      if (!answer.ok) throw new Error((await answer.text()).trim());
      const told = JSON.parse(answer.headers.get("x-live"));
      const picture = await createImageBitmap(await answer.blob());
      draw(canvas, picture, told);
      picture.close();
      away.hidden = true;
      document.documentElement.dataset.frame = told.frame;
      const seen = told.tracks.map(({ colour, score }) => (colour ? `${colour} ${percent(score)}` : "vehicle"));
      now.textContent = seen.length ? `In the picture: ${seen.join(", ")}` : "No vehicle in the picture";
    } catch (error) {
      away.textContent = error instanceof TypeError ? "The agent does not answer" : error.message;
      away.hidden = false;
      await sleep(1000);
    }
    await sleep(Math.max(20, live.gap - (performance.now() - begun)));
  }
}

watch();
