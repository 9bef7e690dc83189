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
  const next = document.querySelector("[data-wm-focus]") ?? nextToUpdate();
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
