// What GOV.UK Frontend and HTMX leave to the service: start the components, start them again in what was swapped in,
// and put the focus where a reader has to go on.
import { initAll } from "./vendor/govuk-frontend.min.js";

const markBody = () => document.body.classList.add("js-enabled", "govuk-frontend-supported");
markBody();
initAll();

document.addEventListener("htmx:after:swap", () => {
  markBody(); // going back replaces the whole body
  // What was there before is started already, and says so as an error: only what is new matters here.
  initAll({ scope: document.body, onError: () => {} });
  const next = document.querySelector("[data-wm-focus]") ?? nextToUpdate() ?? nextToTriage();
  if (!next) return;
  next.removeAttribute("data-wm-focus");
  next.focus();
  next.scrollIntoView({ block: "nearest" });
});

// After an update is saved, the reader goes on with the next one that is left: below it, else from the top, else the
// line that says that none is.
const nextToUpdate = () => {
  const saved = document.querySelector("[data-wm-saved]");
  if (!saved) return null;
  saved.removeAttribute("data-wm-saved");
  const left = [...document.querySelectorAll(".wm-update:not(.wm-update--saved)")];
  const below = left.find((one) => saved.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING);
  return (below ?? left[0])?.querySelector("h2") ?? document.getElementById("left");
};

// The inbox. Keys act while the focus is on a submission, never in a field (WCAG 2.1.4); what each does is a form that
// works without them.
const submissionOf = (element) => element?.closest?.(".wm-submission") ?? null;
const neighbour = (row, step) => {
  const rows = [...document.querySelectorAll(".wm-submission")];
  return rows[rows.indexOf(row) + step] ?? null;
};
const titleOf = (row) => row?.querySelector(".wm-submission__title a") ?? null;
const go = (row) => {
  titleOf(row)?.focus();
  row?.scrollIntoView({ block: "nearest" });
};
const open = (row) => {
  row.querySelector("details").open = true;
};
const choose = (row, outcome) => {
  const choice = row.querySelector(`.wm-triage__form input[value="${outcome}"]`);
  if (choice) choice.checked = true;
  return choice?.form;
};
const TRIAGE_KEYS = {
  j: (row) => go(neighbour(row, 1)),
  k: (row) => go(neighbour(row, -1)),
  o: open,
  l: (row) => choose(row, "logged")?.requestSubmit(),
  t: (row) => choose(row, "turned_into")?.requestSubmit(),
  m: (row) => choose(row, "misdirected")?.requestSubmit(),
  r: (row) => {
    open(row);
    choose(row, "returned")?.querySelector("textarea").focus();
  },
  p: (row) => {
    open(row);
    row.querySelector(".wm-triage__pass select")?.focus();
  },
  x: (row) => row.querySelector("input[name=chosen]")?.click(),
};
document.addEventListener("keydown", (event) => {
  const row = submissionOf(event.target);
  const act = TRIAGE_KEYS[event.key.toLowerCase()];
  const typing = event.target.matches?.("textarea, select, input:not([type=radio]):not([type=checkbox])");
  if (!row || !act || typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  event.preventDefault();
  act(row);
});

// After a submission has been triaged, the reader goes on with the next one, else with the one before it, else with the
// line that says what was done.
let afterTriage = null;
document.addEventListener("submit", (event) => {
  const row = submissionOf(event.target);
  if (row) afterTriage = neighbour(row, 1) ?? neighbour(row, -1);
});
const nextToTriage = () => {
  const done = document.querySelector("[data-wm-triaged]");
  if (!done) return null;
  done.removeAttribute("data-wm-triaged");
  return (afterTriage?.isConnected ? titleOf(afterTriage) : null) ?? done;
};

// A request that came back with nothing to show says so, rather than leave a button that does nothing.
const trouble = (event) => {
  const place = document.getElementById("trouble");
  if (!place) return;
  place.hidden = false;
  place.focus();
};
document.addEventListener("htmx:error", trouble);
document.addEventListener("htmx:response:error", (event) => {
  if (event.detail.ctx.response.raw.status >= 500) trouble(event);
});

// A page that somebody prints shows what its rows keep folded up.
addEventListener("beforeprint", () => {
  for (const story of document.querySelectorAll(".wm-exception .wm-story:not([open])")) {
    story.dataset.wmOpened = "";
    story.open = true;
  }
});
addEventListener("afterprint", () => {
  for (const story of document.querySelectorAll("[data-wm-opened]")) {
    story.removeAttribute("data-wm-opened");
    story.open = false;
  }
});
