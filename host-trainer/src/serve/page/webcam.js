// Live classification of the webcam, a few pictures a second, one request at a time.

import { bars, make, sentence, verdict } from "./show.js";
import { classify } from "./classify.js";

/** Least time from one picture to the next, milliseconds. */
const PERIOD = 250;
/** Longest side of a picture that is sent, pixels. */
const LONGEST = 640;

const $ = (id) => document.getElementById(id);

/** Sets up the webcam's part of the page. `facts` is what /api/model said. */
export function start(facts) {
  const video = $("webcam-video");
  const canvas = document.createElement("canvas");
  let live = null;

  async function begin() {
    if (live) return;
    const session = { stream: null, abort: new AbortController(), times: [], count: 0 };
    live = session;
    show();
    $("webcam-stop").focus();
    $("webcam-answer").replaceChildren(make("p", { class: "quiet" }, "Waiting for the first picture …"));
    try {
      if (!navigator.mediaDevices?.getUserMedia) {
        throw new Error("The browser gives the webcam only to pages of this machine (localhost) or over HTTPS.");
      }
      const wanted = { video: { facingMode: "environment", width: { ideal: 1280 } }, audio: false };
      session.stream = await navigator.mediaDevices.getUserMedia(wanted);
      if (live !== session) return release(session);
      session.stream.getVideoTracks()[0]?.addEventListener("ended", () => {
        if (live === session) fail(new Error("The webcam was unplugged or taken away."));
      });
      video.srcObject = session.stream;
      await video.play();
      while (live === session) await once(session);
    } catch (error) {
      if (live === session) fail(error);
    }
  }

  async function once(session) {
    const begun = performance.now();
    if (!document.hidden && video.videoWidth > 0) {
      const answer = await classify(await picture(), session.abort.signal);
      if (live !== session) return;
      session.times = [...session.times.slice(-8), performance.now()];
      session.count += 1;
      tell(session, answer);
    }
    const rest = Math.max(0, PERIOD - (performance.now() - begun));
    await new Promise((wake) => setTimeout(wake, rest));
  }

  /** The video's picture of this moment as a JPEG. */
  function picture() {
    const scale = Math.min(1, LONGEST / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
    return new Promise((give, refuse) => {
      const ready = (blob) => (blob ? give(blob) : refuse(new Error("The browser gave no picture.")));
      canvas.toBlob(ready, "image/jpeg", 0.95);
    });
  }

  function tell(session, answer) {
    const span = session.times.at(-1) - session.times[0];
    const rate = span > 0 ? `${(1000 * (session.times.length - 1) / span).toFixed(1)} pictures a second, ` : "";
    $("webcam-answer").replaceChildren(...verdict(answer, facts.model.reject_below), bars(answer.ranked),
      make("p", { class: "quiet small" }, `${rate}${answer.milliseconds.toFixed(1)} ms each`));
    $("webcam").dataset.pictures = String(session.count);
  }

  function fail(error) {
    const reasons = {
      NotAllowedError: "The browser was not allowed to use the webcam. Allow it in the browser's settings for this page.",
      NotFoundError: "The browser finds no webcam.",
      NotReadableError: "Another program is using the webcam.",
    };
    end();
    show(true);
    const text = reasons[error.name] ?? sentence(error.message);
    $("webcam-answer").replaceChildren(make("p", { class: "notice bad", role: "alert" }, text));
  }

  function end() {
    if (live) release(live);
    live = null;
    video.srcObject = null;
    show();
  }

  function release(session) {
    session.abort.abort();
    session.stream?.getTracks().forEach((track) => track.stop());
  }

  function show(failed = false) {
    $("webcam").hidden = !live && !failed;
    $("webcam").querySelector(".webcam-picture").hidden = failed;
    $("webcam-start").disabled = live !== null;
    $("webcam-stop").textContent = failed ? "Close" : "Stop";
  }

  $("webcam-start").addEventListener("click", begin);
  $("webcam-stop").addEventListener("click", () => {
    end();
    $("webcam-start").focus();
  });
  window.addEventListener("hashchange", () => {
    if (live && $("classify").hidden) end();
  });
  window.addEventListener("pagehide", end);
}
