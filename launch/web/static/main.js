// Main: the tabs, the colours and the connection.

import { Link } from "./link.js";
import { Events } from "./events.js";
import { Live } from "./live.js";
import { Picture } from "./picture.js";

const byId = (id) => document.getElementById(id);
const tabs = [...document.querySelectorAll("[role=tab]")];

function open(tab) {
  for (const one of tabs) {
    const isOpen = one === tab;
    one.setAttribute("aria-selected", String(isOpen));
    one.tabIndex = isOpen ? 0 : -1;
    byId(one.getAttribute("aria-controls")).hidden = !isOpen;
  }
  history.replaceState(null, "", `#${tab.getAttribute("aria-controls")}`);
}

for (const tab of tabs) {
  tab.addEventListener("click", () => open(tab));
  tab.addEventListener("keydown", ({ key }) => {
    const shown = tabs.filter((one) => !one.hidden);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (!step) return;
    const next = shown[(shown.indexOf(tab) + step + shown.length) % shown.length];
    next.focus();
    open(next);
  });
}

const theme = byId("theme");
theme.value = localStorage.getItem("theme") ?? "";
const paint = () => (theme.value ? (document.documentElement.dataset.theme = theme.value) : delete document.documentElement.dataset.theme);
theme.addEventListener("change", () => {
  localStorage.setItem("theme", theme.value);
  paint();
});
paint();

// A text that stays the same is not written again, or screen readers would say it again.
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const link = new Link();
const connection = byId("connection");
const problem = byId("problem");
link.addEventListener("connected", () => write(connection, "connected"));
link.addEventListener("lost", async ({ detail }) => {
  write(connection, "no connection, trying again");
  connection.dataset.state = "lost";
  write(problem, detail.reason || "The page's server does not answer. This page goes on as soon as it does.");
  problem.hidden = false;
  const answer = await fetch("/", { method: "HEAD", redirect: "manual" }).catch(() => null);
  if (answer?.type === "opaqueredirect" || answer?.status === 401) location.assign("/login");
});
link.addEventListener("state", ({ detail: state }) => {
  const names = state.sources.length;
  write(connection, state.error ? "the node does not answer" : `${names} ${names === 1 ? "source" : "sources"}, ${state.viewers} watching`);
  connection.dataset.state = state.error ? "lost" : "good";
  problem.hidden = !state.error;
  write(problem, state.error ?? "");
  byId("node-name").textContent = state.node ?? state.sources[0]?.node ?? "";
});

const live = new Live(link);
new Events(link, live);
new Picture();
const wanted = tabs.find((tab) => `#${tab.getAttribute("aria-controls")}` === location.hash && !tab.hidden);
if (wanted) open(wanted);
