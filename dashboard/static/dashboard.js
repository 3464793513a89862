// Niceties alone: every page is whole without this file.
"use strict";

// A choice is shown at once; the button stays for those who want it.
for (const form of document.querySelectorAll("[data-filters]")) {
  form.addEventListener("change", () => {
    if (form.reportValidity()) form.requestSubmit();
  });
}

// What a mark says to a screen reader, it says to a pointer too.
const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
tip.setAttribute("aria-hidden", "true");
document.body.append(tip);
function show(event) {
  const mark = event.target.closest ? event.target.closest("svg [aria-label]") : null;
  tip.hidden = !mark;
  if (!mark) return;
  tip.textContent = mark.getAttribute("aria-label");
  const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
  tip.style.left = Math.max(8, Math.min(event.clientX + 14, room)) + "px";
  tip.style.top = Math.max(8, event.clientY - tip.offsetHeight - 12) + "px";
}
document.addEventListener("pointermove", show, { passive: true });
document.addEventListener("pointerleave", () => { tip.hidden = true; });
document.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true, capture: true });

// New data is told of, and never put under a reader's eyes unasked.
const seen = document.body.dataset.release;
async function look() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/release.json", { cache: "no-store" });
    if (!answer.ok) return;
    const { release } = await answer.json();
    const notice = document.querySelector("[data-new-release]");
    if (release !== null && String(release) !== seen && notice.hidden) {
      notice.querySelector("a").href = location.href;
      notice.hidden = false;
    }
  } catch {
    // The server is away; the next look may find it.
  }
}
setInterval(look, 15000);
document.addEventListener("visibilitychange", look);
